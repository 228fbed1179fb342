"""One phantom: a seed and a diagnosis become image, mask and patient."""

from dataclasses import dataclass

import numpy as np

from mat_core.data.labels import CODES
from mat_core.data.metadata import Metadata
from mat_core.errors import UserError

from .appearance import PAINTERS, SHAPES
from .camera import photograph
from .patients import patient_of
from .scene import Scene

MIN_SIDE = 32
MAX_ASPECT = 8


@dataclass(frozen=True)
class Phantom:
    """One synthetic photograph: what is seen, where the lesion is, what is known of the made-up patient.

    image: (height, width, 3) uint8 RGB. mask: (height, width) uint8, 1 on the lesion. diagnosis: the look it imitates,
    one of `labels.CODES`. `make_phantom(seed, diagnosis, size)` draws the same one again.
    """

    image: np.ndarray
    mask: np.ndarray
    metadata: Metadata
    diagnosis: str
    seed: int


def make_phantom(seed: int, diagnosis: str | None = None, size: tuple[int, int] = (300, 400)) -> Phantom:
    """Draw a phantom; the same arguments give the same bytes.

    seed: 0 or more. diagnosis: a code, or None to let the seed choose. size: (height, width) in pixels, each at least
    32, neither more than 8 times the other. Raises UserError for arguments outside these.
    """
    height, width = size
    if min(size) < MIN_SIDE or max(size) > MAX_ASPECT * min(size):
        raise UserError(f"A phantom needs sides of at least {MIN_SIDE} pixels, at most 1 to {MAX_ASPECT}; got {size}.")
    if seed < 0:
        raise UserError(f"The seed of a phantom must be 0 or more; got {seed}.")
    if diagnosis is None:
        diagnosis = CODES[np.random.default_rng((seed, 0)).integers(len(CODES))]
    if diagnosis not in CODES:
        raise UserError(f"The diagnosis of a phantom must be one of {', '.join(CODES)}; got {diagnosis!r}.")
    number = 1 + CODES.index(diagnosis)
    scene = Scene(np.random.default_rng((seed, number)), height, width, SHAPES[diagnosis])
    PAINTERS[diagnosis](scene)
    image = photograph(scene)
    # a generator of its own: the patient does not change with the size of the picture
    metadata = patient_of(np.random.default_rng((seed, number, 1)), diagnosis)
    return Phantom(image, scene.mask, metadata, diagnosis, seed)
