"""Step 'features': the detector's regions of every image, several augmented views, computed once and kept in shards."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from tqdm import tqdm

from mat_core.detectors.torchvision import DetectorConfig, TorchvisionDetector
from mat_core.errors import DataError
from mat_core.ham10000 import SPLITS, Case, Dataset
from mat_core.regions import Regions, network_input

from .augment import Augmentation
from .data import Views, loader
from .detector import first_diagnoses, load_detector
from .engine import save_atomically

SHARD = 512


@dataclass(frozen=True)
class FeatureSettings:
    """View 0 is the plain photograph, the only one of val and test; the others are augmented, for training only."""

    train_views: tuple[int, ...] = (0, 1)
    augmentation: Augmentation = Augmentation(zoom=0.2, shift=0.05)
    seed: int = 0


@dataclass
class CachedRegions:
    """What the network reads, for many cases. inputs: (cases, n, f + 4) float16; counts: (cases,) real regions.

    diagnoses: (cases, classes) float32, what the detector's class head says of the first region, sums to 1.
    """

    inputs: Tensor
    counts: Tensor
    diagnoses: Tensor

    def padding(self, rows: Tensor) -> Tensor:
        """(rows, n), True where there is no region."""
        return torch.arange(self.inputs.shape[1]) >= self.counts[rows, None]


def cache_features(
    data: Dataset, run: Path, detector_run: Path, config: DetectorConfig, settings: FeatureSettings = FeatureSettings()
) -> None:
    """Write what is not there yet below `run`; a damaged shard is named and made again."""
    detector = None
    for split in reversed(SPLITS):  # the small ones first: they can be looked at while the rest is made
        for view in settings.train_views if split == "train" else (0,):
            cases = data.of(split)
            for path, start in _shards(run, split, view, len(cases)):
                if _read_shard(path) is not None:
                    continue
                detector = detector or load_detector(detector_run, config)
                part = cases[start : start + SHARD]
                save_atomically(_compute(detector, part, start, view, settings, split, path.stem), path)


def load_features(run: Path, split: str, view: int, count: int) -> CachedRegions:
    """One view of a split, as `cache_features` left it, in the order of Dataset.of(split).

    Raises DataError for what is missing or damaged.
    """
    parts = []
    for path, _ in _shards(run, split, view, count):
        part = _read_shard(path)
        if part is None:
            raise DataError(f"{path} is missing or damaged. Run the step 'features' again: it makes what is lacking.")
        parts.append(part)
    cached = CachedRegions(*(torch.cat([p[name] for p in parts]) for name in ("inputs", "counts", "diagnoses")))
    if len(cached.counts) != count:
        raise DataError(f"{run} holds {len(cached.counts)} cases of {split}, not {count}: delete it, run 'features'.")
    return cached


def stack_regions(found: Sequence[Regions], n: int) -> dict[str, Tensor]:
    """Regions of several images as one shard's tensors."""
    rows = [network_input(regions, n)[0] for regions in found]
    return {
        "inputs": torch.stack(rows).half(),
        "counts": torch.tensor([min(len(r), n) for r in found]),
        "diagnoses": torch.from_numpy(first_diagnoses(found)),
    }


def _compute(
    detector: TorchvisionDetector,
    cases: Sequence[Case],
    start: int,
    view: int,
    settings: FeatureSettings,
    split: str,
    name: str,
) -> dict[str, Tensor]:
    size = detector.config.short_side, detector.config.long_side
    augmentation = settings.augmentation if view else None
    # the epoch of the seed is the view, the index counts within the shard's first case
    views = Views(
        cases, range(len(cases)), size, augmentation, _item, masks=False, seed=settings.seed, epoch=view * 10**6 + start
    )
    found: list[Regions] = []
    for images in tqdm(loader(views, 16, collate=list), desc=name, unit="batch", mininterval=5):
        # what is calibrated on comes exactly as the app computes it; what is trained on may take the faster road
        with torch.autocast("cpu", torch.bfloat16, enabled=split == "train"):
            found += detector.detect_batch(images)
    return stack_regions(found, detector.config.n)


def _shards(run: Path, split: str, view: int, count: int) -> list[tuple[Path, int]]:
    return [(run / f"{split}-view{view}-{start:05d}.safetensors", start) for start in range(0, count, SHARD)]


def _read_shard(path: Path) -> dict[str, Tensor] | None:
    if not path.is_file():
        return None
    try:
        tensors = load_file(path)
        if tensors["inputs"].ndim == 3 and len({len(tensors[name]) for name in ("inputs", "counts", "diagnoses")}) == 1:
            return tensors
    except (SafetensorError, OSError, KeyError):
        pass
    print(f"{path} is damaged.", flush=True)
    return None


def _item(_case: Case, image: np.ndarray) -> np.ndarray:
    return image
