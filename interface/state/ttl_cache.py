"""A cache whose entries are dropped after a time without use, also while no request comes."""

import threading
import time
from collections import OrderedDict
from typing import Generic, TypeVar

T = TypeVar("T")


class TTLCache(Generic[T]):
    """Entries by key. Thread-safe. limit: maximum number of entries; age: seconds without use until one is dropped."""

    def __init__(self, limit: int, age: float):
        self._limit, self._age, self._lock = limit, age, threading.Lock()
        self._entries: OrderedDict[str, tuple[float, T]] = OrderedDict()  # least recently used first
        self._sweeping = False

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, key: str, value: T, replaced: str | None = None) -> None:
        """Add an entry. replaced: the key of one to drop."""
        with self._lock:
            self._entries.pop(replaced, None)
            self._entries[key] = (time.monotonic(), value)
            self._entries.move_to_end(key)
            while len(self._entries) > self._limit:
                self._entries.popitem(last=False)
            if not self._sweeping:
                self._sweep_in(self._age)

    def get(self, key: object) -> T | None:
        """The value of a key, whose time starts again; None where there is none."""
        with self._lock:
            entry = self._entries.pop(key, None) if isinstance(key, str) else None
            if entry is None:
                return None
            self._entries[key] = (time.monotonic(), entry[1])
            return entry[1]

    def _sweep_in(self, seconds: float) -> None:
        self._sweeping = True
        timer = threading.Timer(seconds, self._sweep)
        timer.daemon = True
        timer.start()

    def _sweep(self) -> None:
        with self._lock:
            now, self._sweeping = time.monotonic(), False
            while self._entries:
                left = next(iter(self._entries.values()))[0] + self._age - now
                if left > 0:
                    self._sweep_in(left)
                    return
                self._entries.popitem(last=False)
