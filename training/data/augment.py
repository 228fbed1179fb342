"""Seeded augmentation of a photograph and its mask: rotation, flip, shift, resize (paper, section 3.1), and color."""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torchvision.transforms import v2


@dataclass(frozen=True)
class Augmentation:
    """Maximum of each change; 0 disables it. The paper's four are flip, rotation, shift and zoom."""

    flip: bool = True
    rotation: float = 180.0  # degrees either way
    shift: float = 0.08  # of each side
    zoom: float = 0.25  # 0.25: from 1/1.25 to 1.25
    stretch: float = 0.08  # width against height
    brightness: float = 0.15
    contrast: float = 0.15
    saturation: float = 0.15
    white_balance: float = 0.06  # gain of each channel

    def __call__(self, rng: np.random.Generator, *arrays: np.ndarray) -> tuple[np.ndarray, ...]:
        """Transform arrays alike: images (h, w, 3) uint8, and masks (h, w) without color and interpolation."""
        matrix = self._matrix(rng, *arrays[0].shape[:2])
        color = self._color(rng)
        return tuple(color(_warp(a, matrix)) if a.ndim == 3 else _warp(a, matrix) for a in arrays)

    def _matrix(self, rng: np.random.Generator, height: int, width: int) -> np.ndarray:
        angle = np.deg2rad(rng.uniform(-self.rotation, self.rotation))
        zoom = np.exp(rng.uniform(-1, 1) * np.log1p(self.zoom))
        stretch = np.exp(rng.uniform(-1, 1) * np.log1p(self.stretch) / 2)
        mirror = rng.choice((-1.0, 1.0)) if self.flip else 1.0
        cos, sin = np.cos(angle), np.sin(angle)
        linear = np.array([[cos, -sin], [sin, cos]]) @ np.diag([zoom * stretch * mirror, zoom / stretch])
        centre = np.array([(width - 1) / 2, (height - 1) / 2])
        moved = centre + rng.uniform(-self.shift, self.shift, 2) * (width, height)
        return np.column_stack([linear, moved - linear @ centre])

    def _color(self, rng: np.random.Generator):
        gain = 1 + rng.uniform(-self.white_balance, self.white_balance, 3)
        gain *= 1 + rng.uniform(-self.brightness, self.brightness)
        contrast = 1 + rng.uniform(-self.contrast, self.contrast)
        saturation = 1 + rng.uniform(-self.saturation, self.saturation)
        luma = np.array([0.299, 0.587, 0.114], dtype=np.float32)
        # one 3 x 4 color matrix: gains, then saturation about the grey, then contrast about the middle
        mix = saturation * np.eye(3, dtype=np.float32) + (1 - saturation) * np.tile(luma, (3, 1))
        mix = contrast * mix @ np.diag(gain).astype(np.float32)
        offset = np.full((3, 1), 128 * (1 - contrast), dtype=np.float32)
        matrix = np.hstack([mix, offset]).astype(np.float32)

        def apply(image: np.ndarray) -> np.ndarray:
            return np.clip(cv2.transform(image.astype(np.float32), matrix), 0, 255).round().astype(np.uint8)

        return apply


class RandAugment(v2.RandAugment):
    """torchvision's RandAugment (Cubuk et al. 2020) without posterize, solarize, equalize and shear, which change a
    lesion's color and shape (Yao et al., IEEE TMI 2022).
    """

    KEPT = (
        "Identity", "TranslateX", "TranslateY", "Rotate", "Brightness", "Color", "Contrast", "Sharpness",
        "AutoContrast",
    )  # fmt: skip
    _AUGMENTATION_SPACE = {name: v2.RandAugment._AUGMENTATION_SPACE[name] for name in KEPT}  # noqa: RUF012


@dataclass(frozen=True)
class Crops:
    """`augmentation`, then a random crop (h, w) in pixels, then with probability `chance` `RandAugment`."""

    augmentation: Augmentation
    operations: int = 0
    chance: float = 0.7
    crop: tuple[int, int] | None = None

    def __call__(self, rng: np.random.Generator, *arrays: np.ndarray) -> tuple[np.ndarray, ...]:
        """As `Augmentation`, for images (h, w, 3) uint8 only. Raises ValueError for a view smaller than the crop."""
        arrays = self.augmentation(rng, *arrays)
        if self.crop is not None:
            height, width = self.crop
            if any(a.shape[0] < height or a.shape[1] < width for a in arrays):
                raise ValueError(f"A crop of {height} x {width} does not fit into {arrays[0].shape[:2]}.")
            y, x = (int(rng.integers(have - want + 1)) for have, want in zip(arrays[0].shape, self.crop, strict=False))
            arrays = tuple(a[y : y + height, x : x + width] for a in arrays)
        if self.operations and rng.random() < self.chance:
            arrays = tuple(self._changed(rng, image) for image in arrays)
        return arrays

    def _changed(self, rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
        with torch.random.fork_rng(devices=[]):  # torchvision draws from torch's own generator
            torch.manual_seed(int(rng.integers(2**62)))
            changed = RandAugment(self.operations)(torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))))
        return np.ascontiguousarray(changed.numpy().transpose(1, 2, 0))


NONE = Augmentation(False, 0, 0, 0, 0, 0, 0, 0, 0)


def _warp(array: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    flags = cv2.INTER_LINEAR if array.ndim == 3 else cv2.INTER_NEAREST
    # reflect at the border: black corners would be a misleading feature
    return cv2.warpAffine(array, matrix, array.shape[1::-1], flags=flags, borderMode=cv2.BORDER_REFLECT_101)
