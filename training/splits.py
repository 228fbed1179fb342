"""Step 'split': train, val and test by lesion, stratified by diagnosis (paper, section 3.1: 80/10/10)."""

import csv
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np

from mat_core.errors import DataError
from mat_core.files import replace_file
from mat_core.ham10000 import Case, Dataset


def make_split(cases: tuple[Case, ...], path: Path, shares: tuple[float, float] = (0.1, 0.1), seed: int = 0) -> dict:
    """Write lesion_id, first_image_id, dx, split, images for every lesion; returns the number of lesions of each split.

    shares: of val and of test. Every lesion is on one side only; every class of at least three lesions is in all three.
    """
    lesions = defaultdict(list)
    for case in cases:
        lesions[case.lesion_id].append(case)
    mixed = [name for name, group in lesions.items() if len({c.diagnosis for c in group}) > 1]
    if mixed:
        raise DataError(f"{len(mixed)} lesions have two diagnoses ({', '.join(mixed[:3])}...): mend the csv first.")
    classes = defaultdict(list)
    for name in sorted(lesions):
        classes[lesions[name][0].diagnosis].append(name)
    rng, place = np.random.default_rng(seed), {}
    for _, names in sorted(classes.items()):
        order = [names[i] for i in rng.permutation(len(names))]
        val, test = (max(1, round(share * len(order))) if len(order) >= 3 else 0 for share in shares)
        for i, name in enumerate(order):
            place[name] = "val" if i < val else "test" if i < val + test else "train"
    path.parent.mkdir(parents=True, exist_ok=True)

    def write(partial: Path) -> None:
        with partial.open("w", newline="", encoding="utf-8") as handle:
            writer = csv.writer(handle, lineterminator="\n")
            writer.writerow(["lesion_id", "first_image_id", "dx", "split", "images"])
            for name in sorted(lesions):
                group = lesions[name]
                writer.writerow([name, min(c.image_id for c in group), group[0].diagnosis, place[name], len(group)])

    replace_file(path, write)
    return {split: sum(p == split for p in place.values()) for split in ("train", "val", "test")}


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
