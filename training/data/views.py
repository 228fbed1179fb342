"""Cases to training arrays: reading at a size, seeded views, seeded order of an epoch."""

from collections.abc import Callable, Sequence

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from mat_core.ham10000 import Case
from mat_core.images import load_image, scale_image
from mat_core.labels import CODES
from mat_core.machine import cores

from .augment import Augmentation

Size = tuple[int, int]  # short side, long side, in pixels


def read_image(case: Case, size: Size) -> np.ndarray:
    """The photograph, (h, w, 3) uint8 RGB, scaled to just fit `size`."""
    return scale_image(load_image(case.image), *size)


def read_mask(case: Case, shape: tuple[int, int]) -> np.ndarray:
    """The lesion mask, (h, w) uint8 0/1, scaled to the photograph's `shape` (masks are larger than the images here)."""
    mask = load_image(case.mask)[..., 0]
    return (cv2.resize(mask, shape[::-1], interpolation=cv2.INTER_AREA) > 127).astype(np.uint8)


def lesion_box(mask: np.ndarray) -> tuple[int, int, int, int] | None:
    """x1, y1, x2, y2 around the mask's largest connected part, in pixels, ends exclusive; None for an empty mask."""
    count, _, stats, _ = cv2.connectedComponentsWithStats(mask)
    if count < 2:
        return None
    x, y, w, h, _ = stats[1 + stats[1:, cv2.CC_STAT_AREA].argmax()]
    return int(x), int(y), int(x + w), int(y + h)


def case_rng(seed: int, epoch: int, index: int) -> np.random.Generator:
    """The generator of one view: the same for any number of workers, in any order."""
    return np.random.default_rng((seed, epoch, index))


def epoch_order(labels: Sequence[int], epoch: int, seed: int, balance: float) -> np.ndarray:
    """The cases of one epoch, drawn by class: balance 0 shuffles each once, 1 draws every class equally often.

    In between, class k is drawn in proportion to count_k ** (1 - balance); within a class every case comes once
    before any comes twice.
    """
    rng = np.random.default_rng((seed, epoch))
    labels = np.asarray(labels)
    if balance == 0:
        return rng.permutation(len(labels))
    counts = np.bincount(labels, minlength=len(CODES)).astype(float)
    share = np.where(counts > 0, np.maximum(counts, 1) ** (1 - balance), 0)
    wanted = share / share.sum() * len(labels)
    drawn = []
    for k in np.flatnonzero(counts):
        members = np.flatnonzero(labels == k)
        n = int(np.floor(wanted[k] + rng.random()))
        rounds = [rng.permutation(members) for _ in range(n // len(members) + 1)]
        drawn.append(np.concatenate(rounds)[:n])
    order = rng.permutation(np.concatenate(drawn))
    # a fixed length: the learning rate's schedule counts steps
    return np.resize(order, len(labels))


class Views(Dataset):
    """One epoch's augmented views: item i is `make(case, augmented image, augmented mask or None)`."""

    def __init__(
        self, cases: Sequence[Case], order: Sequence[int], size: Size, augmentation: Augmentation | None,
        make: Callable, *, masks: bool, seed: int = 0, epoch: int = 0,
    ):  # fmt: skip
        self.cases, self.order, self.size, self.augmentation = cases, order, size, augmentation
        self.make, self.masks, self.seed, self.epoch = make, masks, seed, epoch

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, i: int):
        case = self.cases[self.order[i]]
        arrays = [read_image(case, self.size)]
        if self.masks:
            arrays.append(read_mask(case, arrays[0].shape[:2]))
        if self.augmentation is not None:
            arrays = self.augmentation(case_rng(self.seed, self.epoch, i), *arrays)
        return self.make(case, *arrays)


def loader(dataset: Dataset, batch_size: int, collate: Callable | None = None, drop_last: bool = False) -> DataLoader:
    """A DataLoader in the dataset's own order, with workers that read ahead: one a core, of 2 to 16.

    How many changes nothing of what is read, see `case_rng`.
    """
    workers = min(max(cores(), 2), 16)
    return DataLoader(
        dataset, batch_size, shuffle=False, num_workers=workers, collate_fn=collate, drop_last=drop_last,
        worker_init_fn=_single_threaded,
    )  # fmt: skip


def to_tensor(image: np.ndarray) -> torch.Tensor:
    """(h, w, 3) uint8 to (3, h, w) uint8."""
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))


def _single_threaded(_worker: int) -> None:
    cv2.setNumThreads(0)
