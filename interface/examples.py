"""The cases that a visitor can try at once: drawings by the project, or real lesions of the test split."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from mat_core import DataError, Metadata
from mat_core.encoding import data_uri, encode_jpeg, encode_png
from mat_core.ham10000 import ATTRIBUTION, read_dataset
from mat_core.images import load_image, scale_image
from mat_core.labels import BY_CODE, CODES
from mat_core.phantoms import make_phantom

from .text import esc

PHANTOMS = ((3, "mel"), (2, "nv"), (2, "bcc"), (8, "df"), (4, "bkl"), (6, "akiec"), (2, "vasc"))
CASES_PER_CLASS = 2
THUMBNAIL_SIDE = 144  # pixels: twice the size on the page
SYNTHETIC_NOTE = (
    "Synthetic: drawn by the project, no patient is in them. The model never learnt from drawings, so its answers on "
    "them mean little; they show how the page works."
)
REAL_NOTE = "Real lesions of the test split: the model never learnt from them."


@dataclass(frozen=True)
class Example:
    """One case to try. `diagnosis` is confirmed for a real lesion, and the look that a synthetic one imitates."""

    name: str
    path: Path
    metadata: Metadata
    diagnosis: str
    synthetic: bool


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


def gallery_html(examples: list[Example]) -> str:
    """Thumbnails as buttons; each carries its number in `data-index`."""
    synthetic = examples[0].synthetic
    title, note = ("Synthetic examples", SYNTHETIC_NOTE) if synthetic else ("Examples", f"{REAL_NOTE} {ATTRIBUTION}")
    buttons = "".join(_button(index, example) for index, example in enumerate(examples))
    return f'<h3>{title}</h3><div class="thumbs">{buttons}</div><p class="fine">{esc(note)}</p>'


def provenance_html(example: Example) -> str:
    """Where the case on the screen is from; its diagnosis stays covered until it is asked for."""
    name = BY_CODE[example.diagnosis].name
    if example.synthetic:
        where, cover, told = (
            f"{example.name}: a drawing, no patient.",
            "What was it drawn to look like?",
            f"{name}. What it was drawn as says nothing about how the model does on skin.",
        )
    else:
        where, cover, told = f"{example.name}: test split.", "Show the confirmed diagnosis", f"{name}, as confirmed."
    return f'<p class="provenance">{esc(where)}</p><details><summary>{esc(cover)}</summary><p>{esc(told)}</p></details>'


def _button(index: int, example: Example) -> str:
    image = scale_image(load_image(example.path), THUMBNAIL_SIDE, 2 * THUMBNAIL_SIDE)
    source = data_uri(encode_jpeg(image, 82), "jpeg")
    known = [
        str(value) for value in (example.metadata.age, example.metadata.sex, example.metadata.localization) if value
    ]
    label = f"Diagnose {example.name}: " + (", ".join(known) or "no metadata")
    return (
        f'<button type="button" data-index="{index}" aria-label="{esc(label)}" title="{esc(label)}">'
        f'<img src="{source}" alt=""><span>{esc(example.name)}</span></button>'
    )
