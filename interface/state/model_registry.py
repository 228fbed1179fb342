"""The other models in checkpoints/, loaded on first use."""

import threading
from pathlib import Path

import numpy as np

from mat_core import Diagnoser, UserError
from mat_core.data.image_loading import load_image
from mat_core.explain import LabelLeakage, label_leakage
from mat_core.explain.model_comparison import same_detector
from mat_core.inference.bundle import find_bundles
from mat_core.utils.paths import CHECKPOINTS
from teaching.cases.example import Example
from teaching.translations import text


class ModelRegistry:
    """Bundles with the detector of the app's own model, so that they can use the regions of the current case."""

    def __init__(self, own: Diagnoser, folder: Path = CHECKPOINTS):
        self.own, self.folder = own, folder
        self.problems: list[str] = []  # a message for each bundle that is not used
        self._others: dict[str, Diagnoser] | None = None
        self._local: Diagnoser | None = None
        self._strongest_leak: tuple[Example, LabelLeakage] | None = None
        self._lock = threading.Lock()

    def units(self) -> dict[str, Diagnoser]:
        """The app's own model first, then every other that was trained on the same metadata fields, by name."""
        own = {self.own.bundle.name: self.own}
        return own | {d.bundle.name: d for d in self._load().values() if d.bundle.fields == self.own.bundle.fields}

    def leaking(self) -> Diagnoser | None:
        """A model trained with dx_type, or None."""
        return next((d for d in (self.own, *self._load().values()) if "dx_type" in d.bundle.fields), None)

    def local(self) -> Diagnoser | None:
        """A model that describes parts of a lesion by what lies in them alone, or None. It has regions of its own."""
        self._load()
        return self._local

    def strongest_leak(self, examples: list[Example], label: str = "mel") -> tuple[Example, LabelLeakage]:
        """The example with the largest effect of dx_type on `label`, computed once. Needs a `leaking` model."""
        model = self.leaking()
        with self._lock:
            if self._strongest_leak is None:
                results = [label_leakage(model, self.own.regions(load_image(e.path)), e.metadata) for e in examples]
                spreads = [np.ptp(one.probabilities[:, one.labels.index(label)]) for one in results]
                at = int(np.argmax(spreads))
                self._strongest_leak = examples[at], results[at]
            return self._strongest_leak

    def _load(self) -> dict[str, Diagnoser]:
        with self._lock:
            if self._others is None:
                self._others = {}
                for path in find_bundles(self.folder):
                    self._load_bundle(path)
            return self._others

    def _load_bundle(self, path: Path) -> None:
        try:
            other = Diagnoser.from_pretrained(path)
        except UserError as error:
            self.problems.append(str(error))
            return
        if other.bundle.name == self.own.bundle.name and other.bundle.fields == self.own.bundle.fields:
            return
        if getattr(other.bundle.detector.config, "part_features", None):
            self._local = other
            return
        if not same_detector(self.own.bundle, other.bundle):
            self.problems.append(text("compare.left-out", name=path.name))
            return
        other.bundle.detector = self.own.bundle.detector  # one copy in memory
        self._others[path.name] = other
