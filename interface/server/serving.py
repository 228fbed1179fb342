"""The Gradio app inside a FastAPI app with one middleware, and uvicorn to serve it."""

import asyncio
import contextlib
import secrets
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import gradio as gr
import httpx
import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from mat_core import UserError
from mat_core.data.image_loading import MAX_BYTES
from mat_core.utils.cpu import available_cpus

from .request_validation import RequestValidator
from .security_middleware import SecurityMiddleware
from .static_files import ASSETS, PREFIX, static_files
from .upload_routes import upload_routes
from .upload_store import SWEEP_INTERVAL, UPLOAD_TTL, UPLOADS
from .waiting_limit import CONCURRENT_CALLS, WaitingLimit

PORTS = range(7860, 7960)  # tried in turn where none is given


def create_app(
    demo: gr.Blocks,
    head: str = "",
    theme: gr.themes.Base | None = None,
    mcp: bool = False,
    behind_proxy: bool = False,
    embed: Sequence[str] = (),
    ready: Callable = lambda: None,
) -> FastAPI:
    """The ASGI app: the page and endpoints of `demo`, uploads, static files, and the middleware around all of it.

    head: HTML for the page's <head>. theme: Gradio's default where it is None.
    mcp: serve the Model Context Protocol. behind_proxy: believe X-Forwarded-Host.
    embed: origins that may show the page in a frame. ready: called once the app can answer.
    """
    limit = WaitingLimit()

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI):
        sweeping = asyncio.create_task(_sweep(app, limit))
        yield
        sweeping.cancel()

    app = FastAPI(lifespan=lifespan, openapi_url=None)
    app.mount(PREFIX, static_files())
    app.include_router(upload_routes(UPLOADS))
    demo.state_session_capacity = 64
    demo.max_threads = available_cpus() + CONCURRENT_CALLS  # so that calls never take the last thread from the page
    gr.mount_gradio_app(
        app, demo, "/", show_error=False, run_history=False, enable_monitoring=False, ssr_mode=False, pwa=False,
        mcp_server=mcp, max_file_size=MAX_BYTES, footer_links=["api", "settings"], theme=theme,
        css_paths=[ASSETS / "style.css", ASSETS / "teaching.css"], head=head,
    )  # fmt: skip
    if mcp and not demo.mcp_server:
        raise UserError(demo.mcp_error)
    app.add_middleware(
        SecurityMiddleware, validator=RequestValidator(demo), limit=limit, mcp=mcp, behind_proxy=behind_proxy,
        embed=embed,
    )  # fmt: skip
    started = app.router.lifespan_context  # Gradio's around ours

    @contextlib.asynccontextmanager
    async def announced(app: FastAPI):
        async with started(app) as state:
            ready()
            yield state

    app.router.lifespan_context = announced
    return app


async def _sweep(app: FastAPI, limit: WaitingLimit) -> None:
    """Delete old uploads, and cancel the events whose answers nobody fetches: Gradio would keep them in memory."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as web:
        while True:
            await asyncio.sleep(SWEEP_INTERVAL)
            await asyncio.to_thread(UPLOADS.sweep, UPLOAD_TTL)
            for stream in limit.abandoned():
                with contextlib.suppress(TimeoutError, httpx.HTTPError):
                    await asyncio.wait_for(web.get(stream), 1)  # to leave a stream cancels what it has not delivered


@dataclass(frozen=True)
class Certificate:
    """Files for https in PEM format. keyfile: None where certfile contains the key too."""

    certfile: str
    keyfile: str | None = None

    def check(self) -> None:
        """Raises UserError where the files are no certificate and its key."""
        try:
            # the password: without one, an encrypted key would be asked for on the terminal
            ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(self.certfile, self.keyfile, "")
        except OSError as error:  # ssl.SSLError is one
            files = " and ".join(filter(None, (self.certfile, self.keyfile)))
            raise UserError(
                f"{files}: no certificate with its key in PEM format ({error.strerror or error}). Give both as "
                "--certfile and --keyfile, unencrypted."
            ) from None


def uvicorn_config(app: ASGIApp, proxies: str = "", certificate: Certificate | None = None) -> uvicorn.Config:
    """proxies: addresses and networks, comma-separated, whose X-Forwarded-For and -Proto are believed.

    certificate: for https; None for http.
    """
    return uvicorn.Config(
        app, log_level="critical", proxy_headers=bool(proxies), forwarded_allow_ips=proxies, server_header=False,
        timeout_graceful_shutdown=1,
        ssl_certfile=certificate and certificate.certfile, ssl_keyfile=certificate and certificate.keyfile,
    )  # fmt: skip


def run(
    app: ASGIApp, listener: socket.socket, proxies: str = "", certificate: Certificate | None = None
) -> None:  # fmt: skip
    """Serve `app` on a listening socket until SIGINT or SIGTERM."""
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(uvicorn_config(app, proxies, certificate)).run(sockets=[listener])


def listen(host: str, port: int | None = None) -> socket.socket:
    """A listening socket. port: None takes the first free one of PORTS. Raises UserError where none can be had."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)[0]
        socket.create_server(address, family=family).close()  # an address that is not this machine's fails at once
        for number in (port,) if port else PORTS:
            with contextlib.suppress(OSError):
                return socket.create_server((address[0], number), family=family, backlog=2048)
    except OSError:
        pass
    where = f"{host}, port {port}" if port else f"{host}, any port from {PORTS[0]} on"
    raise UserError(f"The app cannot listen on {where}: it is in use or not allowed.")


def share(port: int) -> str:
    """A public address of this port, through a relay of Gradio's operator. Raises UserError."""
    from gradio.networking import setup_tunnel

    try:
        return setup_tunnel("127.0.0.1", port, secrets.token_urlsafe(32), None, None)
    except Exception as error:
        raise UserError(f"--share: no public address could be had ({error}).") from None
