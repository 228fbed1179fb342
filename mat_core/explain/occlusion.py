"""Occlusion: hide a part of the image, detect again, diagnose again (Zeiler and Fergus 2014).

Removing a region from the list (`ablation`) removes little information: other regions' features contain it too. Hiding
its pixels removes it from the detector as well. For what fills the part see `occlusion_fill`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..data.labels import class_name
from ..data.metadata import Metadata
from ..display.base import NotebookResult
from ..display.panels import Grid, Panel, ResultView, class_index, top_bars
from ..errors import ConfigError
from ..inference.diagnoser import Diagnoser
from ..utils.formatting import format_percent
from ..utils.validation import short_repr
from .batched_forward import kind_groups, label_index
from .occlusion_fill import FILLS
from .occlusion_image import OcclusionImage, Progress

PARTS = ("grid", "regions", "kinds")
GRID = (6, 8)  # rows and columns of a landscape; a portrait has them the other way round
KIND_NAMES = {
    "lesion": "the whole lesion",
    "border": "all borders",
    "patch": "all patches",
    "skin": "all skin around",
    "image": "the whole image",
}
QUARTERS = ("upper left", "upper right", "lower left", "lower right")


@dataclass(frozen=True)
class Occlusion(NotebookResult):
    """Probabilities with each part hidden.

    fill: one of `FILLS`. kind: one of `PARTS`, or 'painted'. names: (parts,), for messages. boxes: (parts, 4) float32,
    bounding boxes, xyxy in pixels of the original image. areas: (parts,), hidden share of the image. probabilities:
    (classes,), of the unchanged image. hidden: (parts, classes), one part hidden. cells: (rows, columns), index of the
    part in each cell of the grid; None for other parts.
    """

    labels: tuple[str, ...]
    fill: str
    kind: str
    names: tuple[str, ...]
    boxes: np.ndarray
    areas: np.ndarray
    probabilities: np.ndarray
    hidden: np.ndarray
    cells: np.ndarray | None = None

    def effect(self, label: str) -> np.ndarray:
        """Change of the probability of `label` by each part, (parts,), -1 to 1; positive: the part supports it."""
        k = self.labels.index(label)
        return self.probabilities[k] - self.hidden[:, k]

    def map(self, label: str) -> np.ndarray:
        """`effect` of each cell of the grid, (rows, columns). Raises ConfigError for other parts.

        After `refine_grid`, an unsplit tile fills several cells. Effects of tiles do not add up.
        """
        if self.cells is None:
            raise ConfigError(f"Only a grid has a map; these parts are {self.kind}.")
        return self.effect(label)[self.cells]

    def summary(self, label: str) -> str:
        """The effect of the most important part on `label`."""
        if not len(self.hidden):
            return "There is no part to hide."
        k, effect = self.labels.index(label), self.effect(label)
        first = int(np.abs(effect).argmax())
        points = round(100 * abs(float(effect[first])))
        part = "this" if self.kind == "painted" and len(self.hidden) == 1 else self.names[first]
        more = ", which matters most," if len(self.hidden) > 1 else ""
        before, after = format_percent(self.probabilities[k]), format_percent(self.hidden[first, k])
        if not points:
            return f"Hiding {part}{more} leaves {class_name(label)} as it is, at {before}."
        return (
            f"Hiding {part}{more} {'lowers' if effect[first] > 0 else 'raises'} {class_name(label)} by {points} "
            f"point{'s' if points > 1 else ''}, from {before} to {after}."
        )

    def view(self, label: str | None = None) -> ResultView:
        """Grid or bars of the effects on the class."""
        label = self.labels[class_index(self.labels, self.probabilities, label)]
        what = f"what it adds to {class_name(label)}"
        panel: Panel
        if self.cells is not None:
            rows, columns = (tuple(str(i + 1) for i in range(n)) for n in self.cells.shape)
            panel = Grid(f"Each tile: {what}, points", rows, columns, self.map(label), kind="points")
        else:
            panel = top_bars(f"Each part: {what}", self.names, self.effect(label), kind="points")
        return ResultView("Occlusion", self.summary(label), (panel,) if len(self.hidden) else ())


def occlude(
    diagnoser: Diagnoser,
    image: np.ndarray,
    metadata: Metadata | None = None,
    parts: str | tuple[int, int] | np.ndarray = "grid",
    fill: str = "skin",
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Occlusion:
    """Hide each part of an array of `load_image`, detect again, diagnose again.

    parts: 'grid', 6 x 8 tiles; (rows, columns), another grid; 'regions', each region's box; 'kinds', the union of the
    boxes of each kind; or masks, (height, width) or (parts, height, width) bool in pixels of `image`. fill: one of
    `FILLS`, with a soft edge. An empty mask changes nothing. progress: called with (done, all) after each batch.
    cancelled: checked between batches; if true, CancelledError is raised.

    Raises ConfigError for other parts or fills.
    """
    if fill not in FILLS:
        raise ConfigError(f"The fill must be one of {', '.join(FILLS)}; got {short_repr(fill)}.")
    scene = OcclusionImage(diagnoser, image, metadata, fill)
    kind, cells = "painted", None
    if isinstance(parts, np.ndarray):
        masks = [scene.scaled_mask(mask) for mask in _stack(parts, image.shape[:2])]
        names = tuple(f"part {i + 1}" for i in range(len(masks)))
    elif parts == "regions":
        kind, masks = parts, [scene.box_mask([box]) for box in scene.regions.boxes]
        names = tuple(f"region {i + 1}" for i in range(len(masks)))
    elif parts == "kinds":
        groups = kind_groups(scene.regions)
        kind, masks = parts, [scene.box_mask(scene.regions.boxes[members]) for members in groups.values()]
        names = tuple(KIND_NAMES.get(name, f"all boxes of {name}") for name in groups)
    else:
        rows, columns = _grid(parts, image.shape[:2])
        kind, cells = "grid", np.arange(rows * columns).reshape(rows, columns)
        masks = [scene.tile_mask(cells, i) for i in range(cells.size)]
        names = tuple(f"the tile in row {r + 1}, column {c + 1}" for r in range(rows) for c in range(columns))
    hidden = scene.predict(masks, progress, cancelled)
    return Occlusion(
        diagnoser.bundle.labels,
        fill,
        kind,
        names,
        scene.bounding_boxes(masks),
        _areas(masks),
        scene.probabilities,
        hidden,
        cells,
    )


def refine_grid(
    diagnoser: Diagnoser,
    image: np.ndarray,
    occlusion: Occlusion,
    label: str,
    metadata: Metadata | None = None,
    most: int = 6,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Occlusion:
    """Split the `most` tiles of a grid with the largest effect on `label` into four each.

    image, metadata: those of `occlusion`. Tiles of a few pixels are not split. Raises ConfigError for other parts.
    """
    label_index(diagnoser, label)
    if occlusion.cells is None:
        raise ConfigError(f"Only a grid can be refined; these parts are {occlusion.kind}.")
    scene = OcclusionImage(diagnoser, image, metadata, occlusion.fill)
    cells = occlusion.cells.repeat(2, 0).repeat(2, 1)
    split = [
        i
        for i in np.argsort(-np.abs(occlusion.effect(label)), kind="stable")[:most]
        if scene.can_split(occlusion.cells, i)
    ]
    names, count = list(occlusion.names), len(occlusion.names)
    for i in split:
        rows, columns = (np.unique(axis) for axis in np.nonzero(cells == i))
        for quarter, (r, c) in enumerate((r, c) for r in np.split(rows, 2) for c in np.split(columns, 2)):
            cells[np.ix_(r, c)] = len(names)
            names.append(f"{occlusion.names[i]}, {QUARTERS[quarter]}")
    masks = [scene.tile_mask(cells, i) for i in range(count, len(names))]
    hidden = scene.predict(masks, progress, cancelled)
    parts, cells = np.unique(cells, return_inverse=True)  # what was split is no part any more
    return replace(
        occlusion,
        names=tuple(names[i] for i in parts),
        boxes=np.concatenate([occlusion.boxes, scene.bounding_boxes(masks)])[parts],
        areas=np.concatenate([occlusion.areas, _areas(masks)])[parts],
        hidden=np.concatenate([occlusion.hidden, hidden])[parts],
        cells=cells.reshape(2 * occlusion.cells.shape[0], -1),
    )


def _stack(masks: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    if masks.dtype != bool or masks.shape[-2:] != size or masks.ndim not in (2, 3):
        raise ConfigError(f"What is painted must be bool, {size} or (parts, {size[0]}, {size[1]}); got {masks.shape}.")
    return masks.reshape(-1, *size)


def grid_for(size: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns of the default grid for an image of (height, width)."""
    return GRID if size[1] >= size[0] else GRID[::-1]


def _grid(parts, size: tuple[int, int]) -> tuple[int, int]:
    if isinstance(parts, str) and parts == "grid":
        return grid_for(size)
    valid = isinstance(parts, tuple) and len(parts) == 2 and all(type(n) is int and 1 <= n <= 32 for n in parts)
    if not valid:
        raise ConfigError(
            f"The parts must be {', '.join(PARTS)}, (rows, columns) of at most 32 each, or a mask; got "
            f"{short_repr(parts)}."
        )
    return parts


def _areas(masks: Sequence[np.ndarray]) -> np.ndarray:
    return np.array([mask.mean() for mask in masks])
