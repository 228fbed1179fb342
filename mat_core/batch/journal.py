"""What was answered so far, kept beside the file to be: a run that was killed goes on from there.

The journal is JSON lines, an answer each, written a pass at a time; what a kill left of the last line is cut off. The
file of answers itself is written at the end, in the order of the list, whatever was answered first.
"""

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO

from ..errors import DataError
from .answers import Answer, read_answers, typed
from .rows import Row

try:
    import fcntl
except ImportError:  # not on Windows: two runs into one file are then not told apart
    fcntl = None  # type: ignore[assignment]


def journal_of(out: Path) -> Path:
    """Where the journal of a file of answers lies."""
    return out.with_name(out.name + ".part")


class Journal:
    """The journal of one file of answers, open for writing. Raises DataError where another process writes it."""

    def __init__(self, out: Path):
        self.path = journal_of(out)
        try:
            self._file: BinaryIO = self.path.open("ab")
        except OSError as error:
            raise DataError(f"{out} cannot be written: {error.strerror}.") from None
        try:
            if fcntl:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise DataError(f"Another process is writing {out}: wait for it, or name another --out.") from None
        self._file.truncate(_whole(self.path))

    def add(self, answers: Sequence[Answer]) -> None:
        """Write these answers so that a kill, even of the machine, loses none."""
        self._file.write("".join(json.dumps(answer) + "\n" for answer in answers).encode())
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self, done: bool = False) -> None:
        """End writing. done: the answers stand in their file, so the journal goes; so does an empty one."""
        self._file.close()
        if done or (self.path.is_file() and not self.path.stat().st_size):
            self.path.unlink(missing_ok=True)


def answered(rows: Sequence[Row], files: Iterable[Path], model: str) -> dict[int, Answer]:
    """Row number -> answer, of those files of answers and their journals that exist.

    Raises DataError for a file that answers another list, or is another model's: it is not ours to go on with.
    """
    by_number = {row.number: row for row in rows}
    found: dict[int, Answer] = {}
    for file in files:
        answers = _recorded(file) + (read_answers(file) if file.is_file() else [])
        for answer in answers:
            row = by_number.get(answer["row"])
            asked = row and (row.image, row.metadata.age, row.metadata.sex, row.metadata.localization)
            if asked != (answer["image"], answer["age"], answer["sex"], answer["localization"]):
                raise DataError(
                    f"{file} answers another list (see its row {answer['row']}). Name another --out, or delete it"
                    f"{_and_journal(file)}."
                )
            if answer["model"] != model:
                raise DataError(
                    f"{file} has answers of {answer['model']}, and this model is {model}. Name another --out, or "
                    f"delete it{_and_journal(file)}."
                )
        found |= {answer["row"]: answer for answer in answers}
    return found


def _recorded(out: Path) -> list[Answer]:
    journal = journal_of(out)
    if not journal.is_file():
        return []
    with journal.open("rb") as file:
        data = file.read(_whole(journal))
    try:
        return [typed(json.loads(line)) for line in data.splitlines()]
    except (ValueError, KeyError, TypeError):
        raise DataError(f"{journal} is damaged. Delete it: what it holds is answered again.") from None


def _whole(path: Path) -> int:
    """Bytes of the whole lines of a file."""
    data = path.read_bytes()
    return data.rfind(b"\n") + 1


def _and_journal(out: Path) -> str:
    return f" and {journal_of(out).name}" if journal_of(out).is_file() else ""
