"""Step 'mat': the Mutual Attention Transformer on cached regions and the metadata's words."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from mat_core.data.ham10000 import Case, Dataset
from mat_core.data.metadata import AGE_LIMITS, CLEAN_FIELDS, Metadata, Vocabulary, closed_vocabulary
from mat_core.errors import DataError
from mat_core.evaluation.metrics import summary_metrics
from mat_core.models.mat import MATConfig, MATNetwork

from ..data.dataset import case_rng, epoch_order
from ..data.extra import extra_summary
from ..data.glove import WordVectors, installed_vectors
from ..engine.loop import fit
from ..engine.recipe import Recipe
from ..networks.baselines import TRAINED, build_control
from .region_features import CachedRegions, FeatureSettings, load_features, recorded, stages


@dataclass(frozen=True)
class MATSettings:
    """Beside the optimiser: what of an input is left out at random, so that the answer to missing parts is learned.

    unit: of `transformer.UNITS`, or a control of `baselines.TRAINED`. field_dropout: chance of each metadata field to
    be missing; words_dropout: of all of them; region_dropout: up to this share of the regions is masked, the first
    `fixed_regions` (the lesion, the whole image) never; train_regions: so many are drawn to train on, 0 for all
    (cheaper, and no part can be relied on: PatchDropout, Liu et al. 2023); age_jitter: HAM10000 rounds ages to 5
    years, jitter by up to this many years makes every age between known. feature_dropout: of each number of a region.
    by_lesion: a lesion with several photographs counts once, as in val and test, and one of them is drawn each time.
    held_share: of an epoch's cases, drawn from those that the detector has not seen (`sampling.split_held_out`); in the
    last held_epochs, all of them. select: the metric on val by which the epoch is chosen ('-name': the smallest).
    """

    unit: str = "sga-sga"
    d: int = 512
    h: int = 8
    layers: int = 1
    dropout: float = 0.1
    fields: tuple[str, ...] = CLEAN_FIELDS
    recipe: Recipe = field(
        default_factory=lambda: Recipe(epochs=7, batch_size=64, lr=2e-4, weight_decay=0.05, average=0.998)
    )
    balance: float = 0.5
    label_smoothing: float = 0.05
    field_dropout: float = 0.1
    words_dropout: float = 0.05
    region_dropout: float = 0.3
    fixed_regions: int = 1
    train_regions: int = 0
    age_jitter: int = 2
    feature_dropout: float = 0.0
    by_lesion: bool = False
    held_share: float = 0.5
    held_epochs: int = 0
    select: str = "lrap"


def build_network(settings: MATSettings, region_width: int, n: int, word_width: int) -> tuple[nn.Module, Vocabulary]:
    """A fresh network, or control, for the closed vocabulary; its word vectors are yet to be filled in."""
    vocabulary = Vocabulary(closed_vocabulary())
    control = settings.unit in TRAINED
    config = MATConfig(
        unit="base" if control else settings.unit, d=settings.d, h=settings.h, layers=settings.layers,
        dropout=settings.dropout, n=n, region_width=region_width,
        word_width=word_width, vocabulary=len(vocabulary),
    )  # fmt: skip
    network = build_control(settings.unit, config) if control else MATNetwork(config)
    return network, vocabulary


def train_mat(
    data: Dataset,
    run: Path,
    features_run: Path,
    features: FeatureSettings,
    settings: MATSettings = MATSettings(),
    vectors: WordVectors | None = None,
) -> dict[str, float]:
    """Train one unit; leaves run/best.safetensors and returns val's metrics of the best epoch.

    vectors: of the closed vocabulary; None: the GloVe vectors that are installed.
    """
    recipe, val = settings.recipe, data.of("val")
    parts = {name: part for name, part in stages(data, features).items() if name in ("train", "held") and part[1]}
    pools = [
        _Pool(cases, [load_features(features_run, name, view, len(cases)) for view in views])
        for name, (cases, views) in parts.items()
    ]
    val_regions = load_features(features_run, "val", 0, len(val))
    torch.manual_seed(recipe.seed)
    vectors = vectors or installed_vectors(closed_vocabulary())
    if vectors.lacking:
        print(vectors.summary(), flush=True)
    n, region_width = val_regions.inputs.shape[1:]
    network, vocabulary = build_network(settings, region_width, n, vectors.rows.shape[1])
    if hasattr(network, "word_encoder"):
        with torch.no_grad():
            network.word_encoder.embedding.weight[0] = 0
            network.word_encoder.embedding.weight[1:] = torch.from_numpy(vectors.rows)

    def batches(epoch: int):
        dataset = _Epoch(pools, vocabulary, settings, epoch)
        return DataLoader(dataset, recipe.batch_size, shuffle=False, drop_last=True, collate_fn=_as_fetched)

    def loss_of(model: nn.Module, batch) -> Tensor:
        features, padding, ids, target = batch
        features = nn.functional.dropout(features, settings.feature_dropout)
        logits = model(features, padding, ids).logits
        return nn.functional.cross_entropy(logits, target, label_smoothing=settings.label_smoothing)

    def validate(model: nn.Module) -> dict[str, float]:
        logits = network_logits(model, val_regions, encode(val, vocabulary, settings.fields))
        truth = torch.tensor([c.label for c in val])
        loss = nn.functional.cross_entropy(logits, truth).item()
        return {"val_loss": loss, **summary_metrics(logits.softmax(1).numpy(), truth.numpy())}

    settings_written = {"step": "mat", "settings": settings, "features": features}
    if made := recorded(features_run):
        settings_written["detector"] = made["sha256"]
    if extra := extra_summary(data.cases):
        settings_written["extra"] = extra
    if vectors.source:
        settings_written["glove"] = vectors.source
    return fit(run, network, recipe, settings_written, batches, loss_of, validate, settings.select)


def check_detector(run: Path, features_run: Path) -> None:
    """Raises DataError where the run learnt from features of another detector than those in `features_run`."""
    settings, made = run / "settings.json", recorded(features_run)
    learnt = json.loads(settings.read_text()).get("detector") if settings.is_file() else None
    if settings.is_file() and learnt != (made and made["sha256"]):
        raise DataError(f"{run} learnt from the regions of another detector than {features_run} holds: train it again.")


def load_network(run: Path, settings: MATSettings, region_width: int, n: int) -> tuple[nn.Module, Vocabulary]:
    """The trained network of a run, in eval mode, and its vocabulary."""
    path = run / "best.safetensors"
    if not path.is_file():
        raise DataError(f"There is no trained network in {run}. Run the step 'mat' first.")
    weights = load_file(path)
    words = weights.get("word_encoder.embedding.weight")
    word_width = MATConfig.word_width if words is None else words.shape[1]  # what reads no words has no width
    network, vocabulary = build_network(settings, region_width, n, word_width)
    network.load_state_dict(weights)
    return network.eval(), vocabulary


def encode(cases: Sequence[Case], vocabulary: Vocabulary, fields: tuple[str, ...]) -> Tensor:
    """Word ids of the cases' metadata as they are, (cases, words)."""
    return torch.from_numpy(np.stack([vocabulary.encode(c.metadata.words(fields)) for c in cases]))


@torch.inference_mode()
def network_logits(network: nn.Module, regions: CachedRegions, ids: Tensor, batch_size: int = 128) -> Tensor:
    """(cases, classes) float32, before softmax."""
    device = next(network.parameters()).device
    outputs = []
    for rows in torch.arange(len(ids)).split(batch_size):
        features, padding = regions.inputs[rows].float().to(device), regions.padding(rows).to(device)
        outputs.append(network(features, padding, ids[rows].to(device)).logits.float().cpu())
    return torch.cat(outputs)


def vary_metadata(metadata: Metadata, rng: np.random.Generator, settings: MATSettings) -> Metadata:
    """The metadata with its age moved within the rounding and fields left out at random."""
    if rng.random() < settings.words_dropout:
        return Metadata()
    if metadata.age is not None:
        moved = metadata.age + int(rng.integers(-settings.age_jitter, settings.age_jitter + 1))
        metadata = Metadata(int(np.clip(moved, *AGE_LIMITS)), metadata.sex, metadata.localization, metadata.dx_type)
    for name in settings.fields:
        if rng.random() < settings.field_dropout:
            metadata = metadata.without(name)
    return metadata


@dataclass(frozen=True)
class _Pool:
    """Cases that are drawn from together, and their cached views."""

    cases: Sequence[Case]
    views: Sequence[CachedRegions]

    def drawn(self, wanted: int, epoch: int, settings: "MATSettings") -> list[int]:
        """Rows of one epoch: cases, or lesions of which a photograph is drawn each time, by class."""
        lesions: dict[str, list[int]] = {}
        for row, case in enumerate(self.cases):
            lesions.setdefault(case.lesion_id if settings.by_lesion else case.image_id, []).append(row)
        groups, seed, rows = list(lesions.values()), settings.recipe.seed, []
        labels = [self.cases[group[0]].label for group in groups]
        while len(rows) < wanted:  # each round has its own order
            round_number = epoch + 1000 * (len(rows) // len(groups))
            rng = np.random.default_rng((seed, round_number, 1))
            rows += [int(rng.choice(groups[i])) for i in epoch_order(labels, round_number, seed, settings.balance)]
        return rows[:wanted]


class _Epoch(TorchDataset):
    """One epoch's cases in their order, fetched a batch at a time: the regions of all of them are in memory anyway.

    pools: of the cases that the detector learnt from and, if there are any, of those held out; an epoch is as long as
    both together. What is random in item i comes from (seed, epoch, i), so processes that share a batch see what one
    alone would.
    """

    def __init__(self, pools: Sequence[_Pool], vocabulary: Vocabulary, settings: MATSettings, epoch: int):
        self.pools, self.vocabulary, self.settings, self.epoch = pools, vocabulary, settings, epoch
        recipe, total = settings.recipe, sum(len(pool.cases) for pool in pools)
        held = 0 if len(pools) == 1 else 1.0 if epoch > recipe.epochs - settings.held_epochs else settings.held_share
        drawn = []
        for k, (pool, share) in enumerate(zip(pools, (1 - held, held), strict=False)):
            drawn += [(k, row) for row in pool.drawn(round(share * total), epoch, settings)]
        mixed = np.random.default_rng((recipe.seed, epoch)).permutation(len(drawn))
        self.order = [drawn[i] for i in mixed] if held else drawn

    def __len__(self) -> int:
        return len(self.order)

    def __getitems__(self, positions: list[int]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        features, padding, ids, target = [], [], [], []
        for i in positions:
            rng = case_rng(self.settings.recipe.seed, self.epoch, i)
            k, row = self.order[i]
            pool = self.pools[k]
            view = pool.views[rng.integers(len(pool.views))]
            inputs, hidden = view.inputs[row], view.padding(torch.tensor([row]))[0]
            if self.settings.train_regions:
                real = int((~hidden).sum())  # padding comes behind them, and in only where there are too few
                fixed = min(self.settings.fixed_regions, real)
                order = np.concatenate([
                    np.arange(fixed), fixed + rng.permutation(real - fixed), np.arange(real, len(hidden))
                ])  # fmt: skip
                kept = torch.from_numpy(order[: self.settings.train_regions])
                inputs, hidden = inputs[kept], hidden[kept]
            features.append(inputs)
            share = rng.uniform(0, self.settings.region_dropout)
            dropped = torch.from_numpy(rng.random(len(hidden)) < share)
            dropped[: self.settings.fixed_regions] = False  # no other region stands for the lesion
            padding.append(hidden | dropped)
            words = vary_metadata(pool.cases[row].metadata, rng, self.settings).words(self.settings.fields)
            ids.append(self.vocabulary.encode(words))
            target.append(pool.cases[row].label)
        return (
            torch.stack(features).float(), torch.stack(padding), torch.from_numpy(np.stack(ids)), torch.tensor(target)
        )  # fmt: skip


def _as_fetched(batch):
    return batch
