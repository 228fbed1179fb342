"""Fill hidden parts of an image.

'skin' shows what a structure adds to plain skin, 'blur' what outlines and texture add to color. 'mean', the usual fill
of the literature, is unlike any photograph of skin and therefore evidence itself.
"""

from collections.abc import Sequence

import cv2
import numpy as np

FILLS = ("skin", "blur", "mean")
EDGE = 0.02  # width of the soft edge, share of the shorter side
GROWN = 0.1  # margin around the lesion's box that does not count as skin, share of its size


def fill_image(image: np.ndarray, fill: str, lesion: Sequence[float] | None) -> np.ndarray:
    """The image that shows through hidden parts, (h, w, 3) float32, 0 to 255.

    image: (h, w, 3) uint8; lesion: its box, xyxy in pixels, or None. 'skin': smoothed colors of the skin outside that
    box, their median where none is near; 'blur': the blurred image; 'mean': its mean color.
    """
    colors = image.astype(np.float32)
    short = min(image.shape[:2])
    if fill == "mean":
        return np.broadcast_to(colors.mean((0, 1)), colors.shape).astype(np.float32)
    if fill == "blur":
        return cv2.GaussianBlur(colors, (0, 0), max(1.0, short / 12), borderType=cv2.BORDER_REFLECT_101)
    skin = _skin(colors, lesion)
    median = np.median(colors[skin], 0).astype(np.float32)
    weight = skin.astype(np.float32)
    spread = {"ksize": (0, 0), "sigmaX": max(1.0, short / 8), "borderType": cv2.BORDER_REFLECT_101}
    density = cv2.GaussianBlur(weight, **spread)[..., None]
    mixed = cv2.GaussianBlur(colors * weight[..., None], **spread)
    prior = 0.02  # weight of the median, which dominates where little skin is near
    return (mixed + prior * median) / (density + prior)


def paste(image: np.ndarray, mask: np.ndarray, below: np.ndarray) -> np.ndarray:
    """`image`, (h, w, 3) uint8, with `below` where `mask`, (h, w) bool, is True, and a soft edge around."""
    if not mask.any():
        return image
    edge = max(1.0, EDGE * min(mask.shape))
    distance = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5)
    weight = np.clip(1 - distance / (edge + 1), 0, 1)[..., None]
    return np.rint(image * (1 - weight) + below * weight).astype(np.uint8)


def _skin(colors: np.ndarray, lesion: Sequence[float] | None) -> np.ndarray:
    """Pixels of skin, (h, w) bool: outside the lesion's box, no hair, dark corner or glare."""
    height, width = colors.shape[:2]
    outside = np.ones((height, width), dtype=bool)
    if lesion is not None:
        x1, y1, x2, y2 = lesion
        dx, dy = GROWN * (x2 - x1), GROWN * (y2 - y1)
        outside[max(0, int(y1 - dy)) : int(np.ceil(y2 + dy)), max(0, int(x1 - dx)) : int(np.ceil(x2 + dx))] = False
    if outside.mean() < 0.02:  # the lesion fills the image: use its rim
        rim = max(1, min(height, width) // 20)
        outside[:] = True
        outside[rim:-rim, rim:-rim] = False
    distance = np.abs(colors - np.median(colors[outside], 0)).sum(2)
    return outside & (distance <= 3 * max(1.0, float(np.median(distance[outside]))))
