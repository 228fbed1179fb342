"""The default detector: torchvision's Faster R-CNN on a timm backbone with a feature pyramid (Ren et al. 2015).

torchvision's own post-processing splits a proposal into one box a class and keeps no feature that belongs to it. Here a
proposal becomes one box, of its likeliest class; after non-maximum suppression the features are pooled again from the
boxes that are left, and their class probabilities are computed from these features. So box, features, score and label
of a region belong together exactly.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import timm
import torch
from torch import Tensor, nn
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import FeaturePyramidNetwork

from ...data.image_loading import scale_image
from ...data.labels import CODES, PARTS, WHOLE_IMAGE
from ...errors import ConfigError
from ...utils.validation import check_choices, check_int, check_number, short_repr
from .batchnorm_folding import fold_batchnorm
from .postprocess import boxes_to_original, check_output, filter_and_nms, predicted_kinds
from .region_features import SOURCES, RegionFeatures
from .regions import Regions
from .roi_align import FastRoIAlign

NAME = re.compile(r"\w+(\.\w+)?", re.ASCII)
MOST_SIDE = 2000  # pixels
REPEATED = 0.85  # what a further region of the same kind is worth in the order, against the one before it


@dataclass(frozen=True)
class DetectorConfig:
    """Everything that the weights need to be read back. Sizes are in pixels of the scaled image."""

    backbone: str = "tf_efficientnet_lite0"
    short_side: int = 240
    long_side: int = 320
    levels: tuple[int, ...] = (2, 3, 4)  # of the backbone: strides 8, 16, 32
    anchors: tuple[tuple[int, ...], ...] = ((24, 40), (64, 96), (128, 200))  # one tuple a level
    pyramid_width: int = 128
    pool: int = 7
    feature_width: int = 512
    kinds: tuple[str, ...] = CODES
    proposals: int = 300  # of the RPN, before the class head
    nms_iou: float = 0.5  # two regions overlap no more than this
    n: int = 100  # regions at most
    features: tuple[str, ...] = ("head",)  # of a region, see region_features.SOURCES
    part_features: tuple[str, ...] | None = None  # of parts of a lesion, if they have not all of these
    whole_image: bool = False  # is a region, too: the second

    def __post_init__(self):
        # a name, not an address: timm would look for "hf_hub:..." in the Hub
        if not isinstance(self.backbone, str) or not NAME.fullmatch(self.backbone) or not timm.is_model(self.backbone):
            raise ConfigError(f"backbone must be the name of a model in timm; got {short_repr(self.backbone)}.")
        check_int("short_side", self.short_side, 32, MOST_SIDE)
        check_int("long_side", self.long_side, self.short_side, MOST_SIDE)
        levels, anchors = self.levels, self.anchors
        if not isinstance(levels, tuple) or not 1 <= len(levels) <= 6:
            raise ConfigError(f"levels must be a list of 1 to 6 levels of the backbone; got {short_repr(levels)}.")
        for level in levels:
            check_int("Each of levels", level, 0, 9)
        if list(levels) != sorted(set(levels)):
            raise ConfigError(f"levels must rise from one to the next; got {short_repr(levels)}.")
        if not isinstance(anchors, tuple) or len(anchors) != len(levels):
            raise ConfigError(f"anchors needs one tuple of sizes for each of the {len(levels)} levels.")
        if not all(isinstance(a, tuple) and len(a) == len(anchors[0]) and 1 <= len(a) <= 8 for a in anchors):
            raise ConfigError(f"anchors needs as many sizes at each level, 1 to 8; got {short_repr(anchors)}.")
        for size in (size for level in anchors for size in level):
            check_number("Each of anchors", size, 1, 2 * MOST_SIDE)
        check_int("pyramid_width", self.pyramid_width, 1, 512)
        check_int("pool", self.pool, 1, 14)
        check_int("feature_width", self.feature_width, 1, 4096)
        check_choices("features", self.features, len(SOURCES), SOURCES)
        if self.part_features is not None:
            check_choices("part_features", self.part_features, len(self.features), self.features)
        if not isinstance(self.whole_image, bool):
            raise ConfigError(f"whole_image must be true or false; got {short_repr(self.whole_image)}.")
        check_output(self)


class Pyramid(nn.Module):
    """A timm backbone's feature maps through a feature pyramid, as torchvision wants a backbone to be."""

    body: Any  # timm's models say what they are at runtime

    def __init__(self, config: DetectorConfig):
        super().__init__()
        self.body = timm.create_model(config.backbone, pretrained=False, features_only=True, out_indices=config.levels)
        self.frozen: list[nn.Module] = []  # in a list, so that it is no submodule with weights of its own to save
        self.out_channels = config.pyramid_width
        self.fpn = FeaturePyramidNetwork(self.body.feature_info.channels(), config.pyramid_width)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """(b, 3, h, w) to the maps of the levels, each (b, pyramid_width, h/stride, w/stride)."""
        return self.pyramid(self.maps(images))

    def maps(self, images: Tensor) -> list[Tensor]:
        """The backbone's own maps of the levels, each (b, c, h/stride, w/stride)."""
        return (self.frozen or [self.body])[0](images.to(memory_format=torch.channels_last))

    def pyramid(self, maps: Sequence[Tensor]) -> dict[str, Tensor]:
        """Those maps through the pyramid."""
        pyramid = self.fpn({str(i): m for i, m in enumerate(maps)})
        return {
            name: m.float() for name, m in pyramid.items()
        }  # under autocast: RoIAlign and box arithmetic in float32


class TorchvisionDetector(nn.Module):
    """Faster R-CNN; in training mode it is called with torchvision's targets and returns its losses."""

    def __init__(self, config: DetectorConfig = DetectorConfig()):
        super().__init__()
        self.config = config
        pyramid = Pyramid(config)
        names = [str(i) for i in range(len(config.levels))]
        stats = pyramid.body.pretrained_cfg
        self.rcnn = FasterRCNN(
            pyramid,
            min_size=config.short_side, max_size=config.long_side,
            image_mean=list(stats["mean"]), image_std=list(stats["std"]),
            rpn_anchor_generator=AnchorGenerator(config.anchors, ((0.5, 1.0, 2.0),) * len(config.anchors)),
            rpn_pre_nms_top_n_train=600, rpn_post_nms_top_n_train=300, rpn_batch_size_per_image=128,
            rpn_pre_nms_top_n_test=600, rpn_post_nms_top_n_test=config.proposals,
            box_roi_pool=FastRoIAlign(names, config.pool, sampling_ratio=2),
            box_head=TwoMLPHead(config.pyramid_width * config.pool**2, config.feature_width),
            box_predictor=FastRCNNPredictor(config.feature_width, len(config.kinds) + 1),
            box_batch_size_per_image=64,
        )  # fmt: skip
        channels = pyramid.body.feature_info.channels()
        self.region_features = RegionFeatures(
            config.backbone, channels, config.feature_width, config.features, config.part_features
        )
        self.kinds = (*config.kinds, WHOLE_IMAGE) if config.whole_image else config.kinds

    def freeze(self) -> None:
        """Fold the backbone's batch norms, for faster detection. Weights and device must stay as they are from now."""
        self.rcnn.backbone.frozen = [fold_batchnorm(self.rcnn.backbone.body)]

    @property
    def feature_width(self) -> int:
        """Numbers in a region's feature vector."""
        return self.region_features.width

    def train(self, mode: bool = True) -> "TorchvisionDetector":
        """Batch norms stay in eval mode: the batches of a detector are too small to renew their statistics."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self

    def forward(self, images: list[Tensor], targets: list[dict[str, Tensor]]) -> dict[str, Tensor]:
        """Losses of a training step. images: (3, h, w) floats 0 to 1; targets: boxes (k, 4), labels (k,) from 1."""
        return self.rcnn(images, targets)

    def detect(self, image: np.ndarray) -> Regions:
        """Up to n regions of one image, (h, w, 3) uint8 RGB, best first, in its pixels."""
        return self.detect_batch([image])[0]

    @torch.inference_mode()
    def detect_batch(self, images: Sequence[np.ndarray]) -> list[Regions]:
        """The same for several images at once; they may differ in size."""
        if self.training:
            raise ConfigError("A detector in training mode gives losses, not regions: call eval() first.")
        device = next(self.parameters()).device
        scaled = [scale_image(image, self.config.short_side, self.config.long_side) for image in images]
        tensors = [torch.from_numpy(np.ascontiguousarray(s.transpose(2, 0, 1))).to(device) / 255 for s in scaled]
        batch = self._batch(tensors)
        backbone, sizes = self.rcnn.backbone, batch.image_sizes
        maps = backbone.maps(batch.tensors)
        pyramid = backbone.pyramid(maps)
        proposals, _ = self.rcnn.rpn(batch, pyramid)
        features, logits, deltas = self._head(pyramid, proposals, sizes)
        # (all, classes, 4); without any proposal, torchvision's answer has one dimension only
        decoded = self.rcnn.roi_heads.box_coder.decode(deltas, proposals).reshape(*logits.shape, 4)
        counts = [len(p) for p in proposals]
        boxes = [
            self._select(b, s.softmax(-1)[:, 1:], size)
            for b, s, size in zip(decoded.split(counts), logits.split(counts), sizes, strict=True)
        ]
        features, logits, _ = self._head(pyramid, boxes, sizes)
        probabilities = logits.softmax(-1)[:, 1:]
        counts = [len(b) for b in boxes]
        whole = torch.tensor(counts).cumsum(0) - 1 if self.config.whole_image else torch.zeros(0, dtype=torch.int64)
        if self.config.whole_image:
            probabilities = nn.functional.pad(probabilities, (0, 1))
            probabilities[whole] = torch.tensor([float(kind == WHOLE_IMAGE) for kind in self.kinds], device=device)
        parts = torch.isin(predicted_kinds(probabilities, self.kinds), self._parts.to(device))
        features = self.region_features(maps, boxes, sizes, features, parts, whole)
        return [
            self._regions(b, f, p, scale.shape[:2], image.shape[:2])
            for b, f, p, scale, image in zip(
                boxes, features.split(counts), probabilities.split(counts), scaled, images, strict=True
            )
        ]

    def _batch(self, tensors: list[Tensor]) -> ImageList:
        """Images of the detector's own size, (3, h, w) floats 0 to 1, as torchvision's transform makes them a batch.

        Its resizing is left out: it would copy every pixel to where it is.
        """
        transform = self.rcnn.transform
        sizes = [(int(t.shape[1]), int(t.shape[2])) for t in tensors]
        return ImageList(transform.batch_images([transform.normalize(t) for t in tensors], size_divisible=32), sizes)

    def _head(self, maps, boxes: list[Tensor], sizes) -> tuple[Tensor, Tensor, Tensor]:
        """Features (all, f), class logits (all, kinds + 1), box deltas (all, 4 * (kinds + 1)) of the boxes given."""
        heads = self.rcnn.roi_heads
        features = heads.box_head(heads.box_roi_pool(maps, boxes, sizes))
        logits, deltas = heads.box_predictor(features)
        return features.float(), logits.float(), deltas.float()

    def _select(self, boxes: Tensor, probabilities: Tensor, size: tuple[int, int]) -> Tensor:
        """One box a proposal, of its likeliest kind, clipped, without slivers, thinned out: at most (n, 4).

        The whole image's, if it is a region, comes last.
        """
        labels = predicted_kinds(probabilities, self.config.kinds)
        rows = torch.arange(len(boxes), device=boxes.device)
        boxes = filter_and_nms(boxes[rows, labels + 1], probabilities[rows, labels], size, self.config)
        if not self.config.whole_image:
            return boxes
        return torch.cat([boxes[: self.config.n - 1], boxes.new_tensor([[0, 0, size[1], size[0]]])])

    @property
    def _parts(self) -> Tensor:
        """Indices of the kinds that are parts of a lesion."""
        return torch.tensor([i for i, kind in enumerate(self.kinds) if kind in PARTS], dtype=torch.int64)

    def _order(self, probabilities: Tensor) -> Tensor:
        """Best first: the lesion, the whole image, then kinds in turn, or certain skin would crowd out the rest."""
        labels = predicted_kinds(probabilities, self.kinds)
        worth = probabilities.gather(1, labels[:, None])[:, 0]
        parts = torch.isin(torch.arange(len(self.kinds), device=labels.device), self._parts.to(labels.device))
        if (not parts.any() and not self.config.whole_image) or not len(worth):
            return worth.argsort(descending=True, stable=True)
        groups = torch.where(parts[labels], labels, -1)
        for group in groups.unique() if parts.any() else ():
            members = (groups == group).nonzero()[:, 0]
            members = members[worth[members].argsort(descending=True, stable=True)]
            worth[members] = worth[members] * REPEATED ** torch.arange(len(members), device=worth.device)
        diagnoses = torch.tensor(
            [kind not in PARTS and kind != WHOLE_IMAGE for kind in self.kinds], device=worth.device
        )
        lesion = probabilities[:, diagnoses].sum(1)
        if self.config.whole_image:
            whole = len(worth) - 1
            worth[whole], lesion[whole] = 1.5, -1.0
        if parts.any():
            worth[lesion.argmax()] = 2.0  # above all: the likeliest whole lesion
        return worth.argsort(descending=True, stable=True)

    def _regions(self, boxes, features, probabilities, scaled_size, size) -> Regions:
        order = self._order(probabilities)
        return Regions(
            boxes_to_original(boxes[order].float().cpu().numpy(), scaled_size, size),
            probabilities[order].cpu().numpy(),
            features[order].cpu().numpy(),
            tuple(size),
            self.kinds,
        )
