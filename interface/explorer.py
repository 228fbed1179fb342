"""The view 'Explore': a client-side component (assets/explorer/) fed with one JSON a diagnosis.

Hovering costs no request. Only a pinned cell asks the server, once, for the vectors behind its number; for that the
last cases' region features and words stay in memory for a while, under a key that nobody can guess. The photograph is
not kept.
"""

import secrets
import threading
import time
from collections import OrderedDict
from pathlib import Path

import gradio as gr
import numpy as np

from mat_core import Diagnoser, Diagnosis, UserError, exploration

from .scripts import joined
from .session import IDLE, Session

ASSETS = Path(__file__).resolve().parents[1] / "assets" / "explorer"
REMEMBERED_CASES = 64  # of 0.2 MB each: regions' features and the words, no photograph
_GONE = "This case is no longer in the server's memory. Diagnose the image again, then pin the cell."


class Cases:
    """The last cases shown, by key, so that the walk-through can repeat their forward pass. Safe between threads.

    limit: cases at most; age: seconds after which a case that nobody asked about is forgotten, visitors or not.
    """

    def __init__(self, limit: int = REMEMBERED_CASES, age: float = IDLE):
        self._limit, self._age, self._lock = limit, age, threading.Lock()
        self._cases: OrderedDict[str, tuple[float, Diagnoser, Diagnosis]] = OrderedDict()  # longest unused first
        self._sweeping = False

    def __len__(self) -> int:
        return len(self._cases)

    def add(self, diagnoser: Diagnoser, diagnosis: Diagnosis) -> str:
        """Remember a case; returns its key."""
        key = secrets.token_urlsafe(16)
        with self._lock:
            self._cases[key] = (time.monotonic(), diagnoser, diagnosis)
            while len(self._cases) > self._limit:
                self._cases.popitem(last=False)
            if not self._sweeping:
                self._sweep_in(self._age)
        return key

    def _sweep_in(self, seconds: float) -> None:
        self._sweeping = True
        timer = threading.Timer(seconds, self._sweep)
        timer.daemon = True
        timer.start()

    def _sweep(self) -> None:
        with self._lock:
            now, self._sweeping = time.monotonic(), False
            while self._cases:
                left = next(iter(self._cases.values()))[0] + self._age - now
                if left > 0:
                    self._sweep_in(left)
                    return
                self._cases.popitem(last=False)

    def walk_through(self, request: dict) -> dict:
        """What `exploration.walk_through` says of {'key', 'map', 'layer', 'head', 'query', 'token'}, or {'error'}."""
        request = request if isinstance(request, dict) else {}
        with self._lock:
            case = self._cases.pop(key := str(request.get("key")), None)
            if case is None:
                return {"error": _GONE}
            _, diagnoser, diagnosis = case
            self._cases[key] = (time.monotonic(), diagnoser, diagnosis)
        asked = [request.get(name) for name in ("map", "layer", "head", "query", "token")]
        try:
            return exploration.walk_through(diagnoser, diagnosis.regions, diagnosis.metadata, *asked)
        except UserError as error:
            return {"error": str(error)}


_CASES = Cases()


def walk_through(request: dict) -> dict:
    """The server function that the page asks when a cell is pinned; see `Cases.walk_through`."""
    return _CASES.walk_through(request)


def explorer_value(diagnoser: Diagnoser, diagnosis: Diagnosis, image: np.ndarray, title: str = "") -> str:
    """What the component takes as its value: the payload of `diagnosis` as JSON, with the key to its walk-through.

    image: (h, w, 3) uint8 RGB, the one that was diagnosed. title: the case's name, such as a file name; any text.
    """
    bundle = diagnoser.bundle
    payload = exploration.to_payload(diagnosis, image, bundle.fields, bundle.network.config.words, title)
    return exploration.to_json(payload | {"key": _CASES.add(diagnoser, diagnosis)})


def explorer(value: str | None = None) -> gr.HTML:
    """The component, empty or with a value of `explorer_value`. Give it new values as the output of an event."""
    return gr.HTML(
        value,
        html_template=_asset("explorer.html"),
        css_template=_asset("explorer.css"),
        js_on_load=joined(ASSETS / "explorer.js", "mountExplorer(element, props, server, watch)"),
        server_functions=[walk_through],
        apply_default_css=False,
        label="Explore the attention",
    )


def build_explorer(diagnoser: Diagnoser, session: gr.State) -> gr.HTML:
    """Lay the view out; it follows `session`: other images and other metadata alike."""
    view = explorer()

    def follow(now: Session | None):
        # a stale session has a new image chosen, not diagnosed: what is on the screen stays the last diagnosis
        if now is None or now.stale:
            return gr.skip()
        name = Path(now.source).name
        if now.example is not None:
            name = f"{now.example.name}{' (a drawing)' if now.example.synthetic else ''}"
        return explorer_value(diagnoser, now.diagnosis, now.image(), name)

    session.change(follow, session, view, api_visibility="private", show_progress="hidden")
    return view


def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")
