"""Panels as a matplotlib figure, one below the other."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from ..data.labels import DISCLAIMER
from .colors import AGAINST, FOR, INK, PAPER
from .html import value_color
from .layout import COLORMAP
from .notebook_figure import NotebookFigure
from .panels import Bars, Grid, Lines, Panel, ResultView

# Okabe & Ito's colors that are visible on white
SERIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#17242f")
SIGNED = LinearSegmentedColormap.from_list("signed", (AGAINST, PAPER, FOR))


def plot_view(view: ResultView) -> NotebookFigure:
    """A view as a figure."""
    heights = [_height(panel) for panel in view.panels]
    figure = NotebookFigure(figsize=(7.2, sum(heights) + 0.9), facecolor=PAPER, layout="constrained")
    figure.suptitle(_plain(view.title), fontsize=10, x=0.01, ha="left", color=INK)
    figure.supxlabel(DISCLAIMER, fontsize=6, x=0.01, ha="left", color=INK)
    if not heights:
        figure.text(0.01, 0.5, _plain(view.summary), fontsize=8, color=INK)
        return figure
    grid = figure.add_gridspec(len(heights), 1, height_ratios=heights)
    for row, panel in enumerate(view.panels):
        axes = figure.add_subplot(grid[row, 0])
        more = f" (and {panel.more} smaller)" if isinstance(panel, Bars) and panel.more else ""
        axes.set_title(_plain(panel.title) + more, fontsize=9, loc="left", color=INK)
        if isinstance(panel, Bars):
            _bars(axes, panel)
        elif isinstance(panel, Lines):
            _lines(axes, panel)
        else:
            _grid(axes, panel)
        axes.tick_params(labelsize=8, length=0)
    return figure


def _plain(text: str) -> str:
    """Escape dollars, which matplotlib would read as a formula."""
    return text.replace("$", r"\$")


def _plained(texts: tuple[str, ...]) -> list[str]:
    return [_plain(text) for text in texts]


def _height(panel: Panel) -> float:
    """Inches."""
    if isinstance(panel, Lines):
        return 2.4
    return 0.6 + 0.24 * len(panel.names if isinstance(panel, Bars) else panel.rows)


def _bars(axes: Axes, panel: Bars) -> None:
    rows = np.arange(len(panel.names))
    colors = [value_color(panel.kind, value) for value in panel.values]
    axes.barh(rows, panel.values, color=colors, height=0.62, xerr=panel.spread, ecolor=INK)
    low, high = min(0.0, float(panel.values.min(initial=0))), panel.top
    room, spread = 0.3 * (high - low), np.zeros(len(rows)) if panel.spread is None else panel.spread
    for i in range(len(rows)):
        at = max(float(panel.values[i]) + float(spread[i]), 0) + room / 15
        axes.text(at, i, panel.text(i), va="center", fontsize=7, color=INK)
    axes.set(xlim=(low - room / 10, high + room), yticks=rows, yticklabels=_plained(panel.names))
    axes.set_xticks([])
    axes.invert_yaxis()
    axes.axvline(0, color=INK, linewidth=0.6)
    axes.spines[:].set_visible(False)


def _lines(axes: Axes, panel: Lines) -> None:
    for i, (name, values) in enumerate(panel.series.items()):
        axes.plot(
            panel.x, values, label=_plain(name), color=SERIES[i % len(SERIES)], linewidth=1.4, marker=".", markersize=4
        )
    axes.set_ylim(min(0, *(float(v.min()) for v in panel.series.values())), 1)
    axes.set_xlabel(_plain(panel.across), fontsize=8)
    if panel.ticks:
        axes.set_xticks(panel.x, _plained(panel.ticks))
    axes.legend(fontsize=7, frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    axes.spines[["top", "right"]].set_visible(False)


def _grid(axes: Axes, panel: Grid) -> None:
    top = max(float(np.abs(panel.values).max(initial=0)), 1e-9)
    low, colors = (0.0, COLORMAP) if panel.kind == "share" else (-top, SIGNED)
    mesh = axes.pcolormesh(panel.values, cmap=colors, vmin=low, vmax=top, edgecolors=PAPER, linewidth=0.6)
    for (row, column), value in np.ndenumerate(panel.values):
        red, green, blue, _ = mesh.to_rgba(value)
        dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.5
        axes.text(
            column + 0.5, row + 0.5, panel.text(row, column), ha="center", va="center", fontsize=7,
            color="#ffffff" if dark else "#000000",
        )  # fmt: skip
    axes.set_yticks(np.arange(len(panel.rows)) + 0.5, _plained(panel.rows))
    axes.set_xticks(np.arange(len(panel.columns)) + 0.5, _plained(panel.columns))
    axes.invert_yaxis()
    axes.spines[:].set_visible(False)
