"""Uncertainty by test-time augmentation, warnings, and operating points of a threshold on melanoma.

Rotations by 90 degrees and mirror images show the same lesion: predictions that differ among them are the model's
uncertainty.
"""

from dataclasses import dataclass

import numpy as np

from ..data.labels import BY_CODE, class_name, class_title
from ..data.metadata import Metadata
from ..display.base import NotebookResult
from ..display.panels import Bars, ResultView, class_index
from ..inference.diagnoser import Diagnoser
from ..inference.out_of_distribution import OODScore
from ..models.detection.regions import Regions, rescale_boxes
from ..utils.formatting import format_of_100, format_percent, format_spread

VIEWS = tuple((turns, mirrored) for mirrored in (False, True) for turns in range(4))
# limits for warnings
MIN_TOP = 0.5  # probability of the top class
MIN_AGREEING = 7  # of eight views
MAX_MALIGNANT = 0.2  # probability of all malignant classes if the top class is benign
UNFAMILIAR = "This does not look like the images I was trained on."


@dataclass(frozen=True)
class Uncertainty(NotebookResult):
    """views: (8, classes), calibrated probabilities of each of `VIEWS`, first the unchanged image. boxes: for each view
    its regions' boxes, (r, 4) xyxy, in pixels of the unchanged image. novelty: None if the bundle has no such model.
    """

    labels: tuple[str, ...]
    views: np.ndarray
    boxes: tuple[np.ndarray, ...]
    novelty: OODScore | None

    @property
    def mean(self) -> np.ndarray:
        """(classes,), mean of the eight views."""
        return self.views.mean(0)

    @property
    def spread(self) -> np.ndarray:
        """(classes,), standard deviation over the views."""
        return self.views.std(0)

    @property
    def entropy(self) -> float:
        """Entropy of the unchanged image's probabilities in bits, 0 to log2(classes)."""
        p = self.views[0][self.views[0] > 0]
        return float(-(p * np.log2(p)).sum())

    @property
    def agreeing(self) -> int:
        """Number of the eight views with the top class of the unchanged image."""
        tops = self.views.argmax(1)
        return int((tops == tops[0]).sum())

    @property
    def warnings(self) -> tuple[str, ...]:
        """Reasons for doubt, see `warnings_for`."""
        return warnings_for(dict(zip(self.labels, self.views[0], strict=True)), self.novelty, self.agreeing)

    @property
    def has_warnings(self) -> bool:
        """Whether there is any reason for doubt."""
        return bool(self.warnings)

    def summary(self) -> str:
        """Agreement of the views, mean and spread of the top class, entropy."""
        top = int(self.views[0].argmax())
        return (
            f"{self.agreeing} of 8 views give {class_name(self.labels[top])}, with a probability of "
            f"{format_percent(self.mean[top])} ± {format_spread(self.spread[top])}; the entropy is "
            f"{self.entropy:.2f} of {np.log2(len(self.labels)):.2f} bits."
        )

    def view(self, label: str | None = None) -> ResultView:
        """Bars of the mean with its spread."""
        class_index(self.labels, self.mean, label)
        order = np.argsort(-self.mean, kind="stable")
        names = tuple(class_title(self.labels[k]) for k in order)
        bars = Bars("Mean of eight views, with their spread", names, self.mean[order], self.spread[order])
        return ResultView("Doubt", " ".join([self.summary(), *self.warnings]), (bars,))


@dataclass(frozen=True)
class OperatingPoint(NotebookResult):
    """Sensitivity and specificity of calling melanoma from a probability of `threshold` on."""

    threshold: float
    sensitivity: float
    specificity: float

    def summary(self) -> str:
        """Sensitivity and specificity on the validation split, in words."""
        return (
            f"Calling it melanoma above {format_percent(self.threshold)} finds {format_of_100(self.sensitivity)} of "
            "100 melanomas "
            f"and correctly clears {format_of_100(self.specificity)} of 100 other lesions (validation split)."
        )

    def view(self, label: str | None = None) -> ResultView:
        """Bars of sensitivity and specificity."""
        values = np.array([self.sensitivity, self.specificity])
        return ResultView(
            "Operating point", self.summary(), (Bars("Of the threshold", ("sensitivity", "specificity"), values),)
        )


def warnings_for(
    probabilities: dict[str, float], novelty: OODScore | None, agreeing: int | None = None
) -> tuple[str, ...]:
    """Reasons not to rely on a prediction, one message each. agreeing: views of eight with its top class, if known."""
    top = max(probabilities, key=lambda code: probabilities[code])
    malignant = sum(p for code, p in probabilities.items() if code in BY_CODE and BY_CODE[code].malignant)
    benign = top not in BY_CODE or not BY_CODE[top].malignant
    first = format_percent(probabilities[top])
    signs = {
        UNFAMILIAR: novelty is not None and novelty.is_out_of_distribution,
        f"No class has half of the probability: {class_name(top)} has {first}.": probabilities[top] < MIN_TOP,
        f"Turned or mirrored, the image gets another answer in {8 - (agreeing or 0)} of 8 views.": (
            agreeing is not None and agreeing < MIN_AGREEING
        ),
        "The answer is benign, but the malignant and premalignant classes together have "
        f"{format_percent(malignant)}.": (benign and malignant >= MAX_MALIGNANT),
    }
    return tuple(message for message, applies in signs.items() if applies)


def tta_uncertainty(
    diagnoser: Diagnoser, image: np.ndarray, metadata: Metadata | None = None, regions: Regions | None = None
) -> Uncertainty:
    """Diagnose eight views of an array of `load_image`, (h, w, 3) uint8; eight detections.

    regions: of the image if detected before; then `image` may be its `Diagnoser.detector_image`, with the same
    result.
    """
    regions = regions or diagnoser.regions(image)
    image = diagnoser.detector_image(image)
    size = image.shape[0], image.shape[1]
    upright = diagnoser.diagnose_regions(regions, metadata)
    views, boxes = [list(upright.probabilities.values())], [np.asarray(regions.boxes)]
    for view in VIEWS[1:]:
        # not diagnoser.regions: eight views would fill its cache
        view_regions = diagnoser.bundle.detector.detect(apply_view(image, view))
        views.append(list(diagnoser.diagnose_regions(view_regions, metadata).probabilities.values()))
        boxes.append(rescale_boxes(undo_view(view_regions.boxes, view, size), size, regions.size))
    return Uncertainty(diagnoser.bundle.labels, np.array(views), tuple(boxes), upright.novelty)


def melanoma_curve(metrics: dict) -> tuple[np.ndarray, np.ndarray] | None:
    """Sensitivity and specificity of melanoma at each threshold measured on val, (points,) each; None without one.

    metrics: a bundle's.
    """
    curve = metrics.get("val", {}).get("roc", {}).get("mel")
    return (np.array(curve["sensitivity"]), np.array(curve["specificity"])) if curve else None


def operating_point(metrics: dict, threshold: float) -> OperatingPoint | None:
    """The point of val's melanoma ROC at `threshold`, 0 to 1, of a bundle's metrics; None if not measured."""
    curve = metrics.get("val", {}).get("roc", {}).get("mel")
    if not curve:
        return None
    thresholds = np.array(curve["threshold"])
    # the next measured score
    above = np.flatnonzero(thresholds >= threshold - 1e-9)
    at = above[thresholds[above].argmin()] if len(above) else thresholds.argmax()
    return OperatingPoint(threshold, float(curve["sensitivity"][at]), float(curve["specificity"][at]))


def apply_view(image: np.ndarray, view: tuple[int, bool]) -> np.ndarray:
    """One of `VIEWS`: rotated counterclockwise by turns x 90 degrees, then mirrored left to right."""
    turns, mirrored = view
    turned = np.rot90(image, turns)
    return np.ascontiguousarray(turned[:, ::-1] if mirrored else turned)


def undo_view(boxes: np.ndarray, view: tuple[int, bool], size: tuple[int, int]) -> np.ndarray:
    """Boxes (r, 4) xyxy of a view in pixels of the unchanged image of `size` (height, width)."""
    turns, mirrored = view
    height, width = size
    h, w = (width, height) if turns % 2 else (height, width)  # of the view
    x1, y1, x2, y2 = np.asarray(boxes, dtype=np.float32).T
    if mirrored:
        x1, x2 = w - x2, w - x1
    for _ in range(turns):  # clockwise by 90 degrees, in a view of h x w
        x1, y1, x2, y2 = h - y2, x1, h - y1, x2
        h, w = w, h
    return np.stack([x1, y1, x2, y2], 1)
