"""The last cases that the explorer showed, so that one number of theirs can be taken apart.

The regions' features and the words stay in memory for a while, under a key that nobody can guess; the photograph does
not.
"""

import secrets

from mat_core import Diagnoser, Diagnosis, UserError, exploration

from .remembered import Remembered
from .session import IDLE

REMEMBERED_CASES = 64  # of 0.2 MB each
_GONE = "This case is no longer in the server's memory. Diagnose the image again, then pin the cell."


class Cases:
    """The last cases shown, by key, so that the walk-through can repeat their forward pass. Safe between threads.

    limit: cases at most; age: seconds after which a case that nobody asked about is forgotten, visitors or not.
    """

    def __init__(self, limit: int = REMEMBERED_CASES, age: float = IDLE):
        self._cases: Remembered[tuple[Diagnoser, Diagnosis]] = Remembered(limit, age)

    def __len__(self) -> int:
        return len(self._cases)

    def add(self, diagnoser: Diagnoser, diagnosis: Diagnosis) -> str:
        """Remember a case; returns its key."""
        key = secrets.token_urlsafe(16)
        self._cases.add(key, (diagnoser, diagnosis))
        return key

    def walk_through(self, request: dict) -> dict:
        """What `exploration.walk_through` says of {'key', 'map', 'layer', 'head', 'query', 'token'}, or {'error'}."""
        request = request if isinstance(request, dict) else {}
        case = self._cases.get(str(request.get("key")))
        if case is None:
            return {"error": _GONE}
        diagnoser, diagnosis = case
        asked = [request.get(name) for name in ("map", "layer", "head", "query", "token")]
        try:
            return exploration.walk_through(diagnoser, diagnosis.regions, diagnosis.metadata, *asked)
        except UserError as error:
            return {"error": str(error)}
