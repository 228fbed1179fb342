"""One picture as the detector sees it: parts of it are hidden, and the model looks and answers again."""

from collections.abc import Callable, Sequence

import cv2
import numpy as np
import torch
from torch import Tensor

from ..diagnoser import Diagnoser
from ..errors import UserError
from ..images import given_size, scale_image
from ..metadata import Metadata
from ..regions import Regions, network_input
from .covering import cover, filling

BATCH = 8  # pictures in one pass of the detector
LEAST_TILE = 4  # pixels that the detector sees: a smaller tile is not split

Progress = Callable[[int, int], None]  # parts done, parts in all


class StoppedError(UserError):
    """Somebody asked for the work to stop before it was done."""


class Scene:
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
        short, long = getattr(config, "short_side", None), getattr(config, "long_side", None)
        self.image = np.asarray(image if short is None or long is None else scale_image(image, short, long))
        self.size = self.image.shape[:2]
        boxes = self.regions.on_size(self.size).boxes
        self.below = filling(self.image, fill, boxes[0] if len(boxes) else None)

    def boxed(self, boxes: np.ndarray | Sequence[np.ndarray]) -> np.ndarray:
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
        return bool(min(span) >= 2 * LEAST_TILE)

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
