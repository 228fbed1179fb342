"""Regions of one image, and what every detector must give: boxes, scores, labels and features that belong together."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from torch import Tensor

from .errors import ConfigError
from .labels import CODES, PARTS
from .showing.shown import Shown

if TYPE_CHECKING:
    from .showing.picture import Picture


@dataclass(frozen=True)
class Regions(Shown):
    """Up to n detected regions of one image: first the box that is the lesion, then by score.

    boxes: (r, 4) float32, x1 y1 x2 y2 in pixels of the image that was given. features: (r, f) float32, pooled from
    these very boxes. probabilities: (r, kinds) float32, the detector's class head on these features; what is missing to
    1 is its belief in background. size: height and width of the image in pixels. kinds: what the classes are called:
    diagnoses mark the whole lesion, `labels.PARTS` its parts and the skin.
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
        """(r,) int64, the likeliest kind of each region; diagnoses are weighed against parts by their sum."""
        return likeliest_kinds(self.probabilities, self.kinds)

    @property
    def scores(self) -> np.ndarray:
        """(r,) float32, 0 to 1: the probability of that kind."""
        return self.probabilities[np.arange(len(self)), self.labels]

    @property
    def names(self) -> tuple[str, ...]:
        """The kind of each region, in words."""
        return tuple(self.kinds[i] for i in self.labels)

    def subset(self, keep: np.ndarray | slice) -> "Regions":
        """The regions that `keep` (indices, booleans or a slice) selects, in that order."""
        return Regions(self.boxes[keep], self.probabilities[keep], self.features[keep], self.size, self.kinds)

    def plot(self, image, k: int = 5) -> "Picture":
        """The first k boxes, numbered from 1, on the image that was given, of any size; what `load_image` takes."""
        from .figures import regions_plate
        from .images import load_image

        return regions_plate(self, load_image(image), k)

    def on_size(self, size: tuple[int, int]) -> "Regions":
        """The same regions in pixels of the same image at another size, (height, width)."""
        factor = np.array([size[1] / self.size[1], size[0] / self.size[0]] * 2, dtype=np.float32)
        return replace(self, boxes=self.boxes * factor, size=size)


def likeliest_kinds(probabilities: np.ndarray, kinds: tuple[str, ...]) -> np.ndarray:
    """Index of each region's kind, (r,) int64; probabilities: (r, kinds).

    A box around the lesion shares its probability among the diagnoses when the detector doubts which; it is a part only
    when that part outweighs all of them together.
    """
    if not len(probabilities):
        return np.zeros(0, dtype=np.int64)
    parts = np.array([kind in PARTS for kind in kinds])
    lesion = probabilities[:, ~parts].sum(1)
    is_part = probabilities[:, parts].max(1, initial=0.0) > lesion
    return np.where(is_part[:, None] == parts, probabilities, -1.0).argmax(1)


class Detector(Protocol):
    """What the diagnoser asks of a detector; a bundle names the one it was trained with."""

    config: Any

    @property
    def feature_width(self) -> int:
        """Numbers in a region's feature vector."""

    def detect(self, image: np.ndarray) -> Regions:
        """The best regions of one image, (h, w, 3) uint8 RGB."""

    def state_dict(self) -> dict[str, Any]:
        """Its weights by name, as a module of torch has them."""


def network_input(regions: Regions, n: int) -> tuple[Tensor, Tensor]:
    """Regions as the network reads them: features with the box beside them, padded to n.

    Returns (n, f + 4) float32, the last four numbers the box in shares of the image's width and height, and the
    padding mask (n,), True where there is no region.
    """
    height, width = regions.size
    count = min(len(regions), n)
    rows = torch.zeros(n, regions.features.shape[1] + 4)
    rows[:count, :-4] = torch.from_numpy(regions.features[:count])
    rows[:count, -4:] = torch.from_numpy(regions.boxes[:count] / np.array([width, height] * 2, dtype=np.float32))
    return rows, torch.arange(n) >= count
