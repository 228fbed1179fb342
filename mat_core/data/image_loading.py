"""Load an image of any common format as RGB, whoever made the file. Nothing else in the project decodes images.

Arrays are (height, width, 3), uint8, sRGB, upright. One thread decodes one file at a time, and estimates the memory
before it starts, so that many large files cannot fill the memory. See `DownscaledImage` for images over 16 megapixels.
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
import pillow_heif
from PIL import (
    AvifImagePlugin,
    ExifTags,
    Image,
    ImageOps,
    Jpeg2KImagePlugin,
    JpegImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from ..errors import ImageError, NarrowImageError
from ..utils.files import TooLargeError, read_file
from ..utils.malloc import trim_heap
from .crop import Crop
from .dicom import is_dicom, read_dicom
from .file_signatures import is_camera_raw, recognized_format
from .image_bands import NOT_FINITE, STRIP_PIXELS, profile_conversion, stitch_bands, strip_boxes, uint8_converter

MAX_BYTES = 20 * 2**20
MAX_PIXELS = 50_000_000
MAX_MEMORY = 220_000_000  # bytes that decoding one file may take
WHOLE_PIXELS = 16_000_000  # larger images are downscaled
HALVED_PIXELS = 8_000_000  # by 2 or 4, until they have at most this many
MIN_SIDE = 32
MAX_ASPECT = 8
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "HEIF", "AVIF", "JPEG2000")  # as Pillow calls them
NAMES = ("JPEG", "PNG", "WebP", "HEIC", "AVIF", "JPEG 2000", "TIFF", "BMP", "GIF", "DICOM")  # as people call them
ACCEPTED = f"a {', '.join(NAMES[:-1])} or {NAMES[-1]} file of at most {MAX_BYTES // 2**20} MB"
ALLOWED = f"Use {ACCEPTED}."

_TOO_MANY = f"The image has more than {MAX_PIXELS // 10**6} megapixels. Scale it down first."
_decoder: ThreadPoolExecutor

pillow_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False, decode_threads=1)


class DownscaledImage(np.ndarray):
    """An image of more than 16 megapixels, downscaled. original: (height, width) in the file; None in slices."""

    original: tuple[int, int] | None = None


def load_image(source: str | Path | bytes | np.ndarray | Image.Image, crop: Crop | None = None) -> np.ndarray:
    """Decode a path, the bytes of a file, a PIL image or an RGB(A)/grey array to (height, width, 3) uint8 RGB.

    Applies the EXIF orientation, converts color profiles to sRGB, blends transparency with white, and reads the first
    frame of an animation. Images over 16 megapixels become a `DownscaledImage` of 2 to 8 megapixels. crop: only this
    part, at full resolution where memory allows.

    Raises ImageError for a file that is not an image or is damaged, for more than 20 MB or 50 megapixels, and for a
    side under 32 pixels, and for DICOM without pydicom.
    """
    if isinstance(source, np.ndarray):
        return _cropped(_from_array(source), crop)
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
    result = _decoder.submit(_decode_or_error, source, 1.0 if crop is None else crop.area).result()
    if isinstance(result, ImageError):
        raise result
    return _cropped(result, crop)


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
    """Hash of the pixels and the original size: 32 hex digits."""
    digest = hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=16)
    digest.update(str((*original_size(image), *image.shape[2:])).encode())
    return digest.hexdigest()


def original_size(image: np.ndarray) -> tuple[int, int]:
    """Height and width, in pixels, of the image before `load_image` downscaled it."""
    return getattr(image, "original", None) or image.shape[:2]


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
    """One thread for all files: glibc would keep some freed memory of every thread that decodes."""
    global _decoder
    _decoder = ThreadPoolExecutor(1, "images")


_start_decoder()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_decoder)  # threads do not survive a fork


def _decode_or_error(source: bytes | Image.Image, share: float) -> np.ndarray | ImageError:
    """The image or a new error: the traceback of the decoder's own would keep the decoded pixels alive."""
    result: np.ndarray | ImageError
    try:
        result = _from_pil(source, share) if isinstance(source, Image.Image) else _decode(source, share)
    except ImageError as error:
        result = ImageError(str(error))
    except UnidentifiedImageError:
        kind = recognized_format(source) if isinstance(source, bytes) else ""
        result = ImageError(f"This is not an image file that can be read{kind and f', but {kind}'}. {ALLOWED}")
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        result = ImageError(_TOO_MANY)
    except Exception:  # decoders raise nearly anything for damaged files: OSError, SyntaxError, struct.error, ...
        result = ImageError(f"The image file is damaged or incomplete. {ALLOWED}")
    if not isinstance(result, np.ndarray) or result.size > 3 * STRIP_PIXELS:
        trim_heap()
    return result


def _decode(data: bytes, share: float) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # about broken tags: only the pixels matter
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        if is_dicom(data):
            return _from_pil(read_dicom(data, _check_size, MAX_MEMORY), share, owned=True)
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            if not isinstance(image, TiffImagePlugin.TiffImageFile):
                return _from_pil(image, share, owned=True)
            if is_camera_raw(image):
                raise ImageError(f"This is not an image file that can be read, but a camera's RAW file. {ALLOWED}")
            if image.tag_v2.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) != 6:
                return _from_pil(image, share, owned=True)
        # Pillow's reader takes uncompressed YCbCr for four bytes a pixel; libtiff reads it right
        TiffImagePlugin.READ_LIBTIFF = True  # global, but only this thread decodes
        try:
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                return _from_pil(image, share, owned=True)
        finally:
            TiffImagePlugin.READ_LIBTIFF = False


def _from_pil(image: Image.Image, share: float, owned: bool = False) -> np.ndarray:
    """share: of the pixels that will be used; owned: the image may be changed."""
    width, height = image.size
    _check_size(height, width)
    factor = _downscale_factor(height * width * share)
    if _memory(image, factor) > MAX_MEMORY:
        factor = _downscale_factor(height * width)
    if _memory(image, factor) > MAX_MEMORY:
        raise ImageError(
            f"This image of {width} x {height} pixels takes too much memory to decode, as a {image.format} file of its "
            "kind. Scale it down first, or save it as a JPEG."
        )
    if owned and factor > 1:
        image.draft(image.mode, (width // factor, height // factor))  # JPEG only: decodes at a smaller scale
    shrink = factor if image.size == (width, height) else 1
    image.load()
    to_srgb = profile_conversion(image)
    strips: Iterator[Image.Image] = (image.crop(box) for box in strip_boxes(image.size))
    if image.mode.startswith("I") or image.mode == "F":  # 16 and 32 bits: Pillow would clip at 255
        ends = np.array([(v.min(), v.max()) for v in (np.asarray(image.crop(b)) for b in strip_boxes(image.size))])
        to_uint8 = uint8_converter(ends.dtype, ends.min(), ends.max())
        strips = (Image.fromarray(to_uint8(np.asarray(strip))) for strip in strips)
    upright = stitch_bands((to_srgb(strip) for strip in strips), image.size, shrink)
    upright.getexif()[ExifTags.Base.Orientation] = image.getexif().get(ExifTags.Base.Orientation, 1)
    if owned:
        image.close()  # frees the pixels
    ImageOps.exif_transpose(upright, in_place=True)  # a TIFF has been transposed by load(), and has no tag any more
    turned = (upright.width > upright.height) != (width > height)
    return _to_array(upright, (width, height) if turned else (height, width))


def _memory(image: Image.Image, factor: int) -> float:
    """Bytes that decoding takes at most, result included, computed from the header alone."""
    pixels = image.width * image.height
    decoded = pixels * (1 if image.mode in ("1", "L", "P") else 2 if image.mode.startswith("I;16") else 4)
    result = 4 * pixels / factor**2
    match image:
        case JpegImagePlugin.JpegImageFile():
            # progressive, or in several scans: all coefficients, two bytes each, are kept until the last one
            sides = [(h, v) for _, h, v, _ in image.layer]
            maximum = max(h for h, _ in sides) * max(v for _, v in sides)
            return 2 * pixels * sum(h * v for h, v in sides) / maximum + decoded / factor**2 + result
        case WebPImagePlugin.WebPImageFile():
            return 16 * pixels  # two frames of libwebp's, a copy, and the image
        case pillow_heif.HeifImageFile():
            return 8.9 * pixels  # measured
        case AvifImagePlugin.AvifImageFile():
            return 10 * pixels  # measured
        case Jpeg2KImagePlugin.Jpeg2KImageFile():
            return 20 * pixels  # measured: OpenJPEG has 32 bits a sample, twice
        case TiffImagePlugin.TiffImageFile():
            # beside the image one strip or tile of it, which may be all or more; one that is transposed is copied
            tags = image.tag_v2
            part = tags.get(322, image.width) * tags.get(323, min(tags.get(278, image.height), image.height))
            part *= max(4, sum(tags.get(258, (1,))) // 8)
            return decoded * (1 if tags.get(274, 1) == 1 else 2) + part + result
    return decoded + result


def _to_array(image: Image.Image, original: tuple[int, int]) -> np.ndarray:
    array = np.array(image)  # a copy, which may be written to
    if array.shape[:2] == original:
        return array
    reduced = array.view(DownscaledImage)
    reduced.original = original
    return reduced


def _from_array(array: np.ndarray) -> np.ndarray:
    if isinstance(array, DownscaledImage) and array.original:
        return array
    array = np.asarray(array)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.size == 0 or not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))):
        raise ImageError(f"An image array must be (height, width), or with 1, 3 or 4 channels; got {array.shape}.")
    height, width = array.shape[:2]
    _check_size(height, width)
    factor = _downscale_factor(height * width)
    if factor == 1 and array.dtype == np.uint8 and array.shape[2:] == (3,):
        return np.ascontiguousarray(array)
    if array.dtype.kind not in "iuf":
        raise ImageError(NOT_FINITE)
    to_uint8 = uint8_converter(array.dtype, array.min(), array.max())
    size = width, height
    strips = (Image.fromarray(to_uint8(np.ascontiguousarray(array[t:b]))) for _, t, _, b in strip_boxes(size))
    return _to_array(stitch_bands(strips, size, factor), (height, width))


def _check_size(height: int, width: int) -> None:
    if min(height, width) < MIN_SIDE:
        raise ImageError(f"The image is {width} x {height} pixels; each side needs at least {MIN_SIDE}.")
    if height * width > MAX_PIXELS:
        raise ImageError(_TOO_MANY)


def _cropped(image: np.ndarray, crop: Crop | None) -> np.ndarray:
    """The part, with the size that it has in the file. Raises ImageError for one that is too small or too narrow."""
    if crop is not None:
        left, top, right, bottom = crop.box(*original_size(image))
        image = crop.cut(image)
        if min(image.shape[:2]) < MIN_SIDE:
            size = f"{right - left} x {bottom - top} pixels"
            raise ImageError(f"The crop is {size}; each side needs at least {MIN_SIDE}. Make it larger.")
        if isinstance(image, DownscaledImage):
            image.original = bottom - top, right - left
    height, width = original_size(image)
    if max(height, width) > MAX_ASPECT * min(height, width):
        raise NarrowImageError(
            f"The image is {width} x {height} pixels, too narrow for a lesion. Crop it around the lesion."
        )
    return image


def _downscale_factor(pixels: float) -> int:
    """1, 2 or 4."""
    factor = 1
    while pixels > WHOLE_PIXELS and pixels > HALVED_PIXELS * factor**2:
        factor *= 2
    return factor
