"""Step 'similarity': on a split, how alike are the regions' tokens before and after each block of every unit?"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from tqdm import tqdm

from mat_core.diagnoser import Diagnoser
from mat_core.explain import similarity
from mat_core.ham10000 import Case
from mat_core.images import load_image
from mat_core.measuring.metrics import mean_interval

from ..data.splits import draw


def similarity_split(
    diagnosers: Mapping[str, Diagnoser], cases: Sequence[Case], limit: int | None = None, seed: int = 0
) -> dict:
    """`explain.similarity` of every case in every unit, ready for metrics.json; each image is looked at once.

    diagnosers: unit -> one of it; all share the first one's detector. limit: only so many cases, drawn with `seed` as
    `splits.draw` has it; default: all. Returns 'cases', 'seed' and 'units': unit -> 'cosine' and 'residual', each stage
    -> mean 'value' and 'interval95' over the cases with at least two regions.
    """
    first = next(iter(diagnosers.values()))
    chosen = draw(cases, limit, seed)
    found: dict[str, list] = defaultdict(list)
    for i in tqdm(chosen, desc="comparing regions", unit="image", mininterval=5):
        regions = first.regions(load_image(cases[i].image))
        for unit, diagnoser in diagnosers.items():
            found[unit].append(similarity(diagnoser, regions, cases[i].metadata))
    units = {}
    for unit, these in found.items():
        kept = [one for one in these if not np.isnan(one.cosine).any()]  # one region alone is like no other
        units[unit] = {
            kind: {
                stage: mean_interval([float(getattr(one, kind)[k]) for one in kept])
                for k, stage in enumerate(these[0].stages)
                if kept
            }
            for kind in ("cosine", "residual")
        }
    return {"cases": len(chosen), "seed": seed, "units": units}


def as_lines(found: dict, split: str) -> str:
    """The mean cosines as lines for a terminal."""
    lines = [f"{split}: {found['cases']} cases; mean cosine between the regions' tokens, in brackets Dong's residual"]
    for unit, kinds in found["units"].items():
        told = (
            f"{stage} {one['value']:.3f} ({kinds['residual'][stage]['value']:.3f})"
            for stage, one in kinds["cosine"].items()
        )
        lines.append(f"  {unit:14}" + "  ".join(told))
    return "\n".join(lines)
