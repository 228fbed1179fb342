"""The paper's numbers, the project's goals, and comparison with both."""

import numpy as np

from mat_core.evaluation.metrics import HEADLINE

from .formatting import NAMES, short

# Table 1 of the paper (ACC, LRAP, AUC), its early stopping epoch, and ACC of image-only in its text
PAPER = {
    "base": (0.9154, 0.9514, 0.9823, 13),
    "sa-sa": (0.9194, 0.9520, 0.9808, 31),
    "sa-sga": (0.9104, 0.9434, 0.9673, 32),
    "sga-sga": (0.9255, 0.9563, 0.9828, 11),
    "image-only": (0.9247, None, None, None),
}
# Table 2: method, year, ACC, AUC, each as printed there
PAPER_TABLE_2 = (
    ("Multi-model", 2019, "89.80 %", "0.98"), ("MobileNet", 2019, "92.70 %", "0.96"),
    ("DenseNet", 2020, "85.80 %", "0.88"), ("Semi-supervised", 2020, "92.54 %", "0.94"),
    ("MAT of the paper", 2021, "92.55 %", "0.98"),
)  # fmt: skip
# the project's goals
GOALS = {
    "paper": {"acc": 0.94, "lrap": 0.965, "auc": 0.985},
    "clean": {
        "acc": 0.89, "auc": 0.98, "balanced_acc": 0.80, "melanoma_sensitivity_at_90_specificity": 0.85,
        "expected_calibration_error": 0.03,
    },
    "regions": {"mean_iou_10": 0.25, "mean_iou_36": 0.20, "lesion_covered_36": 0.95},
}  # fmt: skip
LIMITS = ("expected_calibration_error", "mean_iou_10", "mean_iou_36")  # goals that are not to be exceeded


def reached(measured: dict, means: dict[str, float] | None = None) -> dict[str, float]:
    """Values by the names of GOALS from `measure`; means: of several seeds, instead of its own."""
    values = {name: measured[name]["value"] for name in HEADLINE} | (means or {})
    return values | {name: measured[name] for name in GOALS["clean"] if name not in HEADLINE}


def goals_text(values: dict[str, float], goals: dict[str, float], who: str, what: str = "goal") -> str:
    """A clause for each goal: value, goal, and whether it was missed."""
    clauses = []
    for name, goal in goals.items():
        if name not in values or np.isnan(values[name]):
            clauses.append(f"{NAMES[name]} was not measured (the {what}: {short(goal, 4)})")
            continue
        word = "above" if values[name] > goal else "below" if values[name] < goal else "at"
        good = values[name] <= goal if name in LIMITS else values[name] >= goal
        what_for = f"the {'limit' if name in LIMITS else what} of {short(goal, 4)}"
        clauses.append(f"{NAMES[name]} {short(values[name], 4)} is {word} {what_for}{'' if good else ' (missed)'}")
    return f"{who}: {'; '.join(clauses)}."
