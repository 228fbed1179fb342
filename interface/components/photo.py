"""Below the image field: what was seen of the photograph, and its crop."""

from typing import Any

from mat_core.data.crop import Crop

from ..frontend.html import escape
from ..frontend.translations import t
from ..state.session import Session

CROP_BUTTON = f'<button type="button" class="plain-button" data-crop="open">{t("crop.open")}</button>'


def photo_html(session: Session) -> str:
    """Buttons for assets/diagnose/crop.js, and the sentences of the quality check.

    An image that is not diagnosed yet has only the button Crop.
    """
    if session.is_stale:
        return f'<div class="photo"><p class="photo-tools">{CROP_BUTTON}</p></div>'
    edges, cropped, seen = "", "", ""
    if session.crop is not None:
        height, width = session.diagnosis.regions.size
        edges = f' data-edges="{escape(list(session.crop))}"'
        cropped = (
            f'<button type="button" class="plain-button" data-crop="whole">{t("crop.whole")}</button>'
            f'<span class="fine">{t("crop.cropped", width=width, height=height)}</span>'
        )
    if session.quality is not None:
        warnings = session.quality.warnings
        sentences = "".join(f"<li>{t(f'quality.{kind}')}</li>" for kind in warnings)
        seen = f'<ul class="quality">{sentences}</ul>' if warnings else f'<p class="fine">{t("quality.fine")}</p>'
    return f'<div class="photo"{edges}><p class="photo-tools">{CROP_BUTTON}{cropped}</p>{seen}</div>'


def clicked_crop(data: Any) -> Crop | None:
    """What crop.js sent: a part, or None for the whole image. Raises ImageError."""
    values = data.get("crop") if isinstance(data, dict) else None
    return None if values is None else Crop.parse(values)
