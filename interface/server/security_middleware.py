"""The middleware around the whole app. What SECURITY.md promises about requests is kept here.

Gradio serves more than this app needs (recordings, proxies, deep links, direct calls past the queue, files by their
path). What is not in `routes.OPEN` is answered with 404 before Gradio sees it. Bodies are bounded and checked, an
address has a share of the queue, and every answer carries the headers that keep a page to itself.
"""

import json
import logging
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from urllib.parse import parse_qsl, urlencode, urlsplit

from anyio import move_on_after
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .request_validation import RefusedError, RequestValidator
from .routes import API, NOT_HERE, OPEN, TOO_LARGE, TOOLS, response_headers
from .static_files import PREFIX
from .waiting_limit import WaitingLimit, address_of

log = logging.getLogger(__name__)

OTHER_SITE = "Requests of other sites' pages are refused."
FAILED = "Something went wrong inside the app."
COMPLETED = re.compile(rb'data: \{"msg":"process_completed","event_id":"(\w+)"')
CLOSING = b'data: {"msg":"close_stream"'
LINGER = 0.15  # seconds that a page's stream stays open behind its last answer
BUSY = "Too many of your requests are waiting. Try again in a minute."


class SecurityMiddleware:
    """An ASGI middleware.

    validator: checks bodies; limit: counts events that wait. mcp: open the routes of the Model Context Protocol.
    behind_proxy: believe X-Forwarded-Host. embed: origins that may show the page in a frame.
    """

    def __init__(
        self, app: ASGIApp, validator: RequestValidator, limit: WaitingLimit, mcp: bool = False,
        behind_proxy: bool = False, embed: Sequence[str] = (),
    ):  # fmt: skip
        self.app, self.validator, self.limit, self.behind_proxy = app, validator, limit, behind_proxy
        self.rules = [(m.split(), re.compile(p), size) for m, p, size in OPEN + (TOOLS if mcp else ())]
        self.headers = response_headers(embed)
        self.root = urlsplit(os.environ.get("GRADIO_ROOT_PATH", "")).path.rstrip("/")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; other scopes than http pass or end."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope, started = self._clean(scope), False

        async def answer(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(raw=message["headers"])
                headers.update(self.headers)
                _set_headers(headers, scope["path"], message["status"])
            await send(message)

        try:
            await self._serve(scope, receive, answer)
        except RefusedError as refused:
            extra = {"Retry-After": "30"} if refused.status == 429 else None
            with suppress(Exception):  # after a broken body the connection may be closed
                await JSONResponse({"detail": refused.message}, refused.status, extra)(scope, receive, answer)
        except ClientDisconnect:
            pass
        except Exception as error:  # its text may quote what was sent: type and place are logged alone
            place = error.__traceback__
            while place is not None and place.tb_next is not None:
                place = place.tb_next
            log.error("%s in %s, line %s", type(error).__name__, place.tb_frame.f_code.co_filename, place.tb_lineno)
            if not started:
                await JSONResponse({"detail": FAILED}, 500)(scope, receive, answer)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, method = scope["path"], scope["method"]
        matching = [(methods, size) for methods, pattern, size in self.rules if pattern.fullmatch(path)]
        if not matching:
            raise RefusedError(404, NOT_HERE)
        sizes = [size for methods, size in matching if method in methods]
        if not sizes:
            raise RefusedError(405, f"This address takes {' or '.join(matching[0][0])} only.")
        if method == "POST" and _foreign(scope):
            raise RefusedError(403, OTHER_SITE)
        receive = _bounded(receive, sizes[0])
        if method == "POST" and path != f"{API}/upload" and not path.startswith(f"{API}/mcp"):
            await self._post(scope, receive, send)
        elif path.startswith((f"{API}/call/", f"{API}/queue/data")):
            await self._stream(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _post(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a checked body; note the event that it starts."""
        path, address = scope["path"], address_of(scope.get("client"))
        body, kind = self.validator.check(path, await _whole(receive))
        if kind and self.limit.full(address, kind):
            raise RefusedError(429, BUSY)
        headers = MutableHeaders(raw=list(scope["headers"]))
        headers.update({"content-type": "application/json", "content-length": str(len(body))})
        del headers["transfer-encoding"]

        async def noting(message: Message) -> None:
            if kind and message["type"] == "http.response.body" and b'"event_id"' in message["body"]:
                event = json.loads(message["body"])["event_id"]
                session = json.loads(body).get("session_hash") if path.endswith("/queue/join") else None
                self.limit.add(event, address, kind, _session_stream(session) if session else f"{path}/{event}")
            await send(message)

        await self.app(scope | {"headers": headers.raw}, _replayed(body, receive), noting)

    async def _stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a stream of answers; note which of them it delivers."""
        stream, of_page = scope["path"], scope["path"].endswith("/queue/data")
        if of_page:
            stream = _session_stream(dict(parse_qsl(scope["query_string"].decode())).get("session_hash", ""))
        if not self.limit.read(stream):
            if not of_page:
                raise RefusedError(404, "Nothing is under way by this name.")
            # the page opens a second stream where the first delivered an answer before it knew the event's id
            await Response('data: {"msg": "close_stream"}\n\n', media_type="text/event-stream")(scope, receive, send)
            return

        closing: list[Message] = []  # what ends the stream, held back
        continued = False

        async def noting(message: Message) -> None:
            body = message.get("body", b"")
            if completed := COMPLETED.match(body):
                self.limit.delivered(completed[1].decode())
            if of_page and (closing or body.startswith(CLOSING)):
                closing.append(message)
            elif message["type"] != "http.response.start" or not continued:
                await send(message)

        try:
            await self.app(dict(scope), receive, noting)
            # Gradio closes a stream behind its last answer. What the page asks on that answer would go by the old
            # stream while it closes, and its own answer would never come.
            while closing and not await _has_left(receive, LINGER) and self.limit.read(stream):
                closing.clear()
                continued = True
                await self.app(dict(scope), receive, noting)
            for message in closing:
                await send(message)
        finally:
            self.limit.ended(stream)

    def _clean(self, scope: Scope) -> Scope:
        """The scope without the public path that a proxy has left in front, deep links, and unproven X-Forwarded-*.

        X-Forwarded-Proto is believed from anyone: it changes nothing but the links of this one answer.
        """
        headers = Headers(raw=scope["headers"])
        believed = {b"x-forwarded-host"} if self.behind_proxy else set()
        dropped = (b"x-forwarded-", b"forwarded", b"x-gradio-server")
        passed = [(k, v) for k, v in scope["headers"] if k in believed or not k.startswith(dropped)]
        if headers.get("x-forwarded-proto", "").split(",")[0].strip() == "https":
            scope = scope | {"scheme": "https"}
        if scope["scheme"] == "https" and believed:
            passed.append((b"x-forwarded-proto", b"https"))  # beside X-Forwarded-Host, Gradio reads this one alone
        path = scope["path"]
        if self.root and (path + "/").startswith(self.root + "/"):
            path = path.removeprefix(self.root)
        if not path.startswith(f"{API}/mcp"):
            path = path.rstrip("/") or "/"
        query = urlencode([(k, v) for k, v in parse_qsl(scope["query_string"].decode("latin-1")) if k != "deep_link"])
        return scope | {"headers": passed, "path": path, "raw_path": path.encode(), "query_string": query.encode()}


def _set_headers(headers: MutableHeaders, path: str, status: int) -> None:
    for name in [name for name in headers if name.startswith("access-control-")]:
        del headers[name]
    if path.startswith(API) or path in ("/", "/config"):
        headers["Cache-Control"] = "no-store"
    elif path.startswith(PREFIX) and status == 200:
        headers["Cache-Control"] = "public, max-age=31536000, immutable"
    if headers.get("content-type", "").startswith("text/event-stream"):
        headers["X-Accel-Buffering"] = "no"  # nginx would hold events back


def _foreign(scope: Scope) -> bool:
    """Whether a page of another site sent this."""
    headers = Headers(raw=scope["headers"])
    if site := headers.get("sec-fetch-site"):  # browsers send it over https and to localhost, whatever proxies do
        return site not in ("same-origin", "none")
    if (origin := headers.get("origin")) is None:
        return False
    sender = urlsplit(origin).netloc
    hosts = [headers.get(name) for name in ("host", "x-forwarded-host") if headers.get(name)]
    # proxies often leave the port out of Host
    return sender not in hosts and sender.partition(":")[0] not in hosts


def _session_stream(session: str) -> str:
    return f"{API}/queue/data?session_hash={session}"


def _bounded(receive: Receive, limit: int) -> Receive:
    received = 0

    async def bounded() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > limit:
            raise RefusedError(413, TOO_LARGE.format(limit / 2**20))
        return message

    return bounded


async def _has_left(receive: Receive, seconds: float) -> bool:
    """Wait as long, or until the reader of the answer leaves. Returns whether they did."""
    with move_on_after(seconds):
        while True:
            if (await receive())["type"] == "http.disconnect":
                return True
    return False


async def _whole(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """The body once, then whatever the connection brings."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return messages.pop() if messages else await receive()

    return replayed
