"""Dot plots with intervals, a confusion matrix, and 100 lesions as 100 marks, in plain HTML."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mat_core.data.labels import class_title

from ..frontend.html import escape
from ..frontend.translations import attribute, named, option, t, text
from .tables import cell

# outcome of a lesion: CSS class of its mark -> name
FATES = {
    "found": text("doubt.found"),
    "missed": text("doubt.missed"),
    "alarm": text("doubt.alarms"),
    "cleared": text("doubt.cleared"),
}


DEEPEST = 55  # percent of color in a cell with all of its row; text on it stays readable, light and dark


@dataclass(frozen=True)
class Dot:
    """One row of `dots`. name: text, or HTML of `Markup`; value on the axis, None where it is not known; text: at the
    end of the row, detail: smaller text below it; low, high: of its interval; ring: another value, drawn hollow.
    """

    name: str
    value: float | None
    text: str
    low: float | None = None
    high: float | None = None
    color: str = ""
    ring: float | None = None
    detail: str = ""


def dots(label: str, rows: Sequence[Dot], axis: tuple[float, float], ticks: dict[float, str]) -> str:
    """Values on one axis, a row each, with intervals where given. ticks: position on the axis -> text."""
    low, high = axis

    def place(value: float) -> float:
        return 100 * float(np.clip((value - low) / (high - low), 0, 1))

    items = ""
    for row in rows:
        marks = '<i class="zero"></i>' if low < 0 < high else ""
        if row.low is not None and row.high is not None:
            left = place(row.low)
            marks += f'<i class="interval" style="left:{left:.2f}%;width:{place(row.high) - left:.2f}%"></i>'
        if row.ring is not None:
            marks += f'<i class="ring" style="left:{place(row.ring):.2f}%"></i>'
        if row.value is not None:
            color = f";background:{row.color}" if row.color else ""
            marks += f'<i class="dot" style="left:{place(row.value):.2f}%{color}"></i>'
        detail = f"<small>{escape(row.detail)}</small>" if row.detail else ""
        items += (
            f'<li><span class="name">{cell(row.name)}</span><span class="track line" aria-hidden="true">{marks}</span>'
            f'<span class="value">{escape(row.text)}{detail}</span></li>'
        )
    marked = "".join(f'<b style="left:{place(at):.2f}%">{escape(text)}</b>' for at, text in ticks.items())
    return (
        f'<ul class="plot dots" {attribute("aria-label", label)}>{items}'
        f'<li class="axis placed" aria-hidden="true"><span>{marked}</span></li></ul>'
    )


def hundred(found: int, missed: int, alarms: int, cleared: int) -> str:
    """The outcomes of 100 lesions as 100 marks with a key. The marks differ in shape, not only in color."""
    counts = dict(zip(FATES, (found, missed, alarms, cleared), strict=True))
    label = text(
        "doubt.hundred-label", counts=[text("doubt.fate", n=n, fate=FATES[fate]) for fate, n in counts.items()]
    )
    marks = "".join(f'<i class="{fate}"></i>' * number for fate, number in counts.items())
    key = "".join(f'<li><i class="{fate}"></i> <b>{n}</b> {escape(FATES[fate])}</li>' for fate, n in counts.items())
    return (
        f'<div class="hundred"><div class="marks" role="img" {attribute("aria-label", label)}>{marks}</div>'
        f'<ul class="fates">{key}</ul></div>'
    )


def confusion(label: str, labels: Sequence[str], matrix: np.ndarray) -> str:
    """A table of counts as a picture: rows are confirmed classes, columns answers; the shade is the share of the row.

    matrix: (classes, classes) of whole numbers.
    """
    names = [class_title(code) for code in labels]
    sums = matrix.sum(1)
    head = "".join(f'<th scope="col"><span>{option(name)}</span></th>' for name in names)
    body = ""
    for i, name in enumerate(names):
        cells, images = "", text("count.image", n=int(sums[i]))
        for j, count in enumerate(matrix[i]):
            part = count / max(sums[i], 1)
            kind = "right" if i == j else "wrong"
            told = {"name": named(name), "other": named(names[j]), "n": int(count), "of": int(sums[i])}
            cells += (
                f'<td class="{kind}" style="--part:{DEEPEST * part:.0f}%" '
                f"{attribute('title', text('measured.cell', **told))}>{int(count) or ''}</td>"
            )
        body += f'<tr><th scope="row">{option(name)} <small>{t("measured.row", images=images)}</small></th>{cells}</tr>'
    return (
        f'<div class="scroll" tabindex="0" role="region" {attribute("aria-label", label)}><table class="confusion">'
        "<thead><tr>"
        f"<td>{t('measured.confusion-corner')}</td>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )
