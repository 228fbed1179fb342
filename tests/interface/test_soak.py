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
from hostile_inputs import (
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

from interface.server.waiting_limit import CALLS, PAGES
from mat_core import ImageError, Metadata

SECONDS = float(os.environ.get("SOAK_SECONDS", 10))
CLIENTS = 32
MOST_MORE = 100 * 2**20  # bytes that the app may have grown by
CASES = ((55, "female", "back"), (20, "male", "face"), (None, "unknown", "unknown"), (85, "male", "lower extremity"))
PAGE = (55, "female", "back")  # what page_inputs says
# as long as a large model takes on a small machine, whatever this one can do, and without keeping others from it
SLOW = """
import time
from mat_core.inference import diagnoser
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
            headers = {"X-Forwarded-For": said, "X-Real-IP": said}
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


@pytest.mark.parametrize("how", ["disguised", "pages", "behind a proxy"])
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
    assert page < SOON + (PAGES / 2 if how == "pages" else 0)  # two at a time, a second each, in order of arrival
    assert called.good, f"the program was told: {called.status} {called.told}"
    assert called.seconds < SOON + CALLS / 2


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


class Crowd:
    """Clients of an app until the time is over, and what they found; safe between threads."""

    def __init__(self, app: App, event: dict, good: list, bad: list):
        self.app, self.event, self.good, self.bad = app, event, good, bad
        self.asks = random.Random(SEED).sample(requests(), 150)
        self.lock, self.end = threading.Lock(), time.monotonic() + SECONDS
        self.count, self.wrong, self.seconds, self.visits = Counter(), [], [], []  # seconds: of good answers

    def is_over(self) -> bool:
        return time.monotonic() > self.end

    def note(self, kind: str, wrong: str = "", seconds: float | None = None) -> None:
        with self.lock:
            self.count[kind] += 1
            self.wrong += [f"{kind}: {wrong}"] if wrong else []
            self.seconds += [] if seconds is None else [seconds]

    def on_page(self, visitor: Visitor, path: str):
        return visitor.event(self.event["number"], *page_inputs(self.event["inputs"], given(path)))

    def person(self) -> None:
        """Opens the page and presses Diagnose, again and again."""
        own = random.Random(SEED)
        with Visitor(self.app, "127.0.0.9") as visitor:
            visitor.hasty = True
            while not self.is_over():
                began = time.monotonic()
                visitor.http.get("/").raise_for_status()
                data, truth = own.choice(self.good)
                answer = self.on_page(visitor, visitor.upload(data))
                right = answer.good and shown_vector(answer.data) == dict(sorted(truth[0].items()))
                self.visits.append(time.monotonic() - began)
                self.note("page beside", "" if right else f"{answer.status} {answer.told} {shown_vector(answer.data)}")
                time.sleep(1)

    def client(self, number: int) -> None:
        """Every third one mostly leaves midway."""
        own = random.Random(SEED + number)
        with Visitor(self.app, f"127.0.2.{number + 1}") as visitor:
            visitor.hasty = True
            while not self.is_over():
                act = own.choices((self.ask_well, self.ask_badly, self.ask_oddly), (6, 3, 1))[0]
                if number % 3 == 0 and own.random() < 0.7:
                    act = self.leave
                try:
                    act(visitor, own, f"127.0.2.{number + 1}")
                except (httpx.HTTPError, OSError, TimeoutError, AssertionError, KeyError, ValueError) as error:
                    self.note(act.__name__, repr(error)[:300])

    def ask_well(self, visitor, own, address):
        data, truth = own.choice(self.good)
        way = own.choice(("diagnose", "diagnose", "attention", "page"))
        case = 0 if way == "page" else own.randrange(len(CASES))
        began = time.monotonic()
        path = visitor.upload(data)
        while True:
            if way == "page":
                answer = self.on_page(visitor, path)
                got, expected = shown_vector(answer.data), dict(sorted(truth[0].items()))
            else:
                answer = visitor.call(way, given(path), *CASES[case])
                got, expected = answer.data[0]["probabilities"] if answer.good else None, truth[case]
            if answer.good:
                wrong = "" if got == expected else f"another image's answer? {got} and not {expected}"
                return self.note("answered", wrong, time.monotonic() - began)
            # turned away: that must be said, and with a status that a program understands
            self.note("told to wait", "" if answer.status in (429, 503) and is_sentence(answer.told) else str(answer))
            if self.is_over():
                return None
            time.sleep(0.3)

    def ask_badly(self, visitor, own, address):
        data, truth = own.choice(self.bad)
        answer = visitor.http.post("/gradio_api/upload", files={"files": ("a.png", data)})
        if answer.status_code != 200:
            fits = truth is None and answer.status_code < 500
            return self.note("bad upload refused", "" if fits else answer.text[:200])
        answer = visitor.call("diagnose", given(answer.json()[0]), *PAGE)
        got = answer.data[0]["probabilities"] if answer.good else None
        if answer.status in (429, 503):
            return self.note("told to wait")
        right = got == truth and (answer.good or is_sentence(answer.told)) and answer.status < 500
        return self.note("bad image", "" if right else f"{got} {answer.told!r} and not {truth}")

    def ask_oddly(self, visitor, own, address):
        ask = own.choice(self.asks)
        status, _, text = send(visitor, ask, 60)
        reason = fault(self.app, status, text, 0)
        self.note("odd request", f"{ask}: {reason} {text[-200:]}" if reason else "")

    def leave(self, visitor, own, address):
        data, _ = own.choice(self.good)
        way = own.randrange(4)
        if way == 0:  # in the middle of the upload
            request = form(data)
            raw(self.app, request[: own.randrange(len(request))], address)
        elif way == 3:  # a page that is closed
            session = f"gone{own.getrandbits(40):x}"
            inputs = page_inputs(self.event["inputs"], given(visitor.upload(data)))
            body = {"data": inputs, "fn_index": self.event["number"], "session_hash": session}
            visitor.http.post("/gradio_api/queue/join", json=body)
            where = f"GET /gradio_api/queue/data?session_hash={session} HTTP/1.1\r\nHost: x\r\n\r\n"
            raw(self.app, where.encode(), address)
        else:  # without hearing the answer at all, or while it waits
            body = {"data": [given(visitor.upload(data)), *PAGE]}
            answer = visitor.http.post("/gradio_api/call/diagnose", json=body)
            if way == 2 and answer.status_code == 200:
                where = f"GET /gradio_api/call/diagnose/{answer.json()['event_id']} HTTP/1.1\r\nHost: x\r\n\r\n"
                raw(self.app, where.encode(), address)
        self.note("left midway")
        time.sleep(0.1)


@pytest.fixture(scope="module")
def app(tiny_bundle, tmp_path_factory) -> Iterator[App]:
    with running(tmp_path_factory.mktemp("soak"), "--checkpoint", tiny_bundle) as app:
        yield app


def probabilities(diagnoser, data: bytes, case: tuple) -> dict | None:
    try:
        return diagnoser(data, Metadata(*case)).probabilities
    except ImageError:
        return None


def test_a_crowd_of_good_and_bad_clients(app, tiny_diagnoser, capsys):
    """Each answer is the one to its own image; who is not answered is told so; the page beside goes on."""
    files = [encode(picture(60 + number, 160, 120), ("PNG", "JPEG", "WEBP")[number % 3]) for number in range(16)]
    good = [(data, [probabilities(tiny_diagnoser, data, case) for case in CASES]) for data in files]
    files = [data for data in random.Random(SEED).sample(list(images().values()), 60) if len(data) <= 10**6]
    bad = [(data, probabilities(tiny_diagnoser, data, PAGE)) for data in files]
    with Visitor(app) as visitor:  # so that what is loaded once is loaded
        crowd = Crowd(app, page_events(visitor.config)["diagnose.click"], good, bad)
        for data, _ in good[:3]:
            visitor.call("doubt", given(visitor.upload(data)), *PAGE)
            crowd.on_page(visitor, visitor.upload(data))
    memory, over = [app.memory()], threading.Event()

    def watch():
        while not over.wait(0.2):
            memory.append(app.memory())

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    crowd.end = time.monotonic() + SECONDS
    with ThreadPoolExecutor(CLIENTS + 1) as pool:
        for done in [pool.submit(crowd.person), *(pool.submit(crowd.client, number) for number in range(CLIENTS))]:
            done.result()
    time.sleep(3)
    over.set()
    watching.join()
    memory.append(app.memory())
    p50, p99 = np.percentile(crowd.seconds, [50, 99])
    with capsys.disabled():
        print(
            f"\nSoak: {CLIENTS} clients, {SECONDS:.0f} s: {dict(crowd.count)}; good requests p50 {p50:.2f} s, "
            f"p99 {p99:.2f} s, at most {max(crowd.seconds):.1f} s; the page beside at most {max(crowd.visits):.1f} s; "
            f"memory {memory[0] / 2**20:.0f} MB at the start, {max(memory) / 2**20:.0f} at most, "
            f"{memory[-1] / 2**20:.0f} at the end"
        )
    assert app.process.poll() is None
    assert not crowd.wrong, f"{len(crowd.wrong)}:\n" + "\n".join(crowd.wrong[:30])
    assert "Traceback" not in app.text(), app.text()[app.text().index("Traceback") :][:3000]
    assert crowd.count["answered"] >= min(CLIENTS, SECONDS)
    assert crowd.count["left midway"] >= min(CLIENTS // 3, SECONDS / 2)
    assert max(crowd.visits) < SOON
    assert memory[-1] <= memory[0] + MOST_MORE
    with Visitor(app) as visitor:  # nothing of those who left is in the way
        assert visitor.call("diagnose", given(visitor.upload(good[0][0])), *CASES[0]).seconds < SOON
