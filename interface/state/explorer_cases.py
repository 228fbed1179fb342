"""Cached diagnoses of the explorer, for the walk-through of a weight. Photographs are not cached."""

import secrets

from interface.state import explorer_payload as exploration
from mat_core import Diagnoser, Diagnosis, UserError

from .session import SESSION_TTL
from .ttl_cache import TTLCache

MAX_CASES = 64  # of 3 MB each, most of which the session has anyway
_GONE = "This case is no longer in the server's memory. Diagnose the image again, then pin the cell."


class ExplorerCases:
    """Diagnoses by unguessable keys. Thread-safe. limit, age: as in TTLCache."""

    def __init__(self, limit: int = MAX_CASES, age: float = SESSION_TTL):
        self._cases: TTLCache[tuple[Diagnoser, Diagnosis]] = TTLCache(limit, age)

    def __len__(self) -> int:
        return len(self._cases)

    def add(self, diagnoser: Diagnoser, diagnosis: Diagnosis) -> str:
        """Add a case and return its key."""
        key = secrets.token_urlsafe(16)
        self._cases.add(key, (diagnoser, diagnosis))
        return key

    def walk_through(self, request: dict) -> dict:
        """`explorer_payload.walk_through` of {'key', 'map', 'layer', 'head', 'query', 'token'}, or {'error'}."""
        request = request if isinstance(request, dict) else {}
        case = self._cases.get(str(request.get("key")))
        if case is None:
            return {"error": _GONE}
        diagnoser, diagnosis = case
        arguments = [request.get(name) for name in ("map", "layer", "head", "query", "token")]
        try:
            return exploration.walk_through(diagnoser, diagnosis, *arguments)
        except UserError as error:
            return {"error": str(error)}
