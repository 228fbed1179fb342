"""Step 'backbone': fine-tune an ImageNet backbone as a classifier of whole images, for the detector."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from timm.data import Mixup
from torch import nn

from mat_core.data.ham10000 import Case, Dataset
from mat_core.data.labels import CODES
from mat_core.errors import DataError
from mat_core.evaluation.metrics import summary_metrics
from mat_core.utils.files import sha256_of

from ..data.augment import Augmentation, Crops
from ..data.dataset import Size, Views, epoch_order, loader, to_tensor
from ..data.extra import extra_summary
from ..engine.loop import fit
from ..engine.recipe import Recipe
from ..networks.backbones import STRIDES, check_name, imagenet_backbone, takes


@dataclass(frozen=True)
class Reweighting:
    """Class weights n ** -power in the loss for classes of n images, rising from epoch `first` to `last` (Yao et al.,
    IEEE TMI 2022; Zhou et al., CVPR 2020).
    """

    power: float = 1.2
    first: int = 20
    last: int = 60


@dataclass(frozen=True)
class BackboneSettings:
    """Settings of the step. Early epochs use small images, the last ones the detector's size."""

    name: str = "tf_efficientnet_lite0"
    sizes: tuple[Size, ...] = ((168, 224),) * 7 + ((240, 320),)  # one an epoch
    recipe: Recipe = field(default_factory=lambda: Recipe(epochs=8, batch_size=32, lr=8e-4, average=0.998))
    augmentation: Augmentation = Augmentation()
    balance: float = 0.5
    label_smoothing: float = 0.05
    dropout: float = 0.2
    drop_path: float = 0.0  # stochastic depth, for long runs
    mixup: float = 0.0  # alpha of mixup, for long runs; 0: none
    cutmix: float = 0.0  # alpha of cutmix; with both, half of the mixed batches each
    mixed: float = 0.7  # share of the batches that are mixed
    unmixed: int = 0  # last epochs, in which none is
    crop: Size | None = None  # (h, w): random crops of the largest size; smaller sizes have proportionally smaller ones
    whole: int = 0  # last epochs, on whole images
    operations: int = 0  # of RandAugment, in 7 of 10 views
    reweighting: Reweighting | None = None  # beside balance 0, or it is balanced twice


def with_model(settings: BackboneSettings, name: str) -> BackboneSettings:
    """Settings for another timm model, without options that it lacks, e.g. stochastic depth. Raises ConfigError."""
    check_name(name)
    options = {"dropout": "drop_rate", "drop_path": "drop_path_rate"}
    missing = {
        setting: 0.0 for setting, option in options.items() if getattr(settings, setting) and not takes(name, option)
    }
    for setting in missing:
        print(f"{name} has no {setting}: it is trained without the plan's {getattr(settings, setting)}.", flush=True)
    return replace(settings, name=name, **missing)


def train_backbone(
    data: Dataset, run: Path, settings: BackboneSettings = BackboneSettings(), weights: Path | None = None
) -> dict[str, float]:
    """Train and write run/best.safetensors; returns the best epoch's metrics on val.

    weights: initial weights, see `imagenet_backbone`.
    """
    if len(settings.sizes) != settings.recipe.epochs:
        raise DataError(f"{len(settings.sizes)} sizes for {settings.recipe.epochs} epochs: give one size an epoch.")
    recipe, train, val = settings.recipe, data.of("train"), data.of("val")
    _check_crops(settings)
    torch.manual_seed(recipe.seed)  # of the new classifier's weights
    model = imagenet_backbone(
        settings.name, weights, num_classes=len(CODES), drop_rate=settings.dropout, drop_path_rate=settings.drop_path
    )
    model = model.to(memory_format=torch.channels_last)
    normalise = Normalise(model.default_cfg["mean"], model.default_cfg["std"])
    labels = [c.label for c in train]
    extra = extra_summary(train)
    mix, weights_of = mixing(settings), torch.ones(len(CODES))

    def batches(epoch: int):
        weights_of.copy_(class_weights(labels, settings.reweighting, epoch))
        if mix is not None:
            mix.mixup_enabled = epoch <= recipe.epochs - settings.unmixed
        order = epoch_order(labels, epoch, recipe.seed, settings.balance)
        views = Views(
            train, order, settings.sizes[epoch - 1], augmentation(settings, epoch), _item,
            masks=False, seed=recipe.seed, epoch=epoch, softened=extra is not None,
        )  # fmt: skip
        return loader(views, recipe.batch_size, drop_last=True)

    def loss_of(model: nn.Module, batch) -> torch.Tensor:
        images, labels = batch
        images, smoothing = normalise(images), settings.label_smoothing
        if mix is not None:
            (images, labels), smoothing = mix(images, labels), 0.0  # what it gives is smoothed already
        return weighted_loss(model(images), labels, smoothing, weights_of.to(images.device))

    def validate(model: nn.Module) -> dict[str, float]:
        logits = classify(model, val, settings.sizes[-1])
        return summary_metrics(logits.softmax(1).numpy(), np.array([c.label for c in val]))

    written = {"step": "backbone", "settings": settings}
    if extra is not None:
        written["extra"] = extra
    if weights is not None:
        written["weights"] = {"file": weights.name, "sha256": sha256_of(weights)}
    return fit(run, model, recipe, written, batches, loss_of, validate, "lrap")


def mixing(settings: BackboneSettings) -> Mixup | None:
    """timm's mixup and cutmix, or None. They draw from numpy's generator, which is seeded every epoch.

    Raises DataError for an odd batch size.
    """
    if not settings.mixup and not settings.cutmix:
        return None
    if settings.recipe.batch_size % 2:
        raise DataError(f"Images are mixed in pairs: a batch of {settings.recipe.batch_size} must be even.")
    return Mixup(
        settings.mixup, settings.cutmix, prob=settings.mixed, label_smoothing=settings.label_smoothing,
        num_classes=len(CODES),
    )  # fmt: skip


def augmentation(settings: BackboneSettings, epoch: int) -> Augmentation | Crops:
    """The augmentation of an epoch, from 1."""
    cropped = _crop(settings, settings.sizes[epoch - 1]) if epoch <= settings.recipe.epochs - settings.whole else None
    if cropped is None and not settings.operations:
        return settings.augmentation
    return Crops(settings.augmentation, settings.operations, crop=cropped)


def class_weights(labels: Sequence[int], reweighting: Reweighting | None, epoch: int) -> torch.Tensor:
    """Class weights of an epoch's loss, (classes,), with mean 1 over the images."""
    if reweighting is None:
        return torch.ones(len(CODES))
    length = max(reweighting.last - reweighting.first, 1)
    power = reweighting.power * min(max((epoch - reweighting.first) / length, 0.0), 1.0)
    counts = torch.bincount(torch.as_tensor(labels), minlength=len(CODES)).clamp(min=1).double()
    weights = counts**-power
    return (weights * len(labels) / weights[torch.as_tensor(labels)].sum()).float()


def weighted_loss(logits: torch.Tensor, labels: torch.Tensor, smoothing: float, weights: torch.Tensor) -> torch.Tensor:
    """Weighted cross entropy. labels: (b,), or (b, classes) if mixed; weights: (classes,)."""
    losses = nn.functional.cross_entropy(logits, labels, label_smoothing=smoothing, reduction="none")
    of_each = weights[labels] if labels.ndim == 1 else labels @ weights
    return (losses * of_each).mean()


def _crop(settings: BackboneSettings, size: Size) -> Size | None:
    """The crop (h, w) for images of `size`, in proportion to the largest size, in multiples of the stride."""
    if settings.crop is None:
        return None
    scale = size[0] / max(settings.sizes)[0]
    height, width = (max(round(side * scale / STRIDES[-1]) * STRIDES[-1], STRIDES[-1]) for side in settings.crop)
    return (height, width) if scale < 1 else settings.crop


def _check_crops(settings: BackboneSettings) -> None:
    sizes = settings.sizes[: max(settings.recipe.epochs - settings.whole, 0)]
    crops = [(_crop(settings, size), size) for size in sizes if settings.crop]
    if any(min(crop) > size[0] or max(crop) > size[1] for crop, size in crops):
        raise DataError(f"A crop of {settings.crop} does not fit into every size of {sorted(set(sizes))}.")


@torch.inference_mode()
def classify(model: nn.Module, cases: Sequence[Case], size: Size) -> torch.Tensor:
    """Logits of the unaugmented images, (cases, classes) float32."""
    normalise = Normalise(model.default_cfg["mean"], model.default_cfg["std"])
    device = next(model.parameters()).device
    views = Views(cases, range(len(cases)), size, None, _item, masks=False)
    return torch.cat([model(normalise(images.to(device))).float().cpu() for images, _ in loader(views, 32)])


class Normalise:
    """uint8 (batch, 3, h, w) to the backbone's floats, channels last."""

    def __init__(self, mean, std):
        self.mean = 255 * torch.tensor(mean).view(1, 3, 1, 1)
        self.std = 255 * torch.tensor(std).view(1, 3, 1, 1)

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        mean, std = self.mean.to(images.device), self.std.to(images.device)
        return ((images.float() - mean) / std).to(memory_format=torch.channels_last)


def _item(case, image):
    return to_tensor(image), case.label
