"""Cases held out of train for the network, and stratified samples of cases."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mat_core.data.ham10000 import Case, Dataset
from mat_core.data.labels import CODES
from mat_core.errors import ConfigError, DataError

from .extra import ExtraCase

MIN_CASES = 10  # of each diagnosis in a sample


def split_held_out(data: Dataset, share: float, seed: int = 0) -> tuple[Dataset, tuple[Case, ...]]:
    """Hold out `share` of each class's lesions of the first folder: the data without them, and their cases.

    Backbone and detector are trained without them, so that their features are there as on new images for training the
    network (stacked generalisation, Wolpert 1992).
    """
    if not 0 <= share < 1:
        raise DataError(f"The held-out share of train must be at least 0 and below 1; got {share}.")
    train = [case for case in data.of("train") if not isinstance(case, ExtraCase)]
    classes = defaultdict(set)
    for case in train:
        classes[case.diagnosis].add(case.lesion_id)
    rng, held = np.random.default_rng(seed), set()
    for _, names in sorted(classes.items()):
        held.update(rng.permutation(sorted(names))[: round(share * len(names))].tolist())
    remaining = tuple(c for c in data.cases if not (c.split == "train" and c.lesion_id in held))
    return replace(data, cases=remaining), tuple(c for c in train if c.lesion_id in held)


def stratified_sample(cases: Sequence[Case], limit: int | None = None, seed: int = 0) -> list[int]:
    """Sorted indices of `limit` random cases with MIN_CASES of each diagnosis if possible, or fewer for a small limit.

    limit None: all cases. Raises ConfigError for a limit below 1, DataError without cases.
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
    first = [i for indices in classes.values() for i in indices[: min(MIN_CASES, limit // len(CODES))]]
    chosen = set(first)
    return sorted([*first, *(i for i in order if i not in chosen)][:limit])
