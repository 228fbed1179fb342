"""Bars of plain HTML, which fit a phone as well as a projector: each row has its name and its number as text."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mat_core.colours import class_colour
from mat_core.wording import class_title, nature, points, share

from .text import esc

EVEN = 0.005  # change of a probability below which nothing has practically changed
SCALES = (
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
)  # ends of the axis of changes; the first is a floor: nothing must look like nothing
LOG_SCALES = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
PRACTICALLY = "practically even"


@dataclass(frozen=True)
class Change:
    """One row of `diverging`. name: text; change: what the bar shows; value: text at its end; detail: text, smaller.

    start: where the bar begins, as the steps of a sum begin where the last one ended; total: the row is a sum.
    """

    name: str
    change: float
    value: str
    detail: str = ""
    start: float = 0.0
    total: bool = False


def class_html(code: str) -> str:
    """A class by its full name, marked where it is malignant or premalignant, as HTML."""
    filed = nature(code)
    mark = f' <span class="mark {filed}">{filed}</span>' if filed not in ("", "benign") else ""
    return esc(class_title(code)) + mark


def before_after(labels: Sequence[str], before: np.ndarray, after: np.ndarray) -> str:
    """A list as HTML, likeliest class first: a bar for the answer after, a line for the one before.

    labels: codes; before, after: probabilities, (classes,).
    """
    rows = "".join(
        f'<li><span class="name">{class_html(labels[k])}</span>'
        f'<span class="value">{share(before[k])} → {share(after[k])} '
        f"<small>({points(after[k] - before[k])})</small></span>"
        f"{_track(after[k], class_colour(labels[k]), before[k])}</li>"
        for k in np.argsort(-np.maximum(before, after), kind="stable")
    )
    return (
        f'<ul class="bars narrow">{rows}</ul><p class="fine">The line is the answer as it was; in brackets, the change '
        "in points.</p>"
    )


def shares(label: str, rows: Sequence[tuple[str, float]], colour: str, given: int | None, ghost: float) -> str:
    """A list of bars in one colour. rows: name and probability; given: the row that is as it is; ghost: its value."""
    items = "".join(
        f'<li{" class=given" if i == given else ""}><span class="name">{esc(name)}'
        f'{" <b>(given)</b>" if i == given else ""}</span><span class="value">{share(value)}</span>'
        f"{_track(value, colour, ghost)}</li>"
        for i, (name, value) in enumerate(rows)
    )
    return f'<ul class="plot shares" aria-label="{esc(label)}">{items}{_axis(("0%", "50%", "100%"))}</ul>'


def small_bars(labels: Sequence[str], values: np.ndarray) -> str:
    """One answer as aligned bars in the order of `labels`, with names, as HTML. values: probabilities, (classes,)."""
    top = int(np.argmax(values))
    items = "".join(
        f'<li{" class=given" if k == top else ""}><span class="name">{esc(class_title(code))}</span>'
        f'<span class="value">{share(values[k])}</span>{_track(values[k], class_colour(code))}</li>'
        for k, code in enumerate(labels)
    )
    return f'<ul class="plot shares tight">{items}</ul>'


def diverging(label: str, rows: Sequence[Change], scales: Sequence[float] = SCALES, unit: str = "points") -> str:
    """Bars to the right (orange) for what spoke for the class and to the left (blue) for what spoke against it.

    The axis ends at the smallest of `scales` that holds all bars; unit: 'points', of shares, or another in the numbers'
    own size.
    """
    ends = [abs(v) for row in rows for v in (row.start, row.start + row.change)]
    top = next((s for s in scales if s >= max(ends, default=0.0)), max(ends, default=scales[-1]))
    items = "".join(
        f'<li{_kind(row)}><span class="name">{esc(row.name)}</span>{_swing(row, top)}'
        f'<span class="value">{esc(row.value)}{f" <small>{esc(row.detail)}</small>" if row.detail else ""}</span></li>'
        for row in rows
    )
    end = f"{100 * top:.0f}" if unit == "points" else f"{top:g}"
    axis = _axis((f"\N{MINUS SIGN}{end}", "0", f"+{end} {unit}"))
    return (
        f'<ul class="plot diverging" aria-label="{esc(label)}">{items}{axis}</ul>'
        '<p class="fine key"><i class="pro"></i> spoke for it <i class="contra"></i> spoke against it</p>'
    )


def _kind(row: Change) -> str:
    if row.total:
        return ' class="total"'
    return ' class="even"' if row.value == PRACTICALLY else ""


def _swing(row: Change, top: float) -> str:
    low, high = sorted((row.start, row.start + row.change))
    left, wide = (50 + 50 * low / top, 50 * (high - low) / top)
    side = "contra" if row.change < 0 else "pro"
    return (
        f'<span class="track" aria-hidden="true"><i class="zero"></i>'
        f'<span class="{side}" style="left:{left:.2f}%;width:{wide:.2f}%"></span></span>'
    )


def _track(value: float, colour: str, ghost: float | None = None) -> str:
    mark = "" if ghost is None else f'<i class="ghost" style="left:{100 * ghost:.2f}%"></i>'
    return (
        f'<span class="track" aria-hidden="true"><span style="width:{100 * value:.2f}%;background:{colour}"></span>'
        f"{mark}</span>"
    )


def _axis(ticks: Sequence[str]) -> str:
    """The axis below the tracks. ticks: at its start, its middle and its end."""
    return f'<li class="axis" aria-hidden="true"><span>{"".join(f"<b>{tick}</b>" for tick in ticks)}</span></li>'
