"""A teacher's own cases: a folder of images with a table of what they are. Rows with a mistake are skipped and named.

    cases.csv      id,truth,age,sex,localization,confirmed,source
                   nevus-07,nv,34,female,back,histo,our clinic
    nevus-07.jpg

id: the image's file name, with or without its ending; truth: a code such as mel, or a diagnosis in words. The other
columns may be missing or empty. `mat_core.data.table_reader` reads the table, with HAM10000's or
the ISIC archive's columns.
"""

from collections.abc import Mapping
from pathlib import Path

from mat_core import DataError, ImageError, MetadataError
from mat_core.batch.inputs import SUFFIXES
from mat_core.data.column_names import (
    check_dermoscopic,
    column_of,
    diagnosis_from_row,
    metadata_from_row,
    unread_columns,
)
from mat_core.data.image_loading import load_image
from mat_core.data.labels import CODES
from mat_core.data.table_reader import TABLE_SUFFIXES, read_table
from mat_core.utils.files import name_key
from mat_core.utils.validation import MAX_LINE, short_repr

from .example import Example

TABLE_NAMES = ("cases.csv", *(f"cases{suffix}" for suffix in TABLE_SUFFIXES))
COLUMNS = {"id": "image", "truth": "dx", "confirmed": "dx_type"}  # ours -> as other tables call them
MAX_TABLE = 2**20  # bytes
MAX_CASES = 500  # cases


def read_custom_cases(folder: str | Path) -> tuple[tuple[Example, ...], tuple[str, ...]]:
    """The cases of the folder in the order of its table, and a line for each row that is skipped.

    Every image is read once, so that a broken one is reported now and not during a class. Raises DataError where there
    is no such folder or no table in it that can be read.
    """
    root = Path(folder)
    files = {name_key(path.name): path for path in sorted(root.iterdir())} if root.is_dir() else {}
    table = next((files[name] for name in TABLE_NAMES if name in files), None)
    if table is None:
        raise DataError(f"{root} has no table cases.csv.")
    frame = read_table(table, MAX_TABLE).rename(columns=lambda name: COLUMNS.get(name.lower(), name))
    image, diagnosis = (column_of(frame.columns, field) for field in ("image", "diagnosis"))
    if image is None or diagnosis is None or frame.empty:
        raise DataError(f"{table} needs a first line with the columns id and truth, and a case below.")
    images = {key: path for path in files.values() if path.suffix.lower() in SUFFIXES for key in _keys(path)}
    cases: dict[str, Example] = {}
    unread = unread_columns(frame.columns, ("age", "sex", "localization", "diagnosis"))
    problems = [f"{table.name}: the column {short_repr(name)} is not read." for name in unread]
    for line, row in enumerate(frame.to_dict("records"), start=2):
        try:
            if len(cases) == MAX_CASES:
                raise DataError(f"there are {MAX_CASES} cases already, which is the most.")
            example = _example(row, row[image], images)
            if name_key(example.name) in cases:
                raise DataError(f"{example.name} is there twice.")
            cases[name_key(example.name)] = example
        except (DataError, MetadataError, ImageError) as error:
            problems.append(f"{table.name}, line {line} is left out: {error}")
    return tuple(cases.values()), tuple(problems)


def _example(row: Mapping[str, str], name: str, images: dict[str, Path]) -> Example:
    path = images.get(name_key(name))
    if path is None:
        raise DataError(
            f"beside it there is no image {short_repr(name)} with one of the endings {', '.join(SUFFIXES)}."
        )
    truth = diagnosis_from_row(row)
    if truth is None:
        raise DataError(f"truth must be one of {', '.join(CODES)}.")
    source = row.get("source", "")
    if len(source) > MAX_LINE or not source.isprintable():
        raise DataError(f"source must be one line of at most {MAX_LINE} characters.")
    check_dermoscopic(row)
    metadata = metadata_from_row(row, row.get("dx_type", ""))
    load_image(path)
    name = Path(name).stem if Path(name).suffix.lower() in SUFFIXES else name
    return Example(name, path.resolve(), metadata, truth, False, source)


def _keys(path: Path) -> tuple[str, str]:
    return name_key(path.name), name_key(path.stem)
