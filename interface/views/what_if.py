"""Question's tab 'What if': the answer for every age, sex and localization beside the same image."""

from collections.abc import Sequence

import numpy as np

from mat_core import Diagnoser
from mat_core.colours import class_colour
from mat_core.explain import what_if
from mat_core.explain.what_if import NOTE, WhatIf
from mat_core.wording import class_title, share

from ..parts.bars import before_after, class_html, shares
from ..parts.charts import class_look, lines
from ..parts.tables import details, table
from ..parts.text import esc
from ..session import Session


def what_if_html(diagnoser: Diagnoser, now: Session, label: str) -> str:
    """The sweep over age, sex and localization."""
    diagnosis = now.diagnosis
    if not diagnoser.words(diagnosis.metadata) and "words" not in diagnoser.bundle.network.config.modalities:
        return '<p class="empty">This model reads no words: whatever the metadata, its answer is the same.</p>'
    found = what_if(diagnoser, diagnosis.regions, diagnosis.metadata)
    label = label or diagnosis.top
    flip = found.flip()
    flipped = ""
    if flip is not None:
        flipped = (
            f"<h3>The smallest change with another answer</h3><p>{esc(flip.sentence())}</p>"
            f"{before_after(found.labels, found.own, flip.probabilities)}"
        )
    given = diagnosis.metadata
    return (
        f'<p class="verdict">{esc(found.sentence())}</p><p class="note note-info">{esc(NOTE)}</p>'
        f'<div class="two"><section><h3>Every class over age</h3>{_ages(found)}{flipped}</section>'
        f"<section><h3>{class_html(label)} over localization</h3>"
        f"{_bars('Over localization', found, label, found.sites, found.over_sites(), given.localization)}"
        f"<h3>{class_html(label)} over sex</h3>"
        f"{_bars('Over sex', found, label, found.sexes, found.over_sex(), given.sex)}"
        '<p class="fine">A bar is the probability that the class would have with that one word changed. The line '
        "across all bars is the answer as it is, and the row that was given is marked.</p></section></div>"
        f'<p class="fine">{found.probabilities[..., 0].size} combinations of {len(found.ages)} ages, '
        f"{len(found.sexes)} sexes and {len(found.sites)} sites were asked, beside the same regions.</p>"
    )


def _ages(found: WhatIf) -> str:
    """The curve of every class over age, with the age that was given, and its numbers."""
    ages, age = found.over_age(), found.metadata.age
    drawn = np.argsort(-ages.max(0), kind="stable")
    names = {k: class_title(found.labels[k]) for k in drawn}
    curves = lines(
        np.array(found.ages), {"": {names[k]: ages[:, k] for k in drawn}}, "age, years", "probability, %",
        "Probabilities over age; the table has the numbers", {names[k]: class_look(found.labels[k]) for k in drawn},
        None if age is None else (min(age, found.ages[-1]), f"age {age}, as given"),
    )  # fmt: skip
    rows = [(at, *(share(v) for v in row)) for at, row in zip(found.ages, ages, strict=True)]
    head = ("age", *(class_title(code) for code in found.labels))
    return curves + details("Numbers", table("Probabilities over age", head, rows))


def _bars(title: str, found: WhatIf, label: str, names: Sequence, values: np.ndarray, given) -> str:
    """One class for each value of a field. values: (names, classes)."""
    k = found.labels.index(label)
    rows = [(name or "unknown", float(p[k])) for name, p in zip(names, values, strict=True)]
    at = list(names).index(given) if given in names else None
    return shares(f"{title}: {class_title(label)}", rows, class_colour(label), at, float(found.own[k]))
