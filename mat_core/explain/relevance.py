"""Relevance and attention rollout.

Relevance is Chefer, Gur and Wolf 2021, "Generic Attention-model Explainability for Interpreting Bi-Modal and
Encoder-Decoder Transformers". R_xy is the relevance of input token y for token x; initially R_xx = I, R_xy = 0. Each
block updates it by its map A, weighted by the gradient of the class's logit:

    A' = mean over heads of max(grad A * A, 0)                                      (their eq. 5)
    self-attention on x:   R_xx += A' R_xx,   R_xy += A' R_xy                       (eq. 6, 7)
    guided, x looks at y:  R_xy += N(R_xx)^T A' N(R_yy),   R_xx += A' R_yx          (eq. 10, 11)
    N(R) = I + (R - I) with rows that sum to 1                                      (eq. 8, 9)

Both guided blocks of a layer are updated from the values before either, as both read the self-attention's outputs.
Instead of a class token, which the MAT does not have, output tokens are weighted by the positive part of gradient x
contribution to their pooled vector.

Rollout is Abnar and Zuidema 2020: the mean over heads and identity, averaged, multiplied over layers, weighted by
the tokens' shares in the pooled vectors. It depends on no class and has no sign.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..data.labels import class_name
from ..data.metadata import Metadata
from ..display.base import NotebookResult
from ..display.panels import ResultView, check_class, top_bars
from ..inference.diagnoser import Diagnoser
from ..models.detection.regions import Regions
from ..models.transformer import ATTENTION_MAPS, MAP_BY_NAME, MAP_BY_SIDES, OTHER_SIDE, SIDES
from ..utils.formatting import format_percent
from .batched_forward import label_index, network_inputs


@dataclass(frozen=True)
class Relevance(NotebookResult):
    """regions: (r,), words: (w,), at least 0, larger is more relevant for `label`; without unit.

    rollout_regions, rollout_words: at least 0, their total is 1, or 0 without contributions.
    """

    label: str
    regions: np.ndarray
    words: np.ndarray
    rollout_regions: np.ndarray
    rollout_words: np.ndarray

    def summary(self) -> str:
        """Shares of regions and words, the most relevant region, and rollout's first one."""
        name, of_regions, of_words = class_name(self.label), self.regions.sum(), self.words.sum()
        total = of_regions + of_words
        if not total:
            return f"No region and no word has any relevance for {name}."
        parts = [
            f"Of the relevance for {name}, words have {format_percent(of_words / total)}, regions "
            f"{format_percent(of_regions / total)}"
        ]
        if of_regions:
            first = int(self.regions.argmax())
            parts.append(f"region {first + 1} has most of it ({format_percent(self.regions[first] / total)})")
        summary = f"{'; '.join(parts)}."
        if self.rollout_regions.any():
            summary += f" Rollout, which knows no class, puts region {int(self.rollout_regions.argmax()) + 1} first."
        return summary

    def view(self, label: str | None = None) -> ResultView:
        """Bars of the largest shares."""
        check_class(self.label, label)
        total = max(self.regions.sum() + self.words.sum(), 1e-12)
        panels = []
        for side, values in (("region", self.regions), ("word", self.words)):
            if len(values):
                names = tuple(f"{side} {i + 1}" for i in range(len(values)))
                panels.append(top_bars(f"Share of relevance for {class_name(self.label)}", names, values / total))
        return ResultView("Relevance", self.summary(), tuple(panels))


def relevance(
    diagnoser: Diagnoser, regions: Regions, metadata: Metadata | None = None, label: str | None = None
) -> Relevance:
    """Relevance and rollout of every region and word for the logit of `label` (a code; default: the top class)."""
    features, padding, ids = network_inputs(diagnoser, regions, metadata)
    words = len(diagnoser.words(metadata))
    layers, contributions, weights, label = _captured(diagnoser, features, padding, ids[:, : max(words, 1)], label)
    counts = {"regions": int((~padding).sum()), "words": words}
    maps = []  # without padding
    for layer in layers:
        ends = {name: MAP_BY_NAME[name] for name in layer}
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
    scores, rollout = (tokens @ relevant).double().numpy(), (mass @ rolled).double().numpy()
    return Relevance(label, scores[:split], scores[split:], rollout[:split], rollout[split:])


def _captured(diagnoser: Diagnoser, features: Tensor, padding: Tensor, ids: Tensor, label: str | None):
    """A forward pass with gradients. Returns for each layer name -> (2, queries, keys), mean over heads of the map and
    of the weighted map; modality -> (tokens,) contribution; modality -> (tokens,) positive gradient x contribution;
    the label.
    """
    network, captured = diagnoser.bundle.network, []

    def catch(name: str):
        def hook(weights: Tensor) -> Tensor:
            probe = torch.zeros_like(weights, requires_grad=True)  # its gradient is that of the map
            captured.append((name, weights, probe))
            return weights + probe

        return hook

    with torch.enable_grad():
        output = network(
            features, padding, ids, need_weights=True, attention_hooks={name: catch(name) for name in ATTENTION_MAPS}
        )
        label = label or diagnoser.bundle.labels[int(output.logits[0].argmax())]
        k = label_index(diagnoser, label)
        probes = [probe for _, _, probe in captured]
        gradients = torch.autograd.grad(output.logits[0, k], probes, allow_unused=True) if probes else ()
        # separately from the pooled vectors on: in a frozen network without blocks they have no gradient
        pooled = {side: values.detach().requires_grad_() for side, values in output.pooled.items()}
        logit = network.classify(network.fusion.product(pooled))[0, k]
        at_pooled = dict(zip(pooled, torch.autograd.grad(logit, list(pooled.values())), strict=True))
    layers: list[dict[str, Tensor]] = []
    for (name, weights, _), gradient in zip(captured, gradients, strict=True):
        if not layers or name in layers[-1]:
            layers.append({})
        weights = weights.detach()[0]
        gradient = torch.zeros_like(weights) if gradient is None else gradient[0]
        layers[-1][name] = torch.stack([weights.mean(0), (gradient * weights).clamp_min(0).mean(0)])
    contributions = {side: values.detach()[0] for side, values in output.contributions.items()}
    salient = {side: (values @ at_pooled[side][0]).clamp_min(0) for side, values in contributions.items()}
    return layers, {side: c.sum(-1) for side, c in contributions.items()}, salient, label


def _bimodal(layers: list[dict[str, Tensor]], sizes: list[int]) -> Tensor:
    """R of all tokens, first regions, (tokens, tokens), from the weighted maps of each layer."""
    r, w = sizes
    relevant = torch.eye(r + w)
    part = {"regions": slice(0, r), "words": slice(r, r + w)}
    for layer in layers:
        for side in SIDES:
            weighted = layer.get(MAP_BY_SIDES[side, side].name)
            if weighted is not None:
                rows = part[side]
                relevant[rows] = relevant[rows] + weighted @ relevant[rows]
        before = relevant.clone()
        for side, other in OTHER_SIDE.items():
            weighted = layer.get(MAP_BY_SIDES[side, other].name)
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
    """Rollout of all tokens, (tokens, tokens); rows sum to 1."""
    r, w = sizes
    part = {"regions": slice(0, r), "words": slice(r, r + w)}
    rolled = torch.eye(r + w)
    for layer in layers:
        for pairs in ([(side, side) for side in SIDES], OTHER_SIDE.items()):
            step = torch.eye(r + w)
            for side, other in pairs:
                weights = layer.get(MAP_BY_SIDES[side, other].name)
                if weights is not None and weights.shape[1]:
                    step[part[side]] *= 0.5
                    step[part[side], part[other]] += 0.5 * weights
            rolled = step @ rolled
    return rolled
