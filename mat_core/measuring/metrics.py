"""The paper's three metrics and those that small classes need, all from probabilities and labels."""

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    confusion_matrix,
    label_ranking_average_precision_score,
    roc_auc_score,
    roc_curve,
)

from ..labels import CODES

MELANOMA = CODES.index("mel")
HEADLINE = ("acc", "lrap", "auc", "balanced_acc")
BINS = 15  # of reliability, of equal width


def headline(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """ACC, LRAP, macro one-vs-rest AUC and balanced accuracy.

    probabilities: (cases, classes), rows sum to 1; labels: (cases,) class numbers. A class absent from `labels` has no
    ROC curve and is left out of the mean AUC.
    """
    labels = np.asarray(labels)
    truth = np.eye(probabilities.shape[1], dtype=int)[labels]
    predicted = probabilities.argmax(1)
    return {
        "acc": float(accuracy_score(labels, predicted)),
        "lrap": float(label_ranking_average_precision_score(truth, probabilities)),
        "auc": macro_auc(probabilities, labels),
        "balanced_acc": float(balanced_accuracy_score(labels, predicted)),
    }


def melanoma_sensitivity(probabilities: np.ndarray, labels: np.ndarray, specificity: float = 0.9) -> float:
    """Highest share of melanomas found by a threshold on their probability that keeps at least this specificity.

    NaN where there is no melanoma, or nothing else.
    """
    if len(np.unique(np.asarray(labels) == MELANOMA)) < 2:
        return float("nan")
    fpr, tpr, _ = roc_curve(np.asarray(labels) == MELANOMA, probabilities[:, MELANOMA])
    return float(tpr[fpr <= 1 - specificity + 1e-12].max())


def reliability(probabilities: np.ndarray, labels: np.ndarray) -> list[dict]:
    """Of each of the BINS of equal width that has a case: how sure the answers are, and how often they are right.

    'confidence': mean probability of the top class; 'accuracy': share of right answers, with its 'interval95' of
    `share_interval`; 'cases': how many. A model keeps its word where accuracy is confidence.
    """
    top, right = probabilities.max(1), probabilities.argmax(1) == labels
    bin_of = np.minimum((top * BINS).astype(int), BINS - 1)
    return [
        {
            "confidence": float(top[bin_of == b].mean()),
            "accuracy": float(right[bin_of == b].mean()),
            "interval95": list(share_interval(int(right[bin_of == b].sum()), int((bin_of == b).sum()))),
            "cases": int((bin_of == b).sum()),
        }
        for b in np.unique(bin_of)
    ]


def share_interval(found: int, cases: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927): `found` of `cases`, of which there is at least one.

    A bootstrap of three right answers would be sure of the fourth; this one is not.
    """
    z = NormalDist().inv_cdf(0.975)
    middle, half = found + z**2 / 2, z * (found * (cases - found) / cases + z**2 / 4) ** 0.5
    return max(0.0, (middle - half) / (cases + z**2)), min(1.0, (middle + half) / (cases + z**2))


def calibration_error(bins: Sequence[dict]) -> float:
    """Expected calibration error: the mean gap between confidence and accuracy of `reliability`, weighted by cases."""
    total = sum(b["cases"] for b in bins)
    return float(sum(abs(b["accuracy"] - b["confidence"]) * (b["cases"] / total) for b in bins))


def brier_score(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Mean squared distance between the probabilities and the truth, summed over classes: 0 is best, 2 is worst."""
    truth = np.eye(probabilities.shape[1])[np.asarray(labels)]
    return float(((probabilities - truth) ** 2).sum(1).mean())


def confusion(probabilities: np.ndarray, labels: np.ndarray) -> list[list[int]]:
    """Counts, row: the true class, column: the predicted one."""
    return confusion_matrix(labels, probabilities.argmax(1), labels=range(probabilities.shape[1])).tolist()


def bootstrap_intervals(
    probabilities: np.ndarray, labels: np.ndarray, rounds: int = 1000, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """95 % percentile intervals of `headline`, resampling lesions within each class so that none vanishes."""
    labels = np.asarray(labels)
    rng = np.random.default_rng(seed)
    groups = [np.flatnonzero(labels == k) for k in np.unique(labels)]
    right, precision = probabilities.argmax(1) == labels, label_precision(probabilities, labels)
    times = np.zeros((rounds, len(labels)))  # how often each round has drawn each case
    for counts in times:
        for g in groups:
            counts += np.bincount(rng.choice(g, len(g)), minlength=len(labels))
    values = {
        "acc": times @ right / len(labels),
        "lrap": times @ precision / len(labels),
        "auc": _weighted_macro_auc(probabilities, labels, times),
        "balanced_acc": np.mean([times[:, g] @ right[g] / len(g) for g in groups], 0),
    }
    low, high = np.percentile([values[name] for name in HEADLINE], (2.5, 97.5), axis=1)
    return {name: (float(a), float(b)) for name, a, b in zip(HEADLINE, low, high, strict=True)}


def label_precision(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Label ranking precision of each case, (cases,): 1 / rank of its class, ties against it. Its mean is LRAP."""
    own = probabilities[np.arange(len(labels)), labels]
    return 1 / (probabilities >= own[:, None]).sum(1)


def macro_auc(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Mean one-vs-rest area under the ROC curve; a class that is absent, or alone, has no curve and is left out."""
    truths = [(labels == k, probabilities[:, k]) for k in np.unique(labels)]
    aucs = [roc_auc_score(truth, scores) for truth, scores in truths if not truth.all()]
    return float(np.mean(aucs)) if aucs else float("nan")


def _weighted_macro_auc(probabilities: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """`macro_auc` with each case counted `weights` (rounds, cases) times, (rounds,): all rounds of a bootstrap at once.

    The area is the share of pairs of a positive and a negative case that are in order; a tie is half a pair.
    """
    areas = []
    for k in np.unique(labels):
        positive = labels == k
        if positive.all():
            continue
        order = np.argsort(probabilities[:, k], kind="stable")
        scores = probabilities[order, k]
        negatives = np.where(positive[order], 0.0, weights[:, order])
        below = np.pad(negatives.cumsum(1), ((0, 0), (1, 0)))  # below[:, i]: weight of the negatives among the first i
        first, last = np.searchsorted(scores, scores, "left"), np.searchsorted(scores, scores, "right")
        ordered = (below[:, first] + below[:, last]) / 2
        positives = weights[:, order] - negatives
        areas.append((positives * ordered).sum(1) / (positives.sum(1) * below[:, -1]))
    return np.mean(areas, 0) if areas else np.full(len(weights), np.nan)


def mean_interval(values: Sequence[float], rounds: int = 1000, seed: int = 0) -> dict:
    """Mean 'value' of (cases,), and the 'interval95' of a bootstrap over cases, [low, high]; for JSON.

    With one seed, lists of one length are drawn alike: what is compared over the same cases is compared in pairs.
    """
    found = np.asarray(values, dtype=float)
    rng = np.random.default_rng(seed)
    drawn = found[rng.integers(0, len(found), (rounds, len(found)))].mean(1)
    return {"value": float(found.mean()), "interval95": [float(v) for v in np.percentile(drawn, (2.5, 97.5))]}
