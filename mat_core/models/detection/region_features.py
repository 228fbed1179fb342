"""What a region's feature vector is made of: the box head's hidden layer, or the backbone's own maps.

head: the hidden layer of the box head (Ren et al. 2015). last: the backbone's last convolution, averaged over the box,
as in bottom-up attention (Anderson et al. 2018), where the whole image's average is what a classifier reads. local: the
maps of strides 8 and 16, pooled to 2 x 2, which see little beyond the box.
"""

from collections.abc import Sequence

import timm
import torch
from torch import Tensor, nn

from .roi_align import FastRoIAlign

SOURCES = ("head", "last", "local")
LOCAL_LEVELS = 2  # of the backbone's maps, the finest first
LOCAL_POOL = 2


class LastConvolution(nn.Sequential):
    """What a timm classifier has between its last map and its global average: in some models, nothing."""

    def __init__(self, backbone: str, channels: int):
        model = timm.create_model(backbone, pretrained=False)
        convolution, norm = getattr(model, "conv_head", None), getattr(model, "bn2", None)
        super().__init__()
        self.width = channels
        if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):  # in MobileNets: behind the average
            self.add_module("conv_head", convolution)
            self.add_module("bn2", norm)
            self.width = convolution.out_channels


class RegionFeatures(nn.Module):
    """Feature vectors of boxes, joined from `sources`; parts of a lesion have zeros for what `part_sources` lacks."""

    def __init__(
        self,
        backbone: str,
        channels: Sequence[int],
        head_width: int,
        sources: Sequence[str],
        part_sources: Sequence[str] | None = None,
    ):
        super().__init__()
        self.sources, self.part_sources = tuple(sources), tuple(sources if part_sources is None else part_sources)
        widths = {"head": head_width, "local": sum(channels[:LOCAL_LEVELS]) * LOCAL_POOL**2}
        if "last" in sources:
            self.last = LastConvolution(backbone, channels[-1])
            self.last_pool = FastRoIAlign(["0"], 1, sampling_ratio=4)
            widths["last"] = self.last.width
        if "local" in sources:
            self.local_pools = nn.ModuleList(
                FastRoIAlign(["0"], LOCAL_POOL, sampling_ratio=2) for _ in channels[:LOCAL_LEVELS]
            )
        self.width = sum(widths[source] for source in self.sources)

    def forward(
        self,
        maps: Sequence[Tensor],
        boxes: list[Tensor],
        sizes: list[tuple[int, int]],
        head: Tensor,
        parts: Tensor,
        whole_images: Tensor,
    ) -> Tensor:
        """(all, width) float32, of the boxes of all images.

        maps: of the backbone, finest first, each (b, c, h, w). boxes: (k, 4) of each image. head: (all, head_width).
        parts: (all,) bool, boxes of parts. whole_images: (b,) or (0,) indices among all boxes of those of the whole
        images, whose last convolution is averaged exactly as a classifier does.
        """
        features = []
        for source in self.sources:
            if source == "head":
                pooled = head
            elif source == "last":
                last = self.last(maps[-1]).float()
                pooled = self.last_pool({"0": last}, boxes, sizes).flatten(1)
                if len(whole_images):
                    pooled[whole_images] = last.mean((2, 3))
            else:
                pooled = torch.cat(
                    [
                        pool({"0": level.float()}, boxes, sizes).flatten(1)
                        for pool, level in zip(self.local_pools, maps, strict=False)
                    ],
                    1,
                )
            features.append(pooled if source in self.part_sources else pooled.masked_fill(parts[:, None], 0))
        return torch.cat(features, 1)
