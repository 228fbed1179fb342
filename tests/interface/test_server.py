"""The server's own parts, one by one: the list of routes, uploads, whose turn it is, the machine's quota."""

import asyncio
import errno
import os
import platform
import re
import sys
import time
from dataclasses import dataclass, field
from types import SimpleNamespace

import gradio as gr
import httpx
import pytest
from fastapi import HTTPException

import app
from interface.server import fair_queue
from interface.server.fair_queue import CalmBlocks, FairQueue
from interface.server.guard import OPEN, TOOLS, Guard
from interface.server.image_field import image_upload
from interface.server.uploads import Uploads, tidy
from mat_core import BundleError
from mat_core.machine import cores, tune_heaps

# what this version of Gradio serves and the app does not: a new version's new routes make the test below fail
CLOSED = {
    "/gradio_api/api/{api_name}", "/gradio_api/run/{api_name}", "/gradio_api/deep_link", "/gradio_api/dev/reload",
    "/gradio_api/custom_component/{id}/{environment}/{type}/{file_name}", "/gradio_api/file/{path:path}",
    "/gradio_api/login_check", "/gradio_api/process_recording", "/gradio_api/proxy={url_path:path}",
    "/gradio_api/run-history/buckets", "/gradio_api/run-history/connect", "/gradio_api/run-history/records",
    "/gradio_api/run-history/records/{endpoint}/{record_id}/assets/{asset_id}", "/gradio_api/runs",
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
        inner = getattr(route, "original_router", None)
        if inner is None:
            yield route.path
        else:
            yield from routes(inner.routes)


def make_blocks() -> gr.Blocks:
    with CalmBlocks(analytics_enabled=False) as demo:
        age, image, told = gr.Number(label="age"), image_upload(label="image"), gr.Textbox()
        gr.on([], lambda age, image: f"{age} {image}", [age, image], told, api_name="say")
        gr.on([], lambda age: "page", age, told, api_visibility="private")
    return demo.queue(default_concurrency_limit=2)


@pytest.fixture
def blocks():
    return make_blocks()


@pytest.fixture(scope="module")
def untouched():
    """Blocks for those tests alone that send what never reaches them."""
    return make_blocks()


def test_every_route_of_gradio_is_open_on_purpose_or_closed(blocks):
    ours = [re.compile(pattern) for _, pattern, _ in OPEN]
    served = {path.rstrip("/") or "/" for path in routes(blocks.app.routes)}
    example = {path: re.sub(r"\{[^}]+\}", "x", path) for path in served}
    opened = {path for path in served if any(o.fullmatch(example[path]) for o in ours)}
    assert served - opened - CLOSED == set(), "new in this Gradio: does the app need it?"
    assert CLOSED - served == set(), "gone from this Gradio"
    assert opened & CLOSED == set()
    assert all(any(o.fullmatch(example[path]) for path in served) for o in ours), "open for nothing"


@pytest.fixture
def ask(blocks, tmp_path):
    """ask(method, path, ...): what the guard around `blocks` answers, in the process."""
    return asking(blocks, tmp_path)


@pytest.fixture
def ask_in_vain(untouched, tmp_path):
    """The same, for what is turned away before it reaches `untouched`."""
    return asking(untouched, tmp_path)


def asking(blocks, folder):
    def ask(method: str, path: str, client=("10.0.0.9", 1), proxies: str = "", **options) -> httpx.Response:
        guard = Guard(blocks.app, blocks, proxies, uploads=Uploads(folder / "uploads"))

        async def go():
            transport = httpx.ASGITransport(guard, client=client)
            async with httpx.AsyncClient(transport=transport, base_url="http://app") as web:
                return await web.request(method, path, **options)

        return asyncio.run(go())

    return ask


@pytest.mark.parametrize("path", sorted(CLOSED))
def test_what_is_closed_is_not_there(ask_in_vain, path):
    path = re.sub(r"\{[^}]+\}", "x", path)
    for method in ("GET", "POST"):
        assert ask_in_vain(method, path).status_code == 404


@pytest.mark.parametrize(
    ("path", "body", "status", "says"),
    [
        ("call/say", b"{", 400, "JSON"),
        ("call/say", b"[1]", 400, "JSON"),
        ("call/say", b'{"data": "\\ud800"}', 400, "JSON"),
        ("call/say", b"[" * 100_000, 400, "JSON"),
        ("call/say", b'{"data": 3}', 400, "list"),
        ("call/nothing", b'{"data": []}', 404, "endpoint"),
        ("call/v2/say", b'{"age": 3, "height": 4}', 400, "height"),
        ("queue/join", b'{"data": [], "fn_index": 0}', 400, "session_hash"),
        ("queue/join", b'{"data": [], "fn_index": true, "session_hash": "a"}', 400, "fn_index"),
        ("queue/join", b'{"data": [], "fn_index": 99, "session_hash": "a"}', 404, "action"),
        ("component_server", b'{"component_id": 1, "fn_name": "preprocess", "session_hash": "a"}', 404, "function"),
        ("component_server", b'{"component_id": 99999, "fn_name": "f", "session_hash": "a"}', 404, "function"),
        ("cancel", b"{}", 400, "event_id"),
        ("reset", b'{"event_id": []}', 400, "event_id"),
        ("call/say", b'{"data": ["' + b"x" * 2**20 + b'"]}', 413, "large"),
    ],
)
def test_a_body_that_does_not_fit_is_told_in_a_sentence(ask_in_vain, path, body, status, says):
    answer = ask_in_vain("POST", f"/gradio_api/{path}", content=body)
    assert answer.status_code == status
    assert says in answer.json()["detail"]


def test_other_sites_pages_may_not_send_and_nothing_is_reflected(ask):
    evil = {"Origin": "https://evil.example"}
    assert ask("POST", "/gradio_api/call/say", headers=evil, json={"data": [1, None]}).status_code == 403
    answer = ask("GET", "/gradio_api/info", headers=evil)
    assert answer.status_code == 200
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert "frame-ancestors" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("proxies", "passed", "seen"),
    [
        ("", "1.2.3.4", "10.0.0.9"),
        ("192.168.0.0/16", "1.2.3.4", "10.0.0.9"),
        ("10.0.0.0/8", "1.2.3.4", "1.2.3.4"),
        ("10.0.0.0/8", "6.6.6.6, 1.2.3.4, 10.0.0.3", "1.2.3.4"),  # the first was said by the visitor
        ("10.0.0.0/8", "", "10.0.0.9"),
    ],
)
def test_a_visitors_address_is_believed_from_a_named_proxy_only(proxies, passed, seen):
    scope = {
        "client": ("10.0.0.9", 1), "query_string": b"page=a&deep_link=b",
        "headers": [(b"x-forwarded-for", passed.encode()), (b"x-forwarded-host", b"evil"), (b"host", b"app")],
    }  # fmt: skip
    clean = Guard(None, None, proxies)._clean(scope)
    assert clean["client"][0] == seen
    assert ((b"x-forwarded-host", b"evil") in clean["headers"]) == (proxies == "10.0.0.0/8")
    assert clean["query_string"] == b"page=a"


def test_an_error_inside_is_a_sentence_and_one_line_of_log(caplog):
    async def broken(scope, receive, send):
        raise RuntimeError("/secret/path")

    async def go():
        transport = httpx.ASGITransport(Guard(broken, None))
        async with httpx.AsyncClient(transport=transport, base_url="http://app") as web:
            return await web.get("/")

    answer = asyncio.run(go())
    assert answer.status_code == 500
    assert answer.json() == {"detail": "Something went wrong inside the app."}
    assert "secret" not in caplog.text
    assert "RuntimeError" in caplog.text
    assert caplog.text.count("\n") == 1


@pytest.mark.parametrize("path", ["queue/data?session_hash=none", "queue/data", "call/say/none", "call/v2/say/none"])
def test_a_stream_about_nothing_is_not_begun(ask, path):
    answer = ask("GET", f"/gradio_api/{path}")
    assert answer.status_code == 404
    assert "under way" in answer.json()["detail"]


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
    assert tidy("C:\\lesions\\näevus 3.png") == "näevus 3.png"
    assert tidy("<script>.png") == "script.png"
    assert tidy("....") == tidy("") == "image"
    assert len(tidy("a" * 5000)) <= 100


def test_an_upload_over_the_air(ask, tmp_path):
    name = ask("POST", "/gradio_api/upload", files={"files": ("lesion.png", b"bytes")}).json()[0]
    assert str(tmp_path) not in name
    assert (tmp_path / "uploads" / name.split("/")[0]).read_bytes() == b"bytes"
    for wrong in ({"file": ("a.png", b"x")}, {"files": ("a.png", b"x"), "more": ("b.png", b"y")}):
        answer = ask("POST", "/gradio_api/upload", files=wrong)
        assert answer.status_code == 400
        assert "files" in answer.json()["detail"]
    assert ask("POST", "/gradio_api/upload", files={"files": ("a", b"x" * (20 * 2**20 + 1))}).status_code == 413
    assert ask("POST", "/gradio_api/upload", content=b"nonsense").status_code == 400
    assert len(list((tmp_path / "uploads").iterdir())) == 1


# ---------------------------------------------------------------- whose turn it is


@dataclass(eq=False)
class Waiting:
    """An event as the queue sees it."""

    host: str
    call: bool = False
    enqueue_time: float = field(default_factory=time.monotonic)
    concurrency_id: str = "one"

    def __post_init__(self):
        self.request = SimpleNamespace(client=SimpleNamespace(host=self.host))
        self.fn = SimpleNamespace(api_visibility="public" if self.call else "private")


@pytest.fixture
def queue(blocks):
    queue = blocks._queue
    assert isinstance(queue, FairQueue)
    queue.active_jobs = [None, None]
    queue.event_queue_per_concurrency_id = {
        "one": SimpleNamespace(queue=[], concurrency_limit=2, current_concurrency=0)
    }
    return queue


def taken(queue: FairQueue) -> Waiting | None:
    found = queue.get_events()
    return found and found[0][0]


def test_pages_come_before_calls_and_addresses_take_turns(queue):
    waiting = queue.event_queue_per_concurrency_id["one"].queue
    call, greedy, other = Waiting("b", call=True), [Waiting("a") for _ in range(3)], Waiting("c")
    waiting += [call, *greedy, other]
    assert [taken(queue) for _ in range(6)] == [greedy[0], other, greedy[1], greedy[2], call, None]


def test_who_has_work_running_waits_for_who_has_none(queue):
    waiting = queue.event_queue_per_concurrency_id["one"].queue
    busy, idle = Waiting("a"), Waiting("b")
    queue._served = {"b": 5}
    queue.active_jobs = [[Waiting("a")], None]
    waiting += [busy, idle]
    assert taken(queue) is idle


def test_a_household_of_ipv6_is_one_address(queue):
    one, same, other = (
        SimpleNamespace(client=SimpleNamespace(host=f"2001:db8:1:{n}")) for n in ("2::1", "2::9", "3::1")
    )
    assert fair_queue._address(one) == fair_queue._address(same) != fair_queue._address(other)
    assert fair_queue._address(SimpleNamespace(client=SimpleNamespace(host="odd:name"))) == "odd:name"
    assert fair_queue._address(SimpleNamespace(client=None)) == ""


def test_many_pages_of_one_address_do_not_hold_up_anothers_call(queue):
    waiting = queue.event_queue_per_concurrency_id["one"].queue
    pages, call = [Waiting("a") for _ in range(3)], Waiting("b", call=True)
    waiting += [*pages, call]
    assert taken(queue) is pages[0]
    queue.active_jobs = [[pages[0]], None]
    assert taken(queue) is call


def test_a_limit_of_the_queue_is_kept(queue):
    queue.event_queue_per_concurrency_id["one"].queue.append(Waiting("a"))
    queue.event_queue_per_concurrency_id["one"].current_concurrency = 2
    assert taken(queue) is None


def test_one_address_cannot_fill_the_queue(queue, blocks):
    waiting = queue.event_queue_per_concurrency_id["one"].queue
    say, page = (blocks.fns[i] for i in sorted(blocks.fns))

    def refused(fn, host: str) -> int | None:
        body = SimpleNamespace(fn_index=fn._id)
        request = SimpleNamespace(client=SimpleNamespace(host=host))
        try:
            asyncio.run(queue.push(body, request, None))
        except HTTPException as error:
            return error.status_code
        except AttributeError:  # let through: the body here is too thin for what comes then
            return None

    waiting += [Waiting("a", call=True) for _ in range(fair_queue.SHARE_OF_CALLS)]
    assert refused(say, "a") == 429
    assert refused(say, "b") is None
    assert refused(page, "a") is None
    waiting += [Waiting(f"x{i}", call=True) for i in range(fair_queue.WAITING_CALLS)]
    assert refused(say, "b") == 429
    assert refused(page, "b") is None
    body = SimpleNamespace(fn_index=12345)
    with pytest.raises(HTTPException) as unknown:
        asyncio.run(queue.push(body, SimpleNamespace(client=None), None))
    assert unknown.value.status_code == 404


@pytest.mark.parametrize(
    "inputs", [[], [1], [1, None, 2], [{"path": "/etc/hostname"}, None], [[1], None], [1, "x"], [1, [2]]]
)
def test_inputs_of_the_wrong_number_or_kind_are_a_sentence(blocks, inputs):
    say = next(fn for fn in blocks.fns.values() if fn.api_name == "say")
    with pytest.raises(gr.Error) as told:
        asyncio.run(blocks.preprocess_data(say, inputs, None))
    assert not told.value.print_exception
    assert len(str(told.value.message)) > 20


@pytest.mark.parametrize(
    "given",
    [{"path": "/x.png"}, {"path": "/x.png", "url": "http://h/x", "meta": {"_type": "gradio.FileData"}, "size": -1}],
)
def test_an_image_is_nothing_but_a_name(blocks, given):
    say = next(fn for fn in blocks.fns.values() if fn.api_name == "say")
    assert asyncio.run(blocks.preprocess_data(say, [1, given], None)) == [1, "/x.png"]


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
    assert cores(tmp_path) == share


def test_heaps_are_tuned_where_the_c_library_can(monkeypatch):
    assert tune_heaps(64) == (sys.platform.startswith("linux") and "glibc" in platform.libc_ver())
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not tune_heaps()


# ---------------------------------------------------------------- the command line of the app


@pytest.mark.parametrize("option", [["--port", "99999"], ["--port", "-1"], ["--port", "x"], ["--proxy", "everybody"]])
def test_options_that_cannot_be_are_refused_in_a_sentence(option, capsys):
    with pytest.raises(SystemExit) as ended:
        app.main(option)
    assert ended.value.code == 2
    assert option[1] in capsys.readouterr().err


def test_a_space_believes_its_own_proxy_and_a_laptop_nobody(monkeypatch):
    monkeypatch.delenv("FORWARDED_ALLOW_IPS", raising=False)
    monkeypatch.delenv("SPACE_ID", raising=False)
    assert app._parser().parse_args([]).proxy == ""
    monkeypatch.setenv("SPACE_ID", "somebody/space")
    assert Guard(None, None, app._parser().parse_args([]).proxy)._is_proxy("10.20.30.40")
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    assert Guard(None, None, app._parser().parse_args([]).proxy)._is_proxy("2001:db8::1")


@pytest.mark.parametrize("full", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_at_the_start_is_a_sentence(monkeypatch, capsys, tiny_bundle, tmp_path, full):
    def no_room(folder):
        raise OSError(full, "No space left on device")

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("interface.examples.synthetic_examples", no_room)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    assert app.main(["--checkpoint", str(tiny_bundle)]) == 2
    assert "disk is full" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_revision_of_the_hubs_goes_where_the_bundle_is_loaded(monkeypatch, capsys, tiny_bundle):
    asked = []

    def load(*given):
        asked.append(given)
        raise BundleError("that was all")

    monkeypatch.setattr("signal.signal", lambda *_: None)
    assert app.main(["--checkpoint", str(tiny_bundle), "--revision", "v1"]) == 2
    assert "A revision belongs to a name on the Hub" in capsys.readouterr().err
    monkeypatch.setattr("mat_core.diagnoser.load_bundle", load)
    assert app.main(["--checkpoint", "mat/tiny", "--revision", "0123abc"]) == 2
    assert app.main(["--checkpoint", "mat/tiny"]) == 2
    assert asked == [("mat/tiny", "0123abc"), ("mat/tiny", None)]
