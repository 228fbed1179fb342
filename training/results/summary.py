"""Metrics of one experiment, and of several seeds together."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from scipy.special import softmax

from mat_core.data.ham10000 import Case, Dataset
from mat_core.data.labels import CODES
from mat_core.evaluation.metrics import HEADLINE, proportion_interval, summary_metrics
from mat_core.evaluation.report import measure
from mat_core.models.transformer import UNITS

from .curves import fit_temperature, roc_points
from .runs import CONTROLS, Row

AGES = {"under 30": (0, 30), "30 to 44": (30, 45), "45 to 59": (45, 60), "60 to 74": (60, 75), "75 and over": (75, 999)}


def kept(test: Sequence[Case], protocol: str) -> np.ndarray:
    """(cases,) bool, the test lesions of a protocol: all, or those with a single image."""
    return np.array([protocol == "clean" or case.lesion_images == 1 for case in test])


def row_metrics(row: Row, data: Dataset, keep: np.ndarray) -> dict:
    """All metrics of one row on test, calibrated on val: `measure` and what is a row's own.

    keep: (cases,) see `kept`. Also: name and cost of the row, 'temperature', 'val', its headline metrics, 'roc' of
    every class, 'groups', 'regions' of detectors, and 'history'.
    """
    val, test = data.of("val"), data.of("test")
    val_labels, labels = (np.array([c.label for c in cases]) for cases in (val, test))
    raw = row.test_logits.double().numpy()[keep]
    temperature = fit_temperature(row.val_logits.double().numpy(), val_labels)
    p, labels = softmax(raw / temperature, 1), labels[keep]
    cases = [c for c, k in zip(test, keep, strict=True) if k]
    return {
        "row": row.row, "detail": row.detail, "seed": row.seed, "epoch": row.epoch, "parameters": row.parameters,
        "minutes": round(row.seconds / 60, 1), "temperature": round(temperature, 3),
        **measure(p, labels, softmax(raw, 1)),
        "val": summary_metrics(softmax(row.val_logits.double().numpy(), 1), val_labels),
        "roc": {code: roc_points(labels == k, p[:, k]) for k, code in enumerate(CODES) if (labels == k).any()},
        "groups": groups(cases, p, labels),
        **({"regions": row.regions} if row.regions else {}),
        "history": [{k: epoch[k] for k in ("epoch", "loss", "val_loss") if k in epoch} for epoch in row.history],
    }  # fmt: skip


def summary(rows: dict) -> dict[str, dict]:
    """Rows that differ in seed together: label -> seeds, mean and deviation of the headline metrics, the first seed."""
    grouped = defaultdict(list)
    for row in rows.values():
        grouped[row["row"], row["detail"]].append(row)
    kinds = {}
    for (row, detail), seeds in grouped.items():
        seeds = sorted(seeds, key=lambda r: r["seed"])
        means = {name: float(np.mean([s[name]["value"] for s in seeds])) for name in HEADLINE}
        # sample standard deviation
        spreads = {
            name: float(np.std([s[name]["value"] for s in seeds], ddof=1)) if len(seeds) > 1 else None
            for name in HEADLINE
        }
        label = UNITS[row].name if row in UNITS else CONTROLS.get(row, row) + (f" ({detail})" if detail else "")
        kinds[label] = {"row": row, "seeds": len(seeds), "mean": means, "deviation": spreads, "first": seeds[0]}
    order = [*UNITS, *CONTROLS]
    return dict(sorted(kinds.items(), key=lambda item: order.index(item[1]["row"]) if item[1]["row"] in order else 99))


def groups(cases: Sequence[Case], p: np.ndarray, labels: np.ndarray) -> dict:
    """Accuracy by sex, age and localization: kind -> group -> 'cases', 'value' and 'interval95'.

    p: (cases, classes); labels: (cases,) class numbers. Empty groups are left out.
    """
    right = p.argmax(1) == labels
    members: dict[str, dict[str, np.ndarray]] = {"sex": {}, "age": {}, "localization": {}}
    for sex in ("female", "male", None):
        members["sex"][sex or "unknown"] = np.array([c.metadata.sex == sex for c in cases])
    ages = [c.metadata.age for c in cases]
    for name, (low, high) in AGES.items():
        members["age"][name] = np.array([a is not None and low <= a < high for a in ages])
    for site in sorted({c.metadata.localization or "unknown" for c in cases}):
        members["localization"][site] = np.array([(c.metadata.localization or "unknown") == site for c in cases])
    return {
        kind: {name: _group(right[mask]) for name, mask in masks.items() if mask.any()}
        for kind, masks in members.items()
    }


def _group(right: np.ndarray) -> dict:
    interval = proportion_interval(int(right.sum()), len(right))
    return {"cases": len(right), "value": float(right.mean()), "interval95": list(interval)}
