"""Index of training lesions for `explain.similar_cases`: int8 vectors, and what is known of each lesion."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..data.labels import CODES
from ..data.metadata import AGE_LIMITS, DX_TYPES, LOCALIZATIONS, SEXES, Metadata
from ..errors import ConfigError
from ..models.mat import MATOutput

MAX_CASES = 100_000
MAX_ID = 9_999_999  # an id is ISIC_ and seven digits
UNKNOWN = 255
# columns of `facts`: the allowed values, stored by their position
COLUMNS = (CODES, DX_TYPES, range(AGE_LIMITS[1] + 1), SEXES, LOCALIZATIONS)
_LAYOUT = {
    "vectors": (torch.int8, 2), "mean": (torch.float32, 1), "components": (torch.float32, 2), "ids": (torch.int32, 1),
    "facts": (torch.uint8, 2),
}  # fmt: skip


@dataclass(frozen=True)
class IndexedCase:
    """A lesion of the index. metadata: with how the diagnosis was confirmed as its dx_type."""

    image_id: str
    diagnosis: str
    metadata: Metadata


@dataclass(frozen=True)
class CaseIndex:
    """One vector a lesion, for the cosine similarity of their principal components.

    vectors: (cases, d) int8, each in its own scale, which the cosine does not see. mean: (f,), components: (d, f)
    float32, of the network's `case_vectors`. ids: (cases,) int32, numbers of the ISIC ids. facts: (cases, 5) uint8,
    positions in `COLUMNS`, `UNKNOWN` for a missing value.
    """

    vectors: np.ndarray
    mean: np.ndarray
    components: np.ndarray
    ids: np.ndarray
    facts: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, row: int) -> IndexedCase:
        known: list[Any] = [
            None if place == UNKNOWN else values[place]
            for values, place in zip(COLUMNS, self.facts[row].tolist(), strict=True)
        ]
        diagnosis, dx_type, age, sex, site = known
        return IndexedCase(f"ISIC_{self.ids[row]:07d}", diagnosis, Metadata(age, sex, site, dx_type))

    @property
    def diagnoses(self) -> np.ndarray:
        """(cases,) uint8, positions in `CODES`."""
        return self.facts[:, 0]

    @classmethod
    def fit(cls, vectors: np.ndarray, cases: Sequence[IndexedCase], width: int) -> "CaseIndex":
        """Index `case_vectors`, (cases, f), by their first `width` principal components."""
        mean = vectors.mean(0)
        components = np.linalg.svd(vectors - mean, full_matrices=False)[2][:width]
        projected = (vectors - mean) @ components.T
        scale = np.maximum(np.abs(projected).max(1, keepdims=True), 1e-12)
        values = [
            (case.diagnosis, case.metadata.dx_type, case.metadata.age, case.metadata.sex, case.metadata.localization)
            for case in cases
        ]
        places = [
            [UNKNOWN if value is None else column.index(value) for column, value in zip(COLUMNS, row, strict=True)]
            for row in values
        ]
        return cls(
            np.round(projected / scale * 127).astype(np.int8), mean.astype(np.float32), components.astype(np.float32),
            np.array([int(case.image_id.removeprefix("ISIC_")) for case in cases], dtype=np.int32),
            np.array(places, dtype=np.uint8),
        )  # fmt: skip

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor], width: int) -> "CaseIndex":
        """The index of `tensors`. width: f of the network. Raises ConfigError for what does not fit."""
        if tensors.keys() != _LAYOUT.keys():
            raise ConfigError(f"An index of cases must hold {', '.join(_LAYOUT)}.")
        for name, (dtype, dimensions) in _LAYOUT.items():
            if tensors[name].dtype != dtype or tensors[name].ndim != dimensions:
                raise ConfigError(f"{name} must hold {dtype} in {dimensions} dimensions.")
        cases, d = tensors["vectors"].shape
        shapes = {"mean": (width,), "components": (d, width), "ids": (cases,), "facts": (cases, len(COLUMNS))}
        if not (1 <= cases <= MAX_CASES and 1 <= d <= width) or any(tensors[k].shape != v for k, v in shapes.items()):
            raise ConfigError(f"An index must have 1 to {MAX_CASES} cases and fit the network's {width} numbers.")
        if not all(tensors[name].isfinite().all() for name in ("mean", "components")):
            raise ConfigError("mean and components must be finite numbers.")
        arrays = {name: tensor.numpy().copy() for name, tensor in tensors.items()}  # the file may change later
        if arrays["ids"].min() < 0 or arrays["ids"].max() > MAX_ID:
            raise ConfigError(f"ids must be from 0 to {MAX_ID}.")
        missing = arrays["facts"] == UNKNOWN
        if (missing[:, 0] | ((arrays["facts"] >= [len(c) for c in COLUMNS]) & ~missing).any(1)).any():
            raise ConfigError("facts must name a diagnosis, dx_type, age, sex and localization that exist.")
        return cls(**arrays)

    def tensors(self) -> dict[str, Tensor]:
        """For a safetensors file."""
        return {name: torch.from_numpy(np.ascontiguousarray(getattr(self, name))) for name in _LAYOUT}

    def nearest(self, vector: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows of the k most similar cases, most similar first, and their cosines, both (k,), or fewer in a small
        index. vector: (f,), see `case_vectors`. Of equally similar cases, the first in the index comes first.
        """
        query = self.components @ (vector - self.mean)
        cosines = self._unit @ (query / max(float(np.linalg.norm(query)), 1e-12))
        rows = np.argsort(-cosines, kind="stable")[:k]
        return rows, cosines[rows]

    @cached_property
    def _unit(self) -> np.ndarray:
        vectors = self.vectors.astype(np.float32)
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def case_vectors(output: MATOutput) -> np.ndarray:
    """X~ of a forward pass with need_weights, (b, d) float32: the sum over the regions behind the last block.

    On val, neighbors by X~ share the diagnosis more often than by z, which has the words in it, or by the detector's
    features of the lesion or of all regions.
    """
    assert output.pooled is not None
    return output.pooled["regions"].numpy()
