"""Dots with intervals, a table as a picture, and a hundred lesions as a hundred marks: pictures of plain HTML."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mat_core.wording import class_title, counted

from .tables import cell
from .text import esc

# what can happen to one of a hundred lesions: class of its mark, and how it is called
FATES = {
    "found": "melanomas found",
    "missed": "melanomas missed",
    "alarm": "other lesions called melanoma (false alarms)",
    "cleared": "other lesions correctly cleared",
}


DEEPEST = 55  # percent of its colour in a cell that has its whole row: text is read on it, light and dark


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
    colour: str = ""
    ring: float | None = None
    detail: str = ""


def dots(label: str, rows: Sequence[Dot], axis: tuple[float, float], ticks: dict[float, str]) -> str:
    """Values on one axis, a row each, with their intervals where they have one. ticks: place on the axis -> text."""
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
            colour = f";background:{row.colour}" if row.colour else ""
            marks += f'<i class="dot" style="left:{place(row.value):.2f}%{colour}"></i>'
        detail = f"<small>{esc(row.detail)}</small>" if row.detail else ""
        items += (
            f'<li><span class="name">{cell(row.name)}</span><span class="track line" aria-hidden="true">{marks}</span>'
            f'<span class="value">{esc(row.text)}{detail}</span></li>'
        )
    marked = "".join(f'<b style="left:{place(at):.2f}%">{esc(text)}</b>' for at, text in ticks.items())
    return (
        f'<ul class="plot dots" aria-label="{esc(label)}">{items}'
        f'<li class="axis placed" aria-hidden="true"><span>{marked}</span></li></ul>'
    )


def hundred(found: int, missed: int, alarms: int, cleared: int) -> str:
    """Of 100 lesions what becomes of each, as a picture of 100 marks with its key. Told apart by shape, not colour."""
    counts = dict(zip(FATES, (found, missed, alarms, cleared), strict=True))
    label = "; ".join(f"{number} {FATES[fate]}" for fate, number in counts.items())
    marks = "".join(f'<i class="{fate}"></i>' * number for fate, number in counts.items())
    key = "".join(f'<li><i class="{fate}"></i> <b>{n}</b> {FATES[fate]}</li>' for fate, n in counts.items())
    return (
        f'<div class="hundred"><div class="marks" role="img" aria-label="Of 100 lesions: {esc(label)}">{marks}</div>'
        f'<ul class="fates">{key}</ul></div>'
    )


def confusion(label: str, labels: Sequence[str], matrix: np.ndarray) -> str:
    """A table of counts as a picture: rows are confirmed classes, columns answers; the shade is the share of the row.

    matrix: (classes, classes) of whole numbers.
    """
    names = [class_title(code) for code in labels]
    sums = matrix.sum(1)
    head = "".join(f'<th scope="col"><span>{esc(name)}</span></th>' for name in names)
    body = ""
    for i, name in enumerate(names):
        cells = ""
        for j, count in enumerate(matrix[i]):
            part = count / max(sums[i], 1)
            kind = "right" if i == j else "wrong"
            cells += (
                f'<td class="{kind}" style="--part:{DEEPEST * part:.0f}%" title="'
                f'{esc(name)}, answered {esc(names[j])}: {int(count)} of {int(sums[i])}">{int(count) or ""}</td>'
            )
        body += f'<tr><th scope="row">{esc(name)} <small>({counted(int(sums[i]), "image")})</small></th>{cells}</tr>'
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{esc(label)}"><table class="confusion"><thead><tr>'
        f"<td>confirmed ↓ answered →</td>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )
