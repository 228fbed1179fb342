"""What a case becomes on its way into a training: order of an epoch, augmentation, mixing, boxes of masks."""

from collections import Counter

import numpy as np
import pytest
import torch

from mat_core import DataError
from mat_core.phantoms import make_phantom
from training.data.augment import NONE, Augmentation
from training.data.views import case_rng, epoch_order, lesion_box
from training.engine.recipe import Recipe
from training.steps.backbone import BackboneSettings, mixing


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
