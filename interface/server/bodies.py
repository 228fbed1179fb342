"""Bodies of requests: bounded while they come, then checked for what the route knows and rebuilt from nothing else."""

import json
import re

from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive

from .routes import API

NO_JSON = "The body must be one JSON object."
TOO_LARGE = "The request is too large: at most {:.0f} MB."


class RefusedError(Exception):
    """The answer to a request that goes no further."""

    def __init__(self, status: int, sentence: str):
        super().__init__(sentence)
        self.status, self.sentence = status, sentence


class Bodies:
    """Checks bodies against what `blocks` takes."""

    def __init__(self, blocks):
        self.blocks = blocks
        self.endpoints: dict[str, dict[str, bool]] | None = None

    def checked(self, path: str, body: dict) -> bytes:
        """The body with nothing in it but what the route knows, as JSON. Raises RefusedError."""
        action = path.removeprefix(f"{API}/")
        if action == "queue/join":
            _require(_is_session(body.get("session_hash")), "session_hash must be a short string.")
            _require(_is_number(body.get("fn_index")), "fn_index must be a whole number.")
            action = self.blocks.fns.get(body["fn_index"])
            if action is None or action.fn is None:  # what has no function runs in the page alone
                raise RefusedError(404, "There is no such action.")
            _require(isinstance(body.get("data"), list), "data must be a list.")
            if not _is_number(body.get("trigger_id")):
                body["trigger_id"] = None
            return dumped(body, "data", "session_hash", "fn_index", "trigger_id", "event_data")
        if action.startswith("call/v2/"):
            names = self._parameters(action.removeprefix("call/v2/"))
            odd = sorted(set(map(str, body)) - set(names))
            _require(not odd, f"Unknown: {', '.join(odd)[:200]}. This takes {', '.join(names) or 'nothing'}.")
            lacking = [name for name, needed in names.items() if needed and name not in body]
            _require(not lacking, f"Missing: {', '.join(lacking)}.")
            return dumped(body, *names)
        if action.startswith("call/"):
            self._parameters(action.removeprefix("call/"))
            _require(isinstance(body.get("data"), list), "data must be a list.")
            session = body.get("session_hash")
            _require(session is None or _is_session(session), "session_hash must be a short string.")
            return dumped(body, "data", "session_hash")
        if action == "component_server":
            block = self.blocks.blocks.get(body.get("component_id")) if _is_number(body.get("component_id")) else None
            asked = body.get("fn_name")
            offered = getattr(block, asked, None) if block is not None and isinstance(asked, str) else None
            if not getattr(offered, "_is_server_fn", False) or not _is_session(body.get("session_hash")):
                raise RefusedError(404, "There is no such function.")
            return dumped({"data": None} | body, "data", "component_id", "fn_name", "session_hash")
        if action == "cancel":
            fits = _is_session(body.get("session_hash")) and _is_session(body.get("event_id"))
            _require(
                fits and _is_number(body.get("fn_index")), "session_hash, fn_index and event_id say what to cancel."
            )
            return dumped(body, "session_hash", "fn_index", "event_id")
        _require(_is_session(body.get("event_id")), "event_id must be a short string.")
        return dumped(body, "event_id")

    def _parameters(self, name: str) -> dict[str, bool]:
        """Names of a public endpoint's parameters, and whether each must be given. Raises RefusedError."""
        if self.endpoints is None:
            told = self.blocks.get_api_info()["named_endpoints"]
            self.endpoints = {
                known.removeprefix("/"): {
                    p["parameter_name"]: not p["parameter_has_default"] for p in endpoint["parameters"]
                }
                for known, endpoint in told.items()
            }
        if name not in self.endpoints:
            raise RefusedError(
                404, "There is no such endpoint. Those that exist are behind 'Use via API' and at /info."
            )
        return self.endpoints[name]


def bounded(receive: Receive, most: int) -> Receive:
    received = 0

    async def bounded() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > most:
            raise RefusedError(413, TOO_LARGE.format(most / 2**20))
        return message

    return bounded


async def whole(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def replayed(body: bytes, receive: Receive) -> Receive:
    """The body once, then whatever the connection says."""
    given = False

    async def replayed() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed


def parsed(body: bytes) -> dict:
    try:
        value = json.loads(body)
        json.dumps(value, ensure_ascii=False).encode()  # half a surrogate is JSON, and nothing that can be answered
    except (ValueError, RecursionError):
        raise RefusedError(400, NO_JSON) from None
    if not isinstance(value, dict):
        raise RefusedError(400, NO_JSON)
    return value


def dumped(body: dict, *names: str) -> bytes:
    return json.dumps({name: body[name] for name in names if name in body}).encode()


def json_headers(headers: list, length: int) -> list:
    kept = [(k, v) for k, v in headers if k not in (b"content-length", b"content-type", b"transfer-encoding")]
    return [*kept, (b"content-type", b"application/json"), (b"content-length", str(length).encode())]


def _require(fits: bool, sentence: str) -> None:
    if not fits:
        raise RefusedError(400, sentence)


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_session(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[\w.-]{1,100}", value) is not None
