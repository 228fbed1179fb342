"""Seeded augmentation of a photograph and its mask: rotation, flip, shift, resize (paper, section 3.1), and colour."""

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class Augmentation:
    """How far each change may go; zeros switch a change off. The paper's four are flip, rotation, shift and zoom."""

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
        """Change arrays of one framing alike: (h, w, 3) uint8 are images, (h, w) masks (no colour, nearest pixel)."""
        matrix = self._matrix(rng, *arrays[0].shape[:2])
        colour = self._colour(rng)
        return tuple(colour(_warp(a, matrix)) if a.ndim == 3 else _warp(a, matrix) for a in arrays)

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

    def _colour(self, rng: np.random.Generator):
        gain = 1 + rng.uniform(-self.white_balance, self.white_balance, 3)
        gain *= 1 + rng.uniform(-self.brightness, self.brightness)
        contrast = 1 + rng.uniform(-self.contrast, self.contrast)
        saturation = 1 + rng.uniform(-self.saturation, self.saturation)
        luma = np.array([0.299, 0.587, 0.114], dtype=np.float32)
        # one 3 x 4 colour matrix: gains, then saturation about the grey, then contrast about the middle
        mix = saturation * np.eye(3, dtype=np.float32) + (1 - saturation) * np.tile(luma, (3, 1))
        mix = contrast * mix @ np.diag(gain).astype(np.float32)
        offset = np.full((3, 1), 128 * (1 - contrast), dtype=np.float32)
        matrix = np.hstack([mix, offset]).astype(np.float32)

        def apply(image: np.ndarray) -> np.ndarray:
            return np.clip(cv2.transform(image.astype(np.float32), matrix), 0, 255).round().astype(np.uint8)

        return apply


NONE = Augmentation(False, 0, 0, 0, 0, 0, 0, 0, 0)


def _warp(array: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    flags = cv2.INTER_LINEAR if array.ndim == 3 else cv2.INTER_NEAREST
    # mirrored skin at the rim: black corners would teach a cue that no clean photograph has
    return cv2.warpAffine(array, matrix, array.shape[1::-1], flags=flags, borderMode=cv2.BORDER_REFLECT_101)
