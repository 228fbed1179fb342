"""Panels as HTML, escaped, with inline styles only, for light and dark pages."""

from html import escape

import numpy as np

from ..data.labels import DISCLAIMER
from ..utils.formatting import MINUS
from .colors import AGAINST, FOR, NEUTRAL, rgb
from .panels import Bars, Grid, Kind, Lines, Panel, ResultView

SHOWN_POINTS = 7  # of a line, as table columns
_CELL = "padding:1px 8px;text-align:right"
_NAME = "padding:1px 8px;text-align:left;font-weight:normal"


def render_html(view: ResultView) -> str:
    """A view as one HTML element."""
    panels = "".join(_panel(panel) for panel in view.panels)
    return (
        '<div style="max-width:60em;line-height:1.4">'
        f'<p style="margin:0 0 4px"><strong>{escape(view.title)}</strong></p>'
        f'<p style="margin:0 0 6px">{escape(view.summary)}</p>{panels}'
        f'<p style="margin:4px 0;font-size:85%;opacity:.75">{escape(DISCLAIMER)}</p></div>'
    )


def value_color(kind: Kind, value: float) -> str:
    """Neutral for shares, else by sign."""
    return NEUTRAL if kind == "share" else FOR if value >= 0 else AGAINST


def _panel(panel: Panel) -> str:
    if isinstance(panel, Bars):
        head, rows = "", _bars(panel)
    elif isinstance(panel, Lines):
        head, rows = _lines(panel)
    else:
        head, rows = _grid(panel)
    return (
        '<table style="border-collapse:collapse;margin:0 0 8px">'
        f'<caption style="text-align:left;font-size:90%">{escape(panel.title)}</caption>{head}{rows}</table>'
    )


def _bars(panel: Bars) -> str:
    rows = ""
    for i, (name, value) in enumerate(zip(panel.names, panel.values, strict=True)):
        width, color = 12 * abs(float(value)) / panel.top, value_color(panel.kind, value)
        bar = f'<div style="width:{width:.2f}em;height:.7em;background:{color}"></div>'
        rows += (
            f'<tr><th scope="row" style="{_NAME}">{escape(name)}</th><td style="{_CELL}">{escape(panel.text(i))}</td>'
            f'<td aria-hidden="true" style="padding:1px 0;width:12em">{bar}</td></tr>'
        )
    if panel.more:
        rows += f'<tr><td colspan="3" style="{_NAME};opacity:.75">and {panel.more} smaller</td></tr>'
    return rows


def _lines(panel: Lines) -> tuple[str, str]:
    indices = np.unique(np.linspace(0, len(panel.x) - 1, min(SHOWN_POINTS, len(panel.x))).round().astype(int))
    heads = [panel.ticks[i] if panel.ticks else f"{panel.x[i]:g}" for i in indices]
    rows = [
        _row(name, [f"{values[i]:.2f}".replace("-", MINUS) for i in indices]) for name, values in panel.series.items()
    ]
    return _row(panel.across, heads, "th"), "".join(rows)


def _grid(panel: Grid) -> tuple[str, str]:
    top = max(float(np.abs(panel.values).max(initial=0)), 1e-12)
    rows = ""
    for r, name in enumerate(panel.rows):
        cells = ""
        for c in range(len(panel.columns)):
            value = float(panel.values[r, c])
            shade = f"background:rgba({rgb(value_color(panel.kind, value))}, {0.6 * abs(value) / top:.2f})"
            cells += f'<td style="{_CELL};{shade}">{panel.text(r, c)}</td>'
        rows += f'<tr><th scope="row" style="{_NAME}">{escape(name)}</th>{cells}</tr>'
    return _row("", list(panel.columns), "th"), rows


def _row(name: str, cells: list[str], kind: str = "td") -> str:
    style = _CELL + (";font-weight:normal;opacity:.75" if kind == "th" else "")
    columns = "".join(f'<{kind} style="{style}">{escape(cell)}</{kind}>' for cell in cells)
    return f'<tr><th scope="row" style="{_NAME}">{escape(name)}</th>{columns}</tr>'
