"""What adds up must add up; what is taken away in groups, and how alike tokens are, against answers known by hand."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from mat_core import Diagnoser, MATConfig, MATNetwork, Metadata
from mat_core.bundle import Bundle
from mat_core.errors import ConfigError
from mat_core.explain import contributions, cumulate, kind_groups, similarity, take_away, touching
from mat_core.explain.ablation import without_each
from mat_core.explain.passes import case_inputs
from mat_core.explain.similarity import _alike
from mat_core.metadata import CLEAN_FIELDS, Vocabulary, closed_vocabulary
from mat_core.regions import Regions
from mat_core.units import UNITS

CASE = Metadata(age=55, sex="female", localization="lower extremity")
WIDTH = 12  # of a region's features
KINDS = ("nv", "mel", "border", "skin")


class Detector(torch.nn.Module):
    """Is asked nothing here."""

    feature_width = WIDTH
    config = None


def some_regions(count, seed=0):
    rng = np.random.default_rng(seed)
    corners = rng.uniform(0, 60, (count, 2))
    boxes = np.hstack([corners, corners + rng.uniform(5, 29, (count, 2))]).astype(np.float32)
    probabilities = rng.dirichlet(np.full(len(KINDS), 0.2), count).astype(np.float32)
    return Regions(boxes, probabilities, rng.normal(size=(count, WIDTH)).astype(np.float32), (90, 120), KINDS)


def make_diagnoser(unit="sga-sga", layers=1, seed=0, temperature=1.3):
    torch.manual_seed(seed)
    vocabulary = Vocabulary(closed_vocabulary())
    config = MATConfig(
        unit=unit, d=32, h=4, layers=layers, n=20, region_width=WIDTH + 4, word_width=8, vocabulary=len(vocabulary)
    )
    network = MATNetwork(config).eval()
    with torch.no_grad():
        network.classifier.weight *= 4
        network.norm.weight.uniform_(0.5, 2)  # as a trained one has it: neither 1 nor 0
        network.norm.bias.normal_(std=0.3)
    return Diagnoser(Bundle(network, Detector(), vocabulary, fields=CLEAN_FIELDS, temperature=temperature))


def probabilities(diagnoser, regions, metadata=CASE):
    return np.array(list(diagnoser.diagnose_regions(regions, metadata).probabilities.values()))


@pytest.mark.slow
@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("metadata", [CASE, Metadata(sex="male"), Metadata()])
@pytest.mark.parametrize("count", [0, 1, 13, 25])
def test_the_parts_sum_to_each_logit(unit, layers, metadata, count):
    diagnoser, regions = make_diagnoser(unit, layers), some_regions(count)
    found = contributions(diagnoser, regions, metadata)
    diagnosis = diagnoser.diagnose_regions(regions, metadata)
    assert np.array_equal(found.logits, diagnosis.logits)
    assert found.regions.shape == (min(count, 20), 7)
    assert found.words.shape == (len(diagnoser.words(metadata)), 7)
    np.testing.assert_allclose(found.regions.sum(0) + found.constant, diagnosis.logits, atol=1e-5)
    if len(found.words):
        np.testing.assert_allclose(found.words.sum(0) + found.constant, diagnosis.logits, atol=1e-5)
    if count > 1:  # the sums are no accident of parts that are all alike, or of a constant that is all
        assert found.regions.std(0).max() > 3e-3
        assert np.abs(found.regions.sum(0)).max() > 0.1


def test_a_margin_is_the_log_odds_of_the_calibrated_answer():
    diagnoser, regions = make_diagnoser(temperature=0.7), some_regions(9)
    found, p = contributions(diagnoser, regions, CASE), diagnoser.diagnose_regions(regions, CASE).probabilities
    first, second = sorted(p, key=p.get)[:-3:-1]
    margin = found.against(first)
    assert (margin.label, margin.other) == (first, second)
    assert margin.total == pytest.approx(math.log(p[first] / p[second]), abs=1e-5)
    assert margin.regions.sum() + margin.constant == pytest.approx(margin.total, abs=1e-5)
    assert margin.words.sum() + margin.constant == pytest.approx(margin.total, abs=1e-5)
    back = found.against(second, first)
    np.testing.assert_allclose(back.regions, -margin.regions)
    assert found.against(second).other == first  # the likeliest of the others, not the class itself
    assert margin.sentence() == found.sentence()
    assert f"by {margin.total:.2f} of log-odds" in found.sentence()
    assert f"region {np.abs(margin.regions).argmax() + 1} says most" in found.sentence()
    assert "trails" in back.sentence()


def test_padding_adds_exactly_nothing():
    diagnoser, regions = make_diagnoser(), some_regions(6)
    features, padding, ids = diagnoser.inputs(regions, CASE)
    features[0, 6:] = 100.0  # whatever lies there
    with torch.inference_mode():
        output = diagnoser.bundle.network(features, padding, ids, need_weights=True)
    assert not output.contributions["regions"][0, 6:].any()
    found = contributions(diagnoser, regions, CASE)
    np.testing.assert_allclose(found.logits, output.logits[0].numpy(), atol=1e-5)
    np.testing.assert_allclose(found.regions.sum(0) + found.constant, output.logits[0].numpy(), atol=1e-5)


def test_the_parts_of_a_small_net_are_those_worked_out_by_hand():
    """Two numbers a token, image only: c_1 = (3, 0), c_2 = (1, 2), so z = (4, 2), mean 3, variance 1."""
    vocabulary = Vocabulary(closed_vocabulary())
    config = MATConfig(unit="base", d=2, h=1, n=5, region_width=WIDTH + 4, word_width=4, vocabulary=len(vocabulary))
    network = MATNetwork(config).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        network.region_projection.weight[0, 0] = network.region_projection.weight[1, 1] = 1.0
        network.fusion.projections["regions"][0].weight.copy_(torch.eye(2))
        network.fusion.absent["words"].fill_(1.0)
        network.norm.weight.copy_(torch.tensor([2.0, 1.0]))
        network.norm.bias.copy_(torch.tensor([0.5, 0.0]))
        network.classifier.weight[2] = torch.tensor([1.0, 0.0])
        network.classifier.bias[2] = 0.25
        network.norm.eps = 0.0
    diagnoser = Diagnoser(Bundle(network, Detector(), vocabulary, temperature=2.0))
    regions = some_regions(2)
    regions.features[:] = 0
    regions.features[:, :2] = [[3.0, 0.0], [1.0, 2.0]]
    found = contributions(diagnoser, regions)  # no word: the learned vector of ones stands in
    # region 1, centred: (1.5, -1.5), times the gain 2: 3. Region 2: (-.5, .5): -1. Constant: .5 + .25
    np.testing.assert_allclose(found.regions[:, 2], [3.0, -1.0], atol=1e-6)
    assert found.constant[2] == pytest.approx(0.75)
    assert found.logits[2] == pytest.approx(2.75)
    assert found.words.shape == (0, 7)
    margin = found.against("mel", "nv")
    np.testing.assert_allclose(margin.regions, [1.5, -0.5], atol=1e-6)  # the temperature halves all
    assert (margin.constant, margin.total) == (pytest.approx(0.375), pytest.approx(1.375))
    assert margin.sentence() == (
        "Melanoma leads melanocytic nevus by 1.38 of log-odds; +0.38 of it is there before anything is seen. "
        "1 region for it adds +1.50, 1 against it \N{MINUS SIGN}0.50; region 1 says most (+1.50)."
    )


def test_the_shipped_bundle_adds_up():
    diagnoser = Diagnoser.from_pretrained()
    rng = np.random.default_rng(0)
    width = diagnoser.bundle.detector.feature_width
    kinds = diagnoser.bundle.detector.config.kinds
    regions = Regions(
        some_regions(30).boxes, np.full((30, len(kinds)), 0.05, np.float32),
        rng.exponential(0.5, (30, width)).astype(np.float32), (90, 120), kinds,
    )  # fmt: skip
    found = contributions(diagnoser, regions, CASE)
    np.testing.assert_allclose(found.regions.sum(0) + found.constant, found.logits, atol=1e-5)
    np.testing.assert_allclose(found.words.sum(0) + found.constant, found.logits, atol=1e-5)


@pytest.mark.parametrize("unit", UNITS)
def test_groups_are_what_one_by_one_passes_give(unit):
    diagnoser, regions = make_diagnoser(unit), some_regions(12)
    groups = kind_groups(regions)
    assert list(groups) == ["lesion", "border", "skin"]
    assert sum(groups.values()).tolist() == [1] * 12
    first = groups["border"]
    groups |= {"none": np.zeros(12, bool), "all but borders": ~first, "one": np.arange(12) == 4}
    found = take_away(diagnoser, regions, groups, CASE)
    assert found.sizes == tuple(int(g.sum()) for g in groups.values())
    for group, p in zip(groups.values(), found.without, strict=True):
        np.testing.assert_allclose(p, probabilities(diagnoser, regions.subset(~group)), atol=1e-5)
    at = found.names.index("none")
    assert np.array_equal(found.without[at], found.probabilities)
    np.testing.assert_allclose(found.effect("mel"), found.probabilities[2] - found.without[:, 2])
    features, padding, ids = case_inputs(diagnoser, regions, CASE)
    np.testing.assert_allclose(found.without[-1], without_each(diagnoser, features, padding, ids)[4], atol=1e-5)
    assert "without one (1 region) " in found.sentence("mel")
    assert take_away(diagnoser, regions, {}, CASE).without.shape == (0, 7)
    with pytest.raises(ConfigError, match="'short'"):
        take_away(diagnoser, regions, {"short": np.zeros(3, bool)}, CASE)


def test_more_and_more_of_a_ranking_goes():
    diagnoser, regions = make_diagnoser(), some_regions(7)
    ranking = np.array([0.1, 3.0, 0.1, -2.0, 5.0, 0.1, 0.0])
    found = cumulate(diagnoser, regions, ranking, CASE)
    order = [4, 1, 0, 2, 5, 6, 3]
    assert found.shape == (8, 7)
    for count, p in enumerate(found):
        kept = regions.subset(np.setdiff1d(np.arange(7), order[:count]))
        np.testing.assert_allclose(p, probabilities(diagnoser, kept), atol=1e-5)
    with pytest.raises(ConfigError, match="7 numbers"):
        cumulate(diagnoser, regions, ranking[:3], CASE)


def test_touching_is_having_a_painted_pixel():
    regions, rng = some_regions(20), np.random.default_rng(1)
    for size in ((90, 120), (45, 60), (180, 240)):
        mask = rng.random(size) < 0.002
        expected = []
        for x1, y1, x2, y2 in regions.boxes * (size[0] / 90):
            inside = mask[math.floor(y1) : math.ceil(y2), math.floor(x1) : math.ceil(x2)]
            expected.append(bool(inside.any()))
        assert touching(regions, mask).tolist() == expected
        assert 0 < sum(expected) < 20
    assert not touching(regions, np.zeros((90, 120), bool)).any()
    assert touching(regions, np.ones((90, 120), bool)).all()


def test_tokens_known_by_hand_are_as_alike_as_they_are():
    apart = torch.eye(3)
    assert _alike(apart) == (pytest.approx(0), pytest.approx(math.sqrt(2 / 3)))
    same = torch.tensor([[1.0, 2.0]]).repeat(4, 1)
    assert _alike(same) == (pytest.approx(1), pytest.approx(0))
    assert _alike(same * torch.tensor([[1.0], [2.0], [3.0], [4.0]]))[0] == pytest.approx(1)
    assert _alike(torch.tensor([[1.0, 0.0], [-1.0, 0.0]])) == (pytest.approx(-1), pytest.approx(1))
    assert np.isnan(_alike(apart[:1])).all()


@pytest.mark.parametrize("unit", UNITS)
def test_similarity_looks_at_the_tokens_of_the_pass_itself(unit):
    diagnoser, regions = make_diagnoser(unit, layers=2), some_regions(8)
    found = similarity(diagnoser, regions, CASE)
    wiring, stages = UNITS[unit], ["detector", "embedding"]
    if wiring.self_attention:
        for number in ("1", "2"):
            stages += [f"SA {number}", f"GA {number}"] if "regions" in wiring.guided else [f"SA {number}"]
    assert list(found.stages) == stages
    seen = []
    hook = diagnoser.bundle.network.fusion.projections["regions"].register_forward_hook(
        lambda module, inputs, output: seen.append(inputs[0][0, :8].clone())
    )
    diagnoser.intermediates(regions, CASE)
    hook.remove()
    assert (found.cosine[-1], found.residual[-1]) == pytest.approx(_alike(seen[0]), abs=1e-5)
    features = torch.from_numpy(regions.features)
    assert (found.cosine[0], found.residual[0]) == pytest.approx(_alike(features), abs=1e-6)
    assert f"{found.cosine[0]:.2f}" in found.sentence()
    assert "two regions" in similarity(diagnoser, some_regions(1), CASE).sentence()


def test_attention_that_looks_at_all_alike_makes_all_alike():
    """With even maps and without a shortcut every token becomes the mean of the values: rank one."""
    diagnoser, regions = make_diagnoser("image-only"), some_regions(8)
    block = diagnoser.bundle.network.layers[0].self_blocks["regions"]
    free = similarity(diagnoser, regions)
    with torch.no_grad():
        block.attention.key.weight.zero_()
        block.attention.output.weight *= 1000  # the shortcut is lost beside it
        block.attention.value.bias += 1
    even = similarity(diagnoser, regions)
    assert even.cosine[2] > 0.999 > free.cosine[2]
    assert even.residual[2] < 0.05 < free.residual[2]


def test_nothing_is_changed_by_asking():
    diagnoser, regions = make_diagnoser(), some_regions(8)
    before = {k: v.clone() for k, v in diagnoser.bundle.network.state_dict().items()}
    answer = probabilities(diagnoser, regions)
    contributions(diagnoser, regions, CASE)
    similarity(diagnoser, regions, CASE)
    take_away(diagnoser, regions, kind_groups(regions), CASE)
    assert np.array_equal(probabilities(diagnoser, regions), answer)
    assert all(torch.equal(v, before[k]) for k, v in diagnoser.bundle.network.state_dict().items())
    other = Diagnoser(replace(diagnoser.bundle, temperature=2.6))
    np.testing.assert_array_equal(
        contributions(other, regions, CASE).regions, contributions(diagnoser, regions, CASE).regions
    )
