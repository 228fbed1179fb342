"""The outermost layer of the app: what is not on the list does not exist, what comes in has the right shape.

Gradio serves more than this app needs (recordings, proxies, deep links, direct calls past the queue, files by their
path). Everything that is not in `OPEN` is answered with 404 before Gradio sees it. Uploads and files are handled here,
by opaque names alone. Bodies are bounded and checked; every answer carries the headers that keep a page to itself.
"""

import asyncio
import ipaddress
import logging
import re
from collections.abc import Callable
from contextlib import asynccontextmanager, suppress
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, StreamingResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .bodies import Bodies, RefusedError, bounded, json_headers, parsed, replayed, whole
from .files import Files
from .routes import API, HEADERS, NOT_HERE, OPEN, TOOLS
from .uploads import UPLOADS, Uploads

log = logging.getLogger(__name__)

NOT_OURS = "Requests of other sites' pages are refused."
FAILED = "Something went wrong inside the app."


class Guard:
    """Wraps the ASGI app of `blocks`. proxies: addresses or networks whose X-Forwarded-* are believed.

    tools: whether the Model Context Protocol is served; uploads: where images go.
    """

    def __init__(self, app: ASGIApp, blocks, proxies: str = "", tools: bool = False, uploads: Uploads = UPLOADS):
        self.app, self.blocks = app, blocks
        self.bodies, self.files = Bodies(blocks), Files(uploads)
        self.proxies = [ipaddress.ip_network(p.strip(), strict=False) for p in proxies.split(",") if p.strip()]
        self.rules = [(m.split(), re.compile(p), size) for m, p, size in OPEN + (TOOLS if tools else ())]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request of any kind; other scopes than http pass or end."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def answer(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(raw=message["headers"])
                headers.update(HEADERS)
                for name in [name for name in headers if name.startswith("access-control-")]:
                    del headers[name]
                if scope["path"].startswith(API) or scope["path"] in ("/", "/config"):
                    headers["Cache-Control"] = "no-store"
            await send(message)

        try:
            await self._serve(scope, receive, answer)
        except RefusedError as refused:
            await _last_word(refused.status, refused.sentence)(scope, receive, answer)
        except ClientDisconnect:
            pass
        except Exception as error:
            place = error.__traceback__
            while place is not None and place.tb_next is not None:
                place = place.tb_next
            log.error("%s in %s, line %s", type(error).__name__, place.tb_frame.f_code.co_filename, place.tb_lineno)
            if not started:
                await _last_word(500, FAILED)(scope, receive, answer)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope = self._clean(scope)
        path, method = scope["path"], scope["method"]
        if len(path) > 1 and path.endswith("/") and not path.startswith(f"{API}/mcp"):
            path = path.rstrip("/") or "/"
        fitting = [(methods, size) for methods, pattern, size in self.rules if pattern.fullmatch(path)]
        if not fitting:
            raise RefusedError(404, NOT_HERE)
        sizes = [size for methods, size in fitting if method in methods]
        if not sizes:
            raise RefusedError(405, "This address takes " + " or ".join(fitting[0][0]) + " only.")
        if method == "POST" and _foreign(scope):
            raise RefusedError(403, NOT_OURS)
        receive = bounded(receive, sizes[0])
        scope = scope | {"path": path, "raw_path": path.encode()}
        if path.startswith(f"{API}/file="):
            response = await asyncio.to_thread(self.files.file, path.removeprefix(f"{API}/file="))
            await response(scope, receive, send)
        elif path == f"{API}/upload":
            await (await self.files.upload(scope, receive))(scope, receive, send)
        elif path == f"{API}/upload_progress":
            upload = dict(parse_qsl(scope["query_string"].decode("latin-1"))).get("upload_id", "")
            await StreamingResponse(self.files.progress_of(upload), media_type="text/event-stream")(
                scope, receive, send
            )
        elif method == "GET" and not self._expected(path, scope):
            raise RefusedError(404, "Nothing is under way by this name.")
        elif method == "POST" and not path.startswith(f"{API}/mcp"):
            body = self.bodies.checked(path, parsed(await whole(receive)))
            scope = scope | {"headers": json_headers(scope["headers"], len(body))}
            await self.app(scope, replayed(body, receive), send)
        else:
            await self.app(scope, receive, send)

    def _clean(self, scope: Scope) -> Scope:
        """The scope without what only a named proxy may say, the visitor's own address in it, and no deep links."""
        peer = (scope.get("client") or ("", 0))[0]
        headers, client = scope["headers"], scope.get("client")
        if not self._is_proxy(peer):
            headers = [(k, v) for k, v in headers if not k.startswith(b"x-forwarded-") and k != b"forwarded"]
        else:
            passed = [a.strip() for a in Headers(raw=headers).get("x-forwarded-for", "").split(",") if a.strip()]
            outside = [address for address in passed if not self._is_proxy(address)]
            if outside:
                client = outside[-1][:64], 0
        query = urlencode([(k, v) for k, v in parse_qsl(scope["query_string"].decode("latin-1"))
                           if k != "deep_link"])  # fmt: skip
        return scope | {"headers": list(headers), "client": client, "query_string": query.encode()}

    def _expected(self, path: str, scope: Scope) -> bool:
        """Whether a stream of answers has anything to tell; Gradio would begin one and break it off."""
        queue = getattr(self.blocks, "_queue", None)
        if path == f"{API}/queue/data":
            session = dict(parse_qsl(scope["query_string"].decode("latin-1"))).get("session_hash")
            return session in queue.pending_messages_per_session
        if path.startswith(f"{API}/call/"):
            event = path.split("/")[-1]
            return (
                event in queue.event_ids_to_events
                or event in queue.pending_messages_per_session
                or any(event in events for events in queue.pending_event_ids_session.values())
            )
        return True

    def _is_proxy(self, address: str) -> bool:
        try:
            return any(ipaddress.ip_address(address) in network for network in self.proxies)
        except ValueError:
            return False


def guarded(blocks, proxies: str, tools: bool, swept_every: float, age: float) -> Callable:
    """The lifespan to give to Gradio's app: it puts the guard around all of it, and sweeps the uploads."""

    @asynccontextmanager
    async def lifespan(app):
        # the stack is built by now and answers nothing yet: outside even Gradio's own CORS layer
        app.middleware_stack = Guard(app.middleware_stack, blocks, proxies, tools)

        async def sweep():
            while True:
                await asyncio.sleep(swept_every)
                await asyncio.to_thread(UPLOADS.sweep, age)

        sweeping = asyncio.create_task(sweep())
        yield
        sweeping.cancel()

    return lifespan


def _last_word(status: int, sentence: str) -> ASGIApp:
    """An answer to somebody who may not be able to hear it any more: after a broken body the connection is closed."""
    response = JSONResponse({"detail": sentence}, status)

    async def told(scope: Scope, receive: Receive, send: Send) -> None:
        with suppress(Exception):
            await response(scope, receive, send)

    return told


def _foreign(scope: Scope) -> bool:
    """Whether a page of another site sent this."""
    headers = Headers(raw=scope["headers"])
    origin = headers.get("origin")
    if origin is None:
        return False
    hosts = headers.get("host"), headers.get("x-forwarded-host")  # the second is there only from a named proxy
    return urlsplit(origin).netloc not in hosts
