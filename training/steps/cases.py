"""Step 'cases': which cases of the test split a teacher wants at hand, chosen from the shipped bundle's own answers.

Nobody picks: within a kind, cases come in the order of a hash of their id. So a new bundle renews the list, and the
same bundle writes the same list.
"""

import hashlib
from collections.abc import Callable, Sequence

from tqdm import tqdm

from mat_core.diagnoser import Diagnoser
from mat_core.errors import DataError
from mat_core.explain import leak
from mat_core.explain.doubt import reasons
from mat_core.ham10000 import LICENCE, SOURCE, Case
from mat_core.images import load_image
from mat_core.labels import BY_CODE, CODES
from mat_core.named_cases import UNTOLD, NamedCase, fingerprint

COUNT = 48
# of each class: so many answered right without doubt, wrong, and with doubt
RIGHT, WRONG, UNSURE = 2, 2, 1
MISSED = 6  # melanomas that were taken for something benign
WORD = 6  # cases in which being told another dx_type changes the leaking model's answer


def answered(diagnoser: Diagnoser, leaking: Diagnoser | None, cases: Sequence[Case]) -> list[NamedCase]:
    """Every case with the answer that the app would give, in the order given.

    leaking: a model that was told dx_type, of the same detector; None leaves `told` empty.
    """
    found = []
    for case in tqdm(cases, desc="diagnosing", unit="image", mininterval=5):
        image = load_image(case.image)
        regions = diagnoser.regions(image)
        diagnosis = diagnoser.diagnose_regions(regions, case.metadata)
        told = {}
        if leaking is not None:
            said = leak(leaking, regions, case.metadata)
            tops = [said.labels[k] for k in said.probabilities.argmax(1)]
            told = {kind or UNTOLD: top for kind, top in zip(said.dx_types, tops, strict=True)}
        p, unsure = diagnosis.probabilities, bool(reasons(diagnosis.probabilities, diagnosis.novelty))
        found.append(
            NamedCase(
                case.image_id, case.diagnosis, case.metadata, diagnosis.top, round(p[diagnosis.top], 4), unsure, told,
                fingerprint(image), SOURCE, LICENCE,
            )
        )  # fmt: skip
    return found


def choose(cases: Sequence[NamedCase], count: int = COUNT) -> list[NamedCase]:
    """At most `count` of them, in an order that says nothing about the diagnosis.

    First what is rare (missed melanomas, cases that a word decides), then of each class right, wrong and unsure ones,
    then one of each class in turn until there are enough. Raises DataError for fewer than 1.
    """
    if count < 1:
        raise DataError(f"--count must be at least 1; got {count}.")
    drawn = sorted(cases, key=lambda case: hashlib.sha256(case.id.encode()).digest())
    chosen: dict[str, NamedCase] = {}

    def take(most: int, fits: Callable[[NamedCase], bool]) -> None:
        """Of those that fit there are `most` afterwards, those that are chosen already among them."""
        wanted = [case for case in drawn if fits(case)]
        lacking = most - sum(case.id in chosen for case in wanted)
        for case in [c for c in wanted if c.id not in chosen][: max(0, lacking)]:
            if len(chosen) < count:
                chosen[case.id] = case

    take(MISSED, lambda case: case.missed)
    # the word decides about melanoma first: it is what the lesson is about
    take(WORD // 2, lambda case: case.word_decides and "mel" in case.told.values() and not case.missed)
    take(WORD, lambda case: case.word_decides)
    for code in CODES:
        take(WRONG, lambda case, code=code: case.diagnosis == code and not case.right)
        take(UNSURE, lambda case, code=code: case.diagnosis == code and case.unsure)
        take(RIGHT, lambda case, code=code: case.diagnosis == code and case.right and not case.unsure)
    each = 1
    while len(chosen) < min(count, len(drawn)):
        for code in CODES:
            take(each, lambda case, code=code: case.diagnosis == code)
        each += 1
    return [case for case in drawn if case.id in chosen]


def as_lines(cases: Sequence[NamedCase]) -> str:
    """What was chosen, as lines for a terminal."""
    lines = [f"cases: {len(cases)} of the test split"]
    for code in CODES:
        mine = [case for case in cases if case.diagnosis == code]
        right, unsure = sum(case.right for case in mine), sum(case.unsure for case in mine)
        lines.append(
            f"  {BY_CODE[code].name:36}{len(mine):3}: right {right}, wrong {len(mine) - right}, unsure {unsure}"
        )
    missed, decided = sum(case.missed for case in cases), sum(case.word_decides for case in cases)
    lines.append(f"  missed melanomas {missed}; cases that the word dx_type decides {decided}")
    return "\n".join(lines)
