"""The cases that a visitor can try at once: drawings by the project, or named cases, which are real lesions."""

from pathlib import Path

from mat_core import DataError
from mat_core.data.image_encoding import encode_png
from teaching.cases.catalog import NamedCase
from teaching.phantoms import make_phantom

from .example import Example
from .library import CaseLibrary

# what the page opens on, a named case and the first drawing: `python -m tools.choose_opening_case` finds both
OPENING = "ISIC_0032017"
PHANTOMS = ((18, "mel"), (2, "nv"), (0, "bcc"), (18, "df"), (4, "bkl"), (6, "akiec"), (2, "vasc"))


def synthetic_examples(folder: Path) -> list[Example]:
    """A drawing of each diagnosis, written as PNG into `folder`."""
    examples = []
    for number, (seed, code) in enumerate(PHANTOMS, start=1):
        phantom = make_phantom(seed, code, (450, 600))
        path = folder / f"synthetic-{number}.png"
        path.write_bytes(encode_png(phantom.image))
        examples.append(Example(f"Synthetic {number}", path, phantom.metadata, code, True))
    return examples


def real_examples(library: CaseLibrary) -> list[Example]:
    """Of each diagnosis a named case that the shipped model answered rightly and one that it did not, where their
    pictures are at hand.

    The opening case comes first, or the next of its kind where its picture is lacking; the order of the others says
    nothing about the diagnosis. Raises DataError when no named case is at hand.
    """
    available = sorted(library.offline_cases(), key=lambda case: (case.id != OPENING, not _opens(case)))
    if not available:
        raise DataError(
            f"None of the {len(library.cases)} named cases has its photograph in the folder, so there is no real case "
            "to show. Give --data the folder with HAM10000's images, or leave it out: then there are drawings."
        )
    chosen: dict[tuple[str, bool], NamedCase] = {}
    for case in available:
        chosen.setdefault((case.diagnosis, case.right), case)
    return [library.example(case.id) for case in chosen.values()]


def _opens(case: NamedCase) -> bool:
    """Whether it is like the opening case, as far as its answer alone says."""
    return case.diagnosis == "mel" and case.right and not case.unsure
