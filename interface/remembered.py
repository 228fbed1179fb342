"""A short memory: the last things, by keys that nobody can guess, each forgotten when nobody asks for it a while."""

import threading
import time
from collections import OrderedDict
from typing import Generic, TypeVar

T = TypeVar("T")


class Remembered(Generic[T]):
    """Things by key. Safe between threads.

    limit: things at most; age: seconds after which one that nobody asked for is forgotten, visitors or not.
    """

    def __init__(self, limit: int, age: float):
        self._limit, self._age, self._lock = limit, age, threading.Lock()
        self._things: OrderedDict[str, tuple[float, T]] = OrderedDict()  # longest unused first
        self._sweeping = False

    def __len__(self) -> int:
        return len(self._things)

    def add(self, key: str, thing: T, instead_of: str | None = None) -> None:
        """Remember it; instead_of: the key of what is forgotten for it."""
        with self._lock:
            self._things.pop(instead_of, None)
            self._things[key] = (time.monotonic(), thing)
            self._things.move_to_end(key)
            while len(self._things) > self._limit:
                self._things.popitem(last=False)
            if not self._sweeping:
                self._sweep_in(self._age)

    def get(self, key: object) -> T | None:
        """What has this key, which starts its time anew; None when there is no such thing, or no more."""
        with self._lock:
            found = self._things.pop(key, None) if isinstance(key, str) else None
            if found is None:
                return None
            self._things[key] = (time.monotonic(), found[1])
            return found[1]

    def _sweep_in(self, seconds: float) -> None:
        self._sweeping = True
        timer = threading.Timer(seconds, self._sweep)
        timer.daemon = True
        timer.start()

    def _sweep(self) -> None:
        with self._lock:
            now, self._sweeping = time.monotonic(), False
            while self._things:
                left = next(iter(self._things.values()))[0] + self._age - now
                if left > 0:
                    self._sweep_in(left)
                    return
                self._things.popitem(last=False)
