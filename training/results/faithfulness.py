"""Faithfulness of rankings of regions over many cases: a record per case, and means with intervals."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from mat_core.data.labels import CODES
from mat_core.evaluation.metrics import mean_interval
from mat_core.explain import OCCLUSION_RANKINGS, REFERENCES, AblationFaithfulness, OcclusionFaithfulness
from mat_core.explain.faithfulness import RANDOM

AREAS = ("deletion_area", "insertion_area")


@dataclass(frozen=True)
class Record:
    """The numbers of one case.

    image: its name; label: the predicted class. spearman, overlap: see `OcclusionFaithfulness`. deletion_area,
    insertion_area: ranking, or 'random' -> area under the curve. largest: reference -> the largest effect of a region.
    """

    image: str
    label: str
    spearman: dict[str, dict[str, float]]
    overlap: dict[str, dict[str, float]]
    deletion_area: dict[str, float]
    insertion_area: dict[str, float]
    largest: dict[str, float]

    @classmethod
    def of(cls, image: str, confronted: OcclusionFaithfulness, agreed: AblationFaithfulness) -> "Record":
        """From both explanations of a case."""
        largest = {reference: float(np.abs(confronted.scores[reference]).max(initial=0.0)) for reference in REFERENCES}
        return cls(
            image, confronted.label, confronted.spearman, confronted.overlap, agreed.areas(agreed.deletion),
            agreed.areas(agreed.insertion), largest,
        )  # fmt: skip

    def as_json(self) -> dict:
        """Plain values; the inverse is `Record(**values)`."""
        return asdict(self)


def summarise(records: Sequence[Record], rounds: int = 1000, seed: int = 0) -> dict:
    """Means over cases with 95 % bootstrap intervals, for JSON: {'value', 'interval95': [low, high]} each.

    Returns 'cases'; 'rankings': ranking of `OCCLUSION_RANKINGS`, or 'random' -> 'spearman' and 'overlap' by reference,
    'deletion_area' and 'insertion_area'; 'largest': reference -> the largest effect of a region.
    """

    def mean(values: Sequence[float]) -> dict:
        return mean_interval(values, rounds, seed)

    rankings: dict[str, dict] = {}
    for name in (*OCCLUSION_RANKINGS, RANDOM):
        row: dict[str, dict] = {}
        for reference in REFERENCES:
            having = [r for r in records if name in r.spearman[reference]]
            if having:
                row[reference] = {
                    "spearman": mean([r.spearman[reference][name] for r in having]),
                    "overlap": mean([r.overlap[reference][name] for r in having]),
                }
        for area in AREAS:
            values = [getattr(r, area)[name] for r in records if name in getattr(r, area)]
            row |= {area: mean(values)} if values else {}
        if row:
            rankings[name] = row
    largest = {reference: mean([r.largest[reference] for r in records]) for reference in REFERENCES} if records else {}
    return {"cases": len(records), "rankings": rankings, "largest": largest}


def summarise_by_class(records: Sequence[Record]) -> dict:
    """Code of the predicted class -> `summarise` of its cases."""
    return {code: summarise(group) for code in CODES if (group := [r for r in records if r.label == code])}
