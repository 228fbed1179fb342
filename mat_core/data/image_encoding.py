"""Encode RGB arrays as JPEG or PNG, and files as data URIs."""

import base64

import cv2
import numpy as np


def encode_jpeg(image: np.ndarray, quality: int) -> bytes:
    """The bytes of a JPEG file. image: (h, w, 3) RGB or (h, w) grey, uint8; quality: 0 to 100."""
    return _encoded(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])


def encode_png(image: np.ndarray) -> bytes:
    """The bytes of a PNG file. image: (h, w, 3) RGB or (h, w) grey, uint8."""
    return _encoded(".png", image, [])


def data_uri(data: bytes, kind: str) -> str:
    """A data URI of a file; kind: 'jpeg', 'png' or 'pdf'."""
    return f"data:{'application' if kind == 'pdf' else 'image'}/{kind};base64,{base64.b64encode(data).decode('ascii')}"


def _encoded(suffix: str, image: np.ndarray, options: list[int]) -> bytes:
    # bytes for Python to write: OpenCV's own writer fails silently, and on names outside ASCII
    good, data = cv2.imencode(suffix, np.ascontiguousarray(image[..., ::-1] if image.ndim == 3 else image), options)
    if not good:
        raise OSError(f"OpenCV could not make a {suffix} file of this image.")
    return data.tobytes()
