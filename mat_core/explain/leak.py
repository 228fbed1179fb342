"""The leak lesson: what a model that was told how the diagnosis was made does when only that word changes."""

from dataclasses import dataclass, replace

import numpy as np

from ..diagnoser import Diagnoser
from ..errors import ConfigError
from ..metadata import DX_TYPES, Metadata
from ..regions import Regions
from ..showing.shown import Plotted
from ..wording import class_name, share
from .passes import case_inputs, probabilities_of, word_ids

SAID = {
    "histo": "histology",
    "follow_up": "follow-up",
    "consensus": "consensus",
    "confocal": "confocal",
    None: "nothing",
}


@dataclass(frozen=True)
class Leak(Plotted):
    """dx_types: the four ways in which HAM10000's diagnoses were made, and None; probabilities: (dx_types, classes)."""

    labels: tuple[str, ...]
    dx_types: tuple[str | None, ...]
    probabilities: np.ndarray

    def sentence(self, label: str = "mel") -> str:
        """How far the one word moves the probability of `label`."""
        values = self.probabilities[:, self.labels.index(label)]
        low, high = values.argmin(), values.argmax()
        return (
            f"Same image, same patient: told {SAID[self.dx_types[low]]}, this model gives {class_name(label)} "
            f"{share(values[low])}; told {SAID[self.dx_types[high]]}, {share(values[high])}."
        )


def leak(diagnoser: Diagnoser, regions: Regions, metadata: Metadata | None = None) -> Leak:
    """The case with each dx_type in turn. Raises ConfigError for a model that does not read dx_type."""
    if "dx_type" not in diagnoser.bundle.fields:
        raise ConfigError(
            "This model was never told dx_type, so it cannot leak. Choose one that was, such as checkpoints/leak."
        )
    features, padding, _ = case_inputs(diagnoser, regions, metadata)
    kinds = *DX_TYPES, None
    variants = [replace(metadata or Metadata(), dx_type=kind) for kind in kinds]
    found = probabilities_of(diagnoser, features, padding, word_ids(diagnoser, variants))
    return Leak(diagnoser.bundle.labels, kinds, found)
