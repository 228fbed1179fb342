"""Which cases of a split: what is held out of train, and a draw with something of every diagnosis.

What is held out, the network learns from: there, features are as they are on new images.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mat_core.errors import ConfigError, DataError
from mat_core.ham10000 import Case, Dataset
from mat_core.labels import CODES

LEAST = 10  # cases of each diagnosis in a draw


def hold_out(data: Dataset, share: float, seed: int = 0) -> tuple[Dataset, tuple[Case, ...]]:
    """Take lesions out of train, `share` of each class: the data without them, and their cases.

    Backbone and detector learn from the first, so that the network, which reads their features, has training cases on
    which these features are as good, and as bad, as on new images (stacked generalisation, Wolpert 1992).
    """
    if not 0 <= share < 1:
        raise DataError(f"The held-out share of train must be at least 0 and below 1; got {share}.")
    train = data.of("train")
    classes = defaultdict(set)
    for case in train:
        classes[case.diagnosis].add(case.lesion_id)
    rng, held = np.random.default_rng(seed), set()
    for _, names in sorted(classes.items()):
        held.update(rng.permutation(sorted(names))[: round(share * len(names))].tolist())
    kept = tuple(c for c in data.cases if not (c.split == "train" and c.lesion_id in held))
    return replace(data, cases=kept), tuple(c for c in train if c.lesion_id in held)


def draw(cases: Sequence[Case], limit: int | None = None, seed: int = 0) -> list[int]:
    """Positions of `limit` cases, in order: drawn at random, but LEAST of each diagnosis where there are as many.

    Else the rare diagnoses would be two or three cases of two hundred. A limit too small for that takes the same number
    of each; None: all cases. Raises ConfigError for a limit below 1, DataError without a case.
    """
    if limit is not None and limit < 1:
        raise ConfigError(f"limit must be at least 1 case; got {limit}.")
    if not cases:
        raise DataError("This split has no case.")
    order = np.random.default_rng(seed).permutation(len(cases)).tolist()
    if limit is None or limit >= len(cases):
        return sorted(order)
    classes = defaultdict(list)
    for i in order:
        classes[cases[i].diagnosis].append(i)
    first = [i for these in classes.values() for i in these[: min(LEAST, limit // len(CODES))]]
    taken = set(first)
    return sorted([*first, *(i for i in order if i not in taken)][:limit])
