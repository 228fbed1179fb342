"""Further folders of photographs, for training only, and blurring.

Photographs of one source may be blurred by scaling, and one diagnosis may come mainly from that source. So that blur
does not predict the diagnosis, any image may be blurred.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from mat_core.data.column_names import check_dermoscopic, diagnosis_from_row, metadata_from_row
from mat_core.data.ham10000 import COLUMNS, Case, Dataset, read_columns
from mat_core.errors import DataError, MetadataError
from mat_core.utils.files import list_files, name_key

TABLE = "metadata.csv"
SOFT_SIDE = 256  # pixels of the smallest source, as ISIC 2017 is often distributed
QUALITIES = (60, 95)  # of JPEG


@dataclass(frozen=True)
class ExtraCase(Case):
    """A case of a further folder."""


def add_folder(data: Dataset, folder: Path) -> Dataset:
    """`data` with the cases of a further folder added to train, without images that it has already.

    The folder has metadata.csv with HAM10000's columns and IMAGE_ID.jpg anywhere below. Raises DataError.
    """
    table = folder / TABLE
    if not table.is_file():
        raise DataError(f"There is no file {table}. A further --data folder has {TABLE} and its images.")
    suffixes = (".jpg", ".jpeg", ".png")
    files = {name_key(path.stem): path for path in list_files(folder) if path.suffix.lower() in suffixes}
    existing = {case.image_id for case in data.cases}
    cases, problems, present = [], [], 0
    for row in read_columns(table, COLUMNS):
        name = row["image_id"]
        if name in existing:
            present += 1
            continue
        try:
            check_dermoscopic(row)
            code, metadata = diagnosis_from_row(row), metadata_from_row(row, row["dx_type"])
            if code is None or name_key(name) not in files:
                raise DataError("It has no image." if code else "It has no diagnosis.")
        except (DataError, MetadataError) as error:
            problems.append(f"{name}: {error} Left out.")
            continue
        cases.append(ExtraCase(name, row["lesion_id"], code, metadata, files[name_key(name)], split="train"))
    if present:
        problems.append(f"{present} images of {table} are in the first --data folder already; left out.")
    if not cases:
        raise DataError(f"{table} names no further image that lies below {folder}.")
    return replace(data, cases=(*data.cases, *cases), problems=(*data.problems, *problems))


def extra_summary(cases: Sequence[Case]) -> dict | None:
    """Number and hash of the further cases, for a run's settings; None without them."""
    names = sorted(case.image_id for case in cases if isinstance(case, ExtraCase))
    return {"images": len(names), "sha256": hashlib.sha256("\n".join(names).encode()).hexdigest()} if names else None


def soften(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """With probability 0.5, reduce (h, w, 3) uint8 RGB to a JPEG of SOFT_SIDE pixels and scale it up again."""
    if rng.random() < 0.5:
        return image
    small = cv2.resize(image, (SOFT_SIDE, SOFT_SIDE), interpolation=cv2.INTER_AREA)
    quality = int(rng.integers(*QUALITIES, endpoint=True))
    _, encoded = cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(encoded, cv2.IMREAD_COLOR)[..., ::-1]
    return cv2.resize(decoded, image.shape[1::-1], interpolation=cv2.INTER_CUBIC)
