"""An image put together band by band: 8 bits, RGB, upright and, where it is too large, smaller on the way."""

import mmap
from collections.abc import Callable, Iterable

import numpy as np
from PIL import Image

from .errors import ImageError

WHOLE_PIXELS = 16_000_000  # up to here every pixel is kept
HALVED_PIXELS = 8_000_000  # what is larger is halved until it has no more than these
BAND_PIXELS = 1_000_000
NOT_FINITE = "An image array must hold finite real numbers."

# by EXIF's orientation, the view of an upright image that looks as the file stores it
_AS_STORED: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    2: lambda a: a[:, ::-1], 3: lambda a: a[::-1, ::-1], 4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2), 6: lambda a: a.transpose(1, 0, 2)[::-1],
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2), 8: lambda a: a.transpose(1, 0, 2)[:, ::-1],
}  # fmt: skip


class Reduced(np.ndarray):
    """An image that was too large to be kept whole. given: height and width of the file; None in what is made of it."""

    given: tuple[int, int] | None = None


def given_size(image: np.ndarray) -> tuple[int, int]:
    """Height and width, in pixels, of the image as it was given to `load_image`."""
    return getattr(image, "given", None) or image.shape[:2]


def to_bytes_of(dtype: np.dtype, low, high) -> Callable[[np.ndarray], np.ndarray]:
    """What makes uint8 of arrays of `dtype` with values from low to high; what exceeds 0 to 255 is stretched."""
    if dtype == np.uint8:
        return lambda values: values
    low, high = np.float64(low), np.float64(high)
    if not np.isfinite([low, high]).all():  # NaN, too, comes out of min and max
        raise ImageError(NOT_FINITE)

    def convert(values: np.ndarray) -> np.ndarray:
        values = values.astype(np.float64)
        if low < 0 or high > 255:
            # halves: the range of the largest floats is no float
            values = (values / 2 - low / 2) / max(high / 2 - low / 2, 1e-12) * 255
        elif high <= 1:
            values = values * 255
        return np.rint(values).astype(np.uint8)

    return convert


def on_white(values: np.ndarray) -> np.ndarray:
    """Grey, RGB or RGBA of 8 bits to RGB."""
    if values.ndim == 2:
        return np.repeat(values[..., None], 3, axis=2)
    if values.shape[2] == 3:
        return values
    alpha = values[..., 3:].astype(np.float64) / 255
    return np.rint(values[..., :3] * alpha + 255 * (1 - alpha)).astype(np.uint8)


def assemble(
    bands: Iterable[np.ndarray], size: tuple[int, int], shrink: int, given: tuple[int, int], orientation: int = 1
) -> np.ndarray:
    """Bands (rows, width, 3) from top to bottom to one upright array, each side divided by `shrink` on the way.

    size: height and width that the bands add up to; given: those of the file, before anything was made smaller.
    """
    height, width = (-(-side // shrink) for side in size)
    turned = orientation in (5, 6, 7, 8)
    shape = (width, height, 3) if turned else (height, width, 3)
    # pages of its own, which go back to the system the moment the image is forgotten
    image = np.frombuffer(mmap.mmap(-1, 3 * height * width), np.uint8).reshape(shape)
    stored = _AS_STORED[orientation](image) if orientation in _AS_STORED else image
    top = 0
    for band in bands:
        if shrink > 1:
            band = np.asarray(Image.fromarray(np.ascontiguousarray(band)).reduce(shrink))
        stored[top : top + len(band)] = band
        top += len(band)
    if image.size == 3 * given[0] * given[1]:
        return image
    reduced = image.view(Reduced)
    reduced.given = given[::-1] if turned else given
    return reduced


def shrinking(pixels: int) -> int:
    """By what the sides of an image of so many pixels are divided: 1, 2 or 4."""
    factor = 1
    while pixels > WHOLE_PIXELS and pixels > HALVED_PIXELS * factor**2:
        factor *= 2
    return factor


def band_rows(width: int) -> int:
    """Rows of one band of an image so wide."""
    return max(1, BAND_PIXELS // width // 8) * 8  # a multiple of every factor
