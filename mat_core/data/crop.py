"""A part of an image, in shares of its width and height, so that it means the same at every scale."""

import math
from typing import Any, NamedTuple

import numpy as np

from ..errors import ImageError
from ..utils.validation import short_repr


class Crop(NamedTuple):
    """Edges from 0 to 1 of the upright image: left and right of its width, top and bottom of its height."""

    left: float
    top: float
    right: float
    bottom: float

    @classmethod
    def parse(cls, values: Any) -> "Crop":
        """Check what a client sent. Raises ImageError."""
        numbers = isinstance(values, list | tuple) and len(values) == 4
        numbers = numbers and all(type(v) in (int, float) and math.isfinite(v) for v in values)
        if not numbers or not (0 <= values[0] < values[2] <= 1 and 0 <= values[1] < values[3] <= 1):
            raise ImageError(
                "A crop is left, top, right and bottom, from 0 to 1, with left below right and top below bottom; "
                f"got {short_repr(values)}."
            )
        return cls(*map(float, values))

    @property
    def area(self) -> float:
        """Share of the image's pixels."""
        return (self.right - self.left) * (self.bottom - self.top)

    def box(self, height: int, width: int) -> tuple[int, int, int, int]:
        """Left, top, right and bottom in pixels of an image of this size."""
        return (
            round(self.left * width),
            round(self.top * height),
            round(self.right * width),
            round(self.bottom * height),
        )

    def cut(self, image: np.ndarray) -> np.ndarray:
        """A copy of this part of an image, (h, w, 3)."""
        left, top, right, bottom = self.box(*image.shape[:2])
        return image[top:bottom, left:right].copy()
