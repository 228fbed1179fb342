"""Step 'similar-cases': the index of the training lesions of a bundle, and how often its commonest class is right."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from mat_core.data.ham10000 import Case, Dataset
from mat_core.data.labels import CODES
from mat_core.evaluation.metrics import bootstrap_intervals, summary_metrics
from mat_core.explain.similar_cases import K
from mat_core.inference.bundle import DETECTOR, Bundle, read_config
from mat_core.inference.case_index import CaseIndex, IndexedCase, case_vectors
from mat_core.inference.weights import load_module, read_weights
from mat_core.models.detection.factory import build_detector

from .mat import encode
from .region_features import CachedRegions, FeatureSettings, cache_features, load_features

WIDTH = 32  # principal components: more do not help on val
MEASURED = ("acc", "balanced_acc")


@dataclass(frozen=True)
class BundleDetector:
    """The detector of a bundle's folder, see `detector.DetectorSource`."""

    kind: str
    config: dict
    weights: Path

    @classmethod
    def of(cls, folder: Path) -> "BundleDetector":
        """The detector of this bundle, or of the one beside it that has it."""
        settings = read_config(folder)["detector"]
        owner = folder.parent / settings["beside"] if "beside" in settings else folder
        return cls(settings["kind"], settings["config"], owner / DETECTOR)

    def load(self) -> nn.Module:
        """In eval mode."""
        return load_module(lambda: build_detector(self.kind, self.config), read_weights(self.weights))


def make_index(data: Dataset, bundle: Bundle, folder: Path, run: Path) -> CaseIndex:
    """The index of one plain photograph of each training lesion. folder: of the bundle; run: caches the regions."""
    cases = data.of("train", first_only=True)
    vectors = _vectors(bundle, cases, _regions(data, "train", folder, run))
    return CaseIndex.fit(vectors, [IndexedCase(c.image_id, c.diagnosis, c.metadata) for c in cases], WIDTH)


def measure_index(data: Dataset, bundle: Bundle, folder: Path, run: Path, split: str = "test") -> dict:
    """How often the commonest class of the K most similar training lesions is right, for metrics.json.

    bundle: with an index. Returns 'k', 'cases', 'indexed', and 'acc' and 'balanced_acc' with intervals.
    """
    cases, index = data.of(split), bundle.case_index
    assert index is not None
    answers = []
    for vector in _vectors(bundle, cases, _regions(data, split, folder, run)):
        rows, _ = index.nearest(vector, K)
        answers.append(Counter(index.diagnoses[rows].tolist()).most_common(1)[0][0])
    labels, answered = np.array([case.label for case in cases]), np.eye(len(CODES))[answers]
    values, intervals = summary_metrics(answered, labels), bootstrap_intervals(answered, labels)
    return {"k": K, "cases": len(cases), "indexed": len(index)} | {
        name: {"value": values[name], "interval95": list(intervals[name])} for name in MEASURED
    }


def as_lines(metrics: dict, split: str) -> str:
    """The metrics as lines for a terminal."""
    numbers = "  ".join(
        f"{name} {metrics[name]['value']:.4f} ({metrics[name]['interval95'][0]:.3f} to "
        f"{metrics[name]['interval95'][1]:.3f})"
        for name in MEASURED
    )
    return (
        f"{split}: {metrics['cases']} lesions; the commonest class of the {metrics['k']} most similar of "
        f"{metrics['indexed']} training lesions\n  {numbers}"
    )


def _regions(data: Dataset, split: str, folder: Path, run: Path) -> CachedRegions:
    """The regions of one plain photograph a lesion, cached in `run`."""
    cases = data.of(split, first_only=True)
    cache_features(replace(data, cases=cases), run, BundleDetector.of(folder), FeatureSettings(train_views=(0,)))
    return load_features(run, split, 0, len(cases))


@torch.inference_mode()
def _vectors(bundle: Bundle, cases: Sequence[Case], regions: CachedRegions) -> np.ndarray:
    """`case_vectors`, (cases, d) float32."""
    ids = encode(cases, bundle.vocabulary, bundle.fields)
    return np.concatenate([
        case_vectors(bundle.network(regions.inputs[rows].float(), regions.padding(rows), ids[rows], need_weights=True))
        for rows in torch.arange(len(cases)).split(32)
    ])  # fmt: skip
