"""The loop: what it learns, what it keeps, and that a run which was killed ends where the undisturbed one ends."""

import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from mat_core import DataError
from mat_core.data.ham10000 import read_dataset
from teaching.phantoms import write_phantom_dataset
from training.data.dataset import epoch_order
from training.engine import checkpointing as files
from training.engine import loop
from training.engine.history import best_epoch
from training.engine.loop import fit
from training.engine.recipe import Recipe, learning_rate, lr_reductions, update_ema
from training.presets import PRESETS
from training.steps.backbone import Reweighting, train_backbone
from training.steps.detector import train_detector
from training.steps.split import make_split


def train_toy(run: Path, epochs: int = 4, stop_after: int | None = None, lr: float = 0.05):
    """A small net with dropout and a moving average: everything that a resumed run must bring back."""
    torch.manual_seed(5)
    model = nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 3))
    x = torch.randn(60, 4, generator=torch.Generator().manual_seed(1))
    y = (x[:, 0] > 0).long() + (x[:, 1] > 0).long()

    def batches(epoch: int):
        if stop_after is not None and epoch > stop_after:
            raise KeyboardInterrupt
        order = torch.from_numpy(epoch_order([0] * 60, epoch, 0, 0.0))
        return DataLoader(TensorDataset(x[order], y[order]), 10)

    def loss_of(net, batch):
        noise = float(np.random.normal()) + random.random()  # the generators that mixing and libraries draw from
        return nn.functional.cross_entropy(net(batch[0] + 0.1 * noise), batch[1])

    def validate(net):
        return {"acc": float((net(x).argmax(1) == y).float().mean())}

    recipe = Recipe(epochs=epochs, batch_size=10, lr=lr, average=0.9)
    return model, fit(run, model, recipe, {"toy": 1}, batches, loss_of, validate, "acc")


def kill_at(monkeypatch, batch: int, saved: tuple[int, ...]):
    """The next run is stopped within its `batch`th batch, weights moved and average not, and saved after these."""
    move, count = loop.update_ema, 0

    def counting(*args):
        nonlocal count
        count += 1
        monkeypatch.setattr(loop, "SAVE_EVERY", 0 if count in saved else 10**6)
        if count == batch:
            raise KeyboardInterrupt
        move(*args)

    monkeypatch.setattr(loop, "update_ema", counting)


def assert_same_run(one: Path, other: Path):
    for file in ("last.safetensors", "best.safetensors"):
        ours, theirs = load_file(one / file), load_file(other / file)
        assert set(ours) == set(theirs)
        assert all(torch.equal(ours[k], theirs[k]) for k in theirs)
    ours, theirs = (json.loads((run / "history.json").read_text()) for run in (one, other))
    assert [{**row, "seconds": 0} for row in ours] == [{**row, "seconds": 0} for row in theirs]


def test_a_run_resumed_between_epochs_ends_where_the_undisturbed_one_ends(tmp_path):
    model, whole = train_toy(tmp_path / "whole", epochs=8)
    history = json.loads((tmp_path / "whole" / "history.json").read_text())
    assert whole["acc"] == max(row["acc"] for row in history) > 0.8
    best = load_file(tmp_path / "whole" / "best.safetensors")
    assert all(torch.equal(best[k], v) for k, v in model.state_dict().items())
    for stop in (1, 3):
        with pytest.raises(KeyboardInterrupt):
            train_toy(tmp_path / "killed", epochs=8, stop_after=stop)
        with safe_open(tmp_path / "killed" / "last.safetensors", "pt") as file:
            assert set(file.metadata()) == {"history"}  # between two epochs there is no position
    train_toy(tmp_path / "killed", epochs=8)
    assert_same_run(tmp_path / "killed", tmp_path / "whole")


def test_a_damaged_checkpoint_starts_again_and_other_settings_are_refused(tmp_path, capsys):
    _, whole = train_toy(tmp_path / "run")
    last = tmp_path / "run" / "last.safetensors"
    last.write_bytes(last.read_bytes()[:100])
    _, again = train_toy(tmp_path / "run")
    assert "last.safetensors is damaged" in capsys.readouterr().out
    assert again["loss"] == whole["loss"]
    with pytest.raises(DataError, match="other settings"):
        train_toy(tmp_path / "run", lr=0.01)


# six batches an epoch: killed in the batch behind a save, some after it, behind a save at an epoch's last batch (that
# is, while it is validated) and twice
@pytest.mark.parametrize("kills", [[(3, (2,))], [(11, (2, 9))], [(7, (6,))], [(5, (1, 4)), (6, (3,))]])
def test_a_run_killed_within_an_epoch_ends_where_the_undisturbed_one_ends(tmp_path, monkeypatch, kills):
    train_toy(tmp_path / "whole")
    for batch, saved in kills:
        with monkeypatch.context() as patch:
            kill_at(patch, batch, saved)
            with pytest.raises(KeyboardInterrupt):
                train_toy(tmp_path / "killed")
    train_toy(tmp_path / "killed")
    assert_same_run(tmp_path / "killed", tmp_path / "whole")


@pytest.mark.parametrize("step", [0, 5000])
def test_the_moving_average_is_each_weights_own(step):
    model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))  # with a count, which is no mean
    average = {key: value.clone() for key, value in model.state_dict().items()}
    before = {key: value.clone() for key, value in average.items()}
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn(weight.shape))
    model[1].num_batches_tracked.fill_(7)
    update_ema(average, model, 0.9, step)
    keep = 0.1 if step == 0 else 0.9
    for key, value in model.state_dict().items():
        mean = value if key.endswith("tracked") else keep * before[key] + (1 - keep) * value
        torch.testing.assert_close(average[key], mean)


def test_an_epoch_that_goes_on_reads_no_batch_that_is_behind_it(tmp_path, monkeypatch, capsys):
    read = []

    class Items(torch.utils.data.Dataset):
        def __len__(self):
            return 40

        def __getitem__(self, i):
            read.append(i)
            return torch.ones(2) * i

    def train():
        read.clear()
        fit(
            tmp_path / "run", nn.Linear(2, 1), Recipe(1, 4, 1e-4, average=0.9), {}, lambda _: DataLoader(Items(), 4),
            lambda net, batch: net(batch).square().mean(), lambda _: {"x": 0.0}, "x",
        )  # fmt: skip

    with monkeypatch.context() as patch:
        kill_at(patch, 9, (7,))
        with pytest.raises(KeyboardInterrupt):
            train()
    train()
    assert read == list(range(28, 40))
    assert "going on in epoch 1 of 1, after batch 7" in capsys.readouterr().out
    train()
    assert read == []


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A dataset of phantoms with a split."""
    folder = tmp_path_factory.mktemp("small")
    images = write_phantom_dataset(folder / "data", per_class=4)
    make_split(read_dataset(images, None).cases, folder / "split.csv", seed=0)
    return read_dataset(images, folder / "split.csv")


@pytest.mark.slow
def test_backbone_and_detector_killed_within_an_epoch_end_where_the_undisturbed_ones_end(small, tmp_path, monkeypatch):
    torch.set_num_threads(1)  # tiny images; conftest.py restores the number
    mixed, smoke = PRESETS["mixed"].backbone, PRESETS["smoke"].detector
    assert mixed.mixup
    assert mixed.cutmix
    assert mixed.dropout
    assert mixed.drop_path
    settings = replace(
        mixed, name="tf_efficientnet_lite0", sizes=((48, 64), (64, 96)), unmixed=1,
        recipe=replace(mixed.recipe, epochs=2, batch_size=6), crop=(40, 48), whole=1, operations=2,
        reweighting=Reweighting(1.2, 0, 1),
    )  # fmt: skip
    trained = {
        "backbone": lambda runs: train_backbone(small, runs / "backbone", settings),
        "detector": lambda runs: train_detector(
            small, runs / "detector", tmp_path / "whole" / "backbone" / "best.safetensors", smoke
        ),
    }
    for name, train in trained.items():
        train(tmp_path / "whole")
        with monkeypatch.context() as patch:
            kill_at(patch, 5, (3,))
            with pytest.raises(KeyboardInterrupt):
                train(tmp_path / "killed")
        train(tmp_path / "killed")
        assert_same_run(tmp_path / "killed" / name, tmp_path / "whole" / name)


def test_a_loss_that_is_no_number_stops_the_run(tmp_path):
    with pytest.raises(DataError, match="The loss is nan"):
        fit(
            tmp_path / "run", nn.Linear(1, 1), Recipe(1, 1, 0.1), {},
            lambda _: DataLoader(TensorDataset(torch.ones(1, 1)), 1),
            lambda net, batch: net(batch[0]).sum() * float("nan"), lambda _: {"x": 0.0}, "x",
        )  # fmt: skip


def test_the_learning_rate_falls_by_the_papers_ratio_on_every_plateau():
    recipe = Recipe(epochs=10, batch_size=1, lr=1e-4, warmup=0.0, plateau=2, decay=0.2)
    losses = [1.0, 0.8, 0.9, 0.85, 0.84, 0.83, 0.7, 0.75]
    history = [{"val_loss": loss} for loss in losses]
    # best at epoch 2; epochs 3, 4 are a plateau, 5, 6 another, 7 is better, 8 not
    counts = [lr_reductions(history[:n], "-val_loss", 2) for n in range(len(losses) + 1)]
    assert counts == [0, 0, 0, 0, 1, 1, 2, 2, 2]
    assert best_epoch(history, "-val_loss") == 7
    assert learning_rate(0.5, recipe, 2) == pytest.approx(0.04e-4)
    assert learning_rate(0.5, Recipe(10, 1, 1e-4)) > 0.1e-4


def test_nothing_half_written_is_left_when_a_save_fails(tmp_path, monkeypatch):
    path = tmp_path / "x.safetensors"
    files.save_atomically({"a": torch.ones(2)}, path)
    monkeypatch.setattr(files, "save_file", lambda *a, **k: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        files.save_atomically({"a": torch.zeros(2)}, path)
    assert load_file(path)["a"].tolist() == [1, 1]
