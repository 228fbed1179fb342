"""Join predictions of `mat_core.batch` with confirmed diagnoses and measure them."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..batch.inputs import SUFFIXES
from ..batch.predictions import Prediction, read_predictions
from ..data.column_names import COLUMNS, column_of, diagnosis_from_row, has_diagnoses, unread_columns
from ..data.labels import CODES
from ..data.table_reader import read_table
from ..errors import DataError, NotInstalledError
from ..utils.files import name_key
from ..utils.validation import short_repr

SHOWN = 5  # names of left-out images in a message


@dataclass(frozen=True)
class LabelledPredictions:
    """probabilities: (cases, classes) in the order of CODES; labels: (cases,) class numbers; left_out: messages about
    other images; note: a caveat about the intervals, or ''.
    """

    probabilities: np.ndarray
    labels: np.ndarray
    left_out: tuple[str, ...]
    note: str = ""

    def measured(self) -> dict:
        """All metrics, see `measure`. Raises NotInstalledError without scikit-learn."""
        try:
            from .report import measure
        except ImportError as error:
            if (error.name or "").partition(".")[0] not in ("sklearn", "scipy"):
                raise
            raise NotInstalledError(
                "To measure predictions, scikit-learn is needed: pip install scikit-learn."
            ) from None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # about classes without a case
            return measure(self.probabilities, self.labels)

    def lines(self) -> list[str]:
        """Lines for a terminal."""
        measured = self.measured()  # first, for its NotInstalledError
        from .report import format_report

        return [f"{len(self.labels)} images with a prediction and a diagnosis", *format_report(measured)]


def join_labels(predictions: Sequence[Path], labels: Path) -> LabelledPredictions:
    """Join files of predictions and a table of diagnoses by file name without folder and suffix.

    labels: a table with one of COLUMNS['diagnosis'], or one-hot columns. Raises DataError without a common image, and
    for contradictions.
    """
    rows_read = [prediction for path in predictions for prediction in read_predictions(path)]
    missing = [code for code in CODES if rows_read and code not in rows_read[0]]
    if missing:
        raise DataError(f"The predictions are of a model without {', '.join(missing)}: all seven classes are measured.")
    table = read_table(labels)
    names, rows = list(table.columns), table.to_dict("records")
    column = column_of(names, "image")
    if column is None or not has_diagnoses(names):
        unread = ", ".join(map(short_repr, unread_columns(names, ["diagnosis"])))
        raise DataError(
            f"{labels} needs a column that names the images ({', '.join(COLUMNS['image'])}) and one with the "
            f"diagnosis ({', '.join(COLUMNS['diagnosis'])}, or one column a class: MEL, NV, ...)."
            + (f" Not read: {unread}." if unread else "")
        )
    truth, excluded = _truth(rows, column)
    by_name: dict[str, Prediction] = {}
    for prediction in rows_read:
        name = _key(prediction["image"])
        if name in by_name and by_name[name] != prediction:
            raise DataError(f"There are two predictions for {name}: measure lists with each image once.")
        by_name[name] = prediction
    both = [name for name in by_name if name in truth]
    left_out = {
        "diagnosed as none of the seven": [name for name in by_name if name in excluded],
        "without a diagnosis": [name for name in by_name if name not in truth.keys() | excluded],
        "without a prediction": [name for name in truth if name not in by_name],
    }
    if not both:
        raise DataError(f"No image has both a prediction and a diagnosis of the seven in {labels}.")
    lesion = next((name for name in names if name.lower() == "lesion_id"), None)
    lesions = {_key(row[column]): row[lesion] for row in rows if lesion and row[lesion]}
    repeated = len(both) - len({lesions.get(name, name) for name in both})
    note = f"{repeated} of these images show a lesion that is there already: the intervals are too narrow for that."
    return LabelledPredictions(
        np.array([[by_name[name][code] for code in CODES] for name in both]),
        np.array([CODES.index(truth[name]) for name in both]),
        tuple(_named(reason, images) for reason, images in left_out.items() if images),
        note if repeated else "",
    )


def _truth(rows: Sequence[dict[str, str]], column: str) -> tuple[dict[str, str], set[str]]:
    """Image name -> code, and the names of images with another diagnosis."""
    truth: dict[str, str] = {}
    excluded = set()
    for row in rows:
        name = _key(row[column])
        try:
            code = diagnosis_from_row(row)
        except DataError:
            excluded.add(name)
            continue
        if code and truth.setdefault(name, code) != code:
            raise DataError(f"The labels call {name} both {truth[name]} and {code}.")
    return truth, excluded


def _named(reason: str, images: list[str]) -> str:
    more = f" and {len(images) - SHOWN} more" if len(images) > SHOWN else ""
    return f"{len(images)} {reason}, left out: {', '.join(images[:SHOWN])}{more}."


def _key(image: str) -> str:
    name = Path(image.replace("\\", "/")).name
    return name_key(Path(name).stem if Path(name).suffix.lower() in SUFFIXES else name)
