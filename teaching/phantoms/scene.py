"""The scene: skin, an outline of the lesion, and the pigments and inks that a look adds to it."""

from dataclasses import dataclass

import cv2
import numpy as np

_LUMA = np.array((0.299, 0.587, 0.114), np.float32)
_TONES = np.array(
    (
        (236, 196, 186), (214, 186, 200), (242, 210, 186), (228, 152, 146), (224, 184, 170), (212, 164, 132),
        (178, 126, 96), (136, 92, 68), (102, 68, 52),
    ),
    np.float32,
) / 255  # fmt: skip
_TONE_SHARES = (0.16, 0.16, 0.15, 0.1, 0.13, 0.1, 0.08, 0.07, 0.05)


@dataclass(frozen=True)
class Shape:
    """How the outlines of a diagnosis vary."""

    irregularity: float  # of the outline's slow waves, share of the radius
    jag: float  # of its fast waves
    bend: float  # of the noise that bends it, share of the radius
    edge: tuple[float, float]  # width of the soft border, share of the radius
    elongation: float  # largest ratio of the axes
    area: tuple[float, float] = (0.05, 0.36)  # of the frame


class Scene:
    """Skin, the lesion's geometry, and the pigment layers that a painter adds to.

    level: (h, w) float32, 1 at the lesion's middle, 0 on its border, negative outside. alpha: (h, w), 1 inside, 0
    outside, soft on the border. melanin, blood: (h, w) pigment. inks: what lies on top, (colour, weight) in order.
    """

    def __init__(self, rng: np.random.Generator, height: int, width: int, shape: Shape):
        self.rng, self.height, self.width = rng, height, width
        self.unit = min(height, width) / 300
        self.y, self.x = np.mgrid[:height, :width].astype(np.float32)
        self.tone = _TONES[rng.choice(len(_TONES), p=_TONE_SHARES)] * rng.uniform(0.95, 1.05, 3).astype(np.float32)
        # scattered light is dimmer on dark skin, white scales and cysts too
        # they bend every net of cells
        self.warp_x, self.warp_y = (grid + 3.2 * self.unit * self.noise(16) for grid in (self.x, self.y))
        self.light = float(0.4 + 0.6 * min(1.0, self.tone @ _LUMA / 0.75))
        self.level, self.radius, self.centre = self._lesion(shape)
        self.mask = (self.level > 0).astype(np.uint8)
        self.alpha = ramp(self.level / rng.uniform(*shape.edge) + 0.5)
        self.melanin = np.zeros((height, width), np.float32)
        self.blood = np.zeros((height, width), np.float32)
        self.inks: list[tuple[np.ndarray, np.ndarray]] = []

    def _lesion(self, shape: Shape) -> tuple[np.ndarray, float, np.ndarray]:
        """The level, the mean radius in pixels, and the centre (x, y) of a star-shaped outline bent by slow noise."""
        rng, count = self.rng, 2048
        angles = np.arange(count) * (2 * np.pi / count)
        outline = np.ones(count)
        for k in range(2, 7):
            outline += shape.irregularity * rng.normal() / k**0.8 * np.cos(k * angles + rng.uniform(0, 2 * np.pi))
        for k in range(9, 40, 3):
            outline += shape.jag * rng.normal() / k**0.4 * np.cos(k * angles + rng.uniform(0, 2 * np.pi))
        outline = np.clip(outline, 0.5, 1.6)
        stretch = np.sqrt(rng.uniform(1, shape.elongation))
        turn = rng.uniform(0, np.pi)
        turning = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        points = turning @ (outline * np.array([np.cos(angles) * stretch, np.sin(angles) / stretch]))
        area = 0.5 * abs(np.sum(points[0] * np.roll(points[1], -1) - points[1] * np.roll(points[0], -1)))
        wanted = np.exp(rng.uniform(*np.log(shape.area))) * self.height * self.width
        most = 5 * self.unit  # pixels of bending
        frame = np.array([self.width, self.height])
        room = frame * 0.96 - 4 * most
        extent = np.ptp(points, axis=1)
        radius = min(np.sqrt(wanted / area), *(room / extent))
        middle = (points.max(1) + points.min(1)) / 2 * radius
        play = np.minimum((room - extent * radius) / 2, frame * 0.14)
        centre = frame / 2 - middle + rng.uniform(-1, 1, 2) * play
        bend = min(most, shape.bend * radius)
        bent = np.stack([self.x + bend * self.noise(26), self.y + bend * self.noise(26)])
        along, across = np.einsum("ij,jhw->ihw", turning.T, bent - centre[:, None, None]) / radius
        along, across = (along / stretch).astype(np.float32), (across * stretch).astype(np.float32)
        distance, angle = cv2.cartToPolar(along, across)
        ring = outline.astype(np.float32)[(angle * (count / (2 * np.pi))).astype(np.int32) % count]
        level = 1 - distance / ring
        _, parts, stats, _ = cv2.connectedComponentsWithStats((level > 0).astype(np.uint8), connectivity=4)
        largest = 1 + stats[1:, cv2.CC_STAT_AREA].argmax()
        level[(parts > 0) & (parts != largest)] = 0  # crumbs that the noise broke off
        return level, float(radius), centre

    def noise(self, cell: float) -> np.ndarray:
        """Smooth noise (h, w) float32, mean about 0 and spread about 0.6, with blobs of `cell` units."""
        cell = max(1.0, cell * self.unit)
        grid = self.rng.standard_normal(
            (int(np.ceil(self.height / cell)) + 1, int(np.ceil(self.width / cell)) + 1), np.float32
        )
        return cv2.resize(grid, (self.width, self.height), interpolation=cv2.INTER_CUBIC)

    def cells(self, spacing: float, jitter: float = 0.25) -> tuple[np.ndarray, np.ndarray]:
        """A net of cells `spacing` units wide, as two (h, w) float32: distance to the cell's middle, and its number.

        The distance runs from 0 to about 0.6 of the spacing; the number is drawn from 0 to 1, the same over a cell.
        """
        step = max(2.0, spacing * self.unit)
        rows, columns = np.mgrid[-1 : self.height / (step * 0.87) + 1, -1 : self.width / step + 1]
        columns = columns + 0.5 * (rows % 2)
        moves = self.rng.uniform(-jitter, jitter, (2, *rows.shape))
        y = np.rint((rows * 0.87 + moves[0]) * step).astype(int).ravel()
        x = np.rint((columns + moves[1]) * step).astype(int).ravel()
        inside = (y >= 0) & (y < self.height) & (x >= 0) & (x < self.width)
        source = np.ones((self.height, self.width), np.uint8)
        source[y[inside], x[inside]] = 0
        distance, owner = cv2.distanceTransformWithLabels(source, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
        own = self.rng.random(rows.size + 1, np.float32)[owner]
        warp, border = (self.warp_x, self.warp_y), cv2.BORDER_REFLECT_101
        distance = cv2.remap(distance, *warp, cv2.INTER_LINEAR, borderMode=border)
        return distance / step, cv2.remap(own, *warp, cv2.INTER_NEAREST, borderMode=border)

    def blob(self, size: float, low: float = 0.2) -> np.ndarray:
        """One soft patch inside the lesion, (h, w) in 0 to 1; `size` as a share of the lesion's radius."""
        x, y = self.spot(low)
        spread = 2 * (size * self.radius) ** 2
        distance = (self.x - x) ** 2 + (self.y - y) ** 2
        return np.exp(-distance / spread * (1 + 0.45 * self.noise(30)).clip(0.3)) * self.alpha

    def spot(self, low: float = 0.1, high: float = 1.0) -> tuple[float, float]:
        """A random pixel (x, y) where the level lies between `low` and `high`."""
        choice = np.flatnonzero((self.level > low) & (self.level < high))
        if not len(choice):
            return float(self.centre[0]), float(self.centre[1])
        y, x = divmod(int(choice[int(self.rng.random() * len(choice))]), self.width)
        return float(x), float(y)

    def dots(self, count: int, size: tuple[float, float], low: float = 0.1, high: float = 1.0, soft: float = 0.3):
        """`count` ellipses (h, w) in 0 to 1 on the lesion; size: radius in units, from and to; soft: blurred by."""
        canvas = np.zeros((self.height, self.width), np.uint8)
        mean = 0.0
        for _ in range(count):
            x, y = self.spot(low, high)
            a = self.rng.uniform(*size) * self.unit
            b = a * self.rng.uniform(0.65, 1)
            mean += a / count
            axes = (max(4, round(a * 8)), max(4, round(b * 8)))
            centre = (round(x * 8), round(y * 8))
            cv2.ellipse(canvas, centre, axes, self.rng.uniform(0, 180), 0, 360, 255, -1, cv2.LINE_AA, 3)
        return cv2.GaussianBlur(canvas, (0, 0), max(0.3, soft * mean)).astype(np.float32) / 255

    def lines(self, paths: list[tuple[np.ndarray, float]], soft: float = 0.5) -> np.ndarray:
        """Polylines (points (n, 2) in pixels, width in units) as (h, w) in 0 to 1."""
        canvas = np.zeros((self.height, self.width), np.uint8)
        for points, width in paths:
            line = canvas if width * self.unit >= 1 else np.zeros_like(canvas)
            fixed = np.rint(np.clip(points, -1e4, 1e4) * 8).astype(np.int32)
            cv2.polylines(line, [fixed], False, 255, max(1, round(width * self.unit)), cv2.LINE_AA, 3)
            if line is not canvas:  # thinner than a pixel: fainter instead
                canvas = np.maximum(canvas, (line * (width * self.unit)).astype(np.uint8))
        return cv2.GaussianBlur(canvas, (0, 0), max(0.3, soft * self.unit)).astype(np.float32) / 255

    def ink(self, color: tuple[float, float, float], weight: np.ndarray) -> None:
        """Lay `colour` (RGB, 0 to 1, as on fair skin) over the pigments with `weight` (h, w) in 0 to 1."""
        self.inks.append((np.array(color, np.float32) * self.light, np.clip(weight, 0, 1)))

    def net(self, spacing: float, jitter: float = 0.25, thin: float = 0.3) -> np.ndarray:
        """A pigment network (h, w) in 0 to 1: 1 on the lines, 0 in the holes."""
        distance, _ = self.cells(spacing, jitter)
        return ramp((distance - thin) / 0.24)


def ramp(x: np.ndarray) -> np.ndarray:
    """Smooth step: 0 up to 0, 1 from 1 on."""
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)
