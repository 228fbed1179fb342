"""What if she were 70? The whole sweep over age, sex and localization for one image. The model's view, not biology."""

from dataclasses import dataclass
from itertools import product

import numpy as np

from ..diagnoser import Diagnoser
from ..metadata import LOCALIZATIONS, SEXES, Metadata
from ..regions import Regions
from ..showing.shown import Plotted
from ..wording import class_name, share
from .passes import case_inputs, word_ids
from .sweep import probabilities_of_words

AGES = tuple(range(0, 90, 5))  # HAM10000 rounds ages to five years
ALL_SEXES = (*SEXES, None)
SITES = (*(site for site in LOCALIZATIONS if site != "unknown"), None)
NOTE = (
    "This is what the model makes of other words beside the same image: its view, learnt from one dataset, not biology."
)


@dataclass(frozen=True)
class Flip(Plotted):
    """A smallest change of the metadata that gives another top class.

    changes: field -> (from, to). label: the class that is then on top, probability: of it; probabilities: (classes,).
    """

    changes: dict[str, tuple]
    label: str
    probability: float
    probabilities: np.ndarray

    def sentence(self) -> str:
        """What would have to change, and what the answer would be."""
        said = " and ".join(
            f"{f} were {_shown(new)} instead of {_shown(old)}" for f, (old, new) in self.changes.items()
        )
        return f"If {said}, the answer would be {class_name(self.label)} ({share(self.probability)})."


@dataclass(frozen=True)
class WhatIf(Plotted):
    """The sweep. probabilities: (ages, sexes, sites, classes); at_own_age: (sexes, sites, classes), at the age that was
    given, or without one. None among sexes and sites: missing. metadata: the case's own.
    """

    labels: tuple[str, ...]
    metadata: Metadata
    ages: tuple[int, ...]
    sexes: tuple[str | None, ...]
    sites: tuple[str | None, ...]
    probabilities: np.ndarray
    at_own_age: np.ndarray

    @property
    def own(self) -> np.ndarray:
        """The answer as it is, (classes,)."""
        return self.at_own_age[self._sex, self._site]

    def over_age(self) -> np.ndarray:
        """(ages, classes), everything else as it was given."""
        return self.probabilities[:, self._sex, self._site]

    def over_sex(self) -> np.ndarray:
        """(sexes, classes), everything else as it was given."""
        return self.at_own_age[:, self._site]

    def over_sites(self) -> np.ndarray:
        """(sites, classes), everything else as it was given."""
        return self.at_own_age[self._sex]

    def flip(self) -> Flip | None:
        """The smallest change of metadata to another top class: one field before two before three, then the fewest
        years, then the surest answer. None when no metadata of the sweep changes the answer.
        """
        top, old = int(self.own.argmax()), self.metadata
        choices = [(None, self.at_own_age), *zip(self.ages, self.probabilities, strict=True)]
        found = []
        for age, table in choices:
            for j, k in np.argwhere(table.argmax(-1) != top):
                changes = {} if age in (None, old.age) else {"age": (old.age, age)}
                for field, value in (("sex", self.sexes[j]), ("localization", self.sites[k])):
                    if value != getattr(old, field):
                        changes[field] = getattr(old, field), value
                years = abs(age - old.age) if age is not None and old.age is not None else 0
                sure = float(table[j, k].max())
                found.append(
                    (len(changes), years, -sure, Flip(changes, self.labels[table[j, k].argmax()], sure, table[j, k]))
                )
        return min(found, key=lambda one: one[:3])[-1] if found else None

    def sentence(self) -> str:
        """How far age and site move the top class, and the smallest change that flips it."""
        k = int(self.own.argmax())
        age, site = self.over_age()[:, k], self.over_sites()[:, k]
        flip = self.flip()
        return (
            f"From {self.ages[0]} to {self.ages[-1]} years the probability of {class_name(self.labels[k])} lies "
            f"between {share(age.min())} and {share(age.max())}, over the sites between {share(site.min())} and "
            f"{share(site.max())}. {flip.sentence() if flip else 'No metadata of the sweep changes the answer.'}"
        )

    @property
    def _sex(self) -> int:
        return self.sexes.index(self.metadata.sex)

    @property
    def _site(self) -> int:
        return self.sites.index(self.metadata.localization)


def what_if(diagnoser: Diagnoser, regions: Regions, metadata: Metadata | None = None) -> WhatIf:
    """The sweep, 18 ages x 3 sexes x 15 sites and once more at the given age, in batches that share the image's side as
    far as the unit allows: see `sweep`.
    """
    metadata = metadata or Metadata()
    features, padding, _ = case_inputs(diagnoser, regions, metadata)
    ages = *AGES, metadata.age
    variants = [Metadata(age, sex, site, metadata.dx_type) for age, sex, site in product(ages, ALL_SEXES, SITES)]
    # different metadata can be the same words: ages above the oldest one read, or a unit that reads none
    ids, where = word_ids(diagnoser, variants).unique(dim=0, return_inverse=True)
    found = probabilities_of_words(diagnoser, features, padding, ids)[where.numpy()]
    found = found.reshape(len(ages), len(ALL_SEXES), len(SITES), -1)
    return WhatIf(diagnoser.bundle.labels, metadata, AGES, ALL_SEXES, SITES, found[:-1], found[-1])


def _shown(value) -> str:
    return "unknown" if value is None else str(value)
