"""Hostile files and requests against a running app: each gets a sentence, none gets a file, none brings it down.

Every test watches what the app says: a traceback in its log fails the test that caused it. How the app words its
refusals is its own affair, but for one thing: it must not tell from them what lies on its disk.
"""

import asyncio
import base64
import contextlib
import itertools
import json
import os
import random
import re
import resource
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest
from conftest import ROOT
from hostile import (
    ENDPOINTS,
    META,
    NO_IMAGES,
    PATIENCE,
    SEED,
    SOON,
    App,
    Ask,
    Visitor,
    encode,
    fault,
    form,
    given,
    heavy_images,
    images,
    is_sentence,
    is_vector,
    page_events,
    page_inputs,
    picture,
    raw,
    requests,
    routes,
    running,
    send,
    shown_vector,
    temporary_names,
    told,
)  # fmt: skip
from hypothesis import HealthCheck, settings
from hypothesis import given as each
from hypothesis import strategies as st

from mat_core import Diagnoser, ImageError, Metadata
from mat_core.__main__ import main as command_line
from mat_core.bundle import load_bundle
from mat_core.images import MAX_BYTES

pytestmark = pytest.mark.slow
CASE = (55, "female", "back")
ON_IMAGES = ("diagnose", "explore", "figure")
MOST_MORE = 100 * 2**20  # bytes that the app may have grown by
CAP = 3 * 2**30
needs_mcp = pytest.mark.skipif(find_spec("mcp") is None, reason="package mcp is not installed: requirements-dev.txt")
# private addresses are refused by a check inside Gradio's own client; here every address is as good as a public one.
# And regions of all images are remembered: what finds them is tried once for each image, not once for each way in
PATCH = """
import safehttpx
safehttpx.is_public_ip = lambda ip: True
from mat_core import diagnoser
diagnoser.REMEMBERED_IMAGES = 1000
"""


@pytest.fixture(scope="module")
def app(tiny_bundle, tmp_path_factory) -> Iterator[App]:
    """An app with tools under a cap of memory, that takes every address of the network for a public one."""
    with running(tmp_path_factory.mktemp("app"), "--mcp", "--checkpoint", tiny_bundle, patch=PATCH) as app:
        if sys.platform.startswith("linux"):  # data, not addresses: a torch with CUDA reserves far more than it uses
            resource.prlimit(app.process.pid, resource.RLIMIT_DATA, (CAP, CAP))
        yield app


@pytest.fixture(autouse=True)
def quiet(request):
    """Fails the test after which the log of the app has a traceback, or the app is gone."""
    if "app" not in request.fixturenames:
        yield
        return
    app = request.getfixturevalue("app")
    before = len(app.said)
    yield
    said = app.text(before)
    assert app.process.poll() is None, f"the app is gone: {app.text()[-2000:]}"
    assert "Traceback" not in said, said[max(0, said.index("Traceback") - 300) :][:3000]


@pytest.fixture(scope="module")
def visitor(app) -> Iterator[Visitor]:
    with Visitor(app) as visitor:
        yield visitor


@pytest.fixture(scope="module")
def events(visitor) -> dict[str, dict]:
    return page_events(visitor.config)


@pytest.fixture(scope="module")
def secret(tmp_path_factory) -> Path:
    """An image of the server's that nobody uploaded."""
    path = tmp_path_factory.mktemp("private") / "patient.png"
    path.write_bytes(encode(picture(77), "PNG"))
    return path


@pytest.fixture(scope="module")
def uploaded(visitor) -> str:
    return visitor.upload(encode(picture(1), "PNG"))


def in_parallel(app: App, ask, things: list, workers: int = 4) -> list:
    """`ask(visitor, thing)` of each thing, by visitors of as many addresses."""
    visitors = [Visitor(app, f"127.0.1.{number + 1}") for number in range(workers)]
    try:
        with ThreadPoolExecutor(workers) as pool:

            def one(number: int):
                return [ask(visitors[number], thing) for thing in things[number::workers]]

            parts = list(pool.map(one, range(workers)))
    finally:
        for visitor in visitors:
            visitor.http.close()
    found = [None] * len(things)
    for number, part in enumerate(parts):
        found[number::workers] = part
    return found


def use_tools(app: App, use):
    """What `use(session)` gives with an MCP session of the app."""
    from mcp import ClientSession
    from mcp.client.streamable_http import streamablehttp_client

    async def main():
        async with (
            streamablehttp_client(f"{app.url}/gradio_api/mcp/") as (read, write, _),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            return await use(session)

    return asyncio.run(main())


# ---------------------------------------------------------------- files of the server


@pytest.fixture(scope="module")
def places(app, secret, uploaded, visitor) -> Iterator[dict[str, str]]:
    """Paths that nobody was given, by what is there; one of each kind is nothing at all."""
    folder = secret.parent
    text, pipe = folder / "notes.txt", folder / "pipe"
    text.write_text("the name of a patient")
    os.mkfifo(pipe)
    found = [
        path for path in app.temporary.rglob("*") if path.is_file() and path.read_bytes() == encode(picture(1), "PNG")
    ]
    assert found, "the upload is looked for in the wrong place"
    uploads = found[0].parent
    links = {name: uploads / f"{name}.png" for name in ("out", "away", "odd")}
    links["out"].symlink_to(secret)
    links["away"].symlink_to(folder)
    links["odd"].symlink_to("/dev/zero")
    (uploads.parent / "chain").symlink_to(folder)
    climb = os.path.relpath(secret, uploads)
    places = {
        "nothing": str(folder / "missing.png"), "an image": str(secret), "a text": str(text), "a folder": str(folder),
        "a pipe": str(pipe), "a device": "/dev/zero", "the environment": "/proc/self/environ", "input": "/dev/stdin",
        "the program": str(ROOT / "app.py"), "an asset": str(next((ROOT / "assets").rglob("*.css"))),
        "the model": str(next((ROOT / "checkpoints").rglob("*.json"))), "a relative one": "app.py",
        "its working folder": ".", "the root": "/", "nothing in uploads": str(uploads / "missing.png"),
        "a link out": str(links["out"]), "through a link": str(links["away"] / "patient.png"),
        "through another": str(uploads.parent / "chain" / "patient.png"), "a link to a device": str(links["odd"]),
        "a climb": f"{uploads}/{climb}", "a climb from an upload": f"{found[0]}/../{climb}", "uploads": str(uploads),
        "its own memory": "/proc/self/mem", "a thread's files": "/proc/self/fd/0",
        "dots": "../" * 12 + str(secret).lstrip("/"), "a home": "~/notes.txt", "a long one": "a" * 5000,
    }  # fmt: skip
    yield places
    with contextlib.suppress(OSError):  # whoever hangs at the pipe is let go
        os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
    for link in (*links.values(), uploads.parent / "chain"):
        link.unlink(missing_ok=True)


def files_of(path: str) -> dict[str, dict]:
    """All that a client can say to mean this path."""
    return {
        "as the client does": given(path),
        "without meta": {"path": path},
        "with another meta": {"path": path, "meta": {"_type": "other"}},
        "as an own url": {"path": path, "url": f"/gradio_api/file={path}", "meta": META},
        "with a name": given(path, orig_name="a.png", mime_type="image/png", size=10),
        "as a stream": given(path, is_stream=True),
    }


def assert_one_refusal(answers: dict[str, tuple], app: App) -> None:
    """answers: name -> (done, all that was said, seconds). None gave anything and all say the same."""
    for name, (good, said, seconds) in answers.items():
        assert not good, f"{name} was read: {said[:300]}"
        assert seconds < SOON, f"{name} took {seconds:.0f} s"
        assert is_sentence(said), f"{name}: {said[:200]!r}"
        assert not [word for word in temporary_names(app) if word in said], f"{name}: {said[:300]}"
    wordings: dict[str, list[str]] = {}
    for name, (_, said, _) in answers.items():
        wordings.setdefault(said, []).append(name)
    assert len(wordings) == 1, f"what is there can be told from the answer: {wordings}"


@pytest.mark.parametrize("way", list(files_of("")))
@pytest.mark.parametrize("endpoint", ON_IMAGES)
def test_an_endpoint_reads_uploads_only_and_tells_nothing_of_the_rest(app, visitor, places, endpoint, way):
    def ask(visitor, item):
        answer = visitor.call(endpoint, files_of(item[1])[way], *CASE, *([5, None] if endpoint == "figure" else []))
        return answer.good, f"{answer.status} {answer.told}", answer.seconds

    if endpoint != "diagnose" and way != "without meta":
        places = dict(list(places.items())[:6])  # the same code behind it: a part of them is enough
    assert_one_refusal(dict(zip(places, in_parallel(app, ask, list(places.items())), strict=True)), app)


@pytest.mark.parametrize("way", ["as the client does", "without meta", "with another meta"])
def test_the_pages_own_events_read_uploads_only(app, visitor, events, places, way):
    assert {"diagnose.click", "image.input"} <= set(events)
    for name, event in events.items():
        if name.split(".")[0] in ("image", "examples") or name.startswith("after "):
            continue  # those show what is there already: the next test; what follows compares names and opens nothing

        def ask(visitor, item, event=event):
            answer = visitor.event(event["number"], *page_inputs(event["inputs"], files_of(item[1])[way]))
            vector = shown_vector(answer.data)
            said = json.dumps(answer.data) if answer.good else answer.told
            return vector is not None, said, answer.seconds

        assert_one_refusal(dict(zip(places, in_parallel(app, ask, list(places.items())), strict=True)), app)


def test_choosing_an_image_on_the_page_tells_nothing_either(app, events, places):
    for name in ("image.input", "image.clear"):
        if name not in events:
            continue

        def ask(visitor, item, event=events[name]):
            answer = visitor.event(event["number"], *page_inputs(event["inputs"], {"path": item[1]}))
            return json.dumps(answer.data) if answer.good else answer.told, answer.seconds

        answers = in_parallel(app, ask, list(places.items()))
        wordings = {said: place for place, (said, _) in zip(places, answers, strict=True)}
        assert len(wordings) == 1, wordings
        assert max(seconds for _, seconds in answers) < SOON


def test_no_route_hands_a_file_out(app, visitor, places, secret):
    """Nor does Gradio's own way to files: whatever is there, the same answer as for nothing."""
    body = secret.read_bytes()
    for root in ("file=", "file/", "file=/", "proxy=", "stream/", "custom_component/", "component_server/"):
        told_of = {}
        for name, path in places.items():
            if len(path) > 1000 or not path:
                continue
            status, _, text = send(visitor, Ask(name, "GET", f"/gradio_api/{root}{path.replace('?', '%3f')}"))
            assert status in range(400, 500), f"{root}{name}: {status}"
            assert "a patient" not in text
            assert body.decode("utf-8", "replace")[:40] not in text
            if ".." not in path and path not in (".", "/"):  # a client or a proxy takes those apart itself
                told_of[status, re.sub(re.escape(path), "", text)] = name
        assert len({status for status, _ in told_of}) == 1, f"{root}: {[(s, n) for (s, _), n in told_of.items()]}"


def test_a_component_server_reads_no_file(app, visitor, places):
    parts = [part["id"] for part in visitor.config["components"]]

    def ask(visitor, number):
        found = []
        for name in ("walk_through", "ls", "load", "preprocess", "move_resource_to_block_cache", "from_json"):
            for data in (places["a text"], [places["a text"]], given(places["a text"])):
                body = {"data": [data], "component_id": number, "fn_name": name, "session_hash": "files"}
                found.append(visitor.http.post("/gradio_api/component_server", json=body))
        return found

    for answers in in_parallel(app, ask, parts[:: max(1, len(parts) // 25)]):
        for answer in answers:
            assert answer.status_code < 500
            assert "a patient" not in answer.text
            assert str(app.temporary) not in answer.text


@needs_mcp
def test_a_tool_reads_uploads_only_and_tells_nothing_of_the_rest(app, places):
    names = [name for name in places if places[name]]

    async def use(session):
        found = {}
        for name in names:
            for start in ("", "file://", f"{app.url}/gradio_api/file="):
                began = time.monotonic()
                answer = await session.call_tool("diagnose", {"image": start + places[name]})
                found[f"{start}{name}"] = not answer.isError, answer.content[0].text, time.monotonic() - began
        return found

    assert_one_refusal(use_tools(app, use), app)


# ---------------------------------------------------------------- other machines


@pytest.fixture
def trap() -> Iterator[tuple[str, list[str]]]:
    """A server that nobody should ask: its address, and what it was asked for. It would give an image."""
    asked: list[str] = []
    data = encode(picture(78), "PNG")

    class Trap(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(f"{self.command} {self.path}")
            self.send_response(200)
            self.send_header("content-type", "image/png")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_HEAD = do_POST = do_OPTIONS = do_GET  # noqa: N815

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Trap)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


def test_the_trap_would_tell(trap):
    host, asked = trap
    httpx.get(f"http://{host}/x.png", trust_env=False)
    assert asked == ["GET /x.png"]


def test_no_route_of_gradio_asks_another_machine(visitor, trap):
    """Every route that there is, with an address in the place of each part that it takes."""
    host, asked = trap
    known = routes()
    assert len(known) > 60, "the routes are not found in Gradio's source any more"
    for start in ("http://", "HTTP://", "http:/", "//", "http%3A%2F%2F", "https://", "http://a@", "file://", "\\\\"):
        for method, path in known:
            if "{" not in path:
                continue
            address = re.sub(r"\{[^}]*\}", f"{start}{host}/lesion.png", path)
            status, _, _ = send(visitor, Ask("", method, address, {} if method == "POST" else None))
            assert status in range(300, 500), f"{method} {address}: {status}"
            assert asked == [], f"{method} {address}"
    for query in ("deep_link", "__theme", "url", "page", "session_hash", "upload_id", "path"):
        for path in ("/", "/config", "/gradio_api/info", "/gradio_api/queue/data", "/gradio_api/file="):
            send(visitor, Ask("", "GET", f"{path}?{query}=http://{host}/lesion.png"))
    assert asked == []


def test_no_image_field_asks_another_machine(app, visitor, events, trap):
    host, asked = trap
    address = f"http://{host}/lesion.png"
    for value in (
        {"url": address, "meta": META}, {"url": address}, given(address), {"path": address}, address,
        given("a.png", url=address), {"path": None, "url": address, "meta": META}, given(address.upper()),
        given(f"/gradio_api/file={address}"), given(f"{app.url}/gradio_api/file={address}"),
    ):  # fmt: skip
        for endpoint in ON_IMAGES:
            answer = visitor.call(endpoint, value, *CASE, *([5, None] if endpoint == "figure" else []))
            assert not answer.good
            assert is_sentence(answer.told), f"{value}: {answer.told!r}"
        event = events["diagnose.click"]
        answer = visitor.event(event["number"], *page_inputs(event["inputs"], value))
        assert shown_vector(answer.data) is None
        assert asked == [], value
    for header in ("X-Forwarded-Host", "X-Forwarded-Proto", "Host", "Referer", "Origin", "X-Gradio-Server"):
        for path in ("/", "/config", "/gradio_api/info", "/gradio_api/call/words"):
            visitor.http.request("POST" if "call" in path else "GET", path, headers={header: host}, json={"data": []})
    assert asked == []


# ---------------------------------------------------------------- doors that are closed


@pytest.mark.parametrize("root", ["run", "api"])
def test_the_way_past_the_queue_is_closed(app, visitor, uploaded, root):
    for name in (*ENDPOINTS, "predict", "lambda", "nothing"):
        for end in ("", "/"):
            began = time.monotonic()
            answer = visitor.http.post(
                f"/gradio_api/{root}/{name}{end}", json={"data": [given(uploaded), *CASE], "fn_index": 0}
            )
            assert answer.status_code in (403, 404, 405), f"{name}: {answer.status_code} {answer.text[:200]}"
            assert "probabilities" not in answer.text
            assert time.monotonic() - began < SOON


def test_what_the_page_does_not_use_is_closed(visitor):
    for method, path in (
        ("GET", "/monitoring"), ("GET", "/monitoring/summary"), ("GET", "/monitoring/x"), ("GET", "/gradio_api/token"),
        ("GET", "/gradio_api/deep_link?session_hash=x"), ("POST", "/gradio_api/process_recording"),
        ("GET", "/gradio_api/run-history/buckets"), ("POST", "/gradio_api/run-history/connect"),
        ("POST", "/gradio_api/vibe-edit"), ("GET", "/gradio_api/dev/reload"), ("GET", "/gradio_api/runs"),
        ("POST", "/gradio_api/stream/x"), ("GET", "/gradio_api/proxy=https://huggingface.co/"),
        ("GET", "/gradio_api/file/x"), ("POST", "/login"), ("GET", "/docs"), ("GET", "/redoc"),
        ("GET", "/openapi.json"),
        ("GET", "/svelte/x"), ("GET", "/gradio_api/custom_component/a/client/component/x"),
    ):  # fmt: skip
        answer = visitor.http.request(method, path)
        assert answer.status_code in (403, 404, 405), f"{method} {path}: {answer.status_code}"


# ---------------------------------------------------------------- sentences


@pytest.mark.alone
def test_every_hostile_request_gets_an_answer_that_is_no_accident(app):
    """No 5xx, no bare null, nothing of the server's folders, no silence; the same seeded requests each time."""
    asks = requests()
    assert len(asks) >= 300
    random.Random(SEED).shuffle(asks)

    def ask(visitor, one):
        began = time.monotonic()
        try:
            return *send(visitor, one), time.monotonic() - began
        except (httpx.HTTPError, TimeoutError) as error:
            return 0, {}, repr(error), time.monotonic() - began

    wrong = []
    for one, (status, _, text, seconds) in zip(asks, in_parallel(app, ask, asks), strict=True):
        reason = fault(app, status, text, seconds)
        if reason:
            wrong.append(f"{one.name}: {reason}: {text[-200:]!r}")
    assert not wrong, f"{len(wrong)} of {len(asks)}:\n" + "\n".join(wrong)


@pytest.mark.parametrize("name", ["nothing", "lambda", "predict", "diagnose2"])
def test_an_unknown_endpoint_is_not_found(visitor, name):
    answer = visitor.http.post(f"/gradio_api/call/{name}", json={"data": []})
    assert answer.status_code == 404
    assert told(answer.text)


@pytest.mark.parametrize("number", [-1, 10**9, "x", None])
def test_an_unknown_component_is_refused(visitor, number):
    body = {"data": [{}], "component_id": number, "fn_name": "walk_through", "session_hash": "x"}
    answer = visitor.http.post("/gradio_api/component_server", json=body)
    assert answer.status_code in (400, 403, 404, 422)


@pytest.mark.parametrize(
    "data", [[], [None] * 9, ["a"] * 5, [{"a": 1}, {"b": 2}, {"c": 3}, {"d": 4}], [55, None], [[None, *CASE]]]
)
def test_missing_and_extra_arguments_get_a_sentence(visitor, data):
    answer = visitor.call("diagnose", *data)
    assert not answer.good
    assert answer.status < 500
    assert is_sentence(answer.told)


@pytest.mark.parametrize("field", [1, 2, 3])
def test_a_file_in_another_field_is_not_read(app, visitor, uploaded, places, field):
    said = set()
    for path in (places["an image"], places["nothing"], places["a pipe"]):
        values = [given(uploaded), *CASE]
        values[field] = given(path)
        answer = visitor.call("diagnose", *values)
        assert not answer.good
        said.add(answer.told.replace(path, ""))
        assert is_sentence(answer.told)
    assert len(said) == 1


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
    | st.sampled_from([value for value in NO_IMAGES if "\\ud800" not in json.dumps(value)]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["path", "url", "meta", "_type", "data", "a"]), inner, max_size=3
    ), max_leaves=6,
)  # fmt: skip


@settings(max_examples=60, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@each(endpoint=st.sampled_from(ENDPOINTS[:8]), data=st.lists(VALUES, max_size=8))
def test_any_arguments_get_an_answer(app, visitor, endpoint, data):
    began = time.monotonic()
    status, _, text = send(visitor, Ask("", "POST", f"/gradio_api/call/{endpoint}", {"data": data}))
    assert not fault(app, status, text, time.monotonic() - began), f"{status} {text[-500:]}"


@settings(max_examples=60, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@each(body=st.dictionaries(
    st.sampled_from(["data", "fn_index", "session_hash", "trigger_id", "event_data", "event_id"]), VALUES
), number=st.integers(0, 60))  # fmt: skip
def test_any_event_gets_an_answer(app, visitor, body, number):
    body = {"fn_index": number, "session_hash": "any", "data": []} | body
    if not isinstance(body["session_hash"], str) or not body["session_hash"].isalnum():
        body["session_hash"] = "any"
    began = time.monotonic()
    status, _, text = send(visitor, Ask("", "POST", "/gradio_api/queue/join", body))
    assert not fault(app, status, text, time.monotonic() - began), f"{status} {text[-500:]}"


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200), b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 5000 + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\na: " + b"b" * 200_000 + b"\r\n\r\n",
        b"POST /gradio_api/upload HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\nabc",
        b"POST /gradio_api/upload HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /gradio_api/call/words HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n",
        b"GET http://127.0.0.1:9/ HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: \r\nOrigin: \xff\xfe\r\n\r\n", b"GET /config HTTP/1.1\r\nHost: [::\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nCookie: " + b"a=b;" * 3000 + b"\r\nX-Forwarded-For: '<>, ::, 999.1\r\n\r\n",
    ],
)  # fmt: skip
def test_what_is_no_http_is_refused(app, visitor, data):
    heard = raw(app, data, listen=1)
    assert not re.match(rb"HTTP/1.1 5", heard), heard[:300]
    assert b"Traceback" not in heard
    assert visitor.http.get("/config").status_code == 200


# ---------------------------------------------------------------- headers


@pytest.fixture(scope="module")
def answers(visitor, uploaded) -> dict[str, httpx.Response]:
    """One answer of each kind that a visitor gets."""
    page = visitor.http.get("/")
    script = re.search(r'(?:src|href)="\.?(/?assets/[^"]+\.js)"', page.text)[1]
    asked = visitor.http.post("/gradio_api/call/words", json={"data": list(CASE)})
    return {
        "the page": page,
        "its configuration": visitor.http.get("/config"),
        "a script": visitor.http.get("/" + script.lstrip("/")),
        "the colours": visitor.http.get("/theme.css"),
        "nothing": visitor.http.get("/nothing"),
        "the endpoints": visitor.http.get("/gradio_api/info"),
        "an upload": visitor.http.post("/gradio_api/upload", files={"files": ("a.png", encode(picture(1), "PNG"))}),
        "the image": visitor.http.get(f"/gradio_api/file={uploaded}"),
        "a call": asked,
        "its answer": visitor.http.get(f"/gradio_api/call/words/{asked.json()['event_id']}"),
        "a wrong call": visitor.http.post("/gradio_api/call/words", content=b"{"),
        "a closed door": visitor.http.post("/gradio_api/run/words", json={"data": []}),
        "a wrong method": visitor.http.delete("/config"),
        "HEAD": visitor.http.head("/"),
    }


def policy(answer: httpx.Response) -> dict[str, list[str]]:
    """The Content-Security-Policy: directive -> sources."""
    parts = [part.split() for part in answer.headers.get("content-security-policy", "").split(";") if part.strip()]
    return {name.lower(): sources for name, *sources in parts}


def test_every_answer_has_the_headers(answers):
    assert (
        answers["the page"].status_code == answers["the image"].status_code == answers["an upload"].status_code == 200
    )
    for name, answer in answers.items():
        assert policy(answer), f"{name} has no policy"
        assert answer.headers.get("x-content-type-options") == "nosniff", name
        told = answer.headers.get("referrer-policy", "")
        assert told in ("no-referrer", "same-origin", "strict-origin", "strict-origin-when-cross-origin"), name


def test_the_policy_lets_nothing_in_from_elsewhere(answers):
    rules = policy(answers["the page"])
    frame = rules.pop("frame-ancestors")
    assert {"https://huggingface.co", "https://*.hf.space"} <= set(frame), "a Space embeds the page"
    assert {s for s in frame if s != "'self'"} == {"https://huggingface.co", "https://*.hf.space"}
    allowed = {"'self'", "'none'", "data:", "blob:", "'unsafe-inline'", "'unsafe-eval'", "'wasm-unsafe-eval'"}
    for name, sources in rules.items():
        foreign = {s for s in sources if s not in allowed and not re.match(r"'(nonce|sha\d+)-", s)}
        assert not foreign, f"{name} allows {foreign}"
    assert rules["default-src"] in (["'self'"], ["'none'"])
    for name in ("script-src", "connect-src", "object-src", "base-uri", "form-action"):
        # what default-src does not cover must be said
        assert name in rules or name.endswith("-src"), f"{name} is open"
    assert "data:" not in rules.get("script-src", [])
    assert "x-frame-options" not in answers["the page"].headers


@pytest.mark.parametrize("host", [None, "someone-mat.hf.space", "localhost:7860"])
@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://localhost.evil.example", "null", "http://127.0.0.1.nip.io"]
)
def test_a_foreign_page_reads_nothing(visitor, origin, host):
    headers = {"Origin": origin} | ({"Host": host} if host else {})
    asks = (
        ("GET", "/config", {}), ("POST", "/gradio_api/call/words", {}), ("GET", "/gradio_api/file=x", {}),
        ("OPTIONS", "/gradio_api/upload", {"Access-Control-Request-Method": "POST"}),
        ("OPTIONS", "/gradio_api/queue/join", {"Access-Control-Request-Method": "POST",
                                               "Access-Control-Request-Headers": "content-type"}),
    )  # fmt: skip
    for method, path, more in asks:
        answer = visitor.http.request(
            method, path, headers=headers | more, json={"data": list(CASE)} if method == "POST" else None
        )
        let = answer.headers.get("access-control-allow-origin")
        with_cookies = answer.headers.get("access-control-allow-credentials") == "true"
        assert let != origin, f"{method} {path} lets {origin} in"
        assert not (let == "*" and with_cookies), path


def test_no_answer_names_a_folder_of_the_server(app, answers, visitor, events, uploaded):
    texts = {name: answer.text + str(answer.headers) for name, answer in answers.items() if name != "the image"}
    event = events["diagnose.click"]
    texts["a diagnosis"] = json.dumps(
        visitor.event(event["number"], *page_inputs(event["inputs"], given(uploaded))).data
    )
    for endpoint in ENDPOINTS:
        if endpoint in ("list_examples", "model_card", "words", "diagnose_example"):
            texts[endpoint] = json.dumps(
                visitor.call(endpoint, *{"words": CASE, "diagnose_example": (0,)}.get(endpoint, ())).data
            )
    for event in visitor.config["dependencies"]:
        if event["targets"] and event["targets"][0][1] == "load":
            texts[f"load {event['id']}"] = json.dumps(visitor.event(event["id"], *[None] * len(event["inputs"])).data)
    for name, text in texts.items():
        found = [folder for folder in temporary_names(app) if folder in text]
        assert not found, f"{name}: {text[max(0, text.index(found[0]) - 100) :][:300]}"
    assert not uploaded.startswith("/"), "an absolute path of the server"


# ---------------------------------------------------------------- images


@pytest.fixture(scope="module")
def corpus() -> dict[str, bytes]:
    found = images()
    assert len(found) >= 300
    return found


@pytest.fixture(scope="module")
def own_diagnoser(tiny_bundle) -> Iterator[Diagnoser]:
    """One that remembers all regions, as the app of these tests does."""
    with pytest.MonkeyPatch.context() as changed:
        changed.setattr("mat_core.diagnoser.REMEMBERED_IMAGES", 1000)
        yield Diagnoser(load_bundle(tiny_bundle))


@pytest.fixture(scope="module")
def truth(corpus, own_diagnoser) -> dict[str, dict | None]:
    """What each image's probabilities are, None where it is no image."""
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, data in corpus.items():
            try:
                found[name] = own_diagnoser(data, Metadata(*CASE)).probabilities
            except ImageError:
                found[name] = None
    return found


def test_the_corpus_is_hostile_enough(corpus, truth):
    refused = sum(vector is None for vector in truth.values())
    assert refused > 100
    assert len(truth) - refused > 50, "nearly all are refused: the way to the network is not tried"
    assert images() == corpus, "not the same images each time"


def test_hostile_images_through_endpoints_and_page(app, visitor, events, corpus, truth):
    """Each is uploaded once and asked about through both; the answer is its own, or a sentence."""
    event = events["diagnose.click"]
    rest = {
        "explore": CASE, "attention": CASE, "regions": (), "relevance": (*CASE, None),
        "walk_through": (*CASE, "words_to_regions", 0, 0, 0, 0), "figure": (*CASE, 5, None),
    }  # fmt: skip
    ways = itertools.cycle([None, None, *rest, None])  # a third endpoint for some of them
    turns = dict(zip(corpus, ways, strict=False))
    path = visitor.upload(encode(picture(2), "PNG"))
    for _ in range(3):  # what is loaded with a first answer of each kind is no leak
        for name, more in {"doubt": CASE, **rest}.items():
            assert visitor.call(name, given(path), *more).good
        assert visitor.event(event["number"], *page_inputs(event["inputs"], given(path))).good
    before = app.memory()

    def ask(visitor, name):
        try:
            path = visitor.upload(corpus[name])
        except AssertionError as error:
            return None, None, None, str(error)
        first = visitor.call("diagnose", given(path), *CASE)
        shown = visitor.event(event["number"], *page_inputs(event["inputs"], given(path)))
        other = turns[name] and visitor.call(turns[name], given(path), *rest[turns[name]])
        return first, shown, other, ""

    wrong = []
    for name, (first, shown, other, refused) in zip(corpus, in_parallel(app, ask, list(corpus)), strict=True):
        if refused:  # an upload that is refused is fine for what is no image
            if truth[name] is not None or "Traceback" in refused or " 5" in refused[:20]:
                wrong.append(f"{name}: the upload was refused: {refused[:200]}")
            continue
        for where, answer in (("diagnose", first), ("page", shown), (turns[name], other)):
            if answer and (answer.status >= 500 or "Traceback" in answer.told or answer.seconds > 30):
                wrong.append(f"{name}, {where}: {answer.status} {answer.told[:200]} {answer.seconds:.0f} s")
        got = first.data[0]["probabilities"] if first.good else None
        if got != truth[name] or (not first.good and not is_sentence(first.told)):
            wrong.append(f"{name}: {got or first.told!r} and not {truth[name]}")
        seen = shown_vector(shown.data)
        if seen != (truth[name] and dict(sorted(truth[name].items()))):
            wrong.append(f"{name} on the page: {seen} and not {truth[name]}")
        if other and other.good != (truth[name] is not None):
            wrong.append(f"{name}: {turns[name]} said {other.told[:200]!r}")
    assert not wrong, f"{len(wrong)}:\n" + "\n".join(wrong[:60])
    grown = app.memory() - before
    print(f"memory: {before / 2**20:.0f} MB before, {grown / 2**20:+.0f} MB after {len(corpus)} images")
    assert grown <= MOST_MORE


@needs_mcp
def test_hostile_images_as_tools(app, corpus, truth):
    async def use(session):
        found = {}
        for name, data in corpus.items():
            uri = "data:image/png;base64," + base64.b64encode(data).decode()
            case = dict(zip(("age", "sex", "localization"), CASE, strict=True))
            found[name] = await session.call_tool("diagnose", {"image": uri, **case})
        return found

    for name, answer in use_tools(app, use).items():
        text = answer.content[0].text
        assert answer.isError == (truth[name] is None), f"{name}: {text[:200]}"
        if answer.isError:
            assert is_sentence(text), name
            assert not [folder for folder in temporary_names(app) if folder in text], f"{name}: {text}"
        else:
            assert json.loads(text)["probabilities"] == truth[name], name


def test_hostile_images_on_the_command_line(corpus, truth, own_diagnoser, tmp_path, monkeypatch, capfd):
    """In this process: the command line itself, with a model that is loaded already."""
    monkeypatch.setattr(Diagnoser, "from_pretrained", lambda *_: own_diagnoser)
    for number, (name, data) in enumerate(corpus.items()):
        path = tmp_path / f"{number}.png"
        path.write_bytes(data)
        status = command_line(
            ["diagnose", str(path), "--age", "55", "--sex", "female", "--localization", "back", "--json"]
        )
        out, error = capfd.readouterr()
        assert "Traceback" not in error
        assert status == (0 if truth[name] else 2), name
        if truth[name]:
            assert json.loads(out)["probabilities"] == truth[name]
        else:
            assert re.search(r"^error: \w+ \w+", error, re.M), f"{name}: {error}"


@pytest.mark.parametrize("name", ["noise of 1024 bytes", "CMYK JPEG"])
def test_hostile_images_as_a_person_types_it(corpus, truth, tiny_bundle, tmp_path, name):
    (tmp_path / "lesion.png").write_bytes(corpus[name])
    command = [
        sys.executable,
        "-m",
        "mat_core",
        "diagnose",
        tmp_path / "lesion.png",
        "--checkpoint",
        tiny_bundle,
        "--json",
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.returncode == (0 if truth[name] else 2)
    assert "Traceback" not in done.stderr
    if truth[name]:
        assert is_vector(json.loads(done.stdout)["probabilities"])
    else:
        assert re.search(r"^error: ", done.stderr, re.M)


@settings(max_examples=40, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@each(kind=st.sampled_from(["PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF"]), number=st.integers(0, 5),
      changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=12),
      end=st.floats(0.2, 1))  # fmt: skip
def test_any_damage_gets_an_answer(app, visitor, tiny_diagnoser, kind, number, changes, end):
    data = bytearray(encode(picture(number), kind))
    for place, value in changes:
        data[int(place * (len(data) - 1))] = value
    data = bytes(data[: int(end * len(data))])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            expected = tiny_diagnoser(data, Metadata(*CASE)).probabilities
        except ImageError:
            expected = None
    answer = visitor.call("diagnose", given(visitor.upload(data)), *CASE)
    assert (answer.data[0]["probabilities"] if answer.good else None) == expected
    assert answer.good or is_sentence(answer.told)


def test_files_at_the_limit_of_size(visitor):
    whole = encode(picture(3), "PNG")
    just = whole + bytes(MAX_BYTES - len(whole))
    assert visitor.call("diagnose", given(visitor.upload(just)), *CASE).good
    for more in (1, 2**20, 30 * 2**20):
        answer = visitor.http.post("/gradio_api/upload", files={"files": ("a.png", just + bytes(more))})
        assert answer.status_code in (400, 413), f"{answer.status_code} {answer.text[:200]}"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is read from /proc")
@pytest.mark.alone
def test_images_of_many_pixels_leave_no_memory_behind(app, visitor, uploaded):
    """As many at once as compute at once, under the cap; a sentence is fine, an app that is gone is not."""
    files = heavy_images()
    visitor.call("diagnose", given(uploaded), *CASE)
    before, peak, done = app.memory(), [0], threading.Event()

    def watch():
        while not done.wait(0.05):
            peak[0] = max(peak[0], app.memory())

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        found = in_parallel(
            app, lambda visitor, name: visitor.call("diagnose", given(visitor.upload(files[name])), *CASE), list(files)
        )
    finally:
        done.set()
        watching.join()
    print(f"memory: {before / 2**20:.0f} MB before, at most {peak[0] / 2**20:.0f}, {app.memory() / 2**20:.0f} MB after")
    for name, answer in zip(files, found, strict=True):
        assert answer.good or is_sentence(answer.told), f"{name}: {answer.told}"
        assert answer.seconds < PATIENCE
    assert peak[0] < CAP
    assert visitor.call("diagnose", given(uploaded), *CASE).good
    assert app.memory() - before <= MOST_MORE


def test_whole_uploads_under_any_name_do_no_harm(app, visitor):
    """Raw requests, as no library writes them; the app goes on."""
    data = encode(picture(4), "PNG")
    for request in (
        form(data),
        form(data, name="file"),
        form(data, name="x" * 300),
        form(data, path="upload?upload_id=1"),
    ):
        heard = raw(app, request, listen=3)
        assert heard.startswith(b"HTTP/1.1 "), heard[:100]
        assert not heard.startswith(b"HTTP/1.1 5"), heard[:300]
    assert visitor.call("diagnose", given(visitor.upload(data)), *CASE).good
