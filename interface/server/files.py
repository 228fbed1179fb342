"""Images that come and go over HTTP, by opaque names alone."""

import asyncio
import json
import mimetypes
import re
import time
from dataclasses import dataclass

from python_multipart.exceptions import FormParserError
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope

from mat_core.images import ALLOWED, MAX_BYTES

from .bodies import TOO_LARGE, RefusedError
from .routes import NOT_HERE
from .uploads import Uploads

NO_UPLOAD = f"Send one image as the field 'files' of a multipart form. {ALLOWED}"
NO_ROOM = "The machine has no room for the image at the moment. Try again in a few minutes."


@dataclass
class _Progress:
    """How far an upload has come."""

    name: str = ""
    received: int = 0
    done: bool = False


class Files:
    """What is uploaded to and asked of `uploads`."""

    def __init__(self, uploads: Uploads):
        self.uploads = uploads
        self.progress: dict[str, _Progress] = {}

    def file(self, name: str) -> Response:
        """An upload or example by its opaque name. Raises RefusedError."""
        try:
            data = self.uploads.read(name)
        except OSError:
            raise RefusedError(404, NOT_HERE) from None
        kind = mimetypes.guess_type(name)[0] or ""
        drawable = kind in ("image/jpeg", "image/png", "image/webp", "image/gif", "image/bmp")
        return Response(data, media_type=kind if drawable else "application/octet-stream")

    async def upload(self, scope: Scope, receive: Receive) -> Response:
        """Take one image; the answer is its opaque name. Raises RefusedError."""
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

    async def progress_of(self, upload: str):
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
