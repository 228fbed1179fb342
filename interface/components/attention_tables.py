"""Guided attention as two heat-map tables, which screen readers can read."""

from itertools import groupby

import numpy as np

from mat_core import Diagnosis
from mat_core.display.layout import cell_colors
from mat_core.inference.diagnosis import regions_by_words, top_regions
from mat_core.models.transformer import MAP_BY_NAME, UNITS
from mat_core.utils.formatting import format_cell_percent

from ..frontend.html import escape
from ..frontend.translations import attribute, region_text, t, text
from ..state.session import Session
from .region_overlay import badge

AVERAGE = "Average"
TITLES = {"words_to_regions": "attention.words", "regions_to_words": "attention.regions"}


def head_choices(heads: int) -> list[str]:
    """The choices of the head selector."""
    return [AVERAGE, *(str(number) for number in range(1, heads + 1))]


def head_index(choice: str) -> int | None:
    """The chosen head, from 0; None for the average."""
    return None if choice == AVERAGE else int(choice) - 1


def attention_html(session: Session | None, k: int, head: int | None, order: str = "detector") -> str:
    """Both directions, each with the meaning of its numbers or the reason why there are none.

    order: of the k regions, as in `diagnosis.top_regions`.
    """
    if session is None:
        return ""
    diagnosis = session.diagnosis
    indices = top_regions(diagnosis, k, order)
    parts = [_direction(diagnosis, direction, indices, head) for direction in TITLES]
    caution = f'<p class="fine">{t("attention.not")}</p>'
    return f'<div class="maps">{"".join(parts)}</div>{caution}'


def _direction(diagnosis: Diagnosis, direction: str, indices: np.ndarray, head: int | None) -> str:
    weights = regions_by_words(diagnosis, direction, head)
    body = (
        f"<p>{escape(_why_none(diagnosis, direction))}</p>"
        if weights is None
        else _table(diagnosis, direction, weights, indices)
    )
    return f'<section class="map" data-direction="{direction}"><h4>{t(TITLES[direction])}</h4>{body}</section>'


def _why_none(diagnosis: Diagnosis, direction: str) -> str:
    unit = UNITS[diagnosis.unit]
    if "words" not in unit.modalities:
        return text("attention.no-words", unit=unit.name)
    if MAP_BY_NAME[direction].queries not in unit.guided:
        return text("attention.not-guided", unit=unit.name)
    return text("attention.unknown")


def _table(diagnosis: Diagnosis, direction: str, weights: np.ndarray, indices: np.ndarray) -> str:
    top_weights, words = weights[indices], diagnosis.words
    backgrounds, inks = cell_colors(top_weights, float(top_weights.max()))
    groups = "".join(
        f'<th scope="colgroup" colspan="{len(list(members))}">{t(f"field.{field}")}</th>'
        for field, members in groupby(words, key=lambda word: word.field)
    )
    heads = "".join(f'<th scope="col" class="word"><span>{escape(word.text)}</span></th>' for word in words)
    rows = []
    for i, (number, row) in enumerate(zip(indices, top_weights, strict=True)):
        cells = "".join(
            f'<td style="background:{backgrounds[i, j]};color:{inks[i, j]}">{format_cell_percent(float(value))}</td>'
            for j, value in enumerate(row)
        )
        kind = diagnosis.regions.names[number]
        rows.append(f'<tr><th scope="row">{badge(number, kind)} {escape(region_text(kind))}</th>{cells}</tr>')
    if direction == "words_to_regions" and len(weights) > len(top_weights):
        rest = "".join(
            f"<td>{format_cell_percent(float(value))}</td>" for value in np.delete(weights, indices, 0).sum(0)
        )
        others = t("attention.other", n=len(weights) - len(top_weights))
        rows.append(f'<tr class="rest"><th scope="row">{others}</th>{rest}</tr>')
    return (
        f'<p class="fine">{_meaning(direction, len(weights), len(words))}</p>'
        f'<div class="scroll" tabindex="0" role="region" {attribute("aria-label", TITLES[direction])}>'
        f'<table class="heat"><thead><tr><td></td>{groups}</tr>'
        f'<tr><th scope="col">{t("away.region")}</th>{heads}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _meaning(direction: str, regions: int, words: int) -> str:
    if direction == "words_to_regions":
        return t("attention.meaning.words", regions=regions, even=format_cell_percent(1 / regions))
    return t("attention.meaning.regions", words=words, even=format_cell_percent(1 / words))
