"""Read a HAM10000 download. Files may be anywhere below the folder."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import DataError, MetadataError
from ..utils.files import list_files, name_key
from .column_names import diagnosis_from_row, metadata_from_row
from .labels import CODES
from .metadata import Metadata
from .table_reader import TABLE_SUFFIXES, read_table

SPLIT_FILE = Path(__file__).with_name("ham10000_split.csv")
SPLITS = ("train", "val", "test")
# in lower case; Harvard's server gives the file without an ending, or as .tab
METADATA_FILES = ("ham10000_metadata.csv", "ham10000_metadata", *(f"ham10000_metadata{end}" for end in TABLE_SUFFIXES))
COLUMNS = ("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization")
IMAGE_SUFFIXES = (".jpg", ".jpeg")
SOURCE = (
    "HAM10000, Tschandl, Rosendahl & Kittler, Scientific Data 5, 180161 (2018), doi 10.1038/sdata.2018.161; "
    "ViDIR group, Medical University of Vienna; MILK study team"
)
LICENCE = "CC BY-NC 4.0"
ATTRIBUTION = f"{SOURCE}; {LICENCE}; resized."


@dataclass(frozen=True)
class Case:
    """One photograph with lesion, confirmed diagnosis, metadata and files."""

    image_id: str
    lesion_id: str
    diagnosis: str
    metadata: Metadata
    image: Path
    mask: Path | None = None
    split: str | None = None  # 'train', 'val' or 'test', by lesion
    first: bool = False  # represents its lesion in val and test
    lesion_images: int = 1  # photographs of the lesion; 1 is the paper's 'non-duplicated'

    @property
    def label(self) -> int:
        """Class number, the index of `diagnosis` in `labels.CODES`."""
        return CODES.index(self.diagnosis)


@dataclass(frozen=True)
class Dataset:
    """The readable cases of a folder. problems: messages about what was left out."""

    root: Path
    cases: tuple[Case, ...]
    problems: tuple[str, ...]

    def of(self, split: str, *, first_only: bool | None = None) -> tuple[Case, ...]:
        """Cases of a split. first_only: one image per lesion, by default in val and test."""
        if split not in SPLITS:
            raise DataError(f"split must be one of {', '.join(SPLITS)}; got {split!r}.")
        if first_only is None:
            first_only = split != "train"
        return tuple(c for c in self.cases if c.split == split and (c.first or not first_only))


def read_dataset(root: str | Path, split_file: str | Path | None = SPLIT_FILE) -> Dataset:
    """Read table, images, lesion masks and split. Rows without an image or with unknown values go to `problems`.

    Raises DataError if the folder, the table or all images are missing.
    """
    root = Path(root)
    if not root.is_dir():
        raise DataError(f"There is no folder {root}. Give the folder of the HAM10000 download.")
    files = {name_key(path.name): path for path in list_files(root)}
    table = next((files[name] for name in METADATA_FILES if name in files), None)
    if table is None:
        raise DataError(f"{root} has no HAM10000_metadata.csv, in no folder below it. It is part of the download.")
    problems: list[str] = []
    cases = list(_rows(table, files, problems))
    if not cases:
        raise DataError(f"{table} names no image that lies below {root}. Unpack HAM10000_images_part_1 and _2 there.")
    if split_file is not None:
        cases = _with_split(cases, Path(split_file), problems)
    return Dataset(root, tuple(cases), tuple(problems))


def _rows(path: Path, files: dict[str, Path], problems: list[str]) -> Iterator[Case]:
    absent = unmasked = 0
    for row in read_columns(path, COLUMNS):
        name = row["image_id"]
        image = next((files[key] for end in IMAGE_SUFFIXES if (key := name_key(name + end)) in files), None)
        if image is None:
            absent += 1
            continue
        try:
            diagnosis, metadata = diagnosis_from_row(row), metadata_from_row(row, row["dx_type"])
            if diagnosis is None:
                raise DataError("The row has no diagnosis.")
        except (DataError, MetadataError) as error:
            problems.append(f"{name}: {error} Left out.")
            continue
        mask = files.get(name_key(f"{name}_segmentation.png"))
        unmasked += mask is None
        yield Case(name, row["lesion_id"], diagnosis, metadata, image, mask)
    if absent:
        problems.append(f"{absent} rows of {path.name} have no image below the folder; left out.")
    if unmasked:
        problems.append(f"{unmasked} images have no lesion mask (ISIC_*_segmentation.png): no boxes for them.")


def read_columns(path: Path, columns: Collection[str]) -> list[dict[str, str]]:
    """Rows of a table. Raises DataError if columns are missing."""
    table = read_table(path).rename(columns=str.lower)
    if missing := set(columns) - set(table.columns):
        raise DataError(f"{path.name} lacks the columns {', '.join(sorted(missing))}.")
    return table.to_dict("records")


def _with_split(cases: list[Case], split_file: Path, problems: list[str]) -> list[Case]:
    if not split_file.is_file():
        raise DataError(f"There is no split file {split_file}. Make one with: python -m training split.")
    columns = {"lesion_id", "first_image_id", "split", "images"}
    rows = {row["lesion_id"]: row for row in read_columns(split_file, columns)}
    strangers = {c.lesion_id for c in cases} - set(rows)
    if strangers:
        problems.append(f"{len(strangers)} lesions are not in {split_file.name}; they belong to no split.")
    image_ids = {c.image_id for c in cases}
    firsts = {lesion: row["first_image_id"] for lesion, row in rows.items() if row["first_image_id"] in image_ids}
    replaced = 0
    for c in cases:  # keep lesions whose first image is missing
        if c.lesion_id in rows and c.lesion_id not in firsts:
            firsts[c.lesion_id] = c.image_id
            replaced += 1
    if replaced:
        problems.append(f"{replaced} lesions lack their first image; another of theirs stands for it in val and test.")
    return [
        replace(c, split=row["split"], first=c.image_id == firsts[c.lesion_id], lesion_images=int(row["images"]))
        if (row := rows.get(c.lesion_id))
        else c
        for c in cases
    ]
