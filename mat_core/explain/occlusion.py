"""Occlusion: hide a part of the picture, look again, diagnose again (Zeiler and Fergus 2014).

Taking a region out of the list (`ablation`) takes hardly any knowledge away: its features are pooled from maps that
have seen the whole picture, and self-attention has told all other regions what it knew. Hiding the pixels does take it
away, because the detector has to look again. What fills the place is a part of the question: see `covering`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..diagnoser import Diagnoser
from ..errors import ConfigError
from ..limits import shown
from ..metadata import Metadata
from ..showing.shown import Plotted
from ..wording import class_name, share
from .covering import FILLS
from .passes import kind_groups, label_index
from .scene import Progress, Scene

PARTS = ("grid", "regions", "kinds")
GRID = (6, 8)  # rows and columns of a landscape; a portrait has them the other way round
KIND_NAMES = {"lesion": "the whole lesion", "border": "all borders", "patch": "all patches", "skin": "all skin around"}
QUARTERS = ("upper left", "upper right", "lower left", "lower right")


@dataclass(frozen=True)
class Occlusion(Plotted):
    """What hiding each part does to the answer.

    fill: one of `FILLS`. kind: one of `PARTS`, or 'painted'. names: (parts,) of the parts, for sentences. boxes:
    (parts, 4) float32, what each part spans, xyxy in pixels of the image that was given. areas: (parts,), share of the
    picture that is hidden. probabilities: (classes,), of the answer as it is. hidden: (parts, classes), with each part
    hidden alone. cells: (rows, columns), which part lies in each cell of the grid; None unless the parts are a grid.
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
        """Probability of `label` as it is, less the one with each part hidden, (parts,), from -1 to 1.

        Positive when the part spoke for the class: hiding it lowers the class. As `Ablation.effect` has it.
        """
        k = self.labels.index(label)
        return self.probabilities[k] - self.hidden[:, k]

    def map(self, label: str) -> np.ndarray:
        """`effect` of the tile that lies in each cell of the grid, (rows, columns). Raises ConfigError without a grid.

        After `refine`, a tile that was not split fills several cells. Effects of tiles of different size compare
        structures of different size; they do not add up.
        """
        if self.cells is None:
            raise ConfigError("Only a grid makes a map; these parts are " + self.kind + ".")
        return self.effect(label)[self.cells]

    def sentence(self, label: str) -> str:
        """What hiding the part that matters most does to `label`."""
        if not len(self.hidden):
            return "There is no part to hide."
        k, effect = self.labels.index(label), self.effect(label)
        first = int(np.abs(effect).argmax())
        points = round(100 * abs(float(effect[first])))
        said = "this" if self.kind == "painted" and len(self.hidden) == 1 else self.names[first]
        more = ", which matters most," if len(self.hidden) > 1 else ""
        before, after = share(self.probabilities[k]), share(self.hidden[first, k])
        if not points:
            return f"Hiding {said}{more} leaves {class_name(label)} as it is, at {before}."
        return (
            f"Hiding {said}{more} {'lowers' if effect[first] > 0 else 'raises'} {class_name(label)} by {points} "
            f"point{'s' if points > 1 else ''}, from {before} to {after}."
        )


def occlude(
    diagnoser: Diagnoser,
    image: np.ndarray,
    metadata: Metadata | None = None,
    parts: str | tuple[int, int] | np.ndarray = "grid",
    fill: str = "skin",
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Occlusion:
    """Hide each part alone in an RGB array from `images.load_image`, detect again, diagnose again.

    parts: 'grid', 6 x 8 tiles; (rows, columns), another grid; 'regions', each region's box; 'kinds', the union of the
    boxes of the whole lesion, of borders, of patches and of skin; or what somebody painted, (height, width) bool in
    pixels of `image`, several as (parts, height, width). fill: one of `FILLS`. What is hidden ends in a soft edge
    around it. A part without a pixel leaves the answer as it is, to the last bit; everything hidden by 'skin' gives the
    answer to plain skin. progress is told (done, all) after each batch; when cancelled() is true between two batches,
    StoppedError is raised.

    Raises ConfigError for parts or a fill that there are not.
    """
    if fill not in FILLS:
        raise ConfigError(f"The fill must be one of {', '.join(FILLS)}; got {shown(fill)}.")
    scene = Scene(diagnoser, image, metadata, fill)
    kind, cells = "painted", None
    if isinstance(parts, np.ndarray):
        masks = [scene.painted(mask) for mask in _stack(parts, image.shape[:2])]
        names = tuple(f"part {i + 1}" for i in range(len(masks)))
    elif parts == "regions":
        kind, masks = parts, [scene.boxed([box]) for box in scene.regions.boxes]
        names = tuple(f"region {i + 1}" for i in range(len(masks)))
    elif parts == "kinds":
        groups = kind_groups(scene.regions)
        kind, masks = parts, [scene.boxed(scene.regions.boxes[members]) for members in groups.values()]
        names = tuple(KIND_NAMES.get(name, f"all boxes of {name}") for name in groups)
    else:
        rows, columns = _grid(parts, image.shape[:2])
        kind, cells = "grid", np.arange(rows * columns).reshape(rows, columns)
        masks = [scene.tile(cells, i) for i in range(cells.size)]
        names = tuple(f"the tile in row {r + 1}, column {c + 1}" for r in range(rows) for c in range(columns))
    hidden = scene.answers(masks, progress, cancelled)
    return Occlusion(
        diagnoser.bundle.labels, fill, kind, names, scene.spans(masks), _areas(masks), scene.answer, hidden, cells
    )


def refine(
    diagnoser: Diagnoser,
    image: np.ndarray,
    found: Occlusion,
    label: str,
    metadata: Metadata | None = None,
    most: int = 6,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Occlusion:
    """A grid's map for `label` twice as fine where it matters: the `most` tiles of the largest effect, in four each.

    image, metadata: those that `found` is of. Tiles of a few pixels are not split. Raises ConfigError for parts that
    are no grid.
    """
    label_index(diagnoser, label)
    if found.cells is None:
        raise ConfigError("Only a grid can be made finer; these parts are " + found.kind + ".")
    scene = Scene(diagnoser, image, metadata, found.fill)
    cells = found.cells.repeat(2, 0).repeat(2, 1)
    split = [i for i in np.argsort(-np.abs(found.effect(label)), kind="stable")[:most] if scene.large(found.cells, i)]
    names, count = list(found.names), len(found.names)
    for i in split:
        rows, columns = (np.unique(axis) for axis in np.nonzero(cells == i))
        for quarter, (r, c) in enumerate((r, c) for r in np.split(rows, 2) for c in np.split(columns, 2)):
            cells[np.ix_(r, c)] = len(names)
            names.append(f"{found.names[i]}, {QUARTERS[quarter]}")
    masks = [scene.tile(cells, i) for i in range(count, len(names))]
    hidden = scene.answers(masks, progress, cancelled)
    kept, cells = np.unique(cells, return_inverse=True)  # what was split is no part any more
    return replace(
        found,
        names=tuple(names[i] for i in kept),
        boxes=np.concatenate([found.boxes, scene.spans(masks)])[kept],
        areas=np.concatenate([found.areas, _areas(masks)])[kept],
        hidden=np.concatenate([found.hidden, hidden])[kept],
        cells=cells.reshape(2 * found.cells.shape[0], -1),
    )


def _stack(masks: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    if masks.dtype != bool or masks.shape[-2:] != size or masks.ndim not in (2, 3):
        raise ConfigError(f"What is painted must be bool, {size} or (parts, {size[0]}, {size[1]}); got {masks.shape}.")
    return masks.reshape(-1, *size)


def _grid(parts, size: tuple[int, int]) -> tuple[int, int]:
    if isinstance(parts, str) and parts == "grid":
        return GRID if size[1] >= size[0] else GRID[::-1]
    whole = isinstance(parts, tuple) and len(parts) == 2 and all(type(n) is int and 1 <= n <= 32 for n in parts)
    if not whole:
        raise ConfigError(
            f"The parts must be {', '.join(PARTS)}, (rows, columns) of at most 32 each, or a mask; got {shown(parts)}."
        )
    return parts


def _areas(masks: Sequence[np.ndarray]) -> np.ndarray:
    return np.array([mask.mean() for mask in masks])
