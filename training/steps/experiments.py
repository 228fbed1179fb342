"""Step 'rows': train the paper's Table 1 and the controls under both protocols. Existing ones are skipped."""

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from mat_core.data.ham10000 import Dataset
from mat_core.data.labels import CODES
from mat_core.data.metadata import CLEAN_FIELDS, FIELDS
from mat_core.errors import DataError
from mat_core.models.transformer import UNITS

from ..data.glove import WordVectors
from ..data.sampling import split_held_out
from ..engine.history import read_history
from ..results.detection_metrics import detector_metrics, first_diagnoses
from ..results.run_names import PROTOCOLS, ExperimentName
from ..results.runs import Row, has_row, read_row, write_row
from .detector import DetectorSettings, find_regions, train_detector, trained_detector
from .mat import MATSettings, encode, load_network, network_logits, train_mat
from .region_features import FeatureSettings, load_features

PROTOCOL_FIELDS = {"clean": CLEAN_FIELDS, "paper": FIELDS}
# a row UNIT+VARIANT: trained without the held-out cases, or small, for the models of lessons
VARIANTS = {"unheld": {"held_share": 0.0, "held_epochs": 0}, "small": {"d": 256}, "smaller": {"d": 192}}


@dataclass(frozen=True)
class ExperimentSettings:
    """wanted: rows with their number of seeds (0, 1, ...), in the order of training."""

    wanted: tuple[tuple[str, int], ...] = (
        ("sga-sga", 3), ("base", 3), ("metadata-only", 1), ("concatenation", 1), ("image-only", 1), ("sa-sa", 1),
        ("sa-sga-image", 1), ("sa-sga-text", 1), ("sga-sga+unheld", 1),
    )  # fmt: skip
    protocols: tuple[str, ...] = PROTOCOLS


def run_experiments(
    data: Dataset,
    runs: Path,
    features_run: Path,
    features: FeatureSettings,
    mat: MATSettings,
    results: Path,
    settings: ExperimentSettings = ExperimentSettings(),
    vectors: WordVectors | None = None,
    detector: DetectorSettings | None = None,
) -> None:
    """Train every row that `results` lacks with the settings `mat`, but for unit, fields and seed.

    vectors: see `train_mat`. detector: settings of the features' detector, for the control 'plain-detector'; None:
    without it.
    """
    seeds = max(count for _, count in settings.wanted)
    # all first seeds before any second one, so that an interrupted table has every row
    for seed in range(seeds):
        for row, count in settings.wanted:
            for protocol in settings.protocols:
                if seed < count:
                    name = ExperimentName(protocol, row, seed)
                    run_experiment(data, runs, features_run, features, name, mat, results, vectors)
    class_head_row(data, features_run, results)
    if detector is not None:
        plain_detector_row(data, runs, features.held_out, detector, results)


def row_name(text: str) -> ExperimentName:
    """Parse the name of a trainable row: PROTOCOL-UNIT[+VARIANT]-seedN. Raises DataError."""
    name = ExperimentName.parse(text)
    if name is None or not name.unit or (name.row != name.unit and name.variant not in VARIANTS):
        raise DataError(
            f"A row is called PROTOCOL-UNIT-seedN, such as {ExperimentName('clean', 'sga-sga')}, or "
            f"UNIT+{' or UNIT+'.join(VARIANTS)} there; got {text!r}."
        )
    return name


def row_settings(name: ExperimentName, mat: MATSettings) -> MATSettings:
    """`mat` with the changes of a row."""
    # without blocks an epoch takes seconds: no early stopping
    blocks = name.unit in UNITS and UNITS[name.unit].self_attention
    recipe = replace(mat.recipe, seed=name.seed, patience=mat.recipe.patience if blocks else 0)
    changes = VARIANTS.get(name.variant, {})
    return replace(mat, unit=name.unit, fields=PROTOCOL_FIELDS[name.protocol], recipe=recipe, **changes)


def run_experiment(
    data: Dataset,
    runs: Path,
    features_run: Path,
    features: FeatureSettings,
    name: ExperimentName,
    mat: MATSettings,
    results: Path,
    vectors: WordVectors | None = None,
) -> Row | None:
    """Train a row and write its result; None if it exists. Raises DataError if it exists with other word vectors."""
    source = vectors.source if vectors else None
    if has_row(name, results):
        before = read_row(results / f"{name}.json").settings.get("glove")
        if before != source:
            raise DataError(
                f"{name} is in {results} with {before['file'] if before else 'the installed GloVe vectors'}: "
                "give the same --glove, or another --results and --runs."
            )
        print(f"{name}: there already", flush=True)
        return None
    settings, run = row_settings(name, mat), runs / str(name)
    best = train_mat(data, run, features_run, features, settings, vectors)
    splits = {split: load_features(features_run, split, 0, len(data.of(split))) for split in ("val", "test")}
    network, vocabulary = load_network(run, settings, splits["val"].inputs.shape[2], splits["val"].inputs.shape[1])
    logits: dict[str, Tensor] = {
        split: network_logits(network, regions, encode(data.of(split), vocabulary, settings.fields))
        for split, regions in splits.items()
    }
    history = read_history(run)
    result = Row(
        name.protocol, name.row, name.seed, logits["val"], logits["test"], epoch=best["epoch"],
        parameters=sum(p.numel() for p in network.parameters() if p.requires_grad),
        seconds=sum(epoch["seconds"] for epoch in history), history=history,
        settings={"mat": settings} | ({"glove": source} if source else {}),
    )  # fmt: skip
    # networks without words are the same under both protocols
    words = "words" in UNITS[settings.unit].modalities if settings.unit in UNITS else True
    for protocol in (name.protocol,) if words else PROTOCOLS:
        write_row(replace(result, protocol=protocol), results)
    print(f"{name}: {best}", flush=True)
    return result


def class_head_row(data: Dataset, features_run: Path, results: Path) -> None:
    """Write the control 'class-head': the detector's class head on the first region of each image."""
    logits = []
    for split in ("val", "test"):
        regions = load_features(features_run, split, 0, len(data.of(split)))
        if not regions.knows_diagnoses:
            print("class-head: this detector was not taught the diagnoses", flush=True)
            return
        logits.append(regions.diagnoses.clamp_min(1e-12).log())
    for protocol in PROTOCOLS:
        write_row(Row(protocol, "class-head", 0, *logits), results)


def plain_detector_row(data: Dataset, runs: Path, held_out: float, detector: DetectorSettings, results: Path) -> None:
    """Write the control 'plain-detector': the class head of a detector trained on whole lesions only, if missing."""
    row = "plain-detector"
    if all(has_row(ExperimentName(protocol, row), results) for protocol in PROTOCOLS):
        print(f"{row}: there already", flush=True)
        return
    plain = replace(detector, config=replace(detector.config, kinds=CODES))
    run = runs / row
    best = train_detector(split_held_out(data, held_out)[0], run, runs / "backbone" / "best.safetensors", plain)
    model = trained_detector(run, plain.config).load()
    detections = {split: find_regions(model, data.of(split)) for split in ("val", "test")}
    logits = [torch.from_numpy(first_diagnoses(regions)).clamp_min(1e-12).log() for regions in detections.values()]
    history = read_history(run)
    for protocol in PROTOCOLS:
        result = Row(
            protocol, row, plain.recipe.seed, *logits, epoch=best["epoch"],
            seconds=sum(epoch["seconds"] for epoch in history), history=history, settings={"detector": plain},
            regions=detector_metrics(data.of("test"), detections["test"]),
        )  # fmt: skip
        write_row(result, results)
