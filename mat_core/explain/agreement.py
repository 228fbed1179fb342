"""Do the regions that the attention points at matter? Rankings of one case's regions against ablation.

Deletion removes the best-ranked regions first and insertion adds them first, to no region at all (Petsiuk et al. 2018,
RISE): a ranking that knows what matters makes deletion fall early and insertion rise early.

`agree` asks on the regions that are known; `confront` hides the pixels of each region's box and lets the detector look
again. The two references differ, because a region that is taken away has told the others what it knew, and its pixels
are still in their features. `over_cases` says what both gave over many cases.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..diagnoser import Diagnoser
from ..metadata import Metadata
from ..regions import Regions
from ..showing.shown import Plotted
from ..wording import class_name, share, signed, width
from .ablation import without_each
from .contributions import contributions
from .occlusion import occlude
from .passes import case_inputs, label_index, probabilities_of, probabilities_without
from .relevance import relevance
from .scene import Progress

RANKINGS = ("attention", "contribution", "gradient", "relevance", "ablation")
RANDOM = "random"
TOP = 10  # regions
REFERENCES = ("occlusion", "ablation")
# 'area', of the box, knows nothing but how much is hidden: what is no better than it says nothing about the model
CONFRONTED = ("attention", "contribution", "gradient", "relevance", "area", *REFERENCES)
# as the subject of a sentence
SAID = {
    "attention": "attention", "contribution": "what each region adds to the log-odds",
    "gradient": "gradient times input", "relevance": "relevance",
}  # fmt: skip


@dataclass(frozen=True)
class Agreement(Plotted):
    """scores: ranking -> (regions,), larger is said to speak more for `label`; 'attention' is lacking where the unit
    has none, 'contribution' is a region's part in the log-odds of `label` against the likeliest other class.

    spearman, overlap: ranking -> its rank correlation with ablation (-1 to 1), and the share of its ten best regions
    that are among ablation's ten best (0 to 1). counts: (points,) regions removed or shown, from 0 to all.
    deletion, insertion: ranking, or 'random', -> (points,) probability of `label`; random is a mean over orders.
    """

    label: str
    scores: dict[str, np.ndarray]
    spearman: dict[str, float]
    overlap: dict[str, float]
    counts: np.ndarray
    deletion: dict[str, np.ndarray]
    insertion: dict[str, np.ndarray]

    def areas(self, curves: dict[str, np.ndarray]) -> dict[str, float]:
        """Area below each of `deletion` (small: removes what matters first) or `insertion` (large: shows it first)."""
        span = max(self.counts[-1], 1)
        return {name: float(np.trapezoid(curve, self.counts) / span) for name, curve in curves.items()}

    def sentence(self, ranking: str = "attention") -> str:
        """What removing the ten best-ranked regions does, against ten random ones."""
        if ranking not in self.deletion:
            return "This unit has no attention to rank regions by."
        count = min(TOP, int(self.counts[-1]))
        at = int(np.flatnonzero(self.counts == count)[0])
        said = {
            "attention": "most attended", "contribution": "most contributing", "ablation": "most ablation-sensitive"
        }  # fmt: skip
        named = said.get(ranking, f"most {ranking}-ranked")
        start, end, chance = self.deletion[ranking][0], self.deletion[ranking][at], self.deletion[RANDOM][at]
        return (
            f"Removing the {count} {named} regions changes {class_name(self.label)} from {share(start)} to "
            f"{share(end)}; {count} random ones, to {share(chance)}."
        )


def agree(
    diagnoser: Diagnoser,
    regions: Regions,
    metadata: Metadata | None = None,
    label: str | None = None,
    points: int = 10,
    draws: int = 5,
    seed: int = 0,
    also: Mapping[str, np.ndarray] | None = None,
) -> Agreement:
    """Rank the regions five ways for `label` (a code; default: the top class) and test each way by taking away.

    also: further rankings to test, name -> (regions,).
    """
    features, padding, ids = case_inputs(diagnoser, regions, metadata)
    if label is None:
        label = diagnoser.bundle.labels[int(probabilities_of(diagnoser, features, padding, ids)[0].argmax())]
    k = label_index(diagnoser, label)
    scores = _scores(diagnoser, regions, metadata, features, padding, ids, label, k) | dict(also or {})
    n = int((~padding).sum())
    top = min(TOP, n)
    counts = np.unique(np.append(np.linspace(0, n, min(points, n + 1)).round().astype(int), top))
    rng = np.random.default_rng(seed)
    orders = {name: [np.argsort(-values, kind="stable")] for name, values in scores.items()}
    orders[RANDOM] = [rng.permutation(n) for _ in range(draws)]
    removed = [_first(order, c) for these in orders.values() for order in these for c in counts]
    masks = torch.from_numpy(np.array(removed + [~mask for mask in removed]))
    found = probabilities_without(diagnoser, features, masks, ids)[:, k]
    deletion, insertion = found.reshape(2, -1, len(counts))
    curves: tuple[dict, dict] = {}, {}
    start = 0
    for name, these in orders.items():
        for curve, values in zip(curves, (deletion, insertion), strict=True):
            curve[name] = values[start : start + len(these)].mean(0)
        start += len(these)
    truth = scores["ablation"]
    return Agreement(
        label,
        scores,
        {name: rank_correlation(values, truth) for name, values in scores.items()},
        {name: top_overlap(values, truth) for name, values in scores.items()},
        counts,
        *curves,
    )


@dataclass(frozen=True)
class Confrontation(Plotted):
    """scores: ranking of `CONFRONTED` -> (regions,), larger is said to speak more for `label`; 'attention' is lacking
    where the unit has none. Among them are the references: 'occlusion', what hiding the pixels of a region's box
    changes, and 'ablation', what taking its token away changes.

    spearman, overlap: reference -> ranking -> as `Agreement` has them, every ranking but the reference itself.
    """

    label: str
    scores: dict[str, np.ndarray]
    spearman: dict[str, dict[str, float]]
    overlap: dict[str, dict[str, float]]

    def sentence(self, ranking: str = "attention") -> str:
        """How far the ranking, and taking away, agree with hiding; and by how much the two change the answer."""
        hidden, taken = (np.abs(self.scores[name]).max(initial=0.0) for name in ("occlusion", "ablation"))
        against = self.spearman["occlusion"]
        names = [ranking] if ranking in against and ranking != "ablation" else []
        ranked = "".join(f"{name} {signed(against[name])}, " for name in names)
        return (
            f"Rank correlation with hiding a region's pixels: {ranked}taking the region away "
            f"{signed(against['ablation'])}. Hiding changes {class_name(self.label)} by up to {width(hidden)}, "
            f"taking away by up to {width(taken)}."
        )


def confront(
    diagnoser: Diagnoser,
    image: np.ndarray,
    metadata: Metadata | None = None,
    label: str | None = None,
    fill: str = "skin",
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Confrontation:
    """Rank the regions of an RGB array from `images.load_image` every way for `label` (a code; default: the top class).

    One detection a region: fill, progress, cancelled as `occlude` has them.
    """
    regions = diagnoser.regions(image)
    features, padding, ids = case_inputs(diagnoser, regions, metadata)
    if label is None:
        label = diagnoser.bundle.labels[int(probabilities_of(diagnoser, features, padding, ids)[0].argmax())]
    k = label_index(diagnoser, label)
    scores = _scores(diagnoser, regions, metadata, features, padding, ids, label, k)
    hidden = occlude(diagnoser, image, metadata, "regions", fill, progress, cancelled)
    scores["occlusion"] = hidden.effect(label)
    scores["area"] = hidden.areas
    scores = {name: scores[name] for name in CONFRONTED if name in scores}
    pairs = {one: [name for name in scores if name != one] for one in REFERENCES}
    return Confrontation(
        label,
        scores,
        {one: {name: rank_correlation(scores[name], scores[one]) for name in names} for one, names in pairs.items()},
        {one: {name: top_overlap(scores[name], scores[one]) for name in names} for one, names in pairs.items()},
    )


def over_cases(metrics: dict, ranking: str = "attention", split: str = "test") -> str | None:
    """How far a ranking agreed with both references over many cases, from a bundle's metrics; None: not measured.

    ranking: one of `SAID`. The metrics are those that `python -m training explain --save` writes.
    """
    measured = metrics.get(split)
    explained = measured.get("explain") if isinstance(measured, dict) else None
    if not isinstance(explained, dict):
        return None
    row = explained.get("rankings", {}).get(ranking)
    if not row or not all(one in row for one in REFERENCES):
        return None

    def told(reference: str) -> str:
        low, high = row[reference]["spearman"]["interval95"]
        return f"{row[reference]['spearman']['value']:+.2f} (95 % interval {low:+.2f} to {high:+.2f})"

    return (
        f"In {explained['cases']} cases of the {split} split, {SAID[ranking]} agreed with hiding a region's pixels by "
        f"{told('occlusion')} and with taking the region away by {told('ablation')}. These are mean rank correlations: "
        "+1 is the same order, 0 is chance."
    )


def top_overlap(a: np.ndarray, b: np.ndarray, top: int = TOP) -> float:
    """Share of the `top` largest of one side that are among those of the other; 0 where there is none."""
    top = min(top, len(a))
    best, other = (set(np.argsort(-values, kind="stable")[:top]) for values in (a, b))
    return len(best & other) / max(top, 1)


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's: the correlation of the ranks, ties sharing theirs; 0 where one side is all the same, or empty."""
    ranks_a, ranks_b = _ranks(a), _ranks(b)
    if not len(a) or min(ranks_a.std(), ranks_b.std()) == 0:
        return 0.0
    return float(np.corrcoef(ranks_a, ranks_b)[0, 1])


def _scores(diagnoser, regions, metadata, features: Tensor, padding: Tensor, ids: Tensor, label: str, k: int):
    from captum.attr import InputXGradient  # takes half a second to import: only who asks is to wait for it

    diagnosis = diagnoser.diagnose_regions(regions, metadata)
    scores = {}
    if diagnosis.attended is not None:
        scores["attention"] = diagnosis.attended.astype(np.float64)
    scores["contribution"] = contributions(diagnoser, regions, metadata).against(label).regions
    network = diagnoser.bundle.network

    def logit(features: Tensor) -> Tensor:
        return network(features, padding, ids, need_weights=True).logits

    with torch.enable_grad():
        gradient = InputXGradient(logit).attribute(features.clone().requires_grad_(), target=k)
    scores["gradient"] = gradient.detach().sum(-1)[~padding].double().numpy()
    scores["relevance"] = relevance(diagnoser, regions, metadata, label).regions
    plain = probabilities_of(diagnoser, features, padding, ids)[0, k]
    scores["ablation"] = plain - without_each(diagnoser, features, padding, ids)[:, k]
    return scores


def _first(order: np.ndarray, count: int) -> np.ndarray:
    mask = np.zeros(len(order), dtype=bool)
    mask[order[:count]] = True
    return mask


def _ranks(values: np.ndarray) -> np.ndarray:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[inverse]
