"""However a file came in, it is gone after its time, and after the end: on the whole disk, not in one folder."""

import base64
import contextlib
import secrets
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from conftest import ROOT
from hostile_inputs import META, App, Visitor, encode, form, given, page_events, page_inputs, picture, raw, running
from mcp_session import HAS_MCP, use_tools

pytestmark = pytest.mark.slow
CASE = (55, "female", "back")
THROWN_OUT = (ConnectionError, httpx.HTTPError)
SLACK = 20  # seconds that a sweep on a busy machine may take
# every path that Python opens to write or makes is noted, wherever it is; an hour has passed as soon as a file is there
PATCH = """
import os, sys, time
_noted = os.open({written!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
def _note(event, args):
    if event == "open" and isinstance(args[0], (str, bytes)) and ((args[2] or 0) & (os.O_WRONLY | os.O_RDWR)):
        os.write(_noted, os.path.abspath(os.fsencode(args[0])) + bytes([10]))
    elif event in ("os.rename", "os.link", "shutil.move", "shutil.copyfile") and isinstance(args[1], (str, bytes)):
        os.write(_noted, os.path.abspath(os.fsencode(args[1])) + bytes([10]))
sys.addaudithook(_note)
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # which what a shell runs in the background ignores
from interface.server import upload_store
class _Clock:
    time = staticmethod(lambda: time.time() + 3600 * os.path.exists({later!r}))
upload_store.time, upload_store.SWEEP_INTERVAL = _Clock, 0.2
"""


@contextlib.contextmanager
def watched(place: Path, bundle: Path) -> Iterator[App]:
    """An app that notes in place/written what it writes; its uploads are an hour old once place/later is there."""
    patch = PATCH.format(written=str(place / "written"), later=str(place / "later"))
    args = ["--checkpoint", bundle, *(["--mcp"] if HAS_MCP else [])]
    with running(place, *args, patch=patch) as app:
        yield app


def left(app: App, place: Path, mark: bytes) -> list[str]:
    """Files with `mark` in them, anywhere that the app has written to."""
    noted = (place / "written").read_bytes().split(b"\n")
    found = {path.decode("utf-8", "replace") for path in noted if path} | set(app.files())
    return sorted(path for path in found if _has(path, mark))


def _has(path: str, mark: bytes) -> bool:
    try:
        file = Path(path)
        return file.is_file() and mark in file.read_bytes()
    except OSError:
        return False


def upload(visitor: Visitor, data: bytes) -> dict:
    return given(visitor.upload(data, "name of a patient.png"))


def shown(visitor: Visitor, data: bytes) -> None:
    event = page_events(visitor.config)["diagnose.click"]
    assert visitor.event(event["number"], *page_inputs(event["inputs"], upload(visitor, data))).good


def broken_off(visitor: Visitor, data: bytes) -> None:
    request = form(data * 40, promise=len(data) * 40 + 5000)
    for share in (0.5, 0.9, 1):  # before the end, after the mark, and with nothing but the last boundary missing
        raw(visitor, request[: int(len(request) * share)])
    raw(visitor, request, listen=1)  # after a pause, so that what came is written already


def recorded(visitor: Visitor, data: bytes) -> None:
    for name in ("video", "other"):
        visitor.http.post("/gradio_api/process_recording", files={name: ("a.mp4", data)})
    raw(visitor, form(data, name="video", path="process_recording", promise=10**6), listen=1)


def to_a_component(visitor: Visitor, data: bytes) -> None:
    """To a component's own server, which takes files too."""
    for number in (0, 1, 40):
        visitor.http.post(
            "/gradio_api/component_server", files={"file": ("a.png", data)},
            data={"component_id": str(number), "session_hash": "x", "fn_name": "walk_through"},
        )  # fmt: skip


def too_large(visitor: Visitor, data: bytes) -> None:
    answer = visitor.http.post("/gradio_api/upload", files={"files": ("a.png", data + bytes(25 * 2**20))})
    assert answer.status_code in (400, 413)


def linked(visitor: Visitor, data: bytes) -> None:
    """A session, kept on disk for a link to it."""
    event = page_events(visitor.config)["diagnose.click"]
    visitor.event(event["number"], *page_inputs(event["inputs"], upload(visitor, data)), session="linked")
    visitor.http.get("/gradio_api/deep_link", params={"session_hash": "linked"})


def inline(visitor: Visitor, data: bytes) -> None:
    """In the call itself, which is no way to send one, but nothing may come of it."""
    uri = "data:image/png;base64," + base64.b64encode(data).decode()
    for value in (uri, {"path": uri, "meta": META}, {"url": uri, "path": "a.png", "meta": META}):
        visitor.call("diagnose", value, *CASE)


def as_tool(visitor: Visitor, data: bytes) -> None:
    async def use(session):
        for start in ("data:image/png;base64,", "data:;base64,", "data:text/html;name=a.html;base64,"):
            await session.call_tool("diagnose", {"image": start + base64.b64encode(data).decode()})

    if HAS_MCP:
        use_tools(visitor.url, use)


WAYS: dict[str, Callable[[Visitor, bytes], object]] = {
    "uploaded": upload,
    "diagnosed": lambda visitor, data: visitor.call("diagnose", upload(visitor, data), *CASE),
    "shown": shown,
    "drawn": lambda visitor, data: visitor.call("figure", upload(visitor, data), *CASE, 5, None),
    "printed": lambda visitor, data: visitor.call("handout", upload(visitor, data), *CASE, "", "", None, False),
    "broken off": broken_off,
    "as another field": lambda visitor, data: [raw(visitor, form(data, name=n), listen=1) for n in ("file", "x", "")],
    "several": lambda visitor, data: visitor.http.post(
        "/gradio_api/upload", files=[(name, ("a.png", data)) for name in ("files", "files", "other")]
    ),
    "recorded": recorded,
    "to a component": to_a_component,
    "too large": too_large,
    "with progress": lambda visitor, data: visitor.http.post(
        "/gradio_api/upload?upload_id=abc", files={"files": ("a.png", data)}
    ),
    "linked": linked,
    "inline": inline,
    "as a tool": as_tool,
}
# tried again before the end: every kind of place that a file can be in
AT_THE_END = ("uploaded", "shown", "broken off", "as another field", "recorded", "as a tool")
# which leave a file for a while, so that the test is known to look where the files are
SEEN = {"uploaded", "diagnosed", "shown", "drawn", "printed"}


def send(app: App, ways, place: Path) -> tuple[dict[str, bytes], set[str]]:
    """A file in each of these ways: its mark, and the ways whose file was on the disk then."""
    marks, seen = {name: secrets.token_bytes(24) for name in ways}, set()
    with Visitor(app) as visitor:
        for number, (name, mark) in enumerate(marks.items()):
            with contextlib.suppress(*THROWN_OUT):  # to be thrown out is fine
                WAYS[name](visitor, encode(picture(number), "PNG") + mark * 3)  # decoders overlook what is behind
            if left(app, place, mark):
                seen.add(name)
    return marks, seen


def gone(find: Callable[[], object]) -> object:
    """What is still found when all files were swept: nothing, or what stays."""
    end = time.monotonic() + SLACK
    while (found := find()) and time.monotonic() < end:
        time.sleep(0.2)
    return found


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("watched")


@pytest.fixture(scope="module")
def app(tiny_bundle, place) -> Iterator[App]:
    with watched(place, tiny_bundle) as app:
        yield app


def test_after_its_time_nothing_is_left_however_it_came(app, place):
    send(app, ("drawn", "diagnosed", "shown"), place)  # what libraries write once is no trace of anybody
    (place / "later").touch()
    time.sleep(1)
    before = set(app.files())
    (place / "later").unlink()
    marks, seen = send(app, WAYS, place)
    assert seen >= SEEN, "the test looks in the wrong place"
    (place / "later").touch()
    assert gone(lambda: {name: found for name, mark in marks.items() if (found := left(app, place, mark))}) == {}
    assert gone(lambda: set(app.files()) - before) == set()
    assert left(app, place, b"%PDF-") == [], "a handout was written"
    (place / "later").unlink()


def test_a_deleted_upload_is_unknown_and_the_apps_own_example_stays(app, place):
    with Visitor(app) as visitor:
        file = upload(visitor, encode(picture(50), "PNG"))
        assert visitor.call("diagnose", file, *CASE).good
        (place / "later").touch()
        assert not gone(lambda: visitor.call("diagnose", file, *CASE).good)
        assert visitor.http.get(f"/gradio_api/file={file['path']}").status_code in (403, 404)
        image = next(part for part in visitor.config["components"] if part["props"].get("elem_id") == "image")
        value, event = image["props"]["value"], page_events(visitor.config)["diagnose.click"]
        answer = visitor.event(event["number"], *page_inputs(event["inputs"], value))
        assert answer.good
        assert "data-probability" in str(answer.data)
        address = value["url"] or f"{app.url}/gradio_api/file={value['path']}"
        assert httpx.get(address, trust_env=False).status_code == 200
    (place / "later").unlink()


def in_repository() -> set[Path]:
    """Files of the kinds that the app and Gradio may write."""
    return {path for path in ROOT.rglob("*") if path.suffix in (".png", ".jpg", ".pyi", ".webp")}


@pytest.mark.skipif(sys.platform == "win32", reason="SIGTERM is not delivered to a handler on Windows")
@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGINT])
def test_after_the_end_nothing_is_left_on_the_disk(tiny_bundle, tmp_path, kind):
    """With files that are young still, and an upload that is coming in at that moment."""
    before = in_repository()
    with watched(tmp_path, tiny_bundle) as app:
        marks, _ = send(app, AT_THE_END, tmp_path)
        last = marks["coming in"] = secrets.token_bytes(24)
        host, port = app.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as line:
            line.sendall(form((encode(picture(60), "PNG") + last * 3) * 40, promise=10**7))
            time.sleep(0.5)
            app.process.send_signal(kind)
            app.process.wait(60)
    assert app.process.returncode == 0
    assert {name: found for name, mark in marks.items() if (found := left(app, tmp_path, mark))} == {}
    assert not list(app.temporary.glob("mat-demo-*"))
    assert "Traceback" not in app.text()
    assert [path for path in app.files() if path.endswith((".png", ".jpg", ".mp4", ".webp", ".pkl"))] == []
    assert in_repository() == before
