"""Metrics of probabilities and labels: the paper's three, and others for small classes and calibration."""

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

from ..data.labels import CODES

MELANOMA = CODES.index("mel")
HEADLINE = ("acc", "lrap", "auc", "balanced_acc")
BINS = 15  # of reliability, of equal width


def summary_metrics(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """ACC, LRAP, macro one-vs-rest AUC and balanced accuracy.

    probabilities: (cases, classes), rows sum to 1; labels: (cases,) class numbers. Classes without cases are left out
    of the AUC.
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
    """Highest sensitivity for melanoma at this specificity or more; NaN without melanomas or without others."""
    if len(np.unique(np.asarray(labels) == MELANOMA)) < 2:
        return float("nan")
    fpr, tpr, _ = roc_curve(np.asarray(labels) == MELANOMA, probabilities[:, MELANOMA])
    return float(tpr[fpr <= 1 - specificity + 1e-12].max())


def reliability(probabilities: np.ndarray, labels: np.ndarray) -> list[dict]:
    """Reliability diagram: for each of the BINS of equal width with cases, 'confidence', mean probability of the top
    class; 'accuracy', with its 'interval95' of `proportion_interval`; and 'cases'.
    """
    top, right = probabilities.max(1), probabilities.argmax(1) == labels
    bin_of = np.minimum((top * BINS).astype(int), BINS - 1)
    return [
        {
            "confidence": float(top[bin_of == b].mean()),
            "accuracy": float(right[bin_of == b].mean()),
            "interval95": list(proportion_interval(int(right[bin_of == b].sum()), int((bin_of == b).sum()))),
            "cases": int((bin_of == b).sum()),
        }
        for b in np.unique(bin_of)
    ]


def proportion_interval(successes: int, cases: int) -> tuple[float, float]:
    """95 % Wilson interval (1927) of a proportion; cases: at least 1."""
    z = NormalDist().inv_cdf(0.975)
    middle, half = successes + z**2 / 2, z * (successes * (cases - successes) / cases + z**2 / 4) ** 0.5
    return max(0.0, (middle - half) / (cases + z**2)), min(1.0, (middle + half) / (cases + z**2))


def calibration_error(bins: Sequence[dict]) -> float:
    """Expected calibration error of `reliability` bins."""
    total = sum(b["cases"] for b in bins)
    return float(sum(abs(b["accuracy"] - b["confidence"]) * (b["cases"] / total) for b in bins))


def brier_score(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Brier score summed over classes: 0 is best, 2 is worst."""
    truth = np.eye(probabilities.shape[1])[np.asarray(labels)]
    return float(((probabilities - truth) ** 2).sum(1).mean())


def confusion(probabilities: np.ndarray, labels: np.ndarray) -> list[list[int]]:
    """Confusion matrix of counts; rows: true classes."""
    return confusion_matrix(labels, probabilities.argmax(1), labels=range(probabilities.shape[1])).tolist()


def bootstrap_intervals(
    probabilities: np.ndarray, labels: np.ndarray, rounds: int = 1000, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """95 % percentile intervals of `summary_metrics` from a bootstrap stratified by class."""
    labels = np.asarray(labels)
    rng = np.random.default_rng(seed)
    groups = [np.flatnonzero(labels == k) for k in np.unique(labels)]
    right, precision = probabilities.argmax(1) == labels, per_case_lrap(probabilities, labels)
    times = np.zeros((rounds, len(labels)))  # number of draws of each case
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


def per_case_lrap(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """1 / rank of the true class of each case, (cases,), with ties counted against it. Its mean is LRAP."""
    target = probabilities[np.arange(len(labels)), labels]
    return 1 / (probabilities >= target[:, None]).sum(1)


def macro_auc(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Mean one-vs-rest AUC of the classes with a ROC curve; NaN without one."""
    truths = [(labels == k, probabilities[:, k]) for k in np.unique(labels)]
    aucs = [roc_auc_score(truth, scores) for truth, scores in truths if not truth.all()]
    return float(np.mean(aucs)) if aucs else float("nan")


def _weighted_macro_auc(probabilities: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """`macro_auc` with weights (rounds, cases) of the cases, (rounds,).

    AUC is the share of correctly ordered pairs of a positive and a negative case; a tie counts half.
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
    """Mean 'value' and bootstrap 'interval95' [low, high] of (cases,), for JSON.

    With the same seed, lists of the same length are resampled alike, for paired comparisons.
    """
    array = np.asarray(values, dtype=float)
    rng = np.random.default_rng(seed)
    means = array[rng.integers(0, len(array), (rounds, len(array)))].mean(1)
    return {"value": float(array.mean()), "interval95": [float(v) for v in np.percentile(means, (2.5, 97.5))]}
