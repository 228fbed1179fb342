"""The server's own parts, one by one: routes, bodies, uploads, the share of an address, the machine's quota."""

import asyncio
import io
import json
import os
import platform
import re
import ssl
import subprocess
import sys
import threading
import time
from xml.etree import ElementTree

import gradio as gr
import httpx
import numpy as np
import pytest
from conftest import served
from fastapi.testclient import TestClient
from hostile_inputs import encode, picture
from PIL import Image
from starlette.responses import PlainTextResponse

import app
from interface.api.parameters import read_image
from interface.server import security_middleware, waiting_limit
from interface.server.request_validation import RequestValidator
from interface.server.routes import OPEN, TOOLS
from interface.server.security_middleware import SecurityMiddleware
from interface.server.serving import Certificate, create_app, uvicorn_config
from interface.server.static_files import PREFIX, static_url
from interface.server.upload_routes import PREVIEW_SIDE
from interface.server.upload_store import Uploads, sanitize_filename
from interface.server.waiting_limit import WaitingLimit, address_of
from mat_core import UserError
from mat_core.utils.cpu import available_cpus, limit_malloc_arenas

LESION = picture(1)  # of 120 x 90 pixels
# what this version of Gradio serves and the app does not: a new version's new routes make the test below fail
CLOSED = {
    "/gradio_api/api/{api_name}", "/gradio_api/run/{api_name}", "/gradio_api/deep_link", "/gradio_api/dev/reload",
    "/gradio_api/custom_component/{id}/{environment}/{type}/{file_name}", "/gradio_api/file/{path:path}",
    "/gradio_api/login_check", "/gradio_api/process_recording", "/gradio_api/proxy={url_path:path}", "/gradio_api/runs",
    "/gradio_api/stream/{event_id}", "/gradio_api/stream/{event_id}/close",
    "/gradio_api/stream/{session_hash}/{run}/{component_id}/playlist-file",
    "/gradio_api/stream/{session_hash}/{run}/{component_id}/playlist.m3u8",
    "/gradio_api/stream/{session_hash}/{run}/{component_id}/{segment_id}.{ext}", "/gradio_api/theme.css",
    "/gradio_api/token", "/gradio_api/undo-vibe-edit", "/gradio_api/user", "/gradio_api/vibe-code",
    "/gradio_api/vibe-edit", "/gradio_api/vibe-starter-queries", "/login", "/logout", "/monitoring",
    "/monitoring/summary", "/monitoring/{key}", "/openapi.json", "/pwa_icon", "/pwa_icon/{size}",
}  # fmt: skip


def routes(found):
    for route in found:
        inner = getattr(route, "original_router", None) or getattr(getattr(route, "app", None), "router", None)
        if hasattr(route, "path") and not hasattr(route, "routes"):
            yield route.path
        elif inner is not None:
            yield from routes(inner.routes)


class Demo:
    """A small app. gate: while it is not set, endpoints and events of the page wait."""

    def __init__(self):
        self.gate = threading.Event()
        self.gate.set()

        def say(image: gr.FileData | None = None, age: float | None = None) -> dict:
            """Say what came."""
            self.gate.wait(30)
            return {"image": image, "age": age}

        with gr.Blocks(analytics_enabled=False) as self.blocks:
            age, told, count = gr.Number(label="age"), gr.Textbox(), gr.Slider(1, 9)
            gr.api(say, api_name="say", concurrency_id="api", concurrency_limit=2)
            gr.on([], lambda age: self.gate.wait(30) and f"age {age}", age, told, api_visibility="private")
            count.change(lambda count: f"{count}", count, told, api_visibility="private")
        self.app = create_app(self.blocks.queue(max_size=256, default_concurrency_limit=2))
        self.page = next(e["id"] for e in self.blocks.config["dependencies"] if e["api_visibility"] == "private")


@pytest.fixture(scope="module")
def demo():
    return Demo()


@pytest.fixture(scope="module")
def web(demo):
    with TestClient(demo.app) as web:
        yield web


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    return tmp_path / "uploads"


def test_every_route_of_gradio_is_open_on_purpose_or_closed(demo):
    ours = [re.compile(pattern) for _, pattern, _ in OPEN]
    served = {path.rstrip("/") or "/" for path in routes(demo.app.routes)} | {static_url("style.css")}
    example = {path: re.sub(r"\{[^}]+\}", "x", path) for path in served}
    opened = {path for path in served if any(o.fullmatch(example[path]) for o in ours)}
    assert served - opened - CLOSED == set(), "new in this Gradio: does the app need it?"
    assert CLOSED - served == set(), "gone from this Gradio"
    assert opened & CLOSED == set()
    assert all(any(o.fullmatch(example[path]) for path in served) for o in ours), "open for nothing"


def test_a_closed_route_is_not_there(web):
    for path in sorted(CLOSED):
        path = re.sub(r"\{[^}]+\}", "x", path)
        assert [web.request(method, path).status_code for method in ("GET", "POST")] == [404, 404], path


@pytest.mark.parametrize(
    ("path", "body", "status", "says"),
    [
        ("call/say", b"{", 400, "JSON"),
        ("call/say", b"[1]", 400, "JSON"),
        ("call/say", b'{"data": "\\ud800"}', 400, "JSON"),
        ("call/say", b"[" * 100_000, 400, "JSON"),
        ("call/say", b'{"data": 3}', 400, "data"),
        ("call/nothing", b'{"data": []}', 404, "endpoint"),
        ("call/v2/say", b'{"age": 3, "height": 4}', 400, "height"),
        ("queue/join", b'{"data": [], "fn_index": 0}', 400, "session_hash"),
        ("queue/join", b'{"data": [], "fn_index": true, "session_hash": "a"}', 400, "fn_index"),
        ("call/say", b'{"data": [null]}', 400, "2 values"),
        ("call/say", b'{"data": [{"path": 3}, null]}', 400, "image"),
        ("call/v2/say", b'{"image": {"meta": {}}}', 400, "image"),
        ("queue/join", b'{"data": [], "fn_index": 99, "session_hash": "a"}', 404, "event"),
        ("component_server", b'{"component_id": 1, "fn_name": "preprocess", "session_hash": "a"}', 404, "function"),
        ("component_server", b'{"component_id": 99999, "fn_name": "f", "session_hash": "a"}', 404, "function"),
        ("queue/join", b'{"data": [null], "fn_index": 2, "session_hash": "a"}', 400, "data.0"),  # of a slider
        ("cancel", b"{}", 400, "session_hash"),
        ("reset", b'{"event_id": []}', 400, "event_id"),
        ("call/say", b'{"data": ["' + b"x" * 2**20 + b'"]}', 413, "large"),
    ],
)
def test_a_body_that_does_not_fit_is_refused(web, path, body, status, says):
    answer = web.post(f"/gradio_api/{path}", content=body)
    assert answer.status_code == status
    assert says in answer.json()["detail"]


@pytest.mark.parametrize("host", ["testserver", "someone-mat.hf.space"])
@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1.nip.io"])
def test_another_site_reads_and_sends_nothing(web, origin, host):
    evil = {"Origin": origin, "Host": host}
    assert web.post("/gradio_api/call/say", headers=evil, json={"data": [None, 1]}).status_code == 403
    preflight = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    answers = [web.get(path, headers=evil) for path in ("/gradio_api/info", "/config", "/gradio_api/file=x")]
    answers += [web.options(f"/gradio_api/{path}", headers=evil | preflight) for path in ("upload", "queue/join")]
    for answer in answers:
        assert not [name for name in answer.headers if name.startswith("access-control")]
    assert "frame-ancestors" in answers[0].headers["content-security-policy"]
    assert answers[0].headers["x-content-type-options"] == "nosniff"


def address_seen(proxies: str, peer: str, forwarded_for: str) -> str:
    """The visitor's address as uvicorn tells the app, configured as `serving.run` does."""
    seen = []

    async def inner(scope, receive, send):
        seen.append(scope["client"][0])

    config = uvicorn_config(inner, proxies)
    config.load()
    scope = {"type": "http", "client": (peer, 1), "headers": [(b"x-forwarded-for", forwarded_for.encode())]}
    asyncio.run(config.loaded_app(scope, None, None))
    return seen[0]


@pytest.mark.parametrize(
    ("proxies", "passed", "seen"),
    [
        ("", "1.2.3.4", "10.0.0.9"),
        ("192.168.0.0/16", "1.2.3.4", "10.0.0.9"),
        ("10.0.0.0/8", "1.2.3.4", "1.2.3.4"),
        ("10.0.0.0/8", "6.6.6.6, 1.2.3.4, 10.0.0.3", "1.2.3.4"),  # the first was sent by the visitor
        ("10.0.0.0/8", "", "10.0.0.9"),
    ],
)
def test_a_visitors_address_is_believed_from_a_named_proxy_only(proxies, passed, seen):
    assert address_seen(proxies, "10.0.0.9", passed) == seen


def test_a_space_believes_its_own_proxy_and_a_laptop_nobody(monkeypatch):
    monkeypatch.delenv("FORWARDED_ALLOW_IPS", raising=False)
    monkeypatch.delenv("SPACE_ID", raising=False)
    assert app._parser().parse_args([]).proxy == ""
    monkeypatch.setenv("SPACE_ID", "somebody/space")
    assert address_seen(app._parser().parse_args([]).proxy, "10.20.30.40", "1.2.3.4") == "1.2.3.4"
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    assert address_seen(app._parser().parse_args([]).proxy, "2001:db8::1", "1.2.3.4") == "1.2.3.4"


@pytest.mark.parametrize("behind_proxy", [False, True])
def test_forwarded_headers_reach_gradio_only_behind_a_named_proxy(behind_proxy):
    scope = {
        "type": "http", "path": "/", "scheme": "http", "client": ("10.0.0.9", 1), "query_string": b"page=a&deep_link=b",
        "headers": [(b"x-forwarded-for", b"1.2.3.4"), (b"x-forwarded-host", b"evil"), (b"host", b"app")],
    }  # fmt: skip
    clean = SecurityMiddleware(None, None, None, behind_proxy=behind_proxy)._clean(scope)
    assert ((b"x-forwarded-host", b"evil") in clean["headers"]) == behind_proxy
    assert not [name for name, _ in clean["headers"] if name == b"x-forwarded-for"]
    assert clean["query_string"] == b"page=a"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "clinic.example", "Origin": "http://clinic.example:8080"}, 200),  # a proxy left the port out
        ({"Host": "clinic.example:8080", "Origin": "http://clinic.example:8080"}, 200),
        ({"Host": "clinic.example:8080", "Origin": "http://clinic.example:9090"}, 403),
        ({"Host": "clinic.example", "Origin": "http://clinic.example.evil"}, 403),
        ({"Host": "clinic.example", "Origin": "null"}, 403),
        ({"Host": "10.0.0.1:7860", "Origin": "https://clinic.example", "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Host": "clinic.example", "Origin": "http://clinic.example", "Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
def test_only_the_apps_own_page_may_send(web, folder, headers, status):
    assert web.post("/gradio_api/upload", headers=headers, files={"files": b"x"}).status_code == status


@pytest.mark.parametrize("kept", [False, True])
def test_a_path_in_front_is_cut_off_and_in_every_link(kept, monkeypatch):
    monkeypatch.setenv("GRADIO_ROOT_PATH", "/mat")
    with TestClient(Demo().app, base_url="http://clinic.example") as web:
        config = web.get("/mat/config" if kept else "/config", headers={"X-Forwarded-Proto": "https"}).json()
        assert config["root"] == "https://clinic.example/mat"
        address = static_url("style.css")  # below `root`, which the page is told
        assert web.get(f"/mat{address}" if kept else address).status_code == 200
        assert web.get("/matter/config").status_code == 404


def test_an_error_inside_is_one_line_of_log_without_its_text(caplog):
    async def broken(scope, receive, send):
        raise RuntimeError("/secret/path")

    answer = TestClient(SecurityMiddleware(broken, None, None)).get("/")
    assert answer.status_code == 500
    assert answer.json() == {"detail": "Something went wrong inside the app."}
    assert "secret" not in caplog.text
    assert [record.message.split(" in ")[0] for record in caplog.records if record.levelname == "ERROR"] == [
        "RuntimeError"
    ]


@pytest.mark.parametrize("path", ["call/say/none", "call/v2/say/none"])
def test_a_call_that_was_never_made_has_no_stream(web, path):
    assert web.get(f"/gradio_api/{path}").status_code == 404


@pytest.mark.parametrize("query", ["?session_hash=none", ""])
def test_a_pages_stream_without_events_is_closed_at_once(web, query):
    """The page may open one after its last answer came; an error would stop it."""
    answer = web.get(f"/gradio_api/queue/data{query}")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert json.loads(answer.text.removeprefix("data: ")) == {"msg": "close_stream"}


def test_scripts_and_styles_are_cached_for_ever_and_other_files_of_assets_are_not_served(web):
    script = web.get(static_url("explorer/explorer.js"))
    assert "/javascript" in script.headers["content-type"]  # text or application: Gradio changes Python's table
    assert "immutable" in script.headers["cache-control"]
    assert "script-src 'self'" in script.headers["content-security-policy"]
    assert web.get(f"{PREFIX}/cases.json").status_code == 404
    assert web.get("/static/mat-0/explorer/explorer.js").status_code == 404
    assert web.get("/").headers["cache-control"] == "no-store"
    with pytest.raises(ValueError, match=r"cases\.json"):
        static_url("cases.json")


def test_tools_are_there_only_when_asked_for():
    assert not any(re.fullmatch(pattern, "/gradio_api/mcp/") for _, pattern, _ in OPEN)
    assert re.fullmatch(TOOLS[0][1], "/gradio_api/mcp/")


# ---------------------------------------------------------------- uploads


def test_an_upload_is_found_by_its_name_and_by_nothing_else(tmp_path):
    uploads = Uploads(tmp_path)
    name = uploads.add(b"lesion", "../../My lesion.jpg")
    assert re.fullmatch(r"[0-9a-f]{32}/My lesion.jpg", name)
    assert uploads.read(name) == b"lesion"
    token = name.split("/")[0]
    (tmp_path / ("0" * 32)).write_bytes(b"not given by anybody")
    for other in (
        f"{token}/other.jpg",
        token,
        f"{'0' * 32}/x",
        str(tmp_path / token),
        "/etc/hostname",
        "",
        None,
        3,
        [],
    ):
        with pytest.raises(FileNotFoundError):
            uploads.read(other)


def test_no_link_pipe_or_folder_is_followed_in_the_place_of_an_upload(tmp_path):
    uploads, secret = Uploads(tmp_path / "uploads"), tmp_path / "secret"
    secret.write_bytes(b"secret")
    for put in (lambda p: p.symlink_to(secret), os.mkfifo, os.mkdir):
        name = uploads.add(b"x", "x.png")
        path = uploads.folder / name.split("/")[0]
        path.unlink()
        put(path)
        with pytest.raises(FileNotFoundError):
            uploads.read(name)


def test_the_sweep_goes_by_age_whatever_put_the_file_there(tmp_path):
    uploads = Uploads(tmp_path)
    old, new = uploads.add(b"old", "a.png"), uploads.add(b"new", "b.png")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "partial").write_bytes(b"half")
    for path in (tmp_path / old.split("/")[0], tmp_path / "folder" / "partial", tmp_path / "folder"):
        os.utime(path, (0, time.time() - 100))
    os.utime(tmp_path / "folder", (0, time.time() - 100))
    uploads.sweep(50)
    uploads.sweep(-1 if not (tmp_path / "folder").exists() else 50)
    assert not (tmp_path / "folder" / "partial").exists()
    with pytest.raises(FileNotFoundError):
        uploads.read(old)
    assert old not in uploads
    assert new not in uploads or uploads.read(new) == b"new"


def test_who_holds_most_makes_room(tmp_path):
    uploads = Uploads(tmp_path, budget=10)
    few = uploads.add(b"12", owner="few")
    many = [uploads.add(b"123", owner="many") for _ in range(2)]
    third = uploads.add(b"1234", owner="many")
    assert many[0] not in uploads
    assert few in uploads
    assert third in uploads
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 10


def test_nothing_is_left_of_an_upload_when_the_disk_is_full(tmp_path, monkeypatch):
    def full(path, data):
        path.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        Uploads(tmp_path).add(b"x")
    assert list(tmp_path.iterdir()) == []


def test_names_are_fit_to_be_shown():
    assert sanitize_filename("C:\\lesions\\näevus 3.png") == "näevus 3.png"
    assert sanitize_filename("<script>.png") == "script.png"
    assert sanitize_filename("....") == sanitize_filename("") == "image"
    assert len(sanitize_filename("a" * 5000)) <= 100


def test_an_upload_over_http(web, folder):
    data = encode(LESION, "PNG")
    name = web.post("/gradio_api/upload", files={"files": ("lesion.png", data)}).json()[0]
    assert (folder / name.split("/")[0]).read_bytes() == data
    assert web.get(f"/gradio_api/file={name}").content == data
    assert web.get(f"/gradio_api/file={folder}/{name.split('/')[0]}").status_code == 404
    assert web.get("/gradio_api/upload_progress?upload_id=x").text == 'data: {"msg": "done"}\n\n'
    for wrong in ({"file": ("a.png", b"x")}, {"files": ("a.png", b"x"), "more": ("b.png", b"y")}):
        assert web.post("/gradio_api/upload", files=wrong).status_code == 400
    assert web.post("/gradio_api/upload", files={"files": ("a", b"x" * (20 * 2**20 + 1))}).status_code == 413
    assert web.post("/gradio_api/upload", content=b"nonsense").status_code == 400
    assert len(list(folder.iterdir())) == 1


@pytest.mark.parametrize("size", [(120, 90), (700, 1400)])
@pytest.mark.parametrize("kind", ["HEIF", "TIFF"])
def test_what_a_browser_cannot_draw_comes_as_a_jpeg_and_goes_with_the_upload(web, folder, kind, size):
    data = encode(LESION.resize(size), kind)
    name = web.post("/gradio_api/upload", files={"files": ("IMG_1.JPG", data)}).json()[0]
    answer = web.get(f"/gradio_api/file={name}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
    with Image.open(io.BytesIO(answer.content)) as preview:
        assert preview.format == "JPEG"
        assert max(preview.size) == min(max(size), PREVIEW_SIDE)
        assert np.abs(np.asarray(preview.resize(LESION.size), float) - LESION).mean() < 5
    (left,) = folder.iterdir()  # the upload alone
    left.unlink()
    assert web.get(f"/gradio_api/file={name}").status_code == 404


@pytest.mark.parametrize("data", [b"text", encode(LESION, "HEIF")[:700], b"\0" * 128 + b"DICM", b""])
def test_an_upload_that_cannot_be_read_is_shown_as_a_crossed_picture(web, data):
    name = web.post("/gradio_api/upload", files={"files": ("lesion.heic", data)}).json()[0]
    answer = web.get(f"/gradio_api/file={name}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml")
    assert ElementTree.fromstring(answer.content).tag.endswith("svg")


@pytest.mark.parametrize(
    "given",
    [
        {"path": "/x.png", "url": "http://h/x", "meta": {"_type": "gradio.FileData"}, "size": -1},
        {"url": "/x.png", "meta": {"_type": "gradio.FileData"}},
        [{"deeper": {"path": "/x.png", "meta": {"_type": "gradio.FileData"}}}],
    ],
)
def test_a_file_in_a_body_is_reduced_to_its_name(demo, given):
    body, kind = RequestValidator(demo.blocks).check(
        "/gradio_api/call/say", json.dumps({"data": [given, None]}).encode()
    )
    assert kind == "call"
    assert json.loads(body)["data"][0] in ({"path": "/x.png"}, [{"deeper": {"path": "/x.png"}}])


@pytest.mark.parametrize("file", [None, {}, {"path": 3}, {"path": "http://h/x.png"}, {"path": "/etc/hostname"}])
def test_only_an_upload_is_an_image(file):
    with pytest.raises(UserError) as refused:
        read_image(file)
    assert "/etc" not in str(refused.value)


# ---------------------------------------------------------------- how much an address may have waiting


def test_a_household_of_ipv6_is_one_address():
    assert (
        address_of(("2001:db8:1:2::1", 1)) == address_of(("2001:db8:1:2::9", 2)) != address_of(("2001:db8:1:3::1", 1))
    )
    assert address_of(("odd:name", 1)) == "odd:name"
    assert address_of(None) == ""


def test_an_event_counts_until_its_answer_is_delivered_or_its_reader_has_left(monkeypatch):
    limit = WaitingLimit()
    for number in range(waiting_limit.PAGES):
        limit.add(f"e{number}", "a", "7", f"s{number % 2}")
    assert limit.full("a", "7")
    assert not limit.full("a", "8")
    assert not limit.full("b", "7")
    limit.delivered("e0")
    assert not limit.full("a", "7")
    assert limit.read("s1")
    limit.add("late", "a", "7", "s1")
    limit.ended("s1")
    assert {event.stream for event in limit.events.values()} == {"s0", "s1"}
    assert limit.abandoned() == set()
    monkeypatch.setattr(waiting_limit, "UNFETCHED", -1)
    assert limit.abandoned() == {"s0", "s1"}
    assert not limit.read("s2")


@pytest.fixture
def running():
    """A small app of its own, and its address."""
    demo = Demo()
    with served(demo.app) as url:
        yield demo, url


def client(url: str, address: str = "127.0.0.1") -> httpx.Client:
    transport = httpx.HTTPTransport(local_address=address)
    return httpx.Client(base_url=url, trust_env=False, timeout=30, transport=transport)


def test_a_class_of_32_pages_behind_one_address_gets_all_its_answers(running):
    demo, url = running
    demo.gate.clear()
    with client(url) as web:
        for number in range(32):
            body = {"data": [number], "fn_index": demo.page, "session_hash": f"page{number}"}
            assert web.post("gradio_api/queue/join", json=body).status_code == 200
        demo.gate.set()
        for number in range(32):
            assert f'"age {number}"' in web.get(f"gradio_api/queue/data?session_hash=page{number}").text


def test_what_a_page_asks_on_an_answer_comes_by_the_same_stream(running, monkeypatch):
    """Gradio's script does not open another stream before it has read that this one closes."""
    demo, url = running
    monkeypatch.setattr(security_middleware, "LINGER", 5)
    said = []
    with client(url) as web:

        def ask(number):
            body = {"data": [number], "fn_index": demo.page, "session_hash": "page"}
            assert web.post("gradio_api/queue/join", json=body).status_code == 200

        ask(1)
        with web.stream("GET", "gradio_api/queue/data?session_hash=page") as stream:
            for line in stream.iter_lines():
                message = json.loads(line.removeprefix("data: ") or "{}")
                if message.get("msg") == "process_completed":
                    said.append(message["output"]["data"][0])
                    if len(said) == 2:
                        break
                    ask(2)
    assert said == ["age 1", "age 2"]


def test_a_reader_may_leave_at_the_answer_and_ask_again(running):
    demo, url = running

    def ask(web, number):
        body = {"data": [number], "fn_index": demo.page, "session_hash": "phone"}
        assert web.post("gradio_api/queue/join", json=body).status_code == 200

    def said(web, number):
        with web.stream("GET", "gradio_api/queue/data?session_hash=phone") as stream:
            return any(f'"age {number}"' in line for line in stream.iter_lines())

    with client(url) as web:
        ask(web, 1)
        assert said(web, 1)
        demo.gate.clear()
        try:
            ask(web, 2)
            time.sleep(2 * security_middleware.LINGER)  # longer than the first stream stays open
        finally:
            demo.gate.set()
        assert said(web, 2)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs 127.x.y.z as addresses of this machine")
def test_one_address_cannot_fill_the_queue_of_the_endpoints(running, monkeypatch):
    demo, url = running
    demo.gate.clear()

    def call(web):
        return web.post("gradio_api/call/say", json={"data": [None, 1]})

    with client(url) as one, client(url, "127.0.0.2") as other:
        accepted = [call(one) for _ in range(waiting_limit.CALLS)]
        assert {answer.status_code for answer in accepted} == {200}
        refused = call(one)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "30")
        assert call(other).status_code == 200
        body = {"data": [1], "fn_index": demo.page, "session_hash": "page"}
        assert one.post("gradio_api/queue/join", json=body).status_code == 200  # the page has its own share
        demo.gate.set()
        assert '"age": 1' in one.get(f"gradio_api/call/say/{accepted[0].json()['event_id']}").text
        assert call(one).status_code == 200


@pytest.mark.slow
def test_answers_that_nobody_fetches_are_dropped(monkeypatch):
    monkeypatch.setattr(waiting_limit, "UNFETCHED", 0)
    monkeypatch.setattr("interface.server.serving.SWEEP_INTERVAL", 0.2)
    demo = Demo()
    with served(demo.app) as url, client(url) as web:
        event = web.post("gradio_api/call/say", json={"data": [None, 1]}).json()["event_id"]
        time.sleep(3)
        assert web.get(f"gradio_api/call/say/{event}").status_code == 404


# ---------------------------------------------------------------- the machine


@pytest.mark.parametrize(
    ("files", "share"),
    [
        ({"cpu.max": "150000 100000\n"}, 2),
        ({"cpu.max": "50000 100000\n"}, 1),
        ({"cpu.max": "max 100000\n"}, 4),
        ({"cpu/cpu.cfs_quota_us": "200000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 2),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 4),
        ({"cpu.max": "nonsense"}, 4),
        ({}, 4),
    ],
)
def test_a_containers_quota_counts(tmp_path, monkeypatch, files, share):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: range(4), raising=False)
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert available_cpus(tmp_path) == share


def test_heaps_are_tuned_where_the_c_library_can(monkeypatch):
    assert limit_malloc_arenas(64) == (sys.platform.startswith("linux") and "glibc" in platform.libc_ver())
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not limit_malloc_arenas()


def test_https_with_a_certificate(tmp_path):
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=demo -addext subjectAltName=IP:127.0.0.1"
    files = [str(tmp_path / name) for name in ("cert.pem", "key.pem")]
    subprocess.run([*command.split(), "-out", files[0], "-keyout", files[1]], check=True, capture_output=True)
    certificate = Certificate(*files)
    certificate.check()
    with pytest.raises(UserError, match=r"cert\.pem"):
        Certificate(files[0]).check()  # without its key
    with served(PlainTextResponse("over https"), certificate=certificate) as url:
        assert url.startswith("https://")
        assert httpx.get(url, verify=ssl.create_default_context(cafile=files[0])).text == "over https"
