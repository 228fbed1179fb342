"""Step 'ablation': the rows of the paper's Table 1 and the controls, under both protocols, each kept in docs/results.

A row that is there already is not made again, so the whole table is one queue that may be stopped at any moment.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from mat_core.errors import DataError
from mat_core.ham10000 import Dataset
from mat_core.metadata import CLEAN_FIELDS, FIELDS

from .engine import read_history
from .features import load_features
from .mat import MATSettings, encode, load_network, network_logits, train_mat
from .results import PROTOCOLS, Result, write_result

PROTOCOL_FIELDS = {"clean": CLEAN_FIELDS, "paper": FIELDS}


@dataclass(frozen=True)
class AblationSettings:
    """Which rows, each with its number of seeds (0, 1, ...), in the order in which they are made."""

    rows: tuple[tuple[str, int], ...] = (
        ("sga-sga", 3), ("base", 3), ("metadata-only", 1), ("concatenation", 1), ("image-only", 1), ("sa-sa", 1),
        ("sa-sga-image", 1), ("sa-sga-text", 1),
    )  # fmt: skip
    protocols: tuple[str, ...] = PROTOCOLS


def run_ablation(
    data: Dataset,
    runs: Path,
    features_run: Path,
    train_views: tuple[int, ...],
    mat: MATSettings,
    results: Path,
    settings: AblationSettings = AblationSettings(),
) -> None:
    """Make every row that `results` lacks. Rows are trained as `mat` says, but for unit, fields and seed."""
    seeds = max(count for _, count in settings.rows)
    # all first seeds before any second one: a table that was cut short has every row
    for seed in range(seeds):
        for row, count in settings.rows:
            for protocol in settings.protocols:
                if seed < count:
                    asked = row_settings(f"{protocol}-{row}-seed{seed}", mat)
                    make_row(data, runs, features_run, train_views, protocol, asked, results)
    class_head_row(data, features_run, results)


def row_settings(name: str, mat: MATSettings) -> MATSettings:
    """`mat` with what the row PROTOCOL-UNIT-seedN changes. Raises DataError for another form of name."""
    protocol, _, rest = name.partition("-")
    row, _, seed = rest.rpartition("-seed")
    if protocol not in PROTOCOL_FIELDS or not row or not seed.isdecimal():
        raise DataError(f"A row is called PROTOCOL-UNIT-seedN, such as clean-sga-sga-seed0; got {name!r}.")
    return replace(mat, unit=row, fields=PROTOCOL_FIELDS[protocol], recipe=replace(mat.recipe, seed=int(seed)))


def make_row(
    data: Dataset,
    runs: Path,
    features_run: Path,
    train_views: tuple[int, ...],
    protocol: str,
    settings: MATSettings,
    results: Path,
) -> Result | None:
    """Train one row and write its result; None when it is there already."""
    seed = settings.recipe.seed
    name = Result(protocol, settings.unit, seed, torch.empty(0), torch.empty(0)).name
    if (results / f"{name}.json").is_file() and (results / f"{name}.safetensors").is_file():
        print(f"{name}: there already", flush=True)
        return None
    best = train_mat(data, runs / name, features_run, train_views, settings)
    splits = {split: load_features(features_run, split, 0, len(data.of(split))) for split in ("val", "test")}
    network, vocabulary = load_network(
        runs / name, settings, splits["val"].inputs.shape[2], splits["val"].inputs.shape[1]
    )
    logits: dict[str, Tensor] = {
        split: network_logits(network, regions, encode(data.of(split), vocabulary, settings.fields))
        for split, regions in splits.items()
    }
    history = read_history(runs / name)
    result = Result(
        protocol, settings.unit, seed, logits["val"], logits["test"], epoch=best["epoch"],
        parameters=sum(p.numel() for p in network.parameters() if p.requires_grad),
        seconds=sum(row["seconds"] for row in history), history=history, settings={"mat": settings},
    )  # fmt: skip
    write_result(result, results)
    print(f"{name}: {best}", flush=True)
    return result


def class_head_row(data: Dataset, features_run: Path, results: Path) -> None:
    """The detector's class head on the first region of each image: what the MAT starts from. It reads no words."""
    logits = []
    for split in ("val", "test"):
        regions = load_features(features_run, split, 0, len(data.of(split)))
        logits.append(regions.diagnoses.clamp_min(1e-12).log())
    for protocol in PROTOCOLS:
        write_result(Result(protocol, "class-head", 0, *logits), results)
