"""Step 'features': the detector's regions of every image, several augmented views, computed once and kept in shards."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from tqdm import tqdm

from mat_core.data.ham10000 import Case, Dataset
from mat_core.errors import DataError
from mat_core.models.detection.regions import Regions, to_network_input
from mat_core.utils.files import sha256_of
from mat_core.utils.precision import has_native_bfloat16

from ..data.augment import Augmentation
from ..data.dataset import Views, loader
from ..data.extra import extra_summary
from ..data.sampling import split_held_out
from ..engine.checkpointing import save_atomically, write_json
from ..engine.loop import make_accelerator
from ..results.detection_metrics import first_diagnoses
from .detector import DetectorSource

SHARD = 512
RECORD = "detector.json"  # beside the shards: which detector they are of


@dataclass(frozen=True)
class FeatureSettings:
    """View 0 is the plain photograph, the only one of val and test; the others are augmented, for training only.

    held_out: share of train's lesions that backbone and detector do not learn from, see `sampling.split_held_out`;
    held_views: the views of these.
    """

    train_views: tuple[int, ...] = (0, 1)
    held_out: float = 0.0
    held_views: tuple[int, ...] = ()
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

    @property
    def knows_diagnoses(self) -> bool:
        """False for a detector that was not taught them: its rows say nothing, all classes are alike."""
        return bool((self.diagnoses != self.diagnoses[:, :1]).any())

    def padding(self, rows: Tensor) -> Tensor:
        """(rows, n), True where there is no region."""
        return torch.arange(self.inputs.shape[1]) >= self.counts[rows, None]


def cache_features(
    data: Dataset, run: Path, source: DetectorSource, settings: FeatureSettings = FeatureSettings()
) -> None:
    """Write what is not there yet below `run`; a damaged shard is named and made again.

    Raises DataError where `run` holds the features of another detector than `source`.
    """
    claim(run, source)
    detector, softened = None, extra_summary(data.cases) is not None
    for split, (cases, views) in stages(data, settings).items():
        for view in views:
            for path, start in _shards(run, split, view, len(cases)):
                if _read_shard(path) is not None:
                    continue
                if detector is None:
                    device = make_accelerator().device
                    detector = source.load().to(device)
                    precision = "bfloat16" if has_native_bfloat16(device) else "float32"
                    print(f"features: on {device.type}; of training images in {precision}", flush=True)
                part = cases[start : start + SHARD]
                save_atomically(_compute(detector, part, start, view, settings, split, path.stem, softened), path)


def claim(run: Path, source: DetectorSource) -> None:
    """Note beside the shards that they are of this detector. Raises DataError where they are of another."""
    asked = {"kind": source.kind, "config": source.config, "sha256": sha256_of(source.weights)}
    asked = json.loads(json.dumps(asked, default=vars))
    made = recorded(run)
    if made is None and any(run.glob("*.safetensors")):
        made = {"kind": "it is not noted which"}
    if made is not None and {k: made.get(k) for k in asked} != asked:
        raise DataError(
            f"{run} holds the features of another detector ({_described(made)}) than this one ({_described(asked)}). "
            "Delete it or give another --runs."
        )
    write_json({**asked, "weights": str(source.weights)}, run / RECORD)


def recorded(run: Path) -> dict | None:
    """Kind, config, checksum and path of the weights of the detector whose features these are; None if none is noted.

    Raises DataError for a record that is damaged.
    """
    path = run / RECORD
    if not path.is_file():
        return None
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return {name: record[name] for name in ("kind", "config", "sha256", "weights")}
    except (OSError, ValueError, KeyError, TypeError):
        raise DataError(f"{path} is damaged: delete its folder and run the step 'features' again.") from None


def _described(record: dict) -> str:
    config = record.get("config", {})
    name = config.get("model", config.get("backbone", ""))
    return " ".join(filter(None, (record["kind"], name, record.get("sha256", "")[:8])))


def stages(data: Dataset, settings: FeatureSettings) -> dict[str, tuple[tuple[Case, ...], tuple[int, ...]]]:
    """The cases of each cache and their views: 'test', 'val', 'held' (see `sampling.split_held_out`) and 'train', the
    rest.

    In the order in which they are made: the small ones first, they can be looked at while the rest is.
    """
    learnt, held = split_held_out(data, settings.held_out)
    return {
        "test": (data.of("test"), (0,)),
        "val": (data.of("val"), (0,)),
        "held": (held, settings.held_views if held else ()),
        "train": (learnt.of("train"), settings.train_views),
    }


def load_features(run: Path, split: str, view: int, count: int) -> CachedRegions:
    """One view of a cache of `stages`, as `cache_features` left it, in the order of its cases.

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
    rows = [to_network_input(regions, n)[0] for regions in found]
    return {
        "inputs": torch.stack(rows).half(),
        "counts": torch.tensor([min(len(r), n) for r in found]),
        "diagnoses": torch.from_numpy(first_diagnoses(found)),
    }


def _compute(
    detector: nn.Module,
    cases: Sequence[Case],
    start: int,
    view: int,
    settings: FeatureSettings,
    split: str,
    name: str,
    softened: bool,
) -> dict[str, Tensor]:
    size = detector.config.short_side, detector.config.long_side
    augmentation = settings.augmentation if view else None
    # the epoch of the seed is the view, the index counts within the shard's first case
    views = Views(
        cases,
        range(len(cases)),
        size,
        augmentation,
        _item,
        masks=False,
        seed=settings.seed,
        epoch=view * 10**6 + start,
        softened=softened and view > 0,
    )
    found: list[Regions] = []
    device = next(detector.parameters()).device
    # validation and test must be exactly what the app computes
    fast = split in ("train", "held") and has_native_bfloat16(device)
    for images in tqdm(loader(views, 16, collate=list), desc=name, unit="batch", mininterval=5):
        with torch.autocast(device.type, torch.bfloat16, enabled=fast):
            found += detector.detect_batch(images)
    for case, regions in zip(cases, found, strict=True):
        if not len(regions):
            raise DataError(f"The detector found no region in {case.image}: this photograph cannot be learnt from.")
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
