"""What people give and what comes out, as data: test_compatibility.py tries it, docs/COMPATIBILITY.md shows it.

To add trials, extend a table or SECTIONS, test them, and write the page again: python tests/compatibility.py
"""

import unicodedata
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "docs" / "COMPATIBILITY.md"
LEFT_OUT = "left out, and named"


@dataclass(frozen=True)
class Section:
    """A table of the page. columns: its two headings; rows: given -> what comes out; code: given is a literal value."""

    title: str
    text: str
    columns: tuple[str, str]
    rows: dict[str, str]
    code: bool = True


# ---------------------------------------------------------------- values

AGES = {
    "55": "55", "55.0": "55", "55,0": "55", " 55 ": "55", "55 years": "55", "55 Jahre": "55", "0": "0", "120": "120",
    "85+": "85", ">85": "85", "≥ 85": "85", "90+": "90", "80-84": "82", "80 – 84": "82", "40 bis 49": "44",
    "": "unknown", "unknown": "unknown", "NaN": "unknown", "n/a": "unknown", "unbekannt": "unknown", "k. A.": "unknown",
    "60+": LEFT_OUT, "55,5": LEFT_OUT, "1200": LEFT_OUT, "84-80": LEFT_OUT, "-5": LEFT_OUT, "1.3.1970": LEFT_OUT,
    "young": LEFT_OUT,
}  # fmt: skip
SEXES = {
    "female": "female", "F": "female", "w": "female", "Weiblich": "female", "Frau": "female", "male": "male",
    "M": "male", "m": "male", "männlich": "male", "ma\u0308nnlich": "male", "Mann": "male", "": "unknown",
    "unknown": "unknown", "divers": "unknown", "other": "unknown", "both": LEFT_OUT, "1": LEFT_OUT,
}  # fmt: skip
LOCALIZATIONS = {
    "lower extremity": "lower extremity", "Lower_Extremity": "lower extremity", "head/neck": "unknown",
    "palms/soles": "acral", "anterior torso": "trunk", "posterior torso": "back", "Rücken": "back",
    "Ru\u0308cken": "back", "Gesicht": "face", "Fuß": "foot", "": "unknown", "moon": LEFT_OUT,
}  # fmt: skip
# anatom_site_1 to anatom_site_5 of the ISIC archive, joined by " / "
ISIC_SITES = {
    "Head and neck": "unknown",
    "Head and neck / Head": "unknown",
    "Head and neck / Head / Scalp": "scalp",
    "Head and neck / Head / Scalp / Vertex of scalp": "scalp",
    "Head and neck / Head / Face / Nose / Tip of nose": "face",
    "Head and neck / Head / Ear / Pinna / Concha": "ear",
    "Head and neck / Neck / Nape of neck": "neck",
    "Trunk": "trunk",
    "Trunk / Anterior trunk": "trunk",
    "Trunk / Anterior trunk / Anterior chest / Breast / Areola": "chest",
    "Trunk / Anterior trunk / Anterior abdomen": "abdomen",
    "Trunk / Lateral trunk / Axilla": "trunk",
    "Trunk / Posterior trunk": "back",
    "Trunk / Posterior trunk / Lower back": "back",
    "Upper extremity / Elbow / Elbow tip": "upper extremity",
    "Upper extremity / Hand / Palm of hand / Thenar eminence": "hand",
    "Lower extremity / Buttock / Gluteal fold": "lower extremity",
    "Lower extremity / Foot / Sole of foot": "foot",
    "Lower extremity / Foot / Toes / Great toe": "foot",
    "Anogenital region": "unknown",
    "Anogenital region / Perianal region": "unknown",
    "Anogenital region / Genital region / Penis": "genital",
    "": "unknown",
    "Moon / Crater": LEFT_OUT,
}
# dx, or diagnosis_1 to diagnosis_5 of the ISIC archive, joined by " / "
DIAGNOSES = {
    "akiec": "akiec", "NV": "nv", "melanoma": "mel", "melanocytic_Nevi": "nv", "benign_keratosis-like_lesions": "bkl",
    "actinic_keratoses": "akiec", "basal_cell_carcinoma": "bcc", "vascular_lesions": "vasc", "dermatofibroma": "df",
    "Benign / Benign melanocytic proliferations / Nevus / Nevus, Spitz": "nv",
    "Benign / Benign epidermal proliferations / Seborrheic keratosis / Seborrheic keratosis, Clonal": "bkl",
    "Benign / Benign soft tissue proliferations - Vascular / Hemangioma / Hemangioma, Cherry": "vasc",
    "Benign / Benign soft tissue proliferations - Fibro-histiocytic / Dermatofibroma": "df",
    "Malignant / Malignant melanocytic proliferations (Melanoma) / Melanoma in situ": "mel",
    "Malignant / Malignant adnexal epithelial proliferations - Follicular / Basal cell carcinoma": "bcc",
    "Indeterminate / Indeterminate epidermal proliferations / Solar or actinic keratosis": "akiec",
    "Malignant / Malignant melanocytic proliferations (Melanoma) / Melanoma metastasis": LEFT_OUT,
    "Malignant / Malignant epidermal proliferations / Squamous cell carcinoma, Invasive": LEFT_OUT,
    "Benign": LEFT_OUT, "wart": LEFT_OUT,
}  # fmt: skip
IMAGE_TYPES = {
    "dermoscopic": "read", "": "read", "clinical: close-up": LEFT_OUT, "clinical: overview": LEFT_OUT,
    "TBP tile: close-up": LEFT_OUT, "TBP tile: overview": LEFT_OUT, "RCM: macroscopic": LEFT_OUT, "RCM: tile": LEFT_OUT,
    "RCM: mosaic": LEFT_OUT,
}  # fmt: skip

# ---------------------------------------------------------------- files

# what every table below says
ROWS = [
    {"image": "Läsion 1.jpg", "age": "55,0", "sex": "w", "localization": "Rücken"},
    {"image": "b, c.jpg", "age": "85+", "sex": "m", "localization": ""},
]
CSV = 'image,age,sex,localization\nLäsion 1.jpg,"55,0",w,Rücken\n"b, c.jpg",85+,m,\n'
SEMICOLONS = "image;age;sex;localization\r\nLäsion 1.jpg;55,0;w;Rücken\r\nb, c.jpg;85+;m;\r\n"
TABS = SEMICOLONS.replace(";", "\t")
QUOTED_TABS = (
    '"image"\t"age"\t"sex"\t"localization"\n"Läsion 1.jpg"\t"55,0"\t"w"\t"Rücken"\n"b, c.jpg"\t"85+"\t"m"\t""\n'
)
JSON_LINES = (
    '{"image": "Läsion 1.jpg", "age": "55,0", "sex": "w", "localization": "Rücken"}\n'
    '{"image": "b, c.jpg", "age": "85+", "sex": "m", "localization": null}\n'
)
# text: its file's name and its bytes; of what libraries write: its name and None
TABLES: dict[str, tuple[str, bytes | None]] = {
    "CSV in UTF-8": ("a.csv", CSV.encode()),
    "CSV in UTF-8 with a byte order mark, as English Excel saves it": ("a.csv", CSV.encode("utf-8-sig")),
    "CSV with semicolons and decimal commas, as German Excel saves it": ("a.csv", SEMICOLONS.encode("utf-8-sig")),
    "the same in Windows-1252": ("a.csv", SEMICOLONS.encode("cp1252")),
    "the same with Excel's first line sep=;": ("a.csv", f"sep=;\r\n{SEMICOLONS}".encode()),
    "Excel's Unicode text: tabs in UTF-16": ("a.txt", TABS.encode("utf-16")),
    "UTF-16 without a byte order mark": ("a.csv", CSV.encode("utf-16-le")),
    "tabs, .tsv": ("a.tsv", TABS.encode()),
    "tabs and quotes, .tab": ("a.tab", QUOTED_TABS.encode()),
    "upper-case ending": ("A.CSV", CSV.encode()),
    "no ending": ("a", CSV.encode()),
    "line ends of old Macs": ("a.csv", CSV.replace("\n", "\r").encode()),
    "empty lines": ("a.csv", ("\n" + CSV.replace("\n", "\n\n")).encode()),
    "rows of separators alone, as Excel leaves them": ("a.csv", f"{SEMICOLONS};;;\r\n;;;\r\n".encode()),
    "short and long rows": ("a.csv", CSV.replace("Rücken\n", "Rücken,,more\n").replace(",m,\n", ",m\n").encode()),
    "JSON lines": ("a.jsonl", JSON_LINES.encode()),
    "an Excel workbook (with openpyxl)": ("a.xlsx", None),
    "a parquet file (with pyarrow)": ("a.parquet", None),
}
REFUSED: dict[str, tuple[str, bytes]] = {
    "an old Excel workbook, .xls": ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
    "an OpenDocument table, .ods": ("a.ods", b"PK\3\4 and so on"),
    "an image": ("a.csv", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"),
    "an empty file": ("a.csv", b""),
    "an open quote": ("a.csv", b'image,age\n"a.jpg,5\n'),
    "JSON that breaks off": ("a.jsonl", b'{"image": "a.jpg", "ag'),
}
# name in the table -> name on the disk
NAMES = {
    "ISIC_0024306": "ISIC_0024306.jpg",
    "isic_0024306.jpg": "ISIC_0024306.JPG",
    "ISIC_0024306.jpg": "ISIC_0024306.jpeg",
    "images\\ISIC_0024306.jpg": "images/ISIC_0024306.jpg",
    "elsewhere/ISIC_0024306.jpg": "images/ISIC_0024306.jpg",
    "Läsion": "La\u0308sion.png",
    "La\u0308sion": "Läsion.png",
}
HAM10000_FILES = {
    "HAM10000_metadata.csv": "commas",
    "HAM10000_metadata": "commas",
    "HAM10000_metadata.tab": "tabs and quotes",
    "ham10000_METADATA.CSV": "semicolons",
}
COLUMN_NAMES = {
    "Age_Approx": "age", "age approx": "age", "Alter": "age", "Geschlecht": "sex", "gender": "sex",
    "Lokalisation": "localization", "anatom_site_special": "localization",
    "anatom_site_6": "not read; named in a warning", "age_group": "not read; named in a warning",
    "body site": "not read; named in a warning", "localizaton": "not read; named in a warning",
    "dx_type": "not read", "diagnosis_confirm_type": "not read", "dermoscopic_type": "not read",
}  # fmt: skip
# what the page is given -> how Pillow writes it (None: other means), whether the browser draws it or is given a JPEG
DRAWN, AS_JPEG, NOT_READ = "read; shown as it is", "read; shown as a JPEG", "an error that lists what is read"
IMAGES: dict[str, tuple[str | None, str]] = {
    "JPEG": ("JPEG", DRAWN),
    "PNG": ("PNG", DRAWN),
    "WebP": ("WEBP", DRAWN),
    "GIF, its first frame": ("GIF", DRAWN),
    "BMP": ("BMP", DRAWN),
    "HEIC, as an iPhone saves it": ("HEIF", AS_JPEG),
    "AVIF": ("AVIF", AS_JPEG),
    "JPEG 2000, .jp2": ("JPEG2000", AS_JPEG),
    "TIFF": ("TIFF", AS_JPEG),
    "DICOM, its first frame (with pydicom); age, sex and body part fill empty fields of the form": (None, AS_JPEG),
    "PDF, and whatever is no image": ("PDF", NOT_READ),
    "PCX, and other rare kinds of images": ("PCX", NOT_READ),
}

SECTIONS = [
    Section("Image files", "By content, whatever their names are: on the page, in commands and in calls.",
            ("file", "what comes out"), {given: result for given, (_, result) in IMAGES.items()}, False),
    Section("Ages", "A range is read as its middle. `85+` is 85: the model reads all ages from 85 on alike.",
            ("in the table", "read as"), AGES),
    Section("Sexes", "", ("in the table", "read as"), SEXES),
    Section("Sites", "", ("in the table", "read as"), LOCALIZATIONS),
    Section("Sites of the ISIC archive since 2026", "The most exact level that has a word of the model's counts.",
            ("anatom_site_1 / ... / anatom_site_5", "read as"), ISIC_SITES),
    Section("Diagnoses", "`evaluate` and training read them.", ("dx, or diagnosis_1 / ... / diagnosis_5", "read as"),
            DIAGNOSES),
    Section("Kinds of images", "`--any-image-type` reads all of them.", ("image_type", "the row is"), IMAGE_TYPES),
    Section("Names of columns", "", ("column", "read as"), COLUMN_NAMES),
    Section("Kinds of tables", "", ("file", "what comes out"),
            dict.fromkeys(TABLES, "read") | dict.fromkeys(REFUSED, "an error with the file and the reason"), False),
    Section("Names of images", "", ("in the table", "found on the disk"), NAMES),
    Section("HAM10000's table", "", ("file", "written with"), HAM10000_FILES),
]  # fmt: skip


def page() -> str:
    """docs/COMPATIBILITY.md."""
    lines = [
        "# What is read", "",
        "What people's files hold, and what comes out. Each row is a test in `tests/test_compatibility.py`;",
        "`python tests/compatibility.py` writes this page. For the commands, see [Folders and tables](LISTS.md).",
    ]  # fmt: skip
    for section in SECTIONS:
        lines += ["", f"## {section.title}", "", *([section.text, ""] if section.text else [])]
        lines += [f"| {section.columns[0]} | {section.columns[1]} |", "| --- | --- |"]
        lines += [
            f"| {_shown(given) if section.code else given} | {result} |" for given, result in section.rows.items()
        ]
    return "\n".join(lines) + "\n"


def _shown(given: str) -> str:
    note = "" if unicodedata.is_normalized("NFC", given) else " (decomposed)"
    return f"`{given}`{note}".replace("|", "\\|") if given else "(empty)"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8", newline="\n")
