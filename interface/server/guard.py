"""The outermost layer of the app: what is not on the list does not exist, what comes in has the right shape.

Gradio serves more than this app needs (recordings, proxies, deep links, direct calls past the queue, files by their
path). Everything that is not in `OPEN` is answered with 404 before Gradio sees it. Uploads and files are handled here,
by opaque names alone. Bodies are bounded and checked; every answer carries the headers that keep a page to itself.
"""

import asyncio
import ipaddress
import json
import logging
import mimetypes
import re
import time
from collections.abc import Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit

from python_multipart.exceptions import FormParserError
from starlette.datastructures import Headers, MutableHeaders
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mat_core.images import ALLOWED, MAX_BYTES

from .uploads import UPLOADS, Uploads

log = logging.getLogger(__name__)

API = "/gradio_api"
MAX_FORM = MAX_BYTES + 2**16  # an image and what a form wraps around it
MAX_JSON = 2**20
MAX_TOOL_CALL = MAX_BYTES * 4 // 3 + 2**16  # an image in base64
TEXT = r"[^/]{1,200}"
# what the app needs, and nothing else: methods, path, most bytes of a body
OPEN: tuple[tuple[str, str, int], ...] = (
    ("GET HEAD", "/", 0),
    ("GET", "/config", 0),
    ("GET", "/theme.css", 0),
    ("GET", "/favicon.ico", 0),
    ("GET", "/manifest.json", 0),
    ("GET", "/robots.txt", 0),
    ("GET", r"/(assets|static|svelte)/[\w./@+-]{1,200}", 0),
    ("GET", f"{API}/info", 0),
    ("GET", f"{API}/openapi.json", 0),
    ("GET", f"{API}/app_id", 0),
    ("GET HEAD", f"{API}/startup-events", 0),
    ("GET", rf"{API}/heartbeat/{TEXT}", 0),
    ("GET HEAD", rf"{API}/file=.{{1,400}}", 0),
    ("POST", f"{API}/upload", MAX_FORM),
    ("GET", f"{API}/upload_progress", 0),
    ("POST", f"{API}/queue/join", MAX_JSON),
    ("GET", f"{API}/queue/data", 0),
    ("GET", f"{API}/queue/status", 0),
    ("POST", rf"{API}/call/{TEXT}", MAX_JSON),
    ("POST", rf"{API}/call/v2/{TEXT}", MAX_JSON),
    ("GET", rf"{API}/call/{TEXT}/{TEXT}", 0),
    ("GET", rf"{API}/call/v2/{TEXT}/{TEXT}", 0),
    ("POST", f"{API}/cancel", MAX_JSON),
    ("POST", f"{API}/reset", MAX_JSON),
    ("POST", f"{API}/component_server", MAX_JSON),
)
TOOLS = (("GET POST DELETE", rf"{API}/mcp(/[\w/-]*)?", MAX_TOOL_CALL),)  # with --mcp
POLICY = "; ".join((
    "default-src 'self'",
    "script-src 'self' 'unsafe-inline' 'unsafe-eval'",  # Gradio puts its settings and the views' scripts in the page
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "font-src 'self' data:",
    "media-src 'self' blob:",
    "worker-src 'self' blob:",
    "connect-src 'self'",
    "object-src 'none'",
    "base-uri 'self'",
    "form-action 'self'",
    "frame-ancestors 'self' https://huggingface.co https://*.hf.space",  # a Space is shown in a frame
))  # fmt: skip
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
}
NOT_HERE = "There is nothing at this address."
NOT_OURS = "Requests of other sites' pages are refused."
NO_JSON = "The body must be one JSON object."
TOO_LARGE = "The request is too large: at most {:.0f} MB."
NO_UPLOAD = f"Send one image as the field 'files' of a multipart form. {ALLOWED}"
NO_ROOM = "The machine has no room for the image at the moment. Try again in a few minutes."
FAILED = "Something went wrong inside the app."


@dataclass
class _Progress:
    """How far an upload has come."""

    name: str = ""
    received: int = 0
    done: bool = False


class RefusedError(Exception):
    """The answer to a request that goes no further."""

    def __init__(self, status: int, sentence: str):
        super().__init__(sentence)
        self.status, self.sentence = status, sentence


class Guard:
    """Wraps the ASGI app of `blocks`. proxies: addresses or networks whose X-Forwarded-* are believed.

    tools: whether the Model Context Protocol is served; uploads: where images go.
    """

    def __init__(self, app: ASGIApp, blocks, proxies: str = "", tools: bool = False, uploads: Uploads = UPLOADS):
        self.app, self.blocks, self.uploads = app, blocks, uploads
        self.proxies = [ipaddress.ip_network(p.strip(), strict=False) for p in proxies.split(",") if p.strip()]
        self.rules = [(m.split(), re.compile(p), size) for m, p, size in OPEN + (TOOLS if tools else ())]
        self.progress: dict[str, _Progress] = {}
        self.endpoints: dict[str, dict[str, bool]] | None = None

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
        receive = _bounded(receive, sizes[0])
        scope = scope | {"path": path, "raw_path": path.encode()}
        if path.startswith(f"{API}/file="):
            response = await asyncio.to_thread(self._file, path.removeprefix(f"{API}/file="))
            await response(scope, receive, send)
        elif path == f"{API}/upload":
            await (await self._upload(scope, receive))(scope, receive, send)
        elif path == f"{API}/upload_progress":
            upload = dict(parse_qsl(scope["query_string"].decode("latin-1"))).get("upload_id", "")
            await StreamingResponse(self._progress(upload), media_type="text/event-stream")(scope, receive, send)
        elif method == "GET" and not self._expected(path, scope):
            raise RefusedError(404, "Nothing is under way by this name.")
        elif method == "POST" and not path.startswith(f"{API}/mcp"):
            body = self._checked(path, _parsed(await _whole(receive)))
            scope = scope | {"headers": _json_headers(scope["headers"], len(body))}
            await self.app(scope, _replayed(body, receive), send)
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

    # ---------------------------------------------------------------- bodies

    def _checked(self, path: str, body: dict) -> bytes:
        """The body with nothing in it but what the route knows, as JSON. Raises RefusedError."""
        action = path.removeprefix(f"{API}/")
        if action == "queue/join":
            _require(_is_session(body.get("session_hash")), "session_hash must be a short string.")
            _require(_is_number(body.get("fn_index")), "fn_index must be a whole number.")
            if body["fn_index"] not in self.blocks.fns:
                raise RefusedError(404, "There is no such action.")
            _require(isinstance(body.get("data"), list), "data must be a list.")
            if not _is_number(body.get("trigger_id")):
                body["trigger_id"] = None
            return _dumped(body, "data", "session_hash", "fn_index", "trigger_id", "event_data")
        if action.startswith("call/v2/"):
            names = self._parameters(action.removeprefix("call/v2/"))
            odd = sorted(set(map(str, body)) - set(names))
            _require(not odd, f"Unknown: {', '.join(odd)[:200]}. This takes {', '.join(names) or 'nothing'}.")
            lacking = [name for name, needed in names.items() if needed and name not in body]
            _require(not lacking, f"Missing: {', '.join(lacking)}.")
            return _dumped(body, *names)
        if action.startswith("call/"):
            self._parameters(action.removeprefix("call/"))
            _require(isinstance(body.get("data"), list), "data must be a list.")
            session = body.get("session_hash")
            _require(session is None or _is_session(session), "session_hash must be a short string.")
            return _dumped(body, "data", "session_hash")
        if action == "component_server":
            block = self.blocks.blocks.get(body.get("component_id")) if _is_number(body.get("component_id")) else None
            asked = body.get("fn_name")
            offered = getattr(block, asked, None) if block is not None and isinstance(asked, str) else None
            if not getattr(offered, "_is_server_fn", False) or not _is_session(body.get("session_hash")):
                raise RefusedError(404, "There is no such function.")
            return _dumped({"data": None} | body, "data", "component_id", "fn_name", "session_hash")
        if action == "cancel":
            fits = _is_session(body.get("session_hash")) and _is_session(body.get("event_id"))
            _require(
                fits and _is_number(body.get("fn_index")), "session_hash, fn_index and event_id say what to cancel."
            )
            return _dumped(body, "session_hash", "fn_index", "event_id")
        _require(_is_session(body.get("event_id")), "event_id must be a short string.")
        return _dumped(body, "event_id")

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

    # ---------------------------------------------------------------- files

    def _file(self, name: str) -> Response:
        try:
            data = self.uploads.read(name)
        except OSError:
            raise RefusedError(404, NOT_HERE) from None
        kind = mimetypes.guess_type(name)[0] or ""
        drawable = kind in ("image/jpeg", "image/png", "image/webp", "image/gif", "image/bmp")
        return Response(data, media_type=kind if drawable else "application/octet-stream")

    async def _upload(self, scope: Scope, receive: Receive) -> Response:
        request = Request(scope, receive)
        progress = _Progress()
        upload = request.query_params.get("upload_id", "")[:64]
        if upload:
            for old in [key for key, p in self.progress.items() if p.done][: max(0, len(self.progress) - 100)]:
                del self.progress[old]
            self.progress[upload] = progress

        async def counted():
            async for chunk in request.stream():
                if not progress.name and (found := re.search(rb'filename="([^"\r\n]{1,200})"', chunk[:2000])):
                    progress.name = found[1].decode("utf-8", "replace")
                progress.received += len(chunk)
                yield chunk

        form = None
        try:
            form = await MultiPartParser(
                request.headers, counted(), max_files=1, max_fields=4, max_part_size=4096
            ).parse()
            file = form.get("files")
            if file is None or isinstance(file, str):
                raise RefusedError(400, NO_UPLOAD)
            if (file.size or 0) > MAX_BYTES:
                raise RefusedError(413, TOO_LARGE.format(MAX_BYTES / 2**20))
            owner = (scope.get("client") or ("", 0))[0]
            name = await asyncio.to_thread(self.uploads.add, await file.read(), file.filename or "", owner)
            return JSONResponse([name])
        except (MultiPartException, FormParserError, KeyError, UnicodeError, ValueError):
            raise RefusedError(400, NO_UPLOAD) from None
        except OSError:
            raise RefusedError(507, NO_ROOM) from None
        finally:
            progress.done = True
            if form is not None:
                await form.close()

    async def _progress(self, upload: str):
        """Gradio's own messages: how many bytes have come since the last."""
        told, begun = 0, time.monotonic()
        while (progress := self.progress.get(upload)) is None:
            if time.monotonic() - begun > 3:
                return
            await asyncio.sleep(0.05)
        while not progress.done:
            if progress.received > told and progress.name:
                update = {"msg": "update", "orig_name": progress.name, "chunk_size": progress.received - told}
                told = progress.received
                yield f"data: {json.dumps(update)}\n\n"
            await asyncio.sleep(0.05)
        yield f"data: {json.dumps({'msg': 'done'})}\n\n"
        self.progress.pop(upload, None)


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


def _bounded(receive: Receive, most: int) -> Receive:
    received = 0

    async def bounded() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > most:
            raise RefusedError(413, TOO_LARGE.format(most / 2**20))
        return message

    return bounded


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
    """The body once, then whatever the connection says."""
    given = False

    async def replayed() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed


def _parsed(body: bytes) -> dict:
    try:
        value = json.loads(body)
        json.dumps(value, ensure_ascii=False).encode()  # half a surrogate is JSON, and nothing that can be answered
    except (ValueError, RecursionError):
        raise RefusedError(400, NO_JSON) from None
    if not isinstance(value, dict):
        raise RefusedError(400, NO_JSON)
    return value


def _dumped(body: dict, *names: str) -> bytes:
    return json.dumps({name: body[name] for name in names if name in body}).encode()


def _json_headers(headers: list, length: int) -> list:
    kept = [(k, v) for k, v in headers if k not in (b"content-length", b"content-type", b"transfer-encoding")]
    return [*kept, (b"content-type", b"application/json"), (b"content-length", str(length).encode())]


def _require(fits: bool, sentence: str) -> None:
    if not fits:
        raise RefusedError(400, sentence)


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_session(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[\w.-]{1,100}", value) is not None
