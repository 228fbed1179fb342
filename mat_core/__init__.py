"""Inference core of the Mutual Attention Transformer demo (Zhou & Luo 2021). Imports no interface and no training code.

>>> from mat_core import Diagnoser, Metadata
>>> diagnoser = Diagnoser.from_pretrained()
>>> diagnosis = diagnoser("lesion.jpg", Metadata(age=55, sex="male", localization="back"))
>>> diagnosis.probabilities
"""

from .diagnoser import Attention, Diagnoser, Diagnosis
from .errors import BundleError, ConfigError, DataError, ImageError, MetadataError, UserError
from .labels import DISCLAIMER
from .metadata import Metadata, Word
from .network import MATConfig, MATNetwork
from .regions import Regions

__all__ = [
    "DISCLAIMER", "Attention", "BundleError", "ConfigError", "DataError", "Diagnoser", "Diagnosis", "ImageError",
    "MATConfig", "MATNetwork", "Metadata", "MetadataError", "Regions", "UserError", "Word",
]  # fmt: skip

__version__ = "0.2.0"  # the one place: pyproject.toml reads it here, and a test compares CITATION.cff
