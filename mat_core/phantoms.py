"""Phantoms: synthetic dermatoscopic images with their masks and metadata, drawn from a seed. No patient is in them.

They serve the tests and a machine without HAM10000, and are labelled synthetic wherever a person sees them. A phantom
imitates the look of a diagnosis, as a stylised textbook drawing would; it says nothing about how a model does on skin.

Colour follows light through skin: pigments absorb (Beer-Lambert), so one lesion looks right on every skin tone. Lengths
are in units of 1/300 of the shorter side, so one seed gives one scene at every size of the same shape.
"""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from .errors import UserError
from .labels import CODES
from .metadata import SEXES, Metadata

MIN_SIDE = 32
MAX_ASPECT = 8
MASK_SCALE = 1.5  # masks against images in `write_phantom_dataset`, as HAM10000 scaled to 400 x 300 has it

# absorption of one unit of pigment in red, green and blue: melanin eats blue most, blood green
_MELANIN = np.array((0.52, 0.92, 1.22), np.float32)
_BLOOD = np.array((0.13, 1.05, 0.78), np.float32)
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
    scene = _Scene(np.random.default_rng((seed, number)), height, width, _SHAPES[diagnosis])
    _PAINTERS[diagnosis](scene)
    image = _photograph(scene)
    # a generator of its own: the patient does not change with the size of the picture
    metadata = _patient(np.random.default_rng((seed, number, 1)), diagnosis)
    return Phantom(image, scene.mask, metadata, diagnosis, seed)


def write_phantom_dataset(
    folder: str | Path, per_class: int = 6, seed: int = 0, size: tuple[int, int] = (150, 200)
) -> Path:
    """Write a small synthetic HAM10000 into `folder`, in the layout and with the oddities of the official download.

    `per_class` lesions of each diagnosis, some with two or three photographs; JPEG images of `size` (height, width) in
    two parts, PNG masks 1.5 times as large, the metadata csv with missing ages, 'unknown' sex and site, and dx_type
    values that leak the label as the real ones do. Names start at ISIC_9000000, beyond the real ones. Returns `folder`.
    """
    if per_class < 1:
        raise UserError(f"A phantom data set needs at least one lesion of each diagnosis; got {per_class}.")
    folder = Path(folder)
    parts = [folder / f"HAM10000_images_part_{part}" for part in (1, 2)]
    masks = folder / "HAM10000_segmentations_lesion_tschandl"
    for path in (*parts, masks):
        path.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    lesions = [(code, i) for i in range(per_class) for code in CODES]
    photographs = [(1, 2, 1, 3, 1)[n % 5] for n in range(len(lesions))]
    # the real ids follow neither lesion nor diagnosis
    ids = iter(9_000_000 + rng.permutation(sum(photographs)))
    middle = 9_000_000 + sum(photographs) // 2
    rows = []
    for n, (code, i) in enumerate(lesions):
        phantom = make_phantom(seed * 100_003 + n, code, size)
        patient = _row(phantom.metadata, code, i, odd=n)
        for photograph in range(photographs[n]):
            number = int(next(ids))
            image, mask = _another_view(rng, phantom) if photograph else (phantom.image, phantom.mask)
            name = f"ISIC_{number}"
            large = tuple(round(side * MASK_SCALE) for side in size[::-1])
            mask = (cv2.resize(mask * 255, large, interpolation=cv2.INTER_LINEAR) > 127).astype(np.uint8) * 255
            _write(parts[number >= middle] / f"{name}.jpg", image[..., ::-1])
            _write(masks / f"{name}_segmentation.png", mask)
            rows.append({"lesion_id": f"HAM_{9_000_000 + n}", "image_id": name, "dx": code, **patient})
    with (folder / "HAM10000_metadata.csv").open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows[k] for k in rng.permutation(len(rows)))
    return folder


# ---------------------------------------------------------------- the scene


@dataclass(frozen=True)
class _Shape:
    """How the outlines of a diagnosis vary."""

    irregularity: float  # of the outline's slow waves, share of the radius
    jag: float  # of its fast waves
    bend: float  # of the noise that bends it, share of the radius
    edge: tuple[float, float]  # width of the soft border, share of the radius
    elongation: float  # largest ratio of the axes
    area: tuple[float, float] = (0.05, 0.36)  # of the frame


class _Scene:
    """Skin, the lesion's geometry, and the pigment layers that a painter adds to.

    level: (h, w) float32, 1 at the lesion's middle, 0 on its border, negative outside. alpha: (h, w), 1 inside, 0
    outside, soft on the border. melanin, blood: (h, w) pigment. inks: what lies on top, (colour, weight) in order.
    """

    def __init__(self, rng: np.random.Generator, height: int, width: int, shape: _Shape):
        self.rng, self.height, self.width = rng, height, width
        self.unit = min(height, width) / 300
        self.y, self.x = np.mgrid[:height, :width].astype(np.float32)
        self.tone = _TONES[rng.choice(len(_TONES), p=_TONE_SHARES)] * rng.uniform(0.95, 1.05, 3).astype(np.float32)
        # scattered light is dimmer on dark skin, white scales and cysts too
        self.warp = [grid + 3.2 * self.unit * self.noise(16) for grid in (self.x, self.y)]  # bends every net of cells
        self.light = float(0.4 + 0.6 * min(1.0, self.tone @ _LUMA / 0.75))
        self.level, self.radius, self.centre = self._lesion(shape)
        self.mask = (self.level > 0).astype(np.uint8)
        self.alpha = _step(self.level / rng.uniform(*shape.edge) + 0.5)
        self.melanin = np.zeros((height, width), np.float32)
        self.blood = np.zeros((height, width), np.float32)
        self.inks: list[tuple[np.ndarray, np.ndarray]] = []

    def _lesion(self, shape: _Shape) -> tuple[np.ndarray, float, np.ndarray]:
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
        distance = cv2.remap(distance, *self.warp, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
        return distance / step, cv2.remap(own, *self.warp, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT_101)

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

    def ink(self, colour: tuple[float, float, float], weight: np.ndarray) -> None:
        """Lay `colour` (RGB, 0 to 1, as on fair skin) over the pigments with `weight` (h, w) in 0 to 1."""
        self.inks.append((np.array(colour, np.float32) * self.light, np.clip(weight, 0, 1)))

    def net(self, spacing: float, jitter: float = 0.25, thin: float = 0.3) -> np.ndarray:
        """A pigment network (h, w) in 0 to 1: 1 on the lines, 0 in the holes."""
        distance, _ = self.cells(spacing, jitter)
        return _step((distance - thin) / 0.24)


# ---------------------------------------------------------------- the seven looks


def _paint_nv(s: _Scene) -> None:
    """Nevus: one or two browns, regular network, globules or neither, fading evenly to the border."""
    rng = s.rng
    s.melanin += s.alpha * rng.uniform(0.5, 0.95) * (1 + 0.22 * s.noise(60) + 0.14 * s.noise(12))
    s.melanin += rng.uniform(0.1, 0.5) * s.alpha * _step(s.level / 0.7)  # darker middle
    s.blood += s.alpha * rng.uniform(-0.1, 0.25)
    kind = rng.choice(("network", "network", "globules", "plain"))
    if kind == "network":
        strength = (1.05 - 0.6 * s.level.clip(0, 1)) * (1 + 0.4 * s.noise(28))
        s.melanin += rng.uniform(0.4, 0.7) * s.net(rng.uniform(9, 13)) * s.alpha * strength
    elif kind == "globules":
        distance, own = s.cells(rng.uniform(11, 15), 0.3)
        s.melanin += 0.75 * _step((0.36 - distance) / 0.14) * (0.4 + 0.6 * own) * s.alpha
    else:
        s.melanin += 0.2 * s.alpha * s.noise(7)


def _paint_mel(s: _Scene) -> None:
    """Melanoma: several colours, each on one side; blue-grey veil, coarse broken network, streaks, dots, regression."""
    rng = s.rng
    s.melanin += s.alpha * rng.uniform(0.6, 0.95) * (1 + 0.4 * s.noise(48) + 0.16 * s.noise(12)).clip(0.3)
    for _ in range(3):
        s.melanin += rng.uniform(0.7, 1.4) * s.blob(rng.uniform(0.2, 0.45), 0.08)
    s.blood += rng.uniform(0.5, 0.9) * s.blob(rng.uniform(0.25, 0.5), 0.1) + 0.12 * s.alpha
    broken = s.alpha * _step(1.2 * s.noise(55) + 0.6)
    s.melanin += rng.uniform(0.5, 0.9) * s.net(rng.uniform(13, 20), 0.38, 0.26) * broken
    if rng.random() < 0.7:
        s.melanin += 0.9 * _streaks(s)
    veil = s.blob(rng.uniform(0.25, 0.38), 0.25) * (0.85 + 0.3 * s.noise(16))
    s.ink((0.42, 0.45, 0.54), rng.uniform(0.55, 0.8) * veil)
    if rng.random() < 0.5:  # regression: scar-like, paler than the skin
        s.ink((0.86, 0.76, 0.78), rng.uniform(0.55, 0.75) * s.blob(rng.uniform(0.14, 0.24), 0.15))
    s.ink((0.13, 0.09, 0.09), 0.75 * s.dots(int(rng.integers(6, 22)), (1.2, 3.4), 0.02, 0.6))


def _streaks(s: _Scene) -> np.ndarray:
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


def _paint_bcc(s: _Scene) -> None:
    """Basal cell carcinoma: pearly pink, branching vessels in focus, blue-grey ovoid nests, at times an erosion."""
    rng = s.rng
    s.blood += s.alpha * rng.uniform(0.26, 0.42) * (1 + 0.3 * s.noise(40) + 0.15 * s.noise(12))
    s.melanin += 0.06 * s.alpha
    s.ink((0.97, 0.86, 0.87), s.alpha * (0.1 + 0.4 * _step(0.9 * s.noise(38) + 0.5)))
    nests = s.dots(int(rng.integers(3, 9)), (5, 14), 0.12, 0.8, 0.35) * s.alpha
    s.ink((0.33, 0.33, 0.43), rng.uniform(0.6, 0.85) * nests * (0.85 + 0.4 * s.noise(8)))
    s.ink((0.36, 0.36, 0.44), 0.6 * s.dots(int(rng.integers(4, 20)), (1.2, 2.6), 0.1))
    if rng.random() < 0.35:
        erosion = _step(3 * s.blob(0.16, 0.4) - 1.1)
        s.ink((0.66, 0.22, 0.12), 0.85 * erosion * (1 + 0.2 * s.noise(6)))
    s.ink((0.74, 0.16, 0.22), 0.8 * _vessels(s, int(rng.integers(3, 6))))


def _vessels(s: _Scene, trees: int) -> np.ndarray:
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
    return s.lines(paths, 0.55) * _step(s.level / 0.1 + 0.6)


def _paint_akiec(s: _Scene) -> None:
    """Actinic keratosis: faint, red, patchy, with white follicles and yellowish-white scale, little brown."""
    rng = s.rng
    patchy = (0.75 + 0.4 * s.noise(32) + 0.18 * s.noise(10)).clip(0.25, 1.5)
    s.blood += s.alpha * patchy * rng.uniform(0.3, 0.46)
    s.melanin += s.alpha * (0.12 + rng.uniform(0.05, 0.3) * _step(s.noise(26)))
    distance, own = s.cells(rng.uniform(13, 18), 0.35)
    if rng.random() < 0.65:  # strawberry pattern: red net around pale follicles
        s.blood += 0.2 * s.alpha * _step((distance - 0.3) / 0.2)
        follicles = _step((0.26 - distance) / 0.12) * (own > 0.3)
        s.ink((0.95, 0.84, 0.78), 0.6 * follicles * s.alpha)
    scale = _step(0.7 * s.noise(22) + 0.5 * s.noise(6) - 0.12) * s.alpha * (0.8 + 0.35 * s.noise(2.5))
    s.ink((0.95, 0.88, 0.8), rng.uniform(0.5, 0.8) * scale)
    s.blood += 0.5 * s.dots(int(rng.integers(5, 25)), (1.0, 2.2), 0.1) * s.alpha


def _paint_bkl(s: _Scene) -> None:
    """Seborrhoeic keratosis: waxy tan to brown, stuck on with a sharp border; cysts, comedo-like openings, furrows."""
    rng = s.rng
    deep = rng.uniform(0.45, 0.95)
    s.melanin += s.alpha * deep * (1 + 0.25 * s.noise(45) + 0.16 * s.noise(8))
    s.melanin += 0.18 * s.alpha * _step(1 - s.level / 0.16)  # the ledge of the border
    s.blood += 0.06 * s.alpha
    if rng.random() < 0.7:  # furrows between ridges, as on a brain
        s.melanin += 0.75 * deep * np.exp(-((s.noise(14) / 0.2) ** 2)) * s.alpha
    s.ink((0.86, 0.7, 0.46), 0.2 * s.alpha * _step(s.noise(24) + 0.3))  # keratin's waxy yellow
    inner = _step(s.level / 0.1)
    s.ink((0.2, 0.11, 0.07), 0.85 * s.dots(int(rng.integers(4, 18)), (1.6, 4.6), 0.1, 1, 0.3) * inner)
    s.ink((0.99, 0.95, 0.84), 0.9 * s.dots(int(rng.integers(6, 20)), (1.5, 3.8), 0.1, 1, 0.5) * inner)


def _paint_df(s: _Scene) -> None:
    """Dermatofibroma: pink-brown, delicate network at the rim, a white scar-like patch in the middle."""
    rng = s.rng
    s.melanin += s.alpha * rng.uniform(0.35, 0.6) * (1 + 0.18 * s.noise(40) + 0.1 * s.noise(9))
    s.blood += s.alpha * rng.uniform(0.15, 0.35) * (1 + 0.2 * s.noise(30))
    rim = s.alpha * _step((0.62 - s.level) / 0.3)
    s.melanin += rng.uniform(0.25, 0.4) * s.net(rng.uniform(9, 12), 0.2, 0.34) * rim
    patch = _step((s.level - rng.uniform(0.42, 0.58) + 0.1 * s.noise(22)) / 0.28)
    s.ink((0.97, 0.89, 0.88), rng.uniform(0.62, 0.82) * patch * (0.9 + 0.2 * s.noise(9)))
    paths = []
    for _ in range(int(rng.integers(6, 14))):  # shiny white lines, crossing at right angles
        point = np.array(s.spot(0.45))
        angle = rng.choice((0.4, 0.4 + np.pi / 2)) + rng.normal(0, 0.15)
        step = s.radius * rng.uniform(0.06, 0.16) * np.array([np.cos(angle), np.sin(angle)])
        paths.append((np.array([point - step, point + step]), rng.uniform(1.2, 2.2)))
    s.ink((1.0, 0.95, 0.95), 0.4 * s.lines(paths, 0.9))


def _paint_vasc(s: _Scene) -> None:
    """Vascular lesion: sharply bounded red to purple lacunae with pale septa between them, at times a black clot."""
    rng = s.rng
    s.blood += s.alpha * rng.uniform(0.65, 1.0) * (1 + 0.12 * s.noise(40))
    distance, own = s.cells(rng.uniform(24, 40), 0.3)
    own = cv2.GaussianBlur(own, (0, 0), 2.5 * s.unit)
    lacuna = _step((0.58 - distance + 0.12 * s.noise(20)) / 0.25) * s.alpha
    s.blood += lacuna * (0.2 + 0.6 * own)
    s.melanin += lacuna * (0.05 + 0.3 * own) * (1 + 0.2 * s.noise(9))
    s.ink((0.36, 0.07, 0.27), 0.55 * lacuna * _step((own - rng.uniform(0.35, 0.8)) / 0.3))  # deeper blood looks purple
    s.ink((0.9, 0.6, 0.66), 0.22 * s.alpha * (1 - lacuna) * _step(s.level / 0.15))
    if rng.random() < 0.35:  # clotted
        s.ink((0.1, 0.06, 0.12), 0.85 * lacuna * _step((rng.uniform(0.2, 0.5) - own) / 0.15))


_PAINTERS: dict[str, Callable[[_Scene], None]] = {
    "bcc": _paint_bcc, "df": _paint_df, "mel": _paint_mel, "bkl": _paint_bkl, "nv": _paint_nv, "akiec": _paint_akiec,
    "vasc": _paint_vasc,
}  # fmt: skip
_SHAPES = {
    "bcc": _Shape(0.1, 0.01, 0.08, (0.16, 0.34), 1.7),
    "df": _Shape(0.045, 0.005, 0.05, (0.3, 0.5), 1.5, (0.05, 0.25)),
    "mel": _Shape(0.2, 0.016, 0.12, (0.1, 0.24), 1.7, (0.08, 0.42)),
    "bkl": _Shape(0.09, 0.014, 0.08, (0.05, 0.1), 1.7),
    "nv": _Shape(0.05, 0.006, 0.06, (0.2, 0.45), 1.8, (0.04, 0.3)),
    "akiec": _Shape(0.16, 0.02, 0.12, (0.25, 0.5), 1.8),
    "vasc": _Shape(0.06, 0.008, 0.05, (0.06, 0.12), 1.4, (0.04, 0.2)),
}


# ---------------------------------------------------------------- skin and camera


def _photograph(s: _Scene) -> np.ndarray:
    """The scene on skin, seen through gel and lens: (h, w, 3) uint8."""
    rng = s.rng
    melanin = s.melanin + 0.035 * s.noise(90) + 0.025 * s.noise(12) + 0.012 * s.noise(4)
    blood = s.blood + 0.045 * s.noise(80) + 0.025 * s.noise(25)
    if rng.random() < 0.45:  # fine vessels of sun-damaged skin
        here = _step(s.noise(35) + 0.4) * (1 - 0.7 * s.alpha)
        blood += rng.uniform(0.06, 0.2) * np.exp(-((s.noise(13) / 0.16) ** 2)) * here
    if rng.random() < 0.5:  # the lines of the skin, as fine cells
        melanin += 0.07 * s.net(8, 0.4, 0.36)
    pigment = melanin[..., None] * _MELANIN + blood[..., None] * _BLOOD
    image = s.tone * cv2.exp(-pigment)
    for colour, weight in s.inks:
        image += (colour - image) * weight[..., None]
    _gel(s, image)
    _hairs(s, image)
    _ruler(s, image)
    image *= _lamp(s)[..., None]
    image = cv2.GaussianBlur(image, (0, 0), max(0.35, 0.6 * s.unit)) * 255
    image += rng.standard_normal((s.height, s.width, 1), np.float32) * 1.5
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def _over(image: np.ndarray, colour, weight: np.ndarray) -> None:
    image += (np.asarray(colour, np.float32) - image) * weight[..., None]


def _hairs(s: _Scene, image: np.ndarray) -> None:
    rng = s.rng
    if rng.random() < 0.4:
        return
    dark = rng.random() < 0.85
    colour = np.array((0.16, 0.1, 0.07) if dark else (0.9, 0.82, 0.66)) * rng.uniform(0.7, 1.15)
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
    _over(image, colour, 0.88 * hairs)


def _gel(s: _Scene, image: np.ndarray) -> None:
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


def _ruler(s: _Scene, image: np.ndarray) -> None:
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


def _lamp(s: _Scene) -> np.ndarray:
    """The light, (h, w): uneven, dimmer to the rim, and at times cut off by the tube, which spares the lesion."""
    rng = s.rng
    across, down = s.x / s.width - 0.5, s.y / s.height - 0.5
    light = 1 + rng.uniform(-0.09, 0.09) * across + rng.uniform(-0.09, 0.09) * down
    light -= rng.uniform(0.05, 0.35) * (across**2 + down**2)
    if rng.random() < 0.3:
        distance = cv2.magnitude(s.x - np.float32(s.width / 2), s.y - np.float32(s.height / 2))
        seen = float(distance[s.mask > 0].max()) + 8 * s.unit
        radius = max(seen, max(s.width, s.height) * rng.uniform(0.48, 0.56))
        light *= _step((radius - distance) / (14 * s.unit))
    return light.astype(np.float32)


def _step(x: np.ndarray) -> np.ndarray:
    """Smooth step: 0 up to 0, 1 from 1 on."""
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


# ---------------------------------------------------------------- patients and files

# mean and spread of the age, and sites in falling frequency, roughly as HAM10000 counts them
_AGES = {"bcc": (67, 13), "df": (52, 13), "mel": (61, 14), "bkl": (64, 14), "nv": (46, 16), "akiec": (67, 12),
         "vasc": (51, 19)}  # fmt: skip
_SITES = {
    "bcc": ("back", "face", "upper extremity", "chest", "lower extremity", "neck", "ear"),
    "df": ("lower extremity", "upper extremity", "back", "hand", "trunk"),
    "mel": ("back", "upper extremity", "lower extremity", "face", "chest", "abdomen", "neck", "foot", "acral"),
    "bkl": ("back", "face", "lower extremity", "upper extremity", "abdomen", "chest", "scalp", "ear"),
    "nv": ("trunk", "lower extremity", "back", "abdomen", "upper extremity", "foot", "hand", "genital"),
    "akiec": ("face", "upper extremity", "scalp", "hand", "back", "lower extremity", "ear"),
    "vasc": ("back", "abdomen", "lower extremity", "trunk", "chest", "foot", "face"),
}
_CONFIRMED = {
    "bcc": ("histo",), "df": ("histo", "consensus"), "mel": ("histo",),
    "bkl": ("histo", "histo", "consensus", "confocal"), "nv": ("follow_up", "histo", "follow_up", "consensus"),
    "akiec": ("histo",), "vasc": ("consensus", "histo"),
}  # fmt: skip


def _patient(rng: np.random.Generator, diagnosis: str) -> Metadata:
    """A plausible patient; age (steps of 5 years), sex and site each missing in one of ten, dx_type never."""
    mean, spread = _AGES[diagnosis]
    age = int(np.clip(5 * round(rng.normal(mean, spread) / 5), 0, 85))
    sites = _SITES[diagnosis]
    weight = 1 / np.arange(1, len(sites) + 1)
    site = str(rng.choice(sites, p=weight / weight.sum()))
    sex = str(rng.choice(SEXES))
    dx_type = str(rng.choice(_CONFIRMED[diagnosis]))
    missing = rng.random(3) < 0.1
    age, sex, site = (None if m else v for m, v in zip(missing, (age, sex, site), strict=True))
    return Metadata(age, sex, site, dx_type)


def _row(patient: Metadata, code: str, i: int, odd: int) -> dict[str, str]:
    """The patient as HAM10000's csv writes one. The first lesions (`odd` 0 to 2) have every oddity, by number."""
    age = "" if odd == 0 or patient.age is None else f"{patient.age:.1f}"
    sex = "unknown" if odd == 1 or patient.sex is None else patient.sex
    site = "unknown" if odd == 2 or patient.localization is None else patient.localization
    dx_type = _CONFIRMED[code][i % len(_CONFIRMED[code])]
    return {"dx_type": dx_type, "age": age, "sex": sex, "localization": site}


def _another_view(rng: np.random.Generator, phantom: Phantom) -> tuple[np.ndarray, np.ndarray]:
    """A further photograph of the same lesion: turned, closer or farther, differently lit."""
    height, width = phantom.mask.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), rng.uniform(-25, 25), rng.uniform(0.9, 1.05))
    image = cv2.warpAffine(phantom.image, turn, (width, height), borderMode=cv2.BORDER_REFLECT_101)
    mask = cv2.warpAffine(phantom.mask, turn, (width, height), flags=cv2.INTER_NEAREST)
    image = np.clip(np.rint(image * rng.uniform(0.9, 1.1)), 0, 255).astype(np.uint8)
    return image, mask


def _write(path: Path, image: np.ndarray) -> None:
    # encoded here, written by Python: OpenCV's own writer fails silently, and on names outside ASCII
    quality = [cv2.IMWRITE_JPEG_QUALITY, 92] if path.suffix in (".jpg", ".jpeg") else []
    good, data = cv2.imencode(path.suffix, np.ascontiguousarray(image), quality)
    if not good:
        raise OSError(f"{path} could not be encoded.")
    path.write_bytes(data.tobytes())
