"""How good a model is on a split: one type and one function, for the rows of the tables and for bundles alike."""

from dataclasses import dataclass

import numpy as np

from ..labels import CODES
from .metrics import (
    HEADLINE,
    bootstrap_intervals,
    brier_score,
    calibration_error,
    confusion,
    headline,
    melanoma_sensitivity,
    reliability,
)

MEASURED = {
    "acc": "accuracy",
    "lrap": "label ranking average precision",
    "auc": "macro AUC",
    "balanced_acc": "balanced accuracy",
    "melanoma_sensitivity_at_90_specificity": "melanoma sensitivity at 90 % specificity",
    "expected_calibration_error": "expected calibration error",
}


@dataclass(frozen=True)
class Calibration:
    """How well probabilities keep their word.

    error: expected calibration error of the top class; brier: `metrics.brier_score`; bins: `metrics.reliability`.
    """

    error: float
    brier: float
    bins: list[dict]

    @classmethod
    def of(cls, probabilities: np.ndarray, labels: np.ndarray) -> "Calibration":
        """Of (cases, classes) and (cases,)."""
        bins = reliability(probabilities, labels)
        return cls(calibration_error(bins), brier_score(probabilities, labels), bins)


@dataclass(frozen=True)
class Measurement:
    """What `measure` finds.

    cases: how many; values, intervals: name of HEADLINE -> value, and its 95 % interval (low, high); recall: code ->
    share found; confusion: counts, row: the true class; calibration: of the probabilities as they are; before: of
    those before temperature scaling, where they are known.
    """

    cases: int
    values: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    melanoma_sensitivity: float
    recall: dict[str, float]
    confusion: list[list[int]]
    calibration: Calibration
    before: Calibration | None = None

    def as_json(self) -> dict:
        """As a bundle's metrics.json and docs/results/metrics.json have it, and as every document reads it.

        'reliability' has the bins of `metrics.reliability`: 'after' temperature scaling, of the probabilities as they
        are, and 'before' it where that is known.
        """
        found = {
            "images": self.cases,
            **{name: {"value": self.values[name], "interval95": list(self.intervals[name])} for name in HEADLINE},
            "melanoma_sensitivity_at_90_specificity": self.melanoma_sensitivity,
            "expected_calibration_error": self.calibration.error,
            "recall": self.recall,
            "confusion": self.confusion,
            "brier": self.calibration.brier,
        }
        if self.before is not None:
            found["before_scaling"] = {"expected_calibration_error": self.before.error, "brier": self.before.brier}
        before = {} if self.before is None else {"before": self.before.bins}
        return found | {"reliability": before | {"after": self.calibration.bins}}


def measure(probabilities: np.ndarray, labels: np.ndarray, before: np.ndarray | None = None) -> Measurement:
    """How good these answers are.

    probabilities: (cases, classes) in the order of CODES, calibrated, rows sum to 1; labels: (cases,) class numbers;
    before: as probabilities, but without temperature scaling.
    """
    table = confusion(probabilities, labels)
    return Measurement(
        len(labels),
        headline(probabilities, labels),
        bootstrap_intervals(probabilities, labels),
        melanoma_sensitivity(probabilities, labels),
        {code: row[k] / max(sum(row), 1) for k, (code, row) in enumerate(zip(CODES, table, strict=True))},
        table,
        Calibration.of(probabilities, labels),
        None if before is None else Calibration.of(before, labels),
    )


def lines_of(measured: dict) -> list[str]:
    """`Measurement.as_json` for a terminal: the headline with its intervals, then the rest; what is NaN says so."""
    wide = max(map(len, MEASURED.values())) + 2
    lines = []
    for name, said in MEASURED.items():
        found = measured[name]
        value, ends = (found["value"], found["interval95"]) if isinstance(found, dict) else (found, None)
        interval = f"   95 % interval {ends[0]:.4f} to {ends[1]:.4f}" if ends else ""
        lines.append(f"{said:{wide}}" + ("not measurable" if np.isnan(value) else f"{value:.4f}{interval}"))
    counts = dict(zip(CODES, map(sum, measured["confusion"]), strict=True))
    shares = (
        f"{code} {value:.2f} of {counts[code]}" if counts[code] else f"{code} none"
        for code, value in measured["recall"].items()
    )
    return [*lines, f"{'recall':{wide}}" + ", ".join(shares)]
