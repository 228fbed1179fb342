"""Training cases: order of an epoch, augmentation, mixing, boxes of masks, workers."""

import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mat_core import DataError
from mat_core.data.ham10000 import read_dataset
from teaching.phantoms import make_phantom, write_phantom_dataset
from training.data import dataset as views
from training.data.augment import NONE, Augmentation, Crops, RandAugment
from training.data.dataset import Views, case_rng, epoch_order, lesion_box, loader, set_num_workers, to_tensor
from training.engine.recipe import Recipe
from training.presets import PRESETS
from training.steps.backbone import (
    BackboneSettings,
    Reweighting,
    augmentation,
    class_weights,
    mixing,
    train_backbone,
    weighted_loss,
)


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
    times = Counter(int(i) for i in epoch_order([0] * 10 + [4] * 90, 1, 0, 1.0) if i < 10)
    assert set(times) == set(range(10))
    assert max(times.values()) - min(times.values()) <= 1  # every case comes before any comes again


def test_augmentation_is_seeded_varies_and_can_be_switched_off():
    image = make_phantom(3, size=(60, 80)).image
    one, same, other = (Augmentation()(case_rng(0, e, 5), image)[0] for e in (1, 1, 2))
    assert (one == same).all()
    assert (one != other).any()
    assert (NONE(case_rng(0, 1, 1), image)[0] == image).all()
    phantom = make_phantom(3, size=(150, 200))
    red = phantom.mask[..., None] * np.array([255, 0, 0], np.uint8)
    geometry = Augmentation(brightness=0, contrast=0, saturation=0, white_balance=0)
    for seed in range(5):  # image and mask alike
        image, mask = geometry(case_rng(0, 1, seed), red, phantom.mask)
        assert np.mean((image[..., 0] > 127) != mask.astype(bool)) < 0.01
        assert set(np.unique(mask)) <= {0, 1}


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
    assert mixing(BackboneSettings()) is None
    with pytest.raises(DataError, match="9 must be even"):  # in pairs
        mixing(BackboneSettings(recipe=Recipe(epochs=1, batch_size=9, lr=1e-3), **alphas))


def test_crops_are_parts_of_the_view_from_everywhere_and_seeded():
    image = np.arange(60 * 80, dtype=np.int32).reshape(60, 80)
    image = np.stack([image // 256, image % 256, image * 0], -1).astype(np.uint8)  # a pixel tells its place
    corners = set()
    for i in range(200):
        (crop,) = Crops(NONE, crop=(40, 48))(case_rng(0, 1, i), image)
        assert crop.shape == (40, 48, 3)
        y, x = divmod(int(crop[0, 0, 0]) * 256 + int(crop[0, 0, 1]), 80)
        assert (crop == image[y : y + 40, x : x + 48]).all()
        corners.add((y, x))
    assert {y for y, _ in corners} == set(range(21))
    assert {x for _, x in corners} == set(range(33))
    views = Crops(Augmentation(), operations=2, chance=1.0, crop=(40, 48))
    one, same, other = (views(case_rng(0, e, 5), image)[0] for e in (1, 1, 2))
    assert (one == same).all()
    assert (one != other).any()
    with pytest.raises(ValueError, match="40 x 90 does not fit"):
        Crops(NONE, crop=(40, 90))(case_rng(0, 1, 1), image)


def test_random_operations_leave_the_generator_alone_and_nothing_that_destroys_the_lesion():
    image = make_phantom(3, size=(60, 80)).image
    state, changed = torch.get_rng_state(), 0
    for i in range(100):
        (view,) = Crops(NONE, operations=2)(case_rng(0, 1, i), image)
        changed += (view != image).any()
    assert (torch.get_rng_state() == state).all()
    assert 35 < changed < 95  # two operations in seven of ten, some of which change nothing
    assert not {"Posterize", "Solarize", "Equalize", "ShearX", "ShearY"} & set(RandAugment._AUGMENTATION_SPACE)


def test_crops_follow_the_size_of_an_epoch_and_the_last_epochs_see_whole_images(tmp_path):
    settings = PRESETS["crops"].backbone
    assert augmentation(settings, 60).crop == (224, 224)
    assert (augmentation(settings, 61).crop, augmentation(settings, 61).operations) == (None, 2)
    assert augmentation(BackboneSettings(), 1) == BackboneSettings().augmentation
    settings = PRESETS["progressive"].backbone
    crops = {size: augmentation(settings, i).crop for i, size in enumerate(settings.sizes, 1)}
    assert crops == {(171, 228): (128, 128), (214, 286): (160, 160), (300, 400): (224, 224), (240, 320): None}
    settings = BackboneSettings(recipe=Recipe(epochs=1, batch_size=8, lr=1e-3), sizes=((96, 128),), crop=(112, 112))
    with pytest.raises(DataError, match=r"\(112, 112\) does not fit"):  # before anything is trained
        train_backbone(SimpleNamespace(of=lambda split: []), tmp_path, settings)


def test_class_weights_grow_over_the_epochs():
    labels = [0] * 10 + [4] * 90
    after = Reweighting(1.2, 20, 60)
    assert (class_weights(labels, None, 70) == 1).all()
    assert class_weights(labels, after, 20).tolist() == pytest.approx([1] * 7)
    for epoch, power in ((40, 0.6), (60, 1.2), (64, 1.2)):
        weights = class_weights(labels, after, epoch)
        assert (weights[0] / weights[4]).item() == pytest.approx(9**power, rel=1e-5)
        assert weights[torch.tensor(labels)].mean().item() == pytest.approx(1, rel=1e-5)


def test_the_weighted_loss_is_torchs_without_weights_and_takes_mixed_labels():
    generator = torch.Generator().manual_seed(0)
    logits, labels = torch.randn(8, 7, generator=generator), torch.randint(7, (8,), generator=generator)
    plain = torch.nn.functional.cross_entropy(logits, labels, label_smoothing=0.1)
    assert weighted_loss(logits, labels, 0.1, torch.ones(7)).item() == pytest.approx(plain.item(), rel=1e-6)
    weights = torch.arange(1.0, 8.0)
    hard = weighted_loss(logits, labels, 0.0, weights)
    one_hot = torch.nn.functional.one_hot(labels, 7).float()
    assert weighted_loss(logits, one_hot, 0.0, weights).item() == pytest.approx(hard.item(), rel=1e-6)
    assert hard.item() != pytest.approx(plain.item(), rel=1e-2)


def test_the_lesion_box_is_that_of_the_largest_part():
    mask = np.zeros((50, 60), np.uint8)
    assert lesion_box(mask) is None
    mask[10:30, 5:45] = 1
    mask[40:43, 50:55] = 1
    assert lesion_box(mask) == (5, 10, 45, 30)


@pytest.fixture
def no_images():
    """Views that are never read, as many bytes an image as the detector's."""
    return Views([], range(100), (240, 320), None, _nothing, masks=False)


def _nothing(*_):
    raise AssertionError("nothing is to be read")


@pytest.fixture
def default_workers():
    """The number of workers is restored."""
    yield
    set_num_workers(None)


@pytest.mark.filterwarnings("ignore:This DataLoader will create")  # this machine has fewer cores
@pytest.mark.usefixtures("default_workers")
def test_there_is_a_worker_for_each_core_and_none_without_shared_memory(monkeypatch, no_images, capsys):
    for cores, workers in ((1, 2), (5, 5), (64, 16)):
        with monkeypatch.context() as patch:
            patch.setattr(views, "available_cpus", lambda cores=cores: cores)
            patch.setattr(views, "_free_shared_memory", lambda: float("inf"))
            assert loader(no_images, 1).num_workers == workers
    free = 64 * 2**20  # Kubernetes' default
    monkeypatch.setattr(views, "available_cpus", lambda: 2)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=free if path == "/dev/shm" else 0))
    assert loader(no_images, 16).num_workers == 2
    assert loader(no_images, 32).num_workers == 0
    assert loader(no_images, 32).num_workers == 0
    assert capsys.readouterr().out.count("64 MiB free") == 1
    set_num_workers(3)
    assert loader(no_images, 32).num_workers == 3
    set_num_workers(None)
    monkeypatch.setattr("shutil.disk_usage", lambda path: Path("/does/not/exist").stat())
    assert loader(no_images, 1).num_workers == 0
    monkeypatch.setattr(sys, "platform", "darwin")
    assert loader(no_images, 1).num_workers == 2


@pytest.mark.filterwarnings("ignore:This DataLoader will create")
@pytest.mark.usefixtures("default_workers")
@pytest.mark.slow
def test_the_number_of_workers_does_not_change_what_is_read(tmp_path):
    cases = read_dataset(write_phantom_dataset(tmp_path, per_class=2, size=(48, 64)), None).cases
    order = epoch_order([0] * len(cases), 1, 0, 0.0)
    phantoms = Views(cases, order, (48, 64), Crops(NONE, operations=2), lambda _, image: to_tensor(image), masks=False)
    read = []
    for count in (0, 2, 3):
        set_num_workers(count)
        read.append(torch.cat(list(loader(phantoms, 4))))
    assert torch.equal(read[0], read[1])
    assert torch.equal(read[0], read[2])
