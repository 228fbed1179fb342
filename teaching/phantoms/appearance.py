"""The seven looks: how each diagnosis is drawn, after the textbooks' signs."""

from collections.abc import Callable

import cv2
import numpy as np

from .scene import Scene, Shape, ramp


def _paint_nv(s: Scene) -> None:
    """Nevus: one or two browns, regular network, globules or neither, fading evenly to the border."""
    rng = s.rng
    s.melanin += s.alpha * rng.uniform(0.5, 0.95) * (1 + 0.22 * s.noise(60) + 0.14 * s.noise(12))
    s.melanin += rng.uniform(0.1, 0.5) * s.alpha * ramp(s.level / 0.7)  # darker middle
    s.blood += s.alpha * rng.uniform(-0.1, 0.25)
    kind = rng.choice(("network", "network", "globules", "plain"))
    if kind == "network":
        strength = (1.05 - 0.6 * s.level.clip(0, 1)) * (1 + 0.4 * s.noise(28))
        s.melanin += rng.uniform(0.4, 0.7) * s.net(rng.uniform(9, 13)) * s.alpha * strength
    elif kind == "globules":
        distance, own = s.cells(rng.uniform(11, 15), 0.3)
        s.melanin += 0.75 * ramp((0.36 - distance) / 0.14) * (0.4 + 0.6 * own) * s.alpha
    else:
        s.melanin += 0.2 * s.alpha * s.noise(7)


def _paint_mel(s: Scene) -> None:
    """Melanoma: several colours, each on one side; blue-grey veil, coarse broken network, streaks, dots, regression."""
    rng = s.rng
    s.melanin += s.alpha * rng.uniform(0.6, 0.95) * (1 + 0.4 * s.noise(48) + 0.16 * s.noise(12)).clip(0.3)
    for _ in range(3):
        s.melanin += rng.uniform(0.7, 1.4) * s.blob(rng.uniform(0.2, 0.45), 0.08)
    s.blood += rng.uniform(0.5, 0.9) * s.blob(rng.uniform(0.25, 0.5), 0.1) + 0.12 * s.alpha
    broken = s.alpha * ramp(1.2 * s.noise(55) + 0.6)
    s.melanin += rng.uniform(0.5, 0.9) * s.net(rng.uniform(13, 20), 0.38, 0.26) * broken
    if rng.random() < 0.7:
        s.melanin += 0.9 * _streaks(s)
    veil = s.blob(rng.uniform(0.25, 0.38), 0.25) * (0.85 + 0.3 * s.noise(16))
    s.ink((0.42, 0.45, 0.54), rng.uniform(0.55, 0.8) * veil)
    if rng.random() < 0.5:  # regression: scar-like, paler than the skin
        s.ink((0.86, 0.76, 0.78), rng.uniform(0.55, 0.75) * s.blob(rng.uniform(0.14, 0.24), 0.15))
    s.ink((0.13, 0.09, 0.09), 0.75 * s.dots(int(rng.integers(6, 22)), (1.2, 3.4), 0.02, 0.6))


def _streaks(s: Scene) -> np.ndarray:
    """Short radial lines over one stretch of the border."""
    paths, towards = [], s.rng.uniform(-np.pi, np.pi)
    for _ in range(36):
        point = np.array(s.spot(0.0, 0.14))
        out = point - s.centre
        angle = np.arctan2(out[1], out[0])
        if np.cos(angle - towards) < 0.1:
            continue
        angle += s.rng.normal(0, 0.12)
        reach = s.rng.uniform(6, 13) * s.unit
        step = np.array([np.cos(angle), np.sin(angle)]) * reach
        paths.append((np.array([point - step, point + 0.45 * step]), s.rng.uniform(1.2, 2.4)))
    return s.lines(paths, 1.1)


def _paint_bcc(s: Scene) -> None:
    """Basal cell carcinoma: pearly pink, branching vessels in focus, blue-grey ovoid nests, at times an erosion."""
    rng = s.rng
    s.blood += s.alpha * rng.uniform(0.26, 0.42) * (1 + 0.3 * s.noise(40) + 0.15 * s.noise(12))
    s.melanin += 0.06 * s.alpha
    s.ink((0.97, 0.86, 0.87), s.alpha * (0.1 + 0.4 * ramp(0.9 * s.noise(38) + 0.5)))
    nests = s.dots(int(rng.integers(3, 9)), (5, 14), 0.12, 0.8, 0.35) * s.alpha
    s.ink((0.33, 0.33, 0.43), rng.uniform(0.6, 0.85) * nests * (0.85 + 0.4 * s.noise(8)))
    s.ink((0.36, 0.36, 0.44), 0.6 * s.dots(int(rng.integers(4, 20)), (1.2, 2.6), 0.1))
    if rng.random() < 0.35:
        erosion = ramp(3 * s.blob(0.16, 0.4) - 1.1)
        s.ink((0.66, 0.22, 0.12), 0.85 * erosion * (1 + 0.2 * s.noise(6)))
    s.ink((0.74, 0.16, 0.22), 0.8 * _vessels(s, int(rng.integers(3, 6))))


def _vessels(s: Scene, trees: int) -> np.ndarray:
    """Vessels that enter at the border, wind towards the middle and branch, thinner each time."""
    rng, paths = s.rng, []
    for _ in range(trees):
        x, y = s.spot(0.02, 0.3)
        heading = np.arctan2(s.centre[1] - y, s.centre[0] - x) + rng.normal(0, 0.4)
        stems = [(np.array([x, y]), heading, rng.uniform(1.9, 2.8), 0)]
        while stems:
            point, heading, width, depth = stems.pop()
            points = [point]
            for _ in range(int(rng.integers(7, 13))):
                heading += rng.normal(0, 0.28)
                stride = s.radius * rng.uniform(0.045, 0.08)
                points.append(points[-1] + stride * np.array([np.cos(heading), np.sin(heading)]))
                if depth < 3 and rng.random() < 0.2:
                    side = rng.choice((-1, 1)) * rng.uniform(0.5, 1.1)
                    stems.append((points[-1], heading + side, width * 0.62, depth + 1))
            paths.append((np.array(points), width))
    return s.lines(paths, 0.55) * ramp(s.level / 0.1 + 0.6)


def _paint_akiec(s: Scene) -> None:
    """Actinic keratosis: faint, red, patchy, with white follicles and yellowish-white scale, little brown."""
    rng = s.rng
    patchy = (0.75 + 0.4 * s.noise(32) + 0.18 * s.noise(10)).clip(0.25, 1.5)
    s.blood += s.alpha * patchy * rng.uniform(0.3, 0.46)
    s.melanin += s.alpha * (0.12 + rng.uniform(0.05, 0.3) * ramp(s.noise(26)))
    distance, own = s.cells(rng.uniform(13, 18), 0.35)
    if rng.random() < 0.65:  # strawberry pattern: red net around pale follicles
        s.blood += 0.2 * s.alpha * ramp((distance - 0.3) / 0.2)
        follicles = ramp((0.26 - distance) / 0.12) * (own > 0.3)
        s.ink((0.95, 0.84, 0.78), 0.6 * follicles * s.alpha)
    scale = ramp(0.7 * s.noise(22) + 0.5 * s.noise(6) - 0.12) * s.alpha * (0.8 + 0.35 * s.noise(2.5))
    s.ink((0.95, 0.88, 0.8), rng.uniform(0.5, 0.8) * scale)
    s.blood += 0.5 * s.dots(int(rng.integers(5, 25)), (1.0, 2.2), 0.1) * s.alpha


def _paint_bkl(s: Scene) -> None:
    """Seborrhoeic keratosis: waxy tan to brown, stuck on with a sharp border; cysts, comedo-like openings, furrows."""
    rng = s.rng
    deep = rng.uniform(0.45, 0.95)
    s.melanin += s.alpha * deep * (1 + 0.25 * s.noise(45) + 0.16 * s.noise(8))
    s.melanin += 0.18 * s.alpha * ramp(1 - s.level / 0.16)  # the ledge of the border
    s.blood += 0.06 * s.alpha
    if rng.random() < 0.7:  # furrows between ridges, as on a brain
        s.melanin += 0.75 * deep * np.exp(-((s.noise(14) / 0.2) ** 2)) * s.alpha
    s.ink((0.86, 0.7, 0.46), 0.2 * s.alpha * ramp(s.noise(24) + 0.3))  # keratin's waxy yellow
    inner = ramp(s.level / 0.1)
    s.ink((0.2, 0.11, 0.07), 0.85 * s.dots(int(rng.integers(4, 18)), (1.6, 4.6), 0.1, 1, 0.3) * inner)
    s.ink((0.99, 0.95, 0.84), 0.9 * s.dots(int(rng.integers(6, 20)), (1.5, 3.8), 0.1, 1, 0.5) * inner)


def _paint_df(s: Scene) -> None:
    """Dermatofibroma: pink-brown, delicate network at the rim, a white scar-like patch in the middle."""
    rng = s.rng
    s.melanin += s.alpha * rng.uniform(0.35, 0.6) * (1 + 0.18 * s.noise(40) + 0.1 * s.noise(9))
    s.blood += s.alpha * rng.uniform(0.15, 0.35) * (1 + 0.2 * s.noise(30))
    rim = s.alpha * ramp((0.62 - s.level) / 0.3)
    s.melanin += rng.uniform(0.25, 0.4) * s.net(rng.uniform(9, 12), 0.2, 0.34) * rim
    patch = ramp((s.level - rng.uniform(0.42, 0.58) + 0.1 * s.noise(22)) / 0.28)
    s.ink((0.97, 0.89, 0.88), rng.uniform(0.62, 0.82) * patch * (0.9 + 0.2 * s.noise(9)))
    paths = []
    for _ in range(int(rng.integers(6, 14))):  # shiny white lines, crossing at right angles
        point = np.array(s.spot(0.45))
        angle = rng.choice((0.4, 0.4 + np.pi / 2)) + rng.normal(0, 0.15)
        step = s.radius * rng.uniform(0.06, 0.16) * np.array([np.cos(angle), np.sin(angle)])
        paths.append((np.array([point - step, point + step]), rng.uniform(1.2, 2.2)))
    s.ink((1.0, 0.95, 0.95), 0.4 * s.lines(paths, 0.9))


def _paint_vasc(s: Scene) -> None:
    """Vascular lesion: sharply bounded red to purple lacunae with pale septa between them, at times a black clot."""
    rng = s.rng
    s.blood += s.alpha * rng.uniform(0.65, 1.0) * (1 + 0.12 * s.noise(40))
    distance, own = s.cells(rng.uniform(24, 40), 0.3)
    own = cv2.GaussianBlur(own, (0, 0), 2.5 * s.unit)
    lacuna = ramp((0.58 - distance + 0.12 * s.noise(20)) / 0.25) * s.alpha
    s.blood += lacuna * (0.2 + 0.6 * own)
    s.melanin += lacuna * (0.05 + 0.3 * own) * (1 + 0.2 * s.noise(9))
    s.ink((0.36, 0.07, 0.27), 0.55 * lacuna * ramp((own - rng.uniform(0.35, 0.8)) / 0.3))  # deeper blood looks purple
    s.ink((0.9, 0.6, 0.66), 0.22 * s.alpha * (1 - lacuna) * ramp(s.level / 0.15))
    if rng.random() < 0.35:  # clotted
        s.ink((0.1, 0.06, 0.12), 0.85 * lacuna * ramp((rng.uniform(0.2, 0.5) - own) / 0.15))


PAINTERS: dict[str, Callable[[Scene], None]] = {
    "bcc": _paint_bcc, "df": _paint_df, "mel": _paint_mel, "bkl": _paint_bkl, "nv": _paint_nv, "akiec": _paint_akiec,
    "vasc": _paint_vasc,
}  # fmt: skip
SHAPES = {
    "bcc": Shape(0.1, 0.01, 0.08, (0.16, 0.34), 1.7),
    "df": Shape(0.045, 0.005, 0.05, (0.3, 0.5), 1.5, (0.05, 0.25)),
    "mel": Shape(0.2, 0.016, 0.12, (0.1, 0.24), 1.7, (0.08, 0.42)),
    "bkl": Shape(0.09, 0.014, 0.08, (0.05, 0.1), 1.7),
    "nv": Shape(0.05, 0.006, 0.06, (0.2, 0.45), 1.8, (0.04, 0.3)),
    "akiec": Shape(0.16, 0.02, 0.12, (0.25, 0.5), 1.8),
    "vasc": Shape(0.06, 0.008, 0.05, (0.06, 0.12), 1.4, (0.04, 0.2)),
}
