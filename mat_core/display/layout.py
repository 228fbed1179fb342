"""Positions of labels on an image and colors of a heatmap's cells, for matplotlib and HTML."""

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import to_hex

COLORMAP = "cividis"  # even in lightness, and the same to color-blind eyes


def cell_colors(values: np.ndarray, top: float) -> tuple[np.ndarray, np.ndarray]:
    """Background and text colors of heatmap cells, arrays of '#rrggbb' shaped as `values`.

    values: at least 0; top: the value of the brightest color. Text is black or white, with a WCAG contrast of at least
    4.5 : 1.
    """
    rgb = colormaps[COLORMAP](np.clip(np.asarray(values) / max(top, 1e-12), 0, 1))[..., :3]
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    luminance = linear @ np.array([0.2126, 0.7152, 0.0722])
    backgrounds = np.empty(rgb.shape[:-1], dtype=object)
    for where in np.ndindex(backgrounds.shape):
        backgrounds[where] = to_hex(rgb[where])  # type: ignore[arg-type]  # not a tuple: matplotlib would keep each
    return backgrounds, np.where(luminance > 0.179, "#000000", "#ffffff")


def place_labels(boxes: np.ndarray, widths: np.ndarray, height: float, frame: tuple[float, float]) -> np.ndarray:
    """Top left corners of labels, (r, 2), inside the frame, at a corner of their box, with little overlap.

    boxes: (r, 4) xyxy; widths: (r,) of the labels; height: of a label; frame: (width, height); all in one unit.
    """
    spots: list[tuple[float, float]] = []
    limits = np.array(frame)
    for (x1, y1, x2, y2), width in zip(boxes, widths, strict=True):
        room = np.maximum(limits - (width, height), 0)
        left, right, above, below = x1, x2 - width, y1 - height, y2 - height
        corners = [(left, above), (left, y1), (right, above), (right, y1), (left, y2), (left, below), (right, y2)]
        corners += [(right, below), (x2, y1), (x1 - width, y1)]
        corners += [(x1, y1 + step * height) for step in range(1, 12)]
        tries = [tuple(np.clip(corner, 0, room)) for corner in corners]
        hidden = [
            sum(
                max(0.0, min(x + width, u + w) - max(x, u)) * max(0.0, height - abs(y - v))
                for (u, v), w in zip(spots, widths, strict=False)
            )
            for x, y in tries
        ]
        spots.append(tries[int(np.argmin(hidden))])
    return np.array(spots, dtype=float).reshape(-1, 2)
