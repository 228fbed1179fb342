"""Column names of HAM10000, of the ISIC archive and its challenges, and of spreadsheets."""

import difflib
import functools
import re
from collections.abc import Iterable, Mapping

from ..errors import DataError, MetadataError
from ..utils.validation import short_repr
from .labels import CODES, DIAGNOSES
from .metadata import MISSING_TEXTS, Metadata, by_spelling

# field -> columns, the first with a value is read; case, blanks and hyphens are ignored
COLUMNS = {
    "image": ("image", "image_id", "isic_id", "image_name", "file", "filename", "file_name", "path", "bild", "datei"),
    "age": ("age", "age_approx", "alter"),
    "sex": ("sex", "gender", "geschlecht"),
    "localization": (
        "localization", "localisation", "lokalisation", "anatom_site_5", "anatom_site_4", "anatom_site_3",
        "anatom_site_2", "anatom_site_1", "anatom_site_special", "anatom_site_general", "anatom_site_general_challenge",
    ),
    "diagnosis": (
        "dx", "label", "diagnosis", "diagnosis_5", "diagnosis_4", "diagnosis_3", "diagnosis_2", "diagnosis_1",
        "diagnose",
    ),
}  # fmt: skip
IMAGE_TYPE = "image_type"
DERMOSCOPIC = ("dermosc", "dermatosc", "dermoskop", "dermatoskop", "auflicht")  # prefixes of its values
# columns of the ISIC archive and of HAM10000 that resemble those above
UNRELATED = ("dx_type", "diagnosis_confirm_type", "image_manipulation", "dermoscopic_type", "tbp_tile_type")
WORDS = {
    "age": {"age", "alter"},
    "sex": {"sex", "gender", "geschlecht"},
    "localization": {"anatom", "site", "localization", "localisation", "lokalisation", "location", "region"},
    "diagnosis": {"dx", "diagnosis", "diagnoses", "diagnose", "diagnostic"},
}
# diagnoses in words -> code, of the ISIC archive (finer levels are read as the level above) and of copies of HAM10000
DIAGNOSIS_TEXTS = {info.name.lower(): info.code for info in DIAGNOSES} | by_spelling({
    "nv": ("nevus", "melanocytic nevi"),
    "mel": ("melanoma, nos", "melanoma invasive", "melanoma in situ"),
    "bkl": (
        "pigmented benign keratosis", "seborrheic keratosis", "solar lentigo", "lichenoid keratosis",
        "lichen planus like keratosis", "benign keratosis-like lesions",
    ),
    "akiec": (
        "actinic keratosis", "solar or actinic keratosis", "squamous cell carcinoma in situ", "actinic keratoses",
    ),
    "vasc": ("angioma", "hemangioma", "angiokeratoma", "pyogenic granuloma", "hemorrhage", "vascular lesions"),
})  # fmt: skip
# one-hot columns of the challenges of 2018 and 2019
ONE_HOT = {**{code: code for code in CODES}, "ak": "akiec"}


def column_of(names: Iterable[str], field: str) -> str | None:
    """The first of `names` that is a column of `field`."""
    return next(iter(columns_of(names, field)), None)


def columns_of(names: Iterable[str], field: str) -> list[str]:
    """All of `names` that are columns of `field`, in the order of COLUMNS."""
    by_name = {_normalized(name): name for name in reversed(list(names))}
    return [by_name[column] for column in COLUMNS[field] if column in by_name]


def unread_columns(names: Iterable[str], fields: Iterable[str]) -> list[str]:
    """Columns with names similar to those of `fields` that are not read."""
    read = {column for columns in COLUMNS.values() for column in columns} | {IMAGE_TYPE, *UNRELATED}
    fields = list(fields)
    return [
        name
        for name in names
        if (plain := _normalized(name)) not in read
        and any(
            WORDS[field] & set(plain.split("_")) or difflib.get_close_matches(plain, COLUMNS[field], 1, 0.85)
            for field in fields
        )
    ]


def metadata_from_row(row: Mapping[str, str], dx_type: str = "") -> Metadata:
    """Metadata of a row; of several sites, the first known one. Raises MetadataError."""
    sites = values_of(row, "localization")
    age, sex = (next(iter(values_of(row, field)), "") for field in ("age", "sex"))
    parsed, errors = [], []
    for site in sites or [""]:
        try:
            parsed.append(Metadata.parse(age, sex, site, dx_type))
        except MetadataError as error:  # a more general site may be known
            errors.append(error)
    if not parsed:
        raise errors[-1]
    return next((metadata for metadata in parsed if metadata.localization), parsed[0])


def diagnosis_from_row(row: Mapping[str, str]) -> str | None:
    """The code of the diagnosis, None without one. Raises DataError for a diagnosis that is not one of the seven."""
    texts = values_of(row, "diagnosis")
    if not texts:
        return _one_hot(row)
    for text in texts:
        plain = " ".join(text.lower().replace("_", " ").split())
        if code := plain if plain in CODES else DIAGNOSIS_TEXTS.get(plain):
            return code
    raise DataError(f"The diagnosis {short_repr(texts[0])} is none of the seven, {', '.join(CODES)}.")


def has_diagnoses(names: Iterable[str]) -> bool:
    """Whether these columns include diagnoses."""
    names = list(names)
    return bool(columns_of(names, "diagnosis")) or {"mel", "nv"} <= {_normalized(name) for name in names}


def check_dermoscopic(row: Mapping[str, str]) -> None:
    """Raise DataError if the row's image_type is not dermoscopic."""
    for name, value in row.items():
        kind = value.lower() if _normalized(name) == IMAGE_TYPE else ""
        if kind not in MISSING_TEXTS and not kind.startswith(DERMOSCOPIC):
            raise DataError(f"The image_type {short_repr(value)} is no dermoscopy, which the model was trained on.")


def values_of(row: Mapping[str, str], field: str) -> list[str]:
    """Values of the columns of `field`, in the order of COLUMNS, without missing ones."""
    return [row[column] for column in columns_of(row, field) if row[column].lower() not in MISSING_TEXTS]


def _one_hot(row: Mapping[str, str]) -> str | None:
    marked = []
    for name, value in row.items():
        try:
            if float(value.replace(",", ".") or 0) == 1:
                marked.append(_normalized(name))
        except ValueError:
            continue
    classes = [ONE_HOT.get(name) for name in marked if name in ONE_HOT or name in ("scc", "unk")]
    if len(classes) > 1:
        raise DataError("More than one class has a 1.")
    if classes == [None]:
        raise DataError(f"The diagnosis is none of the seven, {', '.join(CODES)}.")
    return classes[0] if classes else None


@functools.lru_cache(1024)
def _normalized(name: str) -> str:
    return re.sub(r"[\s\-]+", "_", name.strip().lower())
