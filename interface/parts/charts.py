"""Curves for the page: vector graphics of matplotlib that take on the page's text colour, light or dark."""

import io
import threading

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .text import esc

INK = "#010203"  # nothing else is drawn in it: it becomes the page's own colour
# Okabe and Ito 2008, without yellow, which has no contrast on white; with styles, so that no line is a colour alone
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#7f7f7f")
STYLES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)), (0, (7, 3)))
_LOCK = threading.Lock()  # matplotlib's settings are global


def lines(
    x: np.ndarray,
    panels: dict[str, dict[str, np.ndarray]],
    across: str,
    upright: str,
    label: str,
    mark: float | None = None,
) -> str:
    """Panels side by side, each of named curves over `x`, values 0 to 1, as an SVG in HTML.

    label: what a screen reader is told; mark: an x to point at.
    """
    names = list(dict.fromkeys(name for curves in panels.values() for name in curves))
    figure = Figure(figsize=((5.6, 3.6), (9.2, 3.3))[len(panels) > 1], layout="constrained")
    figure.patch.set_alpha(0)
    for axes, (title, curves) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True):
        for name, values in curves.items():
            i = names.index(name) % len(COLOURS)
            axes.plot(x, values, color=COLOURS[i], linestyle=STYLES[i], linewidth=1.8, label=name)
        if mark is not None:
            axes.axvline(mark, color=INK, linewidth=0.8, linestyle=(0, (2, 2)))
        axes.set_title(title, fontsize=10, loc="left", color=INK)
        axes.set_xlabel(across, fontsize=9, color=INK)
        axes.set_ylabel(upright, fontsize=9, color=INK)
        axes.set_ylim(0, 1)
        _plain(axes)
    handles, texts = axes.get_legend_handles_labels()
    legend = figure.legend(handles, texts, loc="outside lower center", ncols=2 * len(panels), fontsize=8, frameon=False)
    for text in legend.get_texts():
        text.set_color(INK)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{esc(label)}"><div class="chart" role="img" '
        f'aria-label="{esc(label)}">{_svg(figure)}</div></div>'
    )


def roc(sensitivity: np.ndarray, specificity: np.ndarray, point: tuple[float, float], label: str) -> str:
    """A ROC curve with one point on it, as an SVG in HTML. point: its sensitivity and specificity, 0 to 1."""
    figure = Figure(figsize=(3.6, 3.3), layout="constrained")
    figure.patch.set_alpha(0)
    axes = figure.subplots()
    order = np.argsort(-specificity, kind="stable")
    axes.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle=(0, (2, 2)))
    axes.plot(1 - specificity[order], np.maximum.accumulate(sensitivity[order]), color=COLOURS[0], linewidth=1.8)
    axes.plot(1 - point[1], point[0], "o", color=COLOURS[1], markersize=9)
    axes.set_xlabel("false alarms: share of other lesions", fontsize=9, color=INK)
    axes.set_ylabel("share of melanomas found", fontsize=9, color=INK)
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    axes.set_aspect("equal")
    _plain(axes)
    return f'<div class="chart small" role="img" aria-label="{esc(label)}">{_svg(figure)}</div>'


def stages(names: tuple[str, ...], curves: dict[str, dict[str, float]], upright: str, label: str) -> str:
    """Named curves over stages, values -1 to 1, as an SVG in HTML.

    names: of all stages, in their order; curves: name -> stage -> value; a curve passes by a stage that it lacks.
    """
    figure = Figure(figsize=(5.6, 3.2), layout="constrained")
    figure.patch.set_alpha(0)
    axes = figure.subplots()
    for i, (name, values) in enumerate(curves.items()):
        at = [k for k, stage in enumerate(names) if stage in values]
        axes.plot(
            at, [values[names[k]] for k in at], color=COLOURS[i % len(COLOURS)], linestyle=STYLES[i % len(STYLES)],
            marker="o", markersize=4, linewidth=1.8, label=name,
        )  # fmt: skip
    axes.set_xticks(range(len(names)), names)
    axes.set_ylabel(upright, fontsize=9, color=INK)
    low = min((v for values in curves.values() for v in values.values()), default=0.0)
    axes.set_ylim(min(0.0, low - 0.05), 1.02)
    _plain(axes)
    legend = figure.legend(
        *axes.get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=8, frameon=False
    )
    for text in legend.get_texts():
        text.set_color(INK)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{esc(label)}">'
        f'<div class="chart medium" role="img" aria-label="{esc(label)}">{_svg(figure)}</div></div>'
    )


def _plain(axes: Axes) -> None:
    axes.patch.set_alpha(0)
    axes.tick_params(colors=INK, labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(INK)
    axes.grid(axis="y", color=INK, alpha=0.15, linewidth=0.6)


def _svg(figure: Figure) -> str:
    buffer = io.StringIO()
    with _LOCK, matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "mat", "font.family": "sans-serif"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :].replace(INK, "currentColor")
