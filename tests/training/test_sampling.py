"""Splits by lesion, held-out lesions, and the cases and metadata drawn in an epoch."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from mat_core import DataError, Metadata
from mat_core.data.ham10000 import Case, read_dataset
from mat_core.data.labels import CODES
from mat_core.data.metadata import Vocabulary, closed_vocabulary
from teaching.phantoms import write_phantom_dataset
from training.data.sampling import split_held_out
from training.engine.recipe import Recipe
from training.steps.mat import MATSettings, _Epoch, _Pool, vary_metadata
from training.steps.region_features import CachedRegions
from training.steps.split import make_split


@pytest.fixture(scope="module")
def images(tmp_path_factory) -> Path:
    """A phantom data set of 20 small lesions a class."""
    return write_phantom_dataset(tmp_path_factory.mktemp("images"), per_class=20, size=(32, 40))


@pytest.mark.slow
def test_a_split_keeps_lesions_together_and_classes_in_proportion(images, tmp_path):
    cases = read_dataset(images, None).cases
    sizes = make_split(cases, tmp_path / "split.csv", seed=3)
    assert make_split(cases, tmp_path / "again.csv", seed=3) == sizes
    assert (tmp_path / "split.csv").read_bytes() == (tmp_path / "again.csv").read_bytes()
    split = read_dataset(images, tmp_path / "split.csv")
    assert len({(c.lesion_id, c.split) for c in split.cases}) == len({c.lesion_id for c in split.cases})
    for code in CODES:
        lesions = {c.lesion_id: c.split for c in split.cases if c.diagnosis == code}
        assert Counter(lesions.values())["test"] == max(1, round(0.1 * len(lesions)))
    firsts = Counter(c.lesion_id for c in split.cases if c.first)
    assert set(firsts.values()) == {1}
    assert len(split.of("test")) == sizes["test"]


@pytest.mark.slow
def test_held_out_lesions_are_a_share_of_each_class_of_train_and_leave_the_rest_as_it_was(images, tmp_path):
    make_split(read_dataset(images, None).cases, tmp_path / "split.csv", seed=0)
    data = read_dataset(images, tmp_path / "split.csv")
    learnt, held = split_held_out(data, 0.25)
    assert {c.lesion_id for c in held}.isdisjoint(c.lesion_id for c in learnt.cases)
    assert {c.image_id for c in (*learnt.of("train"), *held)} == {c.image_id for c in data.of("train")}
    for split in ("val", "test"):
        assert learnt.of(split) == data.of(split)

    def lesions(cases):
        return Counter(d for _, d in {(c.lesion_id, c.diagnosis) for c in cases})

    of_all = lesions(data.of("train"))
    assert lesions(held) == {code: round(0.25 * of_all[code]) for code in of_all}
    assert split_held_out(data, 0.25)[1] == held
    assert split_held_out(data, 0.25, seed=1)[1] != held
    assert split_held_out(data, 0.0) == (data, ())
    with pytest.raises(DataError, match="below 1"):
        split_held_out(data, 1.0)


@pytest.mark.parametrize(
    ("share", "last", "wanted"), [(0.5, 0, (0.5, 0.5)), (0.0, 0, (0.0, 0.0)), (0.3, 1, (0.3, 1.0))]
)
def test_an_epoch_draws_the_share_of_held_out_cases(share, last, wanted):
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


def test_metadata_varies_within_the_rounding_of_ages():
    settings = MATSettings(field_dropout=0.2, words_dropout=0.1)
    whole = Metadata(55, "male", "back")
    seen = [vary_metadata(whole, np.random.default_rng(i), settings) for i in range(500)]
    assert {m.age for m in seen} == {None, 53, 54, 55, 56, 57}
    # gone alone (.2) or with all the others (.1)
    assert np.mean([m.age is None for m in seen]) == pytest.approx(0.28, abs=0.06)
    assert Metadata() in seen
    assert whole in seen
