"""How far rankings of regions agree with what matters, over many cases: the record of one, and means with intervals."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from mat_core.explain import CONFRONTED, REFERENCES, Agreement, Confrontation
from mat_core.explain.agreement import RANDOM
from mat_core.labels import CODES
from mat_core.measuring.metrics import mean_interval

AREAS = ("deletion_area", "insertion_area")


@dataclass(frozen=True)
class Record:
    """One case in numbers, as it is kept while the others are still to come.

    image: its name; label: the class that the model gave it, which all rankings are about. spearman, overlap: reference
    -> ranking -> as `Confrontation` has them. deletion_area, insertion_area: ranking, or 'random' -> area below the
    curve of that class. largest: reference -> the largest change of its probability by one region.
    """

    image: str
    label: str
    spearman: dict[str, dict[str, float]]
    overlap: dict[str, dict[str, float]]
    deletion_area: dict[str, float]
    insertion_area: dict[str, float]
    largest: dict[str, float]

    @classmethod
    def of(cls, image: str, confronted: Confrontation, agreed: Agreement) -> "Record":
        """What the two say of one case."""
        largest = {one: float(np.abs(confronted.scores[one]).max(initial=0.0)) for one in REFERENCES}
        return cls(
            image, confronted.label, confronted.spearman, confronted.overlap, agreed.areas(agreed.deletion),
            agreed.areas(agreed.insertion), largest,
        )  # fmt: skip

    def as_json(self) -> dict:
        """Plain values; `Record(**values)` is the record again."""
        return asdict(self)


def summarise(records: Sequence[Record], rounds: int = 1000, seed: int = 0) -> dict:
    """Means over cases, each with the 95 % interval of a bootstrap over them, for JSON.

    Returns 'cases'; 'rankings': ranking of `CONFRONTED`, or 'random' -> for each reference but itself 'spearman' and
    'overlap', and 'deletion_area' and 'insertion_area'; 'largest': reference -> the largest change by one region. What
    no case has is lacking. Each mean is {'value', 'interval95': [low, high]}.
    """

    def mean(values: Sequence[float]) -> dict:
        return mean_interval(values, rounds, seed)

    rankings: dict[str, dict] = {}
    for name in (*CONFRONTED, RANDOM):
        row: dict[str, dict] = {}
        for one in REFERENCES:
            having = [r for r in records if name in r.spearman[one]]
            if having:
                row[one] = {
                    "spearman": mean([r.spearman[one][name] for r in having]),
                    "overlap": mean([r.overlap[one][name] for r in having]),
                }
        for area in AREAS:
            values = [getattr(r, area)[name] for r in records if name in getattr(r, area)]
            row |= {area: mean(values)} if values else {}
        if row:
            rankings[name] = row
    largest = {one: mean([r.largest[one] for r in records]) for one in REFERENCES} if records else {}
    return {"cases": len(records), "rankings": rankings, "largest": largest}


def summarise_by_class(records: Sequence[Record]) -> dict:
    """`summarise` of the cases of each class that the model gave, by its code."""
    return {code: summarise(these) for code in CODES if (these := [r for r in records if r.label == code])}
