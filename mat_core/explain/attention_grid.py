"""Attention on the cells of a grid, to compare with occlusion or with a person's marks."""

import numpy as np

from ..inference.diagnosis import Diagnosis, guided_map
from .occlusion import grid_for

__all__ = ["SOURCES", "UNIFORM_NOTE", "attention_on_grid", "grid_for"]

# map -> description; the first one that the diagnosis has is used
SOURCES = (
    ("words_to_regions", "how the words look at the regions"),
    ("regions_to_regions", "how the regions look at each other"),
)
UNIFORM_NOTE = "each region alike: this unit has no attention to regions"


def attention_on_grid(diagnosis: Diagnosis, rows: int, columns: int) -> tuple[np.ndarray, str]:
    """Attention of each cell, (rows, columns) float64, sums to 1; and a description of it.

    Of the last layer, averaged over heads and queries; a region's weight is spread evenly over its box.
    """
    weights, description = np.full(len(diagnosis.regions), 1 / len(diagnosis.regions)), UNIFORM_NOTE
    for name, words in SOURCES:
        attention = guided_map(diagnosis, name)
        if attention is not None:
            weights, description = attention.mean(0), words
            break
    height, width = diagnosis.regions.size
    x1, y1, x2, y2 = diagnosis.regions.boxes.astype(np.float64).T
    down = _overlaps(y1, y2, height, rows)  # (regions, rows), in pixels
    across = _overlaps(x1, x2, width, columns)
    shares = down[:, :, None] * across[:, None, :]
    inside = shares.sum((1, 2), keepdims=True)
    spread = np.divide(shares, inside, out=np.zeros_like(shares), where=inside > 0)
    cells = (weights.astype(np.float64)[:, None, None] * spread).sum(0)
    return cells / max(cells.sum(), 1e-12), description


def _overlaps(low: np.ndarray, high: np.ndarray, side: int, parts: int) -> np.ndarray:
    """Overlap of each interval with each of `parts` equal parts of a side, (intervals, parts), in pixels."""
    edges = np.linspace(0, side, parts + 1)
    return (np.minimum(high[:, None], edges[1:]) - np.maximum(low[:, None], edges[:-1])).clip(min=0)
