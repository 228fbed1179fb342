"""Gradio's image field, made safe for bytes of any kind: nothing is decoded or fetched before mat_core looks at it."""

from abc import ABCMeta

import gradio as gr
from gradio_client.utils import is_http_url_like

from mat_core import ImageError


class _Silent(type(gr.Image)):
    """Gradio's own metaclass writes a .pyi file beside the source of every new kind of component: not here."""

    def __new__(cls, name: str, bases: tuple, namespace: dict):
        return ABCMeta.__new__(cls, name, bases, namespace)


class ImageUpload(gr.Image, metaclass=_Silent):
    """An image field that hands on the path of the uploaded file, whatever is in it.

    gr.Image opens the file itself and would answer a broken one with an error of its own; and a client that sends an
    address instead of a file would make this machine fetch it.
    """

    is_template = True  # the browser draws it as a gr.Image

    def preprocess(self, payload) -> str | None:
        """The path of the file in the private cache, None without an image."""
        return None if payload is None else payload.path

    async def async_move_resource_to_block_cache(self, url_or_file_path) -> str | None:
        """Refuse addresses; a file that was uploaded is in the cache already."""
        if url_or_file_path is not None and is_http_url_like(str(url_or_file_path)):
            raise gr.Error(str(ImageError("Upload the image itself, not an address of it.")), print_exception=False)
        return await super().async_move_resource_to_block_cache(url_or_file_path)


def image_upload(value: str | None = None, **options) -> ImageUpload:
    """The field for one image, from a file, the clipboard or a camera. (Gradio reads its options off __init__.)"""
    return ImageUpload(
        value, type="filepath", image_mode=None, format="png", sources=["upload", "clipboard", "webcam"], **options
    )
