"""The cases that a visitor can try at once: drawings by the project, or real lesions of the test split."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from mat_core import DataError, Metadata
from mat_core.encoding import encode_png
from mat_core.ham10000 import read_dataset
from mat_core.labels import CODES
from mat_core.phantoms import make_phantom

# the first is what the page opens on: `python -m tools.opening` finds it
PHANTOMS = ((18, "mel"), (2, "nv"), (0, "bcc"), (18, "df"), (4, "bkl"), (6, "akiec"), (2, "vasc"))
CASES_PER_CLASS = 2


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


def synthetic_examples(folder: Path) -> list[Example]:
    """A drawing of each diagnosis, written as PNG into `folder`."""
    examples = []
    for number, (seed, code) in enumerate(PHANTOMS, start=1):
        phantom = make_phantom(seed, code, (450, 600))
        path = folder / f"synthetic-{number}.png"
        path.write_bytes(encode_png(phantom.image))
        examples.append(Example(f"Synthetic {number}", path, phantom.metadata, code, True))
    return examples


def real_examples(root: str | Path, per_class: int = CASES_PER_CLASS) -> list[Example]:
    """A few cases of each diagnosis from the test split of the HAM10000 folder `root`, always the same ones.

    Their order says nothing about the diagnosis. Raises DataError when no test case is there.
    """
    cases = sorted(read_dataset(root).of("test"), key=lambda case: hashlib.sha256(case.image_id.encode()).digest())
    chosen = [case for code in CODES for case in [c for c in cases if c.diagnosis == code][:per_class]]
    if not chosen:
        raise DataError(f"None of the images below {root} belongs to the test split, so there is no case to show.")
    return [Example(c.image_id, c.image.resolve(), c.metadata, c.diagnosis, False) for c in cases if c in chosen]
