"""Named values of attention: one weight taken apart, temperature, heads, and who looks at whom."""

from collections.abc import Callable

import numpy as np

from mat_core.labels import region_name

from .known import Known
from .named import CHOICE, COUNTED, NUMBER, SHARE, TEXT, YES_NO, Find, Found, Named

SIDES = {"self": "self-attention", "guided": "guided attention"}
HEADS = 16  # that have names; a model may have fewer
COLD, HOT = 0.25, 4.0


def _word(known: Known) -> Found:
    return None if known.asked is None else known.diagnosis.words[known.asked[1]].text


def _at(index: int) -> Find:
    """A part of `Known.asked`, from 1 on."""
    return lambda known: None if known.asked is None else known.asked[index] + 1


def _asked_name(known: Known) -> Found:
    return None if known.asked is None else region_name(known.diagnosis.regions.names[known.asked[2]])


def _walked(find: Callable[[dict, int], float]) -> Find:
    """Of the walk through that weight and its region's position."""

    def found(known: Known) -> Found:
        return None if known.walk is None or known.asked is None else float(find(known.walk, known.asked[2]))

    return found


def _heated(temperature: float) -> Find:
    def found(known: Known) -> Found:
        weights = known.heated(temperature)
        return None if weights is None or known.asked is None else float(weights[known.asked[2]])

    return found


def _spread(temperature: float) -> Find:
    """2 to the entropy of that query's weights: as many keys, were they alike."""

    def found(known: Known) -> Found:
        weights = known.heated(temperature)
        if weights is None:
            return None
        real = weights[weights > 0]
        return float(2 ** -(real * np.log2(real)).sum())

    return found


def _mean_spread(name: str) -> Find:
    def found(known: Known) -> Found:
        spreads = known.spreads(name)
        return None if spreads is None else float(spreads.mean())

    return found


def _head(best: Callable[[np.ndarray], np.intp], number: bool) -> Find:
    """The head of the smallest or largest spread, from 1 on, or that spread."""

    def found(known: Known) -> Found:
        spreads = known.spreads("words_to_regions")
        if spreads is None:
            return None
        at = int(best(spreads))
        return at + 1 if number else float(spreads[at])

    return found


def _tops(known: Known) -> Found:
    weights = known.map("words_to_regions")
    return None if weights is None else len(set(weights.mean(1).argmax(-1).tolist()))


def _top_of(head: int, weight: bool) -> Find:
    def found(known: Known) -> Found:
        weights = known.map("words_to_regions")
        if weights is None or head > len(weights):
            return None
        mean = weights[head - 1].mean(0)
        return float(mean.max()) if weight else int(mean.argmax()) + 1

    return found


def _busiest(name: str) -> Find:
    def found(known: Known) -> Found:
        weights = known.map(name)
        return None if weights is None else int(weights.mean((0, 1)).argmax()) + 1

    return found


def _narrower(known: Known) -> Found:
    own, guided = known.spreads("regions_to_regions"), known.spreads("words_to_regions")
    if own is None or guided is None:
        return None
    return "self" if own.mean() < guided.mean() else "guided"


def _alike(at: int) -> Find:
    def found(known: Known) -> Found:
        cosine = known.similarity.cosine
        return None if np.isnan(cosine[at]) else float(cosine[at])

    return found


def _more_alike(known: Known) -> Found:
    before, after = _alike(1)(known), _alike(-1)(known)
    return None if before is None or after is None else "yes" if after > before else "no"


def _width(known: Known) -> Found:
    config = known.diagnoser.bundle.network.config
    return config.d // config.h


_OF_HEADS = {
    name: Named(kind, meaning.format(n), _top_of(n, kind == SHARE))
    for n in range(1, HEADS + 1)
    for name, kind, meaning in (
        (f"head.{n}.top_region", COUNTED, "the region that the words look at most in head {}"),
        (f"head.{n}.top_share", SHARE, "what that region gets in head {}"),
    )
}
ABOUT_ATTENTION: dict[str, Named] = {
    "heads.count": Named(COUNTED, "heads of a block", lambda k: k.diagnoser.bundle.network.config.h),
    "width": Named(COUNTED, "numbers of a query, a key or a value in one head", _width),
    "even.share": Named(
        SHARE, "what each region gets where all get the same", lambda k: 1 / len(k.diagnosis.regions)
    ),
    "asked.word": Named(TEXT, "the word that looks at one region most, of all heads", _word),
    "asked.head": Named(COUNTED, "in which head it does", _at(0)),
    "asked.region": Named(COUNTED, "which region it looks at", _at(2)),
    "asked.name": Named(TEXT, "what the detector calls that region", _asked_name),
    "asked.dot": Named(NUMBER, "its query times that region's key", _walked(lambda walk, at: walk["dot"])),
    "asked.scale": Named(NUMBER, "what the product is divided by", _walked(lambda walk, at: walk["scale"])),
    "asked.score": Named(NUMBER, "the score that is left", _walked(lambda walk, at: walk["scores"][at])),
    "asked.weight": Named(SHARE, "the weight that softmax makes of it", _walked(lambda walk, at: walk["weights"][at])),
    "asked.norm": Named(NUMBER, "the length of that region's value", _walked(lambda walk, at: walk["value_norms"][at])),
    "asked.part": Named(
        NUMBER, "the length of what flows, weight times value",
        _walked(lambda walk, at: walk["value_norms"][at] * walk["weights"][at]),
    ),
    "asked.spread": Named(NUMBER, "over how many regions that query spreads", _spread(1.0)),
    "cold.weight": Named(SHARE, "the weight at a quarter of the temperature", _heated(COLD)),
    "cold.spread": Named(NUMBER, "over how many regions the query spreads then", _spread(COLD)),
    "hot.weight": Named(SHARE, "the weight at four times the temperature", _heated(HOT)),
    "hot.spread": Named(NUMBER, "over how many regions the query spreads then", _spread(HOT)),
    "heads.sharpest": Named(COUNTED, "the head whose words look at the fewest regions", _head(np.argmin, True)),
    "heads.sharpest.spread": Named(NUMBER, "over how many regions it spreads", _head(np.argmin, False)),
    "heads.broadest": Named(COUNTED, "the head whose words look at the most regions", _head(np.argmax, True)),
    "heads.broadest.spread": Named(NUMBER, "over how many regions it spreads", _head(np.argmax, False)),
    "heads.tops": Named(COUNTED, "different regions that the heads look at most", _tops),
    **_OF_HEADS,
    "self.spread": Named(
        NUMBER, "over how many regions a region spreads that looks at regions", _mean_spread("regions_to_regions")
    ),
    "self.region": Named(COUNTED, "the region that the regions look at most", _busiest("regions_to_regions")),
    "guided.spread": Named(NUMBER, "over how many regions a word spreads", _mean_spread("words_to_regions")),
    "guided.region": Named(COUNTED, "the region that the words look at most", _busiest("words_to_regions")),
    "narrower": Named(CHOICE, "which of the two spreads over fewer regions", _narrower, SIDES),
    "words.spread": Named(
        NUMBER, "over how many words a word spreads that looks at words", _mean_spread("words_to_words")
    ),
    "back.spread": Named(NUMBER, "over how many words a region spreads", _mean_spread("regions_to_words")),
    "alike.before": Named(NUMBER, "how alike the regions are before the blocks, a mean cosine", _alike(1)),
    "alike.after": Named(NUMBER, "how alike they are behind the last block", _alike(-1)),
    "alike.more": Named(CHOICE, "whether they are more alike then", _more_alike, YES_NO),
}  # fmt: skip
