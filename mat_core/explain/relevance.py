"""Relevance that follows the network, and attention rollout.

Relevance is Chefer, Gur and Wolf 2021, "Generic Attention-model Explainability for Interpreting Bi-Modal and
Encoder-Decoder Transformers". R_xy says how much input token y has come to stand in token x; at first R_xx = I,
R_xy = 0. Each block adds to it by its map A, weighted by the gradient of the class's logit:

    A' = mean over heads of max(grad A * A, 0)                                      (their eq. 5)
    self-attention on x:   R_xx += A' R_xx,   R_xy += A' R_xy                       (eq. 6, 7)
    guided, x looks at y:  R_xy += N(R_xx)^T A' N(R_yy),   R_xx += A' R_yx          (eq. 10, 11)
    N(R) = I + (R - I) with rows that sum to 1                                      (eq. 8, 9)

Both guided blocks of a layer read the self-attention's outputs, so both update from the values before either. There is
no class token to read from: the fusion sums over tokens (the paper's section 2.3). So each output token counts by the
positive part of gradient x contribution to its side's pooled vector, and the input tokens' relevance is the sum over
output tokens.

Rollout is Abnar and Zuidema 2020: maps averaged over heads, halved with the identity, multiplied through the layers;
read out by the tokens' shares in the pooled vectors. It knows no class and no sign.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..diagnoser import Diagnoser
from ..metadata import Metadata
from ..regions import Regions
from ..showing.shown import Plotted
from ..units import BETWEEN, BY_NAME, MAPS, OTHER, SIDES
from ..wording import class_name, share
from .passes import case_inputs, label_index


@dataclass(frozen=True)
class Relevance(Plotted):
    """regions: (r,), words: (w,), both at least 0 and larger is more relevant for `label`; the scale has no unit.

    rollout_regions, rollout_words: each at least 0, together they sum to 1 (or to 0 for a case without a share).
    """

    label: str
    regions: np.ndarray
    words: np.ndarray
    rollout_regions: np.ndarray
    rollout_words: np.ndarray

    def sentence(self) -> str:
        """How relevance is shared out between regions and words, the region that has most, and rollout's first one."""
        name, of_regions, of_words = class_name(self.label), self.regions.sum(), self.words.sum()
        total = of_regions + of_words
        if not total:
            return f"No region and no word has any relevance for {name}."
        parts = [
            f"Of the relevance for {name}, words have {share(of_words / total)}, regions {share(of_regions / total)}"
        ]
        if of_regions:
            first = int(self.regions.argmax())
            parts.append(f"region {first + 1} has most of it ({share(self.regions[first] / total)})")
        said = f"{'; '.join(parts)}."
        if self.rollout_regions.any():
            said += f" Rollout, which knows no class, puts region {int(self.rollout_regions.argmax()) + 1} first."
        return said


def relevance(
    diagnoser: Diagnoser, regions: Regions, metadata: Metadata | None = None, label: str | None = None
) -> Relevance:
    """Relevance and rollout of every region and word for the logit of `label` (a code; default: the top class)."""
    features, padding, ids = case_inputs(diagnoser, regions, metadata)
    words = len(diagnoser.words(metadata))
    layers, contributions, weights, label = _captured(diagnoser, features, padding, ids[:, : max(words, 1)], label)
    counts = {"regions": int((~padding).sum()), "words": words}
    maps = []  # without padding
    for layer in layers:
        ends = {name: BY_NAME[name] for name in layer}
        maps.append(
            {name: both[:, : counts[ends[name].queries], : counts[ends[name].keys]] for name, both in layer.items()}
        )
    saliency = {side: value[: counts[side]] for side, value in weights.items()}
    shares = {side: value[: counts[side]] for side, value in contributions.items()}
    sizes = [counts[side] for side in SIDES]
    relevant = _bimodal([{name: both[1] for name, both in layer.items()} for layer in maps], sizes)
    rolled = _rollout([{name: both[0] for name, both in layer.items()} for layer in maps], sizes)
    tokens = torch.cat([saliency.get(side, torch.zeros(counts[side])) for side in SIDES])
    mass = torch.cat([shares.get(side, torch.zeros(counts[side])) for side in SIDES])
    mass = mass / mass.sum().clamp_min(1e-12)
    split = counts["regions"]
    found, rollout = (tokens @ relevant).double().numpy(), (mass @ rolled).double().numpy()
    return Relevance(label, found[:split], found[split:], rollout[:split], rollout[split:])


def _captured(diagnoser: Diagnoser, features: Tensor, padding: Tensor, ids: Tensor, label: str | None):
    """One pass with gradients. Returns for each layer name -> (2, queries, keys), the mean over heads of the map and of
    the weighted map; side -> (tokens,) share mass; side -> (tokens,) positive gradient x contribution; the label.
    """
    network, seen = diagnoser.bundle.network, []

    def catch(name: str):
        def edit(weights: Tensor) -> Tensor:
            probe = torch.zeros_like(weights, requires_grad=True)  # a zero whose gradient is that of the map
            seen.append((name, weights, probe))
            return weights + probe

        return edit

    with torch.enable_grad():
        output = network(features, padding, ids, need_weights=True, edits={name: catch(name) for name in MAPS})
        label = label or diagnoser.bundle.labels[int(output.logits[0].argmax())]
        k = label_index(diagnoser, label)
        probes = [probe for _, _, probe in seen]
        gradients = torch.autograd.grad(output.logits[0, k], probes, allow_unused=True) if probes else ()
        # from the pooled vectors on by itself: in a frozen network without blocks no gradient leads back to them
        pooled = {side: values.detach().requires_grad_() for side, values in output.pooled.items()}
        logit = network.classify(network.fusion.product(pooled))[0, k]
        at_pooled = dict(zip(pooled, torch.autograd.grad(logit, list(pooled.values())), strict=True))
    layers: list[dict[str, Tensor]] = []
    for (name, weights, _), gradient in zip(seen, gradients, strict=True):
        if not layers or name in layers[-1]:
            layers.append({})
        weights = weights.detach()[0]
        gradient = torch.zeros_like(weights) if gradient is None else gradient[0]
        layers[-1][name] = torch.stack([weights.mean(0), (gradient * weights).clamp_min(0).mean(0)])
    contributions = {side: values.detach()[0] for side, values in output.contributions.items()}
    salient = {side: (values @ at_pooled[side][0]).clamp_min(0) for side, values in contributions.items()}
    return layers, {side: c.sum(-1) for side, c in contributions.items()}, salient, label


def _bimodal(layers: list[dict[str, Tensor]], sizes: list[int]) -> Tensor:
    """R of all tokens, regions before words, (tokens, tokens), from the gradient-weighted maps of each layer."""
    r, w = sizes
    relevant = torch.eye(r + w)
    part = {"regions": slice(0, r), "words": slice(r, r + w)}
    for layer in layers:
        for side in SIDES:
            weighted = layer.get(BETWEEN[side, side].name)
            if weighted is not None:
                rows = part[side]
                relevant[rows] = relevant[rows] + weighted @ relevant[rows]
        before = relevant.clone()
        for side, other in OTHER.items():
            weighted = layer.get(BETWEEN[side, other].name)
            if weighted is not None:
                x, y = part[side], part[other]
                relevant[x, y] += _row_normal(before[x, x]).T @ weighted @ _row_normal(before[y, y])
                relevant[x, x] += weighted @ before[y, x]
    return relevant


def _row_normal(relevant: Tensor) -> Tensor:
    eye = torch.eye(len(relevant))
    rest = relevant - eye
    return eye + rest / rest.sum(1, keepdim=True).clamp_min(1e-12)


def _rollout(layers: list[dict[str, Tensor]], sizes: list[int]) -> Tensor:
    """Product of the halved maps of all tokens, (tokens, tokens); rows sum to 1."""
    r, w = sizes
    part = {"regions": slice(0, r), "words": slice(r, r + w)}
    rolled = torch.eye(r + w)
    for layer in layers:
        for pairs in ([(side, side) for side in SIDES], OTHER.items()):
            step = torch.eye(r + w)
            for side, other in pairs:
                weights = layer.get(BETWEEN[side, other].name)
                if weights is not None and weights.shape[1]:
                    step[part[side]] *= 0.5
                    step[part[side], part[other]] += 0.5 * weights
            rolled = step @ rolled
    return rolled
