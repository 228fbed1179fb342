"""Inference core of the Mutual Attention Transformer demo (Zhou & Luo 2021). Imports no interface and no training code.

>>> from mat_core import Diagnoser, Metadata
>>> diagnoser = Diagnoser.from_pretrained()
>>> diagnosis = diagnoser("lesion.jpg", Metadata(age=55, sex="male", localization="back"))
>>> diagnosis.probabilities
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .data.labels import DISCLAIMER
from .data.metadata import Metadata, Word
from .errors import BundleError, ConfigError, DataError, ImageError, MetadataError, UserError

if TYPE_CHECKING:
    from .inference.diagnoser import Diagnoser
    from .inference.diagnosis import Attention, Diagnosis
    from .models.detection.regions import Regions
    from .models.mat import MATConfig, MATNetwork

__all__ = [
    "DISCLAIMER", "Attention", "BundleError", "ConfigError", "DataError", "Diagnoser", "Diagnosis", "ImageError",
    "MATConfig", "MATNetwork", "Metadata", "MetadataError", "Regions", "UserError", "Word",
]  # fmt: skip

__version__ = "0.2.0"  # the one place: pyproject.toml reads it here, and a test compares CITATION.cff

# these import torch, which takes seconds: not before somebody asks for one of them
_LATER = {
    "Attention": "inference.diagnosis", "Diagnoser": "inference.diagnoser", "Diagnosis": "inference.diagnosis",
    "MATConfig": "models.mat", "MATNetwork": "models.mat", "Regions": "models.detection.regions",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f".{_LATER[name]}", __name__), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
