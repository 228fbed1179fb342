"""What is held out of train: the network learns there from features as they are on new images."""

from collections import defaultdict
from dataclasses import replace

import numpy as np

from mat_core.errors import DataError
from mat_core.ham10000 import Case, Dataset


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
