"""The image with its first k regions as an SVG, sharp at every size, and the same regions as a list."""

from collections.abc import Sequence

import numpy as np

from mat_core.colours import KINDS, kind_colour
from mat_core.encoding import data_uri
from mat_core.figures import label_spots, percent, region_texts, shown_regions
from mat_core.labels import BY_CODE, PARTS, region_name

from ..session import Session
from .text import esc

FRAME = (460, 380)  # CSS pixels, width and height, that the image is fitted into; the unit of the drawing
FONT = 12  # CSS pixels
LETTER = 6.9  # width of a bold digit or letter at FONT, on the wide side


# what each order is called and means
ORDERS = {
    "attention": (
        "most attended first",
        "the share of the attention that the words give each region, or where no word was read, the regions "
        "themselves: the mean over the heads of the last layer",
    ),
    "detector": (
        "detector's order",
        "the likeliest whole lesion, then the surest boxes, the kinds taking turns",
    ),
}


def regions_html(session: Session | None, k: int, order: str = "detector") -> str:
    """The picture with k boxes, one sentence on what they are, and the list. order: one of `ORDERS`."""
    if session is None:
        return ""
    diagnosis, regions = session.diagnosis, session.diagnosis.regions
    indices, attended = shown_regions(diagnosis, k, order), diagnosis.attended
    kinds = [regions.names[i] for i in indices]
    rows = "".join(
        f"<tr><td>{badge(i, regions.names[i])}</td><td>{esc(region_name(regions.names[i]))}</td>"
        f"<td>{'' if attended is None else percent(attended[i])}</td><td>{regions.scores[i]:.2f}</td>"
        f"<td>{_box(regions.boxes[i])}</td></tr>"
        for i in indices
    )
    by = order if attended is not None else "detector"
    if by == "attention":
        rest = f"Even attention would give each {percent(1 / len(regions))}%."
    else:
        rest = "" if order == by else "Nothing attends to regions in this model, so they stand in the detector's order."
    return (
        f'<figure class="regions">{_drawing(session, regions.boxes[indices], region_texts(regions, indices), kinds)}'
        f"{kinds_legend(kinds)}"
        f"<figcaption>{len(indices)} of {len(regions)} regions, {ORDERS[by][0]}: {ORDERS[by][1]}. {rest} A region's "
        "number is its place in the detector's order. A score is the detector's own belief in its label for that box "
        f"alone, 0 to 1; the answer comes from all {len(regions)} and the words.</figcaption></figure>"
        '<div class="list" tabindex="0" role="region" aria-label="The regions as a list"><table><thead><tr>'
        '<th scope="col">No.</th><th scope="col">Label</th><th scope="col">Attention, %</th><th scope="col">Score</th>'
        f'<th scope="col">Box, pixels</th></tr></thead><tbody>{rows}</tbody></table></div>'
    )


def badge(index: int, kind: str) -> str:
    """A region's number, from 1, on the colour of its kind."""
    return f'<span class="badge" style="background:{kind_colour(kind)}">{index + 1}</span>'


def kinds_legend(kinds: Sequence[str]) -> str:
    """What the colours of these kinds mean."""
    colours = {kind_colour(kind): kind if kind in KINDS else "lesion" if kind in BY_CODE else kind for kind in kinds}
    said = " ".join(
        f'<span><i style="background:{c}"></i>{esc(PARTS.get(kind, kind))}</span>' for c, kind in colours.items()
    )
    return f'<p class="kinds">{said}</p>'


def _box(box: np.ndarray) -> str:
    x1, y1, x2, y2 = box
    return f"{x2 - x1:.0f}×{y2 - y1:.0f} at {x1:.0f}, {y1:.0f}"


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


def _drawing(session: Session, boxes: np.ndarray, texts: Sequence[str], kinds: Sequence[str]) -> str:
    colours = [kind_colour(kind) for kind in kinds]
    height, width = session.diagnosis.regions.size
    scale = min(FRAME[0] / width, FRAME[1] / height)
    w, h = width * scale, height * scale
    boxes = boxes * scale
    widths = np.array([LETTER * len(text) + 8 for text in texts])
    spots = label_spots(boxes, widths, FONT + 5, (w, h))
    parts = []
    # the first region is drawn last, on top
    for i in reversed(range(len(boxes))):
        x1, y1, x2, y2 = boxes[i]
        rect = f'x="{x1:.1f}" y="{y1:.1f}" width="{x2 - x1:.1f}" height="{y2 - y1:.1f}"'
        parts.append(f'<rect class="halo" {rect}/><rect class="box" {rect} stroke="{colours[i]}"/>')
    for i in reversed(range(len(boxes))):
        x, y = spots[i]
        parts.append(
            f'<rect class="plate" x="{x:.1f}" y="{y:.1f}" width="{widths[i]:.1f}" height="{FONT + 5}" rx="3" '
            f'fill="{colours[i]}"/><text x="{x + 4:.1f}" y="{y + FONT:.1f}">{esc(texts[i])}</text>'
        )
    uri = data_uri(session.picture, "jpeg")
    title = f"The image with {len(boxes)} numbered regions: " + "; ".join(texts)
    return (
        f'<svg viewBox="0 0 {w:.1f} {h:.1f}" style="max-width:{w:.0f}px" role="img" aria-label="{esc(title)}">'
        f'<image href="{uri}" width="{w:.1f}" height="{h:.1f}"/>{"".join(parts)}</svg>'
    )
