"""Files: replaced whole or not at all, opened only where they are files; pictures come back as they were encoded."""

import base64
import hashlib
import os

import numpy as np
import pytest

from mat_core.data.image_encoding import data_uri, encode_jpeg, encode_png
from mat_core.data.image_loading import load_image
from mat_core.errors import BundleError
from mat_core.inference.bundle import find_bundles, read_config, read_metrics, write_metrics
from mat_core.utils.files import TooLargeError, atomic_write, open_regular, read_file, sha256_of
from teaching.phantoms import make_phantom


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path):
    path = tmp_path / "figures.json"
    atomic_write(path, lambda partial: partial.write_text("old"))

    def fail(partial):
        partial.write_text("half")
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        atomic_write(path, fail)
    assert path.read_text() == "old"
    atomic_write(path, lambda partial: partial.write_text("new"))
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_only_files_are_opened(tmp_path):
    path, link, pipe = (tmp_path / name for name in ("file", "link", "pipe"))
    path.write_bytes(b"12345")
    link.symlink_to(path)
    os.mkfifo(pipe)
    assert read_file(link, 5) == b"12345"
    with pytest.raises(TooLargeError):
        read_file(path, 4)
    with open_regular(path, follow=False) as file:
        assert file.read() == b"12345"
    for wrong, follow, says in (
        (link, False, "regular"), (pipe, True, "regular"), (pipe, False, "regular"), (tmp_path, True, "folder"),
        (tmp_path / "none", True, "No such file"),
    ):  # fmt: skip
        with pytest.raises(OSError, match=says):
            open_regular(wrong, follow)
    assert sha256_of(path) == hashlib.sha256(b"12345").hexdigest()


def test_encoded_images_come_back():
    image, mask = make_phantom(1, "mel").image, make_phantom(1, "mel").mask * 255
    assert np.array_equal(load_image(encode_png(image)), image)
    assert np.array_equal(load_image(encode_png(mask))[..., 0], mask)
    fine, coarse = encode_jpeg(image, 95), encode_jpeg(image, 20)
    assert len(coarse) < len(fine)
    assert np.abs(load_image(fine).astype(int) - image).mean() < 3  # and not with red and blue changed
    head, data = data_uri(coarse, "jpeg").split(",")
    assert head == "data:image/jpeg;base64"
    assert base64.b64decode(data) == coarse


def test_bundles_are_found_and_their_figures_replaced(tiny_bundle, tmp_path):
    for name in ("b", "a"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_bytes((tiny_bundle / "config.json").read_bytes())
    (tmp_path / "stranger").mkdir()
    assert find_bundles(tmp_path) == [tmp_path / "a", tmp_path / "b"]
    assert find_bundles(tmp_path / "nowhere") == []
    assert read_config(tmp_path / "a")["name"] == "tiny random bundle"
    assert read_metrics(tmp_path / "a") == {}
    with pytest.raises(BundleError, match=r"metrics\.json"):
        read_metrics(tmp_path / "a", needed=True)
    write_metrics(tmp_path / "a", {"test": {"images": 3}})
    assert read_metrics(tmp_path / "a") == {"test": {"images": 3}}
