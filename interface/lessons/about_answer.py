"""Named values of the answer itself: what is read, what is answered, how it adds up, doubt and thresholds."""

import numpy as np

from mat_core.explain.leak import SAID
from mat_core.labels import BY_CODE, CODES, region_name
from mat_core.wording import signed

from .known import Known
from .named import CHOICE, CLASSES, COUNTED, NUMBER, SHARE, TEXT, YES_NO, Find, Found, Named

THRESHOLDS = (10, 20, 50, 80)  # percent


def _patient(name: str) -> Find:
    def found(known: Known) -> Found:
        value = getattr(known.diagnosis.metadata, name)
        return "unknown" if value is None else str(value)

    return found


def _truth(known: Known) -> Found:
    example = known.session.example
    return example.truth().rstrip(".") if example and example.truth() else "nobody has said"


def _share(code: str) -> Find:
    return lambda known: known.diagnosis.probabilities.get(code)


def _malignant(known: Known) -> Found:
    return sum(p for code, p in known.ranked if code in BY_CODE and BY_CODE[code].malignant)


def _words(known: Known) -> Found:
    return " ".join(word.text for word in known.diagnosis.words) or "no word"


def _summed(sign: int) -> Find:
    def found(known: Known) -> Found:
        regions = known.margin.regions
        return signed(float(regions[sign * regions > 0].sum()))

    return found


def _most(known: Known) -> int:
    return int(np.abs(known.margin.regions).argmax())


def _told(kind: str | None, code: str | None = None) -> Find:
    """What a model answers that is told a dx_type: its class, or the probability of one."""

    def found(known: Known) -> Found:
        if known.leak is None:
            return None
        p = known.leak.probabilities[known.leak.dx_types.index(kind)]
        return known.leak.labels[int(p.argmax())] if code is None else float(p[known.leak.labels.index(code)])

    return found


def _calling(percent: int, what: str) -> Find:
    """Of a hundred, whole ones: melanomas found or missed, other lesions alarmed."""

    def found(known: Known) -> Found:
        point = known.calling(percent)
        if point is None:
            return None
        seen, cleared = round(100 * point.sensitivity), round(100 * point.specificity)
        return {"found": seen, "missed": 100 - seen, "alarmed": 100 - cleared}[what]

    return found


def _novel(known: Known) -> Found:
    novelty = known.diagnosis.novelty
    return None if novelty is None else "yes" if novelty.outside else "no"


def _distance(of: str) -> Find:
    return lambda known: None if known.diagnosis.novelty is None else float(getattr(known.diagnosis.novelty, of))


def _code(at: int) -> Find:
    return lambda known: known.ranked[at][0]


def _probability(at: int) -> Find:
    return lambda known: known.ranked[at][1]


_TOLD = {
    name: Named(kind, f"{meaning} that was told {said}", find, choices)
    for way, said in SAID.items()
    for name, kind, meaning, find, choices in (
        (f"leak.{way or 'silent'}", CHOICE, "the answer of a model", _told(way), CLASSES),
        (f"leak.{way or 'silent'}.mel", SHARE, "the probability of melanoma of a model", _told(way, "mel"), {}),
    )
}
_CALLED = {
    f"calling.{percent}.{what}": Named(
        COUNTED, f"{meaning} by calling melanoma from {percent} percent on", _calling(percent, what)
    )
    for percent in THRESHOLDS
    for what, meaning in (
        ("found", "of a hundred melanomas, those found"), ("missed", "of a hundred melanomas, those missed"),
        ("alarmed", "of a hundred other lesions, those alarmed about"),
    )
}  # fmt: skip
ABOUT_ANSWER: dict[str, Named] = {
    "case.name": Named(TEXT, "what the case is called", lambda k: k.session.example and k.session.example.name),
    "case.truth": Named(TEXT, "what it is, and how that is known", _truth),
    "patient.age": Named(TEXT, "the patient's age", _patient("age")),
    "patient.sex": Named(TEXT, "the patient's sex", _patient("sex")),
    "patient.site": Named(TEXT, "where the lesion sits", _patient("localization")),
    "words.count": Named(COUNTED, "words that the model reads of this patient", lambda k: len(k.diagnosis.words)),
    "words.text": Named(TEXT, "these words", _words),
    "regions.count": Named(COUNTED, "regions that it reads", lambda k: len(k.diagnosis.regions)),
    "regions.score": Named(
        SHARE, "the detector's score of the first region", lambda k: float(k.diagnosis.regions.scores[0])
    ),
    "regions.first": Named(
        TEXT, "what the detector calls the first region", lambda k: region_name(k.diagnosis.regions.names[0])
    ),
    "top.class": Named(CHOICE, "the answer", _code(0), CLASSES),
    "top.share": Named(SHARE, "its probability", _probability(0)),
    "second.class": Named(CHOICE, "the likeliest other class", _code(1), CLASSES),
    "second.share": Named(SHARE, "its probability", _probability(1)),
    **{f"share.{code}": Named(SHARE, f"the probability of {CLASSES[code]}", _share(code)) for code in CODES},
    "malignant.share": Named(SHARE, "the malignant and premalignant classes together", _malignant),
    "margin.total": Named(NUMBER, "log-odds of the answer against the likeliest other", lambda k: k.margin.total),
    "margin.times": Named(
        NUMBER, "how many times as likely the answer is", lambda k: float(np.exp(k.margin.total))
    ),
    "margin.constant": Named(
        TEXT, "what of these log-odds is there before anything is seen", lambda k: signed(k.margin.constant)
    ),
    "margin.for": Named(TEXT, "what the regions add that speak for the answer", _summed(1)),
    "margin.against": Named(TEXT, "what the regions add that speak against it", _summed(-1)),
    "margin.against.count": Named(
        COUNTED, "regions that speak against it", lambda k: int((k.margin.regions < 0).sum())
    ),
    "margin.region": Named(COUNTED, "the region that says most", lambda k: _most(k) + 1),
    "margin.region.adds": Named(TEXT, "what it adds", lambda k: signed(float(k.margin.regions[_most(k)]))),
    **_TOLD,
    "doubt.views": Named(
        COUNTED, "of eight turned and mirrored views, those with the same answer", lambda k: k.doubt.agreeing
    ),
    "doubt.reasons": Named(COUNTED, "reasons for doubt", lambda k: len(k.doubt.reasons)),
    "novelty.outside": Named(
        CHOICE, "whether the image is unlike those that the model was trained on", _novel, YES_NO
    ),
    "novelty.distance": Named(NUMBER, "how far it lies from the training images", _distance("distance")),
    "novelty.threshold": Named(NUMBER, "below this lie nearly all validation images", _distance("threshold")),
    **_CALLED,
}  # fmt: skip
