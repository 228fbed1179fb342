"""Step 'cases': choose cases of the test split for teaching by a bundle's predictions.

The choice is reproducible: within a kind, cases are in the order of a hash of their id.
"""

import hashlib
from collections.abc import Callable, Sequence

from tqdm import tqdm

from mat_core.data.ham10000 import LICENCE, SOURCE, Case
from mat_core.data.image_loading import load_image
from mat_core.data.labels import BY_CODE, CODES
from mat_core.errors import DataError
from mat_core.explain import label_leakage
from mat_core.explain.uncertainty import warnings_for
from mat_core.inference.diagnoser import Diagnoser
from teaching.cases.catalog import NO_DX_TYPE, NamedCase, fingerprint

COUNT = 48
# of each class: so many answered right without doubt, wrong, and with doubt
RIGHT, WRONG, UNSURE = 2, 2, 1
MISSED = 6  # melanomas that were taken for something benign
WORD = 6  # cases in which being told another dx_type changes the leaking model's answer


def answered(diagnoser: Diagnoser, leaking: Diagnoser | None, cases: Sequence[Case]) -> list[NamedCase]:
    """Every case with its prediction, in the given order.

    leaking: a model trained with dx_type with the same detector; None leaves `told` empty.
    """
    results = []
    for case in tqdm(cases, desc="diagnosing", unit="image", mininterval=5):
        image = load_image(case.image)
        regions = diagnoser.regions(image)
        diagnosis = diagnoser.diagnose_regions(regions, case.metadata)
        told = {}
        if leaking is not None:
            leakage = label_leakage(leaking, regions, case.metadata)
            tops = [leakage.labels[k] for k in leakage.probabilities.argmax(1)]
            told = {kind or NO_DX_TYPE: top for kind, top in zip(leakage.dx_types, tops, strict=True)}
        p, unsure = diagnosis.probabilities, bool(warnings_for(diagnosis.probabilities, diagnosis.novelty))
        results.append(
            NamedCase(
                case.image_id, case.diagnosis, case.metadata, diagnosis.top, round(p[diagnosis.top], 4), unsure, told,
                fingerprint(image), SOURCE, LICENCE,
            )
        )  # fmt: skip
    return results


def choose(cases: Sequence[NamedCase], count: int = COUNT) -> list[NamedCase]:
    """At most `count` cases, in random order: missed melanomas and cases decided by dx_type, then right, wrong and
    unsure ones of each class, then one of each class in turn. Raises DataError for a count below 1.
    """
    if count < 1:
        raise DataError(f"--count must be at least 1; got {count}.")
    ordered = sorted(cases, key=lambda case: hashlib.sha256(case.id.encode()).digest())
    chosen: dict[str, NamedCase] = {}

    def take(most: int, fits: Callable[[NamedCase], bool]) -> None:
        """Add fitting cases until `most` of them are chosen."""
        wanted = [case for case in ordered if fits(case)]
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
    while len(chosen) < min(count, len(ordered)):
        for code in CODES:
            take(each, lambda case, code=code: case.diagnosis == code)
        each += 1
    return [case for case in ordered if case.id in chosen]


def as_lines(cases: Sequence[NamedCase]) -> str:
    """What was chosen, as lines for a terminal."""
    lines = [f"cases: {len(cases)} of the test split"]
    for code in CODES:
        selected = [case for case in cases if case.diagnosis == code]
        right, unsure = sum(case.right for case in selected), sum(case.unsure for case in selected)
        lines.append(
            f"  {BY_CODE[code].name:36}{len(selected):3}: right {right}, wrong {len(selected) - right}, unsure {unsure}"
        )
    missed, decided = sum(case.missed for case in cases), sum(case.word_decides for case in cases)
    lines.append(f"  missed melanomas {missed}; cases that the word dx_type decides {decided}")
    return "\n".join(lines)
