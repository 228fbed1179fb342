"""How sure is the answer, what kind of doubt is there, and what would a threshold on melanoma cost?

A lesion has no upright: the four quarter turns of the image and of its mirror image show the same thing, so answers
that differ among them are the model's doubt, not the patient's.
"""

from dataclasses import dataclass

import numpy as np

from ..diagnoser import Diagnoser
from ..labels import BY_CODE
from ..metadata import Metadata
from ..novelty import Novelty
from ..regions import Regions
from ..showing.shown import Plotted
from ..wording import class_name, of_hundred, share, width

VIEWS = tuple((turns, mirrored) for mirrored in (False, True) for turns in range(4))
SURE = 0.5  # what the top class needs
STEADY = 7  # views, of eight, that must agree
MISSED = 0.2  # malignant classes together, where the answer is benign
UNFAMILIAR = "This does not look like the images I was trained on."


@dataclass(frozen=True)
class Doubt(Plotted):
    """views: (8, classes), calibrated probabilities of each of `VIEWS`, the image as it is first. boxes: for each view
    its regions' boxes, (r, 4) xyxy, turned back to pixels of the given image. novelty: None where the bundle has none.
    """

    labels: tuple[str, ...]
    views: np.ndarray
    boxes: tuple[np.ndarray, ...]
    novelty: Novelty | None

    @property
    def mean(self) -> np.ndarray:
        """(classes,), the mean answer of the eight views: a steadier one than that of a single view."""
        return self.views.mean(0)

    @property
    def spread(self) -> np.ndarray:
        """(classes,), standard deviation over the views: 0 when turning the image changes nothing."""
        return self.views.std(0)

    @property
    def entropy(self) -> float:
        """Of the answer as it is, in bits: 0 when one class has everything, log2(classes) when all are alike."""
        p = self.views[0][self.views[0] > 0]
        return float(-(p * np.log2(p)).sum())

    @property
    def agreeing(self) -> int:
        """Views, of eight, with the top class of the image as it is; at least 1."""
        tops = self.views.argmax(1)
        return int((tops == tops[0]).sum())

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why not to rely on this answer, a sentence each; empty when there is no sign of doubt."""
        return reasons(dict(zip(self.labels, self.views[0], strict=True)), self.novelty, self.agreeing)

    @property
    def unsure(self) -> bool:
        """True when there is any reason for doubt."""
        return bool(self.reasons)

    def sentence(self) -> str:
        """How the eight views agree, the spread of the top class and the entropy."""
        top = int(self.views[0].argmax())
        return (
            f"{self.agreeing} of 8 views give {class_name(self.labels[top])}, with a probability of "
            f"{share(self.mean[top])} ± {width(self.spread[top])}; the entropy is {self.entropy:.2f} of "
            f"{np.log2(len(self.labels)):.2f} bits."
        )


@dataclass(frozen=True)
class OperatingPoint(Plotted):
    """Calling melanoma from `threshold` on: share of melanomas found, share of other lesions correctly cleared."""

    threshold: float
    sensitivity: float
    specificity: float

    def sentence(self) -> str:
        """What the threshold means, measured on the validation split."""
        return (
            f"Calling it melanoma above {share(self.threshold)} finds {of_hundred(self.sensitivity)} of 100 melanomas "
            f"and correctly clears {of_hundred(self.specificity)} of 100 other lesions (validation split)."
        )


def reasons(probabilities: dict[str, float], novelty: Novelty | None, agreeing: int | None = None) -> tuple[str, ...]:
    """Why not to rely on an answer, a sentence each; agreeing: views of eight with this top class, None: not asked."""
    top = max(probabilities, key=lambda code: probabilities[code])
    malignant = sum(p for code, p in probabilities.items() if code in BY_CODE and BY_CODE[code].malignant)
    benign = top not in BY_CODE or not BY_CODE[top].malignant
    first = share(probabilities[top])
    signs = {
        UNFAMILIAR: novelty is not None and novelty.outside,
        f"No class has half of the probability: {class_name(top)} has {first}.": probabilities[top] < SURE,
        f"Turned or mirrored, the image gets another answer in {8 - (agreeing or 0)} of 8 views.": (
            agreeing is not None and agreeing < STEADY
        ),
        f"The answer is benign, but the malignant and premalignant classes together have {share(malignant)}.": (
            benign and malignant >= MISSED
        ),
    }
    return tuple(sentence for sentence, there in signs.items() if there)


def doubt(
    diagnoser: Diagnoser, image: np.ndarray, metadata: Metadata | None = None, known: Regions | None = None
) -> Doubt:
    """Diagnose the eight views of an RGB array, (h, w, 3) uint8 from `images.load_image`; eight times the work.

    known: regions of the image as it is, where they are known already; `image` may then be a smaller copy of it.
    """
    views, boxes, novelty = [], [], None
    for view in VIEWS:
        # not through diagnoser.regions: eight views would push out all that it remembers
        upright = view == VIEWS[0]
        regions = known if upright and known else diagnoser.bundle.detector.detect(turn(image, view))
        diagnosis = diagnoser.diagnose_regions(regions, metadata)
        novelty = diagnosis.novelty if upright else novelty
        views.append(list(diagnosis.probabilities.values()))
        scale = image.shape[0] / known.size[0] if upright and known else 1.0
        boxes.append(turn_back(regions.boxes * scale, view, image.shape[:2]))
    return Doubt(diagnoser.bundle.labels, np.array(views), tuple(boxes), novelty)


def melanoma_curve(metrics: dict) -> tuple[np.ndarray, np.ndarray] | None:
    """Of a bundle's metrics: sensitivity and specificity of calling melanoma from each score on that was measured on
    val, (points,) each; None if not measured.
    """
    curve = metrics.get("val", {}).get("roc", {}).get("mel")
    return (np.array(curve["sensitivity"]), np.array(curve["specificity"])) if curve else None


def operating_point(metrics: dict, threshold: float) -> OperatingPoint | None:
    """Of a bundle's metrics: the point of val's melanoma ROC that `threshold` (0 to 1) gives; None if not measured."""
    curve = metrics.get("val", {}).get("roc", {}).get("mel")
    if not curve:
        return None
    thresholds = np.array(curve["threshold"])
    # calling from `threshold` on is calling from the next measured score on
    above = np.flatnonzero(thresholds >= threshold - 1e-9)
    at = above[thresholds[above].argmin()] if len(above) else thresholds.argmax()
    return OperatingPoint(threshold, float(curve["sensitivity"][at]), float(curve["specificity"][at]))


def turn(image: np.ndarray, view: tuple[int, bool]) -> np.ndarray:
    """One of `VIEWS`: so many quarter turns against the clock, then mirrored left to right."""
    turns, mirrored = view
    turned = np.rot90(image, turns)
    return np.ascontiguousarray(turned[:, ::-1] if mirrored else turned)


def turn_back(boxes: np.ndarray, view: tuple[int, bool], size: tuple[int, int]) -> np.ndarray:
    """Boxes (r, 4) xyxy found in a view, in pixels of the image of `size` (height, width) that was turned."""
    turns, mirrored = view
    height, width = size
    h, w = (width, height) if turns % 2 else (height, width)  # of the view
    x1, y1, x2, y2 = np.asarray(boxes, dtype=np.float32).T
    if mirrored:
        x1, x2 = w - x2, w - x1
    for _ in range(turns):  # a quarter turn with the clock, in a view of h x w
        x1, y1, x2, y2 = h - y2, x1, h - y1, x2
        h, w = w, h
    return np.stack([x1, y1, x2, y2], 1)
