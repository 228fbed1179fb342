"""Whatever way a file came in, it is gone after its time, and after the end: on the whole disk, not in one folder."""

import asyncio
import base64
import contextlib
import secrets
import signal
import socket
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest
from hostile import META, App, Visitor, encode, form, given, page_events, page_inputs, picture, raw, running

pytestmark = pytest.mark.slow
CASE = (55, "female", "back")
LIVES = 6  # seconds that a file lives here, in the place of five minutes
THROWN_OUT = (ConnectionError, httpx.HTTPError)
SLACK = 20  # seconds more that a sweep on a busy machine may take
# every path that Python opens to write or makes is noted, wherever it is
NOTED = """
import os, sys
_noted = os.open({log!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
def _note(event, args):
    if event == "open" and isinstance(args[0], (str, bytes)) and ((args[2] or 0) & (os.O_WRONLY | os.O_RDWR)):
        os.write(_noted, os.path.abspath(os.fsencode(args[0])) + bytes([10]))
    elif event in ("os.rename", "os.link", "shutil.move", "shutil.copyfile") and isinstance(args[1], (str, bytes)):
        os.write(_noted, os.path.abspath(os.fsencode(args[1])) + bytes([10]))
sys.addaudithook(_note)
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # which what a shell runs in the background ignores
from interface import session
session.FORGOTTEN_AFTER, session.SWEPT_EVERY = {lives}, 1
"""


@contextlib.contextmanager
def forgetful(place: Path, bundle: Path) -> Iterator[App]:
    """An app that forgets after LIVES seconds; what it writes, it notes in place/written."""
    patch = NOTED.format(log=str(place / "written"), lives=LIVES)
    args = ["--checkpoint", bundle, *(["--mcp"] if find_spec("mcp") else [])]
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


def marked(number: int, mark: bytes) -> bytes:
    """An image with `mark` behind its end, where every decoder overlooks it."""
    return encode(picture(number), "PNG") + mark * 3


def whole(app: App, data: bytes) -> None:
    with Visitor(app) as visitor:
        visitor.upload(data)


def named(app: App, data: bytes) -> None:
    with Visitor(app) as visitor:
        visitor.upload(data, "name of a patient.png")


def diagnosed(app: App, data: bytes) -> None:
    with Visitor(app) as visitor:
        assert visitor.call("diagnose", given(visitor.upload(data)), *CASE).good


def shown(app: App, data: bytes) -> None:
    with Visitor(app) as visitor:
        event = page_events(visitor.config)["diagnose.click"]
        assert visitor.event(event["number"], *page_inputs(event["inputs"], given(visitor.upload(data)))).good


def drawn(app: App, data: bytes) -> None:
    with Visitor(app) as visitor:
        assert visitor.call("figure", given(visitor.upload(data)), *CASE, 5, None).good


def on_paper(app: App, data: bytes) -> None:
    with Visitor(app) as visitor:
        assert visitor.call("handout", given(visitor.upload(data)), *CASE, "pdf", "", "", None, False).good


def broken_off(app: App, data: bytes) -> None:
    for share in (0.5, 0.9, 1):  # before the end, after the mark, and with nothing but the last boundary missing
        request = form(data * 40, promise=len(data) * 40 + 5000)
        raw(app, request[: int(len(request) * share)])


def stalled(app: App, data: bytes) -> None:
    """Broken off after a pause, so that what came is written already."""
    request = form(data * 40, promise=len(data) * 40 + 5000)
    raw(app, request, listen=1)


def as_other_field(app: App, data: bytes) -> None:
    for name in ("file", "image", "x", ""):
        raw(app, form(data, name=name), listen=2)


def several(app: App, data: bytes) -> None:
    with Visitor(app) as visitor:
        files = [("files", ("a.png", data)), ("files", ("b.png", data)), ("other", ("c.png", data))]
        visitor.http.post("/gradio_api/upload", files=files)


def recorded(app: App, data: bytes) -> None:
    with Visitor(app) as visitor:
        visitor.http.post("/gradio_api/process_recording", files={"video": ("a.mp4", data)})
        visitor.http.post("/gradio_api/process_recording", files={"other": ("a.mp4", data)})
    raw(app, form(data, name="video", path="process_recording", promise=10**6), listen=1)


def served(app: App, data: bytes) -> None:
    """To a component's own server, which takes files too."""
    with Visitor(app) as visitor:
        for number in (0, 1, 40):
            visitor.http.post(
                "/gradio_api/component_server", files={"file": ("a.png", data)},
                data={"component_id": str(number), "session_hash": "x", "fn_name": "walk_through"},
            )  # fmt: skip


def too_large(app: App, data: bytes) -> None:
    with Visitor(app) as visitor:
        answer = visitor.http.post("/gradio_api/upload", files={"files": ("a.png", data + bytes(25 * 2**20))})
        assert answer.status_code in (400, 413)


def tracked(app: App, data: bytes) -> None:
    """As the page does it: with a number to follow its progress by."""
    with Visitor(app) as visitor:
        visitor.http.post("/gradio_api/upload?upload_id=abc", files={"files": ("a.png", data)})


def linked(app: App, data: bytes) -> None:
    """A session, kept on disk for a link to it."""
    with Visitor(app) as visitor:
        event = page_events(visitor.config)["diagnose.click"]
        path = visitor.upload(data)
        visitor.event(event["number"], *page_inputs(event["inputs"], given(path)), session="linked")
        visitor.http.get("/gradio_api/deep_link", params={"session_hash": "linked"})


def inline(app: App, data: bytes) -> None:
    """In the call itself, which is no way to send one, but nothing may come of it."""
    uri = "data:image/png;base64," + base64.b64encode(data).decode()
    with Visitor(app) as visitor:
        for value in (uri, {"path": uri, "meta": META}, {"url": uri, "path": "a.png", "meta": META}):
            visitor.call("diagnose", value, *CASE)


def as_tool(app: App, data: bytes) -> None:
    if find_spec("mcp") is None:
        return
    from mcp import ClientSession
    from mcp.client.streamable_http import streamablehttp_client

    async def main():
        async with (
            streamablehttp_client(f"{app.url}/gradio_api/mcp/") as (read, write, _),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            for start in ("data:image/png;base64,", "data:;base64,", "data:text/html;name=a.html;base64,"):
                await session.call_tool("diagnose", {"image": start + base64.b64encode(data).decode()})

    asyncio.run(main())


WAYS = (
    whole, named, diagnosed, shown, drawn, on_paper, broken_off, stalled, as_other_field, several, recorded, served,
    too_large, tracked, linked, inline, as_tool,
)  # fmt: skip
# tried again before the end: every kind of place that a file can be in, and few enough for all to be young still
AT_THE_END = (whole, shown, stalled, as_other_field, recorded, as_tool)
# which leave a file for a while, so that the test is known to look where the files are
SEEN = {"whole", "named", "diagnosed", "shown", "drawn", "on_paper"}


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("forgetful")


@pytest.fixture(scope="module")
def sent(tiny_bundle, place) -> Iterator[tuple[App, dict[str, bytes], dict[str, list[str]], set[str]]]:
    """The app to which a file was sent in every way, its mark, where it was seen then, and the files of before."""
    marks, seen = {}, {}
    with forgetful(place, tiny_bundle) as app:
        for visit in (drawn, diagnosed, shown):  # what libraries write once is no trace of anybody
            visit(app, encode(picture(30), "PNG"))
        time.sleep(LIVES + 3)
        before = set(app.files())
        for number, way in enumerate(WAYS):
            marks[way.__name__] = secrets.token_bytes(24)
            with contextlib.suppress(*THROWN_OUT):  # to be thrown out is fine
                way(app, marked(number, marks[way.__name__]))
            seen[way.__name__] = left(app, place, marks[way.__name__])
        yield app, marks, seen, before


def test_the_test_looks_where_the_files_are(sent):
    _, _, seen, _ = sent
    assert [name for name in sorted(SEEN) if not seen[name]] == []


@pytest.mark.parametrize("way", [way.__name__ for way in WAYS])
def test_after_its_time_nothing_is_left_of(sent, place, way):
    app, marks, _, _ = sent
    deadline = time.monotonic() + LIVES + SLACK  # the first waits for all; the others find them gone or never will
    while (found := left(app, place, marks[way])) and time.monotonic() < min(deadline, _last(app)):
        time.sleep(0.5)
    assert found == []


ENDS: dict[int, float] = {}


def _last(app: App) -> float:
    """When every file is over its time; the same for all tests of one app."""
    return ENDS.setdefault(id(app), time.monotonic() + LIVES + SLACK)


def test_no_handout_is_ever_written(sent, place):
    app, _, _, _ = sent
    assert left(app, place, b"%PDF-") == []


def test_after_its_time_there_are_no_more_files_than_before(sent):
    app, _, _, before = sent
    while (more := set(app.files()) - before) and time.monotonic() < _last(app):
        time.sleep(0.5)
    assert more == set()


def test_what_is_forgotten_cannot_be_asked_about(sent):
    """And a path that was used again is not kept for ever: a file lives its time from its last upload."""
    app, _, _, _ = sent
    with Visitor(app) as visitor:
        path = visitor.upload(marked(50, b"x"))
        assert visitor.call("diagnose", given(path), *CASE).good
        deadline = time.monotonic() + LIVES + SLACK
        while visitor.call("diagnose", given(path), *CASE).good and time.monotonic() < deadline:
            time.sleep(1)  # asking about it does not make it younger
        forgotten = visitor.call("diagnose", given(path), *CASE)
        never = visitor.call("diagnose", given(path.replace("lesion", "another")), *CASE)
        assert not forgotten.good
        assert visitor.http.get(f"/gradio_api/file={path}").status_code in (403, 404)
        assert not never.good


def test_the_page_still_has_its_example_after_that(sent):
    """What the app itself shows is no upload: it does not grow old."""
    app, _, _, _ = sent
    with Visitor(app) as visitor:
        config = visitor.config
        image = next(part for part in config["components"] if part["props"].get("elem_id") == "image")
        value = image["props"]["value"]
        event = page_events(config)["diagnose.click"]
        answer = visitor.event(event["number"], *page_inputs(event["inputs"], value))
        assert answer.good
        assert "data-probability" in str(answer.data)
        address = value["url"] or f"{app.url}/gradio_api/file={value['path']}"
        assert httpx.get(address, trust_env=False).status_code == 200


@pytest.mark.skipif(sys.platform == "win32", reason="SIGTERM is not delivered to a handler on Windows")
@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGINT])
def test_after_the_end_nothing_is_left_on_the_disk(tiny_bundle, tmp_path, kind):
    """With files that are young still, and an upload that is coming in at that moment."""
    marks = {}
    with forgetful(tmp_path, tiny_bundle) as app:
        for number, way in enumerate(AT_THE_END):
            marks[way.__name__] = secrets.token_bytes(24)
            with contextlib.suppress(*THROWN_OUT):
                way(app, marked(number, marks[way.__name__]))
        last = marks["coming in"] = secrets.token_bytes(24)
        host, port = app.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as line:
            line.sendall(form(marked(60, last) * 40, promise=10**7))
            time.sleep(0.5)
            app.process.send_signal(kind)
            app.process.wait(60)
    assert app.process.returncode == 0
    assert {name: found for name, mark in marks.items() if (found := left(app, tmp_path, mark))} == {}
    assert not list(app.temporary.glob("mat-demo-*"))
    assert "Traceback" not in app.text()
    assert [path for path in app.files() if path.endswith((".png", ".jpg", ".mp4", ".webp", ".pkl"))] == []
