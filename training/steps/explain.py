"""Step 'explain': on a whole split, do the regions that each ranking puts first matter? Asked by taking them away, and
by hiding their pixels and looking again.
"""

from collections.abc import Callable, Sequence

import numpy as np
from tqdm import tqdm

from mat_core.diagnoser import Diagnoser
from mat_core.errors import ConfigError
from mat_core.explain import CONFRONTED, RANKINGS, REFERENCES, agree, average, confront, summarise
from mat_core.explain.agreement import RANDOM
from mat_core.ham10000 import Case
from mat_core.images import load_image


def explain_split(diagnoser: Diagnoser, cases: Sequence[Case], limit: int | None = None, seed: int = 0) -> dict:
    """`agree` and `confront` on every case, for the class that the model gives it; ready for metrics.json.

    `confront` looks at each image once for every region: about seven seconds a case on two idle cores.

    limit: only so many cases, drawn with `seed`; default: all. Returns 'seed', 'cases' and 'rankings' as
    `mat_core.explain.average` has them, 'by_class': code of the predicted class -> 'cases' and 'rankings' of its cases
    alone, and 'hiding': as `mat_core.explain.summarise` has it, with a 'by_class' of its own. Raises ConfigError
    without a case or for a limit below 1.
    """
    if limit is not None and limit < 1:
        raise ConfigError(f"limit must be at least 1 case; got {limit}.")
    if not cases:
        raise ConfigError("This split has no case to explain.")
    chosen = np.sort(np.random.default_rng(seed).permutation(len(cases))[:limit])
    found, hiding = [], []
    for i in tqdm(chosen, desc="explaining", unit="image", mininterval=5):
        image = load_image(cases[i].image)
        regions = diagnoser.regions(image)
        # a seed of its own: the same random orders in every case would not average out
        found.append(agree(diagnoser, regions, cases[i].metadata, seed=seed + int(i)))
        hiding.append(confront(diagnoser, image, cases[i].metadata, found[-1].label))

    def by_class(together: Callable, results: list) -> dict:
        predicted = {code: [one for one in results if one.label == code] for code in diagnoser.bundle.labels}
        return {code: together(these) for code, these in predicted.items() if these}

    return {
        "seed": seed,
        **average(found),
        "by_class": by_class(average, found),
        "hiding": {**summarise(hiding), "by_class": by_class(summarise, hiding)},
    }


def as_lines(found: dict, split: str) -> str:
    """The averages as lines for a terminal."""
    classes = ", ".join(f"{code} {one['cases']}" for code, one in found["by_class"].items())
    lines = [f"{split}: {found['cases']} cases explained; predicted: {classes}"]
    lines.append(f"  {'ranking':11}{'spearman':>9}{'top ten':>9}{'deletion':>10}{'insertion':>10}")
    for name in (*RANKINGS, RANDOM):
        if name in found["rankings"]:
            row = found["rankings"][name]
            ranked = "".join(f"{row[k]:9.3f}" if k in row else " " * 9 for k in ("spearman", "overlap"))
            lines.append(f"  {name:11}{ranked}{row['deletion_area']:10.3f}{row['insertion_area']:10.3f}")
    hiding = found["hiding"]
    for reference in REFERENCES:
        largest = _interval(hiding["largest"][reference])
        lines.append(f"  against {reference}, whose largest effect on the class is {largest}, mean and 95 % interval:")
        for name in CONFRONTED:
            row = hiding["against"][reference].get(name)
            if row:
                lines.append(f"  {name:13}spearman {_interval(row['spearman'])}  top ten {_interval(row['overlap'])}")
    return "\n".join(lines)


def _interval(estimate: dict) -> str:
    low, high = estimate["interval95"]
    return f"{estimate['value']:+.3f} ({low:+.3f} to {high:+.3f})"
