"""Predictions for all ages, sexes and localizations with the same image. They describe the model, not biology."""

from dataclasses import dataclass
from itertools import product

import numpy as np

from ..data.labels import class_name, class_title
from ..data.metadata import LOCALIZATIONS, SEXES, Metadata
from ..display.base import NotebookResult
from ..display.panels import Bars, Lines, ResultView, class_index
from ..inference.diagnoser import Diagnoser
from ..models.detection.regions import Regions
from ..utils.formatting import format_percent
from .batched_forward import network_inputs, word_ids
from .fast_metadata_sweep import predict_metadata_variants

AGES = tuple(range(0, 90, 5))  # HAM10000 rounds ages to five years
ALL_SEXES = (*SEXES, None)
SITES = (*(site for site in LOCALIZATIONS if site != "unknown"), None)
NOTE = (
    "This is what the model makes of other words beside the same image: its view, learnt from one dataset, not biology."
)


@dataclass(frozen=True)
class Counterfactual(NotebookResult):
    """The smallest change of the metadata that changes the top class.

    changes: field -> (from, to). label, probability: of the new top class; probabilities: (classes,).
    """

    changes: dict[str, tuple]
    label: str
    probability: float
    probabilities: np.ndarray

    def summary(self) -> str:
        """The change and the new prediction."""
        changes = " and ".join(
            f"{f} were {_shown(new)} instead of {_shown(old)}" for f, (old, new) in self.changes.items()
        )
        return f"If {changes}, the answer would be {class_name(self.label)} ({format_percent(self.probability)})."

    def view(self, label: str | None = None) -> ResultView:
        """Bar of the new top class."""
        bars = Bars("The answer then", (class_title(self.label),), np.array([self.probability]))
        return ResultView("The smallest change", self.summary(), (bars,))


@dataclass(frozen=True)
class MetadataSweep(NotebookResult):
    """probabilities: (ages, sexes, sites, classes); at_own_age: (sexes, sites, classes), at the original age, which may
    be missing; None in sexes and sites: missing; metadata: the original.
    """

    labels: tuple[str, ...]
    metadata: Metadata
    ages: tuple[int, ...]
    sexes: tuple[str | None, ...]
    sites: tuple[str | None, ...]
    probabilities: np.ndarray
    at_own_age: np.ndarray

    @property
    def baseline(self) -> np.ndarray:
        """Probabilities of the original metadata, (classes,)."""
        return self.at_own_age[self._sex, self._site]

    def over_age(self) -> np.ndarray:
        """(ages, classes), other fields unchanged."""
        return self.probabilities[:, self._sex, self._site]

    def over_sex(self) -> np.ndarray:
        """(sexes, classes), other fields unchanged."""
        return self.at_own_age[:, self._site]

    def over_sites(self) -> np.ndarray:
        """(sites, classes), other fields unchanged."""
        return self.at_own_age[self._sex]

    def smallest_counterfactual(self) -> Counterfactual | None:
        """The smallest change to another top class: fewest fields, then fewest years, then highest probability.

        None if no metadata of the sweep changes the top class.
        """
        top, old = int(self.baseline.argmax()), self.metadata
        choices = [(None, self.at_own_age), *zip(self.ages, self.probabilities, strict=True)]
        candidates = []
        for age, table in choices:
            for j, k in np.argwhere(table.argmax(-1) != top):
                changes = {} if age in (None, old.age) else {"age": (old.age, age)}
                for field, value in (("sex", self.sexes[j]), ("localization", self.sites[k])):
                    if value != getattr(old, field):
                        changes[field] = getattr(old, field), value
                years = abs(age - old.age) if age is not None and old.age is not None else 0
                sure = float(table[j, k].max())
                candidates.append(
                    (
                        len(changes),
                        years,
                        -sure,
                        Counterfactual(changes, self.labels[table[j, k].argmax()], sure, table[j, k]),
                    )
                )
        return min(candidates, key=lambda candidate: candidate[:3])[-1] if candidates else None

    def summary(self) -> str:
        """The range of the top class's probability over age and site, and the smallest counterfactual."""
        k = int(self.baseline.argmax())
        age, site = self.over_age()[:, k], self.over_sites()[:, k]
        flip = self.smallest_counterfactual()
        return (
            f"From {self.ages[0]} to {self.ages[-1]} years the probability of {class_name(self.labels[k])} lies "
            f"between {format_percent(age.min())} and {format_percent(age.max())}, over the sites between "
            f"{format_percent(site.min())} and "
            f"{format_percent(site.max())}. "
            f"{flip.summary() if flip else 'No metadata of the sweep changes the answer.'}"
        )

    @property
    def _sex(self) -> int:
        return self.sexes.index(self.metadata.sex)

    @property
    def _site(self) -> int:
        return self.sites.index(self.metadata.localization)

    def view(self, label: str | None = None) -> ResultView:
        """Plots of the class's probability over age, sex and site."""
        k = class_index(self.labels, self.baseline, label)
        label = self.labels[k]
        name = class_name(label)
        panels = (
            Lines(f"Probability of {name} over age", "age", np.array(self.ages), {name: self.over_age()[:, k]}),
            Bars(f"Probability of {name} over sex", _known(self.sexes), self.over_sex()[:, k]),
            Bars(f"Probability of {name} over sites", _known(self.sites), self.over_sites()[:, k]),
        )
        return ResultView("What if", self.summary(), panels)


def metadata_sweep(diagnoser: Diagnoser, regions: Regions, metadata: Metadata | None = None) -> MetadataSweep:
    """Predict 18 ages x 3 sexes x 15 sites, and the original age; see `fast_metadata_sweep`."""
    metadata = metadata or Metadata()
    features, padding, _ = network_inputs(diagnoser, regions, metadata)
    ages = *AGES, metadata.age
    variants = [Metadata(age, sex, site, metadata.dx_type) for age, sex, site in product(ages, ALL_SEXES, SITES)]
    # different metadata can have the same words, e.g. ages above the maximum
    ids, where = word_ids(diagnoser, variants).unique(dim=0, return_inverse=True)
    probabilities = predict_metadata_variants(diagnoser, features, padding, ids)[where.numpy()]
    probabilities = probabilities.reshape(len(ages), len(ALL_SEXES), len(SITES), -1)
    return MetadataSweep(
        diagnoser.bundle.labels, metadata, AGES, ALL_SEXES, SITES, probabilities[:-1], probabilities[-1]
    )


def _shown(value) -> str:
    return "unknown" if value is None else str(value)


def _known(values: tuple[str | None, ...]) -> tuple[str, ...]:
    return tuple("unknown" if value is None else value for value in values)
