"""Explanations: exact at their ends, equal to one-by-one forward passes, right on planted cases."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch
from random_networks import CASE, BrightestPixel, make_diagnoser, probabilities, random_regions
from scipy.stats import spearmanr

from mat_core import Diagnoser, MATNetwork, Metadata
from mat_core.data.labels import CODES
from mat_core.data.metadata import DX_TYPES, FIELDS
from mat_core.errors import ConfigError
from mat_core.explain import (
    RANKINGS,
    ablate,
    ablation_faithfulness,
    compare_models,
    contributions,
    label_leakage,
    metadata_sweep,
    operating_point,
    relevance,
    similarity,
    tta_uncertainty,
)
from mat_core.explain.ablation import guided_maps, shuffled_attention, uniform_attention
from mat_core.explain.batched_forward import network_inputs, predict_without_regions
from mat_core.explain.faithfulness import RANDOM, rank_correlation
from mat_core.explain.relevance import Relevance, _bimodal, _rollout
from mat_core.explain.uncertainty import UNFAMILIAR, VIEWS, Uncertainty, apply_view, undo_view
from mat_core.inference.out_of_distribution import OODScore
from mat_core.models.transformer import UNITS
from teaching.phantoms import make_phantom


@pytest.mark.parametrize("unit", UNITS)
def test_ablation_is_what_one_by_one_passes_give(unit):
    diagnoser, regions = make_diagnoser(unit), random_regions(9)
    found = ablate(diagnoser, regions, CASE)
    np.testing.assert_allclose(found.probabilities, probabilities(diagnoser, regions), atol=1e-6)
    for i in range(9):
        kept = regions.select(np.delete(np.arange(9), i))
        np.testing.assert_allclose(found.without_region[i], probabilities(diagnoser, kept), atol=1e-5)
    reads = unit != "image-only"
    assert set(found.without_field) == {"age", "sex", "localization"}
    for field, values in found.without_field.items():
        np.testing.assert_allclose(values, probabilities(diagnoser, regions, CASE.without(field)), atol=1e-5)
    np.testing.assert_allclose(found.without_words, probabilities(diagnoser, regions, Metadata()), atol=1e-5)
    assert (np.abs(found.without_words - found.probabilities).max() > 1e-4) == reads
    assert (found.uniform is None) == (found.shuffled is None) == (not UNITS[unit].guided)
    np.testing.assert_allclose(found.effect("mel"), found.probabilities[2] - found.without_region[:, 2])
    assert "melanoma" in found.summary("mel")


def test_guidance_edits_only_the_real_keys():
    weights = torch.tensor([[[[0.7, 0.2, 0.1, 0.0]]]])
    assert uniform_attention(weights).flatten().tolist() == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0])
    seen = set()
    edit = shuffled_attention(torch.Generator().manual_seed(0))
    for _ in range(50):
        dealt = edit(weights).flatten().tolist()
        assert dealt[3] == 0
        assert sorted(dealt) == pytest.approx([0.0, 0.1, 0.2, 0.7])
        seen.add(tuple(dealt))
    assert len(seen) == 6
    assert guided_maps(make_diagnoser("sga-sga")) == ("regions_to_words", "words_to_regions")
    assert guided_maps(make_diagnoser("sa-sa")) == ()


def test_even_guidance_is_the_mean_of_the_values():
    diagnoser, regions = make_diagnoser("sa-sga-image"), random_regions(5)
    found = ablate(diagnoser, regions, CASE, draws=3)
    assert found.shuffled.shape == (3, 7)
    # with a key projection of zeros every score is 0 and softmax is even by itself
    block = diagnoser.bundle.network.layers[0].guided_blocks["regions"].attention
    with torch.no_grad():
        block.key.weight.zero_()
        block.key.bias.zero_()
    np.testing.assert_allclose(probabilities(diagnoser, regions), found.uniform, atol=1e-5)


@pytest.mark.slow
def test_a_sweep_is_what_one_by_one_passes_give():
    for unit in UNITS:
        diagnoser, regions = make_diagnoser(unit), random_regions(4)
        found = metadata_sweep(diagnoser, regions, CASE)
        assert found.probabilities.shape == (18, 3, 15, 7)
        grid = list(product(*map(enumerate, (found.ages, found.sexes, found.sites))))
        for (i, age), (j, sex), (k, site) in grid if unit == "sga-sga" else grid[::37]:
            one = probabilities(diagnoser, regions, Metadata(age, sex, site))
            np.testing.assert_allclose(found.probabilities[i, j, k], one, atol=1e-5)
        np.testing.assert_allclose(found.baseline, probabilities(diagnoser, regions), atol=1e-6)
        np.testing.assert_allclose(found.over_age()[11], found.baseline, atol=1e-6)
        assert found.over_sex().shape == (3, 7)
        assert found.over_sites().shape == (15, 7)


@pytest.mark.slow
@pytest.mark.parametrize("metadata", [CASE, Metadata(), Metadata(age=57), Metadata(sex="male"), Metadata(age=119)])
def test_a_flip_is_a_smallest_change_that_flips(metadata):
    regions, flips = random_regions(3), 0
    for seed in range(6):
        diagnoser = make_diagnoser("sga-sga", seed=seed)
        with torch.no_grad():  # words that matter
            diagnoser.bundle.network.word_encoder.embedding.weight *= 20
        found = metadata_sweep(diagnoser, regions, metadata)
        top = found.labels[found.baseline.argmax()]
        assert top == diagnoser.diagnose_regions(regions, metadata).top
        flip = found.smallest_counterfactual()
        varied = np.concatenate([found.over_age(), found.over_sex(), found.over_sites()])
        singles = {found.labels[p.argmax()] for p in varied}
        if flip is None:
            assert singles == {top}
            continue
        flips += 1
        assert flip.label != top
        changed = replace(metadata, **{field: new for field, (_, new) in flip.changes.items()})
        answer = diagnoser.diagnose_regions(regions, changed)
        assert answer.top == flip.label
        assert answer.probabilities[flip.label] == pytest.approx(flip.probability, abs=1e-5)
        assert (len(flip.changes) == 1) == (singles != {top})
        assert flip.summary() in found.summary()
    assert flips


@pytest.mark.parametrize("unit", UNITS)
def test_deletion_and_insertion_curves(unit):
    diagnoser, regions = make_diagnoser(unit), random_regions(14)
    found = ablation_faithfulness(diagnoser, regions, CASE, "mel", draws=2)
    full = probabilities(diagnoser, regions)[2]
    features, _, ids = diagnoser.inputs(regions, CASE)
    with torch.inference_mode():
        none = diagnoser.bundle.network(features[:, :14], torch.ones(1, 14, dtype=torch.bool), ids).logits[0]
    none = diagnoser.to_probabilities(none.double().numpy())[2]
    rankings = set(RANKINGS) - ({"attention"} if unit == "base" else set())
    assert set(found.scores) == set(found.spearman) == set(found.overlap) == rankings
    assert set(found.deletion) == set(found.insertion) == rankings | {RANDOM}
    assert found.counts[[0, -1]].tolist() == [0, 14]
    for name in found.deletion:
        assert found.deletion[name][[0, -1]] == pytest.approx([full, none], abs=1e-5)
        assert found.insertion[name][[0, -1]] == pytest.approx([none, full], abs=1e-5)
    # the reference is what one-by-one passes give
    lost = np.array([full - probabilities(diagnoser, regions.select(np.arange(14) != i))[2] for i in range(14)])
    np.testing.assert_allclose(found.scores["ablation"], lost, atol=1e-6)
    lost = found.scores["ablation"]  # of the same rounding, so that no two near ties change places
    best = set(np.argsort(-lost, kind="stable")[:10])
    for name in rankings - {"ablation"}:
        assert found.spearman[name] == pytest.approx(spearmanr(found.scores[name], lost)[0])
        common = best & set(np.argsort(-found.scores[name], kind="stable")[:10])
        assert found.overlap[name] == len(common) / 10
    # one point by hand
    order = np.argsort(-found.scores["gradient"], kind="stable")
    kept = regions.select(np.sort(order[10:]))
    at = int(np.flatnonzero(found.counts == 10)[0])
    assert found.deletion["gradient"][at] == pytest.approx(probabilities(diagnoser, kept)[2], abs=1e-5)
    assert found.areas({"flat": np.full(len(found.counts), 0.3)}) == {"flat": pytest.approx(0.3)}
    # another ranking is tested in the same way
    more = ablation_faithfulness(diagnoser, regions, CASE, "mel", draws=2, also={"again": found.scores["gradient"]})
    assert set(more.scores) == rankings | {"again"}
    assert more.spearman["again"] == pytest.approx(found.spearman["gradient"])
    np.testing.assert_allclose(more.insertion["again"], found.insertion["gradient"])
    for explanation in (ablation_faithfulness, relevance):
        with pytest.raises(ConfigError, match="bcc, df, mel"):
            explanation(diagnoser, regions, CASE, "scc")


def test_rank_correlation_is_scipys_ties_included():
    rng = np.random.default_rng(0)
    for _ in range(20):
        a, b = rng.integers(0, 5, (2, 12))
        assert rank_correlation(a, b) == pytest.approx(spearmanr(a, b)[0])
    assert rank_correlation(np.ones(4), np.arange(4)) == 0


def plant(unit, layers=1):
    """A network in which a region's first feature decides for melanoma and nothing else does anything."""
    diagnoser = make_diagnoser(unit, layers=layers)
    network = diagnoser.bundle.network
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.startswith(("region_projection", "fusion", "classifier")) or ".output." in name:
                parameter.zero_()
        for layer in network.layers:
            for block in [*layer.self_blocks.values(), *layer.guided_blocks.values()]:
                for parameter in [*block.attention.output.parameters(), *block.feed_forward[-1].parameters()]:
                    parameter.zero_()
        network.region_projection.weight[0, 0] = 1.0
        network.norm.weight.fill_(1.0)
        network.norm.bias.zero_()
        network.fusion.projections["regions"][0].weight.copy_(torch.eye(32))
        if "words" in network.config.modalities:
            network.fusion.projections["words"][0].bias.fill_(1.0)
        network.classifier.weight[2, 0] = 1.0
    return diagnoser


@pytest.mark.slow
@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("seed", range(3))
def test_a_planted_region_is_found(unit, seed):
    diagnoser, regions = plant(unit, layers=1 if unit == "base" else 2), random_regions(12, seed=seed)
    planted = seed * 5
    regions.features[:, 0] = 0
    regions.features[planted, 0] = 3
    effect = ablate(diagnoser, regions, CASE).effect("mel")
    assert effect.argmax() == planted
    assert effect[planted] > 0.1
    np.testing.assert_allclose(np.delete(effect, planted), 0, atol=1e-6)
    found = relevance(diagnoser, regions, CASE, "mel")
    assert found.regions.argmax() == planted
    assert np.delete(found.regions, planted).max() < 1e-3 * found.regions[planted]
    agreed = ablation_faithfulness(diagnoser, regions, CASE, "mel")
    areas = agreed.areas(agreed.deletion)
    assert areas["relevance"] == areas["ablation"] < areas[RANDOM]


def test_relevance_follows_the_rules_worked_out_by_hand():
    # 2 regions, 1 word; each number below is of Chefer et al.'s equations 6, 7, 10, 11
    sa = torch.tensor([[0.0, 0.5], [0.0, 0.0]])
    maps = {
        "regions_to_regions": sa,
        "words_to_words": torch.tensor([[0.25]]),
        "regions_to_words": torch.tensor([[0.2], [0.4]]),
        "words_to_regions": torch.tensor([[0.1, 0.3]]),
    }
    found = _bimodal([maps], [2, 1])
    # after the self-attention: R_rr = [[1, .5], [0, 1]], R_ww = 1.25. Row-normalised: [[1, 1], [0, 1]] and 2.
    expected_rw = torch.tensor([[1.0, 0.0], [1.0, 1.0]]) @ torch.tensor([[0.2], [0.4]]) * 2
    expected_wr = 2 * torch.tensor([[0.1, 0.3]]) @ torch.tensor([[1.0, 1.0], [0.0, 1.0]])
    torch.testing.assert_close(found[:2, 2:], expected_rw)
    torch.testing.assert_close(found[2:, :2], expected_wr)
    # the guided updates of R_rr and R_ww use R_wr and R_rw from before, which were 0
    torch.testing.assert_close(found[:2, :2], torch.eye(2) + sa)
    torch.testing.assert_close(found[2:, 2:], torch.tensor([[1.25]]))
    second = _bimodal([maps, {"regions_to_words": maps["regions_to_words"]}], [2, 1])
    torch.testing.assert_close(second[:2, :2], torch.eye(2) + sa + maps["regions_to_words"] @ expected_wr)


def test_rollout_halves_with_the_identity_and_keeps_rows_at_one():
    maps = {
        "regions_to_regions": torch.tensor([[0.2, 0.8], [0.5, 0.5]]),
        "words_to_regions": torch.tensor([[0.3, 0.7]]),
    }
    rolled = _rollout([maps], [2, 1])
    first = torch.tensor([[0.6, 0.4, 0], [0.25, 0.75, 0], [0, 0, 1.0]])
    second = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0.15, 0.35, 0.5]])
    torch.testing.assert_close(rolled, second @ first)
    torch.testing.assert_close(_rollout([maps, maps], [2, 1]).sum(1), torch.ones(3))


def test_a_summary_of_relevance_has_the_shares_and_the_most_relevant_region():
    def summary(regions, words, rollout=(0.1, 0.5)):
        return Relevance("mel", np.array(regions), np.array(words), np.array(rollout), np.zeros(len(words))).summary()

    for text, numbers in (
        (summary([3.0, 1.0], [1.0, 3.0]), ("melanoma", "50.0%", "region 1 ", "37.5%", "region 2 ")),
        (summary([0.0, 2.0], []), ("words have 0.0%", "100.0%", "region 2")),
        (summary([], [2.0], []), ("words have 100.0%",)),
        (summary([0.0, 0.0], [0.0]), ("melanoma",)),
    ):
        assert [number for number in numbers if number not in text] == []
    assert "region 1" not in summary([0.0, 0.0], [2.0])
    assert "region " not in summary([], [2.0], [])


@pytest.mark.slow
@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize(("count", "metadata"), [(0, CASE), (1, CASE), (30, CASE), (9, Metadata())])
def test_few_regions_and_missing_words(unit, count, metadata):
    diagnoser, regions = make_diagnoser(unit, layers=1 if unit == "base" else 2), random_regions(count)
    answer = probabilities(diagnoser, regions, metadata)
    assert np.isfinite(answer).all()
    found = relevance(diagnoser, regions, metadata)
    assert found.label == diagnoser.diagnose_regions(regions, metadata).top
    assert found.regions.shape == found.rollout_regions.shape == (count,)
    assert found.words.shape == (len(diagnoser.words(metadata)),)
    for values in (found.regions, found.words, found.rollout_regions, found.rollout_words):
        assert np.isfinite(values).all()
        assert (values >= 0).all()
    agreed = ablation_faithfulness(diagnoser, regions, metadata)
    assert all(np.isfinite(curve).all() for curve in (*agreed.deletion.values(), *agreed.insertion.values()))
    removed = ablate(diagnoser, regions, metadata)
    np.testing.assert_allclose(removed.probabilities, answer, atol=1e-5)
    assert np.isfinite(removed.without_region).all()
    np.testing.assert_allclose(metadata_sweep(diagnoser, regions, metadata).baseline, answer, atol=1e-5)
    if count:
        assert found.rollout_regions.sum() + found.rollout_words.sum() == pytest.approx(1)
    else:
        assert removed.effect("mel").shape == (0,)
        assert agreed.counts.tolist() == [0]
        assert set(agreed.spearman.values()) == {0.0}
        assert "region 1" not in removed.summary("mel") + found.summary()
    if not diagnoser.words(metadata):
        np.testing.assert_allclose(removed.without_words, removed.probabilities, atol=1e-5)
        assert removed.uniform is None


@pytest.mark.parametrize("unit", UNITS)
def test_regions_left_out_together_are_what_one_by_one_passes_give(unit):
    diagnoser, regions = make_diagnoser(unit), random_regions(7)
    absent = np.random.default_rng(0).random((9, 7)) < np.linspace(0.1, 0.8, 9)[:, None]
    absent = absent[~absent.all(1)]
    features, _, ids = network_inputs(diagnoser, regions, CASE)
    found = predict_without_regions(diagnoser, features, torch.from_numpy(absent), ids)
    for mask, p in zip(absent, found, strict=True):
        np.testing.assert_allclose(p, probabilities(diagnoser, regions.select(~mask)), atol=1e-5)


def test_explanations_leave_the_network_as_it_is():
    diagnoser, regions = make_diagnoser(), random_regions(8)
    network = diagnoser.bundle.network
    before, answer = {k: v.clone() for k, v in network.state_dict().items()}, probabilities(diagnoser, regions)
    for explain in (ablate, ablation_faithfulness, relevance, metadata_sweep, contributions, similarity):
        explain(diagnoser, regions, CASE)
    np.testing.assert_allclose(probabilities(diagnoser, regions), answer)
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())
    assert all(p.grad is None for p in network.parameters())


@pytest.mark.slow
def test_random_weights_destroy_the_agreement_of_maps():
    """Sanity checks for maps (Adebayo et al. 2018): a map that survives random weights shows only the image."""
    trained = Diagnoser.from_pretrained()
    torch.manual_seed(0)
    random = Diagnoser(replace(trained.bundle, network=MATNetwork(trained.bundle.network.config).eval()))
    agreement: dict[str, list[float]] = {"relevance": [], "attention": [], "gradient": []}
    for seed in range(3):
        regions = trained.regions(make_phantom(seed).image).select(slice(40))
        ours, theirs = (
            ablation_faithfulness(d, regions, CASE, "nv", points=2, draws=1).scores for d in (trained, random)
        )
        for name, values in agreement.items():
            assert min(np.ptp(ours[name]), np.ptp(theirs[name])) > 0  # a map that is flat correlates with nothing
            values.append(abs(rank_correlation(ours[name], theirs[name])))
    assert all(np.mean(values) < 0.5 for values in agreement.values()), agreement


def test_boxes_of_views_come_back_to_the_pixel():
    image = np.zeros((7, 11, 3), dtype=np.uint8)
    image[2, 8] = 255
    for view in VIEWS:
        found = BrightestPixel().detect(apply_view(image, view))
        assert undo_view(found.boxes, view, (7, 11)).tolist() == [[8, 2, 9, 3]]
    wide = np.array([[1, 2, 4, 7]], dtype=np.float32)
    seen = np.zeros((9, 5), dtype=np.uint8)
    seen[2:7, 1:4] = 1
    for view in VIEWS:
        y, x = np.nonzero(apply_view(seen[..., None], view)[..., 0])
        box = np.array([[x.min(), y.min(), x.max() + 1, y.max() + 1]], dtype=np.float32)
        assert undo_view(box, view, (9, 5)).tolist() == wide.tolist()


def test_uncertainty_is_over_eight_diagnoses():
    diagnoser = make_diagnoser()
    image = np.zeros((40, 60, 3), dtype=np.uint8)
    image[10, 33] = 200
    found = tta_uncertainty(diagnoser, image, CASE)
    for view, p in zip(VIEWS, found.views, strict=True):
        own = diagnoser.diagnose_regions(BrightestPixel().detect(apply_view(image, view)), CASE)
        np.testing.assert_allclose(p, list(own.probabilities.values()))
    assert all(box.tolist() == [[33, 10, 34, 11]] for box in found.boxes)
    np.testing.assert_allclose(found.mean, found.views.mean(0))
    assert str(found.agreeing) in found.summary()


def test_each_reason_for_uncertainty_is_a_warning():
    def of(*rows, novelty=None):
        return Uncertainty(CODES, np.array([rows[min(i, len(rows) - 1)] for i in range(8)]), (), novelty)

    sure = [0.0, 0.0, 0.02, 0.0, 0.98, 0.0, 0.0]
    assert not of(sure).has_warnings
    assert of(sure).entropy == pytest.approx(-0.02 * np.log2(0.02) - 0.98 * np.log2(0.98))
    even = of([1 / 7] * 7)
    assert even.entropy == pytest.approx(np.log2(7))
    assert any("half" in reason for reason in even.warnings)
    (missed,) = of([0.0, 0.0, 0.25, 0.0, 0.75, 0.0, 0.0]).warnings
    assert "25.0%" in missed
    turned = of(sure, sure, [0.0, 0.0, 0.98, 0.0, 0.02, 0.0, 0.0])
    assert turned.agreeing == 2
    assert any("6 of 8 views" in reason for reason in turned.warnings)
    assert of(sure, novelty=OODScore(3.0, 2.0)).warnings == (UNFAMILIAR,)
    assert of(sure, novelty=OODScore(1.0, 2.0)).warnings == ()


def test_a_threshold_is_read_from_the_validation_curve():
    curve = {
        "threshold": [1.0, 0.6, 0.2, 0.0],
        "sensitivity": [0.0, 0.5, 0.9, 1.0],
        "specificity": [1.0, 0.95, 0.8, 0.0],
    }
    metrics = {"val": {"roc": {"mel": curve}}}
    assert operating_point({}, 0.5) is None
    for threshold, sensitivity in ((0.6, 0.5), (0.5, 0.5), (0.2, 0.9), (0.1, 0.9), (0.0, 1.0), (1.0, 0.0)):
        assert operating_point(metrics, threshold).sensitivity == sensitivity
    assert [share for share in ("50 of 100", "95 of 100") if share not in operating_point(metrics, 0.5).summary()] == []


def test_compared_models_have_their_own_predictions():
    detector = BrightestPixel()
    diagnosers = {unit: make_diagnoser(unit, seed=seed) for seed, unit in enumerate(UNITS)}
    for diagnoser in diagnosers.values():
        diagnoser.bundle.detector = detector
    regions = random_regions(6)
    found = compare_models(diagnosers, regions, CASE)
    for name, p in zip(found.names, found.probabilities, strict=True):
        np.testing.assert_array_equal(p, probabilities(diagnosers[name], regions))
    assert found.tops == tuple(d.diagnose_regions(regions, CASE).top for d in diagnosers.values())
    assert "differ most" in found.summary()
    other = make_diagnoser()
    other.bundle.detector_kind = "another"
    with pytest.raises(ConfigError, match="stranger"):
        compare_models({"one": diagnosers["base"], "stranger": other}, regions, CASE)
    with pytest.raises(ConfigError):
        compare_models({}, regions, CASE)


def test_label_leakage_changes_only_the_word():
    told, regions = make_diagnoser("base", fields=FIELDS), random_regions(5)
    found = label_leakage(told, regions, CASE)
    assert found.dx_types == (*DX_TYPES, None)
    for kind, p in zip(found.dx_types, found.probabilities, strict=True):
        np.testing.assert_allclose(p, probabilities(told, regions, replace(CASE, dx_type=kind)), atol=1e-5)
    assert "told" in found.summary()
    with pytest.raises(ConfigError, match="dx_type"):
        label_leakage(make_diagnoser(), regions, CASE)
