"""Training data: images and masks at a size, seeded views, seeded order of an epoch."""

import shutil
import sys
from collections.abc import Callable, Sequence
from functools import cache

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from mat_core.data.ham10000 import Case
from mat_core.data.image_loading import load_image, scale_image
from mat_core.data.labels import CODES
from mat_core.utils.cpu import available_cpus

from .augment import Augmentation
from .extra import soften

Size = tuple[int, int]  # short side, long side, in pixels

SHARED_MEMORY = "/dev/shm"  # used by worker processes on Linux
_requested_workers: int | None = None


def read_image(case: Case, size: Size) -> np.ndarray:
    """The photograph, (h, w, 3) uint8 RGB, scaled to fit `size`."""
    return scale_image(load_image(case.image), *size)


def read_mask(case: Case, shape: tuple[int, int]) -> np.ndarray:
    """The lesion mask, (h, w) uint8 0/1, scaled to `shape`."""
    mask = load_image(case.mask)[..., 0]
    return (cv2.resize(mask, shape[::-1], interpolation=cv2.INTER_AREA) > 127).astype(np.uint8)


def lesion_box(mask: np.ndarray) -> tuple[int, int, int, int] | None:
    """Box x1, y1, x2, y2 of the mask's largest component, in pixels, ends exclusive; None for an empty mask."""
    count, _, stats, _ = cv2.connectedComponentsWithStats(mask)
    if count < 2:
        return None
    x, y, w, h, _ = stats[1 + stats[1:, cv2.CC_STAT_AREA].argmax()]
    return int(x), int(y), int(x + w), int(y + h)


def case_rng(seed: int, epoch: int, index: int) -> np.random.Generator:
    """The generator of one view, independent of workers and order."""
    return np.random.default_rng((seed, epoch, index))


def epoch_order(labels: Sequence[int], epoch: int, seed: int, balance: float) -> np.ndarray:
    """Indices of one epoch's cases. Class k is drawn in proportion to count_k ** (1 - balance): balance 0 is a
    permutation, 1 draws all classes equally often. Within a class no case comes twice before all came once.
    """
    rng = np.random.default_rng((seed, epoch))
    labels = np.asarray(labels)
    if balance == 0:
        return rng.permutation(len(labels))
    counts = np.bincount(labels, minlength=len(CODES)).astype(float)
    share = np.where(counts > 0, np.maximum(counts, 1) ** (1 - balance), 0)
    quota = share / share.sum() * len(labels)
    draws = []
    for k in np.flatnonzero(counts):
        members = np.flatnonzero(labels == k)
        n = int(np.floor(quota[k] + rng.random()))
        rounds = [rng.permutation(members) for _ in range(n // len(members) + 1)]
        draws.append(np.concatenate(rounds)[:n])
    order = rng.permutation(np.concatenate(draws))
    # a fixed length, for the learning rate's schedule
    return np.resize(order, len(labels))


class Views(Dataset):
    """One epoch's augmented views: item i is make(case, image, mask if `masks`). softened: apply `extra.soften`."""

    def __init__(
        self, cases: Sequence[Case], order: Sequence[int], size: Size, augmentation: Augmentation | None,
        make: Callable, *, masks: bool, seed: int = 0, epoch: int = 0, softened: bool = False,
    ):  # fmt: skip
        self.cases, self.order, self.size, self.augmentation = cases, order, size, augmentation
        self.make, self.masks, self.seed, self.epoch, self.softened = make, masks, seed, epoch, softened

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, i: int):
        case = self.cases[self.order[i]]
        image = load_image(case.image)
        if self.softened:
            image = soften(image, np.random.default_rng((self.seed, self.epoch, i, 1)))
        arrays = [scale_image(image, *self.size)]
        if self.masks:
            arrays.append(read_mask(case, arrays[0].shape[:2]))
        if self.augmentation is not None:
            arrays = self.augmentation(case_rng(self.seed, self.epoch, i), *arrays)
        return self.make(case, *arrays)


def set_num_workers(count: int | None) -> None:
    """Set the number of worker processes of every later `loader`; None: chosen by `loader`."""
    global _requested_workers
    _requested_workers = count


def loader(dataset: Views, batch_size: int, collate: Callable | None = None, drop_last: bool = False) -> DataLoader:
    """A DataLoader in the dataset's order; its items do not depend on the number of workers.

    By default one worker per core, 2 to 16, or none if shared memory cannot hold the batches read ahead.
    """
    workers = _requested_workers
    if workers is None:
        workers = min(max(available_cpus(), 2), 16)
        free = _free_shared_memory()
        # two batches per worker and the one in use, and the same again for other processes
        if free < 2 * (2 * workers + 1) * batch_size * 3 * dataset.size[0] * dataset.size[1]:
            _print_once(f"Shared memory is too small for workers ({free / 2**20:.0f} MiB free): loading without.")
            workers = 0
    return DataLoader(
        dataset, batch_size, shuffle=False, num_workers=workers, collate_fn=collate, drop_last=drop_last,
        worker_init_fn=_single_threaded,
    )  # fmt: skip


def to_tensor(image: np.ndarray) -> torch.Tensor:
    """(h, w, 3) uint8 to (3, h, w) uint8."""
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))


def _single_threaded(_worker: int) -> None:
    cv2.setNumThreads(0)


def _free_shared_memory() -> float:
    """Bytes; infinite on other systems than Linux."""
    if not sys.platform.startswith("linux"):
        return float("inf")
    try:
        return shutil.disk_usage(SHARED_MEMORY).free
    except OSError:
        return 0


@cache
def _print_once(text: str) -> None:
    print(text, flush=True)
