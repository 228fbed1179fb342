"""Many clients at once, good and bad, some of them gone midway; and one who asks for everything while others wait.

The soak lasts $SOAK_SECONDS (default: 60); `make soak` runs it for five minutes and shows its figures.
"""

import contextlib
import os
import random
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest
from hostile import (
    SEED,
    SOON,
    App,
    Visitor,
    encode,
    fault,
    form,
    given,
    images,
    is_sentence,
    page_events,
    page_inputs,
    picture,
    raw,
    requests,
    running,
    send,
    shown_vector,
)  # fmt: skip

from mat_core import ImageError, Metadata

SECONDS = float(os.environ.get("SOAK_SECONDS", 60))
CLIENTS = 32
MOST_MORE = 100 * 2**20  # bytes that the app may have grown by
CASES = ((55, "female", "back"), (20, "male", "face"), (None, "unknown", "unknown"), (85, "male", "lower extremity"))
PAGE = (55, "female", "back")  # what page_inputs says
# as long as a large model takes on a small machine, whatever this one can do, and without keeping others from it
SLOW = """
import time
from mat_core import diagnoser
_regions = diagnoser.Diagnoser.regions
def _slowly(self, image):
    time.sleep(1)
    return _regions(self, image)
diagnoser.Diagnoser.regions = _slowly
"""
PROXY = "127.0.0.7"  # whose word on the address of a visitor is believed
pytestmark = [
    pytest.mark.slow,
    pytest.mark.alone,
    pytest.mark.skipif(
        not sys.platform.startswith("linux"), reason="needs 127.x.y.z as addresses of this machine, and /proc"
    ),
]


# ---------------------------------------------------------------- fairness


@pytest.fixture(scope="module")
def slow(tiny_bundle, tmp_path_factory) -> Iterator[App]:
    """An app that takes a second and more for each image."""
    with running(tmp_path_factory.mktemp("slow"), "--checkpoint", tiny_bundle, "--proxy", PROXY, patch=SLOW) as app:
        yield app
        assert app.process.poll() is None
        assert "Traceback" not in app.text()


def crowd(app: App, how: str, address: str, number: int = 40) -> Counter:
    """One client's `number` requests at once, whose answers it never hears; gives the statuses."""
    statuses = Counter()
    with Visitor(app, address) as visitor:
        path = visitor.upload(encode(picture(40), "PNG"))
        event = page_events(visitor.config)["diagnose.click"]
        for one in range(number):
            # behind a proxy, what the client made up stands before what the proxy saw
            said = f"10.0.0.{one}" if how == "disguised" else f"10.0.0.{one}, 203.0.113.5"
            headers = {"X-Forwarded-For": said, "X-Real-IP": said} if how in ("disguised", "behind a proxy") else {}
            if how == "pages":
                body = {"data": page_inputs(event["inputs"], given(path)), "fn_index": event["number"],
                        "session_hash": f"crowd{one}"}  # fmt: skip
                answer = visitor.http.post("/gradio_api/queue/join", json=body)
            else:
                body = {"data": [given(path), *PAGE]}
                answer = visitor.http.post("/gradio_api/call/diagnose", json=body, headers=headers)
            statuses[answer.status_code] += 1
            assert answer.status_code == 200 or is_sentence(answer.json()["detail"]), answer.text[:300]
    return statuses


@pytest.mark.parametrize("how", ["calls", "disguised", "pages", "behind a proxy"])
def test_one_client_does_not_lock_another_out(slow, how):
    """disguised: it claims another address with each call, and nobody named it as a proxy.

    behind a proxy: both come from the same address, and what the proxy says tells them apart.
    """
    proxied = how == "behind a proxy"
    statuses = crowd(slow, how, PROXY if proxied else "127.0.0.2")
    assert statuses[200] >= 4, "nothing waits: the test shows nothing"
    began = time.monotonic()
    told = {"X-Forwarded-For": "203.0.113.6"} if proxied else {}
    with Visitor(slow, PROXY if proxied else "127.0.0.3", **told) as visitor:
        visitor.hasty = True
        assert visitor.http.get("/").status_code == 200
        path = visitor.upload(encode(picture(41), "PNG"))
        event = page_events(visitor.config)["diagnose.click"]
        shown = visitor.event(event["number"], *page_inputs(event["inputs"], given(path)))
        page = time.monotonic() - began
        called = visitor.call("diagnose", given(path), *PAGE)
    assert shown_vector(shown.data), f"the page was told: {shown.status} {shown.told}"
    assert page < SOON
    assert called.good, f"the program was told: {called.status} {called.told}"
    assert called.seconds < SOON


def test_half_open_connections_lock_nobody_out(slow):
    """A hundred uploads that never go on, a hundred streams that nobody reads."""
    lines = []
    try:
        for _ in range(100):
            lines.append(_open(slow, form(bytes(1000), promise=10**6), "127.0.0.4"))
            lines.append(_open(slow, b"GET /gradio_api/heartbeat/x HTTP/1.1\r\nHost: x\r\n\r\n", "127.0.0.4"))
        with Visitor(slow, "127.0.0.5") as visitor:
            began = time.monotonic()
            assert visitor.http.get("/").status_code == 200
            path = visitor.upload(encode(picture(42), "PNG"))
            event = page_events(visitor.config)["diagnose.click"]
            shown = visitor.event(event["number"], *page_inputs(event["inputs"], given(path)))
            assert shown_vector(shown.data), shown.told
            assert time.monotonic() - began < 2 * SOON  # the calls of the crowd before may still run
    finally:
        for line in lines:
            line.close()


def _open(app: App, data: bytes, address: str) -> socket.socket:
    host, port = app.url.removeprefix("http://").split(":")
    line = socket.create_connection((host, int(port)), timeout=SOON, source_address=(address, 0))
    with contextlib.suppress(OSError):  # to be thrown out is fine
        line.sendall(data)
    return line


# ---------------------------------------------------------------- soak


class Notes:
    """What the clients found; safe between threads."""

    def __init__(self):
        self.lock = threading.Lock()
        self.seconds: list[float] = []  # of good requests that were answered
        self.visits: list[float] = []  # of the page beside
        self.count, self.wrong = Counter(), []

    def add(self, kind: str, wrong: str = "", seconds: float | None = None) -> None:
        with self.lock:
            self.count[kind] += 1
            if wrong:
                self.wrong.append(f"{kind}: {wrong}")
            if seconds is not None:
                self.seconds.append(seconds)


@pytest.fixture(scope="module")
def app(tiny_bundle, tmp_path_factory) -> Iterator[App]:
    with running(tmp_path_factory.mktemp("soak"), "--checkpoint", tiny_bundle) as app:
        yield app


@pytest.fixture(scope="module")
def good(tiny_diagnoser) -> list[tuple[bytes, list[dict]]]:
    """Images, and the probabilities of each with each of CASES."""
    files = [encode(picture(60 + number, 160, 120), ("PNG", "JPEG", "WEBP")[number % 3]) for number in range(16)]
    return [(data, [tiny_diagnoser(data, Metadata(*case)).probabilities for case in CASES]) for data in files]


def test_a_crowd_of_good_and_bad_clients(app, good, tiny_diagnoser, capsys):
    """Each answer is the one to its own image; who is not answered is told so; the page beside goes on."""
    chance = random.Random(SEED)
    bad = []
    for data in chance.sample(list(images().values()), 60):
        if len(data) > 10**6:
            continue
        try:
            bad.append((data, tiny_diagnoser(data, Metadata(*PAGE)).probabilities))
        except ImageError:
            bad.append((data, None))
    asks = chance.sample(requests(), 150)
    with Visitor(app) as visitor:  # so that what is loaded once is loaded
        event = page_events(visitor.config)["diagnose.click"]
        for data, _ in good[:3]:
            visitor.call("doubt", given(visitor.upload(data)), *PAGE)
            visitor.event(event["number"], *page_inputs(event["inputs"], given(visitor.upload(data))))
    notes, memory, over = Notes(), [app.memory()], threading.Event()
    end = time.monotonic() + SECONDS

    def watch():
        while not over.wait(0.2):
            memory.append(app.memory())

    def beside():
        """A person who opens the page and presses Diagnose, again and again."""
        with Visitor(app, "127.0.0.9") as visitor:
            visitor.hasty = True
            while time.monotonic() < end:
                began = time.monotonic()
                visitor.http.get("/").raise_for_status()
                data, truth = chance.choice(good)
                path = visitor.upload(data)
                answer = visitor.event(event["number"], *page_inputs(event["inputs"], given(path)))
                took = time.monotonic() - began
                right = answer.good and shown_vector(answer.data) == dict(sorted(truth[0].items()))
                with notes.lock:
                    notes.visits.append(took)
                notes.add("page beside", "" if right else f"{answer.status} {answer.told} {shown_vector(answer.data)}")
                time.sleep(1)

    def client(number: int):
        own = random.Random(SEED + number)
        with Visitor(app, f"127.0.2.{number + 1}") as visitor:
            visitor.hasty = True
            while time.monotonic() < end:
                act = own.choices((ask_well, ask_badly, ask_oddly), (6, 3, 1))[0]
                if number % 3 == 0 and own.random() < 0.7:
                    act = leave
                try:
                    act(visitor, own, number)
                except (httpx.HTTPError, OSError, TimeoutError, AssertionError, KeyError, ValueError) as error:
                    notes.add(act.__name__, repr(error)[:300])

    def ask_well(visitor, own, number):
        data, truth = own.choice(good)
        place = own.randrange(len(CASES))
        way = own.choice(("diagnose", "diagnose", "attention", "page"))
        if way == "page":
            place = 0
        began = time.monotonic()
        path = visitor.upload(data)
        while True:
            if way == "page":
                answer = visitor.event(event["number"], *page_inputs(event["inputs"], given(path)))
                got, expected = shown_vector(answer.data), dict(sorted(truth[0].items()))
            else:
                answer = visitor.call(way, given(path), *CASES[place])
                got, expected = answer.data[0]["probabilities"] if answer.good else None, truth[place]
            if answer.good:
                wrong = "" if got == expected else f"another image's answer? {got} and not {expected}"
                notes.add("answered", wrong, time.monotonic() - began)
                if answer.places:
                    notes.add("told their place")
                return
            # turned away: that must be said, and with a status that a program understands
            notes.add("told to wait", "" if answer.status == 429 and is_sentence(answer.told) else str(answer))
            if time.monotonic() > end:
                return
            time.sleep(0.3)

    def ask_badly(visitor, own, number):
        data, truth = own.choice(bad)
        answer = visitor.http.post("/gradio_api/upload", files={"files": ("a.png", data)})
        if answer.status_code != 200:
            fits = truth is None and answer.status_code < 500
            notes.add("bad upload refused", "" if fits else answer.text[:200])
            return
        answer = visitor.call("diagnose", given(answer.json()[0]), *PAGE)
        got = answer.data[0]["probabilities"] if answer.good else None
        if answer.status == 429:
            notes.add("told to wait")
        else:
            right = got == truth and (answer.good or is_sentence(answer.told)) and answer.status < 500
            notes.add("bad image", "" if right else f"{got} {answer.told!r} and not {truth}")

    def ask_oddly(visitor, own, number):
        ask, began = own.choice(asks), time.monotonic()
        status, _, text = send(visitor, ask, 60)
        reason = fault(app, status, text, 0)
        notes.add("odd request", f"{ask.name}: {reason} {text[-200:]}" if reason else "")
        assert time.monotonic() - began < 60

    def leave(visitor, own, number):
        data, _ = own.choice(good)
        address = f"127.0.2.{number + 1}"
        way = own.randrange(4)
        if way == 0:  # in the middle of the upload
            request = form(data)
            raw(app, request[: own.randrange(len(request))], address)
        else:
            body = {"data": [given(visitor.upload(data)), *PAGE]}
            if way == 1:  # without hearing the answer at all
                visitor.http.post("/gradio_api/call/diagnose", json=body)
            elif way == 2:  # while it waits
                answer = visitor.http.post("/gradio_api/call/diagnose", json=body)
                if answer.status_code == 200:
                    where = f"GET /gradio_api/call/diagnose/{answer.json()['event_id']} HTTP/1.1\r\nHost: x\r\n\r\n"
                    raw(app, where.encode(), address)
            else:  # a page that is closed
                session = f"gone{own.getrandbits(40):x}"
                inputs = page_inputs(event["inputs"], body["data"][0])
                visitor.http.post("/gradio_api/queue/join", json={
                    "data": inputs, "fn_index": event["number"], "session_hash": session})  # fmt: skip
                where = f"GET /gradio_api/queue/data?session_hash={session} HTTP/1.1\r\nHost: x\r\n\r\n"
                raw(app, where.encode(), address)
        notes.add("left midway")
        time.sleep(0.1)

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    with ThreadPoolExecutor(CLIENTS + 1) as pool:
        for done in [pool.submit(beside), *(pool.submit(client, number) for number in range(CLIENTS))]:
            done.result()
    time.sleep(3)
    over.set()
    watching.join()
    memory.append(app.memory())
    p50, p99 = np.percentile(notes.seconds, [50, 99])
    with capsys.disabled():
        print(
            f"\nSoak: {CLIENTS} clients, {SECONDS:.0f} s: {dict(notes.count)}; good requests p50 {p50:.2f} s, "
            f"p99 {p99:.2f} s, at most {max(notes.seconds):.1f} s; the page beside at most {max(notes.visits):.1f} s; "
            f"memory {memory[0] / 2**20:.0f} MB at the start, {max(memory) / 2**20:.0f} at most, "
            f"{memory[-1] / 2**20:.0f} at the end"
        )
    assert app.process.poll() is None
    assert not notes.wrong, f"{len(notes.wrong)}:\n" + "\n".join(notes.wrong[:30])
    assert "Traceback" not in app.text(), app.text()[app.text().index("Traceback") :][:3000]
    assert notes.count["answered"] >= CLIENTS
    assert notes.count["left midway"] >= CLIENTS // 3
    assert max(notes.visits) < SOON
    assert memory[-1] <= memory[0] + MOST_MORE
    with Visitor(app) as visitor:  # nothing of those who left is in the way
        assert visitor.call("diagnose", given(visitor.upload(good[0][0])), *CASES[0]).seconds < SOON
