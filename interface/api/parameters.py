"""What a program sends, checked, and what it gets back, as plain JSON."""

import functools
import math
from dataclasses import dataclass, is_dataclass
from typing import Any

import gradio as gr
import numpy as np

from mat_core import ConfigError, Metadata, UserError
from mat_core.data.image_encoding import data_uri
from mat_core.data.image_loading import load_image
from mat_core.data.labels import DISCLAIMER
from mat_core.figures import to_png
from mat_core.utils.validation import short_repr

from ..state.session import read_upload

MAX_BOXES = 100
UNKNOWN = "unknown"
File, Age = gr.FileData, float | None  # types of parameters


@dataclass(frozen=True)
class Case:
    """A case as a program sends it. Reading an attribute raises UserError where it does not fit."""

    file: dict | None
    age: float | None = None
    sex: str = "unknown"
    localization: str = "unknown"

    @functools.cached_property
    def image(self) -> np.ndarray:
        """(h, w, 3) uint8 RGB."""
        return read_image(self.file)

    @functools.cached_property
    def metadata(self) -> Metadata:
        """The checked metadata."""
        return Metadata(self.age, self.sex, self.localization)


def read_image(file: dict | None) -> np.ndarray:
    """An uploaded file, {"path": its opaque name}, as (h, w, 3) uint8 RGB. Raises UserError."""
    name = file.get("path") if isinstance(file, dict) else None
    if not isinstance(name, str):
        raise UserError("Give an image: a file, as gradio_client.handle_file sends it.")
    if name.startswith(("http://", "https://", "data:")):
        raise UserError("Upload the image itself, not an address of it.")
    return load_image(read_upload(name))


def check_int(name: str, value: Any, low: int | None = None, high: int | None = None) -> int:
    """A whole number as int, in its range where the core does not look after it. Raises ConfigError."""
    good = isinstance(value, int | float) and not isinstance(value, bool) and value == value // 1
    if not good or (low is not None and not low <= value <= high):
        allowed = "" if low is None else f" from {low} to {high}"
        raise ConfigError(f"{name} must be a whole number{allowed}; got {value!r}.")
    return int(value)


def optional(name: str, value: Any, high: int) -> int | None:
    """None, or a whole number from 0 to `high`. Raises ConfigError."""
    return None if value is None else check_int(name, value, 0, high)


def one_of(name: str, value: Any, allowed: tuple[str, ...]) -> str:
    """A word of those that are allowed. Raises ConfigError."""
    if value not in allowed:
        raise ConfigError(f"{name} must be one of {', '.join(allowed)}; got {value!r}.")
    return value


def mask_from_boxes(boxes: Any, size: tuple[int, int]) -> np.ndarray:
    """The pixels of boxes such as '10 20 60 80; 0 0 5 5', x1 y1 x2 y2 in pixels, (height, width) bool.

    size: the image's height and width. Raises ConfigError for what is not such a list, or lies outside.
    """
    height, width = size
    try:
        corners = [tuple(float(v) for v in box.replace(",", " ").split()) for box in boxes.split(";")]
        good = len(corners) <= MAX_BOXES and all(
            0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height for x1, y1, x2, y2 in corners
        )
    except (ValueError, AttributeError):
        good = False
    if not good:
        raise ConfigError(
            f"boxes must be 1 to {MAX_BOXES} times x1 y1 x2 y2, with semicolons between them, in pixels of the image, "
            f"which is {width} wide and {height} high; got {short_repr(boxes)}."
        )
    mask = np.zeros(size, dtype=bool)
    for x1, y1, x2, y2 in corners:
        mask[math.floor(y1) : math.ceil(y2), math.floor(x1) : math.ceil(x2)] = True
    return mask


def class_code(labels: tuple[str, ...], label: str | None) -> str | None:
    """A class's code, None when none is given. Raises ConfigError."""
    if not label:
        return None
    if label not in labels:
        raise ConfigError(f"label must be one of {', '.join(labels)}; got {label!r}.")
    return label


def png_file(figure) -> dict:
    """A matplotlib figure as the answer of an endpoint."""
    return {"png": data_uri(to_png(figure), "png"), "disclaimer": DISCLAIMER}


def to_json(result: Any, **more) -> Any:
    """A dataclass of numpy arrays as JSON values; `more`: what it works out, beside its fields."""
    if is_dataclass(result):
        fields = {name: to_json(getattr(result, name)) for name in result.__dataclass_fields__}
        return fields | {name: to_json(value) for name, value in more.items()}
    if isinstance(result, np.ndarray | np.generic):
        return result.tolist()
    if isinstance(result, dict):
        return {str(key): to_json(value) for key, value in result.items()}
    if isinstance(result, list | tuple):
        return [to_json(value) for value in result]
    return result
