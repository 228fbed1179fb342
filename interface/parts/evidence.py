"""The image with its first k regions as an SVG, sharp at every size, and the same regions as a list."""

from collections.abc import Sequence

import numpy as np

from mat_core.encoding import data_uri
from mat_core.figures import label_spots, region_colour, region_texts
from mat_core.labels import region_name

from ..session import Session
from .text import esc

FRAME = (460, 380)  # CSS pixels, width and height, that the image is fitted into; the unit of the drawing
FONT = 12  # CSS pixels
LETTER = 6.9  # width of a bold digit or letter at FONT, on the wide side


def regions_html(session: Session | None, k: int) -> str:
    """The picture with k boxes, one sentence on what they are, and the list."""
    if session is None:
        return ""
    regions = session.diagnosis.regions
    shown = regions.subset(slice(0, k))
    colours = [region_colour(i) for i in range(len(shown))]
    names = [region_name(kind, explained=True) for kind in shown.names]
    rows = "".join(
        f"<tr><td>{_badge(i)}</td><td>{esc(name)}</td><td>{score:.2f}</td>"
        f"<td>{x2 - x1:.0f}×{y2 - y1:.0f} at {x1:.0f}, {y1:.0f}</td></tr>"
        for i, (name, score, (x1, y1, x2, y2)) in enumerate(zip(names, shown.scores, shown.boxes, strict=True))
    )
    return (
        f'<figure class="regions">{_drawing(session, shown.boxes, region_texts(shown), colours)}'
        f"<figcaption>First {len(shown)} of {len(regions)} regions that the detector found, best first. A score is the "
        "detector's own belief in its label for that box alone, 0 to 1; the answer comes from all "
        f"{len(regions)} and the words.</figcaption></figure>"
        '<div class="list" tabindex="0" role="region" aria-label="The regions as a list"><table><thead><tr>'
        '<th scope="col">No.</th><th scope="col">Label</th><th scope="col">Score</th><th scope="col">Box, pixels</th>'
        f"</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _badge(index: int) -> str:
    return f'<span class="badge" style="background:{region_colour(index)}">{index + 1}</span>'


def boxes_drawing(
    session: Session, indices: Sequence[int] | None, texts: Sequence[str], boxes: np.ndarray | None = None
) -> str:
    """The case's picture with boxes, as an SVG, the first on top.

    indices: of the regions that are drawn, which number and colour them; None with `boxes`, (r, 4) in pixels of the
    diagnosed image, in their place. texts: what is written on each, behind its number.
    """
    regions = session.diagnosis.regions
    numbers = range(len(boxes)) if indices is None else indices
    boxes = regions.boxes[np.asarray(indices)] if indices is not None else boxes
    plates = [
        f"{i + 1} {text}".strip() if indices is not None else text for i, text in zip(numbers, texts, strict=True)
    ]
    return _drawing(session, boxes, plates, [region_colour(i) for i in numbers])


def _drawing(session: Session, boxes: np.ndarray, texts: Sequence[str], colours: Sequence[str]) -> str:
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
