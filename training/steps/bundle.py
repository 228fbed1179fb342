"""Step 'bundle': calibrate on val, fit the novelty score, and write the network with its detector as a model bundle."""

import json
from pathlib import Path

import numpy as np
import torch
from sklearn.covariance import LedoitWolf

from mat_core.bundle import Bundle, save_bundle
from mat_core.files import checksum
from mat_core.ham10000 import ATTRIBUTION, Dataset
from mat_core.novelty import NoveltyModel
from mat_core.units import UNITS

from ..results.curves import fit_temperature
from .detector import DetectorSource
from .features import CachedRegions, FeatureSettings, claim, load_features, stages
from .mat import MATSettings, check_detector, encode, load_network, network_logits

KEPT = 0.95  # share of val that is to count as familiar


def make_bundle(
    data: Dataset,
    run: Path,
    features_run: Path,
    features: FeatureSettings,
    mat: MATSettings,
    source: DetectorSource,
    folder: Path,
    split_file: Path,
    notes: dict,
    beside: str | None = None,
) -> Bundle:
    """Write the bundle of the network that `run` trained into `folder`, and return it.

    source: the detector that the features are of; split_file: what `data` was split by; notes: what the bundle is to
    say of its plan; beside: name of a bundle beside it with the same detector, to share that. Raises DataError where
    run, features and detector do not belong together, or one of them is missing.
    """
    val = data.of("val")
    regions = load_features(features_run, "val", 0, len(val))
    claim(features_run, source)
    check_detector(run, features_run)
    n, width = regions.inputs.shape[1:]
    network, vocabulary = load_network(run, mat, width, n)
    logits = network_logits(network, regions, encode(val, vocabulary, mat.fields))
    parts = stages(data, features)
    part = "held" if parts["held"][1] else "train"  # photographs that the detector has not learnt by heart
    cases, views = parts[part]
    seen = load_features(features_run, part, views[0], len(cases))
    bundle = Bundle(
        network,
        source.load(),
        vocabulary,
        source.kind,
        fields=mat.fields,
        temperature=fit_temperature(logits.numpy(), [c.label for c in val]),
        name=f"MAT {UNITS[mat.unit].name}" + (", told dx_type" if "dx_type" in mat.fields else ""),
        split={"file": split_file.name, "sha256": checksum(split_file)},
        novelty=fit_novelty(seen, regions),
        notes={
            **notes,
            "glove": json.loads((run / "settings.json").read_text()).get("glove", "6B 50d"),
            "data": ATTRIBUTION,
            "licence": "CC BY-NC 4.0 (trained on HAM10000, which has this licence)",
        },
    )
    save_bundle(bundle, folder, beside=beside)
    return bundle


def fit_novelty(train: CachedRegions, val: CachedRegions) -> NoveltyModel:
    """train: a view of the training images; val: the plain photographs of validation, which set the threshold."""
    described = descriptions(train)
    covariance = LedoitWolf().fit(described.astype(np.float64)).covariance_
    values, vectors = np.linalg.eigh(covariance)
    whitening = vectors / np.sqrt(np.maximum(values, 1e-12))
    model = NoveltyModel(described.mean(0), whitening.astype(np.float32), float("inf"))
    return NoveltyModel(model.mean, model.whitening, float(np.quantile(model.distances(descriptions(val)), KEPT)))


def descriptions(regions: CachedRegions) -> np.ndarray:
    """`mat_core.novelty.describe` of every case, (cases, f): boxes and padding left out."""
    rows = []
    for inputs, counts in zip(regions.inputs.split(512), regions.counts.split(512), strict=True):
        rows.append(inputs[..., :-4].float().sum(1) / counts[:, None])  # padding is zeros
    return torch.cat(rows).numpy()
