"""Step 'evaluate': a bundle, loaded as the app loads it, on the photographs of a split."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from mat_core.diagnoser import Diagnoser
from mat_core.explain import doubt
from mat_core.ham10000 import Case
from mat_core.images import load_image
from mat_core.labels import CODES
from mat_core.measuring.measurement import lines_of, measure
from mat_core.measuring.metrics import HEADLINE, headline
from mat_core.regions import Regions

from ..results.curves import melanoma_curve, unscaled
from ..results.regions import detector_metrics
from ..results.table import groups


@dataclass(frozen=True)
class Answers:
    """probabilities: (cases, classes), calibrated; labels: (cases,); regions: one Regions a case."""

    probabilities: np.ndarray
    labels: np.ndarray
    regions: list[Regions]


def answer_all(diagnoser: Diagnoser, cases: Sequence[Case], views: bool = False) -> Answers:
    """Every case through the very call that the app makes; views: the mean of its eight turned and mirrored views."""
    return answer_units([diagnoser], cases, views)[0]


def answer_units(diagnosers: Sequence[Diagnoser], cases: Sequence[Case], views: bool = False) -> list[Answers]:
    """The same for several models that share the first one's detector: each image is looked at once."""
    probabilities, regions = [[] for _ in diagnosers], []
    for case in tqdm(cases, desc="diagnosing", unit="image", mininterval=5):
        image = load_image(case.image)
        regions.append(diagnosers[0].regions(image))
        for diagnoser, mine in zip(diagnosers, probabilities, strict=True):
            if views:
                mine.append(doubt(diagnoser, image, case.metadata).mean)
            else:
                answer = diagnoser.diagnose_regions(regions[-1], case.metadata).probabilities
                mine.append([answer[code] for code in CODES])
    labels = np.array([c.label for c in cases])
    return [Answers(np.array(mine), labels, regions) for mine in probabilities]


def bundle_metrics(cases: Sequence[Case], answers: Answers, temperature: float | None = None) -> dict:
    """All metrics of a bundle on one split, ready for metrics.json: `Measurement.as_json` and what is a bundle's own.

    temperature: what the logits were divided by; with it, calibration before that is told, too. Beside the measurement:
    'roc', the melanoma's operating points; 'groups', see `table.groups`; 'single_image_lesions'; 'detector', see
    `regions.detector_metrics`.
    """
    p, labels = answers.probabilities, answers.labels
    single = np.array([c.lesion_images == 1 for c in cases])
    before = None if temperature is None else unscaled(p, temperature)
    return {
        **measure(p, labels, before).as_json(),
        "roc": {"mel": melanoma_curve(p, labels)},
        "groups": groups(cases, p, labels),
        "single_image_lesions": {"images": int(single.sum()), **headline(p[single], labels[single])},
        "detector": detector_metrics(cases, answers.regions),
    }


def as_lines(metrics: dict, split: str) -> str:
    """The metrics as lines for a terminal."""
    lines = [f"{split}: {metrics['images']} images, one a lesion", *(f"  {line}" for line in lines_of(metrics))]
    single = metrics["single_image_lesions"]
    lines.append(
        f"  on {single['images']} lesions with a single image: " + "  ".join(f"{n} {single[n]:.4f}" for n in HEADLINE)
    )
    lines.append("  detector       " + "  ".join(f"{name} {value:.3f}" for name, value in metrics["detector"].items()))
    return "\n".join(lines)
