"""How alike are the regions' tokens, from the detector to the last block? Dong et al. 2021, "Attention is not all you
need: pure attention loses rank doubly exponentially with depth".

Each row of self-attention is a mean of all tokens, so attention draws them towards one vector; shortcuts and
feed-forward networks work against it. Where all tokens are alike, it does not matter which of them is taken away or
attended to.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..diagnoser import Diagnoser
from ..metadata import Metadata
from ..regions import Regions
from ..showing.shown import Plotted
from ..units import TransformerUnit
from .passes import case_inputs


@dataclass(frozen=True)
class Similarity(Plotted):
    """stages: where the tokens were looked at: 'detector' (its features), 'embedding' (X, before any block), then of
    each layer 'SA' and 'GA' where the unit has that block on the regions' side; with several layers 'SA 1' and so on.

    cosine: (stages,), mean over all pairs of regions of the cosine between their tokens, -1 to 1; 1 when all point the
    same way. residual: (stages,), Dong et al.'s distance from rank one: the norm of what is left of the tokens without
    their mean, over their norm, 0 to 1; 0 when all are the same. NaN with fewer than two regions.
    """

    unit: str
    stages: tuple[str, ...]
    cosine: np.ndarray
    residual: np.ndarray

    def sentence(self) -> str:
        """From where to where the mean cosine goes."""
        if np.isnan(self.cosine).any():
            return "It takes two regions to be alike."
        said = ", ".join(f"{c:.2f} after {stage}" for stage, c in zip(self.stages[2:], self.cosine[2:], strict=True))
        return (
            f"The regions' tokens have a mean cosine of {self.cosine[0]:.2f} as the detector gives them and "
            f"{self.cosine[1]:.2f} before the blocks{f'; {said}' if said else '; this unit has no block'}."
        )


def similarity(diagnoser: Diagnoser, regions: Regions, metadata: Metadata | None = None) -> Similarity:
    """Look at the regions' tokens of one case at every stage of the unit."""
    features, padding, ids = case_inputs(diagnoser, regions, metadata)
    network = diagnoser.bundle.network
    seen = {"detector": features[..., :-4]}
    with torch.inference_mode():
        tokens, masks = {"regions": network.region_projection(features)}, {"regions": padding}
        if "words" in network.config.modalities:
            tokens["words"], masks["words"] = network.word_encoder(ids), ids == 0
        seen["embedding"] = tokens["regions"]
        for number, layer in enumerate(network.layers, start=1):
            name = f" {number}" if len(network.layers) > 1 else ""
            assert isinstance(layer, TransformerUnit)
            x = tokens["regions"]
            if "regions" in layer.self_blocks:
                seen["SA" + name] = layer.self_blocks["regions"](x, x, padding, True)[0]
            tokens, _ = layer(tokens, masks, True)
            if "regions" in layer.guided_blocks:
                seen["GA" + name] = tokens["regions"]
        found = [_alike(values[~padding]) for values in seen.values()]
    cosine, residual = np.array(found).T
    return Similarity(network.config.unit, tuple(seen), cosine, residual)


def _alike(tokens: Tensor) -> tuple[float, float]:
    """Mean cosine between the rows of (r, d), and their distance from rank one."""
    tokens, count = tokens.double(), len(tokens)
    if count < 2:
        return float("nan"), float("nan")
    unit = tokens / tokens.norm(dim=1, keepdim=True).clamp_min(1e-12)
    own = (unit * unit).sum()
    cosine = (unit.sum(0).square().sum() - own) / (count * (count - 1))
    left = (tokens - tokens.mean(0)).norm() / tokens.norm().clamp_min(1e-12)
    return float(cosine), float(left)
