"""Gradio's image field, made safe for what a client may send: only a name that `UPLOADS` gave leads to a file."""

from abc import ABCMeta
from pathlib import Path

import gradio as gr

from .upload_store import UPLOADS


class _Silent(type(gr.Image)):
    """Gradio's own metaclass writes a .pyi file beside the source of every new kind of component: not here."""

    def __new__(cls, name: str, bases: tuple, namespace: dict):
        return ABCMeta.__new__(cls, name, bases, namespace)


class SafeImage(gr.Image, metaclass=_Silent):
    """An image field that hands on the opaque name of an upload; nothing is opened or fetched here.

    gr.Image opens the file itself, wherever it is, and would answer a broken one with an error of its own; and a client
    that sends an address instead of a file would make this machine fetch it.
    """

    is_template = True  # the browser draws it as a gr.Image

    def preprocess(self, payload) -> str | None:
        """The name of the upload, None without an image."""
        return None if payload is None else payload.path

    def postprocess(self, value: str | None) -> object:
        """Show an upload or an example by its name; a file of the app's own by its path."""
        if value is None:
            return None
        name = UPLOADS.keep(Path(value)) if Path(value).is_absolute() else value
        return self.data_model(path=name, orig_name=name.split("/")[-1])

    async def async_move_resource_to_block_cache(self, url_or_file_path) -> str | None:
        """Nothing is copied."""
        return url_or_file_path

    def move_resource_to_block_cache(self, url_or_file_path) -> str | None:
        """Nothing is copied."""
        return url_or_file_path


def image_upload(value: str | None = None, **options) -> SafeImage:
    """The field for one image, from a file, the clipboard or a camera. (Gradio reads its options off __init__.)"""
    return SafeImage(
        value, type="filepath", image_mode=None, format="png", sources=["upload", "clipboard", "webcam"], **options
    )
