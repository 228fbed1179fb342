"""Step 'mat': the Mutual Attention Transformer on cached regions and the metadata's words."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from mat_core.errors import DataError
from mat_core.ham10000 import Case, Dataset
from mat_core.metadata import AGE_LIMITS, CLEAN_FIELDS, Metadata, Vocabulary, closed_vocabulary
from mat_core.network import MATConfig, MATNetwork

from .controls import TRAINED, build_control
from .data import case_rng, epoch_order
from .engine import Recipe, fit
from .features import CachedRegions, load_features
from .glove import glove_rows
from .metrics import headline


@dataclass(frozen=True)
class MATSettings:
    """Beside the optimiser: what of an input is left out at random, so that the answer to missing parts is learned.

    field_dropout: chance of each metadata field to be missing; words_dropout: of all of them; region_dropout: up to
    this share of the regions is masked, the first, which is the lesion, never; train_regions: so many are drawn to
    train on, 0 for all (cheaper, and no part can be relied on: PatchDropout, Liu et al. 2023); age_jitter: HAM10000
    rounds ages to 5 years, jitter by up to this many years makes every age between known. feature_dropout: of each
    number of a region, because the detector knows its own training images better than new ones. unit: of
    `units.UNITS`, or a control of `controls.TRAINED`. select: the figure on val by which the epoch is chosen ('-name':
    the smallest).
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
    train_regions: int = 0
    age_jitter: int = 2
    feature_dropout: float = 0.0
    select: str = "lrap"


def build_network(settings: MATSettings, region_width: int, n: int) -> tuple[nn.Module, Vocabulary]:
    """A fresh network, or control, with GloVe's rows for the closed vocabulary."""
    vocabulary = Vocabulary(closed_vocabulary())
    rows, lacking = glove_rows(vocabulary.words)
    if lacking:
        print(f"GloVe lacks {', '.join(lacking)}: they get the mean vector.", flush=True)
    control = settings.unit in TRAINED
    config = MATConfig(
        unit="base" if control else settings.unit, d=settings.d, h=settings.h, layers=settings.layers,
        dropout=settings.dropout, n=n, region_width=region_width,
        word_width=rows.shape[1], vocabulary=len(vocabulary),
    )  # fmt: skip
    network = build_control(settings.unit, config) if control else MATNetwork(config)
    if hasattr(network, "word_encoder"):
        with torch.no_grad():
            network.word_encoder.embedding.weight[0] = 0
            network.word_encoder.embedding.weight[1:] = torch.from_numpy(rows)
    return network, vocabulary


def train_mat(
    data: Dataset, run: Path, features_run: Path, train_views: tuple[int, ...], settings: MATSettings = MATSettings()
) -> dict[str, float]:
    """Train one unit; leaves run/best.safetensors and returns val's figures of the best epoch."""
    recipe, train, val = settings.recipe, data.of("train"), data.of("val")
    views = [load_features(features_run, "train", view, len(train)) for view in train_views]
    val_regions = load_features(features_run, "val", 0, len(val))
    torch.manual_seed(recipe.seed)
    network, vocabulary = build_network(settings, views[0].inputs.shape[2], views[0].inputs.shape[1])
    labels = torch.tensor([c.label for c in train])

    def batches(epoch: int):
        order = epoch_order(labels.tolist(), epoch, recipe.seed, settings.balance)
        dataset = _Epoch(train, labels, views, vocabulary, settings, order, epoch)
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
        return {"val_loss": loss, **headline(logits.softmax(1).numpy(), truth.numpy())}

    settings_written = {"step": "mat", "settings": settings, "train_views": train_views}
    return fit(run, network, recipe, settings_written, batches, loss_of, validate, settings.select)


def load_network(run: Path, settings: MATSettings, region_width: int, n: int) -> tuple[nn.Module, Vocabulary]:
    """The trained network of a run, in eval mode, and its vocabulary."""
    path = run / "best.safetensors"
    if not path.is_file():
        raise DataError(f"There is no trained network in {run}. Run the step 'mat' first.")
    network, vocabulary = build_network(settings, region_width, n)
    network.load_state_dict(load_file(path))
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


class _Epoch(TorchDataset):
    """One epoch's cases in their order, fetched a batch at a time: the regions of all of them are in memory anyway.

    What is random in item i comes from (seed, epoch, i), so processes that share a batch see what one alone would.
    """

    def __init__(self, cases, labels, views, vocabulary, settings: MATSettings, order, epoch: int):
        self.cases, self.labels, self.views, self.vocabulary = cases, labels, views, vocabulary
        self.settings, self.order, self.epoch = settings, order, epoch

    def __len__(self) -> int:
        return len(self.order)

    def __getitems__(self, positions: list[int]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        features, padding, ids = [], [], []
        for i in positions:
            rng = case_rng(self.settings.recipe.seed, self.epoch, i)
            row, view = self.order[i], self.views[rng.integers(len(self.views))]
            inputs, hidden = view.inputs[row], view.padding(torch.tensor([row]))[0]
            if self.settings.train_regions:
                real = int((~hidden).sum())  # padding comes behind them, and in only where there are too few
                order = np.concatenate([[0], 1 + rng.permutation(real - 1), np.arange(real, len(hidden))])
                kept = torch.from_numpy(order[: self.settings.train_regions])
                inputs, hidden = inputs[kept], hidden[kept]
            features.append(inputs)
            share = rng.uniform(0, self.settings.region_dropout)
            dropped = torch.from_numpy(rng.random(len(hidden)) < share)
            dropped[0] = False  # the lesion itself: no other region stands for it
            padding.append(hidden | dropped)
            words = vary_metadata(self.cases[row].metadata, rng, self.settings).words(self.settings.fields)
            ids.append(self.vocabulary.encode(words))
        target = self.labels[torch.from_numpy(self.order[positions])]
        return torch.stack(features).float(), torch.stack(padding), torch.from_numpy(np.stack(ids)), target


def _as_fetched(batch):
    return batch
