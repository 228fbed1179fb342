"""Real cases by name: which lesions of the test split are worth looking at, without their photographs.

`teaching/data/cases.json` names them by ISIC id, with what is known of the patient, the confirmed diagnosis, how the
shipped model answered, and whose the photograph is. `python -m training cases` writes it; the app reads it.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mat_core.data.labels import BY_CODE, CODES
from mat_core.data.metadata import DX_TYPES, Metadata
from mat_core.errors import DataError, MetadataError
from mat_core.utils.files import atomic_write, read_file
from mat_core.utils.validation import short_repr
from teaching.paths import CASES_FILE

MAX_FILE = 2**20  # bytes
MAX_CASES = 1000
VERDICTS = ("right", "wrong", "unsure")
NO_DX_TYPE = "none"  # the key of `told` for no dx_type at all
MAX_DIFFERENT_BITS = (
    24  # bits, of 256, that two copies of one photograph may differ in; two of test differ in 27 at least
)
_ID = re.compile(r"ISIC_\d{7}")
_PRINT = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class NamedCase:
    """One lesion of the test split, by the name that the ISIC archive knows it by.

    diagnosis: its confirmed code. metadata: of the patient, with how the diagnosis was confirmed as its dx_type, which
    the shipped model does not read. answer: code that the shipped model gave; probability: what it gave it; unsure:
    whether it had a reason for doubt. told: what a model that reads dx_type answers to each of `DX_TYPES` and to
    UNTOLD; empty where there was none. fingerprint: 64 hex digits of `fingerprint`, to know the photograph by.
    """

    id: str
    diagnosis: str
    metadata: Metadata
    answer: str
    probability: float
    unsure: bool
    told: dict[str, str]
    fingerprint: str
    attribution: str
    licence: str

    @property
    def right(self) -> bool:
        """Whether the shipped model's answer is the confirmed diagnosis."""
        return self.answer == self.diagnosis

    @property
    def missed(self) -> bool:
        """A melanoma that the shipped model took for something benign."""
        return self.diagnosis == "mel" and not BY_CODE[self.answer].malignant

    @property
    def word_decides(self) -> bool:
        """Whether the leaking model answers otherwise when it is told that the diagnosis was made in another way."""
        return len(set(self.told.values())) > 1

    def is_of(self, diagnosis: str = "", verdict: str = "") -> bool:
        """Whether it passes a filter: a code, one of `VERDICTS`; '' lets all through."""
        verdicts = {"": True, "right": self.right, "wrong": not self.right, "unsure": self.unsure}
        return diagnosis in ("", self.diagnosis) and verdicts[verdict]


def read_cases(path: Path = CASES_FILE) -> tuple[tuple[NamedCase, ...], tuple[str, ...]]:
    """The cases of a file, and a sentence for each that is left out, the whole file where it is no such file."""
    try:
        value = json.loads(read_file(path, MAX_FILE))
    except OSError as error:
        return (), (f"{path.name} cannot be read ({error.strerror or error}): no cases by name.",)
    except (ValueError, RecursionError):
        return (), (f"{path.name} is no JSON in UTF-8: no cases by name. Write it: python -m training cases.",)
    rows = value.get("cases") if isinstance(value, dict) else None
    if not isinstance(rows, list) or len(rows) > MAX_CASES:
        return (), (f"{path.name} has no list 'cases' of at most {MAX_CASES}: no cases by name.",)
    cases: dict[str, NamedCase] = {}
    problems = []
    for number, row in enumerate(rows, start=1):
        try:
            case = _case(row)
            if case.id in cases:
                raise DataError(f"{case.id} is there twice.")
            cases[case.id] = case
        except (DataError, MetadataError) as error:
            problems.append(f"{path.name}, case {number} is left out: {error}")
    return tuple(cases.values()), tuple(problems)


def write_cases(cases: Sequence[NamedCase], model: dict[str, str], path: Path = CASES_FILE) -> None:
    """Write the file. model: what tells the bundle whose answers these are, such as its name and weights."""
    value = {"split": "test", "model": model, "cases": [_row(case) for case in cases]}
    text = json.dumps(value, indent=1, ensure_ascii=False) + "\n"
    atomic_write(path, lambda partial: partial.write_text(text, encoding="utf-8"))


def fingerprint(image: np.ndarray) -> str:
    """What stays of a photograph however it is scaled and compressed: 256 bits, which of two neighbours is brighter.

    image: (h, w, 3) uint8 RGB. Returns 64 hex digits; nobody can see a lesion in them.
    """
    grey = cv2.cvtColor(np.asarray(image), cv2.COLOR_RGB2GRAY).astype(np.float32)
    small = cv2.resize(grey, (17, 16), interpolation=cv2.INTER_AREA)
    return np.packbits(small[:, 1:] > small[:, :-1]).tobytes().hex()


def same_photograph(image: np.ndarray, known: str) -> bool:
    """Whether this is a copy of the photograph with the fingerprint `known`, of any size."""
    bits = int(fingerprint(image), 16) ^ int(known, 16)
    return bits.bit_count() <= MAX_DIFFERENT_BITS


def _row(case: NamedCase) -> dict:
    patient = case.metadata
    return {
        "id": case.id, "age": patient.age, "sex": patient.sex, "localization": patient.localization,
        "diagnosis": case.diagnosis, "confirmed": patient.dx_type, "answer": case.answer,
        "probability": case.probability, "unsure": case.unsure, "told": case.told, "fingerprint": case.fingerprint,
        "attribution": case.attribution, "licence": case.licence,
    }  # fmt: skip


def _case(row) -> NamedCase:
    if not isinstance(row, dict):
        raise DataError(f"a case must be an object; got {short_repr(row)}.")
    _require("id", row, lambda v: isinstance(v, str) and _ID.fullmatch(v), "ISIC_ and seven digits")
    for key in ("diagnosis", "answer"):
        _require(key, row, lambda v: v in CODES, f"one of {', '.join(CODES)}")
    _require("probability", row, lambda v: type(v) in (int, float) and 0 <= v <= 1, "a number from 0 to 1")
    _require("unsure", row, lambda v: isinstance(v, bool), "true or false")
    _require("fingerprint", row, lambda v: isinstance(v, str) and _PRINT.fullmatch(v), "64 hex digits")
    for key in ("attribution", "licence"):
        _require(key, row, lambda v: isinstance(v, str) and 0 < len(v) <= 400 and v.isprintable(), "a line of text")
    kinds = {*DX_TYPES, NO_DX_TYPE}
    _require(
        "told", row,
        lambda v: isinstance(v, dict) and set(v) in (set(), kinds) and all(code in CODES for code in v.values()),
        f"a code for each of {', '.join((*DX_TYPES, NO_DX_TYPE))}, or empty",
    )  # fmt: skip
    patient = Metadata(row.get("age"), row.get("sex"), row.get("localization"), row.get("confirmed"))
    return NamedCase(
        row["id"], row["diagnosis"], patient, row["answer"], float(row["probability"]), row["unsure"], row["told"],
        row["fingerprint"], row["attribution"], row["licence"],
    )  # fmt: skip


def _require(key: str, row: dict, fits, allowed: str) -> None:
    try:
        good = fits(row.get(key))
    except TypeError:  # a list is in no tuple of codes, and cannot be asked
        good = False
    if not good:
        raise DataError(f"{key} must be {allowed}; got {short_repr(row.get(key))}.")
