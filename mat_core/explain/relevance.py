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
from ..units import MAPS
from .passes import case_inputs, label_index

_SIDES = ("regions", "words")


@dataclass(frozen=True)
class Relevance:
    """regions: (r,), words: (w,), both at least 0 and larger is more relevant for `label`; the scale has no unit.

    rollout_regions, rollout_words: each at least 0, together they sum to 1 (or to 0 for a case without a share).
    """

    label: str
    regions: np.ndarray
    words: np.ndarray
    rollout_regions: np.ndarray
    rollout_words: np.ndarray


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
        ends = {name: [counts[side] for side in name.split("_to_")] for name in layer}
        maps.append({name: both[:, : ends[name][0], : ends[name][1]] for name, both in layer.items()})
    saliency = {side: value[: counts[side]] for side, value in weights.items()}
    shares = {side: value[: counts[side]] for side, value in contributions.items()}
    sizes = [counts[side] for side in _SIDES]
    relevant = _bimodal([{name: both[1] for name, both in layer.items()} for layer in maps], sizes)
    rolled = _rollout([{name: both[0] for name, both in layer.items()} for layer in maps], sizes)
    tokens = torch.cat([saliency.get(side, torch.zeros(counts[side])) for side in _SIDES])
    mass = torch.cat([shares.get(side, torch.zeros(counts[side])) for side in _SIDES])
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
        logit = output.logits[0, label_index(diagnoser, label)]
        sides = list(output.pooled)
        wanted = [probe for _, _, probe in seen] + [output.pooled[side] for side in sides]
        gradients = torch.autograd.grad(logit, wanted, allow_unused=True)
    layers: list[dict[str, Tensor]] = []
    for (name, weights, _), gradient in zip(seen, gradients, strict=False):
        if not layers or name in layers[-1]:
            layers.append({})
        weights = weights.detach()[0]
        gradient = torch.zeros_like(weights) if gradient is None else gradient[0]
        layers[-1][name] = torch.stack([weights.mean(0), (gradient * weights).clamp_min(0).mean(0)])
    contributions = {side: output.contributions[side].detach()[0] for side in sides}
    at_pooled = dict(zip(sides, gradients[len(seen) :], strict=True))
    salient = {
        side: (contributions[side] @ at_pooled[side][0]).clamp_min(0)
        if at_pooled[side] is not None
        else torch.zeros(len(contributions[side]))
        for side in sides
    }
    return layers, {side: c.sum(-1) for side, c in contributions.items()}, salient, label


def _bimodal(layers: list[dict[str, Tensor]], sizes: list[int]) -> Tensor:
    """R of all tokens, regions before words, (tokens, tokens), from the gradient-weighted maps of each layer."""
    r, w = sizes
    relevant = torch.eye(r + w)
    part = {"regions": slice(0, r), "words": slice(r, r + w)}
    for layer in layers:
        for side in _SIDES:
            if f"{side}_to_{side}" in layer:
                rows = part[side]
                relevant[rows] = relevant[rows] + layer[f"{side}_to_{side}"] @ relevant[rows]
        before = relevant.clone()
        for side, other in (_SIDES, _SIDES[::-1]):
            weighted = layer.get(f"{side}_to_{other}")
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
        for pairs in ([(s, s) for s in _SIDES], [_SIDES, _SIDES[::-1]]):
            step = torch.eye(r + w)
            for side, other in pairs:
                weights = layer.get(f"{side}_to_{other}")
                if weights is not None and weights.shape[1]:
                    step[part[side]] *= 0.5
                    step[part[side], part[other]] += 0.5 * weights
            rolled = step @ rolled
    return rolled
