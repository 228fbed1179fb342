"""Step 'bundle': calibrate on val, fit the out-of-distribution model, and write the bundle."""

import json
from pathlib import Path

import numpy as np
import torch
from sklearn.covariance import LedoitWolf

from mat_core.data.ham10000 import ATTRIBUTION, Dataset
from mat_core.inference.bundle import Bundle, save_bundle
from mat_core.inference.out_of_distribution import MahalanobisOOD
from mat_core.models.transformer import UNITS
from mat_core.utils.files import sha256_of

from ..results.curves import fit_temperature
from .detector import DetectorSource
from .mat import MATSettings, check_detector, encode, load_network, network_logits
from .region_features import CachedRegions, FeatureSettings, claim, load_features, stages

QUANTILE = 0.95  # of val's distances: the threshold


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
    """Write the bundle of the network trained in `run` into `folder`, and return it.

    source: detector of the features; split_file: split of `data`; notes: on the plan; beside: name of a bundle beside
    it with the same detector, to share it. Raises DataError if run, features or detector are missing or do not fit.
    """
    val = data.of("val")
    regions = load_features(features_run, "val", 0, len(val))
    claim(features_run, source)
    check_detector(run, features_run)
    n, width = regions.inputs.shape[1:]
    network, vocabulary = load_network(run, mat, width, n)
    logits = network_logits(network, regions, encode(val, vocabulary, mat.fields))
    parts = stages(data, features)
    part = "held" if parts["held"][1] else "train"  # images that the detector was not trained on, if any
    cases, views = parts[part]
    training_regions = load_features(features_run, part, views[0], len(cases))
    local = getattr(source.config, "part_features", None)
    bundle = Bundle(
        network,
        source.load(),
        vocabulary,
        source.kind,
        fields=mat.fields,
        temperature=fit_temperature(logits.numpy(), [c.label for c in val]),
        name=f"MAT {UNITS[mat.unit].name}"
        + (", told dx_type" if "dx_type" in mat.fields else "")
        + (", local features" if local else ""),
        split={"file": split_file.name, "sha256": sha256_of(split_file)},
        # beside another bundle there is room for one with the same features only
        novelty=None if beside and local else fit_novelty(training_regions, regions),
        notes={
            **notes,
            "glove": json.loads((run / "settings.json").read_text()).get("glove", "6B 50d"),
            "data": ATTRIBUTION,
            "licence": "CC BY-NC 4.0 (trained on HAM10000, which has this licence)",
        },
    )
    save_bundle(bundle, folder, beside=beside)
    return bundle


def fit_novelty(train: CachedRegions, val: CachedRegions) -> MahalanobisOOD:
    """Fit on a view of the training images; the threshold is from val."""
    described = descriptions(train)
    covariance = LedoitWolf().fit(described.astype(np.float64)).covariance_
    values, vectors = np.linalg.eigh(covariance)
    whitening = vectors / np.sqrt(np.maximum(values, 1e-12))
    model = MahalanobisOOD(described.mean(0), whitening.astype(np.float32), float("inf"))
    return MahalanobisOOD(model.mean, model.whitening, float(np.quantile(model.distances(descriptions(val)), QUANTILE)))


def descriptions(regions: CachedRegions) -> np.ndarray:
    """`mean_features` of every case, (cases, f)."""
    rows = []
    for inputs, counts in zip(regions.inputs.split(512), regions.counts.split(512), strict=True):
        rows.append(inputs[..., :-4].float().sum(1) / counts[:, None])  # padding is zeros
    return torch.cat(rows).numpy()
