"""DICOM files: the first frame in every common kind of pixels, metadata without the name, and hostile sizes."""

import builtins
import io
import struct

import numpy as np
import pytest
from PIL import Image

from mat_core import Metadata
from mat_core.data.dicom import dicom_metadata
from mat_core.data.image_loading import load_image
from mat_core.errors import ImageError

pytest.importorskip("pydicom")
from dicom_files import dicom
from pydicom.uid import JPEG2000, DeflatedExplicitVRLittleEndian, JPEGBaseline8Bit, JPEGLSLossless

COLORS = np.zeros((48, 64, 3), np.uint8)
COLORS[:24], COLORS[24:] = (200, 40, 90), (30, 160, 220)
RAMP = np.tile(np.linspace(0, 255, 64).astype(np.uint8), (48, 1))


def compressed(kind: str, mode: str = "RGB") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(COLORS).convert(mode).save(buffer, kind, **({"no_jp2": True} if kind == "JPEG2000" else {}))
    return buffer.getvalue()


YBR = np.asarray(Image.fromarray(COLORS).convert("YCbCr"))
RGB_FILES = {
    "RGB": lambda: dicom(COLORS.tobytes(), "RGB"),
    "planes": lambda: dicom(COLORS.transpose(2, 0, 1).tobytes(), "RGB", PlanarConfiguration=1),
    "YBR": lambda: dicom(YBR.tobytes(), "YBR_FULL"),
    "16 bits": lambda: dicom((COLORS.astype("<u2") * 257).tobytes(), "RGB", bits=16),
    "two frames": lambda: dicom(COLORS.tobytes() + bytes(COLORS.size), "RGB", NumberOfFrames=2),
    "JPEG": lambda: dicom(compressed("JPEG"), "YBR_FULL_422", JPEGBaseline8Bit),
    "JPEG 2000": lambda: dicom(compressed("JPEG2000"), "RGB", JPEG2000),
}


@pytest.mark.parametrize("kind", RGB_FILES)
def test_colors(kind, tmp_path):
    path = tmp_path / "lesion.dcm"
    path.write_bytes(RGB_FILES[kind]())
    image = load_image(path)
    assert image.shape == COLORS.shape
    assert np.abs(image[[5, 40]].astype(int) - COLORS[[5, 40]]).max() <= (6 if kind in ("JPEG", "YBR") else 2)


def test_a_palette():
    index = np.repeat(np.array([0, 1], np.uint8), 24)[:, None].repeat(64, 1)
    tables = {}
    for i, name in enumerate(("Red", "Green", "Blue")):
        tables[f"{name}PaletteColorLookupTableDescriptor"] = [2, 0, 16]
        tables[f"{name}PaletteColorLookupTableData"] = struct.pack("<2H", *(COLORS[[0, 40], 0, i].astype(int) * 257))
    image = load_image(dicom(index.tobytes(), "PALETTE COLOR", **tables))
    assert np.array_equal(image, COLORS)


@pytest.mark.parametrize("kind", ["MONOCHROME1", "MONOCHROME2"])
def test_greys(kind):
    stored = RAMP if kind == "MONOCHROME2" else 255 - RAMP
    wide, window = stored.astype("<u2") * 257, {"WindowCenter": 32767, "WindowWidth": 65535}
    files = [dicom(stored.tobytes(), kind), dicom(wide.tobytes(), kind, bits=16)]
    if kind == "MONOCHROME2":
        files.append(dicom(wide.tobytes(), kind, bits=16, RescaleSlope=1, RescaleIntercept=0, **window))
    for file in files:
        assert np.abs(load_image(file).astype(int) - RAMP[..., None]).max() <= 1


PERSON = {"PatientName": "Doe^Jane", "PatientID": "4711", "PatientBirthDate": "19710203"}


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({}, Metadata()),
        (
            {"PatientAge": "055Y", "PatientSex": "F", "BodyPartExamined": "BACK", **PERSON},
            Metadata(55, "female", "back"),
        ),
        ({"PatientAge": "018M", "PatientSex": "O", "BodyPartExamined": "SKIN"}, Metadata(1)),
        ({"PatientBirthDate": "19710203", "StudyDate": "20260202"}, Metadata(54)),
        ({"PatientSex": "M", "BodyPartExamined": "THIGH"}, Metadata(sex="male", localization="lower extremity")),
        ({"PatientBirthDate": "20300101", "StudyDate": "20260202"}, Metadata()),
    ],
)
def test_metadata_are_read_without_the_name(tags, expected):
    found = dicom_metadata(dicom(COLORS.tobytes(), "RGB", **tags))
    assert found == expected
    assert not any(secret in repr(found) for secret in ("Doe", "Jane", "4711", "1971"))
    typed = Metadata(40, localization="ear").fill_missing(found)
    assert typed == Metadata(40, found.sex, "ear")
    assert dicom_metadata(compressed("JPEG")) == Metadata()


@pytest.mark.parametrize(
    ("file", "says"),
    [
        (lambda: dicom(b"\0\0", "RGB", Rows=65535, Columns=65535), "megapixels"),
        (lambda: dicom(b"\0\0", "MONOCHROME2", Rows=6000, Columns=6000), "too much memory"),
        (lambda: dicom(b"\0\0", "RGB"), "damaged"),  # fewer pixels than it says
        (lambda: dicom(compressed("JPEG"), "YBR_FULL_422", JPEGBaseline8Bit, Rows=96), "contradicts itself"),
        (lambda: dicom(b"not a JPEG", "YBR_FULL_422", JPEGBaseline8Bit), "not an image|damaged"),
        (lambda: dicom(compressed("JPEG"), "RGB", JPEGLSLossless), "JPEG-LS"),
        (lambda: dicom(COLORS.tobytes(), "RGB", DeflatedExplicitVRLittleEndian), "deflated"),
        (lambda: dicom(COLORS.tobytes(), "RGB")[:400], "damaged|no image"),
        (lambda: bytes(128) + b"DICM" + b"\xff" * 300, "damaged|no image"),
        (lambda: bytes(128) + b"DICM", "damaged|no image"),
    ],
)
def test_hostile_files(file, says):
    with pytest.raises(ImageError, match=says):
        load_image(file())


def test_without_pydicom_the_extra_is_named(monkeypatch):
    real, file = builtins.__import__, dicom(COLORS.tobytes(), "RGB")

    def refuse(name, *rest, **named):
        if name.partition(".")[0] == "pydicom":
            raise ImportError(name)
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", refuse)
    for read in (load_image, dicom_metadata):
        with pytest.raises(ImageError, match=r"\[dicom\]"):
            read(file)
