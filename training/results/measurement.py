"""How good a model is on a split: one type and one function, for the rows of the tables and for bundles alike."""

from dataclasses import dataclass

import numpy as np

from mat_core.labels import CODES

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
        """As a bundle's metrics.json and docs/results/metrics.json have it, and as every document reads it."""
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
        return found


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
