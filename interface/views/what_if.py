"""Question's tab 'What if': the answer for every age, sex and localization beside the same image."""

import numpy as np

from mat_core import Diagnoser
from mat_core.explain import what_if
from mat_core.explain.what_if import NOTE
from mat_core.labels import BY_CODE

from ..parts.bars import before_after
from ..parts.charts import lines
from ..parts.tables import Markup, details, table
from ..parts.text import esc
from ..session import Session


def what_if_html(diagnoser: Diagnoser, now: Session, label: str) -> str:
    """The sweep over age, sex and localization."""
    diagnosis = now.diagnosis
    if not diagnoser.words(diagnosis.metadata) and "words" not in diagnoser.bundle.network.config.modalities:
        return '<p class="empty">This model reads no words: whatever the metadata, its answer is the same.</p>'
    found = what_if(diagnoser, diagnosis.regions, diagnosis.metadata)
    label = label or diagnosis.top
    k = found.labels.index(label)
    ages = found.over_age()
    drawn = np.argsort(-ages.max(0), kind="stable")
    curves = lines(
        np.array(found.ages), {"Over age": {BY_CODE[found.labels[i]].name: ages[:, i] for i in drawn}}, "age, years",
        "probability", "Probabilities over age; the table has the numbers", diagnosis.metadata.age,
    )  # fmt: skip
    by_age = [(age, *(f"{v:.2f}" for v in row)) for age, row in zip(found.ages, ages, strict=True)]
    flip = found.flip()
    flipped = ""
    if flip is not None:
        flipped = (
            f"<h3>The smallest change with another answer</h3><p>{esc(flip.sentence())}</p>"
            f"{before_after(found.labels, found.own, flip.probabilities)}"
        )
    return (
        f'<p class="verdict">{esc(found.sentence())}</p><p class="note note-info">{esc(NOTE)}</p>'
        f'<div class="two"><section>{curves}'
        f"{details('Numbers', table('Probabilities over age', ('age', *found.labels), by_age))}{flipped}</section>"
        f"<section><h3>{esc(BY_CODE[label].name)} over localization</h3>"
        f"{_bars(found.sites, found.over_sites()[:, k], diagnosis.metadata.localization)}"
        f"<h3>{esc(BY_CODE[label].name)} over sex</h3>"
        f"{_bars(found.sexes, found.over_sex()[:, k], diagnosis.metadata.sex)}</section></div>"
        f'<p class="fine">{found.probabilities[..., 0].size} combinations of {len(found.ages)} ages, '
        f"{len(found.sexes)} sexes and {len(found.sites)} sites were asked, beside the same regions. A bar is the "
        "probability that the class would have with that one word changed; the given value is marked.</p>"
    )


def _bars(names, values: np.ndarray, given) -> str:
    rows = "".join(
        f'<li><span class="name">{esc(name or "unknown")}{" <b>(given)</b>" if name == given else ""}</span>'
        f'<span class="value">{value:.1%}</span><span class="track" aria-hidden="true">'
        f'<span style="width:{100 * value:.2f}%"></span></span></li>'
        for name, value in zip(names, values, strict=True)
    )
    return Markup(f'<ul class="bars narrow">{rows}</ul>')
