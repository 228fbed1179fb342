"""Step 'ablation': the rows of the paper's Table 1 and the controls, under both protocols, each kept in docs/results.

A row that is there already is not made again, so the whole table is one queue that may be stopped at any moment.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor

from mat_core.errors import DataError
from mat_core.ham10000 import Dataset
from mat_core.metadata import CLEAN_FIELDS, FIELDS

from .engine import read_history
from .features import FeatureSettings, load_features
from .glove import WordVectors
from .mat import MATSettings, encode, load_network, network_logits, train_mat
from .results import PROTOCOLS, Result, read_result, write_result

PROTOCOL_FIELDS = {"clean": CLEAN_FIELDS, "paper": FIELDS}
# a row UNIT+VARIANT: the unit without the held-out cases, to see what they gain; or small, for a lesson's model
VARIANTS = {"unheld": {"held_share": 0.0, "held_epochs": 0}, "small": {"d": 256}}


@dataclass(frozen=True)
class AblationSettings:
    """Which rows, each with its number of seeds (0, 1, ...), in the order in which they are made."""

    rows: tuple[tuple[str, int], ...] = (
        ("sga-sga", 3), ("base", 3), ("metadata-only", 1), ("concatenation", 1), ("image-only", 1), ("sa-sa", 1),
        ("sa-sga-image", 1), ("sa-sga-text", 1), ("sga-sga+unheld", 1),
    )  # fmt: skip
    protocols: tuple[str, ...] = PROTOCOLS


def run_ablation(
    data: Dataset,
    runs: Path,
    features_run: Path,
    features: FeatureSettings,
    mat: MATSettings,
    results: Path,
    settings: AblationSettings = AblationSettings(),
    vectors: WordVectors | None = None,
) -> None:
    """Make every row that `results` lacks. Rows are trained as `mat` says, but for unit, fields and seed.

    vectors: as `train_mat` takes them.
    """
    seeds = max(count for _, count in settings.rows)
    # all first seeds before any second one: a table that was cut short has every row
    for seed in range(seeds):
        for row, count in settings.rows:
            for protocol in settings.protocols:
                if seed < count:
                    name = f"{protocol}-{row}-seed{seed}"
                    make_row(data, runs, features_run, features, name, mat, results, vectors)
    class_head_row(data, features_run, results)


def row_settings(name: str, mat: MATSettings) -> MATSettings:
    """`mat` with what the row PROTOCOL-UNIT[+VARIANT]-seedN changes. Raises DataError for another form of name."""
    protocol, _, rest = name.partition("-")
    row, _, seed = rest.rpartition("-seed")
    unit, plus, variant = row.partition("+")
    if protocol not in PROTOCOL_FIELDS or not unit or not seed.isdecimal() or (plus and variant not in VARIANTS):
        raise DataError(
            f"A row is called PROTOCOL-UNIT-seedN, such as clean-sga-sga-seed0, or UNIT+{' or UNIT+'.join(VARIANTS)} "
            f"there; got {name!r}."
        )
    recipe = replace(mat.recipe, seed=int(seed))
    return replace(mat, unit=unit, fields=PROTOCOL_FIELDS[protocol], recipe=recipe, **VARIANTS.get(variant, {}))


def make_row(
    data: Dataset,
    runs: Path,
    features_run: Path,
    features: FeatureSettings,
    name: str,
    mat: MATSettings,
    results: Path,
    vectors: WordVectors | None = None,
) -> Result | None:
    """Train the row of this name, see `row_settings`, and write its result; None when it is there already.

    Raises DataError for a row that is there with the word vectors of another file.
    """
    source = vectors.source if vectors else None
    if (results / f"{name}.json").is_file() and (results / f"{name}.safetensors").is_file():
        before = read_result(results / f"{name}.json").settings.get("glove")
        if before != source:
            raise DataError(
                f"{name} is in {results} with {before['file'] if before else 'the installed GloVe vectors'}: "
                "give the same --glove, or another --results and --runs."
            )
        print(f"{name}: there already", flush=True)
        return None
    settings = row_settings(name, mat)
    protocol, _, rest = name.partition("-")
    best = train_mat(data, runs / name, features_run, features, settings, vectors)
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
        protocol, rest.rpartition("-seed")[0], settings.recipe.seed, logits["val"], logits["test"], epoch=best["epoch"],
        parameters=sum(p.numel() for p in network.parameters() if p.requires_grad),
        seconds=sum(row["seconds"] for row in history), history=history,
        settings={"mat": settings} | ({"glove": source} if source else {}),
    )  # fmt: skip
    write_result(result, results)
    print(f"{name}: {best}", flush=True)
    return result


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
        write_result(Result(protocol, "class-head", 0, *logits), results)
