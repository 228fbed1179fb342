"""Files of predictions: csv, JSON lines or parquet, one row per image."""

import importlib.util
import json
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import pandas as pd

from ..data.labels import CODES
from ..data.table_reader import MAX_TABLE, parse_table
from ..errors import DataError, NotInstalledError
from ..utils.files import atomic_write, read_file
from .inputs import Row

if TYPE_CHECKING:  # imports torch, which takes seconds
    from ..inference.out_of_distribution import OODScore

KINDS = (".csv", ".jsonl", ".parquet")
DIGITS = 6  # of a probability
# columns of every file, in this order; the bundle's classes stand between them
BEFORE = ("row", "image", "age", "sex", "localization", "answer")
AFTER = ("novelty", "outside", "model")
PARQUET_TYPES = {"row": "int64", "age": "Int64", "novelty": "float64", "outside": "boolean"}
PARQUET_EVERY = 60  # seconds: the whole file is written again each time
Prediction = dict


def prediction_of(row: Row, probabilities: dict[str, float], novelty: "OODScore | None", model: str) -> Prediction:
    """One row. probabilities: code -> probability; model: the bundle's identity."""
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
        "outside": None if novelty is None else novelty.is_out_of_distribution,
        "model": model,
    }


def check_kind(path: Path) -> None:
    """Raise DataError for an unsupported suffix, NotInstalledError for parquet without pyarrow."""
    if path.suffix.lower() not in KINDS:
        raise DataError(f"Predictions are written as {', '.join(KINDS)}; got {path.name}.")
    if path.suffix.lower() == ".parquet" and importlib.util.find_spec("pyarrow") is None:
        raise NotInstalledError("Parquet needs pyarrow: pip install pyarrow. Or write to .csv or .jsonl.")


class PredictionWriter:
    """Append predictions to a file. Parquet is rewritten every minute and at the end.

    labels: the bundle's classes; previous: predictions already in the file.
    """

    def __init__(self, path: Path, labels: Sequence[str], previous: Sequence[Prediction] = ()):
        self._path, self._columns = path, [*BEFORE, *labels, *AFTER]
        self._labels, self._all, self._written = labels, list(previous), time.monotonic()
        if path.suffix.lower() == ".parquet":
            return
        with path.open("ab") as file:
            file.truncate(_whole_lines(path.read_bytes()))
            if path.suffix.lower() == ".csv" and not file.tell():
                file.write((",".join(self._columns) + "\n").encode())

    def __enter__(self) -> "PredictionWriter":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._path.suffix.lower() == ".parquet":
            self._write_parquet()

    def append(self, predictions: Sequence[Prediction]) -> None:
        """Append predictions."""
        kind = self._path.suffix.lower()
        if kind == ".parquet":
            self._all += predictions
            if time.monotonic() - self._written > PARQUET_EVERY:
                self._write_parquet()
            return
        if kind == ".csv":
            frame = pd.DataFrame(predictions, columns=self._columns, dtype=object)
            text = frame.to_csv(index=False, header=False, lineterminator="\n")
        else:
            text = "".join(json.dumps(prediction, ensure_ascii=False) + "\n" for prediction in predictions)
        with self._path.open("ab") as file:
            file.write(text.encode())

    def _write_parquet(self) -> None:
        frame = pd.DataFrame(self._all, columns=self._columns, dtype=object)
        frame = frame.astype({n: PARQUET_TYPES.get(n, "float64" if n in self._labels else "string") for n in frame})
        atomic_write(self._path, lambda partial: frame.to_parquet(partial, engine="pyarrow", index=False))
        self._written = time.monotonic()


def read_predictions(path: Path) -> list[Prediction]:
    """Predictions of a file of PredictionWriter, without an incomplete last line. Raises DataError for other files."""
    check_kind(path)
    if not path.is_file():
        raise DataError(f"There are no predictions in {path}: python -m mat_core diagnose writes them.")
    try:
        data = read_file(path, MAX_TABLE)
        if path.suffix.lower() != ".parquet":
            data = data[: _whole_lines(data)]
        if not data.strip():
            return []
        table = parse_table(data, path)
        labels = [name for name in table.columns if name in CODES]
        if [*BEFORE, *labels, *AFTER] != list(table.columns) or not labels:
            raise DataError("its columns differ")
        return [parse_row(record, labels) for record in table.to_dict("records")]
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{path} holds no predictions of python -m mat_core diagnose ({error}).") from None


def parse_row(texts: dict[str, str], labels: Sequence[str]) -> Prediction:
    """A prediction from a row of texts. Raises ValueError or KeyError."""
    if texts["answer"] not in labels:
        raise ValueError("an answer is none of its classes")
    return {
        **{name: text or None for name, text in texts.items()},
        "row": int(texts["row"]),
        "age": int(texts["age"]) if texts["age"] else None,
        **{code: float(texts[code]) for code in labels},
        "novelty": float(texts["novelty"]) if texts["novelty"] else None,
        "outside": {"": None, "True": True, "False": False}[texts["outside"]],
    }


def _whole_lines(data: bytes) -> int:
    """Length of the complete lines, or of all data without a line break."""
    return data.rfind(b"\n") + 1 or len(data)
