"""A folder of phantoms in the layout of the HAM10000 download, oddities included."""

import csv
from pathlib import Path

import cv2
import numpy as np

from mat_core.data.image_encoding import encode_jpeg, encode_png
from mat_core.data.labels import CODES
from mat_core.errors import UserError

from .generate import Phantom, make_phantom
from .patients import csv_row

MASK_SCALE = 1.5  # masks against images in `write_phantom_dataset`, as HAM10000 scaled to 400 x 300 has it
QUALITY = 92  # of the JPEG files


def write_phantom_dataset(
    folder: str | Path, per_class: int = 6, seed: int = 0, size: tuple[int, int] = (150, 200)
) -> Path:
    """Write a small synthetic HAM10000 into `folder`, in the layout and with the oddities of the official download.

    `per_class` lesions of each diagnosis, some with two or three photographs; JPEG images of `size` (height, width) in
    two parts, PNG masks 1.5 times as large, the metadata csv with missing ages, 'unknown' sex and site, and dx_type
    values that leak the label as the real ones do. Names start at ISIC_9000000, beyond the real ones. Returns `folder`.
    """
    if per_class < 1:
        raise UserError(f"A phantom data set needs at least one lesion of each diagnosis; got {per_class}.")
    folder = Path(folder)
    parts = [folder / f"HAM10000_images_part_{part}" for part in (1, 2)]
    masks = folder / "HAM10000_segmentations_lesion_tschandl"
    for path in (*parts, masks):
        path.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    lesions = [(code, i) for i in range(per_class) for code in CODES]
    photographs = [(1, 2, 1, 3, 1)[n % 5] for n in range(len(lesions))]
    # the real ids follow neither lesion nor diagnosis
    ids = iter(9_000_000 + rng.permutation(sum(photographs)))
    middle = 9_000_000 + sum(photographs) // 2
    rows = []
    for n, (code, i) in enumerate(lesions):
        phantom = make_phantom(seed * 100_003 + n, code, size)
        patient = csv_row(phantom.metadata, code, i, odd=n)
        for photograph in range(photographs[n]):
            number = int(next(ids))
            image, mask = _another_view(rng, phantom) if photograph else (phantom.image, phantom.mask)
            name = f"ISIC_{number}"
            large = tuple(round(side * MASK_SCALE) for side in size[::-1])
            mask = (cv2.resize(mask * 255, large, interpolation=cv2.INTER_LINEAR) > 127).astype(np.uint8) * 255
            (parts[number >= middle] / f"{name}.jpg").write_bytes(encode_jpeg(image, QUALITY))
            (masks / f"{name}_segmentation.png").write_bytes(encode_png(mask))
            rows.append({"lesion_id": f"HAM_{9_000_000 + n}", "image_id": name, "dx": code, **patient})
    with (folder / "HAM10000_metadata.csv").open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows[k] for k in rng.permutation(len(rows)))
    return folder


def _another_view(rng: np.random.Generator, phantom: Phantom) -> tuple[np.ndarray, np.ndarray]:
    """A further photograph of the same lesion: turned, closer or farther, differently lit."""
    height, width = phantom.mask.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), rng.uniform(-25, 25), rng.uniform(0.9, 1.05))
    image = cv2.warpAffine(phantom.image, turn, (width, height), borderMode=cv2.BORDER_REFLECT_101)
    mask = cv2.warpAffine(phantom.mask, turn, (width, height), flags=cv2.INTER_NEAREST)
    image = np.clip(np.rint(image * rng.uniform(0.9, 1.1)), 0, 255).astype(np.uint8)
    return image, mask
