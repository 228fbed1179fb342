"""Ablation: take something away and see what the answer becomes. The only check that asks the model itself.

A region is masked, so that it is absent for every block and for the fusion; a field becomes missing, as when nobody
filled it in; the guidance is made even, or its weights are shuffled among the keys. Regions share what they know, so
taking one away changes little: `take_away` takes whole groups, `cumulate` one after the other.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..attention import Edit
from ..diagnoser import Diagnoser
from ..errors import ConfigError
from ..metadata import FIELDS, Metadata
from ..regions import Regions
from ..showing.shown import Plotted
from ..units import UNITS
from ..wording import class_name, counted, share
from .passes import case_inputs, image_side, probabilities_of, probabilities_without, word_ids

DRAWS = 8  # shufflings of the guided maps


@dataclass(frozen=True)
class Ablation(Plotted):
    """Probabilities, (classes,), of the answer as it is and of what it becomes.

    without_region: (regions, classes), each region absent alone. without_field: field -> (classes,), for the fields
    that were given and are read. without_words: (classes,), all of them missing. uniform: (classes,), every query of
    the guided maps looks at all keys alike; shuffled: (draws, classes), its weights are dealt to the keys at random;
    both None where the unit has no guided map or there is no word to look at.
    """

    labels: tuple[str, ...]
    probabilities: np.ndarray
    without_region: np.ndarray
    without_field: dict[str, np.ndarray]
    without_words: np.ndarray
    uniform: np.ndarray | None
    shuffled: np.ndarray | None

    def effect(self, label: str) -> np.ndarray:
        """What each region adds to the probability of `label`, (regions,): positive when the region spoke for it."""
        k = self.labels.index(label)
        return self.probabilities[k] - self.without_region[:, k]

    def sentence(self, label: str) -> str:
        """The largest effects of each kind on `label`, with their sign."""
        k, effect = self.labels.index(label), self.effect(label)
        start = f"The probability of {class_name(label)} is {share(self.probabilities[k])}"
        parts = []
        if len(effect):
            first = int(np.abs(effect).argmax())
            parts = [f"without region {first + 1}, the one that matters most, {share(self.without_region[first, k])}"]
        parts += [f"without {field} {share(p[k])}" for field, p in self.without_field.items()]
        if self.uniform is not None:
            parts.append(f"with even guidance {share(self.uniform[k])}")
        return f"{'; '.join([start, ', '.join(parts)] if parts else [start])}."


def ablate(
    diagnoser: Diagnoser, regions: Regions, metadata: Metadata | None = None, draws: int = DRAWS, seed: int = 0
) -> Ablation:
    """Every ablation of one case; a hundred regions go through the network in a few batches."""
    metadata = metadata or Metadata()
    features, padding, ids = case_inputs(diagnoser, regions, metadata)
    image = image_side(diagnoser, features, padding)

    def changed(ids: Tensor, edits: dict[str, Edit] | None = None) -> np.ndarray:
        return probabilities_of(diagnoser, features, padding, ids, edits, image)

    plain = changed(ids)[0]
    present = [f for f in FIELDS if f in diagnoser.bundle.fields and getattr(metadata, f) is not None]
    variants = [metadata.without(field) for field in present] + [Metadata()]
    reworded = changed(word_ids(diagnoser, variants))
    uniform = shuffled = None
    guided = guided_maps(diagnoser)
    if guided and diagnoser.words(metadata):
        uniform = changed(ids, dict.fromkeys(guided, make_even))[0]
        generator = torch.Generator().manual_seed(seed)
        edits = {name: shuffling(generator) for name in guided}
        shuffled = np.concatenate([changed(ids, edits) for _ in range(draws)])
    return Ablation(
        diagnoser.bundle.labels, plain, without_each(diagnoser, features, padding, ids),
        dict(zip(present, reworded, strict=False)), reworded[-1], uniform, shuffled,
    )  # fmt: skip


@dataclass(frozen=True)
class Groups(Plotted):
    """What taking away groups of regions does. names: (groups,); sizes: (groups,), regions in each.

    probabilities: (classes,), of the answer as it is; without: (groups, classes), each group absent alone.
    """

    labels: tuple[str, ...]
    names: tuple[str, ...]
    sizes: tuple[int, ...]
    probabilities: np.ndarray
    without: np.ndarray

    def effect(self, label: str) -> np.ndarray:
        """What each group adds to the probability of `label`, (groups,): positive when it spoke for it."""
        k = self.labels.index(label)
        return self.probabilities[k] - self.without[:, k]

    def sentence(self, label: str) -> str:
        """The probability of `label` without each group."""
        k = self.labels.index(label)
        parts = [
            f"without {name} ({counted(size, 'region')}) {share(p[k])}"
            for name, size, p in zip(self.names, self.sizes, self.without, strict=True)
        ]
        start = f"The probability of {class_name(label)} is {share(self.probabilities[k])}"
        return f"{'; '.join([start, ', '.join(parts)] if parts else [start])}."


def take_away(
    diagnoser: Diagnoser, regions: Regions, groups: Mapping[str, np.ndarray], metadata: Metadata | None = None
) -> Groups:
    """The answer without each group of regions. groups: name -> (r,) bool, True for the regions that go.

    `passes.kind_groups` gives those of a kind, `touching` those of a painted part; ~group takes everything but the
    group. Raises ConfigError for a group of another length.
    """
    features, padding, ids = case_inputs(diagnoser, regions, metadata)
    count = int((~padding).sum())
    masks = np.zeros((len(groups) + 1, count), dtype=bool)  # the first one: nothing is taken
    for mask, (name, group) in zip(masks[1:], groups.items(), strict=True):
        group = np.asarray(group)
        if group.dtype != bool or group.shape not in ((len(regions),), (count,)):
            raise ConfigError(f"The group {name!r} must be ({len(regions)},) bool; got {group.dtype}, {group.shape}.")
        mask[:] = group[:count]
    found = probabilities_without(diagnoser, features, torch.from_numpy(masks), ids)
    return Groups(
        diagnoser.bundle.labels, tuple(groups), tuple(int(m.sum()) for m in masks[1:]), found[0], found[1:]
    )  # fmt: skip


def cumulate(
    diagnoser: Diagnoser, regions: Regions, ranking: np.ndarray, metadata: Metadata | None = None
) -> np.ndarray:
    """Probabilities without the first 0, 1, ... r regions of a ranking, (r + 1, classes).

    ranking: (r,), larger goes first; ties in the regions' order. Raises ConfigError for another length.
    """
    ranking = np.asarray(ranking)
    features, padding, ids = case_inputs(diagnoser, regions, metadata)
    count = int((~padding).sum())
    if ranking.shape != (count,):
        raise ConfigError(f"A ranking of these regions has {count} numbers; got {ranking.shape}.")
    place = np.empty(count, dtype=int)
    place[np.argsort(-ranking, kind="stable")] = np.arange(count)
    absent = place < np.arange(count + 1)[:, None]
    return probabilities_without(diagnoser, features, torch.from_numpy(absent), ids)


def touching(regions: Regions, mask: np.ndarray) -> np.ndarray:
    """Which regions' boxes have a pixel of a painted part, (r,) bool. mask: (h, w) bool over the whole picture, of any
    size: one of the picture's shape, larger or smaller.
    """
    mask = np.asarray(mask, dtype=bool)
    # pixels painted above and left of each corner: four of them count those in a box
    counts = np.zeros((mask.shape[0] + 1, mask.shape[1] + 1), dtype=np.int64)
    counts[1:, 1:] = mask.cumsum(0, dtype=np.int64).cumsum(1)
    boxes = regions.on_size(mask.shape).boxes
    x1, y1 = (np.floor(boxes[:, i]).astype(int).clip(0, mask.shape[1 - i]) for i in (0, 1))
    x2, y2 = (np.ceil(boxes[:, i + 2]).astype(int).clip(0, mask.shape[1 - i]) for i in (0, 1))
    return counts[y2, x2] - counts[y1, x2] - counts[y2, x1] + counts[y1, x1] > 0


def without_each(diagnoser: Diagnoser, features: Tensor, padding: Tensor, ids: Tensor) -> np.ndarray:
    """Probabilities with each region absent alone, (regions, classes)."""
    absent = (padding | torch.eye(padding.shape[1], dtype=torch.bool))[~padding[0]]
    if not len(absent):
        return np.zeros((0, len(diagnoser.bundle.labels)))
    return probabilities_of(diagnoser, features, absent, ids)


def guided_maps(diagnoser: Diagnoser) -> tuple[str, ...]:
    """Names of the unit's guided maps, as `units.MAPS` has them; none for units without guidance."""
    return tuple(m.name for m in UNITS[diagnoser.bundle.network.config.unit].guided_maps)


def make_even(weights: Tensor) -> Tensor:
    """The same weight for every key that has one; padding keeps 0."""
    real = weights > 0
    return real / real.sum(-1, keepdim=True).clamp_min(1)


def shuffling(generator: torch.Generator) -> Edit:
    """An edit that deals each row's weights to its real keys in a random order."""

    def edit(weights: Tensor) -> Tensor:
        real = weights > 0
        noise = torch.rand(weights.shape, generator=generator).masked_fill(~real, 2.0)  # padding stays behind
        order = noise.argsort(-1)
        slots = (~real).to(torch.int8).argsort(dim=-1, stable=True)  # real keys in their order, then padding
        return torch.zeros_like(weights).scatter(-1, slots, weights.gather(-1, order))

    return edit
