"""Images of a folder or table with their metadata, as rows in a fixed order."""

import filecmp
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..data.column_names import COLUMNS, check_dermoscopic, column_of, metadata_from_row, unread_columns, values_of
from ..data.metadata import Metadata
from ..data.table_reader import TABLE_SUFFIXES, read_table
from ..errors import DataError, MetadataError
from ..utils.files import list_files, name_key
from ..utils.formatting import pluralize
from ..utils.validation import MAX_LINE, short_repr

SUFFIXES = (
    ".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".heic", ".heif", ".avif", ".jp2", ".dcm",
)  # fmt: skip
SHOWN_SITES = 5
_NEVER_TABLES = (".txt",)  # a folder's notes


@dataclass(frozen=True)
class Row:
    """One image. number: from 1. image: its name in the table. path: its file. problem: why it cannot be diagnosed."""

    number: int
    image: str
    path: Path | None
    metadata: Metadata
    problem: str | None = None


def read_inputs(source: Path, images: Path | None = None, any_image_type: bool = False) -> tuple[list[Row], list[str]]:
    """Rows of a folder (all images below it, without metadata) or of a table, and warnings.

    images: folder of a table's images, by default the table's. any_image_type: also accept rows whose image_type is not
    dermoscopic. Raises DataError without rows.
    """
    if source.is_dir():
        if images is not None:
            raise DataError(f"{source} is the folder of the images already: --images belongs to a table.")
        return _read_folder(source)
    folder = source.parent if images is None else images
    if not folder.is_dir():
        raise DataError(f"There is no folder {folder} with the images.")
    table = read_table(source)
    names = list(table.columns)
    column = column_of(names, "image")
    if column is None:
        raise DataError(f"{source} has no column that names the images: call it {', '.join(COLUMNS['image'])}.")
    records = table.to_dict("records")
    if not records:
        raise DataError(f"{source} has a header and no row.")
    index = ImageIndex(folder)
    rows = [_row(n, record, record[column], index, any_image_type) for n, record in enumerate(records, start=1)]
    return rows, _warnings(source, names, zip(rows, records, strict=True))


class ImageIndex:
    """Finds images below a folder by relative path, file name or file name without suffix."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._names: dict[str, list[Path]] | None = None

    def find(self, name: str) -> Path:
        """The image's path. Raises DataError if there is none, or several different ones."""
        name = name.replace("\\", "/")
        try:
            if (self.folder / name).is_file():
                return self.folder / name
        except (OSError, ValueError):  # a name that no file can have
            pass
        if self._names is None:
            self._names = self._by_name()
        file = Path(name)
        keys = [
            file.name,
            *([file.stem] if file.suffix.lower() in SUFFIXES else []),
        ]  # .jpg in the table, .jpeg on disk
        matches = next((paths for key in keys if (paths := self._names.get(name_key(key)))), [])
        name = name if name.isprintable() and len(name) <= MAX_LINE else short_repr(name)
        if not matches:
            raise DataError(f"There is no image {name} in {self.folder} or below.")
        if not all(filecmp.cmp(matches[0], other, shallow=False) for other in matches[1:]):
            raise DataError(f"Several images are called {name}, {matches[0]} and {matches[1]} among them.")
        return matches[0]

    def _by_name(self) -> dict[str, list[Path]]:
        names: dict[str, list[Path]] = {}
        for path in images_below(self.folder):
            for key in {name_key(path.name), name_key(path.stem)}:
                names.setdefault(key, []).append(path)
        return names


def images_below(folder: Path) -> list[Path]:
    """Image files, sorted, without hidden ones such as `._name.jpg` of macOS."""
    return [p for p in list_files(folder) if p.suffix.lower() in SUFFIXES and not p.name.startswith(".")]


def _read_folder(source: Path) -> tuple[list[Row], list[str]]:
    rows = [
        # a name that is no UTF-8 is escaped: it must fit into a file of predictions
        Row(number, path.relative_to(source).as_posix().encode(errors="backslashreplace").decode(), path, Metadata())
        for number, path in enumerate(images_below(source), start=1)
    ]
    if not rows:
        raise DataError(f"No image lies in {source} or below: {', '.join(SUFFIXES)}.")
    suffixes = set(TABLE_SUFFIXES) - set(_NEVER_TABLES)
    tables = sorted(path for path in source.iterdir() if path.suffix.lower() in suffixes and path.is_file())
    return rows, [f"{table.name} is not read. To read its metadata, give {table}." for table in tables]


def _row(number: int, record: Mapping[str, str], image: str, index: ImageIndex, any_image_type: bool) -> Row:
    metadata = Metadata()
    try:
        if not image:
            raise DataError("The row names no image.")
        metadata = metadata_from_row(record)
        if not any_image_type:
            check_dermoscopic(record)
        return Row(number, image, index.find(image), metadata)
    except (DataError, MetadataError) as error:
        return Row(number, image, None, metadata, str(error))


def _warnings(source: Path, names: list[str], rows: Iterable[tuple[Row, Mapping[str, str]]]) -> list[str]:
    warnings = []
    if unread := unread_columns(names, ("age", "sex", "localization")):
        warnings.append(
            f"{source.name}: not read, though the name looks like metadata: {', '.join(map(short_repr, unread))}."
        )
    vague = Counter(
        sites[0]
        for row, record in rows
        if not row.problem and row.metadata.localization is None and (sites := values_of(record, "localization"))
    )
    if vague:
        first = ", ".join(site for site, _ in vague.most_common(SHOWN_SITES))
        warnings.append(
            f"{pluralize(vague.total(), 'row')} with a site too vague for the model, read as unknown: {first}."
        )
    return warnings
