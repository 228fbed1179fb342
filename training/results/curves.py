"""ROC curves and temperature scaling."""

import numpy as np
from scipy.optimize import minimize_scalar
from sklearn.metrics import auc, log_loss, roc_curve

from mat_core.evaluation.metrics import MELANOMA

SHOWN_POINTS = 60  # of a ROC curve that is drawn


def melanoma_curve(probabilities: np.ndarray, labels: np.ndarray, points: int = 200) -> dict[str, list[float]]:
    """At most `points` operating points of melanoma's ROC: thresholds with sensitivity and specificity."""
    fpr, tpr, thresholds = roc_curve(np.asarray(labels) == MELANOMA, probabilities[:, MELANOMA])
    indices = np.unique(np.linspace(0, len(fpr) - 1, min(points, len(fpr))).round().astype(int))
    curve = {"threshold": np.minimum(thresholds, 1.0), "sensitivity": tpr, "specificity": 1 - fpr}
    return {name: values[indices].round(6).tolist() for name, values in curve.items()}


def roc_points(truth: np.ndarray, scores: np.ndarray) -> dict:
    """'fpr', 'tpr' at SHOWN_POINTS false positive rates, and 'area' under the whole ROC curve.

    truth: (cases,) bool, with both values; scores: (cases,).
    """
    fpr, tpr, _ = roc_curve(truth, scores)
    at = np.linspace(0, 1, SHOWN_POINTS)
    return {"fpr": at.round(4).tolist(), "tpr": np.interp(at, fpr, tpr).round(4).tolist(), "area": float(auc(fpr, tpr))}


def unscaled(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """softmax(logits) from softmax(logits / temperature), (cases, classes)."""
    powers = np.maximum(probabilities, 1e-300) ** temperature
    return powers / powers.sum(1, keepdims=True)


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature that minimises the log loss of softmax(logits / T); logits: (cases, classes)."""

    def loss(log_t: float) -> float:
        scaled = logits / np.exp(log_t)
        p = np.exp(scaled - scaled.max(1, keepdims=True))
        return log_loss(labels, p / p.sum(1, keepdims=True), labels=range(logits.shape[1]))

    return float(np.exp(minimize_scalar(loss, bounds=(-2.3, 2.3), method="bounded").x))
