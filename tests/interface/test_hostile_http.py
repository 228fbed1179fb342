"""Hostile files and requests against a running app: each gets a sentence, none gets a file, none brings it down.

Every test watches what the app says: a traceback in its log fails the test that caused it. How the app words its
refusals is its own affair, but for one thing: it must not tell from them what lies on its disk.
"""

import base64
import contextlib
import json
import os
import random
import re
import resource
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from conftest import ROOT
from hostile_inputs import (
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
)  # fmt: skip
from hypothesis import HealthCheck, settings
from hypothesis import given as each
from hypothesis import strategies as st
from mcp_session import needs_mcp, use_tools

from mat_core import ImageError, Metadata
from mat_core.data.image_loading import MAX_BYTES, load_image

pytestmark = pytest.mark.slow
CASE = (55, "female", "back")
MOST_MORE = 100 * 2**20  # bytes that the app may have grown by
CAP = 3 * 2**30
# private addresses are refused by a check inside Gradio's own client; here every address is as good as a public one
PATCH = "import safehttpx; safehttpx.is_public_ip = lambda ip: True"
FEW = ("nothing", "an image", "a link out", "a climb")  # places that stand for all of them


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


DEFAULT_WAY = "as the client does"


def files_of(path: str) -> dict[str, dict]:
    """All that a client can say to mean this path."""
    return {
        DEFAULT_WAY: given(path),
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


def test_uploads_alone_are_read_and_nothing_is_told_of_the_rest(app, visitor, events, places):
    """All places through one endpoint and one event of the page, some of them in every other way and event."""
    assert {"diagnose.click", "image.input"} <= set(events)
    calls = [("diagnose", way, name) for way in files_of("") for name in (places if way == DEFAULT_WAY else FEW)]
    for event in events:
        # events of the image's own field show what is there already; what follows compares names and opens nothing
        if event.split(".")[0] not in ("image", "examples", "image-changes") and not event.startswith("after "):
            all_places = places if event == "diagnose.click" else FEW
            calls += [(event, way, name) for way in (DEFAULT_WAY, "without meta") for name in all_places]

    def ask(visitor, call):
        target, way, name = call
        file = files_of(places[name])[way]
        if target == "diagnose":
            answer = visitor.call(target, file, *CASE)
            return answer.good, f"{answer.status} {answer.told}", answer.seconds
        answer = visitor.event(events[target]["number"], *page_inputs(events[target]["inputs"], file))
        said = json.dumps(answer.data) if answer.good else answer.told
        return shown_vector(answer.data) is not None, said, answer.seconds

    groups: dict[tuple[str, str], dict[str, tuple]] = {}
    for (target, way, name), answer in zip(calls, in_parallel(app, ask, calls), strict=True):
        groups.setdefault((target, way), {})[name] = answer
    for answers in groups.values():
        assert_one_refusal(answers, app)


def test_no_route_hands_a_file_out(app, visitor, places, secret):
    """Nor does Gradio's own way to files: whatever is there, the same answer as for nothing."""
    body = secret.read_bytes()
    for root in ("file=", "file/", "file=/", "proxy=", "stream/", "custom_component/", "component_server/"):
        told_of = {}
        for name, path in places.items():
            if len(path) > 1000 or not path:
                continue
            status, _, text = send(visitor, Ask("GET", f"/gradio_api/{root}{path.replace('?', '%3f')}"))
            assert status in range(400, 500), f"{root}{name}: {status}"
            assert "a patient" not in text
            assert body.decode("utf-8", "replace")[:40] not in text
            if ".." not in path and path not in (".", "/"):  # a client or a proxy takes those apart itself
                told_of[status, re.sub(re.escape(path), "", text)] = name
        assert len({status for status, _ in told_of}) == 1, f"{root}: {[(s, n) for (s, _), n in told_of.items()]}"


@needs_mcp
def test_a_tool_reads_uploads_only_and_tells_nothing_of_the_rest(app, places):
    async def use(session):
        found = {}
        for start in ("", "file://", f"{app.url}/gradio_api/file="):
            for name in FEW if start else places:
                began = time.monotonic()
                answer = await session.call_tool("diagnose", {"image": start + places[name]})
                found[f"{start}{name}"] = not answer.isError, answer.content[0].text, time.monotonic() - began
        return found

    assert_one_refusal(use_tools(app.url, use), app)


# ---------------------------------------------------------------- other machines


def test_no_route_of_gradio_asks_another_machine(visitor, trap):
    """Every route that there is, with an address in the place of each part that it takes."""
    host, asked = trap.address, trap.asked
    known = routes()
    assert len(known) > 60, "the routes are not found in Gradio's source any more"
    for start in ("http://", "HTTP://", "http:/", "//", "http%3A%2F%2F", "https://", "http://a@", "file://", "\\\\"):
        for method, path in known:
            if "{" not in path:
                continue
            address = re.sub(r"\{[^}]*\}", f"{start}{host}/lesion.png", path)
            status, _, _ = send(visitor, Ask(method, address, {} if method == "POST" else None))
            assert status in range(300, 500), f"{method} {address}: {status}"
            assert asked == [], f"{method} {address}"
    for query in ("deep_link", "__theme", "url", "page", "session_hash", "upload_id", "path"):
        for path in ("/", "/config", "/gradio_api/info", "/gradio_api/queue/data", "/gradio_api/file="):
            send(visitor, Ask("GET", f"{path}?{query}=http://{host}/lesion.png"))
    assert asked == []


def test_no_image_field_asks_another_machine(app, visitor, events, trap):
    host, asked = trap.address, trap.asked
    address = f"http://{host}/lesion.png"
    for value in (
        {"url": address, "meta": META}, {"url": address}, given(address), {"path": address}, address, [given(address)],
        given("a.png", url=address), {"path": None, "url": address, "meta": META}, given(address.upper()),
        given(f"/gradio_api/file={address}"), given(f"{app.url}/gradio_api/file={address}"),
    ):  # fmt: skip
        answer = visitor.call("diagnose", value, *CASE)
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
            wrong.append(f"{one}: {reason}: {text[-200:]!r}")
    assert not wrong, f"{len(wrong)} of {len(asks)}:\n" + "\n".join(wrong)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
    | st.sampled_from([value for value in NO_IMAGES if "\\ud800" not in json.dumps(value)]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["path", "url", "meta", "_type", "data", "a"]), inner, max_size=3
    ), max_leaves=6,
)  # fmt: skip


@settings(max_examples=30, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@each(body=st.dictionaries(
    st.sampled_from(["data", "fn_index", "session_hash", "trigger_id", "event_data", "event_id"]), VALUES
), number=st.integers(0, 60))  # fmt: skip
def test_any_event_gets_an_answer(app, visitor, body, number):
    body = {"fn_index": number, "session_hash": "any", "data": []} | body
    if not isinstance(body["session_hash"], str) or not body["session_hash"].isalnum():
        body["session_hash"] = "any"
    began = time.monotonic()
    status, _, text = send(visitor, Ask("POST", "/gradio_api/queue/join", body))
    assert not fault(app, status, text, time.monotonic() - began), f"{status} {text[-500:]}"


NO_HTTP = [
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
]  # fmt: skip


def test_what_is_no_http_is_refused_and_raw_uploads_do_no_harm(app, visitor):
    """Requests that no library writes, all at once; the app goes on."""
    data = encode(picture(4), "PNG")
    uploads = [form(data), form(data, name="file"), form(data, name="x" * 300), form(data, path="upload?upload_id=1")]
    with ThreadPoolExecutor(8) as pool:
        heard = list(pool.map(lambda request: raw(app, request, listen=3), [*NO_HTTP, *uploads]))
    for request, answer in zip([*NO_HTTP, *uploads], heard, strict=True):
        assert not answer.startswith(b"HTTP/1.1 5"), (request[:100], answer[:300])
        assert b"Traceback" not in answer
    assert all(answer.startswith(b"HTTP/1.1 ") for answer in heard[len(NO_HTTP) :])
    assert visitor.http.get("/config").status_code == 200
    assert visitor.call("diagnose", given(visitor.upload(data)), *CASE).good


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


def test_no_answer_names_a_folder_of_the_server(app, answers, visitor, events, uploaded):
    texts = {name: answer.text + str(answer.headers) for name, answer in answers.items() if name != "the image"}
    event = events["diagnose.click"]
    texts["a diagnosis"] = json.dumps(
        visitor.event(event["number"], *page_inputs(event["inputs"], given(uploaded))).data
    )
    for endpoint, data in {"list_examples": (), "model_card": (), "words": CASE, "diagnose_example": (0,)}.items():
        texts[endpoint] = json.dumps(visitor.call(endpoint, *data).data)
    names = {part["id"]: part["props"].get("elem_id") for part in visitor.config["components"]}
    for event in visitor.config["dependencies"]:
        if event["targets"] and event["targets"][0][1] == "load":
            answer = visitor.event(event["id"], *page_inputs([names[number] for number in event["inputs"]], None))
            texts[f"load {event['id']}"] = json.dumps(answer.data)
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
def truth(corpus, tiny_diagnoser) -> dict[str, dict | None]:
    """The probabilities of a sample of the images, None where it is no image."""
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in random.Random(SEED).sample(sorted(corpus), 16):
            try:
                found[name] = tiny_diagnoser(corpus[name], Metadata(*CASE)).probabilities
            except ImageError:
                found[name] = None
    assert 4 <= sum(answer is None for answer in found.values()) <= 12, "not both kinds of images"
    return found


def test_every_hostile_image_is_read_or_refused_with_a_message(corpus):
    refused = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, data in corpus.items():
            try:
                image = load_image(data)
            except ImageError as error:
                refused += 1
                message = str(error)
                assert is_sentence(message), name
            else:
                assert (image.dtype, image.ndim, image.shape[-1]) == ("uint8", 3, 3), name
    assert refused > 100
    assert len(corpus) - refused > 50, "nearly all are refused: the way to the network is not tried"
    assert images() == corpus, "not the same images each time"


def test_hostile_images_through_endpoint_and_page(app, events, corpus, truth):
    """The same answers as without HTTP, or an error message."""
    event = events["diagnose.click"]

    def ask(visitor, name):
        answer = visitor.http.post("/gradio_api/upload", files={"files": ("a.png", corpus[name])})
        if answer.status_code != 200:
            return answer.status_code, None, None
        file = given(answer.json()[0])
        shown = visitor.event(event["number"], *page_inputs(event["inputs"], file))
        return 200, visitor.call("diagnose", file, *CASE), shown

    for name, (status, called, shown) in zip(truth, in_parallel(app, ask, list(truth)), strict=True):
        if status != 200:  # an upload that is refused is fine for what is no image
            assert (truth[name], status < 500) == (None, True), name
            continue
        for answer in (called, shown):
            assert answer.status < 500, f"{name}: {answer.told[:300]}"
            assert "Traceback" not in answer.told, name
        assert called.good or is_sentence(called.told), name
        assert (called.data[0]["probabilities"] if called.good else None) == truth[name], name
        assert shown_vector(shown.data) == (truth[name] and dict(sorted(truth[name].items()))), name


def test_a_bad_image_gets_an_error_message_from_every_endpoint(app, visitor):
    good, bad = visitor.upload(encode(picture(2), "PNG")), visitor.upload(b"no picture at all " * 99, "lesion.png")
    named = visitor.http.get("/gradio_api/info").json()["named_endpoints"]
    endpoints = [name for name in ENDPOINTS if named[f"/{name}"]["parameters"][:1] and
                 named[f"/{name}"]["parameters"][0]["parameter_name"] == "image"]  # fmt: skip
    assert len(endpoints) > 15

    def ask(visitor, endpoint):
        return visitor.call(f"v2/{endpoint}", body={"image": given(bad)})

    for endpoint, answer in zip(endpoints, in_parallel(app, ask, endpoints), strict=True):
        assert not answer.good, endpoint
        assert "not an image" in answer.told, f"{endpoint}: {answer.told}"
    assert visitor.call("v2/diagnose", body={"image": given(good)}).good


@needs_mcp
def test_hostile_images_as_tools(app, corpus, truth):
    async def use(session):
        found = {}
        for name in list(truth)[:8]:
            data = corpus[name]
            uri = "data:image/png;base64," + base64.b64encode(data).decode()
            case = dict(zip(("age", "sex", "localization"), CASE, strict=True))
            found[name] = await session.call_tool("diagnose", {"image": uri, **case})
        return found

    for name, answer in use_tools(app.url, use).items():
        text = answer.content[0].text
        assert answer.isError == (truth[name] is None), f"{name}: {text[:200]}"
        if answer.isError:
            assert is_sentence(text), name
            assert not [folder for folder in temporary_names(app) if folder in text], f"{name}: {text}"
        else:
            assert json.loads(text)["probabilities"] == truth[name], name


@settings(max_examples=25, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@each(kind=st.sampled_from(["PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF"]), number=st.integers(0, 5),
      changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=12),
      end=st.floats(0.2, 1))  # fmt: skip
def test_any_damage_gets_an_answer(tiny_diagnoser, kind, number, changes, end):
    data = bytearray(encode(picture(number), kind))
    for place, value in changes:
        data[int(place * (len(data) - 1))] = value
    data = bytes(data[: int(end * len(data))])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = tiny_diagnoser(data, Metadata(*CASE)).probabilities
        except ImageError as error:
            found = str(error)
    assert is_sentence(found) if isinstance(found, str) else is_vector(found)


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
