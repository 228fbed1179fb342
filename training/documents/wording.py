"""Numbers as the documents write them, and the tables and sentences that RESULTS.md and the card share."""

import numpy as np

from mat_core.measuring.measurement import MEASURED
from mat_core.measuring.metrics import HEADLINE

from ..results.names import RowName

MAIN = RowName("clean", "sga-sga").within  # the row that is drawn, and whose groups are shown
NAMES = MEASURED | {
    "mean_iou_10": "mean IoU between the first 10 regions",
    "mean_iou_36": "mean IoU between the first 36 regions",
    "lesion_covered_36": "share of the lesion under the first 36 regions",
}


def short(value: float, digits: int = 3) -> str:
    """.873 for 0.8731, as the documents write it; what could not be measured is said so."""
    if np.isnan(value):
        return "not measurable"
    text = f"{value:.{digits}f}"
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text


def headline_table(measured: dict) -> str:
    """The headline of a measurement with its intervals."""
    lines = ["| | value | 95 % interval |", "| --- | --- | --- |"]
    for name in HEADLINE:
        low, high = measured[name]["interval95"]
        lines.append(f"| {NAMES[name]} | {short(measured[name]['value'])} | {short(low)} to {short(high)} |")
    return "\n".join(lines)


def regions_text(detector: dict) -> str:
    """What `regions.detector_metrics` found, in sentences."""
    text = (
        f"Of the test images, {100 * detector['lesion_recall_10']:.1f} % have a box with IoU of at least .5 to the "
        f"lesion among the first 10 regions, {100 * detector['lesion_recall_36']:.1f} % among 36, "
        f"{100 * detector['lesion_recall_100']:.1f} % among 100; for {100 * detector['lesion_top']:.1f} % it is the "
        f"first. Mean IoU between pairs: {short(detector['mean_iou_10'])} in the first 10, "
        f"{short(detector['mean_iou_36'])} in the first 36."
    )
    if "lesion_covered_36" in detector:
        text += (
            f" The first 36 cover {100 * detector['lesion_covered_36']:.1f} % of the lesion and "
            f"{100 * detector['image_covered_36']:.1f} % of the image."
        )
    return text


def before_text(measured: dict) -> str:
    """Calibration before temperature scaling, and Brier scores, where a bundle's metrics have them."""
    before = measured.get("before_scaling")
    text = f" ({short(before['expected_calibration_error'])} before temperature scaling)" if before else ""
    if "brier" in measured:
        text += f"; Brier score {short(measured['brier'])}" + (f" ({short(before['brier'])} before)" if before else "")
    return text


def groups_text(tables: dict) -> str:
    """The section about groups of patients; tables: docs/results/metrics.json."""
    row = tables["clean"].get("rows", {}).get(MAIN)
    if not row:
        return "## Groups\n\nNot measured yet.\n"
    return (
        "## Groups\n\nSGA-SGA, clean protocol, seed 0. Groups differ in their diagnoses, and small ones in luck: "
        "read the counts and the (Wilson) intervals.\n\n" + groups_table(row["groups"]) + "\n"
    )


def groups_table(groups: dict) -> str:
    """Accuracy of every group with its count and interval, as `measure` has them."""
    lines = ["| | group | lesions | accuracy | 95 % interval |", "| --- | --- | --- | --- | --- |"]
    for kind, these in groups.items():
        for name, group in these.items():
            low, high = group["interval95"]
            lines.append(
                f"| {kind} | {name} | {group['cases']} | {short(group['value'])} | {short(low)} to {short(high)} |"
            )
    return "\n".join(lines)
