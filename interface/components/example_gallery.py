"""The examples as thumbnails, and the provenance of the current case."""

from pathlib import Path

from mat_core.data.ham10000 import ATTRIBUTION
from mat_core.data.image_encoding import data_uri, encode_jpeg
from mat_core.data.image_loading import load_image, scale_image
from teaching.cases.example import Example

from ..frontend.html import escape
from ..frontend.translations import attribute, class_text, t, text
from .metadata_form import metadata_text

THUMBNAIL_SIDE = 144  # pixels: twice the size on the page


def gallery_html(examples: list[Example]) -> str:
    """Thumbnails as buttons with their number in `data-index`."""
    synthetic = examples[0].synthetic
    key, whose = ("synthetic", "") if synthetic else ("real", f" {escape(ATTRIBUTION)}")
    note = f"{t(f'gallery.{key}-note')}{whose}"
    buttons = "".join(_button(index, example) for index, example in enumerate(examples))
    return f'<h3>{t(f"gallery.{key}")}</h3><div class="thumbs">{buttons}</div><p class="fine">{note}</p>'


def provenance_html(example: Example) -> str:
    """Provenance of the case, with its diagnosis behind a summary."""
    if not example.diagnosis:  # no lesion at all
        return f'<p class="provenance">{escape(example.name)}. {escape(example.note)}</p>'
    name = class_text(example.diagnosis)
    origin, cover, answer = (
        ("gallery.a-drawing", "gallery.drawn", "gallery.drawn-as")
        if example.synthetic
        else ("gallery.test-split", "gallery.confirmed", "gallery.confirmed-as")
    )
    note = f" {escape(example.note)}" if example.note else ""
    source = f'<p class="provenance">{t(origin, name=example.name)}{note}</p>'
    return f"{source}<details><summary>{t(cover)}</summary><p>{t(answer, name=name)}</p></details>"


def picture_of(path: Path) -> str:
    """A thumbnail of an image file as an img with a data: URI."""
    image = scale_image(load_image(path), THUMBNAIL_SIDE, 2 * THUMBNAIL_SIDE)
    source = data_uri(encode_jpeg(image, 82), "jpeg")
    return f'<img src="{source}" alt="">'


def _button(index: int, example: Example) -> str:
    patient = metadata_text(example.metadata) or text("gallery.no-metadata")
    label = attribute("aria-label title", text("gallery.diagnose", name=example.name, patient=patient))
    return (
        f'<button type="button" data-index="{index}" {label}>'
        f"{picture_of(example.path)}<span>{escape(example.name)}</span></button>"
    )
