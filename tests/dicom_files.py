"""DICOM files made for tests. Needs pydicom."""

import io

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian, generate_uid


def dicom(pixels: bytes, kind: str, syntax=ExplicitVRLittleEndian, bits: int = 8, **more) -> bytes:
    """The bytes of a file of 64 x 48 pixels, with these keywords beside, which may set another size."""
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = syntax
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = "1.2.840.10008.5.1.4.1.1.77.1.4"
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = generate_uid()
    data.Rows, data.Columns, data.PhotometricInterpretation = 48, 64, kind
    data.SamplesPerPixel = 1 if kind.startswith(("MONO", "PAL")) else 3
    if data.SamplesPerPixel == 3:
        data.PlanarConfiguration = 0
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = bits, bits, bits - 1, 0
    data.PixelData = encapsulate([pixels]) if syntax.is_encapsulated else pixels
    data["PixelData"].VR = "OB" if bits == 8 else "OW"
    for name, value in more.items():
        setattr(data, name, value)
    buffer = io.BytesIO()
    data.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
