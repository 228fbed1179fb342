"""Hostile bytes in, clean RGB out. Nothing else in the project decodes an image.

An array of this project is (height, width, 3), uint8, RGB, upright.
"""

import hashlib
import io
import warnings
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from .errors import ImageError

MAX_BYTES = 20 * 2**20
MAX_PIXELS = 50_000_000
MIN_SIDE = 32
MAX_ASPECT = 8
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")
ALLOWED = f"Use a {', '.join(FORMATS[:-1])} or {FORMATS[-1]} file of at most {MAX_BYTES // 2**20} MB."


def load_image(source: str | Path | bytes | np.ndarray | Image.Image) -> np.ndarray:
    """Decode a path, the bytes of a file, a PIL image or an RGB(A)/grey array to (height, width, 3) uint8 RGB.

    EXIF orientation is applied, transparency laid on white, an animation's first frame taken. Raises ImageError
    for what is no picture, too small to show a lesion (a side under 32 pixels), or over 20 MB or 50 megapixels.
    """
    if isinstance(source, np.ndarray):
        return _checked(_from_array(source))
    if isinstance(source, Image.Image):
        try:
            return _checked(_from_pil(source))
        except ImageError:
            raise
        except Exception:  # PIL opens lazily: the damage shows only now
            raise ImageError(f"The image is damaged or cut off. {ALLOWED}") from None
    if isinstance(source, str | Path):
        source = _read(Path(source))
    if not source:
        raise ImageError(f"The file is empty. {ALLOWED}")
    if len(source) > MAX_BYTES:
        raise ImageError(f"The file has {len(source) / 2**20:.0f} MB. {ALLOWED}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(source), formats=FORMATS) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise ImageError(_too_many(image.width, image.height))
                return _checked(_from_pil(image))
    except ImageError:
        raise
    except UnidentifiedImageError:
        raise ImageError(f"This is not an image file that can be read. {ALLOWED}") from None
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise ImageError(f"The image has more than {MAX_PIXELS // 10**6} megapixels. Scale it down first.") from None
    except Exception:  # decoders of broken files raise nearly anything: OSError, SyntaxError, struct.error, ...
        raise ImageError(f"The image file is damaged or cut off. {ALLOWED}") from None


def scale_image(image: np.ndarray, short_side: int, long_side: int) -> np.ndarray:
    """Scale an image, its shape kept, so that it just fits short_side x long_side pixels, either way round.

    Area-averaged where it shrinks, so that a 4000-pixel photograph looks like the 400-pixel ones of the training.
    """
    height, width = image.shape[:2]
    factor = min(short_side / min(height, width), long_side / max(height, width))
    size = max(1, round(width * factor)), max(1, round(height * factor))
    if size == (width, height):
        return image
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR)


def image_key(image: np.ndarray) -> str:
    """A name for this content: the same pixels give the same 32 hex digits."""
    digest = hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=16)
    digest.update(str(image.shape).encode())
    return digest.hexdigest()


def _read(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise ImageError(f"{path} is a folder, not an image file.")
        if path.stat().st_size > MAX_BYTES:
            raise ImageError(f"{path} has {path.stat().st_size / 2**20:.0f} MB. {ALLOWED}")
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)  # a device or a growing file is longer than stat says
    except FileNotFoundError:
        raise ImageError(f"There is no file {path}.") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise ImageError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}.") from None


def _from_pil(image: Image.Image) -> np.ndarray:
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I") or image.mode == "F":  # 16 and 32 bit greys: stretch to 8 bits, or all is white
        return _from_array(np.asarray(image))
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return np.array(image.convert("RGB"))  # a copy: PIL's own buffer is read-only


def _from_array(array: np.ndarray) -> np.ndarray:
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.size == 0 or not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))):
        raise ImageError(f"An image array must be (height, width), or with 1, 3 or 4 channels; got {array.shape}.")
    if array.dtype != np.uint8:
        if array.dtype.kind not in "iuf" or not np.isfinite(array).all():
            raise ImageError("An image array must hold finite real numbers.")
        array = array.astype(np.float64)
        low, high = array.min(), array.max()
        if low < 0 or high > 255:
            # halves: the range of the largest floats is no float
            array = (array / 2 - low / 2) / max(high / 2 - low / 2, 1e-12) * 255
        elif high <= 1:
            array = array * 255
        array = np.rint(array).astype(np.uint8)
    if array.ndim == 2:
        array = np.repeat(array[..., None], 3, axis=2)
    if array.shape[2] == 4:
        alpha = array[..., 3:].astype(np.float64) / 255
        array = np.rint(array[..., :3] * alpha + 255 * (1 - alpha)).astype(np.uint8)
    return np.ascontiguousarray(array)


def _checked(image: np.ndarray) -> np.ndarray:
    height, width = image.shape[:2]
    if min(height, width) < MIN_SIDE:
        raise ImageError(f"The image is {width} x {height} pixels; each side needs at least {MIN_SIDE}.")
    if height * width > MAX_PIXELS:
        raise ImageError(_too_many(width, height))
    if max(height, width) > MAX_ASPECT * min(height, width):
        raise ImageError(f"The image is {width} x {height} pixels, too narrow for a lesion. Crop it around the lesion.")
    return image


def _too_many(width: int, height: int) -> str:
    return f"The image has {width * height / 1e6:.0f} megapixels; at most {MAX_PIXELS // 10**6}. Scale it down first."
