"""Read DICOM files with pydicom: first frame, age, sex and body part. Names, ids and dates are never returned."""

import io
import re
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from ..errors import ImageError
from .metadata import LOCALIZATIONS, Metadata

_NEEDS_PYDICOM = 'A DICOM file needs pydicom: pip install pydicom, or pip install "mat-attention-demo[dicom]".'
# pydicom inflates these without a limit
_DEFLATED = (b"1.2.840.10008.1.2.1.99", b"1.2.840.10008.1.2.4.95", b"1.2.840.10008.1.2.8.1")
_ELSEWHERE = {
    "breast": "chest", "thorax": "chest", "upper back": "back", "lower back": "back", "upper trunk": "trunk",
    "abdominal wall": "abdomen", "cheek": "face", "nose": "face", "forehead": "face", "palm": "acral", "sole": "acral",
    "palm of hand": "acral", "sole of foot": "acral", "finger": "hand", "toe": "foot", "penis": "genital",
    "vulva": "genital", "scrotum": "genital", "genitalia": "genital",
    **dict.fromkeys(
        ("leg", "thigh", "knee", "calf", "ankle", "lower leg", "lower limb", "extremity lower"), "lower extremity"
    ),
    **dict.fromkeys(
        ("arm", "forearm", "elbow", "wrist", "shoulder", "upper arm", "upper limb", "extremity upper"),
        "upper extremity",
    ),
}  # fmt: skip


def is_dicom(data: bytes) -> bool:
    """Whether `data` is a DICOM file."""
    return data[128:132] == b"DICM"


def read_dicom(data: bytes, check_size: Callable[[int, int], None], max_memory: int) -> Image.Image:
    """The first frame, RGB or grey. check_size(height, width) raises for invalid sizes; max_memory: bytes for decoding.

    Raises ImageError for unreadable files, and without pydicom.
    """
    pydicom = _pydicom()
    dataset = _open(pydicom, data)
    if "PixelData" not in dataset:
        raise ImageError("This DICOM file has no image in it.")
    height, width = int(dataset.Rows), int(dataset.Columns)
    check_size(height, width)
    samples, bits = int(dataset.SamplesPerPixel), int(dataset.BitsAllocated)
    kind, syntax = str(dataset.PhotometricInterpretation), dataset.file_meta.TransferSyntaxUID
    # the frame and its copies; lookup tables turn greys into 64-bit floats
    if width * height * (26 if kind.startswith("MONOCHROME") else 4 * samples * bits // 8) > max_memory:
        raise ImageError(f"This DICOM image of {width} x {height} pixels takes too much memory. Export it as a JPEG.")
    if syntax.is_encapsulated:
        if not pydicom.pixels.get_decoder(syntax).is_available:
            raise ImageError(f"This DICOM file is compressed as {syntax.name}, which is not supported. Export a JPEG.")
        if not syntax.name.startswith("RLE"):
            frame = next(pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=_frames(dataset)))
            with Image.open(io.BytesIO(frame), formats=("JPEG", "JPEG2000")) as stream:
                if stream.size != (width, height):  # only the header was checked
                    raise ImageError("This DICOM file contradicts itself about its size.")
    pixels = pydicom.pixels.pixel_array(dataset, index=0)  # YBR comes as RGB
    if kind == "PALETTE COLOR":
        pixels = pydicom.pixels.apply_color_lut(pixels, dataset)
        bits = 8 * pixels.dtype.itemsize
    if pixels.ndim == 3:
        stored = int(dataset.BitsStored) if kind != "PALETTE COLOR" else bits
        if pixels.dtype != np.uint8 or stored != 8:
            pixels = np.rint(pixels.astype(np.float32) * (255 / (2**stored - 1))).clip(0, 255).astype(np.uint8)
        image = Image.fromarray(pixels)
        if "ICCProfile" in dataset:
            image.info["icc_profile"] = bytes(dataset.ICCProfile)
        return image
    grey = pydicom.pixels.apply_voi_lut(pydicom.pixels.apply_modality_lut(pixels, dataset), dataset)
    if kind == "MONOCHROME1":  # 0 is white
        grey = (255 if grey.dtype == np.uint8 else grey.max()) - grey
    return Image.fromarray(grey if grey.dtype == np.uint8 else grey.astype(np.float32))


def dicom_metadata(data: bytes) -> Metadata:
    """Age, sex and body part of a DICOM file; empty for other files. Raises ImageError as `read_dicom`."""
    if not is_dicom(data):
        return Metadata()
    dataset = _open(_pydicom(), data)
    sex = {"F": "female", "M": "male"}.get(str(dataset.get("PatientSex", "")).strip().upper())
    return Metadata(_age(dataset), sex, _site(dataset))


def _pydicom() -> Any:
    try:
        import pydicom
        import pydicom.encaps
        import pydicom.pixels
    except ImportError:
        raise ImageError(_NEEDS_PYDICOM) from None
    return pydicom


def _open(pydicom: Any, data: bytes) -> Any:
    if any(uid in data for uid in _DEFLATED):
        raise ImageError("This DICOM file is deflated, which is not supported. Export a JPEG.")
    try:
        return pydicom.dcmread(io.BytesIO(data))
    except Exception:  # pydicom raises nearly anything for damaged files
        raise ImageError("The DICOM file is damaged or incomplete.") from None


def _frames(dataset: Any) -> int:
    return int(dataset.get("NumberOfFrames", 1) or 1)


def _age(dataset: Any) -> int | None:
    age = re.fullmatch(r"(\d{1,3})([DWMY])", str(dataset.get("PatientAge", "")).strip())
    if age:
        years = int(age[1]) // {"D": 365, "W": 52, "M": 12, "Y": 1}[age[2]]
    else:
        born, study = (
            re.fullmatch(r"(\d{4})(\d{4})", str(dataset.get(name, "")).strip())
            for name in ("PatientBirthDate", "StudyDate")
        )
        if not born or not study:
            return None
        years = int(study[1]) - int(born[1]) - (study[2] < born[2])
    return years if 0 <= years <= 120 else None


def _site(dataset: Any) -> str | None:
    regions = dataset.get("AnatomicRegionSequence") or []
    texts = [str(region.get("CodeMeaning", "")) for region in regions] + [str(dataset.get("BodyPartExamined", ""))]
    for text in texts:
        name = " ".join(text.lower().replace("_", " ").split())
        name = name.removeprefix("skin of ").removeprefix("left ").removeprefix("right ")
        site = _ELSEWHERE.get(name, name)
        if site in LOCALIZATIONS and site != "unknown":
            return site
    return None
