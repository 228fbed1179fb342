"""The screenshots of the docs: complete, small, and the only images in the repository."""

import re
import subprocess

import numpy as np
import pytest
from conftest import ROOT
from PIL import Image

from tools.screenshots import FOLDER, MAX_BYTES, SCHEMES, SHOTS, SIZE, take

IMAGES = r"\.(jpe?g|png|bmp|tiff?|webp|gif|avif|heic|ico|dcm)$"


def test_every_screenshot_is_there_and_small():
    for name in SHOTS:
        brightness = {}
        for scheme in SCHEMES:
            file = FOLDER / f"{name}-{scheme}.webp"
            assert file.stat().st_size <= MAX_BYTES, file
            with Image.open(file) as image:
                assert (image.format, image.size) == ("WEBP", tuple(SIZE.values())), file
                assert not {"exif", "xmp", "icc_profile"} & image.info.keys(), file
                brightness[scheme] = np.asarray(image.convert("L")).mean()
        assert brightness["light"] > 160 > 90 > brightness["dark"], name


def test_no_other_image_is_in_the_repository():
    """No photograph of a patient may be committed."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        output = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"the project is not in a git work tree: {error}")
    found = {name for name in output.split("\0") if re.search(IMAGES, name, re.IGNORECASE)}
    assert found == {f"docs/images/{name}-{scheme}.webp" for name in SHOTS for scheme in SCHEMES}


@pytest.mark.browser
@pytest.mark.slow
def test_screenshots_are_taken_of_the_running_app(tmp_path):
    files = take(["explore"], tmp_path / "new")
    assert [file.name for file in files] == ["explore-light.webp", "explore-dark.webp"]
    light, dark = (np.asarray(Image.open(file).convert("L"), dtype=float) for file in files)
    assert light.shape == dark.shape == (SIZE["height"], SIZE["width"])
    assert light.mean() > dark.mean() + 100
    assert light.std() > 20  # not an empty page
