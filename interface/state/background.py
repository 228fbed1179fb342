"""Answers that take seconds and are the same for many visitors: computed once, beside the queue of the page."""

import atexit
import contextlib
import threading
from collections.abc import Callable, Hashable
from queue import Full, Queue

from cachetools import LRUCache

PATIENCE = 10  # seconds for the computation under way to end with the process


class BackgroundAnswers:
    """Answers by key, computed one after the other in a thread of its own. Thread-safe.

    limit: maximum number of cached answers; waiting: maximum number of keys in the queue. stopped: set when the process
    ends; a computation then ends soon, as a thread inside torch would abort the process.
    """

    def __init__(self, limit: int, waiting: int):
        self._answers: LRUCache[Hashable, dict] = LRUCache(limit)
        self._queue: Queue[tuple[Hashable, Callable[[], dict]] | None] = Queue(waiting)
        self._pending: set[Hashable] = set()
        self._lock, self.stopped = threading.Lock(), threading.Event()
        self._thread: threading.Thread | None = None

    def get(self, key: Hashable, compute: Callable[[], dict]) -> dict | None:
        """The answer of `compute`, which must not raise; None until it is ready: then call this again.

        An answer {'error': ...} is given once and not cached.
        """
        with self._lock:
            if key in self._answers:
                return self._answers.pop(key) if "error" in self._answers[key] else self._answers[key]
            if key not in self._pending:
                try:
                    self._queue.put_nowait((key, compute))
                except Full:
                    return None
                self._pending.add(key)
                if self._thread is None:
                    self._thread = threading.Thread(target=self._work, daemon=True)
                    self._thread.start()
                    atexit.register(self._stop)
        return None

    def _stop(self) -> None:
        self.stopped.set()
        with contextlib.suppress(Full):
            self._queue.put_nowait(None)  # wakes the thread
        if self._thread:
            self._thread.join(PATIENCE)

    def _work(self) -> None:
        while (entry := self._queue.get()) and not self.stopped.is_set():
            key, compute = entry
            answer = compute()
            with self._lock:
                self._answers[key] = answer
                self._pending.discard(key)
