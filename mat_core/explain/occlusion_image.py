"""Hide parts of an image at the detector's size, detect again and diagnose again."""

from collections.abc import Callable, Sequence

import cv2
import numpy as np
import torch
from torch import Tensor

from ..data.image_loading import original_size
from ..data.metadata import Metadata
from ..errors import UserError
from ..inference.diagnoser import Diagnoser
from ..models.detection.regions import Regions, rescale_boxes, to_network_input
from .occlusion_fill import fill_image, paste

BATCH = 8  # images in a forward pass of the detector
MIN_TILE = 4  # pixels at the detector's size: a smaller tile is not split

Progress = Callable[[int, int], None]  # parts done, parts in all


class CancelledError(UserError):
    """Raised when the caller cancelled the computation."""


class OcclusionImage:
    """An image at the detector's size, its diagnosis, and the fill that hides its parts."""

    def __init__(self, diagnoser: Diagnoser, image: np.ndarray, metadata: Metadata | None, fill: str):
        self.diagnoser, self.original = diagnoser, original_size(image)
        self.regions = diagnoser.regions(image)
        diagnosis = diagnoser.diagnose_regions(self.regions, metadata)
        self.regions = diagnosis.regions  # at most those that the network reads
        self.probabilities = np.array(list(diagnosis.probabilities.values()))
        self.ids = diagnoser.inputs(self.regions, metadata)[2]
        self.image = diagnoser.detector_image(image)
        self.size = self.image.shape[:2]
        boxes = self.regions.rescaled_to(self.size).boxes
        self.fill = fill_image(self.image, fill, boxes[0] if len(boxes) else None)

    def box_mask(self, boxes: np.ndarray | Sequence[np.ndarray]) -> np.ndarray:
        """The union of boxes, xyxy in pixels of the original image, as a mask (h, w) bool."""
        mask = np.zeros(self.size, dtype=bool)
        boxes = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
        for x1, y1, x2, y2 in rescale_boxes(boxes, self.original, self.size):
            mask[max(0, int(y1)) : int(np.ceil(y2)), max(0, int(x1)) : int(np.ceil(x2))] = True
        return mask

    def scaled_mask(self, mask: np.ndarray) -> np.ndarray:
        """A mask of the original array at the detector's size; every touched pixel is hidden."""
        if mask.shape == self.size:
            return mask
        shrinks = mask.shape[0] > self.size[0]
        # a thin stroke must not vanish
        interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_NEAREST
        return cv2.resize(mask.astype(np.float32), self.size[::-1], interpolation=interpolation) > 1e-6

    def tile_mask(self, cells: np.ndarray, i: int) -> np.ndarray:
        """The mask of part i of a grid, (h, w) bool."""
        mask = np.zeros(self.size, dtype=bool)
        rows, columns = np.nonzero(cells == i)
        y, x = self._lines(cells)
        mask[y[rows.min()] : y[rows.max() + 1], x[columns.min()] : x[columns.max() + 1]] = True
        return mask

    def can_split(self, cells: np.ndarray, i: int) -> bool:
        """Whether part i of a grid can be split."""
        span = [np.ptp(np.flatnonzero(axis)) + 1 for axis in np.nonzero(self.tile_mask(cells, i))]
        return bool(min(span) >= 2 * MIN_TILE)

    def _lines(self, cells: np.ndarray) -> list[np.ndarray]:
        return [np.linspace(0, side, n + 1).round().astype(int) for side, n in zip(self.size, cells.shape, strict=True)]

    def bounding_boxes(self, masks: Sequence[np.ndarray]) -> np.ndarray:
        """Bounding box of each mask, (masks, 4), in pixels of the original image; zeros for an empty mask."""
        boxes = np.zeros((len(masks), 4))
        for box, mask in zip(boxes, masks, strict=True):
            if mask.any():
                y, x = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
                box[:] = x[0], y[0], x[-1] + 1, y[-1] + 1
        return rescale_boxes(boxes, self.size, self.original).astype(np.float32)

    def predict(self, masks: Sequence[np.ndarray], progress: Progress | None, cancelled) -> np.ndarray:
        """Probabilities with each mask hidden, (masks, classes)."""
        probabilities = np.repeat(self.probabilities[None], len(masks), 0)
        pending = [i for i, mask in enumerate(masks) if mask.any()]  # an empty mask changes nothing
        for start in range(0, len(pending), BATCH):
            if cancelled is not None and cancelled():
                raise CancelledError(f"Stopped after {start} of {len(pending)} parts.")
            rows = pending[start : start + BATCH]
            images = [paste(self.image, masks[i], self.fill) for i in rows]
            probabilities[rows] = _predict(self.diagnoser, detect(self.diagnoser, images), self.ids)
            if progress is not None:
                progress(min(start + BATCH, len(pending)), len(pending))
        return probabilities


def detect(diagnoser: Diagnoser, images: Sequence[np.ndarray]) -> list[Regions]:
    """Regions of several images, in one batch if the detector can; not cached."""
    detector = diagnoser.bundle.detector
    if hasattr(detector, "detect_batch"):
        return detector.detect_batch(images)
    return [detector.detect(image) for image in images]


def _predict(diagnoser: Diagnoser, detections: Sequence[Regions], ids: Tensor) -> np.ndarray:
    """Calibrated probabilities of several images with the same words, (images, classes)."""
    inputs = [to_network_input(regions, diagnoser.bundle.network.config.n) for regions in detections]
    features, padding = (torch.stack(rows) for rows in zip(*inputs, strict=True))
    with torch.inference_mode():
        logits = diagnoser.bundle.network(features, padding, ids.expand(len(detections), -1), need_weights=True).logits
    return diagnoser.to_probabilities(logits.double().numpy())
