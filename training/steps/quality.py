"""Step 'quality': limits of the photograph check from train, and how often it warns of clean and of spoiled images."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from mat_core.data.ham10000 import Case, Dataset
from mat_core.data.image_loading import load_image
from mat_core.data.image_quality import ImageQuality, Measures, measure_quality
from mat_core.errors import DataError
from mat_core.evaluation.metrics import proportion_interval

from ..engine.checkpointing import write_json
from ..results.run_names import RESULTS

TABLE = "image-quality.json"  # in docs/results
# of train that each limit leaves outside, in percent; framing is the hardest to see
OUTSIDE = {"sharpness": 0.25, "brightness": 0.25, "clipped": 0.25, "side": 0.25, "cut": 3.75}
HIGHEST = ("clipped", "cut")  # limits above which is warned
SEED = 0  # of the sides that are cut off
BLUR = 2.0  # pixels of the standard deviation, on a short side of 300
DARK, BRIGHT = 0.5, 1.8  # factors of all channels
SMALL = 0.5  # factor of the sides
SPOILED = {
    "blurred": f"Gaussian blur, sigma {BLUR:g} pixels on a short side of 300",
    "dark": f"all channels times {DARK:g}",
    "overexposed": f"all channels times {BRIGHT:g}, clipped at white",
    "small": f"scaled to {SMALL:g} of its sides",
    "cut": "cut through the middle of the lesion, along a side drawn at random",
}


def fit_limits(cases: Iterable[Case]) -> Measures:
    """The limits that leave the shares OUTSIDE of these cases."""
    measured = [measure_quality(load_image(case.image)) for case in cases]
    return Measures(**{
        name: float(np.percentile([getattr(m, name) for m in measured], 100 - share if name in HIGHEST else share))
        for name, share in OUTSIDE.items()
    })  # fmt: skip


def measure_warnings(cases: Sequence[Case], limits: Measures) -> dict:
    """How often the check warns of a clean image at all, and of each kind of spoiled image of that kind, for JSON."""
    rng = np.random.default_rng(SEED)
    clean: list[tuple[str, ...]] = []
    hits: dict[str, list[bool]] = {kind: [] for kind in SPOILED}
    for case in tqdm(cases, desc="spoiling", unit="image", mininterval=5):
        image = load_image(case.image)
        clean.append(warnings_of(image, limits))
        for kind, spoil in spoilers(case, rng).items():
            hits[kind].append(kind in warnings_of(spoil(image), limits))
    return {
        "images": len(cases),
        "limits": asdict(limits),
        "clean": _share([bool(kinds) for kinds in clean]) | {
            "kinds": {kind: _share([kind in kinds for kinds in clean]) for kind in SPOILED}
        },
        "spoiled": {kind: {"how": SPOILED[kind], **_share(found)} for kind, found in hits.items()},
    }  # fmt: skip


def warnings_of(image: np.ndarray, limits: Measures) -> tuple[str, ...]:
    """Kinds of warnings about an array of `load_image`."""
    return ImageQuality(measure_quality(image), limits).warnings


def spoilers(case: Case, rng: np.random.Generator) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """One function for each of SPOILED; that for 'cut' needs the lesion mask and is left out without one."""
    side = int(rng.integers(4))
    functions: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "blurred": lambda image: cv2.GaussianBlur(image, (0, 0), BLUR * min(image.shape[:2]) / 300),
        "dark": lambda image: (image * DARK).astype(np.uint8),
        "overexposed": lambda image: np.minimum(image * BRIGHT, 255).astype(np.uint8),
        "small": lambda image: cv2.resize(image, None, fx=SMALL, fy=SMALL, interpolation=cv2.INTER_AREA),
    }
    mask = None if case.mask is None else cv2.imread(str(case.mask), cv2.IMREAD_GRAYSCALE)
    if mask is not None and mask.any():
        rows, columns = np.nonzero(mask > 127)
        middle = rows.mean() / mask.shape[0], columns.mean() / mask.shape[1]
        functions["cut"] = lambda image: cut_through(image, middle, side)
    return functions


def cut_through(image: np.ndarray, middle: tuple[float, float], side: int) -> np.ndarray:
    """What remains on one side of the middle, shares of height and width. side: 0 above, 1 below, 2 left, 3 right."""
    y, x = round(middle[0] * image.shape[0]), round(middle[1] * image.shape[1])
    return np.ascontiguousarray((image[:y], image[y:], image[:, :x], image[:, x:])[side])


def write_limits(limits: Measures, images: int, path: Path) -> None:
    """Write the file that `mat_core.data.image_quality` reads."""
    write_json({"images": images, "outside": OUTSIDE, "limits": asdict(limits)}, path)


def write_quality(data: Dataset, split: str, limits_file: Path, results: Path = RESULTS) -> dict:
    """Write the limits from train and the table of a split, and return the table. Raises DataError without train."""
    train = data.of("train")
    if not train:
        raise DataError("The folder has no training images of this split: the limits come from them.")
    limits = fit_limits(tqdm(train, desc="measuring", unit="image", mininterval=5))
    write_limits(limits, len(train), limits_file)
    table = {"split": split, "train": len(train), "outside": OUTSIDE}
    table |= measure_warnings(data.of(split), limits)
    write_json(table, results / TABLE)
    return table


def read_table(results: Path = RESULTS) -> dict | None:
    """What `write_quality` wrote, if anything."""
    path = results / TABLE
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def as_lines(table: dict) -> str:
    """The shares as lines for a terminal."""
    clean = table["clean"]
    lines = [
        f"{table['split']}: {table['images']} images; {100 * clean['value']:.1f} % of the clean ones are warned of"
    ]
    for kind, row in table["spoiled"].items():
        alone = clean["kinds"][kind]["value"]
        lines.append(f"  {kind:12} clean {100 * alone:4.1f} %   spoiled {100 * row['value']:5.1f} %   {row['how']}")
    return "\n".join(lines)


def _share(found: Sequence[bool]) -> dict:
    """A proportion with its Wilson interval."""
    count, images = int(sum(found)), len(found)
    return {"value": count / images, "interval95": list(proportion_interval(count, images)), "images": images}
