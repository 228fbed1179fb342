"""The cases to try as thumbnails, and where the case on the screen is from."""

from pathlib import Path

from mat_core.encoding import data_uri, encode_jpeg
from mat_core.ham10000 import ATTRIBUTION
from mat_core.images import load_image, scale_image
from mat_core.labels import BY_CODE

from ..examples import Example
from .text import esc

THUMBNAIL_SIDE = 144  # pixels: twice the size on the page
SYNTHETIC_NOTE = (
    "Synthetic: drawn by the project, no patient is in them. The model never learnt from drawings, so its answers on "
    "them mean little; they show how the page works."
)
REAL_NOTE = "Real lesions of the test split: the model never learnt from them."


def gallery_html(examples: list[Example]) -> str:
    """Thumbnails as buttons; each carries its number in `data-index`."""
    synthetic = examples[0].synthetic
    title, note = ("Synthetic examples", SYNTHETIC_NOTE) if synthetic else ("Examples", f"{REAL_NOTE} {ATTRIBUTION}")
    buttons = "".join(_button(index, example) for index, example in enumerate(examples))
    return f'<h3>{title}</h3><div class="thumbs">{buttons}</div><p class="fine">{esc(note)}</p>'


def provenance_html(example: Example) -> str:
    """Where the case on the screen is from; its diagnosis stays covered until it is asked for."""
    if not example.diagnosis:  # no lesion at all
        return f'<p class="provenance">{esc(f"{example.name}. {example.note}")}</p>'
    name = BY_CODE[example.diagnosis].name
    if example.synthetic:
        where, cover, told = (
            f"{example.name}: a drawing, no patient.",
            "What was it drawn to look like?",
            f"{name}. What it was drawn as says nothing about how the model does on skin.",
        )
    else:
        where, cover, told = f"{example.name}: test split.", "Show the confirmed diagnosis", f"{name}, as confirmed."
    where = f"{where} {example.note}".rstrip()
    return f'<p class="provenance">{esc(where)}</p><details><summary>{esc(cover)}</summary><p>{esc(told)}</p></details>'


def thumbnail(example: Example) -> str:
    """A small picture of the case as a data: URI in an img; what it shows is said beside it."""
    return picture_of(example.path)


def picture_of(path: Path) -> str:
    """The same of a file of the app's own."""
    image = scale_image(load_image(path), THUMBNAIL_SIDE, 2 * THUMBNAIL_SIDE)
    source = data_uri(encode_jpeg(image, 82), "jpeg")
    return f'<img src="{source}" alt="">'


def _button(index: int, example: Example) -> str:
    known = [
        str(value) for value in (example.metadata.age, example.metadata.sex, example.metadata.localization) if value
    ]
    label = f"Diagnose {example.name}: " + (", ".join(known) or "no metadata")
    return (
        f'<button type="button" data-index="{index}" aria-label="{esc(label)}" title="{esc(label)}">'
        f"{thumbnail(example)}<span>{esc(example.name)}</span></button>"
    )
