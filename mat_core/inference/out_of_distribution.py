"""Out-of-distribution score: Mahalanobis distance of an image's mean region features from the training images'
(Lee et al. 2018, without classes).
"""

from dataclasses import dataclass

import numpy as np

from ..errors import ConfigError
from ..models.detection.regions import Regions


@dataclass(frozen=True)
class OODScore:
    """distance: at least 0, larger is less like the training images; threshold: the 95 % quantile of val."""

    distance: float
    threshold: float

    @property
    def is_out_of_distribution(self) -> bool:
        """Whether the distance exceeds the threshold."""
        return self.distance > self.threshold


@dataclass(frozen=True)
class MahalanobisOOD:
    """mean: (f,), whitening: (f, f), float32, of training images' `mean_features`; threshold: see OODScore."""

    mean: np.ndarray
    whitening: np.ndarray
    threshold: float

    def __post_init__(self):
        shapes = self.mean.shape, self.whitening.shape
        if len(shapes[0]) != 1 or shapes[1] != shapes[0] * 2:
            raise ConfigError(f"A novelty model has a mean (f,) and a whitening (f, f); got {shapes[0]}, {shapes[1]}.")

    def __call__(self, regions: Regions) -> OODScore:
        """The score of one image with at least one region."""
        return OODScore(float(self.distances(mean_features(regions.features)[None])[0]), self.threshold)

    def distances(self, descriptions: np.ndarray) -> np.ndarray:
        """(images, f) of `mean_features` to (images,): Mahalanobis distance over sqrt(f), so that 1 is typical."""
        white = (descriptions - self.mean) @ self.whitening
        return np.sqrt((white.astype(np.float64) ** 2).mean(1))


def mean_features(features: np.ndarray) -> np.ndarray:
    """Mean over an image's regions, (regions, f) to (f,) float32."""
    return features.mean(0, dtype=np.float64).astype(np.float32)
