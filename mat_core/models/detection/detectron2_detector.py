"""Optional detector: a Faster R-CNN of detectron2 (Wu et al. 2019), as in the paper's section 3.1.

As in `torchvision_detector` a proposal gives one box, of its most likely class; after non-maximum suppression features
are pooled again from the remaining boxes, and class probabilities are computed from these. C4 heads (He et al. 2016,
appendix A) give 2048 features, FPN heads (Lin et al. 2017) 1024. Weights are safetensors, never pickles.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ...data.image_loading import scale_image
from ...data.labels import EVERYDAY, PARTS
from ...errors import ConfigError, NotInstalledError
from ...utils.validation import short_repr
from .postprocess import boxes_to_original, check_output, filter_and_nms, predicted_kinds
from .regions import Regions

# COCO's things (Lin et al. 2014) in the order of the zoo's class heads
COCO = (
    "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat", "traffic light",
    "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog", "horse", "sheep", "cow", "elephant",
    "bear", "zebra", "giraffe", "backpack", "umbrella", "handbag", "tie", "suitcase", "frisbee", "skis", "snowboard",
    "sports ball", "kite", "baseball bat", "baseball glove", "skateboard", "surfboard", "tennis racket", "bottle",
    "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple", "sandwich", "orange", "broccoli",
    "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch", "potted plant", "bed", "dining table", "toilet",
    "tv", "laptop", "mouse", "remote", "keyboard", "cell phone", "microwave", "oven", "toaster", "sink",
    "refrigerator", "book", "clock", "vase", "scissors", "teddy bear", "hair drier", "toothbrush",
)  # fmt: skip
# the zoo's Faster R-CNNs only: the name comes from a bundle and becomes a path
MODEL = re.compile(r"COCO-Detection/faster_rcnn_(R_50|R_101|X_101_32x8d)_(C4|DC5|FPN)_[13]x\.yaml")
HOW = (
    "Build it from the official repository, facebookresearch/detectron2 on GitHub: pip install --no-build-isolation "
    '--no-deps PATH_OF_THE_CLONE with "setuptools<81" installed, then what it needs: docs/DETECTRON2.md.'
)
POOLED_AT_ONCE = 100  # boxes: res5 keeps 0.4 MB of numbers a box
MOST_SIDE = 3000  # pixels


@dataclass(frozen=True)
class Detectron2Config:
    """model: its name in the zoo; short_side, long_side: of the scaled image in pixels; others: see `OutputConfig`."""

    model: str = "COCO-Detection/faster_rcnn_R_101_C4_3x.yaml"
    short_side: int = 800
    long_side: int = 1333
    kinds: tuple[str, ...] = tuple(f"{name}{EVERYDAY}" for name in COCO)
    proposals: int = 300
    nms_iou: float = 0.5
    n: int = 100

    def __post_init__(self):
        if not isinstance(self.model, str) or not MODEL.fullmatch(self.model):
            raise ConfigError(
                f"The detectron2 model must be one of the zoo's Faster R-CNNs, such as {type(self).model}; "
                f"got {short_repr(self.model)}."
            )
        sides = self.short_side, self.long_side
        if not all(type(side) is int for side in sides) or not 0 < self.short_side <= self.long_side <= MOST_SIDE:
            raise ConfigError(f"The sides must be from 1 to {MOST_SIDE}, the short one first; got {short_repr(sides)}.")
        check_output(self)
        if not set(self.kinds).isdisjoint(PARTS):
            raise ConfigError(f"kinds must be classes of the class head and no parts ({', '.join(PARTS)}).")


class Detectron2Detector(nn.Module):
    """detectron2's network, for inference; rcnn: its module. Raises NotInstalledError without detectron2."""

    rcnn: Any  # detectron2 has no types

    def __init__(self, config: Detectron2Config = Detectron2Config()):
        super().__init__()
        self.config = config
        self.rcnn = _build(config)

    @property
    def feature_width(self) -> int:
        """Numbers in a region's feature vector."""
        return self.rcnn.roi_heads.box_predictor.cls_score.in_features

    def detect(self, image: np.ndarray) -> Regions:
        """Up to n regions of one image, (h, w, 3) uint8 RGB, best first, in its pixels."""
        return self.detect_batch([image])[0]

    @torch.inference_mode()
    def detect_batch(self, images: Sequence[np.ndarray]) -> list[Regions]:
        """The same for several images, which may differ in size. One after the other: res5 on a batch fills memory."""
        if self.training:
            raise ConfigError("This detector cannot be trained here: call eval() first.")
        return [self._detect(image) for image in images]

    def _detect(self, image: np.ndarray) -> Regions:
        scaled = scale_image(image, self.config.short_side, self.config.long_side)
        channels = scaled[..., ::-1] if self.rcnn.input_format == "BGR" else scaled
        tensor = torch.from_numpy(np.ascontiguousarray(channels.transpose(2, 0, 1))).float()
        batch = self.rcnn.preprocess_image([{"image": tensor}])
        maps = {name: m.float() for name, m in self.rcnn.backbone(batch.tensor).items()}
        with torch.autocast(batch.tensor.device.type, enabled=False):  # boxes are arithmetic of float32
            proposals = self.rcnn.proposal_generator(batch, maps, None)[0][0].proposal_boxes.tensor
        _, logits, deltas = self._head(maps, proposals)
        boxes = self._select(proposals, logits.softmax(1)[:, :-1], deltas, scaled.shape[:2])
        features, logits, _ = self._head(maps, boxes)
        probabilities = logits.softmax(1)[:, :-1].cpu().numpy()  # the last is the background
        worth = probabilities.max(1)
        order = np.argsort(-worth, kind="stable")
        size = image.shape[:2]
        return Regions(
            boxes_to_original(boxes.cpu().numpy()[order], scaled.shape[:2], size), probabilities[order],
            features.cpu().numpy()[order], size, self.config.kinds,
        )  # fmt: skip

    def _head(self, maps: dict[str, Tensor], boxes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Features (r, f), class logits (r, kinds + 1), box deltas (r, 4 * kinds) of the boxes (r, 4) given."""
        from detectron2.structures import Boxes

        heads, outputs = self.rcnn.roi_heads, []
        levels = [maps[name] for name in heads.in_features]
        for part in boxes.split(POOLED_AT_ONCE):
            if hasattr(heads, "res5"):
                features = heads.res5(heads.pooler(levels, [Boxes(part)])).mean((2, 3))
            else:
                features = heads.box_head(heads.box_pooler(levels, [Boxes(part)]))
            outputs.append((features.float(), *(out.float() for out in heads.box_predictor(features))))
        features, logits, deltas = (torch.cat(parts) for parts in zip(*outputs, strict=True))
        return features, logits, deltas

    def _select(self, proposals: Tensor, probabilities: Tensor, deltas: Tensor, size: tuple[int, int]) -> Tensor:
        """One box a proposal, of its likeliest kind, clipped, without slivers, thinned out: at most (n, 4)."""
        kinds = predicted_kinds(probabilities, self.config.kinds)
        rows = torch.arange(len(proposals), device=deltas.device)
        chosen = deltas.view(len(proposals), -1, 4)[rows, kinds]
        boxes = self.rcnn.roi_heads.box_predictor.box2box_transform.apply_deltas(chosen, proposals)
        return filter_and_nms(boxes, probabilities[rows, kinds], size, self.config)


def _build(config: Detectron2Config) -> nn.Module:
    try:
        import detectron2
        from detectron2.config import get_cfg
        from detectron2.modeling import build_model
    except ImportError as error:
        missing = "" if (error.name or "detectron2").split(".")[0] == "detectron2" else f" whole: it lacks {error.name}"
        raise NotInstalledError(f"This detector is one of detectron2, which is not installed{missing}. {HOW}") from None
    # not by detectron2.model_zoo, whose import needs a part of setuptools that newer ones lack
    file = Path(detectron2.__file__).parent / "model_zoo" / "configs" / config.model
    if not file.is_file():
        raise ConfigError(f"detectron2 has no model {config.model}.")
    settings = get_cfg()
    settings.merge_from_file(str(file))
    settings.MODEL.WEIGHTS, settings.MODEL.DEVICE = "", "cpu"
    settings.MODEL.ROI_HEADS.NUM_CLASSES = len(config.kinds)
    settings.MODEL.RPN.POST_NMS_TOPK_TEST = config.proposals
    return build_model(settings)
