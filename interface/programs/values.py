"""What a program sends, checked, and what it gets back, as plain JSON."""

import functools
import math
from dataclasses import dataclass, is_dataclass
from typing import Any

import numpy as np

from mat_core import ConfigError, Metadata, UserError
from mat_core.encoding import data_uri
from mat_core.figures import to_png
from mat_core.images import load_image
from mat_core.labels import DISCLAIMER
from mat_core.limits import shown

from ..session import read_upload

MOST_BOXES = 100


@dataclass(frozen=True)
class Case:
    """What a program sends of a case: an upload's name, and the metadata. Raises UserError when it is asked for."""

    name: str | None
    age: float | None = None
    sex: str = "unknown"
    localization: str = "unknown"

    @functools.cached_property
    def image(self) -> np.ndarray:
        """(h, w, 3) uint8 RGB."""
        return read_image(self.name)

    @functools.cached_property
    def metadata(self) -> Metadata:
        """The checked metadata."""
        return Metadata(self.age, self.sex, self.localization)


def read_image(image: str | None) -> np.ndarray:
    """An upload by its name as (h, w, 3) uint8 RGB. Raises UserError without one, ImageError for one that is unfit."""
    if image is None:
        raise UserError("Give an image: a file, as gradio_client.handle_file sends it.")
    return load_image(read_upload(image))


def whole(name: str, value: Any, low: int | None = None, high: int | None = None) -> int:
    """A whole number as int, in its range where the core does not look after it. Raises ConfigError."""
    good = isinstance(value, int | float) and not isinstance(value, bool) and value == value // 1
    if not good or (low is not None and not low <= value <= high):
        allowed = "" if low is None else f" from {low} to {high}"
        raise ConfigError(f"{name} must be a whole number{allowed}; got {value!r}.")
    return int(value)


def optional(name: str, value: Any, high: int) -> int | None:
    """None, or a whole number from 0 to `high`. Raises ConfigError."""
    return None if value is None else whole(name, value, 0, high)


def one_of(name: str, value: Any, allowed: tuple[str, ...]) -> str:
    """A word of those that are allowed. Raises ConfigError."""
    if value not in allowed:
        raise ConfigError(f"{name} must be one of {', '.join(allowed)}; got {value!r}.")
    return value


def painted(boxes: Any, size: tuple[int, int]) -> np.ndarray:
    """The pixels of boxes such as '10 20 60 80; 0 0 5 5', x1 y1 x2 y2 in pixels, (height, width) bool.

    size: the image's height and width. Raises ConfigError for what is not such a list, or lies outside.
    """
    height, width = size
    try:
        found = [tuple(float(v) for v in box.replace(",", " ").split()) for box in boxes.split(";")]
        good = len(found) <= MOST_BOXES and all(
            0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height for x1, y1, x2, y2 in found
        )
    except (ValueError, AttributeError):
        good = False
    if not good:
        raise ConfigError(
            f"boxes must be 1 to {MOST_BOXES} times x1 y1 x2 y2, with semicolons between them, in pixels of the image, "
            f"which is {width} wide and {height} high; got {shown(boxes)}."
        )
    mask = np.zeros(size, dtype=bool)
    for x1, y1, x2, y2 in found:
        mask[math.floor(y1) : math.ceil(y2), math.floor(x1) : math.ceil(x2)] = True
    return mask


def code(labels: tuple[str, ...], label: str | None) -> str | None:
    """A class's code, None when none is given. Raises ConfigError."""
    if not label:
        return None
    if label not in labels:
        raise ConfigError(f"label must be one of {', '.join(labels)}; got {label!r}.")
    return label


def png(figure) -> dict:
    """A matplotlib figure as the answer of an endpoint."""
    return {"png": data_uri(to_png(figure), "png"), "disclaimer": DISCLAIMER}


def plain(result: Any, **more) -> Any:
    """A dataclass of numpy arrays as JSON values; `more`: what it works out, beside its fields."""
    if is_dataclass(result):
        fields = {name: plain(getattr(result, name)) for name in result.__dataclass_fields__}
        return fields | {name: plain(value) for name, value in more.items()}
    if isinstance(result, np.ndarray | np.generic):
        return result.tolist()
    if isinstance(result, dict):
        return {str(key): plain(value) for key, value in result.items()}
    if isinstance(result, list | tuple):
        return [plain(value) for value in result]
    return result
