"""Matplotlib figures from a Diagnosis, for slides and papers, and the arithmetic of what a heatmap shows.

    plate(diagnosis, image).savefig("case.pdf")      # image with regions, probabilities, both guided maps
    heatmap(diagnosis, "regions_to_regions", head=3).savefig("map.svg")      # one map, as the explorer shows it

No global state of matplotlib is touched (no pyplot), so figures can be drawn in any thread.
"""

import io

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from .colours import kind_colour
from .diagnoser import Diagnosis
from .errors import ConfigError
from .labels import BY_CODE, DISCLAIMER
from .regions import Regions
from .showing.picture import Picture
from .units import BY_NAME
from .wording import percent, share

NATURE_COLOURS = {"benign": "#5b7f95", "premalignant": "#b07600", "malignant": "#c2410c"}
INK, PAPER, HALO = "#17242f", "#ffffff", "#10161b"
COLOURMAP = "cividis"  # even in lightness, and the same to colour-blind eyes
NUMBERED_COLUMNS = 20  # with more the numbers would run into each other
ORDERS = ("attention", "detector")
LABELLED_REGIONS = 8  # with more boxes a label would hide the next one: they keep their number


def shown_regions(diagnosis: Diagnosis, k: int, order: str = "detector") -> np.ndarray:
    """Indices of the k regions to show, (k,), first of them first.

    order: 'attention', the most attended first (the detector's order breaks ties and stands in for a unit without
    attention), or 'detector'. A region keeps its number, which is its place in the detector's order.
    """
    if order not in ORDERS:
        raise ConfigError(f"order must be one of {', '.join(ORDERS)}; got {order!r}.")
    attended = diagnosis.attended if order == "attention" else None
    places = np.arange(len(diagnosis.regions)) if attended is None else np.argsort(-attended, kind="stable")
    return places[:k]


def guided_map(
    diagnosis: Diagnosis, direction: str, head: int | None = None, layer: int | None = None
) -> np.ndarray | None:
    """Weights of one direction, (queries, keys), each row sums to 1 over the keys.

    direction: a name of `units.MAPS`; head: from 0, or None for the average over heads; layer: from 0, or None for the
    last. None when the unit has no such block or there are no words. Raises ConfigError for a head or a layer that is
    not there.
    """
    weights = getattr(diagnosis.attention, direction)
    if weights is None or 0 in weights.shape:
        return None
    layer = len(weights) - 1 if layer is None else layer
    if not 0 <= layer < len(weights):
        raise ConfigError(f"layer must be from 0 to {len(weights) - 1}; got {layer}.")
    chosen = weights[layer]  # (heads, queries, keys)
    if head is None:
        return chosen.mean(0)
    if not 0 <= head < len(chosen):
        raise ConfigError(f"head must be from 0 to {len(chosen) - 1}; got {head}.")
    return chosen[head]


def by_region(
    diagnosis: Diagnosis, direction: str, head: int | None = None, layer: int | None = None
) -> np.ndarray | None:
    """The same weights as (regions, words) whichever side looks, so that both directions are read alike."""
    weights = guided_map(diagnosis, direction, head, layer)
    return weights.T if weights is not None and direction == "words_to_regions" else weights


def cell_colours(values: np.ndarray, top: float) -> tuple[np.ndarray, np.ndarray]:
    """Background and text colour of heatmap cells, arrays of '#rrggbb' in the shape of `values`.

    values: from 0 on; `top` is the one with the brightest colour.
    The text is black or white, whichever has the higher contrast (WCAG) on that background: at least 4.5 : 1.
    """
    rgb = colormaps[COLOURMAP](np.clip(np.asarray(values) / max(top, 1e-12), 0, 1))[..., :3]
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    luminance = linear @ np.array([0.2126, 0.7152, 0.0722])
    backgrounds = np.empty(rgb.shape[:-1], dtype=object)
    for where in np.ndindex(backgrounds.shape):
        backgrounds[where] = to_hex(rgb[where])  # type: ignore[arg-type]  # not a tuple: matplotlib would keep each
    return backgrounds, np.where(luminance > 0.179, "#000000", "#ffffff")


def region_texts(regions: Regions, indices: np.ndarray) -> list[str]:
    """What is written on each of these boxes: number and label, or with many boxes the number alone."""
    if len(indices) > LABELLED_REGIONS:
        return [str(i + 1) for i in indices]
    return [f"{i + 1} {regions.names[i]}" for i in indices]


def label_spots(boxes: np.ndarray, widths: np.ndarray, height: float, frame: tuple[float, float]) -> np.ndarray:
    """Where labels go so that they are read: inside the frame, at a corner of their box, off each other if possible.

    boxes: (r, 4) x1 y1 x2 y2; widths: (r,) of the labels, all `height` high; frame: width and height of the picture;
    all in one unit. Returns the top left corners of the labels, (r, 2). The first boxes choose first.
    """
    spots: list[tuple[float, float]] = []
    limits = np.array(frame)
    for (x1, y1, x2, y2), width in zip(boxes, widths, strict=True):
        room = np.maximum(limits - (width, height), 0)
        left, right, above, below = x1, x2 - width, y1 - height, y2 - height
        corners = [(left, above), (left, y1), (right, above), (right, y1), (left, y2), (left, below), (right, y2)]
        corners += [(right, below), (x2, y1), (x1 - width, y1)]
        corners += [(x1, y1 + step * height) for step in range(1, 12)]
        tries = [tuple(np.clip(corner, 0, room)) for corner in corners]
        hidden = [
            sum(
                max(0.0, min(x + width, u + w) - max(x, u)) * max(0.0, height - abs(y - v))
                for (u, v), w in zip(spots, widths, strict=False)
            )
            for x, y in tries
        ]
        spots.append(tries[int(np.argmin(hidden))])
    return np.array(spots, dtype=float).reshape(-1, 2)


def draw_regions(axes: Axes, diagnosis: Diagnosis, image: np.ndarray, k: int = 5, order: str = "detector") -> None:
    """The image with k boxes, each with its number. image: (h, w, 3) uint8 RGB, of any size of the same shape; order:
    as in `shown_regions`.
    """
    which = "most attended" if order == "attention" and diagnosis.attended is not None else "first"
    draw_boxes(axes, diagnosis.regions, shown_regions(diagnosis, k, order), image, which)


def draw_boxes(axes: Axes, found: Regions, indices: np.ndarray, image: np.ndarray, which: str = "first") -> None:
    """The same for some of the regions, by their places; which: what these are called."""
    height, width = found.size
    axes.imshow(image, extent=(0, width, height, 0), interpolation="lanczos")
    regions = found.subset(indices)
    texts = region_texts(found, indices)
    line = height / 24  # what a label takes, in pixels of the image, where the image is 9 cm high
    spots = label_spots(regions.boxes, np.array([0.6 * line * len(text) for text in texts]), line, (width, height))
    for (x1, y1, x2, y2), (x, y), text, kind in zip(regions.boxes, spots, texts, regions.names, strict=True):
        colour = kind_colour(kind)
        for thick, stroke in ((3.5, HALO), (1.6, colour)):
            axes.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, edgecolor=stroke, linewidth=thick))
        axes.text(
            x, y, text, fontsize=7, fontweight="bold", color=colour, va="top", ha="left", clip_on=True,
            path_effects=[withStroke(linewidth=2.5, foreground=HALO)],
        )  # fmt: skip
    axes.set(xlim=(0, width), ylim=(height, 0), xticks=[], yticks=[])
    axes.set_title(f"The {len(regions)} {which} of {len(found)} regions", fontsize=9, loc="left")


def draw_bars(axes: Axes, diagnosis: Diagnosis, height: float, size: float) -> list[tuple[str, float]]:
    """The bars alone with their names, coloured by malignancy; returns (code, probability) of each row, lowest first.

    height: of a bar, in rows; size: of the names, in points.
    """
    ranked = sorted(diagnosis.probabilities.items(), key=lambda item: item[1])
    names = []
    for row, (code, probability) in enumerate(ranked):
        info = BY_CODE[code]
        names.append(info.name if info.nature == "benign" else f"{info.name}\n({info.nature})")
        axes.barh(row, probability, color=NATURE_COLOURS[info.nature], height=height)
    axes.set_yticks(range(len(ranked)), names, fontsize=size)
    return ranked


def draw_probabilities(axes: Axes, diagnosis: Diagnosis) -> None:
    """One bar a class, the most probable on top; malignant and premalignant ones are marked in words too."""
    ranked = draw_bars(axes, diagnosis, 0.62, 8)
    for row, (_, probability) in enumerate(ranked):
        axes.text(probability + 0.015, row, share(probability), va="center", fontsize=8)
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
    """A map of k regions (down) and the words read (across), in percent; self-attention has one side on both.

    direction: a name of `units.MAPS`; head, layer: as in `guided_map`; order: as in `shown_regions`. Says so in words
    where there is nothing to draw.
    """
    who, whom = BY_NAME[direction].queries, BY_NAME[direction].keys
    weights = by_region(diagnosis, direction, head, layer)
    which = "average of the heads" if head is None else f"head {head + 1}"
    axes.set_title(f"{who.capitalize()} look at {whom}: {which}, %", fontsize=9, loc="left")
    if weights is None:
        axes.set_axis_off()
        why = "no words were read" if not diagnosis.words else "this unit has no such block"
        axes.text(0, 0.9, why.capitalize() + ".", fontsize=8, transform=axes.transAxes)
        return
    down, across = ("regions", "words") if who != whom else (who, whom)
    indices = {"regions": shown_regions(diagnosis, k, order), "words": np.arange(len(diagnosis.words))}
    names = {
        "regions": [f"{i + 1} {diagnosis.regions.names[i]}" for i in indices["regions"]],
        "words": [word.text for word in diagnosis.words],
    }
    shown = weights[np.ix_(indices[down], indices[across])]
    top = float(shown.max())
    _, inks = cell_colours(shown, top)
    axes.pcolormesh(shown, cmap=COLOURMAP, vmin=0, vmax=top, edgecolors=PAPER, linewidth=0.8)
    if shown.shape[1] <= NUMBERED_COLUMNS:
        for row, column in np.ndindex(shown.shape):
            text = percent(float(shown[row, column]))
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
) -> Picture:
    """One map as a figure of its own, with its scale, for a page or a slide; arguments as in `draw_attention`."""
    rows = len(diagnosis.words) if direction == "words_to_words" else min(k, len(diagnosis.regions))
    columns = min(k, len(diagnosis.regions)) if direction == "regions_to_regions" else len(diagnosis.words)
    figure = Picture(figsize=(3 + 0.32 * columns, 1.5 + 0.22 * rows), facecolor=PAPER, layout="constrained")
    axes = figure.add_subplot()
    draw_attention(axes, diagnosis, direction, k, head, layer)
    who, whom = BY_NAME[direction].queries, BY_NAME[direction].keys
    if axes.collections:
        looking, looked_at = f"{who}, which look", f"{whom}, looked at"
        across, down = (looking, looked_at) if direction == "words_to_regions" else (looked_at, looking)
        axes.set_xlabel(across, fontsize=8)
        axes.set_ylabel(down, fontsize=8)
    for mesh in axes.collections:
        bar = figure.colorbar(mesh, ax=axes, format=lambda value, _: percent(value))
        bar.outline.set_visible(False)
        assert bar.solids is not None  # of a mesh there are
        bar.solids.set(rasterized=False, edgecolor="face")  # else a picture among the vectors
        bar.ax.tick_params(labelsize=7, length=0)
    figure.supxlabel(DISCLAIMER, fontsize=6, x=0.01, ha="left", color=INK)
    return figure


def plate(
    diagnosis: Diagnosis,
    image: np.ndarray,
    k: int = 5,
    head: int | None = None,
    note: str = "",
    order: str = "detector",
) -> Picture:
    """One page of a diagnosis: image with regions, probabilities, both guided maps, and what this is.

    image: the one that was diagnosed, (h, w, 3) uint8 RGB, of any size of the same shape; note: where it is from;
    order: of the k regions, as in `shown_regions`.
    """
    rows = min(k, len(diagnosis.regions))
    figure = Picture(figsize=(9.6, 4.2 + 1.4 + 0.22 * rows), facecolor=PAPER, layout="constrained")
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


def regions_plate(regions: Regions, image: np.ndarray, k: int = 5) -> Picture:
    """The image with its first k regions; arguments as in `draw_boxes`."""
    height, width = regions.size
    side = 7.2 / max(height, width)
    figure = Picture(figsize=(side * width, side * height + 0.5), facecolor=PAPER, layout="constrained")
    draw_boxes(figure.add_subplot(), regions, np.arange(min(k, len(regions))), image)
    figure.supxlabel(DISCLAIMER, fontsize=6, x=0.01, ha="left", color=INK)
    return figure


def to_png(figure: Figure, dpi: int = 160) -> bytes:
    """The bytes of a PNG file; 160 dots an inch are sharp on a slide."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi)
    return buffer.getvalue()
