"""Skin and camera: a scene becomes a photograph, with gel, hairs, ruler and lamp."""

import cv2
import numpy as np

from .scene import Scene, ramp

# absorption of one unit of pigment in red, green and blue: melanin eats blue most, blood green
_MELANIN = np.array((0.52, 0.92, 1.22), np.float32)
_BLOOD = np.array((0.13, 1.05, 0.78), np.float32)


def photograph(s: Scene) -> np.ndarray:
    """The scene on skin, seen through gel and lens: (h, w, 3) uint8."""
    rng = s.rng
    melanin = s.melanin + 0.035 * s.noise(90) + 0.025 * s.noise(12) + 0.012 * s.noise(4)
    blood = s.blood + 0.045 * s.noise(80) + 0.025 * s.noise(25)
    if rng.random() < 0.45:  # fine vessels of sun-damaged skin
        here = ramp(s.noise(35) + 0.4) * (1 - 0.7 * s.alpha)
        blood += rng.uniform(0.06, 0.2) * np.exp(-((s.noise(13) / 0.16) ** 2)) * here
    if rng.random() < 0.5:  # the lines of the skin, as fine cells
        melanin += 0.07 * s.net(8, 0.4, 0.36)
    pigment = melanin[..., None] * _MELANIN + blood[..., None] * _BLOOD
    image = s.tone * cv2.exp(-pigment)
    for color, weight in s.inks:
        image += (color - image) * weight[..., None]
    _gel(s, image)
    _hairs(s, image)
    _ruler(s, image)
    image *= _lamp(s)[..., None]
    image = cv2.GaussianBlur(image, (0, 0), max(0.35, 0.6 * s.unit)) * 255
    image += rng.standard_normal((s.height, s.width, 1), np.float32) * 1.5
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def _over(image: np.ndarray, color, weight: np.ndarray) -> None:
    image += (np.asarray(color, np.float32) - image) * weight[..., None]


def _hairs(s: Scene, image: np.ndarray) -> None:
    rng = s.rng
    if rng.random() < 0.4:
        return
    dark = rng.random() < 0.85
    color = np.array((0.16, 0.1, 0.07) if dark else (0.9, 0.82, 0.66)) * rng.uniform(0.7, 1.15)
    grain = rng.uniform(0, np.pi)  # hairs of one patch lie one way, more or less
    frame, paths = np.array([s.width, s.height]), []
    t = np.linspace(0, 1, 24)[:, None]
    for _ in range(int(rng.integers(2, 16))):
        angle = grain + rng.normal(0, 0.5)
        along = np.array([np.cos(angle), np.sin(angle)])
        half = along * rng.uniform(40, 190) * s.unit
        middle = rng.random(2) * frame
        bow = middle + np.array([-along[1], along[0]]) * rng.normal(0, 45) * s.unit
        points = (1 - t) ** 2 * (middle - half) + 2 * t * (1 - t) * bow + t**2 * (middle + half)
        paths.append((points, rng.uniform(0.6, 1.5)))
    hairs = s.lines(paths, 0.35)
    shadow = np.roll(hairs, (max(1, round(2 * s.unit)),) * 2, (0, 1))
    image *= 1 - 0.18 * shadow[..., None]
    _over(image, color, 0.88 * hairs)


def _gel(s: Scene, image: np.ndarray) -> None:
    """Air bubbles in the contact gel: a bright rim, a dark one beside it, a glint."""
    rng = s.rng
    if rng.random() < 0.65:
        return
    for _ in range(int(rng.integers(1, 7))):
        x, y = rng.random(2) * (s.width, s.height)
        radius = rng.uniform(4, 13) * s.unit
        rim = cv2.magnitude(s.x - np.float32(x), s.y - np.float32(y)) - np.float32(radius)
        width = max(0.6, 1.3 * s.unit)
        _over(image, (1, 1, 1), 0.45 * np.exp(-((rim / width) ** 2)))
        image *= 1 - 0.18 * np.exp(-(((rim + 2 * width) / (1.5 * width)) ** 2))[..., None]
        glint = (s.x - np.float32(x - 0.4 * radius)) ** 2 + (s.y - np.float32(y - 0.4 * radius)) ** 2
        _over(image, (1, 1, 1), 0.7 * np.exp(-glint / (0.16 * radius) ** 2))


def _ruler(s: Scene, image: np.ndarray) -> None:
    """The dermatoscope's scale along one edge, every fifth tick longer."""
    rng = s.rng
    if rng.random() < 0.75:
        return
    upright, pitch = rng.random() < 0.5, rng.uniform(7, 12) * s.unit
    paths = []
    for n in range(int((s.height if upright else s.width) / pitch)):
        at, reach = (n + 0.5) * pitch, (20 if n % 5 == 0 else 12) * s.unit
        ends = np.array([[6 * s.unit, at], [6 * s.unit + reach, at]])
        paths.append((ends if upright else ends[:, ::-1], 1.0))
    _over(image, (0.25, 0.22, 0.24), 0.6 * s.lines(paths, 0.4))


def _lamp(s: Scene) -> np.ndarray:
    """The light, (h, w): uneven, dimmer to the rim, and at times cut off by the tube, which spares the lesion."""
    rng = s.rng
    across, down = s.x / s.width - 0.5, s.y / s.height - 0.5
    light = 1 + rng.uniform(-0.09, 0.09) * across + rng.uniform(-0.09, 0.09) * down
    light -= rng.uniform(0.05, 0.35) * (across**2 + down**2)
    if rng.random() < 0.3:
        distance = cv2.magnitude(s.x - np.float32(s.width / 2), s.y - np.float32(s.height / 2))
        seen = float(distance[s.mask > 0].max()) + 8 * s.unit
        radius = max(seen, max(s.width, s.height) * rng.uniform(0.48, 0.56))
        light *= ramp((radius - distance) / (14 * s.unit))
    return light.astype(np.float32)
