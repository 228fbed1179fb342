"""The paper's three figures and those that small classes need, all from scikit-learn."""

import numpy as np
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    confusion_matrix,
    label_ranking_average_precision_score,
    roc_auc_score,
    roc_curve,
)

from mat_core.labels import CODES

MELANOMA = CODES.index("mel")
HEADLINE = ("acc", "lrap", "auc", "balanced_acc")


def headline(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """ACC, LRAP, macro one-vs-rest AUC and balanced accuracy.

    probabilities: (cases, classes), rows sum to 1; labels: (cases,) class numbers. A class absent from `labels` has no
    ROC curve and is left out of the mean AUC.
    """
    labels = np.asarray(labels)
    truth = np.eye(probabilities.shape[1], dtype=int)[labels]
    present = [k for k in range(probabilities.shape[1]) if 0 < truth[:, k].sum() < len(labels)]
    aucs = [roc_auc_score(truth[:, k], probabilities[:, k]) for k in present]
    predicted = probabilities.argmax(1)
    return {
        "acc": float(accuracy_score(labels, predicted)),
        "lrap": float(label_ranking_average_precision_score(truth, probabilities)),
        "auc": float(np.mean(aucs)) if aucs else float("nan"),
        "balanced_acc": float(balanced_accuracy_score(labels, predicted)),
    }


def melanoma_sensitivity(probabilities: np.ndarray, labels: np.ndarray, specificity: float = 0.9) -> float:
    """Highest share of melanomas found by a threshold on their probability that keeps at least this specificity."""
    fpr, tpr, _ = roc_curve(np.asarray(labels) == MELANOMA, probabilities[:, MELANOMA])
    return float(tpr[fpr <= 1 - specificity + 1e-12].max())


def confusion(probabilities: np.ndarray, labels: np.ndarray) -> list[list[int]]:
    """Counts, row: the true class, column: the predicted one."""
    return confusion_matrix(labels, probabilities.argmax(1), labels=range(probabilities.shape[1])).tolist()


def bootstrap_intervals(
    probabilities: np.ndarray, labels: np.ndarray, rounds: int = 2000, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """95 % percentile intervals of `headline`, resampling lesions within each class so that none vanishes."""
    labels = np.asarray(labels)
    rng = np.random.default_rng(seed)
    groups = [np.flatnonzero(labels == k) for k in np.unique(labels)]
    rows = []
    for _ in range(rounds):
        chosen = np.concatenate([rng.choice(g, len(g)) for g in groups])
        rows.append(list(headline(probabilities[chosen], labels[chosen]).values()))
    low, high = np.percentile(rows, (2.5, 97.5), axis=0)
    return {name: (float(a), float(b)) for name, a, b in zip(HEADLINE, low, high, strict=True)}
