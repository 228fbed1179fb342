"""What is put over a part of a picture, and how. What fills the place is a part of the question.

'skin' asks what this structure adds to plain skin, 'blur' what its outlines and texture add to its colour, and 'mean'
is the grey card of the literature, which no photograph of skin contains and which is evidence itself.
"""

from collections.abc import Sequence

import cv2
import numpy as np

FILLS = ("skin", "blur", "mean")
EDGE = 0.02  # width of the soft edge around what is hidden, share of the shorter side
GROWN = 0.1  # the lesion's box is larger by this share before what lies outside counts as skin


def filling(image: np.ndarray, fill: str, lesion: Sequence[float] | None) -> np.ndarray:
    """What lies below everything that is hidden: a whole picture, (h, w, 3) float32, 0 to 255.

    image: (h, w, 3) uint8. lesion: the box around it, xyxy in pixels, or None. 'skin': colours of the skin outside that
    box, spread smoothly over the picture, with their median where no skin is near. 'blur': the picture without
    details. 'mean': its mean colour.
    """
    colours = image.astype(np.float32)
    short = min(image.shape[:2])
    if fill == "mean":
        return np.broadcast_to(colours.mean((0, 1)), colours.shape).astype(np.float32)
    if fill == "blur":
        return cv2.GaussianBlur(colours, (0, 0), max(1.0, short / 12), borderType=cv2.BORDER_REFLECT_101)
    skin = _skin(colours, lesion)
    median = np.median(colours[skin], 0).astype(np.float32)
    weight = skin.astype(np.float32)
    spread = {"ksize": (0, 0), "sigmaX": max(1.0, short / 8), "borderType": cv2.BORDER_REFLECT_101}
    near = cv2.GaussianBlur(weight, **spread)[..., None]
    mixed = cv2.GaussianBlur(colours * weight[..., None], **spread)
    doubt = 0.02  # of the weight: how little skin nearby the median outweighs
    return (mixed + doubt * median) / (near + doubt)


def cover(image: np.ndarray, mask: np.ndarray, below: np.ndarray) -> np.ndarray:
    """`image`, (h, w, 3) uint8, with `below` where `mask`, (h, w) bool, is True; a soft edge outside of it."""
    if not mask.any():
        return image
    edge = max(1.0, EDGE * min(mask.shape))
    distance = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5)
    weight = np.clip(1 - distance / (edge + 1), 0, 1)[..., None]
    return np.rint(image * (1 - weight) + below * weight).astype(np.uint8)


def _skin(colours: np.ndarray, lesion: Sequence[float] | None) -> np.ndarray:
    """The pixels that show skin, (h, w) bool: outside the lesion's box, and no hair, dark corner or glare."""
    height, width = colours.shape[:2]
    outside = np.ones((height, width), dtype=bool)
    if lesion is not None:
        x1, y1, x2, y2 = lesion
        dx, dy = GROWN * (x2 - x1), GROWN * (y2 - y1)
        outside[max(0, int(y1 - dy)) : int(np.ceil(y2 + dy)), max(0, int(x1 - dx)) : int(np.ceil(x2 + dx))] = False
    if outside.mean() < 0.02:  # a lesion that fills the picture: its rim is the best guess
        rim = max(1, min(height, width) // 20)
        outside[:] = True
        outside[rim:-rim, rim:-rim] = False
    distance = np.abs(colours - np.median(colours[outside], 0)).sum(2)
    return outside & (distance <= 3 * max(1.0, float(np.median(distance[outside]))))
