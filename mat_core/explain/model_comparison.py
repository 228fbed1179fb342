"""Predictions of several models for the same case."""

from dataclasses import dataclass

import numpy as np
import torch

from ..data.labels import class_name
from ..data.metadata import Metadata
from ..display.base import NotebookResult
from ..display.panels import Grid, ResultView, class_index
from ..errors import ConfigError
from ..inference.diagnoser import Diagnoser
from ..inference.diagnosis import Diagnosis
from ..models.detection.regions import Regions
from ..utils.formatting import format_percent


@dataclass(frozen=True)
class ModelComparison(NotebookResult):
    """names: of the models; probabilities: (models, classes), each calibrated by its own temperature."""

    names: tuple[str, ...]
    labels: tuple[str, ...]
    probabilities: np.ndarray

    @property
    def tops(self) -> tuple[str, ...]:
        """The top class of each model."""
        return tuple(self.labels[k] for k in self.probabilities.argmax(1))

    def summary(self) -> str:
        """The top classes, and the class in which the models differ most."""
        spread = self.probabilities.max(0) - self.probabilities.min(0)
        k = int(spread.argmax())
        low, high = (self.names[i] for i in (self.probabilities[:, k].argmin(), self.probabilities[:, k].argmax()))
        tops = set(self.tops)
        agreement = (
            f"{'Both' if len(self.names) == 2 else f'All {len(self.names)}'} say {class_name(self.tops[0])}"
            if len(tops) == 1
            else f"They give {len(tops)} different answers: {', '.join(sorted(class_name(t) for t in tops))}"
        )
        return (
            f"{agreement}. They differ most about {class_name(self.labels[k])}: "
            f"{format_percent(self.probabilities[:, k].min())} "
            f"({low}) to {format_percent(self.probabilities[:, k].max())} ({high})."
        )

    def view(self, label: str | None = None) -> ResultView:
        """Table of all probabilities."""
        class_index(self.labels, self.probabilities[0], label)
        grid = Grid("Probability of each class, %", self.names, self.labels, self.probabilities)
        return ResultView("Models side by side", self.summary(), (grid,))


def compare_models(
    diagnosers: dict[str, Diagnoser], regions: Regions, metadata: Metadata | None = None
) -> ModelComparison:
    """Predict with each model, by name, from regions of their common detector.

    Raises ConfigError without a model, and for models with different detectors or classes.
    """
    return compared(answers(diagnosers, regions, metadata))


def answers(
    diagnosers: dict[str, Diagnoser], regions: Regions, metadata: Metadata | None = None
) -> dict[str, Diagnosis]:
    """Diagnosis of each model; arguments and errors as in `compare_models`."""
    if not diagnosers:
        raise ConfigError("There is no model to compare.")
    first = next(iter(diagnosers.values())).bundle
    for name, diagnoser in diagnosers.items():
        if not same_detector(first, diagnoser.bundle) or diagnoser.bundle.labels != first.labels:
            raise ConfigError(f"{name} has another detector or other classes and cannot be compared.")
    return {name: diagnoser.diagnose_regions(regions, metadata) for name, diagnoser in diagnosers.items()}


def compared(diagnoses: dict[str, Diagnosis]) -> ModelComparison:
    """The comparison of several diagnoses."""
    labels = tuple(next(iter(diagnoses.values())).probabilities)
    return ModelComparison(
        tuple(diagnoses), labels, np.array([list(diagnosis.probabilities.values()) for diagnosis in diagnoses.values()])
    )


def same_detector(bundle, other) -> bool:
    """Whether two bundles' detectors have the same settings and weights."""
    if bundle.detector is other.detector:
        return True
    weights, other_weights = bundle.detector.state_dict(), other.detector.state_dict()
    same_config = bundle.detector_kind == other.detector_kind and bundle.detector.config == other.detector.config
    return (
        same_config
        and weights.keys() == other_weights.keys()
        and all(torch.equal(v, other_weights[k]) for k, v in weights.items())
    )
