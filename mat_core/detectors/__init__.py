"""Detectors by the name that a bundle gives them."""

from torch import nn

from ..errors import BundleError


def build_detector(kind: str, config: dict) -> nn.Module:
    """The detector `kind` with this configuration, weights not loaded.

    Raises BundleError for a kind not known, ConfigError for one that is not installed.
    """
    if kind == "torchvision":
        from .torchvision import DetectorConfig, TorchvisionDetector

        return TorchvisionDetector(DetectorConfig(**{k: _frozen(v) for k, v in config.items()}))
    if kind == "detectron2":
        from .detectron2 import Detectron2Config, Detectron2Detector

        return Detectron2Detector(Detectron2Config(**{k: _frozen(v) for k, v in config.items()}))
    raise BundleError(f"This version has no detector {kind!r}; it has: torchvision, detectron2.")


def _frozen(value):
    return tuple(_frozen(v) for v in value) if isinstance(value, list) else value
