"""The cases that a visitor can try at once: drawings by the project, or named cases, which are real lesions."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mat_core import DataError, Metadata
from mat_core.encoding import encode_png
from mat_core.ham10000 import ATTRIBUTION
from mat_core.labels import BY_CODE
from mat_core.named_cases import NamedCase
from mat_core.phantoms import make_phantom

if TYPE_CHECKING:  # the library gives Examples itself
    from .library.library import Library

# what the page opens on, a named case and the first drawing: `python -m tools.opening` finds both
OPENING = "ISIC_0032017"
DRAWN = "A drawing by this project: no patient is in it, and the model never learnt from drawings."
PHANTOMS = ((18, "mel"), (2, "nv"), (0, "bcc"), (18, "df"), (4, "bkl"), (6, "akiec"), (2, "vasc"))


@dataclass(frozen=True)
class Example:
    """One case to try. `diagnosis` is confirmed for a real lesion, and the look that a synthetic one imitates.

    note: what has to be said with it, such as whose the photograph is, or why a drawing is in its place.
    """

    name: str
    path: Path
    metadata: Metadata
    diagnosis: str
    synthetic: bool
    note: str = ""

    def truth(self) -> str:
        """What it is, and how that is known; '' for what is none of the diagnoses."""
        if self.diagnosis not in BY_CODE:
            return ""
        name = BY_CODE[self.diagnosis].name
        return f"{name}: what it was drawn to look like." if self.synthetic else f"{name}, as confirmed."

    def source(self) -> str:
        """Whose the picture is, with what has to be said with it."""
        whose = DRAWN if self.synthetic else ATTRIBUTION if not self.note else ""
        return f"{whose} {self.note}".strip()


def synthetic_examples(folder: Path) -> list[Example]:
    """A drawing of each diagnosis, written as PNG into `folder`."""
    examples = []
    for number, (seed, code) in enumerate(PHANTOMS, start=1):
        phantom = make_phantom(seed, code, (450, 600))
        path = folder / f"synthetic-{number}.png"
        path.write_bytes(encode_png(phantom.image))
        examples.append(Example(f"Synthetic {number}", path, phantom.metadata, code, True))
    return examples


def real_examples(library: "Library") -> list[Example]:
    """Of each diagnosis a named case that the shipped model answered rightly and one that it did not, where their
    pictures are at hand.

    The opening case comes first, or the next of its kind where its picture is lacking; the order of the others says
    nothing about the diagnosis. Raises DataError when no named case is at hand.
    """
    there = sorted(library.at_hand(), key=lambda case: (case.id != OPENING, not _opens(case)))
    if not there:
        raise DataError(
            f"None of the {len(library.cases)} named cases has its photograph in the folder, so there is no real case "
            "to show. Give --data the folder with HAM10000's images, or leave it out: then there are drawings."
        )
    chosen: dict[tuple[str, bool], NamedCase] = {}
    for case in there:
        chosen.setdefault((case.diagnosis, case.right), case)
    return [library.example(case.id) for case in chosen.values()]


def _opens(case: NamedCase) -> bool:
    """Whether it is like the opening case, as far as its answer alone says."""
    return case.diagnosis == "mel" and case.right and not case.unsure
