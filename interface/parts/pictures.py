"""Small pictures of the lesion: turned, cropped, or under what a model attends to."""

import numpy as np

from mat_core.colours import kind_colour
from mat_core.encoding import data_uri, encode_jpeg
from mat_core.explain.doubt import turn
from mat_core.images import scale_image
from mat_core.labels import region_name
from mat_core.regions import Regions
from mat_core.wording import percent

from .text import esc

SIDE = 300  # pixels of the short side of a small picture
QUALITY = 82  # of its JPEG
MARKED = 3  # regions that are outlined
FULL = 2.0  # even shares from which on a place has full light; fixed, so that pictures can be compared
SHADE = 0.65  # how dark, 0 to 1, a place becomes that is not attended


def heat(regions: Regions, weights: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Mean weight of the boxes that cover each pixel, (h, w) float64, in even shares: 1 is what each would get if all
    got the same; 0 where there is no box. A mean, so that a place does not glow because many boxes lie on it.
    """
    total, cover = np.zeros(size), np.zeros(size)
    boxes = regions.on_size(size).boxes[: len(weights)]
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
    warm = heat(regions, weights, (height, width))
    light = 1 - SHADE * (1 - np.clip(warm / FULL, 0, 1))
    shaded = (small * light[..., None]).astype(np.uint8)
    first = np.argsort(-weights, kind="stable")[:MARKED]
    boxes = regions.on_size((height, width)).boxes
    drawn = ""
    for place, i in reversed(list(enumerate(first))):
        x1, y1, x2, y2 = boxes[i]
        rect = f'x="{x1:.0f}" y="{y1:.0f}" width="{x2 - x1:.0f}" height="{y2 - y1:.0f}" fill="none"'
        colour = kind_colour(regions.names[i])
        drawn += (
            f'<rect {rect} stroke="#10161b" stroke-width="6"/><rect {rect} stroke="{colour}" stroke-width="3"/>'
            f'<text {_corner(place, boxes[i], (height, width))} fill="{colour}">{i + 1}</text>'
        )
    said = "; ".join(f"{i + 1} {region_name(regions.names[i])}: {percent(float(weights[i]))}%" for i in first)
    label = f"Where {who} attends: {said}"
    return (
        f'<svg class="attended" viewBox="0 0 {width} {height}" role="img" aria-label="{esc(label)}"><image '
        f'href="{data_uri(encode_jpeg(shaded, QUALITY), "jpeg")}" width="{width}" height="{height}"/>{drawn}</svg>'
    )


def _corner(place: int, box: np.ndarray, size: tuple[int, int]) -> str:
    """Where a box's number stands: each in another corner, as the most attended boxes often lie in each other."""
    x1, y1, x2, y2 = box
    left, top = place % 2 == 0, place < 2
    x = max(x1, 0) + 6 if left else min(x2, size[1]) - 6
    y = max(y1, 0) + 22 if top else min(y2, size[0]) - 7
    return f'x="{x:.0f}" y="{y:.0f}" text-anchor="{"start" if left else "end"}"'


def turned(image: np.ndarray, view: tuple[int, bool], side: int = 150) -> str:
    """One of `doubt.VIEWS` of the image as a small img; what it shows is said beside it."""
    return _img(turn(scale_image(image, side, 2 * side), view))


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
