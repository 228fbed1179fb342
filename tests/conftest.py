"""Shared fixtures: a bundle of random weights that loads in a moment, a phantom on disk, and the app as a process."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import pytest
import torch

from mat_core import Diagnoser, MATConfig, MATNetwork
from mat_core.bundle import Bundle, load_bundle, save_bundle
from mat_core.detectors.torchvision import DetectorConfig, TorchvisionDetector
from mat_core.metadata import Vocabulary, closed_vocabulary
from mat_core.phantoms import make_phantom

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory) -> Path:
    """The folder of an SGA-SGA bundle, d = 32, 4 heads, 40 regions of 24 numbers; the same random weights each time."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        detector = TorchvisionDetector(
            DetectorConfig(
                short_side=120, long_side=160, pyramid_width=16, pool=3, feature_width=20, proposals=80, n=40
            )
        ).eval()
        vocabulary = Vocabulary(closed_vocabulary())
        network = MATNetwork(
            MATConfig(
                d=32, h=4, n=40, region_width=detector.feature_width + 4, word_width=8, vocabulary=len(vocabulary)
            )
        ).eval()
    folder = tmp_path_factory.mktemp("bundles") / "tiny"
    notes = {"attribution": "made up by tests/conftest.py"}
    return save_bundle(Bundle(network, detector, vocabulary, name="tiny random bundle", notes=notes), folder)


@pytest.fixture(scope="session")
def tiny_diagnoser(tiny_bundle) -> Diagnoser:
    """The Diagnoser of `tiny_bundle`; it is shared, so a test that changes it takes its own."""
    return Diagnoser(load_bundle(tiny_bundle))


@pytest.fixture(scope="session")
def phantom_file(tmp_path_factory) -> Path:
    """A synthetic dermatoscopic image of 400 x 300 pixels, as a PNG file."""
    path = tmp_path_factory.mktemp("phantoms") / "phantom.png"
    good, data = cv2.imencode(".png", make_phantom(1, "mel").image[..., ::-1])
    assert good
    path.write_bytes(data.tobytes())
    return path


@contextmanager
def app_process(*args, temporary: Path, start: tuple[str, ...] = ("app.py",)) -> Iterator[tuple[str, subprocess.Popen]]:
    """`python app.py` with these arguments; gives its address and the process, which is ended politely afterwards.

    temporary: the folder that the process takes for /tmp; start: what Python is to run in the place of app.py.
    """
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GRADIO_")} | {"TMPDIR": str(temporary)}
    command = [sys.executable, *start, *map(str, args)]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        said = ""
        for line in process.stdout:
            said += line
            if line.startswith("Open "):  # with --mcp, Gradio says something before
                break
        address = re.search(r"(?<=Open )http://\S+", said)
        if address is None:
            process.terminate()
            pytest.fail(f"app.py did not start: {said}{process.communicate()[0]}")
        yield address[0], process
    finally:
        process.terminate()
        process.wait(60)


@pytest.fixture(scope="session")
def app_url(tiny_bundle, tmp_path_factory) -> Iterator[str]:
    """The address of one running app with `tiny_bundle`, for the whole test session."""
    with app_process("--checkpoint", tiny_bundle, temporary=tmp_path_factory.mktemp("tmp")) as (url, _):
        yield url
