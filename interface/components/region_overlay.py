"""The image with its first k regions as an SVG, and the regions as a table."""

from collections.abc import Sequence

import numpy as np

from mat_core.data.image_encoding import data_uri
from mat_core.data.labels import BY_CODE, PARTS
from mat_core.display.colors import KINDS, kind_color
from mat_core.display.layout import place_labels
from mat_core.figures import region_texts
from mat_core.inference.diagnosis import top_regions
from mat_core.utils.formatting import format_cell_percent

from ..frontend.html import escape
from ..frontend.translations import attribute, region_text, t, text
from ..state.session import Session

FRAME = (460, 380)  # CSS pixels, width and height, that the image is fitted into; the unit of the drawing
FONT = 12  # CSS pixels
LETTER = 6.9  # width of a bold digit or letter at FONT, on the wide side


ORDERS = ("attention", "detector")  # their meaning is the text regions.caption.ORDER


def photograph_html(session: Session) -> str:
    """The case's picture as a symbol, sent once, which the drawings of its regions refer to."""
    height, width = session.image.shape[:2]
    return (
        f'<svg width="0" height="0" aria-hidden="true"><symbol id="photograph-{session.picture_id}" '
        f'viewBox="0 0 {width} {height}" preserveAspectRatio="none"><image width="{width}" height="{height}" '
        f'href="{data_uri(session.picture, "jpeg")}"/></symbol></svg>'
    )


def regions_html(session: Session | None, k: int, order: str = "detector") -> str:
    """The picture with k boxes, one sentence on what they are, and the list. order: one of `ORDERS`."""
    if session is None:
        return ""
    diagnosis, regions = session.diagnosis, session.diagnosis.regions
    indices, attention = top_regions(diagnosis, k, order), diagnosis.region_attention
    kinds = [regions.names[i] for i in indices]
    rows = "".join(
        f"<tr><td>{badge(i, regions.names[i])}</td><td>{escape(region_text(regions.names[i]))}</td>"
        f"<td>{'' if attention is None else format_cell_percent(attention[i])}</td><td>{regions.scores[i]:.2f}</td>"
        f"<td>{_box(regions.boxes[i])}</td></tr>"
        for i in indices
    )
    sorted_by = order if attention is not None else "detector"
    caption = t(f"regions.caption.{sorted_by}", shown=len(indices), all=len(regions))
    note = ""
    if sorted_by == "attention":
        note = t("regions.even", value=f"{format_cell_percent(1 / len(regions))}%")
    elif order != sorted_by:
        note = t("regions.unattended")
    heads = "".join(
        f'<th scope="col">{t(f"regions.{key}")}</th>' for key in ("number", "label", "attention-share", "score", "box")
    )
    return (
        '<figure class="regions"><div class="zoomable" tabindex="0" role="group" '
        f'{attribute("aria-label", "zoom.keys")} data-picture="{session.picture_id}" '
        f'style="max-width:{_fitted(session)[1]:.0f}px">'
        f"{_drawing(session, regions.boxes[indices], region_texts(regions, indices), kinds)}</div>{zoom_buttons()}"
        f"{kinds_legend(kinds)}"
        f"<figcaption>{caption} {note} {t('regions.what', all=len(regions))}</figcaption></figure>"
        '<div class="list" tabindex="0" role="region" '
        f"{attribute('aria-label', 'regions.list')}><table><thead><tr>"
        f"{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def zoom_buttons() -> str:
    """What assets/shared/zoom.js listens to."""
    buttons = "".join(
        f'<button type="button" data-zoom="{kind}" {attribute("aria-label", f"zoom.{kind}")}{disabled}>{sign}</button>'
        for kind, sign, disabled in (("in", "+", ""), ("out", "−", " disabled"), ("reset", "1:1", " disabled"))
    )
    return f'<p class="zoom-buttons">{buttons}</p>'


def badge(index: int, kind: str) -> str:
    """A region's number, from 1, on the colour of its kind."""
    return f'<span class="badge" style="background:{kind_color(kind)}">{index + 1}</span>'


def kind_text(kind: str) -> str:
    """What a region of a kind shows, in the legend."""
    return text(f"part-of.{kind}") if kind in PARTS or kind == "lesion" else kind


def kinds_legend(kinds: Sequence[str]) -> str:
    """What the colours of these kinds mean."""
    colors = {kind_color(kind): kind if kind in KINDS else "lesion" if kind in BY_CODE else kind for kind in kinds}
    entries = " ".join(
        f'<span><i style="background:{c}"></i>{escape(kind_text(kind))}</span>' for c, kind in colors.items()
    )
    return f'<p class="kinds">{entries}</p>'


def _box(box: np.ndarray) -> str:
    x1, y1, x2, y2 = (float(side) for side in box)
    return t("regions.box-at", w=f"{x2 - x1:.0f}", h=f"{y2 - y1:.0f}", x=f"{x1:.0f}", y=f"{y1:.0f}")


def boxes_drawing(
    session: Session, indices: Sequence[int] | None, texts: Sequence[str], boxes: np.ndarray | None = None
) -> str:
    """The case's picture with boxes, as an SVG, the first on top.

    indices: of the regions that are drawn, which number them, in the colours of their kinds; None with `boxes`, (r, 4)
    in pixels of the diagnosed image, in their place: boxes of the lesion. texts: what is written on each, behind its
    number.
    """
    regions = session.diagnosis.regions
    if indices is None:
        return _drawing(session, boxes, texts, ["lesion"] * len(boxes))
    plates = [f"{i + 1} {text}".strip() for i, text in zip(indices, texts, strict=True)]
    return _drawing(session, regions.boxes[np.asarray(indices)], plates, [regions.names[i] for i in indices])


def _fitted(session: Session) -> tuple[float, float, float]:
    """Scale, width and height of the drawing in FRAME."""
    height, width = session.diagnosis.regions.size
    scale = min(FRAME[0] / width, FRAME[1] / height)
    return scale, width * scale, height * scale


def _drawing(session: Session, boxes: np.ndarray, texts: Sequence[str], kinds: Sequence[str]) -> str:
    colors = [kind_color(kind) for kind in kinds]
    scale, w, h = _fitted(session)
    boxes = boxes * scale
    widths = np.array([LETTER * len(text) + 8 for text in texts])
    spots = place_labels(boxes, widths, FONT + 5, (w, h))
    parts = []
    # the first region is drawn last, on top
    for i in reversed(range(len(boxes))):
        x1, y1, x2, y2 = boxes[i]
        rect = f'x="{x1:.1f}" y="{y1:.1f}" width="{x2 - x1:.1f}" height="{y2 - y1:.1f}"'
        parts.append(f'<rect class="halo" {rect}/><rect class="box" {rect} stroke="{colors[i]}"/>')
    for i in reversed(range(len(boxes))):
        x, y = spots[i]
        parts.append(
            f'<rect class="plate" x="{x:.1f}" y="{y:.1f}" width="{widths[i]:.1f}" height="{FONT + 5}" rx="3" '
            f'fill="{colors[i]}"/><text x="{x + 4:.1f}" y="{y + FONT:.1f}">{escape(texts[i])}</text>'
        )
    title = text("regions.drawing", n=len(boxes), names=list(texts))
    return (
        f'<svg viewBox="0 0 {w:.1f} {h:.1f}" style="max-width:{w:.0f}px" role="img" {attribute("aria-label", title)}>'
        f'<use href="#photograph-{session.picture_id}" width="{w:.1f}" height="{h:.1f}"/>{"".join(parts)}</svg>'
    )
