"""Post-processing that detectors share: settings, box selection, scaling back."""

from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torchvision.ops import clip_boxes_to_image, nms

from ...errors import ConfigError
from ...utils.validation import check_choices, check_int, check_number
from .regions import most_likely_kinds, rescale_boxes

MIN_BOX_SIDE = 4  # pixels of the scaled image


class OutputConfig(Protocol):
    """Settings of every detector. kinds: classes of its class head; proposals: of the RPN; nms_iou: maximum overlap of
    two regions; n: maximum of regions.
    """

    @property
    def kinds(self) -> tuple[str, ...]: ...
    @property
    def proposals(self) -> int: ...
    @property
    def nms_iou(self) -> float: ...
    @property
    def n(self) -> int: ...


def check_output(config: OutputConfig) -> None:
    """Raise ConfigError for invalid settings."""
    check_choices("kinds", config.kinds, 1000)
    check_number("nms_iou", config.nms_iou, 0.01, 1)
    check_int("proposals", config.proposals, 1, 1000)
    check_int("n", config.n, 1, 1000)
    if config.n > config.proposals:
        raise ConfigError(f"{config.n} regions need at least as many proposals; got {config.proposals}.")


def predicted_kinds(probabilities: Tensor, kinds: tuple[str, ...]) -> Tensor:
    """Index of each box's most likely kind, (boxes,) int64; probabilities: (boxes, kinds)."""
    return torch.from_numpy(most_likely_kinds(probabilities.cpu().numpy(), kinds)).to(probabilities.device)


def filter_and_nms(boxes: Tensor, scores: Tensor, size: tuple[int, int], config: OutputConfig) -> Tensor:
    """Clip boxes (b, 4) xyxy to `size`, drop narrow and overlapping ones; at most (n, 4), best of scores (b,) first."""
    boxes = clip_boxes_to_image(boxes, size)
    wide = ((boxes[:, 2:] - boxes[:, :2]) >= MIN_BOX_SIDE).all(1)
    boxes, scores = boxes[wide], scores[wide]
    return boxes[nms(boxes, scores, config.nms_iou)[: config.n]]


def boxes_to_original(boxes: np.ndarray, scaled: tuple[int, int], size: tuple[int, int]) -> np.ndarray:
    """Boxes (b, 4) xyxy in pixels of the scaled image, in pixels of the original; both sizes as (height, width)."""
    return rescale_boxes(boxes, scaled, size)
