"""Routes for uploaded images, in place of Gradio's: images come and go by opaque names alone."""

import asyncio

from fastapi import APIRouter, HTTPException, Request, Response
from starlette.datastructures import UploadFile
from starlette.responses import PlainTextResponse

from mat_core import ImageError
from mat_core.data.image_encoding import encode_jpeg
from mat_core.data.image_loading import ALLOWED, MAX_BYTES, load_image, scale_image

from .routes import API, NOT_HERE, TOO_LARGE
from .upload_store import Uploads

NO_UPLOAD = f"Send one image as the field 'files' of a multipart form. {ALLOWED}"
NO_ROOM = "The machine has no room for the image at the moment. Try again in a few minutes."
# how the files begin that every browser draws
DRAWN = {
    b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n": "image/png", b"GIF8": "image/gif", b"BM": "image/bmp",
    b"RIFF": "image/webp",
}  # fmt: skip
PREVIEW_SIDE = 1280  # pixels of the long side of what is drawn of the others
NO_PREVIEW = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 48" width="256" height="192" fill="none" stroke="#808080" '
    'stroke-width="1.5"><rect x="16" y="12" width="32" height="24" rx="2"/><circle cx="26" cy="20" r="3"/>'
    '<path d="m18 34 9-7 6 4 6-6 8 9M12 42 52 6"/></svg>'
)


def upload_routes(uploads: Uploads) -> APIRouter:
    """What is uploaded to `uploads` and read from it."""
    router = APIRouter(prefix=API)
    previews = asyncio.Semaphore(1)  # one at a time waits for the decoder, so that answers wait for no more than one

    @router.post("/upload")
    async def upload(request: Request) -> list[str]:
        try:
            async with request.form(max_files=1, max_fields=4, max_part_size=4096) as form:
                file = form.get("files")
                if not isinstance(file, UploadFile):
                    raise HTTPException(400, NO_UPLOAD)
                if (file.size or 0) > MAX_BYTES:
                    raise HTTPException(413, TOO_LARGE.format(MAX_BYTES / 2**20))
                owner = request.client.host if request.client else ""
                data, name = await file.read(), file.filename or ""
            return [await asyncio.to_thread(uploads.add, data, name, owner)]
        except OSError:
            raise HTTPException(507, NO_ROOM) from None
        except (ValueError, KeyError):  # headers and boundaries that the parser does not understand
            raise HTTPException(400, NO_UPLOAD) from None

    @router.get("/upload_progress")
    async def progress() -> PlainTextResponse:
        """The page asks for it; an image is too small to show its progress."""
        return PlainTextResponse('data: {"msg": "done"}\n\n', media_type="text/event-stream")

    @router.api_route("/file={name:path}", methods=["GET", "HEAD"])
    async def file(name: str) -> Response:
        """The file where browsers can draw it, a JPEG of it otherwise; nothing of this is kept."""
        try:
            data = await asyncio.to_thread(uploads.read, name)
            if kind := next((kind for start, kind in DRAWN.items() if data.startswith(start)), None):
                return Response(data, media_type=kind)
            del data  # many may wait
            async with previews:
                return Response(await asyncio.to_thread(_preview, uploads, name), media_type="image/jpeg")
        except OSError:
            raise HTTPException(404, NOT_HERE) from None
        except ImageError:
            return Response(NO_PREVIEW, media_type="image/svg+xml")  # what the page says of it comes with the answer

    return router


def _preview(uploads: Uploads, name: str) -> bytes:
    image = load_image(uploads.read(name))
    side = min(max(image.shape[:2]), PREVIEW_SIDE)
    return encode_jpeg(scale_image(image, side, side), 90)
