"""The other models that lie in checkpoints/: loaded when they are first asked for, kept only where they fit."""

import threading
from pathlib import Path

import numpy as np

from mat_core import Diagnoser, UserError
from mat_core.bundle import find_bundles
from mat_core.explain import Leak, leak
from mat_core.explain.side_by_side import same_detector
from mat_core.images import load_image
from mat_core.places import CHECKPOINTS

from .examples import Example


class Models:
    """Bundles whose detector is that of the app's own, so that they can answer about the regions on the screen."""

    def __init__(self, own: Diagnoser, folder: Path = CHECKPOINTS):
        self.own, self.folder = own, folder
        self.problems: list[str] = []  # a sentence for each bundle that was left out
        self._others: dict[str, Diagnoser] | None = None
        self._most: tuple[Example, Leak] | None = None
        self._lock = threading.Lock()

    def units(self) -> dict[str, Diagnoser]:
        """The app's own model first, then every other that was trained on the same metadata fields, by name."""
        own = {self.own.bundle.name: self.own}
        return own | {d.bundle.name: d for d in self._load().values() if d.bundle.fields == self.own.bundle.fields}

    def leaking(self) -> Diagnoser | None:
        """A model that was told dx_type, or None when there is none."""
        told = (d for d in (self.own, *self._load().values()) if "dx_type" in d.bundle.fields)
        return next(told, None)

    def most_leaking(self, examples: list[Example], label: str = "mel") -> tuple[Example, Leak]:
        """The example in which being told dx_type moves `label` most, found once. Needs a `leaking` model."""
        told = self.leaking()
        with self._lock:
            if self._most is None:
                found = [leak(told, self.own.regions(load_image(e.path)), e.metadata) for e in examples]
                moved = [np.ptp(one.probabilities[:, one.labels.index(label)]) for one in found]
                at = int(np.argmax(moved))
                self._most = examples[at], found[at]
            return self._most

    def _load(self) -> dict[str, Diagnoser]:
        with self._lock:
            if self._others is None:
                self._others = {}
                for path in find_bundles(self.folder):
                    self._take(path)
            return self._others

    def _take(self, path: Path) -> None:
        try:
            other = Diagnoser.from_pretrained(path)
        except UserError as error:
            self.problems.append(str(error))
            return
        if other.bundle.name == self.own.bundle.name and other.bundle.fields == self.own.bundle.fields:
            return
        if not same_detector(self.own.bundle, other.bundle):
            self.problems.append(f"{path.name} is left out: it was trained with another detector.")
            return
        other.bundle.detector = self.own.bundle.detector  # one copy in memory
        self._others[path.name] = other
