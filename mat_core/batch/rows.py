"""What is to be answered: a folder of images, or a table that names them, as rows in a fixed order."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from ..errors import DataError, MetadataError
from ..files import TooLargeError, files_below, read_file
from ..limits import LONGEST, shown
from ..metadata import Metadata
from .columns import COLUMNS, column_of, metadata_of

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif")
MAX_TABLE = 512 * 2**20  # bytes


@dataclass(frozen=True)
class Row:
    """One case of a list. number: from 1. image: its name, as the list has it. path: where it lies, None if nowhere.

    problem: why it cannot be asked at all, None if it can.
    """

    number: int
    image: str
    path: Path | None
    metadata: Metadata
    problem: str | None = None


def read_rows(source: Path, images: Path | None = None) -> list[Row]:
    """The rows of a folder (every image below it, nothing known of the patients) or of a table (csv).

    images: the folder of a table's images; without it, the table's own. Raises DataError where there is no row to read.
    """
    if source.is_dir():
        if images is not None:
            raise DataError(f"{source} is the folder of the images already: --images belongs to a table.")
        rows = [
            Row(number, path.relative_to(source).as_posix(), path, Metadata())
            for number, path in enumerate((p for p in files_below(source) if p.suffix.lower() in SUFFIXES), start=1)
        ]
        if not rows:
            raise DataError(f"No image lies in {source} or below: {', '.join(SUFFIXES)}.")
        return rows
    folder = source.parent if images is None else images
    if not folder.is_dir():
        raise DataError(f"There is no folder {folder} with the images.")
    names, table = read_table(source)
    column = column_of(names, "image")
    if column is None:
        raise DataError(f"{source} has no column that names the images: call it {', '.join(COLUMNS['image'])}.")
    index = Index(folder)
    rows = [_row(number, row, (row[column] or "").strip(), index) for number, row in enumerate(table, start=1)]
    if not rows:
        raise DataError(f"{source} has a header and no row.")
    return rows


def tables_in(folder: Path) -> list[Path]:
    """The tables of a folder, which a list of its images does not read."""
    return sorted(path for path in folder.iterdir() if path.suffix.lower() == ".csv" and path.is_file())


def read_table(source: Path) -> tuple[list[str], list[dict[str, str]]]:
    """Columns and rows of a csv file in UTF-8, with commas, semicolons or tabs. Raises DataError."""
    try:
        text = read_file(source, MAX_TABLE).decode("utf-8-sig")
    except FileNotFoundError:
        raise DataError(f"There is no folder and no file {source}.") from None
    except TooLargeError:
        raise DataError(f"{source} has more than {MAX_TABLE // 2**20} MB: split it.") from None
    except (OSError, ValueError):
        raise DataError(f"{source} is no table: a csv file in UTF-8 is read.") from None
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, restval="", strict=True)
        names, rows = list(reader.fieldnames or ()), list(reader)
    except csv.Error as error:
        raise DataError(f"{source} is no csv file that can be read ({error}).") from None
    if not names:
        raise DataError(f"{source} is empty.")
    return names, [{name: value for name, value in row.items() if isinstance(name, str)} for row in rows]


class Index:
    """The images below a folder by the names that tables use: a path in it, a file's name, or that without its end."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._names: dict[str, list[Path]] | None = None

    def find(self, name: str) -> Path:
        """The image. Raises DataError where there is none, or more than one."""
        try:
            if (self.folder / name).is_file():
                return self.folder / name
        except (OSError, ValueError):  # a name that no file can have
            pass
        if self._names is None:
            self._names = self._by_name()
        found = self._names.get(Path(name).name.lower(), [])
        name = name if name.isprintable() and len(name) <= LONGEST else shown(name)
        if len(found) > 1:
            raise DataError(f"Several images are called {name}, {found[0]} and {found[1]} among them.")
        if not found:
            raise DataError(f"There is no image {name} in {self.folder} or below.")
        return found[0]

    def _by_name(self) -> dict[str, list[Path]]:
        names: dict[str, list[Path]] = {}
        for path in files_below(self.folder):
            if path.suffix.lower() in SUFFIXES:
                for key in {path.name.lower(), path.stem.lower()}:
                    names.setdefault(key, []).append(path)
        return names


def _row(number: int, row: dict[str, str], image: str, index: Index) -> Row:
    path, metadata = None, Metadata()
    try:
        if not image:
            raise DataError("The row names no image.")
        metadata = metadata_of(row)
        path = index.find(image)
    except (DataError, MetadataError) as error:
        return Row(number, image, None, metadata, str(error))
    return Row(number, image, path, metadata)
