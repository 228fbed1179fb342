"""Strips of an image: converted one by one, so that no second full copy of a large image is in memory."""

import io
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from PIL import Image, ImageCms

from ..errors import ImageError

STRIP_PIXELS = 1_000_000
NOT_FINITE = "An image array must hold finite real numbers."
_PROFILE_MODES = {"RGB": "RGB", "CMYK": "CMYK", "GRAY": "L"}  # color space of an ICC profile -> mode of its pixels
_SRGB = ImageCms.createProfile("sRGB")


def profile_conversion(image: Image.Image) -> Callable[[Image.Image], Image.Image]:
    """A function that makes RGB of strips of `image`: in sRGB if its color profile can be read, else as they are."""
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
        mode = _PROFILE_MODES[profile.profile.xcolor_space.strip()]
        transform = ImageCms.buildTransform(profile, _SRGB, mode, "RGB")
        sample = Image.effect_noise((64, 64), 200).convert(mode)
        converted, plain = ImageCms.applyTransform(sample, transform), _on_white(sample)
        # sRGB itself changes nothing but roundings
        same = np.abs(np.asarray(converted, np.int16) - np.asarray(plain, np.int16)).max() <= 2
    except Exception:  # no profile, a broken one, or one that does not belong to such pixels
        return _on_white
    if same:
        return _on_white

    def convert(strip: Image.Image) -> Image.Image:
        strip = strip if strip.mode == mode else _on_white(strip)
        return ImageCms.applyTransform(strip, transform) or strip if strip.mode == mode else strip

    return convert


def strip_boxes(size: tuple[int, int]) -> Iterator[tuple[int, int, int, int]]:
    """(left, top, right, bottom) of strips across an image; their heights are multiples of every downscale factor."""
    width, height = size
    rows = max(1, STRIP_PIXELS // width // 8) * 8
    for top in range(0, height, rows):
        yield 0, top, width, min(top + rows, height)


def stitch_bands(strips: Iterable[Image.Image], size: tuple[int, int], shrink: int) -> Image.Image:
    """Strips of `strip_boxes(size)` to one RGB image, each side divided by `shrink`. Saves a second full copy."""
    result = Image.new("RGB", (-(-size[0] // shrink), -(-size[1] // shrink)))
    top = 0
    for strip in strips:
        strip = _on_white(strip).reduce(shrink) if shrink > 1 else _on_white(strip)
        result.paste(strip, (0, top))
        top += strip.height
    return result


def _on_white(image: Image.Image) -> Image.Image:
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def uint8_converter(dtype: np.dtype, low, high) -> Callable[[np.ndarray], np.ndarray]:
    """A function to uint8 for arrays of `dtype` with values from low to high; a range beyond 0 to 255 is stretched."""
    if dtype == np.uint8:
        return lambda values: values
    low, high = np.float64(low), np.float64(high)
    if not np.isfinite([low, high]).all():  # min and max pass NaN on
        raise ImageError(NOT_FINITE)

    def convert(values: np.ndarray) -> np.ndarray:
        values = values.astype(np.float64)
        if low < 0 or high > 255:
            # halved, because high - low may overflow
            values = (values / 2 - low / 2) / max(high / 2 - low / 2, 1e-12) * 255
        elif high <= 1:
            values = values * 255
        return np.rint(values).astype(np.uint8)

    return convert
