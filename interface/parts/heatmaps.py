"""The guided attention as two tables of coloured numbers: real tables, which a screen reader walks through too."""

from itertools import groupby

import numpy as np

from mat_core import Diagnosis
from mat_core.figures import by_region, cell_colours, percent, shown_regions
from mat_core.units import BY_NAME, UNITS

from ..session import Session
from .evidence import badge
from .text import esc

AVERAGE = "Average"
TITLES = {"words_to_regions": "Words look at regions", "regions_to_words": "Regions look at words"}


def head_choices(heads: int) -> list[str]:
    """What the head selector offers."""
    return [AVERAGE, *(str(number) for number in range(1, heads + 1))]


def head_index(choice: str) -> int | None:
    """The chosen head, from 0; None for the average."""
    return None if choice == AVERAGE else int(choice) - 1


def attention_html(session: Session | None, k: int, head: int | None, order: str = "detector") -> str:
    """Both directions, each with a sentence on what its numbers are, or on why there are none.

    order: of the k regions, as in `figures.shown_regions`.
    """
    if session is None:
        return ""
    diagnosis = session.diagnosis
    indices = shown_regions(diagnosis, k, order)
    parts = [_direction(diagnosis, direction, indices, head) for direction in TITLES]
    caution = (
        '<p class="fine">Attention says where the network looked, not why it answered: a large weight need not matter '
        "for the result, and a small one may.</p>"
    )
    return f'<div class="maps">{"".join(parts)}</div>{caution}'


def _direction(diagnosis: Diagnosis, direction: str, indices: np.ndarray, head: int | None) -> str:
    weights = by_region(diagnosis, direction, head)
    body = (
        f"<p>{esc(_why_none(diagnosis, direction))}</p>"
        if weights is None
        else _table(diagnosis, direction, weights, indices)
    )
    return f'<section class="map" data-direction="{direction}"><h4>{TITLES[direction]}</h4>{body}</section>'


def _why_none(diagnosis: Diagnosis, direction: str) -> str:
    unit = UNITS[diagnosis.unit]
    if "words" not in unit.modalities:
        return f"This model ({unit.name}) reads no words, so there is no attention between words and regions."
    if BY_NAME[direction].queries not in unit.guided:
        return f"The unit of this model ({unit.name}) has no guided attention in this direction."
    return "All metadata is unknown, so the model read no words: there is nothing to look from or at."


def _table(diagnosis: Diagnosis, direction: str, weights: np.ndarray, indices: np.ndarray) -> str:
    shown, words = weights[indices], diagnosis.words
    backgrounds, inks = cell_colours(shown, float(shown.max()))
    groups = "".join(
        f'<th scope="colgroup" colspan="{len(list(members))}">{esc(field)}</th>'
        for field, members in groupby(words, key=lambda word: word.field)
    )
    heads = "".join(f'<th scope="col" class="word"><span>{esc(word.text)}</span></th>' for word in words)
    rows = []
    for i, (number, row) in enumerate(zip(indices, shown, strict=True)):
        cells = "".join(
            f'<td style="background:{backgrounds[i, j]};color:{inks[i, j]}">{percent(float(value))}</td>'
            for j, value in enumerate(row)
        )
        kind = diagnosis.regions.names[number]
        rows.append(f'<tr><th scope="row">{badge(number, kind)} {esc(kind)}</th>{cells}</tr>')
    if direction == "words_to_regions" and len(weights) > len(shown):
        rest = "".join(f"<td>{percent(float(value))}</td>" for value in np.delete(weights, indices, 0).sum(0))
        rows.append(f'<tr class="rest"><th scope="row">other {len(weights) - len(shown)}</th>{rest}</tr>')
    return (
        f'<p class="fine">{_meaning(direction, len(weights), len(words))}</p>'
        f'<div class="scroll" tabindex="0" role="region" aria-label="{TITLES[direction]}">'
        f'<table class="heat"><thead><tr><td></td>{groups}</tr>'
        f'<tr><th scope="col">region</th>{heads}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _meaning(direction: str, regions: int, words: int) -> str:
    if direction == "words_to_regions":
        return (
            f"Percent of a word's attention on each region: a <b>column</b> sums to 100 over all {regions} regions; "
            f"spread evenly, each would get {percent(1 / regions)}."
        )
    return (
        f"Percent of a region's attention on each word: a <b>row</b> sums to 100 over the {words} words; "
        f"spread evenly, each would get {percent(1 / words)}."
    )
