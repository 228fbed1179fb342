"""Patient metadata, and the words that the network reads (paper, section 2.1).

The paper pads "pairwise metadata with multiple words" to ten. Here a pair is a field's name and its value, so that the
longest input (age 55 sex female localization lower extremity type follow up) has ten words. Missing fields have none.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from ..errors import MetadataError
from ..utils.validation import short_repr

MAX_WORDS = 10
FIELDS = ("age", "sex", "localization", "dx_type")
CLEAN_FIELDS = FIELDS[:3]  # known before the diagnosis; dx_type leaks the label
AGE_LIMITS = (0, 120)
OLDEST_AGE_READ = 85  # the oldest in HAM10000; higher ages are read as this one
SEXES = ("female", "male")
LOCALIZATIONS = (
    "abdomen", "acral", "back", "chest", "ear", "face", "foot", "genital", "hand", "lower extremity", "neck",
    "scalp", "trunk", "unknown", "upper extremity",
)  # fmt: skip
DX_TYPES = ("histo", "follow_up", "consensus", "confocal")

_DX_TYPE_WORDS = {"histo": "histology", "follow_up": "follow up", "consensus": "consensus", "confocal": "confocal"}
_FIELD_NAMES = {"age": "age", "sex": "sex", "localization": "localization", "dx_type": "type"}
_MISSING = ("", "unknown", "none", "nan", "n/a")


def by_spelling(texts: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Spelling -> value, of value -> spellings."""
    return {text: value for value, spellings in texts.items() for text in spellings}


# Spellings of tables and people, in lower case with single blanks, for `Metadata.parse`. Each is read as a value that
# covers all it can mean; without one ('head/neck' is face, scalp, ear or neck) as unknown.
MISSING_TEXTS = (*_MISSING, "-", "?", "na", "null", "not specified", "unbekannt", "keine angabe", "k. a.", "k.a.")
SEX_TEXTS = by_spelling({
    "female": ("f", "w", "woman", "frau", "weiblich"),
    "male": ("m", "man", "mann", "männlich"),
    "unknown": ("d", "divers", "other", "x"),
})  # fmt: skip
# anatom_site_* of the ISIC archive and its challenges (finer levels are read as the level above), English and German
LOCALIZATION_TEXTS = by_spelling({
    "abdomen": ("anterior abdomen", "lateral abdomen", "bauch"),
    "acral": ("palms/soles", "acral palms or soles", "acral nos", "nail nos", "fingernail", "toenail", "akral"),
    "back": ("posterior torso", "posterior trunk", "upper back", "mid back", "lower back", "rücken"),
    "chest": ("anterior chest", "lateral chest", "brust"),
    "ear": ("ohr",),
    "face": ("gesicht",),
    "foot": ("sole of foot", "fuß", "fuss"),
    "genital": ("genital region",),
    "hand": ("palm of hand",),
    "lower extremity": (
        "buttock", "thigh", "knee", "lower leg", "ankle", "leg", "bein", "untere extremität",
    ),
    "neck": ("hals", "nacken"),
    "scalp": ("kopfhaut",),
    "trunk": (
        "anterior torso", "lateral torso", "torso", "anterior trunk", "lateral trunk", "axilla", "rumpf", "stamm",
    ),
    "upper extremity": ("shoulder", "upper arm", "elbow", "forearm", "wrist", "arm", "obere extremität"),
    "unknown": (
        "head/neck", "head and neck", "head", "oral/genital", "oral or genital", "perianal region", "anogenital region",
        "kopf", "kopf/hals",
    ),
})  # fmt: skip


@dataclass(frozen=True)
class Word:
    """A word of the network's input and its metadata field."""

    text: str
    field: str


@dataclass(frozen=True)
class Metadata:
    """Patient metadata. Every field may be missing: None or 'unknown'. Raises MetadataError with the allowed values.

    age: whole years, 0 to 120. sex: 'female' or 'male'. localization: one of `LOCALIZATIONS`. dx_type: how the
    diagnosis was confirmed, one of `DX_TYPES`; known only after the diagnosis, read only by leaking models.
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

    @classmethod
    def parse(cls, age: str = "", sex: str = "", localization: str = "", dx_type: str = "") -> "Metadata":
        """Parse texts as in tables and forms. Raises MetadataError with the allowed values.

        An age may be '55,0', '55 years', a range ('80-84', read as its middle) or open from 85 on ('85+', '>85'); sex
        and localization may be keys of `SEX_TEXTS` and `LOCALIZATION_TEXTS`.
        """
        return cls(
            _parse_age(age),
            _parse_choice(sex, SEX_TEXTS),
            _parse_choice(localization, LOCALIZATION_TEXTS),
            "unknown" if _plain(dx_type) in MISSING_TEXTS else dx_type,
        )

    def words(self, fields: Iterable[str] = CLEAN_FIELDS) -> tuple[Word, ...]:
        """The words of `fields`, in that order, without missing fields; at most ten."""
        return tuple(
            Word(text, field)
            for field in fields
            if (value := getattr(self, field)) is not None
            for text in field_text(field, value).split()
        )

    def fill_missing(self, other: "Metadata") -> "Metadata":
        """A copy with missing fields taken from `other`."""
        present = {f: value for f in FIELDS if (value := getattr(self, f)) is not None}
        return replace(other, **present)

    def without(self, field: str) -> "Metadata":
        """A copy with `field` missing. Raises MetadataError for an unknown field."""
        if field not in FIELDS:
            raise MetadataError(f"The field must be one of {', '.join(FIELDS)}; got {short_repr(field)}.")
        return Metadata(**{f: getattr(self, f) for f in FIELDS if f != field})


def field_text(field: str, value: int | str) -> str:
    """The words of a value: ('age', 55) -> 'age 55'."""
    text = str(value)
    if field == "age":
        text = str(min(int(value), OLDEST_AGE_READ))
    elif field == "dx_type":
        text = _DX_TYPE_WORDS[text]
    return f"{_FIELD_NAMES[field]} {text}"


def closed_vocabulary() -> tuple[str, ...]:
    """All words that metadata can have, in a fixed order."""
    texts = [field_text("age", age) for age in range(OLDEST_AGE_READ + 1)]
    texts += [field_text("sex", sex) for sex in SEXES]
    texts += [field_text("localization", site) for site in LOCALIZATIONS if site not in _MISSING]
    texts += [field_text("dx_type", kind) for kind in DX_TYPES]
    return tuple(dict.fromkeys(word for text in texts for word in text.split()))


class Vocabulary:
    """Rows of words in an embedding table. words: of rows 1, 2, ...; row 0 is padding."""

    def __init__(self, words: Iterable[str]):
        self.words = tuple(words)
        self._ids = {word: i for i, word in enumerate(self.words, start=1)}

    def __len__(self) -> int:
        """Rows of the table, including padding."""
        return len(self.words) + 1

    def encode(self, words: Iterable[Word], length: int = MAX_WORDS) -> np.ndarray:
        """Row numbers, (length,) int64, padded with 0. Raises MetadataError for an unknown word or too many words."""
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
    error = MetadataError(
        f"Age must be whole years from {low} to {high}, or left empty when unknown; got {short_repr(age)}."
    )
    # float() would read b"55" and "1_0"
    if isinstance(age, bool | np.bool_ | bytes | bytearray) or (isinstance(age, str) and "_" in age):
        raise error
    try:
        number = float(age)
    except (TypeError, ValueError, OverflowError):
        raise error from None
    if number != number:  # NaN, as spreadsheets write a missing age
        return None
    if not low <= number <= high or number != int(number):
        raise error
    return int(number)


def _parse_age(text: str) -> int | None:
    text = _plain(text)
    if text in MISSING_TEXTS:
        return None
    if match := re.fullmatch(r"(\d{1,3})(?:[.,]0*)? ?(?:y|yrs?\.?|years?|j\.?|jahre?)?", text):
        return _age(match[1])
    if match := re.fullmatch(r"(\d{1,3}) ?(?:-|–|to|bis) ?(\d{1,3})", text):
        low, high = int(match[1]), int(match[2])
        if AGE_LIMITS[0] <= low <= high <= AGE_LIMITS[1]:
            return (low + high) // 2
    if match := re.fullmatch(r"(?:>|>=|≥) ?(\d{1,3})|(\d{1,3}) ?\+", text):
        minimum = int(match[1] or match[2])
        if OLDEST_AGE_READ <= minimum <= AGE_LIMITS[1]:
            return minimum
    return _age(text)


def _parse_choice(text: str, meanings: Mapping[str, str]) -> str:
    spaced = _plain(text).replace("_", " ")
    return "unknown" if spaced in MISSING_TEXTS else meanings.get(spaced, text.replace("_", " "))


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text or "").lower().split())


def _choice(field: str, value, allowed: tuple[str, ...]) -> str | None:
    if value is None or (isinstance(value, float | np.floating) and value != value):
        return None
    text = " ".join(str(value).strip().lower().split()) if isinstance(value, str) else None
    if text is not None and text in _MISSING:
        return None
    if text not in allowed:
        names = ", ".join(a for a in allowed if a != "unknown")
        raise MetadataError(f"{field} must be one of {names}, or unknown; got {short_repr(value)}.")
    return text
