"""Step 'evaluate': metrics of a bundle on a split."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from mat_core.data.ham10000 import Case, Dataset
from mat_core.data.image_loading import load_image
from mat_core.data.labels import CODES
from mat_core.evaluation.metrics import HEADLINE, summary_metrics
from mat_core.evaluation.report import format_report, measure
from mat_core.explain import tta_uncertainty
from mat_core.explain.model_comparison import same_detector
from mat_core.inference.bundle import find_bundles, write_metrics
from mat_core.inference.diagnoser import Diagnoser
from mat_core.models.detection.regions import Regions

from ..results.curves import melanoma_curve, unscaled
from ..results.detection_metrics import detector_metrics
from ..results.summary import groups

OTHER_STEPS = ("explain", "similarity", "similar_cases")  # that add metrics of the same weights


@dataclass(frozen=True)
class Answers:
    """probabilities: (cases, classes), calibrated; labels: (cases,); regions: one Regions a case."""

    probabilities: np.ndarray
    labels: np.ndarray
    regions: list[Regions]


def answer_units(diagnosers: Sequence[Diagnoser], cases: Sequence[Case], views: bool = False) -> list[Answers]:
    """Predictions of several models with the first one's detector, by the same calls as in the app.

    views: mean over eight rotated and mirrored views.
    """
    probabilities, regions = [[] for _ in diagnosers], []
    for case in tqdm(cases, desc="diagnosing", unit="image", mininterval=5):
        image = load_image(case.image)
        regions.append(diagnosers[0].regions(image))
        for diagnoser, rows in zip(diagnosers, probabilities, strict=True):
            if views:
                rows.append(tta_uncertainty(diagnoser, image, case.metadata).mean)
            else:
                answer = diagnoser.diagnose_regions(regions[-1], case.metadata).probabilities
                rows.append([answer[code] for code in CODES])
    labels = np.array([c.label for c in cases])
    return [Answers(np.array(rows), labels, regions) for rows in probabilities]


def bundle_metrics(cases: Sequence[Case], answers: Answers, temperature: float | None = None) -> dict:
    """All metrics of a bundle on one split, ready for metrics.json: `measure` and what is a bundle's own.

    temperature: of the bundle, to add calibration before scaling. Also: 'roc', operating points of melanoma; 'groups',
    see `summary.groups`; 'single_image_lesions'; 'detector', see `detector_metrics`.
    """
    p, labels = answers.probabilities, answers.labels
    single = np.array([c.lesion_images == 1 for c in cases])
    before = None if temperature is None else unscaled(p, temperature)
    return {
        **measure(p, labels, before),
        "roc": {"mel": melanoma_curve(p, labels)},
        "groups": groups(cases, p, labels),
        "single_image_lesions": {"images": int(single.sum()), **summary_metrics(p[single], labels[single])},
        "detector": detector_metrics(cases, answers.regions),
    }


def evaluate_bundles(
    data: Dataset, checkpoint: Path, split: str = "test", views: bool = False, units: bool = False, save: bool = False
) -> None:
    """Print the metrics of a bundle on a split; save: also write them to its metrics.json.

    views: of the mean of eight views; units: also of all bundles beside it with the same detector.
    """
    folders = [checkpoint]
    if units:
        folders += [folder for folder in find_bundles(checkpoint.parent) if folder != checkpoint]
    diagnosers = {folder: Diagnoser.from_pretrained(folder) for folder in folders}
    first = diagnosers[checkpoint].bundle
    diagnosers = {folder: d for folder, d in diagnosers.items() if same_detector(first, d.bundle)}
    name, cases = f"{split}_8_views" if views else split, data.of(split)
    answers = answer_units(list(diagnosers.values()), cases, views)
    for (folder, diagnoser), predictions in zip(diagnosers.items(), answers, strict=True):
        # the mean of several views has no temperature of its own
        metrics = bundle_metrics(cases, predictions, None if views else diagnoser.bundle.temperature)
        print(as_lines(metrics, f"{folder.name}, {name}" if units else name))
        if save:
            before = diagnoser.bundle.metrics
            # results of other steps with the same weights
            other_steps = {step: values for step, values in before.get(name, {}).items() if step in OTHER_STEPS}
            write_metrics(folder, {**before, name: metrics | other_steps})


def as_lines(metrics: dict, split: str) -> str:
    """The metrics as lines for a terminal."""
    lines = [f"{split}: {metrics['images']} images, one a lesion", *(f"  {line}" for line in format_report(metrics))]
    single = metrics["single_image_lesions"]
    lines.append(
        f"  on {single['images']} lesions with a single image: " + "  ".join(f"{n} {single[n]:.4f}" for n in HEADLINE)
    )
    lines.append("  detector       " + "  ".join(f"{name} {value:.3f}" for name, value in metrics["detector"].items()))
    return "\n".join(lines)
