"""All metrics of a model on a split, for bundles and for the tables of results."""

import numpy as np

from ..data.labels import CODES
from .metrics import (
    HEADLINE,
    bootstrap_intervals,
    brier_score,
    calibration_error,
    confusion,
    melanoma_sensitivity,
    reliability,
    summary_metrics,
)

METRIC_NAMES = {
    "acc": "accuracy",
    "lrap": "label ranking average precision",
    "auc": "macro AUC",
    "balanced_acc": "balanced accuracy",
    "melanoma_sensitivity_at_90_specificity": "melanoma sensitivity at 90 % specificity",
    "expected_calibration_error": "expected calibration error",
}


def measure(probabilities: np.ndarray, labels: np.ndarray, before: np.ndarray | None = None) -> dict:
    """All metrics, as in metrics.json of bundles and of docs/results.

    probabilities: (cases, classes) in the order of CODES, calibrated; labels: (cases,) class numbers; before:
    probabilities without temperature scaling. 'reliability' has bins 'after' and, if known, 'before' scaling.
    """
    table, intervals = confusion(probabilities, labels), bootstrap_intervals(probabilities, labels)
    values, bins = summary_metrics(probabilities, labels), reliability(probabilities, labels)
    result = {
        "images": len(labels),
        **{name: {"value": values[name], "interval95": list(intervals[name])} for name in HEADLINE},
        "melanoma_sensitivity_at_90_specificity": melanoma_sensitivity(probabilities, labels),
        "expected_calibration_error": calibration_error(bins),
        "recall": {code: row[k] / max(sum(row), 1) for k, (code, row) in enumerate(zip(CODES, table, strict=True))},
        "confusion": table,
        "brier": brier_score(probabilities, labels),
    }
    if before is None:
        return result | {"reliability": {"after": bins}}
    bins_before = reliability(before, labels)
    error = calibration_error(bins_before)
    result["before_scaling"] = {"expected_calibration_error": error, "brier": brier_score(before, labels)}
    return result | {"reliability": {"before": bins_before, "after": bins}}


def format_report(measured: dict) -> list[str]:
    """A result of `measure` as lines for a terminal."""
    wide = max(map(len, METRIC_NAMES.values())) + 2
    lines = []
    for name, title in METRIC_NAMES.items():
        metric = measured[name]
        value, ends = (metric["value"], metric["interval95"]) if isinstance(metric, dict) else (metric, None)
        interval = f"   95 % interval {ends[0]:.4f} to {ends[1]:.4f}" if ends else ""
        lines.append(f"{title:{wide}}" + ("not measurable" if np.isnan(value) else f"{value:.4f}{interval}"))
    counts = dict(zip(CODES, map(sum, measured["confusion"]), strict=True))
    shares = (
        f"{code} {value:.2f} of {counts[code]}" if counts[code] else f"{code} none"
        for code, value in measured["recall"].items()
    )
    return [*lines, f"{'recall':{wide}}" + ", ".join(shares)]
