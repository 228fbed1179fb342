"""Ablation: predict again without a region, a metadata field or the guided attention.

A region is masked in every block and in the fusion. A field is treated as missing. Guided attention is made uniform, or
its weights are shuffled among the keys. Regions share information through attention, so that removing one changes
little: `ablate_groups` removes groups, `ablate_cumulatively` one region after the other.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..data.labels import class_name
from ..data.metadata import FIELDS, Metadata
from ..display.base import NotebookResult
from ..display.panels import Bars, ResultView, class_index, top_bars
from ..errors import ConfigError
from ..inference.diagnoser import Diagnoser
from ..models.attention import AttentionHook
from ..models.detection.regions import Regions
from ..models.transformer import UNITS
from ..utils.formatting import format_percent, pluralize
from .batched_forward import encode_image, network_inputs, predict_variants, predict_without_regions, word_ids

DRAWS = 8  # random permutations of the guided maps


@dataclass(frozen=True)
class Ablation(NotebookResult):
    """Probabilities with and without each input.

    probabilities: (classes,), of the unchanged case. without_region: (regions, classes), one region removed.
    without_field: field -> (classes,), for the fields present. without_words: (classes,). uniform: (classes,), with
    uniform guided attention. shuffled: (draws, classes), with its weights permuted among the keys. The last two are
    None for units without guided attention and without words.
    """

    labels: tuple[str, ...]
    probabilities: np.ndarray
    without_region: np.ndarray
    without_field: dict[str, np.ndarray]
    without_words: np.ndarray
    uniform: np.ndarray | None
    shuffled: np.ndarray | None

    def effect(self, label: str) -> np.ndarray:
        """Change of the probability of `label` by each region, (regions,); positive: the region supports it."""
        k = self.labels.index(label)
        return self.probabilities[k] - self.without_region[:, k]

    def summary(self, label: str) -> str:
        """The probability of `label` without the most important region, each field and guidance."""
        k, effect = self.labels.index(label), self.effect(label)
        start = f"The probability of {class_name(label)} is {format_percent(self.probabilities[k])}"
        parts = []
        if len(effect):
            first = int(np.abs(effect).argmax())
            parts = [
                f"without region {first + 1}, the one that matters most, "
                f"{format_percent(self.without_region[first, k])}"
            ]
        parts += [f"without {field} {format_percent(p[k])}" for field, p in self.without_field.items()]
        if self.uniform is not None:
            parts.append(f"with even guidance {format_percent(self.uniform[k])}")
        return f"{'; '.join([start, ', '.join(parts)] if parts else [start])}."

    def view(self, label: str | None = None) -> ResultView:
        """Bars of the effect of each region, field and the guidance on the class."""
        k = class_index(self.labels, self.probabilities, label)
        label = self.labels[k]
        before = self.probabilities[k]
        names = tuple(f"region {i + 1}" for i in range(len(self.without_region)))
        others = {field: p[k] for field, p in self.without_field.items()}
        others["all words"] = self.without_words[k]
        if self.uniform is not None:
            others["guidance, against an even one"] = self.uniform[k]
        if self.shuffled is not None:
            others["guidance, against a shuffled one"] = self.shuffled[:, k].mean()
        changes = np.array([before - after for after in others.values()])
        what = f"what it adds to {class_name(label)}"
        panels = [top_bars(f"Each region: {what}", names, self.effect(label), kind="points")] if names else []
        panels.append(Bars(f"Metadata and guidance: {what}", tuple(others), changes, kind="points"))
        return ResultView("Ablation", self.summary(label), tuple(panels))


def ablate(
    diagnoser: Diagnoser, regions: Regions, metadata: Metadata | None = None, draws: int = DRAWS, seed: int = 0
) -> Ablation:
    """All ablations of one case. draws: permutations of the guided maps."""
    metadata = metadata or Metadata()
    features, padding, ids = network_inputs(diagnoser, regions, metadata)
    image_encoding = encode_image(diagnoser, features, padding)

    def changed(ids: Tensor, attention_hooks: dict[str, AttentionHook] | None = None) -> np.ndarray:
        return predict_variants(diagnoser, features, padding, ids, attention_hooks, image_encoding)

    plain = changed(ids)[0]
    present = [f for f in FIELDS if f in diagnoser.bundle.fields and getattr(metadata, f) is not None]
    variants = [metadata.without(field) for field in present] + [Metadata()]
    reworded = changed(word_ids(diagnoser, variants))
    uniform = shuffled = None
    guided = guided_maps(diagnoser)
    if guided and diagnoser.words(metadata):
        uniform = changed(ids, dict.fromkeys(guided, uniform_attention))[0]
        generator = torch.Generator().manual_seed(seed)
        attention_hooks = {name: shuffled_attention(generator) for name in guided}
        shuffled = np.concatenate([changed(ids, attention_hooks) for _ in range(draws)])
    return Ablation(
        diagnoser.bundle.labels, plain, without_each(diagnoser, features, padding, ids),
        dict(zip(present, reworded, strict=False)), reworded[-1], uniform, shuffled,
    )  # fmt: skip


@dataclass(frozen=True)
class GroupAblation(NotebookResult):
    """Probabilities without groups of regions. names: (groups,); sizes: (groups,), regions in each.

    probabilities: (classes,), of the unchanged case; without: (groups, classes), one group removed.
    """

    labels: tuple[str, ...]
    names: tuple[str, ...]
    sizes: tuple[int, ...]
    probabilities: np.ndarray
    without: np.ndarray

    def effect(self, label: str) -> np.ndarray:
        """Change of the probability of `label` by each group, (groups,); positive: the group supports it."""
        k = self.labels.index(label)
        return self.probabilities[k] - self.without[:, k]

    def summary(self, label: str) -> str:
        """The probability of `label` without each group."""
        k = self.labels.index(label)
        parts = [
            f"without {name} ({pluralize(size, 'region')}) {format_percent(p[k])}"
            for name, size, p in zip(self.names, self.sizes, self.without, strict=True)
        ]
        start = f"The probability of {class_name(label)} is {format_percent(self.probabilities[k])}"
        return f"{'; '.join([start, ', '.join(parts)] if parts else [start])}."

    def view(self, label: str | None = None) -> ResultView:
        """Bars of the effect of each group on the class."""
        label = self.labels[class_index(self.labels, self.probabilities, label)]
        names = tuple(f"{name} ({size})" for name, size in zip(self.names, self.sizes, strict=True))
        title = f"Each group of regions: what it adds to {class_name(label)}"
        return ResultView(
            "Groups taken away", self.summary(label), (Bars(title, names, self.effect(label), kind="points"),)
        )


def ablate_groups(
    diagnoser: Diagnoser, regions: Regions, groups: Mapping[str, np.ndarray], metadata: Metadata | None = None
) -> GroupAblation:
    """Predict without each group of regions. groups: name -> (r,) bool, True for the regions to remove.

    See `batched_forward.kind_groups` and `regions_overlapping`. Raises ConfigError for a group of another length.
    """
    features, padding, ids = network_inputs(diagnoser, regions, metadata)
    count = int((~padding).sum())
    masks = np.zeros((len(groups) + 1, count), dtype=bool)  # the first one removes nothing
    for mask, (name, group) in zip(masks[1:], groups.items(), strict=True):
        group = np.asarray(group)
        if group.dtype != bool or group.shape not in ((len(regions),), (count,)):
            raise ConfigError(f"The group {name!r} must be ({len(regions)},) bool; got {group.dtype}, {group.shape}.")
        mask[:] = group[:count]
    probabilities = predict_without_regions(diagnoser, features, torch.from_numpy(masks), ids)
    return GroupAblation(
        diagnoser.bundle.labels, tuple(groups), tuple(masks[1:].sum(1).tolist()), probabilities[0], probabilities[1:]
    )


def ablate_cumulatively(
    diagnoser: Diagnoser, regions: Regions, ranking: np.ndarray, metadata: Metadata | None = None
) -> np.ndarray:
    """Probabilities without the first 0, 1, ... r regions of a ranking, (r + 1, classes).

    ranking: (r,), the largest is removed first; ties in the regions' order. Raises ConfigError for another length.
    """
    ranking = np.asarray(ranking)
    features, padding, ids = network_inputs(diagnoser, regions, metadata)
    count = int((~padding).sum())
    if ranking.shape != (count,):
        raise ConfigError(f"A ranking of these regions has {count} numbers; got {ranking.shape}.")
    place = np.empty(count, dtype=int)
    place[np.argsort(-ranking, kind="stable")] = np.arange(count)
    absent = place < np.arange(count + 1)[:, None]
    return predict_without_regions(diagnoser, features, torch.from_numpy(absent), ids)


def regions_overlapping(regions: Regions, mask: np.ndarray) -> np.ndarray:
    """Whether each region's box contains a pixel of `mask`, (r,) bool. mask: (h, w) bool of the image, at any size."""
    mask = np.asarray(mask, dtype=bool)
    # integral image
    counts = np.zeros((mask.shape[0] + 1, mask.shape[1] + 1), dtype=np.int64)
    counts[1:, 1:] = mask.cumsum(0, dtype=np.int64).cumsum(1)
    boxes = regions.rescaled_to(mask.shape).boxes
    x1, y1 = (np.floor(boxes[:, i]).astype(int).clip(0, mask.shape[1 - i]) for i in (0, 1))
    x2, y2 = (np.ceil(boxes[:, i + 2]).astype(int).clip(0, mask.shape[1 - i]) for i in (0, 1))
    return counts[y2, x2] - counts[y1, x2] - counts[y2, x1] + counts[y1, x1] > 0


def without_each(diagnoser: Diagnoser, features: Tensor, padding: Tensor, ids: Tensor) -> np.ndarray:
    """Probabilities without each region, (regions, classes)."""
    absent = (padding | torch.eye(padding.shape[1], dtype=torch.bool))[~padding[0]]
    if not len(absent):
        return np.zeros((0, len(diagnoser.bundle.labels)))
    return predict_variants(diagnoser, features, absent, ids)


def guided_maps(diagnoser: Diagnoser) -> tuple[str, ...]:
    """Names of the unit's guided maps, of `transformer.ATTENTION_MAPS`."""
    return tuple(m.name for m in UNITS[diagnoser.bundle.network.config.unit].guided_maps)


def uniform_attention(weights: Tensor) -> Tensor:
    """The same weight for all keys but padding, which keeps 0."""
    real = weights > 0
    return real / real.sum(-1, keepdim=True).clamp_min(1)


def shuffled_attention(generator: torch.Generator) -> AttentionHook:
    """A hook that permutes each row's weights among the keys that are not padding."""

    def hook(weights: Tensor) -> Tensor:
        real = weights > 0
        noise = torch.rand(weights.shape, generator=generator).masked_fill(~real, 2.0)  # padding stays behind
        order = noise.argsort(-1)
        slots = (~real).to(torch.int8).argsort(dim=-1, stable=True)  # real keys in their order, then padding
        return torch.zeros_like(weights).scatter(-1, slots, weights.gather(-1, order))

    return hook
