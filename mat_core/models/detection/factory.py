"""Build detectors by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import BundleError
from ...utils.validation import dataclass_from_dict, short_repr
from .skip_dynamo import skip_dynamo_import

if TYPE_CHECKING:
    from .detectron2_detector import Detectron2Detector
    from .torchvision_detector import TorchvisionDetector


def build_detector(kind: str, config: dict) -> TorchvisionDetector | Detectron2Detector:
    """The detector `kind` without weights.

    Raises BundleError for an unknown kind, ConfigError for invalid settings, NotInstalledError for a missing library.
    """
    if kind == "torchvision":
        with skip_dynamo_import():
            from .torchvision_detector import DetectorConfig, TorchvisionDetector

        return TorchvisionDetector(dataclass_from_dict(DetectorConfig, config))
    if kind == "detectron2":
        from .detectron2_detector import Detectron2Config, Detectron2Detector

        return Detectron2Detector(dataclass_from_dict(Detectron2Config, config))
    raise BundleError(f"This version has no detector {short_repr(kind)}; it has: torchvision, detectron2.")
