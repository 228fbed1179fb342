"""Step 'rows': the rows of the paper's Table 1 and the controls, under both protocols, each kept in docs/results.

A row that is there already is not made again, so the whole table is one queue that may be stopped at any moment.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from mat_core.errors import DataError
from mat_core.ham10000 import Dataset
from mat_core.labels import CODES
from mat_core.metadata import CLEAN_FIELDS, FIELDS
from mat_core.units import UNITS

from ..data.glove import WordVectors
from ..data.splits import hold_out
from ..engine.files import read_history
from ..results.names import PROTOCOLS, RowName
from ..results.regions import detector_metrics, first_diagnoses
from ..results.rows import Row, has_row, read_row, write_row
from .detector import DetectorSettings, find_regions, train_detector, trained_detector
from .features import FeatureSettings, load_features
from .mat import MATSettings, encode, load_network, network_logits, train_mat

PROTOCOL_FIELDS = {"clean": CLEAN_FIELDS, "paper": FIELDS}
# a row UNIT+VARIANT: the unit without the held-out cases, to see what they gain; or small, for a lesson's model
VARIANTS = {"unheld": {"held_share": 0.0, "held_epochs": 0}, "small": {"d": 256}}


@dataclass(frozen=True)
class RowsSettings:
    """wanted: which rows, each with its number of seeds (0, 1, ...), in the order in which they are made."""

    wanted: tuple[tuple[str, int], ...] = (
        ("sga-sga", 3), ("base", 3), ("metadata-only", 1), ("concatenation", 1), ("image-only", 1), ("sa-sa", 1),
        ("sa-sga-image", 1), ("sa-sga-text", 1), ("sga-sga+unheld", 1),
    )  # fmt: skip
    protocols: tuple[str, ...] = PROTOCOLS


def make_rows(
    data: Dataset,
    runs: Path,
    features_run: Path,
    features: FeatureSettings,
    mat: MATSettings,
    results: Path,
    settings: RowsSettings = RowsSettings(),
    vectors: WordVectors | None = None,
    detector: DetectorSettings | None = None,
) -> None:
    """Make every row that `results` lacks. Rows are trained as `mat` says, but for unit, fields and seed.

    vectors: as `train_mat` takes them. detector: what the features' detector was trained with, for the control by a
    plain one; None: no such control.
    """
    seeds = max(count for _, count in settings.wanted)
    # all first seeds before any second one: a table that was cut short has every row
    for seed in range(seeds):
        for row, count in settings.wanted:
            for protocol in settings.protocols:
                if seed < count:
                    name = RowName(protocol, row, seed)
                    make_row(data, runs, features_run, features, name, mat, results, vectors)
    class_head_row(data, features_run, results)
    if detector is not None:
        plain_detector_row(data, runs, features.held_out, detector, results)


def row_name(text: str) -> RowName:
    """The name of a row that can be trained: PROTOCOL-UNIT[+VARIANT]-seedN. Raises DataError for another form."""
    name = RowName.parse(text)
    if name is None or not name.unit or (name.row != name.unit and name.variant not in VARIANTS):
        raise DataError(
            f"A row is called PROTOCOL-UNIT-seedN, such as {RowName('clean', 'sga-sga')}, or "
            f"UNIT+{' or UNIT+'.join(VARIANTS)} there; got {text!r}."
        )
    return name


def row_settings(name: RowName, mat: MATSettings) -> MATSettings:
    """`mat` with what the row of this name changes."""
    # without blocks an epoch takes seconds: such a row need not stop early
    blocks = name.unit in UNITS and UNITS[name.unit].self_attention
    recipe = replace(mat.recipe, seed=name.seed, patience=mat.recipe.patience if blocks else 0)
    changes = VARIANTS.get(name.variant, {})
    return replace(mat, unit=name.unit, fields=PROTOCOL_FIELDS[name.protocol], recipe=recipe, **changes)


def make_row(
    data: Dataset,
    runs: Path,
    features_run: Path,
    features: FeatureSettings,
    name: RowName,
    mat: MATSettings,
    results: Path,
    vectors: WordVectors | None = None,
) -> Row | None:
    """Train the row of this name, see `row_settings`, and write its result; None when it is there already.

    Raises DataError for a row that is there with the word vectors of another file.
    """
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
    made = Row(
        name.protocol, name.row, name.seed, logits["val"], logits["test"], epoch=best["epoch"],
        parameters=sum(p.numel() for p in network.parameters() if p.requires_grad),
        seconds=sum(epoch["seconds"] for epoch in history), history=history,
        settings={"mat": settings} | ({"glove": source} if source else {}),
    )  # fmt: skip
    # what reads no words is the same network under both protocols, which differ in a word
    words = "words" in UNITS[settings.unit].modalities if settings.unit in UNITS else True
    for protocol in (name.protocol,) if words else PROTOCOLS:
        write_row(replace(made, protocol=protocol), results)
    print(f"{name}: {best}", flush=True)
    return made


def class_head_row(data: Dataset, features_run: Path, results: Path) -> None:
    """The detector's class head on the first region of each image: what the MAT starts from. It reads no words."""
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
    """The class head of a detector that was taught whole lesions only: do the other kinds of regions cost accuracy?

    Trained as `detector` says on the same images, from the same backbone; nothing when its rows are there already.
    """
    row = "plain-detector"
    if all(has_row(RowName(protocol, row), results) for protocol in PROTOCOLS):
        print(f"{row}: there already", flush=True)
        return
    plain = replace(detector, config=replace(detector.config, kinds=CODES))
    run = runs / row
    best = train_detector(hold_out(data, held_out)[0], run, runs / "backbone" / "best.safetensors", plain)
    model = trained_detector(run, plain.config).load()
    found = {split: find_regions(model, data.of(split)) for split in ("val", "test")}
    logits = [torch.from_numpy(first_diagnoses(regions)).clamp_min(1e-12).log() for regions in found.values()]
    history = read_history(run)
    for protocol in PROTOCOLS:
        made = Row(
            protocol, row, plain.recipe.seed, *logits, epoch=best["epoch"],
            seconds=sum(epoch["seconds"] for epoch in history), history=history, settings={"detector": plain},
            regions=detector_metrics(data.of("test"), found["test"]),
        )  # fmt: skip
        write_row(made, results)
