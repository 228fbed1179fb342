"""The last cases that the explorer showed, so that one number of theirs can be taken apart.

The regions' features and the words stay in memory for a while, under a key that nobody can guess; the photograph does
not.
"""

import secrets
import threading
import time
from collections import OrderedDict

from mat_core import Diagnoser, Diagnosis, UserError, exploration

from .session import IDLE

REMEMBERED_CASES = 64  # of 0.2 MB each
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
