"""Faithfulness of rankings of regions, such as attention: does the model depend on the top regions?

Deletion removes the top regions first, insertion adds them first to an empty list (Petsiuk et al. 2018, RISE): for a
faithful ranking the probability falls early on deletion and rises early on insertion.

`ablation_faithfulness` removes regions from the list; `occlusion_faithfulness` hides the pixels of each region's box
and detects again. The two differ because features of other regions still contain a removed region's pixels.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..data.labels import class_name
from ..data.metadata import Metadata
from ..display.base import NotebookResult
from ..display.panels import Bars, Lines, ResultView, check_class
from ..inference.diagnoser import Diagnoser
from ..models.detection.regions import Regions
from ..utils.formatting import format_percent, format_signed, format_spread
from .ablation import without_each
from .batched_forward import label_index, network_inputs, predict_variants, predict_without_regions
from .contributions import contributions
from .occlusion import occlude
from .occlusion_image import Progress
from .relevance import relevance

RANKINGS = ("attention", "contribution", "gradient", "relevance", "ablation")
RANDOM = "random"
TOP = 10  # regions
REFERENCES = ("occlusion", "ablation")
# 'area' of the box is a baseline: it only measures how much is hidden
OCCLUSION_RANKINGS = ("attention", "contribution", "gradient", "relevance", "area", *REFERENCES)
# as the subject of a sentence
DESCRIPTIONS = {
    "attention": "attention", "contribution": "what each region adds to the log-odds",
    "gradient": "gradient times input", "relevance": "relevance",
}  # fmt: skip


@dataclass(frozen=True)
class AblationFaithfulness(NotebookResult):
    """scores: ranking -> (regions,), larger supports `label` more; 'attention' is missing for units without it;
    'contribution' is the share in the log-odds of `label` against the most likely other class.

    spearman, overlap: ranking -> rank correlation with ablation, -1 to 1, and share of its top ten in ablation's top
    ten. counts: (points,) regions removed or shown, 0 to all. deletion, insertion: ranking, or 'random', -> (points,)
    probability of `label`; 'random' is the mean over random orders.
    """

    label: str
    scores: dict[str, np.ndarray]
    spearman: dict[str, float]
    overlap: dict[str, float]
    counts: np.ndarray
    deletion: dict[str, np.ndarray]
    insertion: dict[str, np.ndarray]

    def areas(self, curves: dict[str, np.ndarray]) -> dict[str, float]:
        """Area under each curve of `deletion` (small is better) or `insertion` (large is better)."""
        span = max(self.counts[-1], 1)
        return {name: float(np.trapezoid(curve, self.counts) / span) for name, curve in curves.items()}

    def without_top(self, ranking: str) -> float:
        """Probability of `label` without the ten best regions of a ranking, or without all if there are fewer."""
        count = min(TOP, int(self.counts[-1]))
        return float(self.deletion[ranking][np.flatnonzero(self.counts == count)[0]])

    @property
    def largest_change(self) -> float:
        """Change of the probability of `label` without the one region that changes it most."""
        effects = self.scores["ablation"]
        return -float(effects[np.abs(effects).argmax()])

    def summary(self, ranking: str = "attention") -> str:
        """The probability without the ten top regions, and without ten random ones."""
        if ranking not in self.deletion:
            return "This unit has no attention to rank regions by."
        adjectives = {
            "attention": "most attended", "contribution": "most contributing", "ablation": "most ablation-sensitive"
        }  # fmt: skip
        named = adjectives.get(ranking, f"most {ranking}-ranked")
        start, end, chance = self.deletion[ranking][0], self.without_top(ranking), self.without_top(RANDOM)
        count = min(TOP, int(self.counts[-1]))
        return (
            f"Removing the {count} {named} regions changes {class_name(self.label)} from {format_percent(start)} to "
            f"{format_percent(end)}; {count} random ones, to {format_percent(chance)}."
        )

    def view(self, label: str | None = None) -> ResultView:
        """Deletion and insertion curves of every ranking."""
        check_class(self.label, label)
        name = class_name(self.label)
        panels = (
            Lines(f"{name}, best regions removed first", "regions removed", self.counts, self.deletion),
            Lines(f"{name}, best regions shown first", "regions shown", self.counts, self.insertion),
        )
        return ResultView("Do the attended regions matter?", self.summary(), panels)


def ablation_faithfulness(
    diagnoser: Diagnoser,
    regions: Regions,
    metadata: Metadata | None = None,
    label: str | None = None,
    points: int = 10,
    draws: int = 5,
    seed: int = 0,
    also: Mapping[str, np.ndarray] | None = None,
) -> AblationFaithfulness:
    """Test `RANKINGS` of the regions for `label` (a code; default: the top class) by ablation.

    points: of the curves; draws: random orders; also: further rankings, name -> (regions,).
    """
    features, padding, ids = network_inputs(diagnoser, regions, metadata)
    if label is None:
        label = diagnoser.bundle.labels[int(predict_variants(diagnoser, features, padding, ids)[0].argmax())]
    k = label_index(diagnoser, label)
    scores = _scores(diagnoser, regions, metadata, features, padding, ids, label, k) | dict(also or {})
    n = int((~padding).sum())
    top = min(TOP, n)
    counts = np.unique(np.append(np.linspace(0, n, min(points, n + 1)).round().astype(int), top))
    rng = np.random.default_rng(seed)
    orders = {name: [np.argsort(-values, kind="stable")] for name, values in scores.items()}
    orders[RANDOM] = [rng.permutation(n) for _ in range(draws)]
    removed = [_first(order, c) for group in orders.values() for order in group for c in counts]
    masks = torch.from_numpy(np.array(removed + [~mask for mask in removed]))
    probabilities = predict_without_regions(diagnoser, features, masks, ids)[:, k]
    deletion, insertion = probabilities.reshape(2, -1, len(counts))
    curves: tuple[dict, dict] = {}, {}
    start = 0
    for name, group in orders.items():
        for curve, values in zip(curves, (deletion, insertion), strict=True):
            curve[name] = values[start : start + len(group)].mean(0)
        start += len(group)
    truth = scores["ablation"]
    return AblationFaithfulness(
        label,
        scores,
        {name: rank_correlation(values, truth) for name, values in scores.items()},
        {name: top_overlap(values, truth) for name, values in scores.items()},
        counts,
        *curves,
    )


@dataclass(frozen=True)
class OcclusionFaithfulness(NotebookResult):
    """scores: ranking of `OCCLUSION_RANKINGS` -> (regions,), larger supports `label` more, among them the references
    'occlusion' and 'ablation'; 'attention' is missing for units without it.

    spearman, overlap: reference -> other ranking -> as in `AblationFaithfulness`.
    """

    label: str
    scores: dict[str, np.ndarray]
    spearman: dict[str, dict[str, float]]
    overlap: dict[str, dict[str, float]]

    def summary(self, ranking: str = "attention") -> str:
        """Rank correlation of the ranking and of ablation with occlusion, and the largest effect of both."""
        hidden, ablated = (np.abs(self.scores[name]).max(initial=0.0) for name in ("occlusion", "ablation"))
        against = self.spearman["occlusion"]
        names = [ranking] if ranking in against and ranking != "ablation" else []
        ranked = "".join(f"{name} {format_signed(against[name])}, " for name in names)
        return (
            f"Rank correlation with hiding a region's pixels: {ranked}taking the region away "
            f"{format_signed(against['ablation'])}. Hiding changes {class_name(self.label)} by up to "
            f"{format_spread(hidden)}, taking away by up to {format_spread(ablated)}."
        )

    def view(self, label: str | None = None) -> ResultView:
        """Bars of the rank correlations with both references."""
        check_class(self.label, label)
        panels = tuple(
            Bars(
                f"Rank correlation with {reference}",
                tuple(correlations),
                np.array(list(correlations.values())),
                kind="signed",
            )
            for reference, correlations in self.spearman.items()
        )
        return ResultView("Rankings against hiding and taking away", self.summary(), panels)


def occlusion_faithfulness(
    diagnoser: Diagnoser,
    image: np.ndarray,
    metadata: Metadata | None = None,
    label: str | None = None,
    fill: str = "skin",
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> OcclusionFaithfulness:
    """Test `OCCLUSION_RANKINGS` of the regions of an array of `load_image` for `label` (default: the top class).

    One detection per region. fill, progress, cancelled: see `occlude`.
    """
    regions = diagnoser.regions(image)
    features, padding, ids = network_inputs(diagnoser, regions, metadata)
    if label is None:
        label = diagnoser.bundle.labels[int(predict_variants(diagnoser, features, padding, ids)[0].argmax())]
    k = label_index(diagnoser, label)
    scores = _scores(diagnoser, regions, metadata, features, padding, ids, label, k)
    hidden = occlude(diagnoser, image, metadata, "regions", fill, progress, cancelled)
    scores["occlusion"] = hidden.effect(label)
    scores["area"] = hidden.areas
    scores = {name: scores[name] for name in OCCLUSION_RANKINGS if name in scores}
    pairs = {one: [name for name in scores if name != one] for one in REFERENCES}
    return OcclusionFaithfulness(
        label,
        scores,
        {one: {name: rank_correlation(scores[name], scores[one]) for name in names} for one, names in pairs.items()},
        {one: {name: top_overlap(scores[name], scores[one]) for name in names} for one, names in pairs.items()},
    )


def dataset_summary(metrics: dict, ranking: str = "attention", split: str = "test") -> str | None:
    """Agreement of a ranking with both references over many cases, of a bundle's metrics; None if not measured.

    ranking: a key of `DESCRIPTIONS`. `python -m training explain --save` writes these metrics.
    """
    measured = metrics.get(split)
    explained = measured.get("explain") if isinstance(measured, dict) else None
    if not isinstance(explained, dict):
        return None
    row = explained.get("rankings", {}).get(ranking)
    if not row or not all(reference in row for reference in REFERENCES):
        return None

    def estimate(reference: str) -> str:
        low, high = row[reference]["spearman"]["interval95"]
        value = row[reference]["spearman"]["value"]
        return f"{format_signed(value)} (95 % interval {format_signed(low)} to {format_signed(high)})"

    return (
        f"In {explained['cases']} cases of the {split} split, {DESCRIPTIONS[ranking]} agreed with hiding a region's "
        f"pixels by {estimate('occlusion')} and with taking the region away by {estimate('ablation')}. These are mean "
        "rank correlations: +1 is the same order, 0 is chance."
    )


def top_overlap(a: np.ndarray, b: np.ndarray, top: int = TOP) -> float:
    """Share of the `top` largest values of `a` that are among those of `b`; 0 for empty arrays."""
    top = min(top, len(a))
    best, other = (set(np.argsort(-values, kind="stable")[:top]) for values in (a, b))
    return len(best & other) / max(top, 1)


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's rank correlation with average ranks for ties; 0 for constant or empty arrays."""
    ranks_a, ranks_b = _ranks(a), _ranks(b)
    if not len(a) or min(ranks_a.std(), ranks_b.std()) == 0:
        return 0.0
    return float(np.corrcoef(ranks_a, ranks_b)[0, 1])


def _scores(diagnoser, regions, metadata, features: Tensor, padding: Tensor, ids: Tensor, label: str, k: int):
    diagnosis = diagnoser.diagnose_regions(regions, metadata)
    scores = {}
    if diagnosis.region_attention is not None:
        scores["attention"] = diagnosis.region_attention.astype(np.float64)
    scores["contribution"] = contributions(diagnoser, diagnosis).against(label).regions
    network = diagnoser.bundle.network

    with torch.enable_grad():
        inputs = features.clone().requires_grad_()
        logit = network(inputs, padding, ids, need_weights=True).logits[0, k]
        gradient = torch.autograd.grad(logit, inputs)[0]
    scores["gradient"] = (gradient * features).sum(-1)[~padding].double().numpy()  # gradient x input
    scores["relevance"] = relevance(diagnoser, regions, metadata, label).regions
    plain = predict_variants(diagnoser, features, padding, ids)[0, k]
    scores["ablation"] = plain - without_each(diagnoser, features, padding, ids)[:, k]
    return scores


def _first(order: np.ndarray, count: int) -> np.ndarray:
    mask = np.zeros(len(order), dtype=bool)
    mask[order[:count]] = True
    return mask


def _ranks(values: np.ndarray) -> np.ndarray:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[inverse]
