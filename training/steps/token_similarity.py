"""Step 'similarity': similarity of the regions' tokens at every stage of every unit, on a split."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from tqdm import tqdm

from mat_core.data.ham10000 import Case
from mat_core.data.image_loading import load_image
from mat_core.evaluation.metrics import mean_interval
from mat_core.explain import similarity
from mat_core.inference.diagnoser import Diagnoser

from ..data.sampling import stratified_sample


def similarity_split(
    diagnosers: Mapping[str, Diagnoser], cases: Sequence[Case], limit: int | None = None, seed: int = 0
) -> dict:
    """`explain.similarity` of every case in every unit, for metrics.json.

    diagnosers: unit -> model; all share the first one's detector. limit, seed: see `sampling.stratified_sample`.
    Returns 'cases', 'seed' and 'units': unit -> 'cosine' and 'residual', stage -> 'value' and 'interval95' over the
    cases with at least two regions.
    """
    first = next(iter(diagnosers.values()))
    chosen = stratified_sample(cases, limit, seed)
    results: dict[str, list] = defaultdict(list)
    for i in tqdm(chosen, desc="comparing regions", unit="image", mininterval=5):
        regions = first.regions(load_image(cases[i].image))
        for unit, diagnoser in diagnosers.items():
            results[unit].append(similarity(diagnoser, regions, cases[i].metadata))
    units = {}
    for unit, group in results.items():
        valid = [result for result in group if not np.isnan(result.cosine).any()]  # one region alone is like no other
        units[unit] = {
            kind: {
                stage: mean_interval([float(getattr(result, kind)[k]) for result in valid])
                for k, stage in enumerate(group[0].stages)
                if valid
            }
            for kind in ("cosine", "residual")
        }
    return {"cases": len(chosen), "seed": seed, "units": units}


def as_lines(metrics: dict, split: str) -> str:
    """The mean cosines as lines for a terminal."""
    lines = [f"{split}: {metrics['cases']} cases; mean cosine between the regions' tokens, in brackets Dong's residual"]
    for unit, kinds in metrics["units"].items():
        values = (
            f"{stage} {estimate['value']:.3f} ({kinds['residual'][stage]['value']:.3f})"
            for stage, estimate in kinds["cosine"].items()
        )
        lines.append(f"  {unit:14}" + "  ".join(values))
    return "\n".join(lines)
