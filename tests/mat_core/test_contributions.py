"""Contributions add up; ablated groups and similarity of tokens are what is known by hand."""

import math

import numpy as np
import pytest
import torch
from random_networks import CASE, WIDTH, BrightestPixel, make_diagnoser, probabilities, random_regions

from interface.state.explorer_payload import walk_through
from mat_core import Diagnoser, MATConfig, MATNetwork, Metadata
from mat_core.data.metadata import Vocabulary, closed_vocabulary
from mat_core.errors import ConfigError
from mat_core.explain import (
    ablate_cumulatively,
    ablate_groups,
    contributions,
    kind_groups,
    regions_overlapping,
    similarity,
)
from mat_core.explain.ablation import without_each
from mat_core.explain.batched_forward import network_inputs
from mat_core.explain.token_similarity import _alike
from mat_core.inference.bundle import Bundle
from mat_core.models.transformer import UNITS


@pytest.mark.slow
@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("layers", [1, 2])
def test_contributions_sum_to_each_logit(unit, layers):
    diagnoser = make_diagnoser(unit, layers, n=20)
    for metadata, count in ((CASE, 0), (CASE, 13), (CASE, 25), (Metadata(sex="male"), 1), (Metadata(), 13)):
        regions = random_regions(count)
        found, diagnosis = contributions(diagnoser, regions, metadata), diagnoser.diagnose_regions(regions, metadata)
        np.testing.assert_allclose(found.logits, diagnosis.logits, atol=1e-6)
        assert found.regions.shape == (min(count, 20), 7)
        assert found.words.shape == (len(diagnoser.words(metadata)), 7)
        for side in (found.regions, found.words) if len(found.words) else (found.regions,):
            np.testing.assert_allclose(side.sum(0) + found.constant, diagnosis.logits, atol=1e-5)
        if count > 1:  # the sums are no accident of parts that are all alike, or of a constant that is all
            assert found.regions.std(0).max() > 3e-3
            assert np.abs(found.regions.sum(0)).max() > 0.1


def test_a_margin_is_the_log_odds_of_the_calibrated_answer():
    diagnoser, regions = make_diagnoser(temperature=0.7), random_regions(9)
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
    assert margin.summary() == found.summary()
    assert f"{margin.total:.2f}" in found.summary()
    assert f"region {np.abs(margin.regions).argmax() + 1}" in found.summary()


def test_padding_contributes_nothing():
    diagnoser, regions = make_diagnoser(), random_regions(6)
    features, padding, ids = diagnoser.inputs(regions, CASE)
    features[0, 6:] = 100.0  # whatever lies there
    with torch.inference_mode():
        output = diagnoser.bundle.network(features, padding, ids, need_weights=True)
    assert not output.contributions["regions"][0, 6:].any()
    np.testing.assert_allclose(contributions(diagnoser, regions, CASE).logits, output.logits[0].numpy(), atol=1e-5)


def test_the_contributions_in_a_small_network_by_hand():
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
    diagnoser = Diagnoser(Bundle(network, BrightestPixel(), vocabulary, temperature=2.0))
    regions = random_regions(2)
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
    assert [n for n in ("1.38", "+0.38", "+1.50", "\N{MINUS SIGN}0.50", "region 1") if n not in margin.summary()] == []


@pytest.mark.parametrize("unit", UNITS)
def test_groups_are_what_one_by_one_passes_give(unit):
    diagnoser, regions = make_diagnoser(unit), random_regions(12)
    groups = kind_groups(regions)
    assert set(groups) == {"lesion", "border", "skin"}
    assert sum(groups.values()).tolist() == [1] * 12
    first = groups["border"]
    groups |= {"none": np.zeros(12, bool), "all but borders": ~first, "one": np.arange(12) == 4}
    found = ablate_groups(diagnoser, regions, groups, CASE)
    assert found.sizes == tuple(int(g.sum()) for g in groups.values())
    for group, p in zip(groups.values(), found.without, strict=True):
        np.testing.assert_allclose(p, probabilities(diagnoser, regions.select(~group)), atol=1e-5)
    at = found.names.index("none")
    assert np.array_equal(found.without[at], found.probabilities)
    np.testing.assert_allclose(found.effect("mel"), found.probabilities[2] - found.without[:, 2])
    features, padding, ids = network_inputs(diagnoser, regions, CASE)
    np.testing.assert_allclose(found.without[-1], without_each(diagnoser, features, padding, ids)[4], atol=1e-5)
    assert "without one (1 region) " in found.summary("mel")
    assert ablate_groups(diagnoser, regions, {}, CASE).without.shape == (0, 7)
    with pytest.raises(ConfigError, match="'short'"):
        ablate_groups(diagnoser, regions, {"short": np.zeros(3, bool)}, CASE)


def test_regions_are_ablated_in_the_order_of_a_ranking():
    diagnoser, regions = make_diagnoser(), random_regions(7)
    ranking, order = np.array([0.1, 3.0, 0.1, -2.0, 5.0, 0.1, 0.0]), [4, 1, 0, 2, 5, 6, 3]
    found = ablate_cumulatively(diagnoser, regions, ranking, CASE)
    for count, p in enumerate(found):
        kept = regions.select(np.setdiff1d(np.arange(7), order[:count]))
        np.testing.assert_allclose(p, probabilities(diagnoser, kept), atol=1e-5)
    assert found.shape == (8, 7)
    with pytest.raises(ConfigError, match="7 numbers"):
        ablate_cumulatively(diagnoser, regions, ranking[:3], CASE)


def test_a_region_overlaps_a_mask_with_one_pixel_in_its_box():
    regions, rng = random_regions(20), np.random.default_rng(1)
    for size in ((90, 120), (45, 60), (180, 240)):
        mask = rng.random(size) < 0.002
        boxes = regions.boxes * (size[0] / 90)
        inside = [mask[math.floor(y1) : math.ceil(y2), math.floor(x1) : math.ceil(x2)] for x1, y1, x2, y2 in boxes]
        assert regions_overlapping(regions, mask).tolist() == [bool(part.any()) for part in inside]
        assert 0 < sum(part.any() for part in inside) < 20


def test_tokens_known_by_hand_are_as_alike_as_they_are():
    apart = torch.eye(3)
    assert _alike(apart) == (pytest.approx(0), pytest.approx(math.sqrt(2 / 3)))
    same = torch.tensor([[1.0, 2.0]]).repeat(4, 1)
    assert _alike(same) == (pytest.approx(1), pytest.approx(0))
    assert _alike(same * torch.tensor([[1.0], [2.0], [3.0], [4.0]]))[0] == pytest.approx(1)
    assert _alike(torch.tensor([[1.0, 0.0], [-1.0, 0.0]])) == (pytest.approx(-1), pytest.approx(1))
    assert np.isnan(_alike(apart[:1])).all()


@pytest.mark.parametrize("unit", UNITS)
def test_similarity_is_of_the_tokens_of_the_forward_pass(unit):
    diagnoser, regions = make_diagnoser(unit, layers=2), random_regions(8)
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
    diagnoser.forward(regions, CASE)
    hook.remove()
    assert (found.cosine[-1], found.residual[-1]) == pytest.approx(_alike(seen[0]), abs=1e-5)
    features = torch.from_numpy(regions.features)
    assert (found.cosine[0], found.residual[0]) == pytest.approx(_alike(features), abs=1e-6)
    assert f"{found.cosine[0]:.2f}" in found.summary()
    assert "two regions" in similarity(diagnoser, random_regions(1), CASE).summary()


def test_uniform_attention_makes_all_tokens_alike():
    """With uniform maps and without a shortcut every token becomes the mean of the values: rank one."""
    regions, diagnoser = random_regions(8), make_diagnoser("image-only")
    free = similarity(diagnoser, regions)
    attention = diagnoser.bundle.network.layers[0].self_blocks["regions"].attention
    with torch.no_grad():
        attention.key.weight.zero_()
        attention.output.weight *= 1000  # the shortcut is lost beside it
        attention.value.bias += 1
    even = similarity(Diagnoser(diagnoser.bundle), regions)
    assert even.cosine[2] > 0.999 > free.cosine[2]
    assert even.residual[2] < 0.05 < free.residual[2]


def test_a_diagnosis_is_explained_without_another_forward_pass():
    diagnoser, other, regions = make_diagnoser(), make_diagnoser("sa-sa"), random_regions(8)
    diagnosis = diagnoser.diagnose_regions(regions, CASE)
    passes = []
    diagnoser.bundle.network.register_forward_pre_hook(lambda *_: passes.append("own"))
    other.bundle.network.register_forward_pre_hook(lambda *_: passes.append("other"))
    found, stages = contributions(diagnoser, diagnosis), similarity(diagnoser, diagnosis)
    walk = walk_through(diagnoser, diagnosis, "words_to_regions", 0, 0, 0, 0)
    assert passes == []
    assert walk["weights"] == pytest.approx(diagnosis.attention.words_to_regions[0, 0, 0], abs=1e-6)
    np.testing.assert_allclose(found.logits, diagnosis.logits)
    np.testing.assert_allclose(found.regions, contributions(diagnoser, regions, CASE).regions, atol=1e-6)
    np.testing.assert_allclose(stages.cosine, similarity(diagnoser, regions, CASE).cosine, atol=1e-6)
    assert passes == ["own"] * 2
    # another model explains its own answer about the same regions
    again = contributions(other, diagnosis)
    np.testing.assert_allclose(again.logits, other.diagnose_regions(regions, CASE).logits, atol=1e-6)
    assert passes == ["own"] * 2 + ["other"] * 2
