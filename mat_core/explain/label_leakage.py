"""Label leakage: predictions of a model trained with dx_type when only dx_type changes."""

from dataclasses import dataclass, replace

import numpy as np

from ..data.labels import class_name
from ..data.metadata import DX_TYPES, Metadata
from ..display.base import NotebookResult
from ..display.panels import Bars, ResultView, class_index
from ..errors import ConfigError
from ..inference.diagnoser import Diagnoser
from ..models.detection.regions import Regions
from ..utils.formatting import format_percent
from .batched_forward import network_inputs, predict_variants, word_ids

DX_TYPE_NAMES = {
    "histo": "histology",
    "follow_up": "follow-up",
    "consensus": "consensus",
    "confocal": "confocal",
    None: "nothing",
}


@dataclass(frozen=True)
class LabelLeakage(NotebookResult):
    """dx_types: HAM10000's four, and None; probabilities: (dx_types, classes)."""

    labels: tuple[str, ...]
    dx_types: tuple[str | None, ...]
    probabilities: np.ndarray

    def summary(self, label: str = "mel") -> str:
        """The lowest and the highest probability of `label`."""
        values = self.probabilities[:, self.labels.index(label)]
        low, high = values.argmin(), values.argmax()
        return (
            f"Same image, same patient: told {DX_TYPE_NAMES[self.dx_types[low]]}, this model gives {class_name(label)} "
            f"{format_percent(values[low])}; told {DX_TYPE_NAMES[self.dx_types[high]]}, {format_percent(values[high])}."
        )

    def view(self, label: str | None = None) -> ResultView:
        """Bars of the class's probability (default: melanoma) for each dx_type."""
        k = class_index(self.labels, self.probabilities[-1], label or "mel")
        label = self.labels[k]
        names = tuple(f"told {DX_TYPE_NAMES[kind]}" for kind in self.dx_types)
        bars = Bars(f"Probability of {class_name(label)}", names, self.probabilities[:, k])
        return ResultView("Leak", self.summary(label), (bars,))


def label_leakage(diagnoser: Diagnoser, regions: Regions, metadata: Metadata | None = None) -> LabelLeakage:
    """Predict with each dx_type. Raises ConfigError for a model that does not read dx_type."""
    if "dx_type" not in diagnoser.bundle.fields:
        raise ConfigError(
            "This model was never told dx_type, so it cannot leak. Choose one that was, such as checkpoints/leak."
        )
    features, padding, _ = network_inputs(diagnoser, regions, metadata)
    kinds = *DX_TYPES, None
    variants = [replace(metadata or Metadata(), dx_type=kind) for kind in kinds]
    probabilities = predict_variants(diagnoser, features, padding, word_ids(diagnoser, variants))
    return LabelLeakage(diagnoser.bundle.labels, kinds, probabilities)
