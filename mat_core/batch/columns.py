"""How the columns of other people's tables are read: HAM10000's, the ISIC archive's and its challenges'. All in here.

A value is read as a word of the vocabulary that holds for everything it can mean. Where there is none ('head/neck' may
be face, scalp, ear or neck), the field counts as unknown: nothing is told to the model that nobody said.
How a diagnosis was confirmed is never read: it is known only afterwards.
"""

from collections.abc import Mapping

from ..errors import DataError, MetadataError
from ..labels import CODES, DIAGNOSES
from ..limits import shown
from ..metadata import Metadata

# field -> columns, of which the first one that says something is read; upper and lower case are the same
COLUMNS = {
    "image": ("image", "image_id", "isic_id", "image_name", "file", "filename", "file_name", "path"),
    "age": ("age", "age_approx"),
    "sex": ("sex",),
    "localization": ("localization", "anatom_site_special", "anatom_site_general", "anatom_site_general_challenge"),
    "diagnosis": ("dx", "label", "diagnosis", "diagnosis_3"),
}
SEX = {"f": "female", "m": "male"}
# the ISIC archive's sites; those that it shares with HAM10000 are read as they are
SITES = {
    "anterior torso": "trunk",  # abdomen or chest
    "posterior torso": "back",
    "lateral torso": "trunk",
    "torso": "trunk",
    "palms/soles": "acral",
    "acral palms or soles": "acral",
    "acral nos": "acral",
    "nail nos": "acral",
    "fingernail": "acral",
    "toenail": "acral",
    "head/neck": "unknown",  # face, scalp, ear or neck
    "oral/genital": "unknown",
    "oral or genital": "unknown",
}
# diagnoses in words -> code; a diagnosis that is none of the seven is left out of a measurement, and named
DIAGNOSIS = {
    **{info.name.lower(): info.code for info in DIAGNOSES},
    "nevus": "nv",
    "melanoma, nos": "mel",
    "melanoma invasive": "mel",
    "melanoma in situ": "mel",
    "pigmented benign keratosis": "bkl",
    "seborrheic keratosis": "bkl",
    "solar lentigo": "bkl",
    "lichenoid keratosis": "bkl",
    "lichen planus like keratosis": "bkl",
    "actinic keratosis": "akiec",
    "solar or actinic keratosis": "akiec",
    "squamous cell carcinoma in situ": "akiec",
    "angioma": "vasc",
    "hemangioma": "vasc",
    "angiokeratoma": "vasc",
    "pyogenic granuloma": "vasc",
}
# one column a class, 1 where it is the one, as the challenges of 2018 and 2019 have them
ONE_HOT = {**{code: code for code in CODES}, "ak": "akiec"}


def column_of(names: list[str], field: str) -> str | None:
    """The first column of COLUMNS for `field` that is among `names`, as it is written there."""
    return next(iter(columns_of(names, field)), None)


def columns_of(names: list[str], field: str) -> list[str]:
    """All columns that may say `field`, in the order in which they are asked."""
    by_name = {name.strip().lower(): name for name in reversed(names)}
    return [by_name[column] for column in COLUMNS[field] if column in by_name]


def metadata_of(row: Mapping[str, str]) -> Metadata:
    """What a row says of the patient and the site. Raises MetadataError for what cannot be read."""
    names = list(row)
    sex = _first(row, columns_of(names, "sex"))
    sites = [said for column in columns_of(names, "localization") if (said := _said(row, column))]
    age = _first(row, columns_of(names, "age"))
    sex = SEX.get((sex or "").lower(), sex)
    read, wrong = [], []
    for site in sites or [""]:
        try:
            read.append(Metadata(age, sex, SITES.get(site.lower(), site)))  # type: ignore[arg-type]  # it reads text
        except MetadataError as error:  # a special site of no use: the general one may be
            wrong.append(error)
    if not read:
        raise wrong[0]
    return next((metadata for metadata in read if metadata.localization), read[0])


def diagnosis_of(row: Mapping[str, str]) -> str | None:
    """The code of the confirmed diagnosis in a row; None where it says nothing. Raises DataError for another one."""
    said = _first(row, columns_of(list(row), "diagnosis"))
    if said is None:
        return _one_hot(row)
    code = said.lower() if said.lower() in CODES else DIAGNOSIS.get(said.lower())
    if code is None:
        raise DataError(f"The diagnosis {shown(said)} is none of the seven, {', '.join(CODES)}.")
    return code


def tells_diagnoses(names: list[str]) -> bool:
    """True where a table with these columns can say a diagnosis."""
    return bool(columns_of(names, "diagnosis")) or {"mel", "nv"} <= {name.strip().lower() for name in names}


def _one_hot(row: Mapping[str, str]) -> str | None:
    marked = []
    for name, value in row.items():
        try:
            if name and float(value or 0) == 1:
                marked.append(name.strip().lower())
        except ValueError:
            continue
    classes = [ONE_HOT.get(name) for name in marked if name in ONE_HOT or name in ("scc", "unk")]
    if len(classes) > 1:
        raise DataError("More than one class has a 1.")
    if classes == [None]:
        raise DataError(f"The diagnosis is none of the seven, {', '.join(CODES)}.")
    return classes[0] if classes else None


def _first(row: Mapping[str, str], columns: list[str]) -> str | None:
    return next((said for column in columns if (said := _said(row, column))), None)


def _said(row: Mapping[str, str], column: str) -> str:
    return " ".join((row[column] or "").split())
