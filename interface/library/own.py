"""A teacher's own cases: a folder of pictures with a table of what they are. A wrong line is left out and named.

    cases.csv      id,truth,age,sex,localization,confirmed,source
                   nevus-07,nv,34,female,back,histo,our clinic
    nevus-07.jpg

id: the picture's file name without its ending; truth: a code such as mel. The other columns may be missing or empty.
"""

import csv
from pathlib import Path

from mat_core import DataError, ImageError, Metadata, MetadataError
from mat_core.files import read_file
from mat_core.images import load_image
from mat_core.labels import CODES
from mat_core.limits import LONGEST, shown

from ..examples import Example

TABLE = "cases.csv"
ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif")
NEEDED = ("id", "truth")
MAX_TABLE = 2**20  # bytes
MOST = 500  # cases


def own_cases(folder: str | Path) -> tuple[tuple[Example, ...], tuple[str, ...]]:
    """The cases of the folder in the order of its table, and a sentence for each line that is left out.

    Every picture is read once, so that a broken one is told now and not before a class. Raises DataError where there
    is no such folder or no table in it that can be read.
    """
    root = Path(folder)
    try:
        text = read_file(root / TABLE, MAX_TABLE).decode("utf-8-sig")
        rows = list(csv.DictReader(text.splitlines(), restkey="more"))
    except OSError as error:
        raise DataError(f"{root} has no table {TABLE} that can be read ({error.strerror or error}).") from None
    except (UnicodeDecodeError, csv.Error):
        raise DataError(f"{root / TABLE} is no csv file in UTF-8. Save it as such, with commas.") from None
    if not rows or not set(NEEDED) <= set(rows[0]):
        raise DataError(f"{root / TABLE} needs a first line with the columns {' and '.join(NEEDED)}, and a case below.")
    pictures = {path.stem: path for path in sorted(root.iterdir()) if path.suffix.lower() in ENDINGS}
    found: dict[str, Example] = {}
    problems = []
    for line, row in enumerate(rows, start=2):
        try:
            if len(found) == MOST:
                raise DataError(f"there are {MOST} cases already, which is the most.")
            example = _example(row, pictures)
            if example.name in found:
                raise DataError(f"{example.name} is there twice.")
            found[example.name] = example
        except (DataError, MetadataError, ImageError) as error:
            problems.append(f"{TABLE}, line {line} is left out: {error}")
    return tuple(found.values()), tuple(problems)


def _example(row: dict, pictures: dict[str, Path]) -> Example:
    given = {key: (value or "").strip() for key, value in row.items() if key and isinstance(value, str | None)}
    name = given.get("id", "")
    if name not in pictures:
        raise DataError(f"beside it there is no picture {shown(name)} with one of the endings {', '.join(ENDINGS)}.")
    if given["truth"] not in CODES:
        raise DataError(f"truth must be one of {', '.join(CODES)}; got {shown(given['truth'])}.")
    source = given.get("source", "")
    if len(source) > LONGEST or not source.isprintable():
        raise DataError(f"source must be one line of at most {LONGEST} characters.")
    patient = Metadata(given.get("age"), given.get("sex"), given.get("localization"), given.get("confirmed"))  # type: ignore[arg-type]  # it reads text
    load_image(pictures[name])
    return Example(name, pictures[name].resolve(), patient, given["truth"], False, source)
