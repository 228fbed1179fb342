"""Shared fixtures: a small bundle of random weights, a phantom, the app as a process, a browser; what is skipped."""

import gc
import importlib.util
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import pytest
import torch
from browser_helpers import CHROMIUM, FLAGS, PATIENCE, leaves, wait_for_answer
from local_server import Trap, running
from playwright.sync_api import Page, sync_playwright

from mat_core import Diagnoser, MATConfig, MATNetwork
from mat_core.data.metadata import Vocabulary, closed_vocabulary
from mat_core.inference.bundle import Bundle, load_bundle, save_bundle
from mat_core.models.detection.torchvision_detector import DetectorConfig, TorchvisionDetector
from teaching.phantoms import make_phantom

ROOT = Path(__file__).resolve().parents[1]
HAM10000 = Path(os.environ.get("HAM10000", ROOT.parent / "shared" / "ham10000"))
# tests that use the fixture get the marker
MARKED_BY = {"app_url": "slow", "browser": "browser"}
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


@pytest.fixture
def trap(phantom_file) -> Iterator[Trap]:
    """A server that nobody should ask, and that would give an image."""
    with running(Trap(phantom_file.read_bytes())) as server:
        yield server


class AppProcess(subprocess.Popen):
    """`python app.py`; said: what it printed until it listened."""

    said = ""


@contextmanager
def app_process(
    *args,
    temporary: Path,
    start: tuple[str, ...] = ("app.py",),
    before: tuple[str, ...] = (),
    environment: dict[str, str] | None = None,
    cwd: Path = ROOT,
) -> Iterator[tuple[str, AppProcess]]:
    """`python app.py` with these arguments: its address and the process, which gets SIGTERM afterwards.

    temporary: its TMPDIR; start: what Python runs instead of app.py; before: a command in front of Python; environment:
    all variables (default: those of the tests without GRADIO_*).
    """
    if environment is None:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("GRADIO_")}
    command = [*before, sys.executable, *start, *map(str, args)]
    process = AppProcess(
        command, cwd=cwd, env=environment | {"TMPDIR": str(temporary)}, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        for line in process.stdout:
            process.said += line
            if line.startswith("Open "):
                break
        address = re.search(r"(?<=Open )http://\S+", process.said)
        if address is None:
            process.terminate()
            pytest.fail(f"app.py did not start: {process.said}{process.communicate()[0]}")
        yield address[0], process
    finally:
        process.terminate()
        process.wait(60)


@contextmanager
def served(app, proxies: str = "", certificate=None) -> Iterator[str]:
    """The address of an ASGI app that uvicorn serves in a thread, as `serving.run` does in the main one."""
    import uvicorn

    from interface.server.serving import listen, uvicorn_config

    listener = listen("127.0.0.1")
    server = uvicorn.Server(uvicorn_config(app, proxies, certificate))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield f"http{'s' * bool(certificate)}://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        server.should_exit = True
        thread.join(30)
        listener.close()


def make_app(diagnoser: Diagnoser, folder: Path, library=None, lessons=None, **options):
    """The ASGI app in this process. options: of `create_app`, such as mcp."""
    from interface.app import build_demo, page_head  # not at the top: importing gradio takes seconds
    from interface.frontend.theme import clinical_theme
    from interface.server.serving import create_app
    from teaching.cases.examples import synthetic_examples
    from teaching.cases.library import CaseLibrary

    demo = build_demo(diagnoser, synthetic_examples(folder), library or CaseLibrary(folder=folder), lessons)
    return create_app(demo, page_head(), clinical_theme(), **options)


@pytest.fixture(scope="session")
def app_url(tiny_diagnoser, tmp_path_factory) -> Iterator[str]:
    """The address of the app with `tiny_bundle`, in this process for the whole session."""
    folder = tmp_path_factory.mktemp("app")
    os.environ["GRADIO_TEMP_DIR"] = str(folder / "uploads")
    with served(make_app(tiny_diagnoser, folder)) as url:
        yield url


@pytest.fixture(scope="module")  # not longer: while it lasts, no test beside it can run an event loop of its own
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def shared_context(browser):
    """A browser context whose cache the pages of a module share."""
    context = browser.new_context()
    context.set_default_timeout(PATIENCE)
    yield context
    context.close()


@pytest.fixture
def visit(browser, shared_context, app_url):
    """A function that opens the page and waits for its answer; afterwards nothing may have gone wrong or out."""
    problems, own = [], []

    def open_page(
        width=1280, height=900, scheme="light", *, url: str = app_url, fresh=False, console=True, **options
    ) -> Page:
        """url: another address, whose answer is not waited for unless it is the app's. fresh, or options of a context,
        such as locale: another visitor, with a storage of its own. console: False where the page loads itself again,
        and breaks off what it is just fetching.
        """
        context = shared_context
        if fresh or options:
            own.append(context := browser.new_context(**options))
            context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme)
        page.on("console", lambda said: problems.append(said.text) if console and said.type == "error" else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: problems.append(request.url) if leaves(request.url) else None)
        page.goto(url)
        if url.startswith(app_url):
            wait_for_answer(page)
        return page

    yield open_page
    for page in shared_context.pages:
        page.evaluate("() => { try { localStorage.clear() } catch { /* refused in this page */ } }")
        page.close()
    for context in own:
        context.close()
    assert problems == []
