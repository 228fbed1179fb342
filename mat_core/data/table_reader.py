"""Read tables as text: CSV in any dialect of Excel, tabs, JSON lines, Excel, parquet."""

import csv
import io
import re
from pathlib import Path

import pandas as pd

from ..errors import DataError, NotInstalledError
from ..utils.files import TooLargeError, read_file
from ..utils.formatting import first_line

TABLE_SUFFIXES = (".csv", ".tsv", ".tab", ".txt", ".jsonl", ".xlsx", ".parquet")
MAX_TABLE = 512 * 2**20  # bytes
SAVE_AS = "Save it in Excel as 'CSV UTF-8 (*.csv)' and give that file"


def read_table(path: Path, limit: int = MAX_TABLE) -> pd.DataFrame:
    """Read a table; every cell is stripped text, '' if empty.

    Text may be UTF-8, UTF-16 or Windows-1252, separated by commas, semicolons, tabs or bars. The kind follows from the
    first bytes, then from the suffix. limit: bytes. Raises DataError, NotInstalledError for a missing package.
    """
    try:
        data = read_file(path, limit)
    except FileNotFoundError:
        raise DataError(f"There is no folder and no file {path}.") from None
    except TooLargeError:
        raise DataError(f"{path} has more than {limit // 2**20} MB: split it.") from None
    except (OSError, ValueError):
        raise DataError(f"{path} cannot be read as a table. Tables are files: {', '.join(TABLE_SUFFIXES)}.") from None
    return parse_table(data, path)


def parse_table(data: bytes, path: Path) -> pd.DataFrame:
    """`read_table` of a file's bytes. path: for its suffix and for errors."""
    kind = path.suffix.lower()
    try:
        if kind in (".xls", ".ods") or data.startswith(b"\xd0\xcf\x11\xe0"):
            raise DataError(f"{path} is a spreadsheet of a kind that is not read. {SAVE_AS}.")
        elif data.startswith(b"PAR1"):
            frame = _read_parquet(data, path)
        elif data.startswith(b"PK\3\4"):
            frame = _read_excel(data, path)
        elif kind == ".jsonl":
            frame = pd.read_json(io.StringIO(_decode(data, path)), lines=True, dtype=False, precise_float=True)
        else:
            frame = _read_delimited(_decode(data, path))
    except (DataError, NotInstalledError):
        raise
    except pd.errors.EmptyDataError:
        raise DataError(f"{path} is empty.") from None
    except Exception as error:  # pyarrow and openpyxl raise errors of their own
        raise DataError(f"{path} cannot be read as a table ({first_line(error, 120)}).") from None
    frame.columns = [str(name).strip() for name in frame.columns]
    frame = frame.map(_cell).astype(object)
    return frame[(frame != "").any(axis=1)]  # Excel leaves rows of separators


def _decode(data: bytes, path: Path) -> str:
    """UTF-8 or UTF-16 with or without a BOM, else Windows-1252, as Excel writes 'CSV'."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    elif b"\0" in data[:2]:
        encodings = ["utf-16-be" if data[:1] == b"\0" else "utf-16-le"]
    else:
        encodings = ["utf-8-sig", "cp1252"]
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise DataError(f"{path} is no text that can be read as a table. Save it as CSV in UTF-8.")


def _read_delimited(text: str) -> pd.DataFrame:
    text = text.lstrip("\r\n")
    if hint := re.match(r'"?sep=(.)"?\r?\n', text):  # what Excel writes and reads
        delimiter, text = hint[1], text[hint.end() :]
    first = re.match(r"[^\r\n]*", text)[0]  # type: ignore[index]  # it matches anything
    headers = {mark: next(csv.reader([first], delimiter=mark), []) for mark in ([delimiter] if hint else ",;\t|")}
    delimiter, header = max(headers.items(), key=lambda item: len(item[1]))
    # usecols: longer rows are cut, not refused, and no column becomes an index
    return pd.read_csv(
        io.StringIO(text), sep=delimiter, dtype=str, na_filter=False, usecols=range(len(header)), skipinitialspace=True
    )


def _read_excel(data: bytes, path: Path) -> pd.DataFrame:
    try:
        return pd.read_excel(io.BytesIO(data), engine="openpyxl", dtype=str, na_filter=False)
    except ImportError:
        raise NotInstalledError(
            f"{path} is an Excel workbook, which needs openpyxl: pip install openpyxl. Or: {SAVE_AS}."
        ) from None


def _read_parquet(data: bytes, path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(io.BytesIO(data), engine="pyarrow")
    except ImportError:
        raise NotInstalledError(f"{path} is a parquet file, which needs pyarrow: pip install pyarrow.") from None


def _cell(value: object) -> str:
    if isinstance(value, str):
        return value.strip()
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return ""
    if isinstance(value, float) and value.is_integer():  # whole numbers in a column with gaps
        return str(int(value))
    return str(value)
