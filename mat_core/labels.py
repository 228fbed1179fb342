"""The seven diagnoses of HAM10000, in the order of the paper's section 3.1."""

from dataclasses import dataclass

DISCLAIMER = "A teaching demo, not a medical device: never use it to decide about a patient."


@dataclass(frozen=True)
class DiagnosisInfo:
    """One class: its HAM10000 code, its full name, and how dermatology files it.

    `nature` is 'malignant', 'premalignant' or 'benign'; akiec pools actinic keratoses (premalignant) with
    intraepithelial carcinoma, so it is premalignant here and counted with the malignant ones in warnings.
    """

    code: str
    name: str
    nature: str

    @property
    def malignant(self) -> bool:
        """True for what must not be missed: malignant and premalignant classes."""
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
# what a region can be beside the whole lesion with its diagnosis
PARTS = {
    "border": "an arc of the lesion's border",
    "patch": "a patch of one colour inside the lesion",
    "skin": "skin around the lesion",
}
# ends the kinds of a detector that was taught everyday objects, not skin
EVERYDAY = " (COCO)"
CODES = tuple(d.code for d in DIAGNOSES)
BY_CODE = {d.code: d for d in DIAGNOSES}


def region_name(kind: str, explained: bool = False) -> str:
    """What a region's kind is called: a lesion by its diagnosis, a part by its own name, explained where asked for."""
    if kind in BY_CODE:
        return BY_CODE[kind].name
    name = kind[:1].upper() + kind[1:]
    if explained and kind.endswith(EVERYDAY):
        return f"{name}: what it resembles to a detector that was not taught skin"
    return f"{name}: {PARTS[kind]}" if explained and kind in PARTS else name
