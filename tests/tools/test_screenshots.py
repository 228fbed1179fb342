"""The pictures of the documents: each is there, small, shown somewhere, and no other picture is in the repository."""

import io
import re
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT
from PIL import Image

from tools import pictures
from tools.pictures import HEIGHT, IMAGES, MOST_ALL, MOST_FILE, SHOTS, WIDTH, PicturesError, small, take

FILES = [name for shot in SHOTS for name in shot.files()]
PICTURES = r"\.(jpe?g|png|bmp|tiff?|webp|gif|avif|heic|ico)$"


def shown() -> str:
    """README.md and all documents, as one text."""
    return "\n".join(path.read_text(encoding="utf-8") for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")])


@pytest.mark.parametrize("name", FILES)
def test_each_picture_is_there_small_and_of_the_window(name):
    path = IMAGES / name
    assert path.is_file(), f"docs/images/{name} is missing: make pictures"
    assert path.stat().st_size <= MOST_FILE, f"{name} is too large"
    with Image.open(path) as image:
        assert (image.format, image.size) == ("WEBP", (WIDTH, HEIGHT))
        assert not {"exif", "xmp", "icc_profile"} & image.info.keys()
        brightness = np.asarray(image.convert("L")).mean()
    assert (brightness > 160) if name.endswith("-light.webp") else (brightness < 90), "light is dark, or dark is light"


@pytest.mark.parametrize("name", FILES)
def test_each_picture_is_shown_in_a_document(name):
    assert f"images/{name}" in shown(), f"docs/images/{name} is shown nowhere: show it, or take it out of SHOTS"


def test_all_together_are_small_and_nothing_else_lies_there():
    there = {path.name: path.stat().st_size for path in IMAGES.iterdir()}
    assert set(there) == set(FILES)
    assert sum(there.values()) <= MOST_ALL


def test_no_other_picture_is_in_the_repository():
    """So no photograph either: what lies in docs/images is made by tools/pictures.py, of an app without data."""
    try:
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"the project is not in a git work tree here: {error}")
    found = {name for name in told.stdout.split("\0") if re.search(PICTURES, name, re.IGNORECASE)}
    assert found == {f"docs/images/{name}" for name in FILES}


def test_the_readme_shows_one_before_it_says_much_light_and_dark():
    text = (ROOT / "README.md").read_text(encoding="utf-8").split("---\n", 2)[2]
    first = "\n".join(text.splitlines()[:25])
    block = re.search(r"<picture>.*?</picture>", first, re.DOTALL)[0]
    assert 'media="(prefers-color-scheme: dark)" srcset="docs/images/explore-dark.webp"' in block
    assert re.search(r'<img src="docs/images/explore-light\.webp" alt="[^"]{20,}"', block)


@pytest.mark.slow
def test_a_picture_that_stays_too_large_is_refused():
    def png(image: np.ndarray) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, "PNG")
        return buffer.getvalue()

    noise = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    with pytest.raises(PicturesError, match=r"noise\.webp has [\d,]+ bytes; at most 200,000 are allowed"):
        small(png(noise), "noise.webp")
    data = small(png(np.full((60, 80, 3), 200, np.uint8)), "plain.webp")
    assert Image.open(io.BytesIO(data)).format == "WEBP"


def test_without_chromium_or_playwright_a_sentence_says_what_to_install(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(pictures.shutil, "which", lambda name: None)
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path))
    assert pictures.main(["--out", str(tmp_path / "out")]) == 2
    assert "need Chromium: apt-get install chromium" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "playwright.sync_api", None)
    assert pictures.main(["--out", str(tmp_path / "out")]) == 2
    assert "need Playwright: pip install -r requirements-dev.txt" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_an_app_that_does_not_start_is_told_with_what_it_said(monkeypatch, tmp_path):
    (tmp_path / "app.py").write_text("import sys; print('error: no bundle'); sys.exit(2)")
    monkeypatch.setattr(pictures, "ROOT", tmp_path)
    with pytest.raises(PicturesError, match="did not start: error: no bundle"), pictures.running():
        pass


@pytest.mark.browser
@pytest.mark.slow
def test_pictures_are_taken_of_the_running_app(tmp_path):
    said = []
    made = take([shot for shot in SHOTS if shot.name == "explore"], tmp_path / "new", said.append)
    assert [path.name for path in made] == ["explore-light.webp", "explore-dark.webp"]
    assert len(said) == 2
    light, dark = (np.asarray(Image.open(path).convert("L"), dtype=float) for path in made)
    assert light.shape == dark.shape == (HEIGHT, WIDTH)
    assert light.mean() > dark.mean() + 100
    assert light.std() > 20  # not an empty page
