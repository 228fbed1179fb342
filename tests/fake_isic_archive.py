"""A server on this machine that answers as the ISIC archive does, and misbehaves as a test tells it to."""

import json
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from local_server import running

from mat_core import Metadata
from mat_core.data.image_encoding import encode_jpeg
from teaching.cases.catalog import NamedCase, fingerprint
from teaching.phantoms import make_phantom

API, FILES = "/api/v2/images/", "/files/"


def named(number: int, code: str = "mel") -> tuple[NamedCase, bytes]:
    """A made-up case, and the JPEG file of its photograph, which is a drawing."""
    image = make_phantom(number, code, (450, 600)).image
    patient = Metadata(45, "male", "back", "histo")
    case = NamedCase(f"ISIC_{number:07}", code, patient, "nv", 0.75, False, {}, fingerprint(image), "somebody", "CC 0")
    return case, encode_jpeg(image, 90)


class ArchiveServer(ThreadingHTTPServer):
    """pictures: id -> bytes. asked: paths in their order; sent: the headers of each. change(handler): answers in its
    place where it returns True.
    """

    daemon_threads = True

    def __init__(self, pictures: dict[str, bytes], change: Callable | None = None):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.pictures, self.change, self.asked, self.sent = pictures, change, [], []

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def address(self) -> str:
        return f"{self.root}{API}"


def archive_server(pictures: dict[str, bytes], change: Callable | None = None) -> AbstractContextManager[ArchiveServer]:
    """A running one, as a context."""
    return running(ArchiveServer(pictures, change))


class _Handler(BaseHTTPRequestHandler):
    server: ArchiveServer

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.server.sent.append(dict(self.headers))
        if self.server.change and self.server.change(self):
            return
        name = self.path.removeprefix(API).strip("/")
        if self.path.startswith(FILES):
            self.give(200, self.server.pictures[self.path.removeprefix(FILES).removesuffix(".jpg")], "image/jpeg")
        elif name in self.server.pictures:
            self.give_json(self.record(name))
        else:
            self.give_json({"detail": "Not found."}, 404)

    def record(self, name: str) -> dict:
        """What the API says of an image; `size` is in bytes."""
        return {
            "isic_id": name, "copyright_license": "CC-BY-NC", "attribution": "ViDIR Group",
            "files": {"full": {"url": f"{self.server.root}{FILES}{name}.jpg", "size": len(self.server.pictures[name])}},
            "metadata": {"clinical": {"sex": "male"}},
        }  # fmt: skip

    def give_json(self, value: object, status: int = 200) -> None:
        self.give(status, json.dumps(value).encode(), "application/json")

    def give(self, status: int, body: bytes, kind: str, length: int | None = None, headers: dict | None = None) -> None:
        """length: what is claimed, where that is not what is sent."""
        self.send_response(status)
        for key, value in {"Content-Type": kind, **(headers or {})}.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def drip(self, body: bytes, kind: str, pause: float) -> None:
        """A byte at a time, with a pause between."""
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            for at in range(len(body)):
                self.wfile.write(body[at : at + 1])
                self.wfile.flush()
                time.sleep(pause)
        except OSError:
            pass  # nobody listens any more

    def log_message(self, *_) -> None:
        pass
