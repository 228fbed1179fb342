"""The answer for one case stage by stage: of the detector's class head, of the image alone, with words, and guided."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ..data.labels import CODES, class_name
from ..display.base import NotebookResult
from ..display.panels import Grid, ResultView
from ..inference.diagnoser import Diagnoser
from ..inference.diagnosis import Diagnosis
from ..utils.formatting import format_change

# stage -> unit of the model that answers; the class head needs none
STAGES = {"class head": None, "image alone": "image-only", "with words": "sa-sa", "guided": "sga-sga"}
UNCHANGED = 0.005  # change of a probability below which practically nothing has changed


@dataclass(frozen=True)
class AnswerStages(NotebookResult):
    """stages: those of `STAGES` that a model was given for. probabilities: (stages, classes). measured: for each stage
    'acc' and 'balanced_acc' on the test split, those that were measured. From 'image alone' on, the stages are models
    of their own, trained alike on the same regions; they are not steps within one network.
    """

    labels: tuple[str, ...]
    stages: tuple[str, ...]
    probabilities: np.ndarray
    measured: tuple[dict[str, float], ...]

    @property
    def tops(self) -> tuple[str, ...]:
        """The top class of each stage."""
        return tuple(self.labels[k] for k in self.probabilities.argmax(1))

    def largest_change(self, stage: int) -> tuple[str, float]:
        """The class whose probability changes most against the stage before, and by how much; stage: from 1."""
        change = self.probabilities[stage] - self.probabilities[stage - 1]
        k = int(np.abs(change).argmax())
        return self.labels[k], float(change[k])

    def summary(self) -> str:
        """Each stage's answer, and what changed against the one before."""
        sentences = [f"{self.stages[0]}: {class_name(self.tops[0])}"]
        for i, stage in enumerate(self.stages[1:], start=1):
            label, change = self.largest_change(i)
            changed = f"{class_name(label)} {format_change(change)}" if abs(change) >= UNCHANGED else "no change"
            sentences.append(f"{stage}: {class_name(self.tops[i])} ({changed})")
        return f"{'; '.join(sentences)}."

    def view(self, label: str | None = None) -> ResultView:
        """Table of all probabilities. label: not used."""
        grid = Grid("Probability of each class, %", self.stages, self.labels, self.probabilities)
        return ResultView("The answer stage by stage", self.summary(), (grid,))


def answer_stages(diagnosers: Iterable[Diagnoser], diagnosis: Diagnosis) -> AnswerStages:
    """The stages of one case.

    diagnosers: models with the detector and the classes of `diagnosis`; of several with one unit, the first is used.
    The class head answers with its probabilities for the first region, the lesion, divided by their sum; stages without
    a model, and the class head of a detector that knows no diagnoses, are left out.
    """
    units: dict[str | None, Diagnoser] = {}
    for diagnoser in diagnosers:
        units.setdefault(diagnoser.bundle.network.config.unit, diagnoser)
    labels, rows = tuple(diagnosis.probabilities), {}
    measured: dict[str, dict] = {}
    for stage, unit in STAGES.items():
        if unit is None and diagnosis.regions.has_diagnoses:
            rows[stage] = diagnosis.regions.first_diagnosis[[CODES.index(label) for label in labels]].astype(float)
            detector = next(iter(units.values())).bundle.metrics.get("test", {}).get("detector", {})
            measured[stage] = {
                name: detector[f"class_head_{name}"]
                for name in ("acc", "balanced_acc")
                if f"class_head_{name}" in detector
            }
        elif unit in units:
            answer = units[unit].diagnose_regions(diagnosis.regions, diagnosis.metadata).probabilities
            rows[stage] = np.array([answer[label] for label in labels])
            test = units[unit].bundle.metrics.get("test", {})
            measured[stage] = {
                name: test[name]["value"] for name in ("acc", "balanced_acc") if isinstance(test.get(name), dict)
            }
    return AnswerStages(labels, tuple(rows), np.array(list(rows.values())), tuple(measured.values()))
