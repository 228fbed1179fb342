"""SVG figures of the documents from docs/results/metrics.json; deterministic."""

from collections.abc import Callable
from html import escape
from pathlib import Path

import cv2
import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mat_core.data.image_encoding import data_uri, encode_jpeg
from mat_core.data.labels import BY_CODE, CODES, PARTS, region_name
from mat_core.display.colors import kind_color
from mat_core.figures import COLORMAP, HALO, INK, PAPER
from teaching.phantoms import make_phantom

from ..results.run_names import PROTOCOLS
from .formatting import MAIN

COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#7f7f7f")


def draw_all(tables: dict, folder: Path) -> list[str]:
    """Draw the figures of SGA-SGA under both protocols and the overlays; returns the file names in order."""
    folder.mkdir(parents=True, exist_ok=True)
    names = []
    for protocol in PROTOCOLS:
        row = tables[protocol].get("rows", {}).get(MAIN)
        if row is None:
            continue
        draws = {"roc": _roc, "confusion": _confusion, "reliability": _reliability, "loss": _loss}
        if protocol == "clean":
            draws["groups"] = _groups
        for kind, draw in draws.items():
            names.append(f"{protocol}-{kind}.svg")
            title = f"SGA-SGA, {protocol} protocol, {tables[protocol]['test_lesions']} test lesions"
            _save(draw, row, title, folder / names[-1])
    if tables.get("overlays"):
        names.append("overlays.svg")
        (folder / names[-1]).write_text(overlays_svg(tables["overlays"]), encoding="utf-8")
    return names


def draw_shipped(measured: dict, folder: Path) -> dict[str, str]:
    """Draw a bundle's metrics of a split for its card; kind -> file name, of those measured."""
    folder.mkdir(parents=True, exist_ok=True)
    draws = {"roc": _melanoma, "confusion": _confusion, "reliability": _reliability, "groups": _groups}
    names = {kind: f"shipped-{kind}.svg" for kind in draws if measured.get(kind)}
    for kind, name in names.items():
        _save(draws[kind], measured, f"The shipped bundle, {measured['images']} test lesions", folder / name)
    return names


def overlays_svg(overlays: list[dict], width: int = 400, height: int = 300, columns: int = 2) -> str:
    """Phantoms with their first regions, numbered and colored by kind, parts dashed, and a legend below each."""
    # the caption above, a line for each kind of region below
    kinds = max(len({r["kind"] for r in overlay["regions"]}) for overlay in overlays)
    row_height = height + 40 + 15 * kinds
    sheet = (columns * (width + 10), -(-len(overlays) // columns) * row_height)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {sheet[0]} {sheet[1]}" width="{sheet[0]}" '
        f'height="{sheet[1]}" font-family="sans-serif" role="img" aria-label="Regions on synthetic phantoms">'
        f'<rect width="100%" height="100%" fill="{PAPER}"/>'
    ]
    for i, overlay in enumerate(overlays):
        phantom = make_phantom(overlay["seed"], overlay["drawn"], (height, width))
        half = cv2.resize(phantom.image, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        caption = f"Phantom drawn as {BY_CODE[overlay['drawn']].name}"
        parts.append(
            f'<g transform="translate({i % columns * (width + 10)} {i // columns * row_height})">'
            f'<text x="2" y="20" font-size="15" fill="{INK}">{escape(caption)}</text><g transform="translate(0 28)">'
            f'<image width="{width}" height="{height}" '
            f'href="{data_uri(encode_jpeg(half, 70), "jpeg")}"/>'
        )
        labels, named = [], {}
        for number, region in enumerate(overlay["regions"], 1):
            x1, y1, x2, y2 = region["box"]
            color = kind_color(region["kind"])
            dash = ' stroke-dasharray="6 4"' if region["kind"] in PARTS else ""
            parts.append(
                f'<rect x="{x1}" y="{y1}" width="{x2 - x1}" height="{y2 - y1}" fill="none" stroke="{color}" '
                f'stroke-width="2"{dash}/>'
            )
            labels.append(
                f'<text x="{min(x1 + 3, width - 10)}" y="{min(y1 + 13, height - 4)}" font-size="13" fill="{color}" '
                f'stroke="{HALO}" stroke-width="3" paint-order="stroke">{number}</text>'
            )
            named.setdefault(region_name(region["kind"]), []).append(str(number))
        captions = [f"{', '.join(numbers)} {name}" for name, numbers in named.items()]
        labels += [
            f'<text x="2" y="{height + 15 * line}" font-size="12" fill="{INK}">{escape(text)}</text>'
            for line, text in enumerate(captions, 1)
        ]
        parts += [*labels, "</g></g>"]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _save(draw: Callable[[Figure, dict], None], metrics: dict, title: str, path: Path) -> None:
    figure = Figure(figsize=(9 if draw is _groups else 5.2, 4.2), facecolor=PAPER, layout="constrained")
    draw(figure, metrics)
    figure.suptitle(title, fontsize=9, color=INK)
    with matplotlib.rc_context({"svg.hashsalt": "mat", "svg.fonttype": "none"}):
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})


def _roc(figure: Figure, row: dict) -> None:
    axes = figure.add_subplot()
    for color, (code, curve) in zip(COLORS, row["roc"].items(), strict=False):
        axes.plot(
            curve["fpr"], curve["tpr"], color=color, linewidth=1.3, label=f"{BY_CODE[code].name} {curve['area']:.3f}"
        )
    mean = np.mean([curve["tpr"] for curve in row["roc"].values()], 0)
    at = next(iter(row["roc"].values()))["fpr"]
    axes.plot(at, mean, color=INK, linewidth=2.2, linestyle="--", label=f"macro average {row['auc']['value']:.3f}")
    axes.plot([0, 1], [0, 1], color="#b0b8bf", linewidth=0.8)
    _label(axes, "1 - specificity", "sensitivity", "ROC of each class against the others, with its area")
    axes.legend(fontsize=7, frameon=False, loc="lower right")


def _melanoma(figure: Figure, measured: dict) -> None:
    """ROC of melanoma with the point of 90 % specificity."""
    axes = figure.add_subplot()
    curve = measured["roc"]["mel"]
    false = 1 - np.array(curve["specificity"])
    order = np.argsort(false, kind="stable")
    sensitivity = np.maximum.accumulate(np.array(curve["sensitivity"])[order])
    axes.plot(false[order], sensitivity, color=COLORS[0], linewidth=1.6)
    axes.plot([0, 1], [0, 1], color="#b0b8bf", linewidth=0.8)
    at = measured["melanoma_sensitivity_at_90_specificity"]
    axes.plot(0.1, at, "o", color=COLORS[1])
    axes.annotate(f"{at:.3f}", (0.1, at), xytext=(8, -10), textcoords="offset points", fontsize=8, color=INK)
    _label(axes, "1 - specificity", "sensitivity", "Melanoma against all others; the point is 90 % specificity")


def _confusion(figure: Figure, row: dict) -> None:
    axes = figure.add_subplot()
    table = np.array(row["confusion"])
    shares = table / table.sum(1, keepdims=True).clip(1)
    axes.pcolormesh(shares, cmap=COLORMAP, vmin=0, vmax=1, edgecolors=PAPER)
    for i, j in np.ndindex(table.shape):
        ink = "white" if shares[i, j] < 0.5 else "black"
        axes.text(j + 0.5, i + 0.5, str(table[i, j]), ha="center", va="center", fontsize=8, color=ink)
    axes.set_xticks(np.arange(len(CODES)) + 0.5, CODES)
    axes.set_yticks(np.arange(len(CODES)) + 0.5, CODES)
    axes.invert_yaxis()
    _label(axes, "answered", "confirmed", "Confusion: counts, coloured by share of the row")


def _reliability(figure: Figure, row: dict) -> None:
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="#b0b8bf", linewidth=0.8)
    errors = {"after": row["expected_calibration_error"]}
    if "before_scaling" in row:
        errors["before"] = row["before_scaling"]["expected_calibration_error"]
    styles = {"before": (COLORS[0], "o--"), "after": (COLORS[1], "s-")}
    for when, bins in row["reliability"].items():
        error, (color, style) = errors[when], styles[when]
        points = np.array([(b["confidence"], b["accuracy"]) for b in bins])
        axes.scatter(*points.T, [200 * b["cases"] / sum(b["cases"] for b in bins) for b in bins], color, alpha=0.4)
        axes.plot(*points.T, style, color=color, markersize=2, linewidth=1.2, label=f"{when} scaling, ECE {error:.3f}")
        if when == "after":
            for b in bins:
                axes.plot([b["confidence"]] * 2, b["interval95"], color=color, linewidth=0.8, alpha=0.7)
    title = "Reliability, 15 bins; discs: how many cases; bars: 95 %"
    _label(axes, "probability of the top class", "share of right answers", title)
    axes.legend(fontsize=8, frameon=False, loc="upper left")


def _loss(figure: Figure, row: dict) -> None:
    axes = figure.add_subplot()
    epochs = [e["epoch"] for e in row["history"]]
    for name, title, color in (("loss", "training", COLORS[0]), ("val_loss", "validation", COLORS[1])):
        values = [e.get(name) for e in row["history"]]
        if values and None not in values:
            axes.plot(epochs, values, "o-", color=color, markersize=3, label=title)
    axes.axvline(row["epoch"], color="#b0b8bf", linewidth=0.8, label=f"checkpoint: epoch {row['epoch']}")
    _label(axes, "epoch", "cross entropy", "Loss (training with label smoothing and dropout, validation without)")
    axes.legend(fontsize=8, frameon=False)


def _groups(figure: Figure, row: dict) -> None:
    panels = figure.subplots(1, len(row["groups"]), sharex=True)
    for axes, (kind, groups) in zip(panels, row["groups"].items(), strict=True):
        for i, group in enumerate(groups.values()):
            axes.plot(group["interval95"], [i, i], color=COLORS[0], linewidth=1.5)
            axes.plot(group["value"], i, "o", color=COLORS[0], markersize=4)
        axes.set_yticks(range(len(groups)), [f"{name} ({group['cases']})" for name, group in groups.items()])
        axes.set_xlim(0, 1)
        axes.invert_yaxis()
        _label(axes, "accuracy, 95 % interval", "", kind)


def _label(axes: Axes, across: str, upright: str, title: str) -> None:
    axes.set_xlabel(across, fontsize=8)
    axes.set_ylabel(upright, fontsize=8)
    axes.set_title(title, fontsize=8, loc="left")
    axes.tick_params(labelsize=7)
    axes.spines[["top", "right"]].set_visible(False)
