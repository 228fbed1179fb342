"""The seven diagnoses of HAM10000, in the order of the paper's section 3.1."""

from dataclasses import dataclass

DISCLAIMER = "A teaching demo, not a medical device: never use it to decide about a patient."


@dataclass(frozen=True)
class DiagnosisInfo:
    """One class: HAM10000's code, name, and nature: 'malignant', 'premalignant' or 'benign'.

    akiec includes actinic keratoses and intraepithelial carcinoma: premalignant, but malignant in warnings.
    """

    code: str
    name: str
    nature: str

    @property
    def malignant(self) -> bool:
        """Whether the class is malignant or premalignant."""
        return self.nature != "benign"


DIAGNOSES = (
    DiagnosisInfo("bcc", "Basal cell carcinoma", "malignant"),
    DiagnosisInfo("df", "Dermatofibroma", "benign"),
    DiagnosisInfo("mel", "Melanoma", "malignant"),
    DiagnosisInfo("bkl", "Benign keratosis", "benign"),
    DiagnosisInfo("nv", "Melanocytic nevus", "benign"),
    DiagnosisInfo("akiec", "Actinic keratosis / Bowen's disease", "premalignant"),
    DiagnosisInfo("vasc", "Vascular lesion", "benign"),
)
# kinds of regions other than the whole lesion
PARTS = {
    "border": "an arc of the lesion's border",
    "patch": "a patch of one colour inside the lesion",
    "skin": "skin around the lesion",
}
WHOLE_IMAGE = "image"  # the kind of a region that is the whole image
# suffix of the kinds of a detector trained on COCO
EVERYDAY = " (COCO)"
CODES = tuple(d.code for d in DIAGNOSES)
BY_CODE = {d.code: d for d in DIAGNOSES}


def region_name(kind: str, explained: bool = False) -> str:
    """Display name of a region's kind; explained: with its meaning."""
    if kind in BY_CODE:
        return BY_CODE[kind].name
    name = "Whole image" if kind == WHOLE_IMAGE else kind[:1].upper() + kind[1:]
    if explained and kind.endswith(EVERYDAY):
        return f"{name}: what it resembles to a detector that was not taught skin"
    return f"{name}: {PARTS[kind]}" if explained and kind in PARTS else name


def class_name(label: str) -> str:
    """Name of a class within a sentence: 'melanoma' for 'mel'; unknown labels are unchanged."""
    name = class_title(label)
    return name if label not in BY_CODE else name[0].lower() + name[1:]


def class_title(label: str) -> str:
    """Name of a class as a title: 'Melanoma' for 'mel'."""
    return BY_CODE[label].name if label in BY_CODE else label


def nature(label: str) -> str:
    """'benign', 'premalignant' or 'malignant'; '' for an unknown label."""
    return BY_CODE[label].nature if label in BY_CODE else ""
