"""The training lesions that the network finds most similar to a case: how they were diagnosed, and how often that is
right.

Similar means close in X~, the sum over the regions behind the last block: for the network, not for a dermatologist.
"""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from ..data.labels import class_name, class_title
from ..data.metadata import Metadata
from ..display.base import NotebookResult
from ..display.panels import Bars, ResultView
from ..errors import DataError
from ..inference.case_index import IndexedCase, case_vectors
from ..inference.diagnoser import Diagnoser
from ..inference.diagnosis import Diagnosis
from ..models.detection.regions import Regions
from ..utils.formatting import format_percent
from ..utils.validation import check_int

K, MAX_K = 20, 100


@dataclass(frozen=True)
class SimilarCases(NotebookResult):
    """cases: most similar first; cosines: (cases,), -1 to 1. measured: on the test split, 'k', and 'acc' and
    'balanced_acc' with 'value' and 'interval95'; empty if it was not measured.
    """

    labels: tuple[str, ...]
    cases: tuple[IndexedCase, ...]
    cosines: np.ndarray
    measured: dict = field(default_factory=dict)

    @property
    def counts(self) -> dict[str, int]:
        """Class -> number of cases, the commonest first; of equally common ones, that of the most similar case."""
        return dict(Counter(case.diagnosis for case in self.cases).most_common())

    @property
    def shares(self) -> np.ndarray:
        """The share of each class, (classes,)."""
        return np.array([self.counts.get(label, 0) for label in self.labels]) / len(self.cases)

    def summary(self) -> str:
        """The counts, and how often the commonest class is the right one."""
        counts = ", ".join(f"{count} {class_name(label)}" for label, count in self.counts.items())
        return f"Of the {len(self.cases)} most similar training lesions: {counts}. {self.accuracy()}"

    def accuracy(self) -> str:
        """How often the commonest class among the most similar cases is right on the test split."""
        if not self.measured:
            return "How often the commonest class among them is right has not been measured."
        acc, balanced = (_with_interval(self.measured[name]) for name in ("acc", "balanced_acc"))
        return (
            f"On the test split, the commonest class among {self.measured['k']} is right for {acc} of the lesions; "
            f"balanced accuracy {balanced}."
        )

    def view(self, label: str | None = None) -> ResultView:
        """The share of each class. label: not used."""
        names = tuple(class_title(code) for code in self.labels)
        bars = Bars(f"Diagnoses of the {len(self.cases)} most similar training lesions", names, self.shares)
        return ResultView("Similar cases", self.summary(), (bars,))


def similar_cases(
    diagnoser: Diagnoser, case: Regions | Diagnosis, metadata: Metadata | None = None, k: int = K
) -> SimilarCases:
    """The k most similar training lesions; case, metadata: see `Diagnoser.forward`. k: 1 to MAX_K.

    Raises DataError if the bundle has no index of cases.
    """
    check_int("k", k, 1, MAX_K)
    bundle = diagnoser.bundle
    if bundle.case_index is None:
        raise DataError("This bundle has no index of training cases. Make it: python -m training similar-cases.")
    vector = case_vectors(diagnoser.forward(case, metadata))[0]
    rows, cosines = bundle.case_index.nearest(vector, k)
    measured = bundle.metrics.get("test", {}).get("similar_cases", {})
    return SimilarCases(bundle.labels, tuple(bundle.case_index[row] for row in rows), cosines, measured)


def _with_interval(estimate: dict) -> str:
    low, high = map(format_percent, estimate["interval95"])
    return f"{format_percent(estimate['value'])} (95% interval {low} to {high})"
