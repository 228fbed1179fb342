"""Boxes of a lesion's parts from its mask and pixels, as further targets of the detector.

A detector of whole lesions proposes nearly concentric boxes. With parts its regions differ: arcs of the border, patches
of one color, and skin.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from mat_core.data.labels import CODES, PARTS

from .dataset import lesion_box

Box = tuple[int, int, int, int]
KINDS = (*CODES, *PARTS)


@dataclass(frozen=True)
class PartSettings:
    """Sizes are relative to the lesion's size, the square root of its area; counts are maxima per image."""

    border_side: float = 0.45
    border_count: int = 6
    patch_colours: int = 4
    patch_smallest: float = 0.04  # of the lesion's area
    skin_side: float = 0.5
    skin_count: int = 6
    smallest: int = 14  # pixels of any box's side
    largest_skin: float = 0.35  # of the image's short side


def part_boxes(image: np.ndarray, mask: np.ndarray, settings: PartSettings = PartSettings()) -> list[tuple[Box, str]]:
    """Boxes and their part of labels.PARTS; deterministic. image: (h, w, 3) uint8 RGB; mask: (h, w) uint8 0/1."""
    if lesion_box(mask) is None:
        return []
    _, numbers, stats, _ = cv2.connectedComponentsWithStats(mask)
    lesion = (numbers == 1 + stats[1:, cv2.CC_STAT_AREA].argmax()).astype(np.uint8)
    size = float(np.sqrt(lesion.sum()))
    boxes = [(box, "border") for box in _border(lesion, size, settings)]
    boxes += [(box, "patch") for box in _patches(image, lesion, settings)]
    boxes += [(box, "skin") for box in _skin(mask, size, settings)]
    return boxes


def _border(lesion: np.ndarray, size: float, settings: PartSettings) -> list[Box]:
    """Squares at equal distances along the outline, the first at its top."""
    contours, _ = cv2.findContours(lesion, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = max(contours, key=len)[:, 0].astype(float)  # (points, 2), x and y
    height, width = lesion.shape
    # no border where the lesion leaves the image
    visible = ((outline > 1) & (outline < [width - 2, height - 2])).all(1)
    top = int(outline[:, 1].argmin())
    outline, visible = np.roll(outline, -top, axis=0), np.roll(visible, -top)
    side = max(settings.smallest, settings.border_side * size)
    boxes = []
    for i in np.linspace(0, len(outline), settings.border_count, endpoint=False).astype(int):
        if visible[i]:
            boxes.append(_square(outline[i], side, lesion.shape))
    return [box for box in boxes if _big_enough(box, settings)]


def _patches(image: np.ndarray, lesion: np.ndarray, settings: PartSettings) -> list[Box]:
    """Boxes of colors inside: k-means on color and, weakly, position; the largest component of each color."""
    half = lesion.shape[1] // 2, lesion.shape[0] // 2  # half the resolution is enough
    small = cv2.cvtColor(cv2.blur(cv2.resize(image, half, interpolation=cv2.INTER_AREA), (3, 3)), cv2.COLOR_RGB2LAB)
    inner = cv2.erode(cv2.resize(lesion, half, interpolation=cv2.INTER_NEAREST), np.ones((3, 3), np.uint8))
    y, x = np.nonzero(inner)
    if len(x) < 25 * settings.patch_colours:
        return []
    # the lesion's size counts as 20 levels of color
    place = np.column_stack([x - x.mean(), y - y.mean()]) * 20 / np.sqrt(len(x))
    points = np.hstack([small[y, x], place]).astype(np.float32)
    cv2.setRNGSeed(0)
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 8, 0.5)
    chosen = points[:: max(1, len(points) // 800)]
    _, _, centres = cv2.kmeans(chosen, settings.patch_colours, None, stop, 1, cv2.KMEANS_PP_CENTERS)
    nearest = (points @ centres.T - (centres**2).sum(1) / 2).argmax(1)
    outline, boxes = lesion_box(lesion), []
    for k in range(settings.patch_colours):
        patch = np.zeros_like(inner)
        patch[y[nearest == k], x[nearest == k]] = 1
        piece = lesion_box(cv2.morphologyEx(patch, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)))
        if piece is None or (nearest == k).mean() < settings.patch_smallest:
            continue
        box = tuple(2 * v for v in piece)
        if _big_enough(box, settings) and _iou(box, outline) < 0.5 and all(_iou(box, b) < 0.4 for b in boxes):
            boxes.append(box)
    return boxes


def _skin(mask: np.ndarray, size: float, settings: PartSettings) -> list[Box]:
    """Squares without lesion, far from it and from each other."""
    height, width = mask.shape
    side = int(np.clip(settings.skin_side * size, 2 * settings.smallest, settings.largest_skin * min(mask.shape)))
    integral = cv2.integral(mask)
    step = max(1, side // 4)
    x, y = (v.ravel() for v in np.meshgrid(np.arange(0, width - side + 1, step), np.arange(0, height - side + 1, step)))
    lesion = integral[y + side, x + side] - integral[y, x + side] - integral[y + side, x] + integral[y, x]
    corners = np.column_stack([x, y])[lesion == 0].astype(float)
    distance = cv2.distanceTransform(1 - mask, cv2.DIST_L2, 3)
    boxes: list[Box] = []
    free = np.ones(len(corners), dtype=bool)
    while free.any() and len(boxes) < settings.skin_count:
        near = distance[(corners[:, 1] + side / 2).astype(int), (corners[:, 0] + side / 2).astype(int)]
        for box in boxes:
            near = np.minimum(near, np.hypot(*(corners - box[:2]).T))
        best = int(np.where(free, near, -1).argmax())
        x, y = corners[best].astype(int)
        boxes.append((int(x), int(y), int(x + side), int(y + side)))
        free &= (np.abs(corners - corners[best]) >= side).any(1)
    return boxes


def _square(centre: np.ndarray, side: float, shape: tuple[int, int]) -> Box:
    low = np.clip(centre - side / 2, 0, None)
    high = np.minimum(centre + side / 2, shape[::-1])
    return tuple(np.rint([*low, *high]).astype(int).tolist())


def _big_enough(box: Box, settings: PartSettings) -> bool:
    return min(box[2] - box[0], box[3] - box[1]) >= settings.smallest


def _iou(a: Box, b: Box) -> float:
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    common = width * height
    area = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b))
    return common / (area - common)
