"""Step 'split': train, val and test by lesion, stratified by diagnosis (paper, section 3.1: 80/10/10)."""

import csv
from collections import defaultdict
from pathlib import Path

import numpy as np

from mat_core.data.ham10000 import Case
from mat_core.errors import DataError
from mat_core.utils.files import atomic_write


def make_split(cases: tuple[Case, ...], path: Path, shares: tuple[float, float] = (0.1, 0.1), seed: int = 0) -> dict:
    """Write the split of every lesion to a csv; returns the number of lesions of each split.

    shares: of val and test. Classes with at least three lesions are in all three splits.
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

    atomic_write(path, write)
    return {split: sum(p == split for p in place.values()) for split in ("train", "val", "test")}
