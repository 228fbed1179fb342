"""Matplotlib figures of a Diagnosis and its regions, for slides and papers. Thread-safe: pyplot is not used.

plot_diagnosis(diagnosis, image).savefig("case.pdf")  # image with regions, probabilities, both guided maps
plot_regions(diagnosis.regions, image)  # the image with its first regions
heatmap(diagnosis, "regions_to_regions", head=3).savefig("map.svg")  # one attention map
"""

import io

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from .data.labels import BY_CODE, DISCLAIMER
from .display.colors import HALO, INK, NATURE_COLORS, PAPER, kind_color
from .display.layout import COLORMAP, cell_colors, place_labels
from .display.notebook_figure import NotebookFigure
from .inference.diagnosis import Diagnosis, regions_by_words, top_regions
from .models.detection.regions import Regions
from .models.transformer import MAP_BY_NAME
from .utils.formatting import format_cell_percent, format_percent

NUMBERED_COLUMNS = 20  # with more columns cells have no numbers
LABELLED_REGIONS = 8  # with more boxes labels are numbers only


def region_texts(regions: Regions, indices: np.ndarray) -> list[str]:
    """Labels of the boxes: number and kind, or only the number if there are many."""
    if len(indices) > LABELLED_REGIONS:
        return [str(i + 1) for i in indices]
    return [f"{i + 1} {regions.names[i]}" for i in indices]


def draw_regions(axes: Axes, diagnosis: Diagnosis, image: np.ndarray, k: int = 5, order: str = "detector") -> None:
    """Draw the image with k boxes. image: (h, w, 3) uint8 RGB, at any scale; order: see `top_regions`."""
    which = "most attended" if order == "attention" and diagnosis.region_attention is not None else "first"
    draw_boxes(axes, diagnosis.regions, top_regions(diagnosis, k, order), image, which)


def draw_boxes(axes: Axes, regions: Regions, indices: np.ndarray, image: np.ndarray, which: str = "first") -> None:
    """Draw the image with the boxes of `indices`; which: how the title calls them."""
    height, width = regions.size
    axes.imshow(image, extent=(0, width, height, 0), interpolation="lanczos")
    selected = regions.select(indices)
    texts = region_texts(regions, indices)
    line = height / 24  # of a label, in pixels, for an image 9 cm high
    spots = place_labels(selected.boxes, np.array([0.6 * line * len(text) for text in texts]), line, (width, height))
    for (x1, y1, x2, y2), (x, y), text, kind in zip(selected.boxes, spots, texts, selected.names, strict=True):
        color = kind_color(kind)
        for thick, stroke in ((3.5, HALO), (1.6, color)):
            axes.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, edgecolor=stroke, linewidth=thick))
        axes.text(
            x, y, text, fontsize=7, fontweight="bold", color=color, va="top", ha="left", clip_on=True,
            path_effects=[withStroke(linewidth=2.5, foreground=HALO)],
        )  # fmt: skip
    axes.set(xlim=(0, width), ylim=(height, 0), xticks=[], yticks=[])
    axes.set_title(f"The {len(selected)} {which} of {len(regions)} regions", fontsize=9, loc="left")


def draw_bars(axes: Axes, diagnosis: Diagnosis, height: float, size: float) -> list[tuple[str, float]]:
    """Draw bars colored by malignancy; returns (code, probability) of each row, lowest first.

    height: of a bar, in rows; size: of the names, in points.
    """
    ranked = sorted(diagnosis.probabilities.items(), key=lambda item: item[1])
    names = []
    for row, (code, probability) in enumerate(ranked):
        info = BY_CODE[code]
        names.append(info.name if info.nature == "benign" else f"{info.name}\n({info.nature})")
        axes.barh(row, probability, color=NATURE_COLORS[info.nature], height=height)
    axes.set_yticks(range(len(ranked)), names, fontsize=size)
    return ranked


def draw_probabilities(axes: Axes, diagnosis: Diagnosis) -> None:
    """Draw one bar per class with its percentage, the most probable on top."""
    ranked = draw_bars(axes, diagnosis, 0.62, 8)
    for row, (_, probability) in enumerate(ranked):
        axes.text(probability + 0.015, row, format_percent(probability), va="center", fontsize=8)
    axes.set(xlim=(0, 1.16), xticks=[])
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.tick_params(length=0)
    axes.set_title("Probability of each class", fontsize=9, loc="left")


def draw_attention(
    axes: Axes,
    diagnosis: Diagnosis,
    direction: str,
    k: int = 5,
    head: int | None = None,
    layer: int | None = None,
    order: str = "detector",
) -> None:
    """Draw one attention map of k regions (rows) and words (columns), in percent, or a note if there is none.

    direction: of `transformer.ATTENTION_MAPS`; head, layer: see `guided_map`; order: see `top_regions`.
    """
    queries, keys = MAP_BY_NAME[direction].queries, MAP_BY_NAME[direction].keys
    weights = regions_by_words(diagnosis, direction, head, layer)
    which = "average of the heads" if head is None else f"head {head + 1}"
    axes.set_title(f"{queries.capitalize()} look at {keys}: {which}, %", fontsize=9, loc="left")
    if weights is None:
        axes.set_axis_off()
        why = "no words were read" if not diagnosis.words else "this unit has no such block"
        axes.text(0, 0.9, why.capitalize() + ".", fontsize=8, transform=axes.transAxes)
        return
    down, across = ("regions", "words") if queries != keys else (queries, keys)
    indices = {"regions": top_regions(diagnosis, k, order), "words": np.arange(len(diagnosis.words))}
    names = {
        "regions": [f"{i + 1} {diagnosis.regions.names[i]}" for i in indices["regions"]],
        "words": [word.text for word in diagnosis.words],
    }
    shown = weights[np.ix_(indices[down], indices[across])]
    top = float(shown.max())
    _, inks = cell_colors(shown, top)
    axes.pcolormesh(shown, cmap=COLORMAP, vmin=0, vmax=top, edgecolors=PAPER, linewidth=0.8)
    if shown.shape[1] <= NUMBERED_COLUMNS:
        for row, column in np.ndindex(shown.shape):
            text = format_cell_percent(float(shown[row, column]))
            axes.text(column + 0.5, row + 0.5, text, ha="center", va="center", fontsize=7, color=inks[row, column])
    heads = names[across] if across == "words" else [name.split()[0] for name in names[across]]
    axes.set_yticks(np.arange(len(shown)) + 0.5, names[down], fontsize=7)
    axes.set_xticks(np.arange(len(heads)) + 0.5, heads, fontsize=7, rotation=40 if across == "words" else 0)
    for label in axes.get_xticklabels():
        label.set_horizontalalignment("right" if across == "words" else "center")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.invert_yaxis()


def heatmap(
    diagnosis: Diagnosis, direction: str, k: int = 12, head: int | None = None, layer: int | None = None
) -> NotebookFigure:
    """A figure of one map with a color bar; arguments as in `draw_attention`."""
    rows = len(diagnosis.words) if direction == "words_to_words" else min(k, len(diagnosis.regions))
    columns = min(k, len(diagnosis.regions)) if direction == "regions_to_regions" else len(diagnosis.words)
    figure = NotebookFigure(figsize=(3 + 0.32 * columns, 1.5 + 0.22 * rows), facecolor=PAPER, layout="constrained")
    axes = figure.add_subplot()
    draw_attention(axes, diagnosis, direction, k, head, layer)
    queries, keys = MAP_BY_NAME[direction].queries, MAP_BY_NAME[direction].keys
    if axes.collections:
        looking, looked_at = f"{queries}, which look", f"{keys}, looked at"
        across, down = (looking, looked_at) if direction == "words_to_regions" else (looked_at, looking)
        axes.set_xlabel(across, fontsize=8)
        axes.set_ylabel(down, fontsize=8)
    for mesh in axes.collections:
        bar = figure.colorbar(mesh, ax=axes, format=lambda value, _: format_cell_percent(value))
        bar.outline.set_visible(False)
        assert bar.solids is not None  # of a mesh there are
        bar.solids.set(rasterized=False, edgecolor="face")  # else a picture among the vectors
        bar.ax.tick_params(labelsize=7, length=0)
    figure.supxlabel(DISCLAIMER, fontsize=6, x=0.01, ha="left", color=INK)
    return figure


def plot_diagnosis(
    diagnosis: Diagnosis,
    image: np.ndarray,
    k: int = 5,
    head: int | None = None,
    note: str = "",
    order: str = "detector",
) -> NotebookFigure:
    """A figure with image and regions, probabilities and both guided maps.

    image: (h, w, 3) uint8 RGB, at any scale; note: its source; order: of the k regions, see `top_regions`.
    """
    rows = min(k, len(diagnosis.regions))
    figure = NotebookFigure(figsize=(9.6, 4.2 + 1.4 + 0.22 * rows), facecolor=PAPER, layout="constrained")
    grid = figure.add_gridspec(2, 2, height_ratios=(3.6, 1.4 + 0.22 * rows))
    with_text = {"color": INK}
    draw_regions(figure.add_subplot(grid[0, 0]), diagnosis, image, k, order)
    draw_probabilities(figure.add_subplot(grid[0, 1]), diagnosis)
    draw_attention(figure.add_subplot(grid[1, 0]), diagnosis, "words_to_regions", k, head, order=order)
    draw_attention(figure.add_subplot(grid[1, 1]), diagnosis, "regions_to_words", k, head, order=order)
    words = " ".join(word.text for word in diagnosis.words) or "none"
    figure.suptitle(f"Words read: {words}", fontsize=9, x=0.01, ha="left", **with_text)
    figure.supxlabel(" ".join(filter(None, (note, DISCLAIMER))), fontsize=7, x=0.01, ha="left", **with_text)
    return figure


def plot_regions(regions: Regions, image: np.ndarray, k: int = 5) -> NotebookFigure:
    """A figure of the image with its first k regions; arguments as in `draw_boxes`."""
    height, width = regions.size
    side = 7.2 / max(height, width)
    figure = NotebookFigure(figsize=(side * width, side * height + 0.5), facecolor=PAPER, layout="constrained")
    draw_boxes(figure.add_subplot(), regions, np.arange(min(k, len(regions))), image)
    figure.supxlabel(DISCLAIMER, fontsize=6, x=0.01, ha="left", color=INK)
    return figure


def to_png(figure: Figure, dpi: int = 160) -> bytes:
    """PNG bytes of a figure."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi)
    return buffer.getvalue()
