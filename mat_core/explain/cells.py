"""Attention over the cells of a grid, to be laid beside what was hidden tile by tile, or marked by a person."""

import numpy as np

from ..diagnoser import Diagnosis
from ..figures import guided_map
from .occlusion import GRID

# the first of these that the diagnosis has says where the network looked, and how that is called
SOURCES = (
    ("words_to_regions", "how the words look at the regions"),
    ("regions_to_regions", "how the regions look at each other"),
)
EVEN = "each region alike: this unit has no attention to regions"


def grid_for(size: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns of the grid that `occlude` lays over a picture of (height, width)."""
    return GRID if size[1] >= size[0] else GRID[::-1]


def attended(diagnosis: Diagnosis, rows: int, columns: int) -> tuple[np.ndarray, str]:
    """Attention that each cell gets, (rows, columns) float64, sums to 1; and which attention it is, in words.

    Of the last layer, averaged over heads and over who looks. A region's weight is spread evenly over its box; cells
    are cut as `occlude` cuts them.
    """
    weights, said = np.full(len(diagnosis.regions), 1 / len(diagnosis.regions)), EVEN
    for name, words in SOURCES:
        found = guided_map(diagnosis, name)
        if found is not None:
            weights, said = found.mean(0), words
            break
    height, width = diagnosis.regions.size
    x1, y1, x2, y2 = diagnosis.regions.boxes.astype(np.float64).T
    down = _overlaps(y1, y2, height, rows)  # (regions, rows), in pixels
    across = _overlaps(x1, x2, width, columns)
    shares = down[:, :, None] * across[:, None, :]
    inside = shares.sum((1, 2), keepdims=True)
    spread = np.divide(shares, inside, out=np.zeros_like(shares), where=inside > 0)
    cells = (weights.astype(np.float64)[:, None, None] * spread).sum(0)
    return cells / max(cells.sum(), 1e-12), said


def _overlaps(low: np.ndarray, high: np.ndarray, side: int, parts: int) -> np.ndarray:
    """How far each interval reaches into each of so many equal parts of a side, (intervals, parts), in pixels."""
    edges = np.linspace(0, side, parts + 1)
    return (np.minimum(high[:, None], edges[1:]) - np.maximum(low[:, None], edges[:-1])).clip(min=0)
