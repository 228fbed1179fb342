"""A server of the tests beside what is tested, ended with it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from typing import TypeVar

Server = TypeVar("Server", bound=HTTPServer)


@contextmanager
def running(server: Server) -> Iterator[Server]:
    """The server, answering in a thread of its own."""
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


class Trap(ThreadingHTTPServer):
    """A server that nobody should ask. asked: methods and paths; body: what it would answer, as an image."""

    def __init__(self, body: bytes = b""):
        super().__init__(("127.0.0.1", 0), _TrapHandler)
        self.asked, self.body = [], body

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_port}"


class _TrapHandler(BaseHTTPRequestHandler):
    server: Trap

    def do_GET(self):
        self.server.asked.append(f"{self.command} {self.path}")
        self.send_response(200)
        self.send_header("Content-Type", "image/png")
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    do_HEAD = do_POST = do_OPTIONS = do_GET  # noqa: N815

    def log_message(self, *_):
        pass
