"""Fitting `mat_core.novelty` on cached regions: mean and covariance from train, the threshold from val."""

import numpy as np
import torch
from sklearn.covariance import LedoitWolf

from mat_core.novelty import NoveltyModel

from .features import CachedRegions

KEPT = 0.95  # share of val that is to count as familiar


def fit_novelty(train: CachedRegions, val: CachedRegions) -> NoveltyModel:
    """train: a view of the training images; val: the plain photographs of validation, which set the threshold."""
    described = descriptions(train)
    covariance = LedoitWolf().fit(described.astype(np.float64)).covariance_
    values, vectors = np.linalg.eigh(covariance)
    whitening = vectors / np.sqrt(np.maximum(values, 1e-12))
    model = NoveltyModel(described.mean(0), whitening.astype(np.float32), float("inf"))
    return NoveltyModel(model.mean, model.whitening, float(np.quantile(model.distances(descriptions(val)), KEPT)))


def descriptions(regions: CachedRegions) -> np.ndarray:
    """`mat_core.novelty.describe` of every case, (cases, f): boxes and padding left out."""
    rows = []
    for inputs, counts in zip(regions.inputs.split(512), regions.counts.split(512), strict=True):
        rows.append(inputs[..., :-4].float().sum(1) / counts[:, None])  # padding is zeros
    return torch.cat(rows).numpy()
