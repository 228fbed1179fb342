"""Check a photograph's sharpness, exposure, size and framing against the training images. It warns and refuses nothing.

The limits are percentiles of the training split, written by `python -m training quality`.
"""

import functools
import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from .image_loading import original_size, scale_image

LIMITS_FILE = Path(__file__).with_name("image_quality.json")
SIDE = 300  # pixels of the short side at which everything is measured
FRAMING_SIDE = 96  # of the lesion's outline
WHITE = 253  # of 255: a channel that is clipped
DARK = 40  # of 255 in the brightest channel, below which a pixel is the black rim around a round field of view
SENTENCES = {
    "blurred": "The photograph is blurred. Focus, hold the dermatoscope still, and take it again.",
    "dark": "The photograph is too dark. Take it with more light.",
    "overexposed": "The photograph is overexposed: parts of it are white. Take it with less light.",
    "small": "The photograph has few pixels. Take it at a higher resolution, or crop less.",
    "cut": "The edge of the photograph cuts through the lesion. Take all of it, in the middle.",
}
FINE = "Sharpness, exposure, size and framing are like those of the training photographs."


@dataclass(frozen=True)
class Measures:
    """What is measured of one photograph.

    sharpness: logarithm of the variance of the Laplacian (Pech-Pacheco et al. 2000); brightness: 95th percentile of the
    luminance, 0 to 255; clipped: share of pixels with a white channel; side: pixels of the short side; cut: see
    `lesion_cut`.
    """

    sharpness: float
    brightness: float
    clipped: float
    side: float
    cut: float


@dataclass(frozen=True)
class ImageQuality:
    """limits: the lowest sharpness, brightness and side, and the highest clipped and cut, without a warning."""

    measures: Measures
    limits: Measures

    @property
    def warnings(self) -> tuple[str, ...]:
        """Keys of SENTENCES."""
        m, limits = self.measures, self.limits
        seen = {
            "blurred": m.sharpness < limits.sharpness,
            "dark": m.brightness < limits.brightness,
            "overexposed": m.clipped > limits.clipped,
            "small": m.side < limits.side,
            "cut": m.cut > limits.cut,
        }
        return tuple(kind for kind, is_seen in seen.items() if is_seen)

    def summary(self) -> str:
        """What is seen and what to do, or that nothing is."""
        return " ".join(SENTENCES[kind] for kind in self.warnings) or FINE


def check_quality(image: np.ndarray) -> ImageQuality:
    """Check an array of `load_image`."""
    return ImageQuality(measure_quality(image), read_limits())


def measure_quality(image: np.ndarray) -> Measures:
    """Measure an array of `load_image`, (h, w, 3) uint8 RGB."""
    small = scale_image(image, SIDE, max(image.shape))
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    return Measures(
        float(np.log(cv2.Laplacian(grey, cv2.CV_32F).var() + 1e-3)),
        float(np.percentile(grey, 95)),
        float((small.max(2) >= WHITE).mean()),
        float(min(original_size(image))),
        lesion_cut(small),
    )


def lesion_cut(image: np.ndarray) -> float:
    """How far an edge of the image cuts through the lesion: 0 for a whole lesion, about 1.4 for half of a round one.

    The longest contact of the lesion with one edge, less that with the opposite edge, over the diameter of a circle of
    its area. The lesion is outlined by color and by green light (Otsu 1979); the smaller of the two results counts.
    """
    small = cv2.GaussianBlur(scale_image(image, FRAMING_SIDE, max(image.shape)), (0, 0), 1.5)
    red, green, blue = np.moveaxis(np.log(small.astype(np.float32) + 4), 2, 0)
    inside = small.max(2) > DARK
    return min(_contact(channel, inside) for channel in ((blue + green) / 2 - red, small[..., 1].astype(np.float32)))


def _contact(channel: np.ndarray, inside: np.ndarray) -> float:
    """The measure of `lesion_cut` for the low values of one channel; 0 without contrast. inside: without black rims."""
    if not inside.any():
        return 0.0
    low, high = np.percentile(channel[inside], (0.5, 99.5))
    grey = np.clip((channel - low) / max(high - low, 1e-6) * 255, 0, 255).astype(np.uint8)
    threshold, _ = cv2.threshold(grey[inside][:, None], 0, 255, cv2.THRESH_OTSU)
    count, parts = cv2.connectedComponents(((grey <= threshold) & inside).astype(np.uint8))
    if count < 2:
        return 0.0
    y, x = (np.linspace(-1, 1, size) for size in grey.shape)
    weights = np.maximum(threshold - grey, 1) * np.exp(-np.add.outer(y**2, x**2) / 0.7)  # a lesion is in the middle
    lesion = parts == np.bincount(parts.ravel(), (weights * (parts > 0)).ravel()).argmax()
    top, bottom, left, right = (edge.sum() for edge in (lesion[0], lesion[-1], lesion[:, 0], lesion[:, -1]))
    return float(max(abs(top - bottom), abs(left - right)) / np.sqrt(4 / np.pi * lesion.sum()))


@functools.cache
def read_limits(path: Path = LIMITS_FILE) -> Measures:
    """The limits of a file that `python -m training quality` wrote."""
    return Measures(**json.loads(path.read_text(encoding="utf-8"))["limits"])
