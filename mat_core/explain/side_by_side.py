"""The same case through every unit that ships: what does attention, and what does guidance, change?"""

from dataclasses import dataclass

import numpy as np
import torch

from ..diagnoser import Diagnoser, Diagnosis
from ..errors import ConfigError
from ..metadata import Metadata
from ..regions import Regions
from ..showing.shown import Plotted
from ..wording import class_name, share


@dataclass(frozen=True)
class Comparison(Plotted):
    """names: of the models; probabilities: (models, classes), each calibrated by its own temperature."""

    names: tuple[str, ...]
    labels: tuple[str, ...]
    probabilities: np.ndarray

    @property
    def tops(self) -> tuple[str, ...]:
        """The top class of each model."""
        return tuple(self.labels[k] for k in self.probabilities.argmax(1))

    def sentence(self) -> str:
        """Where the models agree, and where they differ most."""
        spread = self.probabilities.max(0) - self.probabilities.min(0)
        k = int(spread.argmax())
        low, high = (self.names[i] for i in (self.probabilities[:, k].argmin(), self.probabilities[:, k].argmax()))
        tops = set(self.tops)
        said = (
            f"{'Both' if len(self.names) == 2 else f'All {len(self.names)}'} say {class_name(self.tops[0])}"
            if len(tops) == 1
            else f"They give {len(tops)} different answers: {', '.join(sorted(class_name(t) for t in tops))}"
        )
        return (
            f"{said}. They differ most about {class_name(self.labels[k])}: {share(self.probabilities[:, k].min())} "
            f"({low}) to {share(self.probabilities[:, k].max())} ({high})."
        )


def compare(diagnosers: dict[str, Diagnoser], regions: Regions, metadata: Metadata | None = None) -> Comparison:
    """Ask each model, by its name, about regions that the detector they share has found.

    Raises ConfigError without a model, or for one with another detector or other classes.
    """
    return compared(answers(diagnosers, regions, metadata))


def answers(
    diagnosers: dict[str, Diagnoser], regions: Regions, metadata: Metadata | None = None
) -> dict[str, Diagnosis]:
    """The whole answer of each model, with its attention; as `compare` asks, and with its errors."""
    if not diagnosers:
        raise ConfigError("There is no model to compare.")
    first = next(iter(diagnosers.values())).bundle
    for name, diagnoser in diagnosers.items():
        if not same_detector(first, diagnoser.bundle) or diagnoser.bundle.labels != first.labels:
            raise ConfigError(f"{name} has another detector or other classes: its answer is not about these regions.")
    return {name: diagnoser.diagnose_regions(regions, metadata) for name, diagnoser in diagnosers.items()}


def compared(found: dict[str, Diagnosis]) -> Comparison:
    """`answers` side by side."""
    labels = tuple(next(iter(found.values())).probabilities)
    return Comparison(tuple(found), labels, np.array([list(one.probabilities.values()) for one in found.values()]))


def same_detector(one, other) -> bool:
    """Whether two bundles' detectors are equal, weights and all: then they find the same regions."""
    if one.detector is other.detector:
        return True
    ours, theirs = one.detector.state_dict(), other.detector.state_dict()
    alike = one.detector_kind == other.detector_kind and one.detector.config == other.detector.config
    return alike and ours.keys() == theirs.keys() and all(torch.equal(v, theirs[k]) for k, v in ours.items())
