"""Patient metadata as the words that the network reads (paper, section 2.1).

The paper pads "pairwise metadata with multiple words" to ten. We read a pair as the attribute's name followed by its
value, so that the longest input (age 55 sex female localization lower extremity type follow up) is ten words exactly.
A missing field leaves its pair out. This module is the only place that knows which words stand for which value.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from .errors import MetadataError
from .limits import shown

MAX_WORDS = 10
FIELDS = ("age", "sex", "localization", "dx_type")
CLEAN_FIELDS = FIELDS[:3]  # what is known before the diagnosis; dx_type leaks the label
AGE_LIMITS = (0, 120)
OLDEST_AGE_READ = 85  # the oldest in HAM10000; a word the model never met would be noise
SEXES = ("female", "male")
LOCALIZATIONS = (
    "abdomen", "acral", "back", "chest", "ear", "face", "foot", "genital", "hand", "lower extremity", "neck",
    "scalp", "trunk", "unknown", "upper extremity",
)  # fmt: skip
DX_TYPES = ("histo", "follow_up", "consensus", "confocal")

_DX_TYPE_WORDS = {"histo": "histology", "follow_up": "follow up", "consensus": "consensus", "confocal": "confocal"}
_FIELD_NAMES = {"age": "age", "sex": "sex", "localization": "localization", "dx_type": "type"}
_MISSING = ("", "unknown", "none", "nan", "n/a")


@dataclass(frozen=True)
class Word:
    """One word that the model reads, and the metadata field it comes from."""

    text: str
    field: str


@dataclass(frozen=True)
class Metadata:
    """What is known of the patient and the site. Every field may be None (missing); 'unknown' means the same.

    age: whole years, 0 to 120. sex: 'female' or 'male'. localization: one of `LOCALIZATIONS`. dx_type: how the
    diagnosis was confirmed, one of `DX_TYPES`; known only afterwards, read only by models that were trained to leak.

    Raises MetadataError, which names the allowed values.
    """

    age: int | None = None
    sex: str | None = None
    localization: str | None = None
    dx_type: str | None = None

    def __post_init__(self):
        object.__setattr__(self, "age", _age(self.age))
        object.__setattr__(self, "sex", _choice("sex", self.sex, SEXES))
        object.__setattr__(self, "localization", _choice("localization", self.localization, LOCALIZATIONS))
        object.__setattr__(self, "dx_type", _choice("dx_type", self.dx_type, DX_TYPES))

    def words(self, fields: Iterable[str] = CLEAN_FIELDS) -> tuple[Word, ...]:
        """The words for `fields`, in that order; missing fields add none. At most ten."""
        return tuple(
            Word(text, field)
            for field in fields
            if (value := getattr(self, field)) is not None
            for text in field_text(field, value).split()
        )

    def without(self, field: str) -> "Metadata":
        """The same metadata with `field` missing. Raises MetadataError for a name that is no field."""
        if field not in FIELDS:
            raise MetadataError(f"The field must be one of {', '.join(FIELDS)}; got {shown(field)}.")
        return Metadata(**{f: getattr(self, f) for f in FIELDS if f != field})


def field_text(field: str, value: int | str) -> str:
    """The words, joined by blanks, that stand for `value` of `field`: ('age', 55) -> 'age 55'."""
    said = str(value)
    if field == "age":
        said = str(min(int(value), OLDEST_AGE_READ))
    elif field == "dx_type":
        said = _DX_TYPE_WORDS[said]
    return f"{_FIELD_NAMES[field]} {said}"


def closed_vocabulary() -> tuple[str, ...]:
    """Every word that any metadata can produce, in a fixed order."""
    texts = [field_text("age", age) for age in range(OLDEST_AGE_READ + 1)]
    texts += [field_text("sex", sex) for sex in SEXES]
    texts += [field_text("localization", site) for site in LOCALIZATIONS if site not in _MISSING]
    texts += [field_text("dx_type", kind) for kind in DX_TYPES]
    return tuple(dict.fromkeys(word for text in texts for word in text.split()))


class Vocabulary:
    """Words to row numbers of an embedding table whose row 0 is padding; a word that is not known has no row.

    `words` are the table's rows 1 to len(words), as a bundle keeps them.
    """

    def __init__(self, words: Iterable[str]):
        self.words = tuple(words)
        self._ids = {word: i for i, word in enumerate(self.words, start=1)}

    def __len__(self) -> int:
        """Rows of the table, padding included."""
        return len(self.words) + 1

    def encode(self, words: Iterable[Word], length: int = MAX_WORDS) -> np.ndarray:
        """Row numbers, shape (length,), int64, padded with 0 behind the words.

        Raises MetadataError for a word without a row or for more words than `length`.
        """
        texts = [word.text for word in words]
        if len(texts) > length:
            raise MetadataError(f"The metadata gives {len(texts)} words; this model reads at most {length}.")
        unknown = [text for text in texts if text not in self._ids]
        if unknown:
            raise MetadataError(f"This model has no word vector for {', '.join(unknown)}; it was trained without them.")
        ids = np.zeros(length, dtype=np.int64)
        ids[: len(texts)] = [self._ids[text] for text in texts]
        return ids


def _age(age) -> int | None:
    low, high = AGE_LIMITS
    if age is None or (isinstance(age, str) and age.strip().lower() in _MISSING):
        return None
    wrong = MetadataError(
        f"Age must be whole years from {low} to {high}, or left empty when unknown; got {shown(age)}."
    )
    # float() would read b"55" and "1_0"
    if isinstance(age, bool | np.bool_ | bytes | bytearray) or (isinstance(age, str) and "_" in age):
        raise wrong
    try:
        number = float(age)
    except (TypeError, ValueError, OverflowError):
        raise wrong from None
    if number != number:  # NaN, as spreadsheets write a missing age
        return None
    if not low <= number <= high or number != int(number):
        raise wrong
    return int(number)


def _choice(field: str, value, allowed: tuple[str, ...]) -> str | None:
    if value is None or (isinstance(value, float | np.floating) and value != value):
        return None
    text = " ".join(str(value).strip().lower().split()) if isinstance(value, str) else None
    if text is not None and text in _MISSING:
        return None
    if text not in allowed:
        names = ", ".join(a for a in allowed if a != "unknown")
        raise MetadataError(f"{field} must be one of {names}, or unknown; got {shown(value)}.")
    return text
