"""Hostile bytes in, clean RGB out. Nothing else in the project decodes an image.

An array of this project is (height, width, 3), uint8, RGB, upright. Files are decoded one at a time and converted in
bands, so that many large ones cannot take all memory; one of more than `WHOLE_PIXELS` is handed on smaller (`Reduced`).
"""

import hashlib
import io
import os
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from PIL import ExifTags, Image, JpegImagePlugin, TiffImagePlugin, UnidentifiedImageError, WebPImagePlugin

from .bands import BAND_PIXELS, NOT_FINITE, Reduced, assemble, band_rows, given_size, on_white, shrinking, to_bytes_of
from .errors import ImageError
from .files import TooLargeError, read_file
from .memory import give_back

MAX_BYTES = 20 * 2**20
MAX_PIXELS = 50_000_000
MAX_MEMORY = 220_000_000  # bytes that decoding one file may take
MIN_SIDE = 32
MAX_ASPECT = 8
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")
ALLOWED = f"Use a {', '.join(FORMATS[:-1])} or {FORMATS[-1]} file of at most {MAX_BYTES // 2**20} MB."

_decoder: ThreadPoolExecutor
_Tiff = TiffImagePlugin.TiffImageFile
_TOO_MANY = f"The image has more than {MAX_PIXELS // 10**6} megapixels. Scale it down first."


def load_image(source: str | Path | bytes | np.ndarray | Image.Image) -> np.ndarray:
    """Decode a path, the bytes of a file, a PIL image or an RGB(A)/grey array to (height, width, 3) uint8 RGB.

    EXIF orientation is applied, transparency laid on white, an animation's first frame taken. What has more than
    16 megapixels is handed on as a `Reduced` of 2 to 8, which knows the size that was given. Raises ImageError for what
    is no picture, too small to show a lesion (a side under 32 pixels), or over 20 MB or 50 megapixels.
    """
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if isinstance(source, str | Path):
        source = _read(Path(source))
    elif not isinstance(source, bytes | bytearray | memoryview | Image.Image | None):
        kind = type(source).__name__
        raise ImageError(f"An image is a path, the bytes of a file, a PIL image or an array; got an object of {kind}.")
    if not isinstance(source, Image.Image):
        if not source:
            raise ImageError(f"The file is empty. {ALLOWED}")
        if len(source) > MAX_BYTES:
            raise ImageError(f"The file has more than {MAX_BYTES // 2**20} MB. {ALLOWED}")
    found = _decoder.submit(_told, source).result()
    if isinstance(found, str):
        raise ImageError(found)
    return found


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
    """A name for this content: the same pixels, of an image of the same size, give the same 32 hex digits."""
    digest = hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=16)
    digest.update(str((*given_size(image), *image.shape[2:])).encode())
    return digest.hexdigest()


def _read(path: Path) -> bytes:
    try:
        return read_file(path, MAX_BYTES)
    except TooLargeError:
        raise ImageError(f"{path} has more than {MAX_BYTES // 2**20} MB. {ALLOWED}") from None
    except FileNotFoundError:
        raise ImageError(f"There is no file {path}.") from None
    except IsADirectoryError:
        raise ImageError(f"{path} is a folder, not an image file.") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise ImageError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}.") from None


def _start_decoder() -> None:
    """One thread for all: what it frees stays in one heap, where glibc would keep some of every thread that decodes."""
    global _decoder
    _decoder = ThreadPoolExecutor(1, "images")


_start_decoder()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_decoder)  # threads do not come along


def _told(source: bytes | Image.Image) -> np.ndarray | str:
    """The image, or the sentence that says what is wrong with it: an error would hold on to what was decoded."""
    found: np.ndarray | str
    try:
        found = _from_pil(source) if isinstance(source, Image.Image) else _decode(source)
    except ImageError as error:
        found = str(error)
    except UnidentifiedImageError:
        found = f"This is not an image file that can be read. {ALLOWED}"
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        found = _TOO_MANY
    except Exception:  # decoders of broken files raise nearly anything: OSError, SyntaxError, struct.error, ...
        found = f"The image file is damaged or cut off. {ALLOWED}"
    if isinstance(found, str) or found.size > 3 * BAND_PIXELS:
        give_back()
    return found


def _decode(data: bytes) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of tags that are broken: the picture is what counts
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            if not isinstance(image, _Tiff) or image.tag_v2.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) != 6:
                return _from_pil(image, own=True)
        # YCbCr: Pillow's own reader takes uncompressed ones for four bytes a pixel, libtiff knows better
        TiffImagePlugin.READ_LIBTIFF = True  # for all, but there is one thread
        try:
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                return _from_pil(image, own=True)
        finally:
            TiffImagePlugin.READ_LIBTIFF = False


def _from_pil(image: Image.Image, own: bool = False) -> np.ndarray:
    """own: nobody else has this image, so it may be changed on the way."""
    width, height = image.size
    _check(height, width)
    factor = shrinking(height * width)
    if _memory(image, factor) > MAX_MEMORY:
        raise ImageError(
            f"This image of {width} x {height} pixels takes too much memory to decode, as a {image.format} file of its "
            "kind. Scale it down first, or save it as a JPEG."
        )
    if own and factor > 1:
        image.draft(image.mode, (width // factor, height // factor))  # only JPEG can: it then decodes no more than this
    shrink = factor if image.size == (width, height) else 1
    image.load()
    bands: Iterator[np.ndarray]
    if image.mode.startswith("I") or image.mode == "F":  # 16 and 32 bit greys: stretch to 8 bits, or all is white
        ends = np.array([(values.min(), values.max()) for values in map(np.asarray, _crops(image))])
        to_bytes = to_bytes_of(ends.dtype, ends.min(), ends.max())
        bands = (on_white(to_bytes(np.asarray(band))) for band in _crops(image))
    else:
        bands = (np.asarray(_pil_on_white(band)) for band in _crops(image))
    orientation = image.getexif().get(ExifTags.Base.Orientation, 1)  # of a TIFF, Pillow has followed it already
    return assemble(bands, (image.height, image.width), shrink, (height, width), orientation)


def _memory(image: Image.Image, factor: int) -> float:
    """Bytes that decoding takes at the worst, its result included; what a file claims is believed."""
    pixels = image.width * image.height
    decoded = pixels * (1 if image.mode in ("1", "L", "P") else 2 if image.mode.startswith("I;16") else 4)
    result = 3 * pixels / factor**2
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        # progressive, or in several scans: all coefficients, two bytes each, are kept until the last one
        sides = [(h, v) for _, h, v, _ in image.layer]
        whole = max(h for h, _ in sides) * max(v for _, v in sides)
        return 2 * pixels * sum(h * v for h, v in sides) / whole + decoded / factor**2 + result
    if isinstance(image, WebPImagePlugin.WebPImageFile):
        return 16 * pixels  # two frames of libwebp's, a copy, and the image
    if isinstance(image, _Tiff):
        # beside the image one strip or tile of it, which may be all or more; one that is turned is copied
        tags = image.tag_v2
        part = tags.get(322, image.width) * tags.get(323, min(tags.get(278, image.height), image.height))
        part *= max(4, sum(tags.get(258, (1,))) // 8)
        return decoded * (1 if tags.get(274, 1) == 1 else 2) + part + result
    return decoded + result


def _crops(image: Image.Image) -> Iterator[Image.Image]:
    rows = band_rows(image.width)
    for top in range(0, image.height, rows):
        yield image.crop((0, top, image.width, min(top + rows, image.height)))


def _pil_on_white(image: Image.Image) -> Image.Image:
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")


def _from_array(array: np.ndarray) -> np.ndarray:
    if isinstance(array, Reduced) and array.given:
        return array
    array = np.asarray(array)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.size == 0 or not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))):
        raise ImageError(f"An image array must be (height, width), or with 1, 3 or 4 channels; got {array.shape}.")
    height, width = array.shape[:2]
    _check(height, width)
    factor = shrinking(height * width)
    if factor == 1 and array.dtype == np.uint8 and array.shape[2:] == (3,):
        return np.ascontiguousarray(array)
    if array.dtype.kind not in "iuf":
        raise ImageError(NOT_FINITE)
    to_bytes = to_bytes_of(array.dtype, array.min(), array.max())
    rows = band_rows(width)
    bands = (on_white(to_bytes(array[top : top + rows])) for top in range(0, height, rows))
    return assemble(bands, (height, width), factor, (height, width))


def _check(height: int, width: int) -> None:
    if min(height, width) < MIN_SIDE:
        raise ImageError(f"The image is {width} x {height} pixels; each side needs at least {MIN_SIDE}.")
    if height * width > MAX_PIXELS:
        raise ImageError(_TOO_MANY)
    if max(height, width) > MAX_ASPECT * min(height, width):
        raise ImageError(f"The image is {width} x {height} pixels, too narrow for a lesion. Crop it around the lesion.")
