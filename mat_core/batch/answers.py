"""Answers as a file: one line a case, as csv, as JSON lines or as parquet, and read back from each of them."""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from ..errors import DataError, NotInstalledError
from ..files import read_file, replace_file
from ..labels import CODES
from .rows import MAX_TABLE, Row

KINDS = (".csv", ".jsonl", ".parquet")
DIGITS = 6  # of a probability
# what every answer has, in this order; the bundle's classes stand between them
BEFORE = ("row", "image", "age", "sex", "localization", "answer")
AFTER = ("novelty", "outside", "model")
Answer = dict


def answer_of(row: Row, probabilities: dict[str, float], novelty, model: str) -> Answer:
    """One line. probabilities: code -> probability, rounded here; novelty: as a Diagnosis has it; model: its name."""
    metadata = row.metadata
    return {
        "row": row.number,
        "image": row.image,
        "age": metadata.age,
        "sex": metadata.sex,
        "localization": metadata.localization,
        "answer": max(probabilities, key=lambda code: probabilities[code]),
        **{code: round(value, DIGITS) for code, value in probabilities.items()},
        "novelty": None if novelty is None else round(novelty.distance, DIGITS),
        "outside": None if novelty is None else novelty.outside,
        "model": model,
    }


def check_kind(path: Path) -> None:
    """Raise for a name that says no kind of file that can be written here."""
    if path.suffix.lower() not in KINDS:
        raise DataError(f"Answers are written as {', '.join(KINDS)}; got {path.name}.")
    if path.suffix.lower() == ".parquet":
        _parquet()


def write_answers(answers: Sequence[Answer], path: Path, labels: Sequence[str]) -> None:
    """Replace the file at once. labels: the bundle's classes, in its order. Raises NotInstalledError."""
    names = [*BEFORE, *labels, *AFTER]
    kind = path.suffix.lower()
    if kind == ".parquet":
        arrow = _parquet()
        types = {"row": arrow.int64(), "age": arrow.int64(), "outside": arrow.bool_(), "novelty": arrow.float64()}
        fields = [(n, types.get(n, arrow.float64() if n in labels else arrow.string())) for n in names]
        table = arrow.Table.from_pylist(list(answers), schema=arrow.schema(fields))
        replace_file(path, lambda partial: arrow.parquet.write_table(table, partial))
        return
    text = io.StringIO()
    if kind == ".csv":
        writer = csv.DictWriter(text, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(answers)
    else:
        for answer in answers:
            text.write(json.dumps({name: answer[name] for name in names}, ensure_ascii=False) + "\n")
    replace_file(path, lambda partial: partial.write_text(text.getvalue(), encoding="utf-8", newline=""))


def read_answers(path: Path) -> list[Answer]:
    """The answers of a file that `write_answers` made, each with its own types. Raises DataError for another file."""
    kind = path.suffix.lower()
    check_kind(path)
    if not path.is_file():
        raise DataError(f"There are no answers in {path}: python -m mat_core diagnose writes them.")
    try:
        if kind == ".parquet":
            table = _parquet().parquet.read_table(path)
            names, rows = table.column_names, table.to_pylist()
        else:
            text = read_file(path, MAX_TABLE).decode("utf-8")
            reader = csv.DictReader(io.StringIO(text, newline=""))
            rows = list(reader) if kind == ".csv" else _lines(text)
            names = list(reader.fieldnames or ()) if kind == ".csv" else None
        if names is not None:
            _check_names(names)
        return [typed(row) for row in rows]
    except NotInstalledError:
        raise
    except Exception as error:  # pyarrow raises errors of its own
        raise DataError(f"{path} holds no answers of python -m mat_core diagnose ({_said(error)}).") from None


def typed(row: dict) -> Answer:
    """An answer whose values may be texts, as csv has them. Raises ValueError, KeyError or TypeError."""
    labels = _check_names(list(row))
    empty: dict[str, Any] = {name: None if row[name] == "" else row[name] for name in row}
    found = {
        **empty,
        "row": int(empty["row"]),
        "image": str(empty["image"]),
        "age": None if empty["age"] is None else int(empty["age"]),
        **{code: float(empty[code]) for code in labels},
        "novelty": None if empty["novelty"] is None else float(empty["novelty"]),
        "outside": {None: None, "True": True, "False": False, True: True, False: False}[empty["outside"]],
    }
    if found["answer"] not in labels:
        raise ValueError("an answer is none of its classes")
    return found


def _check_names(names: list[str]) -> list[str]:
    """The classes among the columns. Raises ValueError for columns that are not those of answers."""
    labels = [name for name in names if name in CODES]
    if [*BEFORE, *labels, *AFTER] != names or not labels:
        raise ValueError("its columns are others")
    return labels


def _lines(text: str) -> list[dict]:
    return [json.loads(line) for line in text.split("\n") if line.strip()]


def _parquet() -> ModuleType:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise NotInstalledError(
            "A parquet file needs pyarrow: pip install pyarrow. Or write answers to .csv or .jsonl."
        ) from None
    return pyarrow


def _said(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0][:120] or type(error).__name__
