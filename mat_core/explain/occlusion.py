"""Occlusion: hide a part of the picture, look again, diagnose again (Zeiler and Fergus 2014).

Taking a region out of the list (`ablation`) takes hardly any knowledge away: its features are pooled from maps that
have seen the whole picture, and self-attention has told all other regions what it knew. Hiding the pixels does take it
away, because the detector has to look again. What fills the place is a part of the question: 'skin' asks what this
structure adds to plain skin, 'blur' what its outlines and texture add to its colour, and 'mean' is the grey card of
the literature, which no photograph of skin contains and which is evidence itself.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from torch import Tensor

from ..diagnoser import Diagnoser
from ..errors import ConfigError, UserError
from ..images import given_size, scale_image
from ..limits import shown
from ..metadata import Metadata
from ..regions import Regions, network_input
from .passes import class_name, figure, kind_groups, label_index

FILLS = ("skin", "blur", "mean")
PARTS = ("grid", "regions", "kinds")
GRID = (6, 8)  # rows and columns of a landscape; a portrait has them the other way round
BATCH = 8  # pictures in one pass of the detector
EDGE = 0.02  # width of the soft edge around what is hidden, share of the shorter side
GROWN = 0.1  # the lesion's box is larger by this share before what lies outside counts as skin
LEAST_TILE = 4  # pixels that the detector sees: a smaller tile is not split

Progress = Callable[[int, int], None]  # parts done, parts in all
KIND_NAMES = {"lesion": "the whole lesion", "border": "all borders", "patch": "all patches", "skin": "all skin around"}
QUARTERS = ("upper left", "upper right", "lower left", "lower right")


class StoppedError(UserError):
    """Somebody asked for the work to stop before it was done."""


@dataclass(frozen=True)
class Occlusion:
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
        before, after = figure(self.probabilities[k]), figure(self.hidden[first, k])
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
    scene = _Scene(diagnoser, image, metadata, fill)
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
    scene = _Scene(diagnoser, image, metadata, found.fill)
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


def filling(image: np.ndarray, fill: str, lesion: Sequence[float] | None) -> np.ndarray:
    """What lies below everything that is hidden: a whole picture, (h, w, 3) float32, 0 to 255.

    image: (h, w, 3) uint8. lesion: the box around it, xyxy in pixels, or None. 'skin': colours of the skin outside that
    box, spread smoothly over the picture, with their median where no skin is near. 'blur': the picture without
    details. 'mean': its mean colour.
    """
    colours = image.astype(np.float32)
    short = min(image.shape[:2])
    if fill == "mean":
        return np.broadcast_to(colours.mean((0, 1)), colours.shape).astype(np.float32)
    if fill == "blur":
        return cv2.GaussianBlur(colours, (0, 0), max(1.0, short / 12), borderType=cv2.BORDER_REFLECT_101)
    skin = _skin(colours, lesion)
    median = np.median(colours[skin], 0).astype(np.float32)
    weight = skin.astype(np.float32)
    spread = {"ksize": (0, 0), "sigmaX": max(1.0, short / 8), "borderType": cv2.BORDER_REFLECT_101}
    near = cv2.GaussianBlur(weight, **spread)[..., None]
    mixed = cv2.GaussianBlur(colours * weight[..., None], **spread)
    doubt = 0.02  # of the weight: how little skin nearby the median outweighs
    return (mixed + doubt * median) / (near + doubt)


def cover(image: np.ndarray, mask: np.ndarray, below: np.ndarray) -> np.ndarray:
    """`image`, (h, w, 3) uint8, with `below` where `mask`, (h, w) bool, is True; a soft edge outside of it."""
    if not mask.any():
        return image
    edge = max(1.0, EDGE * min(mask.shape))
    distance = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5)
    weight = np.clip(1 - distance / (edge + 1), 0, 1)[..., None]
    return np.rint(image * (1 - weight) + below * weight).astype(np.uint8)


class _Scene:
    """One picture as the detector sees it, its answer, and what is put over its parts.

    Hiding at the detector's own size saves scaling a photograph of megapixels for each part; scaling what is scaled
    changes nothing, so that an unhidden picture gives the same regions to the last bit.
    """

    def __init__(self, diagnoser: Diagnoser, image: np.ndarray, metadata: Metadata | None, fill: str):
        self.diagnoser, self.given, self.shape = diagnoser, given_size(image), image.shape[:2]
        self.regions = diagnoser.regions(image)
        diagnosis = diagnoser.diagnose_regions(self.regions, metadata)
        self.regions = diagnosis.regions  # no more than the network reads
        self.answer = np.array(list(diagnosis.probabilities.values()))
        self.ids = diagnoser.inputs(self.regions, metadata)[2]
        config = diagnoser.bundle.detector.config
        sides = (getattr(config, "short_side", None), getattr(config, "long_side", None))
        self.image = np.asarray(scale_image(image, *sides) if None not in sides else image)
        self.size = self.image.shape[:2]
        boxes = self.regions.on_size(self.size).boxes
        self.below = filling(self.image, fill, boxes[0] if len(boxes) else None)

    def boxed(self, boxes: np.ndarray) -> np.ndarray:
        """What the boxes, xyxy in pixels of the given image, cover together, (h, w) bool."""
        mask = np.zeros(self.size, dtype=bool)
        factor = np.array([self.size[1] / self.given[1], self.size[0] / self.given[0]] * 2)
        for x1, y1, x2, y2 in np.asarray(boxes) * factor:
            mask[max(0, int(y1)) : int(np.ceil(y2)), max(0, int(x1)) : int(np.ceil(x2))] = True
        return mask

    def painted(self, mask: np.ndarray) -> np.ndarray:
        """A mask of the given array as one of what the detector sees: a pixel that is touched is hidden."""
        if mask.shape == self.size:
            return mask
        shrinks = mask.shape[0] > self.size[0]
        # averaged, and any share counts: a thin stroke must not vanish
        way = cv2.INTER_AREA if shrinks else cv2.INTER_NEAREST
        return cv2.resize(mask.astype(np.float32), self.size[::-1], interpolation=way) > 1e-6

    def tile(self, cells: np.ndarray, i: int) -> np.ndarray:
        """The pixels of part i of a grid, (h, w) bool."""
        mask = np.zeros(self.size, dtype=bool)
        rows, columns = np.nonzero(cells == i)
        y, x = self._lines(cells)
        mask[y[rows.min()] : y[rows.max() + 1], x[columns.min()] : x[columns.max() + 1]] = True
        return mask

    def large(self, cells: np.ndarray, i: int) -> bool:
        """Whether part i of a grid can be split."""
        span = [np.ptp(np.flatnonzero(axis)) + 1 for axis in np.nonzero(self.tile(cells, i))]
        return min(span) >= 2 * LEAST_TILE

    def _lines(self, cells: np.ndarray) -> list[np.ndarray]:
        return [np.linspace(0, side, n + 1).round().astype(int) for side, n in zip(self.size, cells.shape, strict=True)]

    def spans(self, masks: Sequence[np.ndarray]) -> np.ndarray:
        """What each mask spans, (masks, 4), in pixels of the given image; zeros for one without a pixel."""
        factor = np.array([self.given[1] / self.size[1], self.given[0] / self.size[0]] * 2)
        boxes = np.zeros((len(masks), 4))
        for box, mask in zip(boxes, masks, strict=True):
            if mask.any():
                y, x = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
                box[:] = x[0], y[0], x[-1] + 1, y[-1] + 1
        return (boxes * factor).astype(np.float32)

    def answers(self, masks: Sequence[np.ndarray], progress: Progress | None, cancelled) -> np.ndarray:
        """Probabilities with each mask hidden, (masks, classes)."""
        found = np.repeat(self.answer[None], len(masks), 0)
        work = [i for i, mask in enumerate(masks) if mask.any()]  # what hides nothing is the answer that is known
        for start in range(0, len(work), BATCH):
            if cancelled is not None and cancelled():
                raise StoppedError(f"Stopped after {start} of {len(work)} parts.")
            rows = work[start : start + BATCH]
            pictures = [cover(self.image, masks[i], self.below) for i in rows]
            found[rows] = _diagnosed(self.diagnoser, detected(self.diagnoser, pictures), self.ids)
            if progress is not None:
                progress(min(start + BATCH, len(work)), len(work))
        return found


def detected(diagnoser: Diagnoser, pictures: Sequence[np.ndarray]) -> list[Regions]:
    """Regions of several pictures, in one pass where the detector has one for many; none is remembered."""
    detector = diagnoser.bundle.detector
    if hasattr(detector, "detect_batch"):
        return detector.detect_batch(pictures)
    return [detector.detect(picture) for picture in pictures]


def _diagnosed(diagnoser: Diagnoser, found: Sequence[Regions], ids: Tensor) -> np.ndarray:
    """Calibrated probabilities of several pictures with the same words, (pictures, classes)."""
    inputs = [network_input(regions, diagnoser.bundle.network.config.n) for regions in found]
    features, padding = (torch.stack(rows) for rows in zip(*inputs, strict=True))
    with torch.inference_mode():
        logits = diagnoser.bundle.network(features, padding, ids.expand(len(found), -1), need_weights=True).logits
    return diagnoser.calibrated(logits.double().numpy())


def _skin(colours: np.ndarray, lesion: Sequence[float] | None) -> np.ndarray:
    """The pixels that show skin, (h, w) bool: outside the lesion's box, and no hair, dark corner or glare."""
    height, width = colours.shape[:2]
    outside = np.ones((height, width), dtype=bool)
    if lesion is not None:
        x1, y1, x2, y2 = lesion
        dx, dy = GROWN * (x2 - x1), GROWN * (y2 - y1)
        outside[max(0, int(y1 - dy)) : int(np.ceil(y2 + dy)), max(0, int(x1 - dx)) : int(np.ceil(x2 + dx))] = False
    if outside.mean() < 0.02:  # a lesion that fills the picture: its rim is the best guess
        rim = max(1, min(height, width) // 20)
        outside[:] = True
        outside[rim:-rim, rim:-rim] = False
    distance = np.abs(colours - np.median(colours[outside], 0)).sum(2)
    return outside & (distance <= 3 * max(1.0, float(np.median(distance[outside]))))


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
