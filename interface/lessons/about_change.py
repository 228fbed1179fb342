"""Named values of what changes: regions taken away, pixels hidden, words exchanged."""

from collections.abc import Callable

import numpy as np

from mat_core.metadata import CLEAN_FIELDS
from mat_core.wording import signed

from .known import EVEN, Known
from .named import CHOICE, CLASSES, COUNTED, POINTS, SHARE, TEXT, WAYS, Find, Found, Named

TILES = 8  # of 48 that are called the strongest


def _way(change: float) -> str:
    return "even" if abs(change) < EVEN else "up" if change > 0 else "down"


def _away(known: Known) -> np.ndarray:
    """(regions,), what taking each away changes of the answer's probability."""
    return -known.ablation.effect(known.top)


def _largest(known: Known) -> int:
    return int(np.abs(_away(known)).argmax())


def _attended(known: Known) -> int | None:
    return None if known.diagnosis.attended is None else int(known.diagnosis.attended.argmax())


def _attended_region(known: Known) -> Found:
    at = _attended(known)
    return None if at is None else at + 1


def _attended_share(known: Known) -> Found:
    at, attended = _attended(known), known.diagnosis.attended
    return None if at is None or attended is None else float(attended[at])


def _attended_away(known: Known) -> float | None:
    at = _attended(known)
    return None if at is None else float(_away(known)[at])


def _attended_way(known: Known) -> Found:
    change = _attended_away(known)
    return None if change is None else _way(change)


def _lesion_away(known: Known) -> Found:
    return None if known.lesion_away is None else -float(known.lesion_away.effect(known.top)[0])


def _hidden(known: Known, which: str) -> float:
    return -float(known.hidden(which).effect(known.top)[0])


def _hidden_class(known: Known) -> Found:
    found = known.hidden("lesion")
    return found.labels[int(found.hidden[0].argmax())]


def _hidden_share(known: Known) -> Found:
    found = known.hidden("lesion")
    return float(found.hidden[0][found.labels.index(known.top)])


def _shared(known: Known) -> Found:
    first = [set(np.argsort(-values, kind="stable")[:TILES].tolist()) for values in known.tile_by_tile]
    return len(first[0] & first[1])


def _without(name: str) -> Callable[[Known], float | None]:
    def found(known: Known) -> float | None:
        k = known.ablation.labels.index(known.top)
        p = known.ablation.without_words if name == "words" else known.ablation.without_field.get(name)
        return None if p is None else float(p[k] - known.ablation.probabilities[k])

    return found


def _way_without(name: str) -> Find:
    def found(known: Known) -> Found:
        change = _without(name)(known)
        return None if change is None else _way(change)

    return found


def _evenly(known: Known) -> Found:
    found, k = known.ablation, known.ablation.labels.index(known.top)
    return None if found.uniform is None else float(found.uniform[k] - found.probabilities[k])


def _over(sweep: str, end: str) -> Find:
    def found(known: Known) -> Found:
        values = getattr(known.what_if, sweep)()[:, known.what_if.labels.index(known.top)]
        return float({"low": values.min(), "high": values.max(), "span": np.ptp(values)}[end])

    return found


def _flip(known: Known) -> Found:
    flip = known.what_if.flip()
    return "No age, sex or site changes the answer." if flip is None else flip.sentence()


def _agreement(known: Known) -> Found:
    return None if known.agreement is None else signed(known.agreement)


ABOUT_CHANGE: dict[str, Named] = {
    "attended.region": Named(COUNTED, "the most attended region", _attended_region),
    "attended.share": Named(SHARE, "the attention that it gets", _attended_share),
    "attended.away": Named(POINTS, "what taking it away changes of the answer", _attended_away),
    "attended.away.way": Named(CHOICE, "what the answer's probability does without it", _attended_way, WAYS),
    "away.region": Named(COUNTED, "the region whose taking away changes most", lambda k: _largest(k) + 1),
    "away.change": Named(POINTS, "what that changes of the answer", lambda k: float(_away(k)[_largest(k)])),
    "away.way": Named(
        CHOICE, "what the answer's probability does then", lambda k: _way(float(_away(k)[_largest(k)])), WAYS
    ),
    "away.lesion": Named(POINTS, "what taking all boxes of the whole lesion away changes", _lesion_away),
    "hidden.lesion": Named(POINTS, "what hiding the pixels of the lesion changes", lambda k: _hidden(k, "lesion")),
    "hidden.lesion.share": Named(SHARE, "the answer's probability then", _hidden_share),
    "hidden.lesion.way": Named(
        CHOICE, "what the answer's probability does then", lambda k: _way(_hidden(k, "lesion")), WAYS
    ),
    "hidden.lesion.class": Named(CHOICE, "what the model answers then", _hidden_class, CLASSES),
    "hidden.around": Named(POINTS, "what hiding all around the lesion changes", lambda k: _hidden(k, "around")),
    "tiles.count": Named(COUNTED, "tiles that are called the strongest", lambda k: TILES),
    "tiles.shared": Named(
        COUNTED, "of the most attended tiles, those that are among the ones that matter most when hidden", _shared
    ),
    "agreement": Named(TEXT, "rank correlation of attention with taking away", _agreement),
    **{
        f"without.{name}": Named(POINTS, f"what taking away the {name} changes", _without(name))
        for name in (*CLEAN_FIELDS, "words")
    },
    **{
        f"without.{name}.way": Named(
            CHOICE, f"what the answer's probability does without the {name}", _way_without(name), WAYS
        )
        for name in (*CLEAN_FIELDS, "words")
    },
    "evenly": Named(POINTS, "what it changes when all guided attention is made even", _evenly),
    "ages.low": Named(SHARE, "the answer's smallest probability over all ages", _over("over_age", "low")),
    "ages.high": Named(SHARE, "its largest", _over("over_age", "high")),
    "ages.span": Named(POINTS, "how far these lie apart", _over("over_age", "span")),
    "sites.low": Named(SHARE, "the answer's smallest probability over all sites", _over("over_sites", "low")),
    "sites.high": Named(SHARE, "its largest", _over("over_sites", "high")),
    "flip": Named(TEXT, "the smallest change of the metadata that gives another answer", _flip),
}
