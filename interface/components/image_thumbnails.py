"""Small pictures of the lesion: turned, cropped, or shaded by attention."""

import numpy as np

from mat_core import Diagnosis
from mat_core.data.image_encoding import data_uri, encode_jpeg
from mat_core.data.image_loading import scale_image
from mat_core.display.colors import kind_color
from mat_core.explain.uncertainty import apply_view
from mat_core.models.detection.regions import Regions
from mat_core.utils.formatting import format_cell_percent

from ..frontend.html import escape
from ..frontend.translations import attribute, numbered_region, t, text

SIDE = 300  # pixels of the short side of a small picture
QUALITY = 82  # of its JPEG
MARKED = 3  # regions that are outlined
FULL = 2.0  # even shares from which on a pixel has full light; fixed, so that pictures can be compared
SHADE = 0.65  # how dark, 0 to 1, a place becomes that is not attended


def heat(regions: Regions, weights: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Mean weight of the boxes over each pixel, (h, w) float64, in even shares: 1 for uniform attention, 0 without a
    box. A mean, so that a pixel does not glow because many boxes cover it.
    """
    total, cover = np.zeros(size), np.zeros(size)
    boxes = regions.rescaled_to(size).boxes[: len(weights)]
    for (x1, y1, x2, y2), weight in zip(boxes.round().astype(int), weights, strict=True):
        total[y1:y2, x1:x2] += weight
        cover[y1:y2, x1:x2] += 1
    return total / np.maximum(cover, 1) * len(weights)


def attention_picture(image: np.ndarray, regions: Regions, weights: np.ndarray, who: str) -> str:
    """The lesion, darker where less is attended, with the most attended regions outlined and listed, as HTML.

    image: (h, w, 3) uint8 RGB; weights: (regions,), sums to 1; who: for the description.
    """
    small = scale_image(image, SIDE, 2 * SIDE)
    height, width = small.shape[:2]
    weights_map = heat(regions, weights, (height, width))
    light = 1 - SHADE * (1 - np.clip(weights_map / FULL, 0, 1))
    shaded = (small * light[..., None]).astype(np.uint8)
    top = np.argsort(-weights, kind="stable")[:MARKED]
    boxes = regions.rescaled_to((height, width)).boxes
    outlines = ""
    for rank, i in reversed(list(enumerate(top))):
        x1, y1, x2, y2 = boxes[i]
        rect = f'x="{x1:.0f}" y="{y1:.0f}" width="{x2 - x1:.0f}" height="{y2 - y1:.0f}" fill="none"'
        color = kind_color(regions.names[i])
        outlines += (
            f'<rect {rect} stroke="#10161b" stroke-width="6"/><rect {rect} stroke="{color}" stroke-width="3"/>'
            f'<text {_corner(rank, boxes[i], (height, width))} fill="{color}">{i + 1}</text>'
        )
    shares = [
        text("explorer.subject-share", name=numbered_region(i, regions.names[i]), share=f"{share}%")
        for i, share in ((i, format_cell_percent(float(weights[i]))) for i in top)
    ]
    label = text("compare.who", title=who, shares=shares)
    return (
        f'<svg class="attended" viewBox="0 0 {width} {height}" role="img" {attribute("aria-label", label)}><image '
        f'href="{data_uri(encode_jpeg(shaded, QUALITY), "jpeg")}" width="{width}" height="{height}"/>{outlines}</svg>'
    )


def attention_figure(image: np.ndarray, diagnosis: Diagnosis, who: str, caption: str = "") -> str:
    """`attention_picture` of a diagnosis as a figure, or a sentence for a model without attention to regions."""
    weights = diagnosis.region_attention
    if weights is None:
        return '<p class="fine unseen">' + t("common.no-attention") + "</p>"
    below = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f'<figure class="seen">{attention_picture(image, diagnosis.regions, weights, who)}{below}</figure>'


def _corner(rank: int, box: np.ndarray, size: tuple[int, int]) -> str:
    """Attributes of a box's number: each in another corner, as the most attended boxes often overlap."""
    x1, y1, x2, y2 = box
    left, top = rank % 2 == 0, rank < 2
    x = max(x1, 0) + 6 if left else min(x2, size[1]) - 6
    y = max(y1, 0) + 22 if top else min(y2, size[0]) - 7
    return f'x="{x:.0f}" y="{y:.0f}" text-anchor="{"start" if left else "end"}"'


def turned(image: np.ndarray, view: tuple[int, bool], side: int = 150) -> str:
    """One of `tta_uncertainty.VIEWS` of the image as a small img."""
    return _img(apply_view(scale_image(image, side, 2 * side), view))


def crop(image: np.ndarray, box: np.ndarray, size: tuple[int, int]) -> str:
    """What lies in a region's box as a small img. box: x1 y1 x2 y2 in pixels of a picture of `size` (height, width)."""
    height, width = image.shape[:2]
    x1, y1, x2, y2 = box * np.array([width / size[1], height / size[0]] * 2)
    left, top = (int(np.clip(v, 0, limit - 2)) for v, limit in ((x1, width), (y1, height)))
    right, bottom = (
        int(np.clip(np.ceil(v), low + 2, limit)) for v, low, limit in ((x2, left, width), (y2, top, height))
    )
    return _img(scale_image(np.ascontiguousarray(image[top:bottom, left:right]), 96, 192))


def _img(image: np.ndarray) -> str:
    return f'<img src="{data_uri(encode_jpeg(image, QUALITY), "jpeg")}" alt="">'
