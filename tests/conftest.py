"""Shared fixtures: a small bundle of random weights, a phantom, the app as a process, a browser; what is skipped."""

import gc
import importlib.util
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
from browsing import CHROMIUM, FLAGS, PATIENCE, leaves
from playwright.sync_api import Page, expect, sync_playwright

from mat_core import Diagnoser, MATConfig, MATNetwork
from mat_core.bundle import Bundle, load_bundle, save_bundle
from mat_core.detectors.torchvision import DetectorConfig, TorchvisionDetector
from mat_core.metadata import Vocabulary, closed_vocabulary
from mat_core.phantoms import make_phantom

ROOT = Path(__file__).resolve().parents[1]
HAM10000 = Path(os.environ.get("HAM10000", ROOT.parent / "shared" / "ham10000"))
# whatever asks for the fixture has the marker; `built` is the folder of a Space
MARKED_BY = {"app_url": "slow", "built": "slow", "browser": "browser"}
# what a marker stands for, where it is missing: its tests are skipped and say why
MISSING = {
    "browser": CHROMIUM is None and "no Chromium on this machine: apt-get install chromium",
    "real": not HAM10000.is_dir() and "needs the HAM10000 folder: beside the project in shared/, or in $HAM10000",
    "detectron2": importlib.util.find_spec("detectron2") is None and "detectron2 is not installed: docs/DETECTRON2.md",
}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items) -> None:
    """Mark what is known by its fixtures, and skip what cannot run here."""
    for item in items:
        for fixture in MARKED_BY.keys() & set(getattr(item, "fixturenames", ())):
            item.add_marker(MARKED_BY[fixture])
        for marker, reason in MISSING.items():
            if reason and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))


def pytest_collection_finish() -> None:
    """What is loaded by now stays: the garbage collector need not walk through torch and Gradio again and again."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    """What a test sets of torch's threads is undone: another number of threads gives other last bits."""
    before = torch.get_num_threads()
    try:
        return (yield)
    finally:
        torch.set_num_threads(before)


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


@pytest.fixture(scope="module")  # not longer: while it lasts, no test beside it can run an event loop of its own
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser, app_url):
    """A function that opens the page; afterwards nothing may have gone wrong or out."""
    problems, contexts = [], []

    def open_page(width: int = 1280, height: int = 900, scheme: str = "light") -> Page:
        contexts.append(browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme))
        page = contexts[-1].new_page()
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: problems.append(request.url) if leaves(request.url) else None)
        page.goto(app_url)
        expect(page.locator("#answer .bars li")).to_have_count(7, timeout=PATIENCE)
        expect(page.locator("#image img")).to_be_visible(timeout=PATIENCE)
        # the server knows which case this page has
        page.wait_for_function("document.querySelector('#strip [data-case]')?.dataset.case", timeout=PATIENCE)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []
