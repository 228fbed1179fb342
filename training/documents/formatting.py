"""Numbers, tables and sections that RESULTS.md and the cards share."""

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from string import Template

import numpy as np

from mat_core.evaluation.metrics import HEADLINE
from mat_core.evaluation.report import METRIC_NAMES

from ..results.run_names import ExperimentName

TEMPLATES = Path(__file__).with_name("templates")
MAIN = ExperimentName("clean", "sga-sga").within  # the row of the figures and groups
NAMES = METRIC_NAMES | {
    "mean_iou_10": "mean IoU between the first 10 regions",
    "mean_iou_36": "mean IoU between the first 36 regions",
    "lesion_covered_36": "share of the lesion under the first 36 regions",
}


@cache
def _sections() -> dict[str, str]:
    parts = (TEMPLATES / "RESULTS.md").read_text(encoding="utf-8").split("=== ")[1:]
    return {name: text.removesuffix("\n") for name, _, text in (part.partition("\n") for part in parts)}


def section(name: str, **values) -> str:
    """A part of templates/RESULTS.md with its values filled in."""
    return Template(_sections()[name]).substitute(values)


def table(head: str, rows: Iterable[Sequence]) -> str:
    """A Markdown table. head: its first line."""
    lines = [head, "|" + " --- |" * (head.count("|") - 1)]
    return "\n".join([*lines, *(f"| {' | '.join(map(str, row))} |" for row in rows)])


def short(value: float, digits: int = 3) -> str:
    """.873 for 0.8731; 'not measurable' for NaN."""
    if np.isnan(value):
        return "not measurable"
    text = f"{value:.{digits}f}"
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text


def headline_table(measured: dict) -> str:
    """The headline metrics with their intervals."""
    rows = [[NAMES[name], short(measured[name]["value"]), _interval(measured[name])] for name in HEADLINE]
    return table("| | value | 95 % interval |", rows)


def regions_text(detector: dict) -> str:
    """`detection_metrics.detector_metrics` in sentences."""
    values = {f"recall_{k}": f"{100 * detector[f'lesion_recall_{k}']:.1f}" for k in (10, 36, 100)}
    ious = {f"iou_{k}": short(detector[f"mean_iou_{k}"]) for k in (10, 36)}
    text = section("regions", **values, **ious, top=f"{100 * detector['lesion_top']:.1f}")
    if "lesion_covered_36" in detector:
        covered = {name: f"{100 * detector[f'{name}_covered_36']:.1f}" for name in ("lesion", "image")}
        text += section("covered", **covered)
    return text


def before_text(measured: dict) -> str:
    """Calibration before temperature scaling, and Brier scores, if measured."""
    before = measured.get("before_scaling")
    text = f" ({short(before['expected_calibration_error'])} before temperature scaling)" if before else ""
    if "brier" in measured:
        text += f"; Brier score {short(measured['brier'])}" + (f" ({short(before['brier'])} before)" if before else "")
    return text


def main_groups(tables: dict) -> dict | None:
    """The groups of the main row of docs/results/metrics.json."""
    row = tables["clean"].get("rows", {}).get(MAIN)
    return row["groups"] if row else None


def groups_table(groups: dict) -> str:
    """Accuracy of every group with its count and interval."""
    rows = [
        [kind, name, group["cases"], short(group["value"]), _interval(group)]
        for kind, members in groups.items()
        for name, group in members.items()
    ]
    return table("| | group | lesions | accuracy | 95 % interval |", rows)


def _interval(estimate: dict) -> str:
    low, high = estimate["interval95"]
    return f"{short(low)} to {short(high)}"
