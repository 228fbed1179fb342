"""Detected regions of an image, and the interface of detectors."""

from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from ...data.labels import CODES, PARTS, WHOLE_IMAGE
from ...display.base import NotebookResult
from ...display.panels import Bars, ResultView
from ...errors import ConfigError

VIEWED = 10  # regions listed in a notebook


@dataclass(frozen=True)
class Regions(NotebookResult):
    """Up to n detected regions of one image: first the lesion's box, then by score.

    boxes: (r, 4) float32, x1 y1 x2 y2 in pixels of the original image. features: (r, f) float32, pooled from these
    boxes. probabilities: (r, kinds) float32, of the class head on these features; the rest to 1 is background. size:
    (height, width) of the image in pixels. kinds: diagnoses for the whole lesion, `labels.PARTS` for parts and skin.
    """

    boxes: np.ndarray
    probabilities: np.ndarray
    features: np.ndarray
    size: tuple[int, int]
    kinds: tuple[str, ...] = CODES

    def __post_init__(self):
        count = len(self.boxes)
        if self.boxes.shape != (count, 4):
            raise ConfigError(f"Regions.boxes must be (regions, 4); got {self.boxes.shape}.")
        if self.probabilities.shape != (count, len(self.kinds)):
            raise ConfigError(
                f"Regions.probabilities must be ({count}, {len(self.kinds)}); got {self.probabilities.shape}."
            )
        if self.features.ndim != 2 or len(self.features) != count:
            raise ConfigError(f"Regions.features must be ({count}, f); got {self.features.shape}.")

    def __len__(self) -> int:
        return len(self.boxes)

    @property
    def labels(self) -> np.ndarray:
        """(r,) int64, the most likely kind of each region, see `most_likely_kinds`."""
        return most_likely_kinds(self.probabilities, self.kinds)

    @property
    def scores(self) -> np.ndarray:
        """(r,) float32, the probability of that kind."""
        return self.probabilities[np.arange(len(self)), self.labels]

    @property
    def names(self) -> tuple[str, ...]:
        """The kind of each region."""
        return tuple(self.kinds[i] for i in self.labels)

    @property
    def has_diagnoses(self) -> bool:
        """Whether the class head was trained on all seven diagnoses."""
        return set(CODES) <= set(self.kinds)

    @property
    def first_diagnosis(self) -> np.ndarray:
        """(classes,) float32 in the order of `CODES`: the class head's probabilities of the first region, the lesion,
        divided by their sum; even without the diagnoses.
        """
        if not self.has_diagnoses:
            return np.full(len(CODES), 1 / len(CODES), dtype=np.float32)
        chosen = self.probabilities[0, [self.kinds.index(code) for code in CODES]]
        return chosen / np.maximum(chosen.sum(), 1e-12)

    def select(self, keep: np.ndarray | slice) -> "Regions":
        """The regions selected by `keep`: indices, booleans or a slice."""
        return Regions(self.boxes[keep], self.probabilities[keep], self.features[keep], self.size, self.kinds)

    def view(self, label: str | None = None) -> ResultView:
        """Counts by kind, and the first regions with box and score. label: not used."""
        kinds = ", ".join(f"{self.names.count(kind)} {kind}" for kind in dict.fromkeys(self.names))
        sentence = f"{len(self)} regions of an image of {self.size[1]} x {self.size[0]} pixels: {kinds}."
        names = tuple(
            f"{i + 1} {kind}, at {', '.join(f'{v:.0f}' for v in box)}"
            for i, (kind, box) in enumerate(zip(self.names[:VIEWED], self.boxes[:VIEWED], strict=True))
        )
        bars = Bars("The first ones: kind, box (x1, y1, x2, y2) and score", names, self.scores[:VIEWED])
        return ResultView("Regions", sentence, (bars,) if names else ())

    def rescaled_to(self, size: tuple[int, int]) -> "Regions":
        """The same regions in pixels of the same image at another size, (height, width)."""
        return replace(self, boxes=rescale_boxes(self.boxes, self.size, size), size=size)


def rescale_boxes(boxes: np.ndarray, old: tuple[int, int], new: tuple[int, int]) -> np.ndarray:
    """Boxes (r, 4) xyxy in pixels of an image of size `old`, for size `new`; both (height, width). Keeps the dtype."""
    return boxes * np.array([new[1] / old[1], new[0] / old[0]] * 2, dtype=boxes.dtype)


def most_likely_kinds(probabilities: np.ndarray, kinds: tuple[str, ...]) -> np.ndarray:
    """Index of each region's kind, (r,) int64; probabilities: (r, kinds).

    A region is a part only if that part is more probable than all diagnoses together.
    """
    if not len(probabilities):
        return np.zeros(0, dtype=np.int64)
    parts = np.array([kind in PARTS or kind == WHOLE_IMAGE for kind in kinds])
    lesion = probabilities[:, ~parts].sum(1)
    is_part = probabilities[:, parts].max(1, initial=0.0) > lesion
    return np.where(is_part[:, None] == parts, probabilities, -1.0).argmax(1)


class Detector(Protocol):
    """Interface of detectors."""

    config: Any

    @property
    def feature_width(self) -> int:
        """Numbers in a region's feature vector."""

    def detect(self, image: np.ndarray) -> Regions:
        """The best regions of one image, (h, w, 3) uint8 RGB."""

    def state_dict(self) -> dict[str, Any]:
        """Weights by name, as of a torch module."""


def to_network_input(regions: Regions, n: int) -> tuple[Tensor, Tensor]:
    """Inputs of the network: (n, f + 4) float32, features and the box relative to the image's width and height, padded
    to n; and the padding mask (n,), True for padding.
    """
    height, width = regions.size
    count = min(len(regions), n)
    rows = torch.zeros(n, regions.features.shape[1] + 4)
    rows[:count, :-4] = torch.from_numpy(regions.features[:count])
    rows[:count, -4:] = torch.from_numpy(regions.boxes[:count] / np.array([width, height] * 2, dtype=np.float32))
    return rows, torch.arange(n) >= count
