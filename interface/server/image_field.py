"""Gradio's image field, made safe for what a client may send: only a name that `UPLOADS` gave leads to a file."""

from abc import ABCMeta
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import ImageData
from gradio_client.utils import is_http_url_like

from .uploads import UPLOADS

NO_IMAGE = "The image must be a file as /gradio_api/upload or gradio_client.handle_file gives it."
NO_ADDRESS = "Upload the image itself, not an address of it."


class _Silent(type(gr.Image)):
    """Gradio's own metaclass writes a .pyi file beside the source of every new kind of component: not here."""

    def __new__(cls, name: str, bases: tuple, namespace: dict):
        return ABCMeta.__new__(cls, name, bases, namespace)


class ImageUpload(gr.Image, metaclass=_Silent):
    """An image field that hands on the opaque name of an upload; nothing is opened or fetched here.

    gr.Image opens the file itself, wherever it is, and would answer a broken one with an error of its own; and a client
    that sends an address instead of a file would make this machine fetch it.
    """

    is_template = True  # the browser draws it as a gr.Image

    @staticmethod
    def clean(given: Any) -> dict | None:
        """What a client sent, as nothing but a name. Raises gr.Error.

        Without its 'meta', Gradio's own machinery does not take it for a file of this machine.
        """
        if given is None:
            return None
        name = given.get("path") if isinstance(given, dict) else given
        if isinstance(given, dict) and not name:
            name = given.get("url")
        if isinstance(name, str) and is_http_url_like(name):
            raise gr.Error(NO_ADDRESS, print_exception=False)
        if not isinstance(given, dict) or not isinstance(name, str):
            raise gr.Error(NO_IMAGE, print_exception=False)
        return {"path": name}

    def preprocess(self, payload) -> str | None:
        """The name of the upload, None without an image."""
        return None if payload is None else payload.path

    def postprocess(self, value: str | None) -> ImageData | None:
        """Show an upload or an example by its name; a file of the app's own by its path."""
        if value is None:
            return None
        name = UPLOADS.keep(Path(value)) if Path(value).is_absolute() else value
        return ImageData(path=name, orig_name=name.split("/")[-1])

    async def async_move_resource_to_block_cache(self, url_or_file_path) -> str | None:
        """Nothing is copied."""
        return url_or_file_path

    def move_resource_to_block_cache(self, url_or_file_path) -> str | None:
        """Nothing is copied."""
        return url_or_file_path


def image_upload(value: str | None = None, **options) -> ImageUpload:
    """The field for one image, from a file, the clipboard or a camera. (Gradio reads its options off __init__.)"""
    return ImageUpload(
        value, type="filepath", image_mode=None, format="png", sources=["upload", "clipboard", "webcam"], **options
    )
