"""A class: 32 phones that open the page and practise one round at the same time, all from one address."""

import json
import random
import re
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import httpx
import numpy as np

from .inputs import Inputs
from .startup import running_app
from .timing import Row

PHONES, ROUNDS, CASES = 32, 2, 5
JOINING = 10.0  # seconds within which all phones open the page
THINKING = {"case": (4, 10), "model": (2, 6), "truth": (2, 6)}  # seconds before the next question
POLL = 1.5  # seconds between questions for what is still computed, as in assets/practice/practice.js
TIMEOUT = 120  # seconds
FILE = re.compile(r'(?:src|href)="\.?(/(?:assets|static)/[^"]+)"')
NAMES = {
    "page": "page and its files", "load": "its first event", "case": "answer: case", "model": "answer: model",
    "truth": "answer: truth", "hidden": "after it, what mattered when hidden",
}  # fmt: skip


def classroom(inputs: Inputs) -> list[Row]:
    """Two rounds of 32 phones behind one address: how long each answer takes, and how many are turned away."""
    waits, refused = defaultdict(list), []
    with running_app(inputs) as (url, _):
        app = _read_events(url.rstrip("/"))
        for seed in range(ROUNDS):
            phones = [_Phone(app, seed, number) for number in range(PHONES)]
            with ThreadPoolExecutor(PHONES) as pool:
                list(pool.map(_Phone.practise, phones))
            for phone in phones:
                refused += phone.refused
                for name, seconds in phone.waits:
                    waits[name].append(1000 * seconds)
    print(*sorted(set(refused)), sep="\n", end="\n" if refused else "")
    rows = [Row(text, tuple(waits[name])) for name, text in NAMES.items()]
    asked = tuple(wait for name in ("case", "model", "truth") for wait in waits[name])
    rows.append(Row(f"all answers to {PHONES} phones", asked, extra={"turned away": len(refused)}))
    return [Row(r.name, r.values, r.unit, {"p95": round(float(np.percentile(r.values, 95))), **r.extra}) for r in rows]


@dataclass(frozen=True)
class _App:
    """practice, load: the numbers of the events; inputs: of load, as on a page just opened."""

    url: str
    practice: int
    load: int
    inputs: list


def _read_events(url: str) -> _App:
    config = httpx.get(f"{url}/config").raise_for_status().json()
    parts = {part["id"]: part["props"] for part in config["components"]}
    view = next(number for number, props in parts.items() if props.get("elem_id") == "practice")
    targets = [(*target, event) for event in config["dependencies"] for target in event["targets"]]
    practice = next(event["id"] for number, kind, event in targets if number == view and kind == "click")
    load = next(event for _, kind, event in targets if kind == "load")
    values = [parts[number].get("value") for number in load["inputs"][1:]]
    return _App(url, practice, load["id"], ["", *values])  # first: no case before a reload


@dataclass
class _Phone:
    """One trainee. waits: what was asked for, and the seconds until it came; refused: the answers that were none."""

    app: _App
    seed: int
    number: int
    tickets: int = 0
    waits: list[tuple[str, float]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def practise(self) -> None:
        """Open the page, and answer every case of the round."""
        own = random.Random(self.number)
        time.sleep(own.uniform(0, JOINING))
        with httpx.Client(base_url=self.app.url, timeout=TIMEOUT, trust_env=False) as self.http:
            self._wait("page", self._open)
            self._wait("load", lambda: self._event(self.app.load, self.app.inputs))
            for at in range(CASES):
                for ask, thinking in THINKING.items():
                    self._wait(ask, lambda ask=ask, at=at: self._ask(ask, at))
                    if ask == "truth":
                        self._wait("hidden", lambda at=at: self._hidden(at))
                    time.sleep(own.uniform(*thinking))

    def _wait(self, name: str, act) -> None:
        begun = time.perf_counter()
        act()
        self.waits.append((name, time.perf_counter() - begun))

    def _open(self) -> None:
        page = self.http.get("/").raise_for_status().text
        for file in sorted(set(FILE.findall(page))):
            self.http.get(file).raise_for_status()

    def _hidden(self, at: int) -> None:
        while self._ask("hidden", at).get("pending"):
            time.sleep(POLL)

    def _ask(self, ask: str, at: int) -> dict:
        self.tickets += 1
        question = {"kind": "phantoms", "seed": self.seed, "count": CASES, "at": at, "ask": ask, "ticket": self.tickets}
        output = self._event(self.app.practice, [], question)
        answer = json.loads(output[0]) if output else {}
        if "error" in answer:
            self.refused.append(answer["error"])
        return answer

    def _event(self, number: int, inputs: list, data: dict | None = None) -> list:
        """The output of an event of the page; empty where it was refused."""
        session = f"phone{self.seed}x{self.number}"
        body = {"data": inputs, "fn_index": number, "session_hash": session, "event_data": data}
        joined = self.http.post("/gradio_api/queue/join", json=body)
        if joined.status_code != 200:
            self.refused.append(joined.text)
            return []
        with self.http.stream("GET", "/gradio_api/queue/data", params={"session_hash": session}) as stream:
            for line in stream.iter_lines():
                message = json.loads(line.removeprefix("data: ") or "{}")
                if message.get("msg") == "process_completed" and message["success"]:
                    return message["output"]["data"]
                if message.get("msg") in ("process_completed", "unexpected_error"):
                    break
        self.refused.append(f"an event without an answer: {str(message)[:300]}")
        return []
