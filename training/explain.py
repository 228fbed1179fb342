"""Step 'explain': on a whole split, do the regions that each ranking puts first matter?"""

from collections.abc import Sequence

import numpy as np
from tqdm import tqdm

from mat_core.diagnoser import Diagnoser
from mat_core.errors import ConfigError
from mat_core.explain import RANKINGS, agree, average
from mat_core.explain.agreement import RANDOM
from mat_core.ham10000 import Case
from mat_core.images import load_image


def explain_split(diagnoser: Diagnoser, cases: Sequence[Case], limit: int | None = None, seed: int = 0) -> dict:
    """`agree` on every case, for the class that the model gives it; ready for metrics.json.

    limit: only so many cases, drawn with `seed`; default: all. Returns 'seed', 'cases' and 'rankings' as
    `mat_core.explain.average` has them, and 'by_class': code of the predicted class -> 'cases' and 'rankings' of its
    cases alone. Raises ConfigError without a case or for a limit below 1.
    """
    if limit is not None and limit < 1:
        raise ConfigError(f"limit must be at least 1 case; got {limit}.")
    if not cases:
        raise ConfigError("This split has no case to explain.")
    chosen = np.sort(np.random.default_rng(seed).permutation(len(cases))[:limit])
    found = []
    for i in tqdm(chosen, desc="explaining", unit="image", mininterval=5):
        regions = diagnoser.regions(load_image(cases[i].image))
        # a seed of its own: the same random orders in every case would not average out
        found.append(agree(diagnoser, regions, cases[i].metadata, seed=seed + int(i)))
    predicted = {code: [a for a in found if a.label == code] for code in diagnoser.bundle.labels}
    return {
        "seed": seed,
        **average(found),
        "by_class": {code: average(these) for code, these in predicted.items() if these},
    }


def report(figures: dict, split: str) -> str:
    """The averages as lines for a terminal."""
    classes = ", ".join(f"{code} {one['cases']}" for code, one in figures["by_class"].items())
    lines = [f"{split}: {figures['cases']} cases explained; predicted: {classes}"]
    lines.append(f"  {'ranking':11}{'spearman':>9}{'top ten':>9}{'deletion':>10}{'insertion':>10}")
    for name in (*RANKINGS, RANDOM):
        if name in figures["rankings"]:
            row = figures["rankings"][name]
            ranked = "".join(f"{row[k]:9.3f}" if k in row else " " * 9 for k in ("spearman", "overlap"))
            lines.append(f"  {name:11}{ranked}{row['deletion_area']:10.3f}{row['insertion_area']:10.3f}")
    return "\n".join(lines)
