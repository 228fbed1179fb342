"""Bar charts of plain HTML: each row has its name and its number as text."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mat_core.data.labels import class_title, nature
from mat_core.display.colors import class_color
from mat_core.utils.formatting import format_percent, format_points

from ..frontend.html import escape
from ..frontend.translations import attribute, option, t, text

EVEN = 0.005  # change of a probability below which nothing has practically changed
SCALES = (0.05, 0.1, 0.25, 0.5, 1.0)  # ends of the axis of changes; the smallest keeps tiny changes from filling it
LOG_SCALES = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
PRACTICALLY = text("away.practically")


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
    class_nature = nature(code)
    if class_nature in ("", "benign"):
        return option(class_title(code))
    return f'{option(class_title(code))} <span class="mark {class_nature}">{t(f"nature.{class_nature}")}</span>'


def before_after(labels: Sequence[str], before: np.ndarray, after: np.ndarray) -> str:
    """A list as HTML, likeliest class first: a bar for the answer after, a line for the one before.

    labels: codes; before, after: probabilities, (classes,).
    """
    rows = "".join(
        f'<li><span class="name">{class_html(labels[k])}</span>'
        f'<span class="value">{format_percent(before[k])} → {format_percent(after[k])} '
        f"<small>({format_points(after[k] - before[k])})</small></span>"
        f"{_track(after[k], class_color(labels[k]), before[k])}</li>"
        for k in np.argsort(-np.maximum(before, after), kind="stable")
    )
    return f'<ul class="bars narrow">{rows}</ul><p class="fine">{t("common.before-after")}</p>'


def shares(label: str, rows: Sequence[tuple[str, float]], color: str, current: int | None, ghost: float) -> str:
    """A list of bars in one colour. rows: name and probability; given: the row that is as it is; ghost: its value."""
    given = f" <b>{t('common.given')}</b>"
    items = "".join(
        f'<li{" class=given" if i == current else ""}><span class="name">{escape(name)}'
        f'{given if i == current else ""}</span><span class="value">{format_percent(value)}</span>'
        f"{_track(value, color, ghost)}</li>"
        for i, (name, value) in enumerate(rows)
    )
    return f'<ul class="plot shares" {attribute("aria-label", label)}>{items}{_axis(("0%", "50%", "100%"))}</ul>'


def small_bars(labels: Sequence[str], values: np.ndarray) -> str:
    """One answer as aligned bars in the order of `labels`, with names, as HTML. values: probabilities, (classes,)."""
    top = int(np.argmax(values))
    items = "".join(
        f'<li{" class=given" if k == top else ""}><span class="name">{option(class_title(code))}</span>'
        f'<span class="value">{format_percent(values[k])}</span>{_track(values[k], class_color(code))}</li>'
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
        f'<li{_kind(row)}><span class="name">{escape(row.name)}</span>{_swing(row, top)}'
        f'<span class="value">{escape(row.value)}'
        f"{f' <small>{escape(row.detail)}</small>' if row.detail else ''}</span></li>"
        for row in rows
    )
    end = f"{100 * top:.0f}" if unit == "points" else f"{top:g}"
    last = text("common.points-axis", n=end) if unit == "points" else text("common.unit-axis", n=end, unit=unit)
    axis = _axis((f"\N{MINUS SIGN}{end}", "0", last))
    return (
        f'<ul class="plot diverging" {attribute("aria-label", label)}>{items}{axis}</ul>'
        f'<p class="fine key"><i class="pro"></i> {t("away.for")} <i class="contra"></i> {t("away.against")}</p>'
    )


def _kind(row: Change) -> str:
    if row.total:
        return ' class="total"'
    return ' class="even"' if row.value == PRACTICALLY else ""


def _swing(row: Change, top: float) -> str:
    low, high = sorted((row.start, row.start + row.change))
    left, width = (50 + 50 * low / top, 50 * (high - low) / top)
    side = "contra" if row.change < 0 else "pro"
    return (
        f'<span class="track" aria-hidden="true"><i class="zero"></i>'
        f'<span class="{side}" style="left:{left:.2f}%;width:{width:.2f}%"></span></span>'
    )


def _track(value: float, color: str, ghost: float | None = None) -> str:
    mark = "" if ghost is None else f'<i class="ghost" style="left:{100 * ghost:.2f}%"></i>'
    return (
        f'<span class="track" aria-hidden="true"><span style="width:{100 * value:.2f}%;background:{color}"></span>'
        f"{mark}</span>"
    )


def _axis(ticks: Sequence[str]) -> str:
    """The axis below the tracks. ticks: at its start, its middle and its end."""
    marks = "".join(f"<b>{escape(tick)}</b>" for tick in ticks)
    return f'<li class="axis" aria-hidden="true"><span>{marks}</span></li>'
