"""What the benchmarks work on: the bundle, a drawn lesion as a file, its metadata. It needs no photograph."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from mat_core import Diagnoser, Metadata
from mat_core.encoding import encode_jpeg
from mat_core.images import load_image
from mat_core.phantoms import make_phantom
from mat_core.regions import Regions

METADATA = Metadata(55, "female", "back")
SIZE = (450, 600)  # height and width of HAM10000's photographs
LARGE = (3000, 4000)  # of a camera's, 12 megapixels


@dataclass(frozen=True)
class Case:
    """checkpoint: a bundle's folder, None: the one in checkpoints/; seconds: that each row is given."""

    checkpoint: Path | None
    seconds: float

    @cached_property
    def diagnoser(self) -> Diagnoser:
        """Loaded when first asked for."""
        return Diagnoser.from_pretrained(self.checkpoint)

    @cached_property
    def file(self) -> bytes:
        """A JPEG of `SIZE`."""
        return encode_jpeg(make_phantom(3, "mel", SIZE).image, 95)

    @cached_property
    def large_file(self) -> bytes:
        """A JPEG of `LARGE`."""
        return encode_jpeg(make_phantom(3, "mel", LARGE).image, 92)

    @cached_property
    def image(self) -> np.ndarray:
        """The file, decoded."""
        return load_image(self.file)

    @cached_property
    def regions(self) -> Regions:
        """Of the image."""
        return self.diagnoser.bundle.detector.detect(self.image)

    def fresh(self) -> Diagnoser:
        """The diagnoser with nothing remembered."""
        return Diagnoser(self.diagnoser.bundle)
