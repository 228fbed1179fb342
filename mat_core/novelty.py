"""Does this look like the images that the model was trained on? The distance of its regions from theirs.

A softmax over seven diagnoses answers for a cat as surely as for a nevus. The detector's features know better: the mean
over an image's regions lies, for dermatoscopic images, in one cloud; its Mahalanobis distance (Lee et al. 2018, without
classes) says how far outside an image is.
"""

from dataclasses import dataclass

import numpy as np

from .errors import ConfigError
from .regions import Regions


@dataclass(frozen=True)
class Novelty:
    """distance: at least 0, larger is less like the training images; threshold: 95 % of val lie below."""

    distance: float
    threshold: float

    @property
    def outside(self) -> bool:
        """True when 95 % of the validation images are more like the training images than this one is."""
        return self.distance > self.threshold


@dataclass(frozen=True)
class NoveltyModel:
    """mean: (f,), whitening: (f, f), both float32 and of training images' `describe`; threshold: see Novelty."""

    mean: np.ndarray
    whitening: np.ndarray
    threshold: float

    def __post_init__(self):
        shapes = self.mean.shape, self.whitening.shape
        if len(shapes[0]) != 1 or shapes[1] != shapes[0] * 2:
            raise ConfigError(f"A novelty model has a mean (f,) and a whitening (f, f); got {shapes[0]}, {shapes[1]}.")

    def __call__(self, regions: Regions) -> Novelty:
        """The novelty of one image by its regions, of which there is at least one."""
        return Novelty(float(self.distances(describe(regions.features)[None])[0]), self.threshold)

    def distances(self, descriptions: np.ndarray) -> np.ndarray:
        """(images, f) of `describe` to (images,): Mahalanobis distance over sqrt(f), so that 1 is typical."""
        white = (descriptions - self.mean) @ self.whitening
        return np.sqrt((white.astype(np.float64) ** 2).mean(1))


def describe(features: np.ndarray) -> np.ndarray:
    """What stands for an image: the mean of its regions' features, (regions, f) to (f,) float32."""
    return features.mean(0, dtype=np.float64).astype(np.float32)
