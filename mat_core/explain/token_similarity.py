"""Similarity of the regions' tokens from the detector to the last block (Dong et al. 2021, "Attention is not all you
need: pure attention loses rank doubly exponentially with depth").

Self-attention averages tokens and makes them similar; residual connections and feed-forward networks counteract this.
If all tokens are similar, it matters little which of them is attended to or removed.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..data.metadata import Metadata
from ..display.base import NotebookResult
from ..display.panels import Lines, ResultView
from ..inference.diagnoser import Diagnoser
from ..inference.diagnosis import Diagnosis
from ..models.detection.regions import Regions


@dataclass(frozen=True)
class Similarity(NotebookResult):
    """stages: 'detector' (its features), 'embedding' (X, before the blocks), then 'SA' and 'GA' after the regions'
    blocks, numbered if there are several layers. cosine: (stages,), mean cosine between the tokens of all pairs of
    regions, -1 to 1. residual: (stages,), Dong et al.'s distance from rank one: norm of the centered tokens over norm
    of the tokens, 0 to 1. NaN with fewer than two regions.
    """

    unit: str
    stages: tuple[str, ...]
    cosine: np.ndarray
    residual: np.ndarray

    def summary(self) -> str:
        """The mean cosine at each stage."""
        if np.isnan(self.cosine).any():
            return "It takes two regions to be alike."
        stages = ", ".join(f"{c:.2f} after {stage}" for stage, c in zip(self.stages[2:], self.cosine[2:], strict=True))
        return (
            f"The regions' tokens have a mean cosine of {self.cosine[0]:.2f} as the detector gives them and "
            f"{self.cosine[1]:.2f} before the blocks{f'; {stages}' if stages else '; this unit has no block'}."
        )

    def view(self, label: str | None = None) -> ResultView:
        """Lines of both measures over the stages."""
        if np.isnan(self.cosine).any():
            return ResultView("Similarity", self.summary(), ())
        series = {"mean cosine": self.cosine, "distance from rank one": self.residual}
        lines = Lines("How alike the regions' tokens are", "stage", np.arange(len(self.stages)), series, self.stages)
        return ResultView("Similarity", self.summary(), (lines,))


def similarity(diagnoser: Diagnoser, case: Regions | Diagnosis, metadata: Metadata | None = None) -> Similarity:
    """Similarity of one case's regions at every stage; case, metadata: see `Diagnoser.forward`."""
    network = diagnoser.bundle.network
    output = diagnoser.forward(case, metadata)
    regions, metadata = (case.regions, case.metadata) if isinstance(case, Diagnosis) else (case, metadata)
    features, padding, _ = diagnoser.inputs(regions, metadata)
    with torch.inference_mode():
        stages = {"detector": features[..., :-4], "embedding": network.region_projection(features)}
        layers = output.layers or []
        for number, maps in enumerate(layers, start=1):
            name = f" {number}" if len(layers) > 1 else ""
            for stage, block in (("SA", "regions_to_regions"), ("GA", "regions_to_words")):
                if block in maps:
                    tokens = maps[block].output
                    assert tokens is not None  # recorded with need_weights
                    stages[stage + name] = tokens
        measures = [_alike(values[~padding]) for values in stages.values()]
    cosine, residual = np.array(measures).T
    return Similarity(network.config.unit, tuple(stages), cosine, residual)


def _alike(tokens: Tensor) -> tuple[float, float]:
    """Mean cosine between the rows of (r, d), and their distance from rank one."""
    tokens, count = tokens.double(), len(tokens)
    if count < 2:
        return float("nan"), float("nan")
    unit = tokens / tokens.norm(dim=1, keepdim=True).clamp_min(1e-12)
    diagonal = (unit * unit).sum()
    cosine = (unit.sum(0).square().sum() - diagonal) / (count * (count - 1))
    residual = (tokens - tokens.mean(0)).norm() / tokens.norm().clamp_min(1e-12)
    return float(cosine), float(residual)
