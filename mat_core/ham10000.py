"""HAM10000 as it was downloaded, read in one way: by the app for its real examples and by the training for everything.

Files are found by name anywhere below the folder, so every usual layout works.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from .errors import DataError, MetadataError
from .files import files_below
from .labels import CODES
from .metadata import Metadata

SPLIT_FILE = Path(__file__).resolve().parents[1] / "assets" / "ham10000_split.csv"
SPLITS = ("train", "val", "test")
SOURCE = (
    "HAM10000, Tschandl, Rosendahl & Kittler, Scientific Data 5, 180161 (2018), doi 10.1038/sdata.2018.161; "
    "ViDIR group, Medical University of Vienna; MILK study team"
)
LICENCE = "CC BY-NC 4.0"
ATTRIBUTION = f"{SOURCE}; {LICENCE}; resized."


@dataclass(frozen=True)
class Case:
    """One photograph: its lesion, its confirmed diagnosis, what is known of the patient, and where its files are."""

    image_id: str
    lesion_id: str
    diagnosis: str
    metadata: Metadata
    image: Path
    mask: Path | None = None
    split: str | None = None  # 'train', 'val' or 'test', by lesion
    first: bool = False  # the one image that stands for its lesion in val and test
    lesion_images: int = 1  # how many photographs the lesion has; 1 is the paper's 'non-duplicated'

    @property
    def label(self) -> int:
        """Class number, the index of `diagnosis` in `labels.CODES`."""
        return CODES.index(self.diagnosis)


@dataclass(frozen=True)
class Dataset:
    """The readable cases of a folder, and a sentence for each thing that was left out."""

    root: Path
    cases: tuple[Case, ...]
    problems: tuple[str, ...]

    def of(self, split: str, *, first_only: bool | None = None) -> tuple[Case, ...]:
        """The cases of one split. Training uses every image; val and test one image a lesion unless told otherwise."""
        if split not in SPLITS:
            raise DataError(f"split must be one of {', '.join(SPLITS)}; got {split!r}.")
        if first_only is None:
            first_only = split != "train"
        return tuple(c for c in self.cases if c.split == split and (c.first or not first_only))


def read_dataset(root: str | Path, split_file: str | Path | None = SPLIT_FILE) -> Dataset:
    """Read a HAM10000 folder: metadata csv, images, lesion masks, and the split by lesion.

    Rows without an image and rows with values outside HAM10000's are left out and named in `problems`.
    Raises DataError when the folder, the csv or every image is missing.
    """
    root = Path(root)
    if not root.is_dir():
        raise DataError(f"There is no folder {root}. Give the folder of the HAM10000 download.")
    files = {p.name.lower(): p for p in files_below(root) if p.suffix.lower() in (".jpg", ".jpeg", ".png", ".csv")}
    table = files.get("ham10000_metadata.csv")
    if table is None:
        raise DataError(f"{root} has no HAM10000_metadata.csv, in no folder below it. It is part of the download.")
    problems: list[str] = []
    try:
        cases = list(_rows(table, files, problems))
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{table} is not a csv file in UTF-8 ({error}). Download it again.") from None
    if not cases:
        raise DataError(f"{table} names no image that lies below {root}. Unpack HAM10000_images_part_1 and _2 there.")
    if split_file is not None:
        cases = _with_split(cases, Path(split_file), problems)
    return Dataset(root, tuple(cases), tuple(problems))


def _rows(table: Path, files: dict[str, Path], problems: list[str]) -> Iterator[Case]:
    absent = unmasked = 0
    with table.open(newline="", encoding="utf-8-sig") as handle:
        reader = csv.DictReader(handle)
        wanted = {"lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization"}
        if not wanted <= set(reader.fieldnames or ()):
            lacking = ", ".join(sorted(wanted - set(reader.fieldnames or ())))
            raise DataError(f"{table.name} lacks the columns {lacking}.")
        for row in reader:
            name = row["image_id"]
            image = files.get(f"{name}.jpg".lower()) or files.get(f"{name}.jpeg".lower())
            if image is None:
                absent += 1
                continue
            if row["dx"] not in CODES:
                problems.append(f"{name}: diagnosis {row['dx']!r} is not one of {', '.join(CODES)}; left out.")
                continue
            try:
                metadata = Metadata(row["age"], row["sex"], row["localization"], row["dx_type"])  # type: ignore[arg-type]  # it reads text
            except MetadataError as error:
                problems.append(f"{name}: {error} Left out.")
                continue
            mask = files.get(f"{name}_segmentation.png".lower())
            unmasked += mask is None
            yield Case(name, row["lesion_id"], row["dx"], metadata, image, mask)
    if absent:
        problems.append(f"{absent} rows of {table.name} have no image below the folder; left out.")
    if unmasked:
        problems.append(f"{unmasked} images have no lesion mask (ISIC_*_segmentation.png): no boxes for them.")


def _with_split(cases: list[Case], split_file: Path, problems: list[str]) -> list[Case]:
    if not split_file.is_file():
        raise DataError(f"There is no split file {split_file}. Make one with: python -m training split.")
    with split_file.open(newline="", encoding="utf-8-sig") as handle:
        reader = csv.DictReader(handle)
        lacking = {"lesion_id", "first_image_id", "split", "images"} - set(reader.fieldnames or ())
        if lacking:
            raise DataError(f"{split_file.name} lacks the columns {', '.join(sorted(lacking))}.")
        rows = {row["lesion_id"]: row for row in reader}
    strangers = {c.lesion_id for c in cases} - set(rows)
    if strangers:
        problems.append(f"{len(strangers)} lesions are not in {split_file.name}; they belong to no split.")
    here = {c.image_id for c in cases}
    firsts = {lesion: row["first_image_id"] for lesion, row in rows.items() if row["first_image_id"] in here}
    replaced = 0
    for c in cases:  # else a lesion would drop out of val and test with its first image
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
