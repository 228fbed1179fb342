"""Step 'evaluate': a bundle, loaded as the app loads it, on the photographs of a split."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from sklearn.metrics import log_loss
from tqdm import tqdm

from mat_core.diagnoser import Diagnoser
from mat_core.explain import doubt
from mat_core.ham10000 import Case
from mat_core.images import load_image
from mat_core.labels import CODES
from mat_core.regions import Regions

from .detector import detector_figures
from .metrics import (
    HEADLINE,
    bootstrap_intervals,
    brier_score,
    confusion,
    headline,
    melanoma_curve,
    melanoma_sensitivity,
)


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


def figures_of(cases: Sequence[Case], answers: Answers, temperature: float | None = None) -> dict:
    """All figures of one split, ready for metrics.json: values with their 95 % intervals, counts, detector.

    temperature: what the logits were divided by; with it, calibration before that is told, too.
    """
    p, labels = answers.probabilities, answers.labels
    values, intervals = headline(p, labels), bootstrap_intervals(p, labels)
    table = confusion(p, labels)
    single = np.array([c.lesion_images == 1 for c in cases])
    before = None if temperature is None else unscaled(p, temperature)
    return {
        "images": len(cases),
        **{name: {"value": values[name], "interval95": list(intervals[name])} for name in HEADLINE},
        "melanoma_sensitivity_at_90_specificity": melanoma_sensitivity(p, labels),
        "expected_calibration_error": calibration_error(p, labels),
        "recall": {code: row[k] / max(sum(row), 1) for k, (code, row) in enumerate(zip(CODES, table, strict=True))},
        "confusion": table,
        "brier": brier_score(p, labels),
        **({} if before is None else {"before_scaling": {
            "expected_calibration_error": calibration_error(before, labels), "brier": brier_score(before, labels),
        }}),
        "roc": {"mel": melanoma_curve(p, labels)},
        "single_image_lesions": {"images": int(single.sum()), **headline(p[single], labels[single])},
        "detector": detector_figures(cases, answers.regions),
    }  # fmt: skip


def unscaled(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """softmax(logits) from softmax(logits / temperature), (cases, classes)."""
    powers = np.maximum(probabilities, 1e-300) ** temperature
    return powers / powers.sum(1, keepdims=True)


def calibration_error(probabilities: np.ndarray, labels: np.ndarray, bins: int = 15) -> float:
    """Expected calibration error of the top class: mean gap between confidence and accuracy over equal-width bins."""
    confidence = probabilities.max(1)
    right = probabilities.argmax(1) == labels
    bin_of = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [
        abs(right[bin_of == b].mean() - confidence[bin_of == b].mean()) * (bin_of == b).mean()
        for b in np.unique(bin_of)
    ]
    return float(sum(gaps))


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature that minimises the log loss of softmax(logits / T); logits: (cases, classes)."""

    def loss(log_t: float) -> float:
        scaled = logits / np.exp(log_t)
        p = np.exp(scaled - scaled.max(1, keepdims=True))
        return log_loss(labels, p / p.sum(1, keepdims=True), labels=range(logits.shape[1]))

    return float(np.exp(minimize_scalar(loss, bounds=(-2.3, 2.3), method="bounded").x))


def report(figures: dict, split: str) -> str:
    """The figures as lines for a terminal."""
    lines = [f"{split}: {figures['images']} images, one a lesion"]
    for name in HEADLINE:
        value, (low, high) = figures[name]["value"], figures[name]["interval95"]
        lines.append(f"  {name:14}{value:.4f}   95 % interval {low:.4f} to {high:.4f}")
    for name in ("melanoma_sensitivity_at_90_specificity", "expected_calibration_error"):
        lines.append(f"  {name} {figures[name]:.4f}")
    lines.append("  recall         " + "  ".join(f"{code} {value:.2f}" for code, value in figures["recall"].items()))
    single = figures["single_image_lesions"]
    lines.append(
        f"  on {single['images']} lesions with a single image: " + "  ".join(f"{n} {single[n]:.4f}" for n in HEADLINE)
    )
    lines.append("  detector       " + "  ".join(f"{name} {value:.3f}" for name, value in figures["detector"].items()))
    return "\n".join(lines)
