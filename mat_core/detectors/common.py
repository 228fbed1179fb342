"""What all detectors do alike: check what comes out of them, choose among their boxes, scale boxes back."""

from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torchvision.ops import clip_boxes_to_image, nms

from ..errors import ConfigError
from ..limits import number, texts, whole
from ..regions import likeliest_kinds

SMALLEST = 4  # pixels of the scaled image: what is narrower is no region


class Output(Protocol):
    """The settings that every detector has. kinds: what its class head was taught; proposals: of the RPN, before the
    class head; nms_iou: two regions overlap no more than this; n: regions at most.
    """

    @property
    def kinds(self) -> tuple[str, ...]: ...
    @property
    def proposals(self) -> int: ...
    @property
    def nms_iou(self) -> float: ...
    @property
    def n(self) -> int: ...


def check_output(config: Output) -> None:
    """Raise ConfigError for settings that cannot work."""
    texts("kinds", config.kinds, 1000)
    number("nms_iou", config.nms_iou, 0.01, 1)
    whole("proposals", config.proposals, 1, 1000)
    whole("n", config.n, 1, 1000)
    if config.n > config.proposals:
        raise ConfigError(f"{config.n} regions cannot come out of {config.proposals} proposals.")


def kinds_of(probabilities: Tensor, config: Output) -> Tensor:
    """Index of each box's likeliest kind, (boxes,) int64; probabilities: (boxes, kinds)."""
    return torch.from_numpy(likeliest_kinds(probabilities.cpu().numpy(), config.kinds)).to(probabilities.device)


def thin_out(boxes: Tensor, scores: Tensor, size: tuple[int, int], config: Output) -> Tensor:
    """Boxes (b, 4) xyxy with scores (b,), clipped to `size`, no slivers, no overlaps: at most (n, 4), best first."""
    boxes = clip_boxes_to_image(boxes, size)
    wide = ((boxes[:, 2:] - boxes[:, :2]) >= SMALLEST).all(1)
    boxes, scores = boxes[wide], scores[wide]
    return boxes[nms(boxes, scores, config.nms_iou)[: config.n]]


def scaled_back(boxes: np.ndarray, scaled: tuple[int, int], size: tuple[int, int]) -> np.ndarray:
    """Boxes (b, 4) xyxy in pixels of the scaled image, in pixels of the given one; both sizes as (height, width)."""
    return boxes * np.array([size[1] / scaled[1], size[0] / scaled[0]] * 2, dtype=np.float32)
