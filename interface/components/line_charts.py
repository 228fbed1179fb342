"""Line charts by matplotlib as SVG in the page's text color, light or dark, with keys in HTML."""

import html
import io
import threading
from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from mat_core.display.colors import class_color, class_dashes

from ..frontend.html import escape
from ..frontend.translations import Text, attribute, key_attributes, text

INK = "#010203"  # replaced by the page's text color
_LOCK = threading.Lock()  # matplotlib's settings are global


@dataclass(frozen=True)
class Look:
    """How a curve looks: '#rrggbb', and lengths of line and gap in widths of the line, () for a solid one."""

    color: str
    dashes: tuple[float, ...] = ()


# for curves that are no classes: colours of a contrast of 3 : 1 in light and dark, and no class's
LOOKS = (
    Look("#0d9488"), Look("#c0568f", (5, 2)), Look("#a87b00", (6, 2, 1, 2)), Look("#5a86c8", (2, 1.5)),
    Look(INK, (8, 2)), Look("#7f7f7f", (1, 1.5)), Look("#b5603c", (3, 1, 1, 1)),
)  # fmt: skip


def class_look(code: str) -> Look:
    """How the curve of a class looks, everywhere the same."""
    return Look(class_color(code), class_dashes(code))


def lines(
    x: np.ndarray,
    panels: dict[str, dict[str, np.ndarray]],
    x_label: str,
    y_label: str,
    label: str,
    looks: dict[str, Look] | None = None,
    marker: tuple[float, str] | None = None,
) -> str:
    """Panels side by side, each of named curves over `x`, values 0 to 1, as SVGs in HTML with one key for all.

    across, upright: of the axes, with units; label: for screen readers; looks: name -> Look, else in turn;
    mark: an x to point at, and what it says there.
    """
    names = list(dict.fromkeys(name for curves in panels.values() for name in curves))
    looks = looks or {name: LOOKS[i % len(LOOKS)] for i, name in enumerate(names)}
    svgs = ""
    for title, curves in panels.items():
        figure, axes = _empty()
        for name, values in curves.items():
            axes.plot(x, values, label=name, **_line(looks[name]))
            if marker is not None:
                axes.plot(marker[0], np.interp(marker[0], x, values), "o", color=looks[name].color, markersize=5)
        if marker is not None:
            axes.axvline(marker[0], color=INK, linewidth=0.9, linestyle=(0, (3, 2)))
            left_half = marker[0] < (x[0] + x[-1]) / 2
            axes.annotate(
                marker[1], (marker[0], 1.0), xytext=(4 if left_half else -4, 3), textcoords="offset points", fontsize=9,
                ha="left" if left_half else "right", va="bottom", color=INK,
            )  # fmt: skip
        axes.set_title(title, fontsize=10, loc="left", color=INK, pad=16 if marker is not None else 6)
        axes.set_xlabel(x_label, fontsize=9.5, color=INK)
        axes.set_ylabel(y_label, fontsize=9.5, color=INK)
        axes.set_ylim(0, 1)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        written = [title, x_label, y_label, *(marker[1:] if marker else ())]
        svgs += _picture(figure, label, texts=written)
    return f'<div class="curves">{svgs}</div>{key({name: looks[name] for name in names})}'


def roc(
    sensitivity: np.ndarray,
    specificity: np.ndarray,
    point: tuple[float, float] | None,
    label: str,
    point_label: str = text("axis.here"),
) -> str:
    """A ROC curve of melanoma, with a point on it where there is one, as an SVG in HTML.

    point: its sensitivity and specificity, 0 to 1; told: what is written there.
    """
    figure, axes = _empty((3.8, 3.6))
    order = np.argsort(-specificity, kind="stable")
    axes.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle=(0, (2, 2)))
    axes.plot(
        1 - specificity[order], np.maximum.accumulate(sensitivity[order]), color=class_color("mel"), linewidth=1.8
    )
    if point is not None:
        axes.plot(1 - point[1], point[0], "o", color=class_color("mel"), markersize=10, markeredgecolor=INK)
        axes.annotate(
            point_label, (1 - point[1], point[0]), xytext=(9, -9), textcoords="offset points", fontsize=9, color=INK
        )
    return _square(figure, axes, text("axis.alarms"), text("axis.found"), label, [point_label])


def reliability(bins: Sequence[dict], label: str) -> str:
    """How often answers are right against how sure they are, as an SVG in HTML: a disc for each bin, with its interval.

    A disc is larger where it has more answers; on the line, a percentage can be taken at its word.

    bins: of `mat_core.evaluation`: 'confidence', 'accuracy', 'interval95' (0 to 1) and 'cases'.
    """
    figure, axes = _empty((3.8, 3.6))
    axes.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle=(0, (2, 2)))
    largest = max(bin["cases"] for bin in bins)
    for bin in bins:
        x = bin["confidence"]
        axes.plot([x, x], bin["interval95"], color=LOOKS[0].color, linewidth=1.6, solid_capstyle="round")
        axes.plot(
            x, bin["accuracy"], "o", color=LOOKS[0].color, markersize=4 + 9 * (bin["cases"] / largest) ** 0.5,
            markeredgecolor=INK, markeredgewidth=0.6,
        )  # fmt: skip
    return _square(figure, axes, text("axis.probability"), text("axis.right"), label)


def stages(names: tuple[str, ...], curves: dict[str, dict[str, float]], y_label: str, label: str) -> str:
    """Named curves over stages, values -1 to 1, as an SVG in HTML with its key.

    names: of all stages, in their order; curves: name -> stage -> value; a curve passes by a stage that it lacks.
    """
    figure, axes = _empty()
    looks = {name: LOOKS[i % len(LOOKS)] for i, name in enumerate(curves)}
    for name, values in curves.items():
        positions = [k for k, stage in enumerate(names) if stage in values]
        axes.plot(
            positions, [values[names[k]] for k in positions], marker="o", markersize=4, label=name, **_line(looks[name])
        )
    axes.set_xticks(range(len(names)), names)
    axes.set_ylabel(y_label, fontsize=9.5, color=INK)
    low = min((v for values in curves.values() for v in values.values()), default=0.0)
    axes.set_ylim(min(0.0, low - 0.05), 1.02)
    return f'<div class="curves">{_picture(figure, label, texts=[y_label, *names])}</div>{key(looks)}'


def key(looks: dict[str, Look]) -> str:
    """Which curve is which, as a list that wraps."""
    items = "".join(f"<li>{_sample(look)} {escape(name)}</li>" for name, look in looks.items())
    return f'<ul class="curve-key">{items}</ul>'


def _sample(look: Look) -> str:
    dashes = " ".join(f"{3 * length:g}" for length in look.dashes)
    return (
        '<svg width="34" height="10" aria-hidden="true"><line x1="1" x2="33" y1="5" y2="5" stroke-width="3" '
        f'stroke="{_page(look.color)}" stroke-dasharray="{dashes}"/></svg>'
    )


def _empty(size: tuple[float, float] = (4.8, 3.3)) -> tuple[Figure, Axes]:
    """Inches: 4.8 are 346 pixels, so that the text has its size on a phone."""
    figure = Figure(figsize=size, layout="constrained")
    figure.patch.set_alpha(0)
    axes = figure.subplots()
    axes.patch.set_alpha(0)
    axes.tick_params(colors=INK, labelsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(INK)
    axes.grid(axis="y", color=INK, alpha=0.15, linewidth=0.6)
    return figure, axes


def _line(look: Look) -> dict:
    return {"color": look.color, "linewidth": 1.9, "linestyle": (0, look.dashes) if look.dashes else "-"}


def _page(color: str) -> str:
    return "currentColor" if color == INK else color


def _square(figure, axes, x_label: str, y_label: str, label: str, texts: Sequence[str] = ()) -> str:
    """A figure of shares (0 to 1) against shares, written as percent, as an SVG in HTML."""
    axes.set_xlabel(x_label, fontsize=9.5, color=INK)
    axes.set_ylabel(y_label, fontsize=9.5, color=INK)
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=""))
    axes.set_aspect("equal")
    return _picture(figure, label, "square", [x_label, y_label, *texts])


def _picture(figure: Figure, label: str, kind: str = "wide", texts: Sequence[str] = ()) -> str:
    """The figure as HTML. texts: what is written in it, so that the page can translate it."""
    buffer = io.StringIO()
    with _LOCK, matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "mat", "font.family": "sans-serif"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    svgs = buffer.getvalue()
    svgs = svgs[svgs.index("<svg") :].replace(INK, "currentColor")
    for one in texts:
        if isinstance(one, Text):
            end = f">{html.escape(one, False)}</text>"
            svgs = svgs.replace(end, f" {key_attributes(one)}{end}")
    return f'<div class="curve {kind}" role="img" {attribute("aria-label", label)}>{svgs}</div>'
