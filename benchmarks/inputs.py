"""Inputs of the benchmarks: a bundle, a synthetic lesion as a JPEG, its metadata. No photograph is needed."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from mat_core import Diagnoser, Metadata
from mat_core.data.image_encoding import encode_jpeg
from mat_core.data.image_loading import load_image
from mat_core.models.detection.regions import Regions
from teaching.phantoms import make_phantom

METADATA = Metadata(55, "female", "back")
SIZE = (450, 600)  # height and width of HAM10000's photographs
LARGE_SIZE = (3000, 4000)  # a camera's 12 megapixels


@dataclass(frozen=True)
class Inputs:
    """checkpoint: a bundle's folder, None for the default; seconds: minimum duration of each measurement."""

    checkpoint: Path | None
    seconds: float

    @cached_property
    def diagnoser(self) -> Diagnoser:
        """Loaded on first use."""
        return Diagnoser.from_pretrained(self.checkpoint)

    @cached_property
    def file(self) -> bytes:
        """A JPEG of `SIZE`."""
        return encode_jpeg(make_phantom(3, "mel", SIZE).image, 95)

    @cached_property
    def large_file(self) -> bytes:
        """A JPEG of `LARGE_SIZE`."""
        return encode_jpeg(make_phantom(3, "mel", LARGE_SIZE).image, 92)

    @cached_property
    def image(self) -> np.ndarray:
        """`file`, decoded."""
        return load_image(self.file)

    @cached_property
    def regions(self) -> Regions:
        """Regions of `image`."""
        return self.diagnoser.bundle.detector.detect(self.image)

    def uncached(self) -> Diagnoser:
        """A diagnoser of the same bundle with empty caches."""
        return Diagnoser(self.diagnoser.bundle)
