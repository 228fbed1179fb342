"""Inference core of the Mutual Attention Transformer demo (Zhou & Luo 2021). Imports no interface and no training code.

>>> from mat_core import Diagnoser, Metadata
>>> diagnoser = Diagnoser.from_pretrained()
>>> diagnosis = diagnoser("lesion.jpg", Metadata(age=55, sex="male", localization="back"))
>>> diagnosis.probabilities
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .errors import BundleError, ConfigError, DataError, ImageError, MetadataError, UserError
from .labels import DISCLAIMER
from .metadata import Metadata, Word

if TYPE_CHECKING:
    from .diagnoser import Attention, Diagnoser, Diagnosis
    from .network import MATConfig, MATNetwork
    from .regions import Regions

__all__ = [
    "DISCLAIMER", "Attention", "BundleError", "ConfigError", "DataError", "Diagnoser", "Diagnosis", "ImageError",
    "MATConfig", "MATNetwork", "Metadata", "MetadataError", "Regions", "UserError", "Word",
]  # fmt: skip

__version__ = "0.2.0"  # the one place: pyproject.toml reads it here, and a test compares CITATION.cff

# these import torch, which takes seconds: not before somebody asks for one of them
_LATER = {
    "Attention": "diagnoser", "Diagnoser": "diagnoser", "Diagnosis": "diagnoser", "MATConfig": "network",
    "MATNetwork": "network", "Regions": "regions",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f".{_LATER[name]}", __name__), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
