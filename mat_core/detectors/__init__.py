"""Detectors by the name that a bundle gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import BundleError
from ..limits import configured, shown
from .without_compiler import without_compiler

if TYPE_CHECKING:
    from .detectron2 import Detectron2Detector
    from .torchvision import TorchvisionDetector


def build_detector(kind: str, config: dict) -> TorchvisionDetector | Detectron2Detector:
    """The detector `kind` with this configuration, weights not loaded.

    Raises BundleError for a kind not known, ConfigError for settings that cannot work,
    NotInstalledError for a kind whose library is not there.
    """
    if kind == "torchvision":
        with without_compiler():
            from .torchvision import DetectorConfig, TorchvisionDetector

        return TorchvisionDetector(configured(DetectorConfig, config))
    if kind == "detectron2":
        from .detectron2 import Detectron2Config, Detectron2Detector

        return Detectron2Detector(configured(Detectron2Config, config))
    raise BundleError(f"This version has no detector {shown(kind)}; it has: torchvision, detectron2.")
