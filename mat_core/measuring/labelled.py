"""How good the answers of `mat_core.batch` are, against a table that says the confirmed diagnoses."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..batch.answers import Answer, read_answers
from ..batch.columns import COLUMNS, column_of, diagnosis_of, tells_diagnoses
from ..batch.rows import SUFFIXES, read_table
from ..errors import DataError, NotInstalledError
from ..labels import CODES

SHOWN = 5  # images of each kind that are left out


@dataclass(frozen=True)
class Labelled:
    """What a measurement is made of. probabilities: (cases, classes), in the order of CODES; labels: (cases,) numbers.

    left_out: a sentence for each kind of row that is not part of it; note: what to know about the intervals, or ''.
    """

    probabilities: np.ndarray
    labels: np.ndarray
    left_out: tuple[str, ...]
    note: str = ""

    def measured(self) -> dict:
        """`Measurement.as_json` of these answers. Raises NotInstalledError without scikit-learn."""
        try:
            from .measurement import measure
        except ImportError as error:
            if (error.name or "").partition(".")[0] not in ("sklearn", "scipy"):
                raise
            raise NotInstalledError("To measure answers, scikit-learn is needed: pip install scikit-learn.") from None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # that answers name classes of which there is no case
            return measure(self.probabilities, self.labels).as_json()

    def lines(self) -> list[str]:
        """The table for a terminal."""
        measured = self.measured()  # first: it tells when scikit-learn is lacking
        from .measurement import lines_of

        return [f"{len(self.labels)} images with an answer and a diagnosis", *lines_of(measured)]


def match(answers: Sequence[Path], labels: Path) -> Labelled:
    """Answers and confirmed diagnoses of the same images, by the names of their files without folder and ending.

    labels: a csv file with one of COLUMNS['diagnosis'], or with one column a class as the ISIC challenges have them.
    Raises DataError where nothing can be compared, or a name means two things.
    """
    found = [answer for path in answers for answer in read_answers(path)]
    lacking = [code for code in CODES if found and code not in found[0]]
    if lacking:
        raise DataError(f"The answers are of a model without {', '.join(lacking)}: all seven classes are measured.")
    names, rows = read_table(labels)
    column = column_of(names, "image")
    if column is None or not tells_diagnoses(names):
        raise DataError(
            f"{labels} needs a column that names the images ({', '.join(COLUMNS['image'])}) and one that says the "
            f"diagnosis ({', '.join(COLUMNS['diagnosis'])}, or one column a class: MEL, NV, ...)."
        )
    truth, others, silent = _truth(rows, column)
    seen: dict[str, Answer] = {}
    for answer in found:
        name = _key(answer["image"])
        if name in seen and seen[name] != answer:
            raise DataError(f"There are two answers for {name}: measure lists with each image once.")
        seen[name] = answer
    both = [name for name in seen if name in truth]
    left_out = {
        "diagnosed as none of the seven": [name for name in seen if name in others],
        "without a diagnosis": [name for name in seen if name in silent or name not in truth | others],
        "without an answer": [name for name in truth if name not in seen],
    }
    if not both:
        raise DataError(f"No image has both an answer and a diagnosis of the seven in {labels}.")
    lesion = next((name for name in names if name.strip().lower() == "lesion_id"), None)
    lesions = {_key(row[column]): row[lesion] for row in rows if lesion and row[lesion]}
    repeated = len(both) - len({lesions.get(name, name) for name in both})
    note = f"{repeated} of these images show a lesion that is there already: the intervals are too narrow for that."
    return Labelled(
        np.array([[seen[name][code] for code in CODES] for name in both]),
        np.array([CODES.index(truth[name]) for name in both]),
        tuple(_named(said, images) for said, images in left_out.items() if images),
        note if repeated else "",
    )


def _truth(rows: Sequence[dict[str, str]], column: str) -> tuple[dict[str, str], dict[str, str], set[str]]:
    """Of the images by name: the codes, the diagnoses that are none of the seven, and those that say nothing."""
    truth: dict[str, str] = {}
    others: dict[str, str] = {}
    silent = set()
    for row in rows:
        name = _key(row[column])
        try:
            code = diagnosis_of(row)
        except DataError as error:
            others[name] = str(error)
            continue
        if code is None:
            silent.add(name)
        elif truth.setdefault(name, code) != code:
            raise DataError(f"The labels call {name} both {truth[name]} and {code}.")
    return truth, others, silent


def _named(said: str, images: list[str]) -> str:
    more = f" and {len(images) - SHOWN} more" if len(images) > SHOWN else ""
    return f"{len(images)} {said}, left out: {', '.join(images[:SHOWN])}{more}."


def _key(image: str) -> str:
    name = Path((image or "").strip().replace("\\", "/")).name
    return (Path(name).stem if Path(name).suffix.lower() in SUFFIXES else name).lower()
