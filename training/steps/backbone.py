"""Step 'backbone': teach an ImageNet backbone skin, as a whole-image classifier, before it becomes the detector's."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from timm.data import Mixup
from torch import nn

from mat_core.errors import DataError
from mat_core.files import checksum
from mat_core.ham10000 import Case, Dataset
from mat_core.labels import CODES
from mat_core.measuring.metrics import headline

from ..data.augment import Augmentation, Crops
from ..data.views import Size, Views, epoch_order, loader, to_tensor
from ..engine.loop import fit
from ..engine.recipe import Recipe
from ..networks.backbones import check_name, imagenet_backbone, takes


@dataclass(frozen=True)
class Reweighting:
    """First learn features, then balance: a class of n images weighs n ** -power in the loss, from the `last` epoch on;
    none up to the `first`, and in between by and by (Yao et al., IEEE TMI 2022; Zhou et al., CVPR 2020).
    """

    power: float = 1.2
    first: int = 20
    last: int = 60


@dataclass(frozen=True)
class BackboneSettings:
    """Early epochs on small images are cheap and teach nearly as much; the last ones see the detector's size."""

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
    crop: Size | None = None  # (h, w): random crops of the epoch's size, which teach to read parts; for long runs
    whole: int = 0  # last epochs, on whole images
    operations: int = 0  # of RandAugment, in 7 of 10 views
    reweighting: Reweighting | None = None  # beside balance 0, or it is balanced twice


def with_model(settings: BackboneSettings, name: str) -> BackboneSettings:
    """The settings for another timm model. What it has no place for, such as stochastic depth, is left out and printed.

    Raises ConfigError when timm has no such model.
    """
    check_name(name)
    asked = {"dropout": "drop_rate", "drop_path": "drop_path_rate"}
    missing = {ours: 0.0 for ours, theirs in asked.items() if getattr(settings, ours) and not takes(name, theirs)}
    for ours in missing:
        print(f"{name} has no {ours}: it is trained without the plan's {getattr(settings, ours)}.", flush=True)
    return replace(settings, name=name, **missing)


def train_backbone(
    data: Dataset, run: Path, settings: BackboneSettings = BackboneSettings(), weights: Path | None = None
) -> dict[str, float]:
    """Train and leave timm's weights in run/best.safetensors; returns the best epoch's metrics on val.

    weights: a file with the ImageNet weights to start from, see `imagenet_backbone`.
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
    mix, weights_of = mixing(settings), torch.ones(len(CODES))

    def batches(epoch: int):
        weights_of.copy_(class_weights(labels, settings.reweighting, epoch))
        if mix is not None:
            mix.mixup_enabled = epoch <= recipe.epochs - settings.unmixed
        order = epoch_order(labels, epoch, recipe.seed, settings.balance)
        views = Views(
            train, order, settings.sizes[epoch - 1], augmentation(settings, epoch), _item,
            masks=False, seed=recipe.seed, epoch=epoch,
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
        return headline(logits.softmax(1).numpy(), np.array([c.label for c in val]))

    written = {"step": "backbone", "settings": settings}
    if weights is not None:
        written["weights"] = {"file": weights.name, "sha256": checksum(weights)}
    return fit(run, model, recipe, written, batches, loss_of, validate, "lrap")


def mixing(settings: BackboneSettings) -> Mixup | None:
    """timm's mixup and cutmix as the settings ask, None without; they draw from numpy's generator, seeded every epoch.

    Raises DataError for a batch that cannot be mixed in pairs.
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
    """What happens to the photographs of an epoch, counted from 1."""
    cropped = settings.crop if epoch <= settings.recipe.epochs - settings.whole else None
    if cropped is None and not settings.operations:
        return settings.augmentation
    return Crops(settings.augmentation, settings.operations, crop=cropped)


def class_weights(labels: Sequence[int], reweighting: Reweighting | None, epoch: int) -> torch.Tensor:
    """The weight of each class in an epoch's loss, (classes,); their mean over the images is 1."""
    if reweighting is None:
        return torch.ones(len(CODES))
    length = max(reweighting.last - reweighting.first, 1)
    power = reweighting.power * min(max((epoch - reweighting.first) / length, 0.0), 1.0)
    counts = torch.bincount(torch.as_tensor(labels), minlength=len(CODES)).clamp(min=1).double()
    weights = counts**-power
    return (weights * len(labels) / weights[torch.as_tensor(labels)].sum()).float()


def weighted_loss(logits: torch.Tensor, labels: torch.Tensor, smoothing: float, weights: torch.Tensor) -> torch.Tensor:
    """Mean cross entropy, a scalar. labels: (b,) classes, or (b, classes) shares if mixed; weights: (classes,)."""
    losses = nn.functional.cross_entropy(logits, labels, label_smoothing=smoothing, reduction="none")
    of_each = weights[labels] if labels.ndim == 1 else labels @ weights
    return (losses * of_each).mean()


def _check_crops(settings: BackboneSettings) -> None:
    sizes = settings.sizes[: max(settings.recipe.epochs - settings.whole, 0)]
    if settings.crop and any(min(settings.crop) > size[0] or max(settings.crop) > size[1] for size in sizes):
        raise DataError(f"A crop of {settings.crop} does not fit into every size of {sorted(set(sizes))}.")


@torch.inference_mode()
def classify(model: nn.Module, cases: Sequence[Case], size: Size) -> torch.Tensor:
    """Logits of the plain photographs, (cases, classes) float32."""
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
