"""Explanations against what they must be: exact at their ends, equal to one-by-one passes, right on planted cases."""

from dataclasses import is_dataclass, replace
from itertools import product

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from mat_core import Diagnoser, MATConfig, MATNetwork, Metadata, explain
from mat_core.bundle import Bundle
from mat_core.errors import ConfigError
from mat_core.explain import (
    RANKINGS,
    ablate,
    agree,
    compare,
    doubt,
    leak,
    operating_point,
    relevance,
    what_if,
)
from mat_core.explain.ablation import guided_maps, make_even, shuffling
from mat_core.explain.agreement import RANDOM, rank_correlation
from mat_core.explain.doubt import UNFAMILIAR, VIEWS, Doubt, turn, turn_back
from mat_core.explain.passes import case_inputs, probabilities_without
from mat_core.explain.relevance import Relevance, _bimodal, _rollout
from mat_core.metadata import CLEAN_FIELDS, DX_TYPES, FIELDS, Vocabulary, closed_vocabulary
from mat_core.novelty import Novelty
from mat_core.phantoms import make_phantom
from mat_core.regions import Regions
from mat_core.units import UNITS

CASE = Metadata(age=55, sex="female", localization="lower extremity")
WIDTH = 12  # of a region's features
LABELS = ("bcc", "df", "mel", "bkl", "nv", "akiec", "vasc")


class Detector(torch.nn.Module):
    """Stands in for a detector: one box around the brightest pixel, which turns with the image."""

    feature_width = WIDTH

    config = None

    def detect(self, image):
        y, x = np.unravel_index(image[..., 0].argmax(), image.shape[:2])
        return some_regions(1, image.shape[:2], boxes=np.array([[x, y, x + 1, y + 1]], dtype=np.float32))


def some_regions(count, size=(90, 120), seed=0, boxes=None):
    rng = np.random.default_rng(seed)
    if boxes is None:
        corners = rng.uniform(0, 60, (count, 2))
        boxes = np.hstack([corners, corners + rng.uniform(5, 29, (count, 2))]).astype(np.float32)
    features = rng.normal(size=(count, WIDTH)).astype(np.float32)
    return Regions(boxes, np.full((count, 1), 0.9, np.float32), features, size, ("nv",))


def make_diagnoser(unit="sga-sga", seed=0, layers=1, fields=CLEAN_FIELDS, temperature=1.3):
    torch.manual_seed(seed)
    vocabulary = Vocabulary(closed_vocabulary())
    config = MATConfig(
        unit=unit, d=32, h=4, layers=layers, n=30, region_width=WIDTH + 4, word_width=8, vocabulary=len(vocabulary)
    )
    network = MATNetwork(config).eval().requires_grad_(False)  # as a loaded one is
    with torch.no_grad():
        network.classifier.weight *= 8  # answers that differ from 1/7
    return Diagnoser(Bundle(network, Detector(), vocabulary, fields=fields, temperature=temperature))


def probabilities(diagnoser, regions, metadata=CASE):
    return np.array(list(diagnoser.diagnose_regions(regions, metadata).probabilities.values()))


@pytest.mark.parametrize("unit", UNITS)
def test_ablation_is_what_one_by_one_passes_give(unit):
    diagnoser, regions = make_diagnoser(unit), some_regions(9)
    found = ablate(diagnoser, regions, CASE)
    np.testing.assert_allclose(found.probabilities, probabilities(diagnoser, regions), atol=1e-6)
    for i in range(9):
        kept = regions.subset(np.delete(np.arange(9), i))
        np.testing.assert_allclose(found.without_region[i], probabilities(diagnoser, kept), atol=1e-5)
    reads = unit != "image-only"
    assert set(found.without_field) == {"age", "sex", "localization"}
    for field, values in found.without_field.items():
        np.testing.assert_allclose(values, probabilities(diagnoser, regions, CASE.without(field)), atol=1e-5)
    np.testing.assert_allclose(found.without_words, probabilities(diagnoser, regions, Metadata()), atol=1e-5)
    assert (np.abs(found.without_words - found.probabilities).max() > 1e-4) == reads
    assert (found.uniform is None) == (found.shuffled is None) == (not UNITS[unit].guided)
    np.testing.assert_allclose(found.effect("mel"), found.probabilities[2] - found.without_region[:, 2])
    assert "melanoma" in found.sentence("mel")


def test_guidance_edits_only_the_real_keys():
    weights = torch.tensor([[[[0.7, 0.2, 0.1, 0.0]]]])
    assert make_even(weights).flatten().tolist() == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0])
    seen = set()
    edit = shuffling(torch.Generator().manual_seed(0))
    for _ in range(50):
        dealt = edit(weights).flatten().tolist()
        assert dealt[3] == 0
        assert sorted(dealt) == pytest.approx([0.0, 0.1, 0.2, 0.7])
        seen.add(tuple(dealt))
    assert len(seen) == 6
    assert guided_maps(make_diagnoser("sga-sga")) == ("regions_to_words", "words_to_regions")
    assert guided_maps(make_diagnoser("sa-sa")) == ()


def test_even_guidance_is_the_mean_of_the_values():
    diagnoser, regions = make_diagnoser("sa-sga-image"), some_regions(5)
    found = ablate(diagnoser, regions, CASE, draws=3)
    assert found.shuffled.shape == (3, 7)
    # with a key projection of zeros every score is 0 and softmax is even by itself
    block = diagnoser.bundle.network.layers[0].guided_blocks["regions"].attention
    with torch.no_grad():
        block.key.weight.zero_()
        block.key.bias.zero_()
    np.testing.assert_allclose(probabilities(diagnoser, regions), found.uniform, atol=1e-5)


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.slow
def test_the_whole_sweep_is_what_one_by_one_passes_give(unit):
    diagnoser, regions = make_diagnoser(unit), some_regions(4)
    found = what_if(diagnoser, regions, CASE)
    assert found.probabilities.shape == (18, 3, 15, 7)
    for (i, age), (j, sex), (k, site) in product(*map(enumerate, (found.ages, found.sexes, found.sites))):
        one = probabilities(diagnoser, regions, Metadata(age, sex, site))
        np.testing.assert_allclose(found.probabilities[i, j, k], one, atol=1e-5)
    np.testing.assert_allclose(found.own, probabilities(diagnoser, regions), atol=1e-6)
    np.testing.assert_allclose(found.over_age()[11], found.own, atol=1e-6)
    assert found.over_sex().shape == (3, 7)
    assert found.over_sites().shape == (15, 7)
    assert "probability" in found.sentence()


@pytest.mark.slow
@pytest.mark.parametrize("metadata", [CASE, Metadata(), Metadata(age=57), Metadata(sex="male"), Metadata(age=119)])
def test_a_flip_is_a_smallest_change_that_flips(metadata):
    regions, flips = some_regions(3), 0
    for seed in range(6):
        diagnoser = make_diagnoser("sga-sga", seed)
        with torch.no_grad():  # words that matter
            diagnoser.bundle.network.word_encoder.embedding.weight *= 20
        found = what_if(diagnoser, regions, metadata)
        top = found.labels[found.own.argmax()]
        assert top == diagnoser.diagnose_regions(regions, metadata).top
        flip = found.flip()
        singles = {
            *(found.labels[p.argmax()] for p in found.over_age()),
            *(found.labels[p.argmax()] for p in found.over_sex()),
            *(found.labels[p.argmax()] for p in found.over_sites()),
        }
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
        assert flip.sentence() in found.sentence()
    assert flips


@pytest.mark.parametrize("unit", UNITS)
def test_curves_start_and_end_where_they_must(unit):
    diagnoser, regions = make_diagnoser(unit), some_regions(14)
    found = agree(diagnoser, regions, CASE, "mel", draws=2)
    full = probabilities(diagnoser, regions)[2]
    padding = torch.ones(1, 14, dtype=torch.bool)
    features, _, ids = diagnoser.inputs(regions, CASE)
    with torch.inference_mode():
        none = diagnoser.bundle.network(features[:, :14], padding, ids).logits[0].double().numpy()
    none = diagnoser.calibrated(none)[2]
    rankings = set(RANKINGS) - ({"attention"} if unit == "base" else set())
    assert set(found.scores) == set(found.spearman) == set(found.overlap) == rankings
    assert set(found.deletion) == set(found.insertion) == rankings | {RANDOM}
    assert found.counts[0] == 0
    assert found.counts[-1] == 14
    assert 10 in found.counts
    for name in found.deletion:
        assert found.deletion[name][[0, -1]] == pytest.approx([full, none], abs=1e-5)
        assert found.insertion[name][[0, -1]] == pytest.approx([none, full], abs=1e-5)
    # the reference is what one-by-one passes give, not what `agree` itself says
    lost = np.array([full - probabilities(diagnoser, regions.subset(np.arange(14) != i))[2] for i in range(14)])
    np.testing.assert_allclose(found.scores["ablation"], lost, atol=1e-6)
    lost = found.scores["ablation"]  # of the same rounding, so that no two near ties change places
    best = set(np.argsort(-lost, kind="stable")[:10])
    for name in rankings - {"ablation"}:
        assert found.spearman[name] == pytest.approx(spearmanr(found.scores[name], lost)[0])
        common = best & set(np.argsort(-found.scores[name], kind="stable")[:10])
        assert found.overlap[name] == len(common) / 10
    # one point by hand
    order = np.argsort(-found.scores["gradient"], kind="stable")
    kept = regions.subset(np.sort(order[10:]))
    at = int(np.flatnonzero(found.counts == 10)[0])
    assert found.deletion["gradient"][at] == pytest.approx(probabilities(diagnoser, kept)[2], abs=1e-5)
    if unit != "base":
        assert "Removing the 10 most attended regions changes melanoma" in found.sentence()
    # another ranking is tested in the same way
    more = agree(diagnoser, regions, CASE, "mel", draws=2, also={"again": found.scores["gradient"]})
    assert set(more.scores) == rankings | {"again"}
    assert more.spearman["again"] == found.spearman["gradient"]
    np.testing.assert_array_equal(more.insertion["again"], found.insertion["gradient"])


def test_areas_are_means_of_the_curve():
    found = agree(make_diagnoser(), some_regions(4), CASE, "nv")
    flat = {"flat": np.full(len(found.counts), 0.3)}
    assert found.areas(flat) == {"flat": pytest.approx(0.3)}


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
        network.fusion.projections["regions"][0].weight.copy_(torch.eye(32))
        if "words" in network.config.modalities:
            network.fusion.projections["words"][0].bias.fill_(1.0)
        network.classifier.weight[2, 0] = 1.0
    return diagnoser


@pytest.mark.slow
@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("seed", range(3))
def test_the_one_region_that_matters_is_found(unit, seed):
    diagnoser, regions = plant(unit, layers=1 if unit == "base" else 2), some_regions(12, seed=seed)
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
    agreed = agree(diagnoser, regions, CASE, "mel")
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


def test_relevance_says_itself():
    def said(regions, words, rollout=(0.1, 0.5)):
        return Relevance("mel", np.array(regions), np.array(words), np.array(rollout), np.zeros(len(words))).sentence()

    assert said([3.0, 1.0], [1.0, 3.0]) == (
        "Of the relevance for melanoma, words have 50.0%, regions 50.0%; region 1 has most of it (37.5%). "
        "Rollout, which knows no class, puts region 2 first."
    )
    assert said([0.0, 2.0], []).startswith("Of the relevance for melanoma, words have 0.0%, regions 100.0%; region 2")
    assert said([0.0, 0.0], [2.0]).startswith("Of the relevance for melanoma, words have 100.0%, regions 0.0%. Rollout")
    assert said([], [2.0], []) == "Of the relevance for melanoma, words have 100.0%, regions 0.0%."
    assert said([0.0, 0.0], [0.0]) == "No region and no word has any relevance for melanoma."


def test_every_result_says_itself():
    results = {thing for thing in vars(explain).values() if isinstance(thing, type) and is_dataclass(thing)}
    assert len(results) == 15
    assert {result.__name__ for result in results if not callable(getattr(result, "sentence", None))} == set()


@pytest.mark.slow
@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("metadata", [CASE, Metadata()])
@pytest.mark.parametrize("count", [1, 30])
def test_small_cases_and_missing_words_give_finite_numbers(unit, metadata, count):
    diagnoser, regions = make_diagnoser(unit, layers=1 if unit == "base" else 2), some_regions(count)
    found = relevance(diagnoser, regions, metadata)
    assert found.label == diagnoser.diagnose_regions(regions, metadata).top
    assert found.regions.shape == (count,)
    assert found.words.shape == (len(diagnoser.words(metadata)),)
    for values in (found.regions, found.words, found.rollout_regions, found.rollout_words):
        assert np.isfinite(values).all()
        assert (values >= 0).all()
    assert found.rollout_regions.sum() + found.rollout_words.sum() == pytest.approx(1)
    agreed = agree(diagnoser, regions, metadata)
    assert all(np.isfinite(curve).all() for curve in (*agreed.deletion.values(), *agreed.insertion.values()))
    removed = ablate(diagnoser, regions, metadata)
    assert np.isfinite(removed.without_region).all()
    if not diagnoser.words(metadata):
        np.testing.assert_allclose(removed.without_words, removed.probabilities, atol=1e-6)
        assert removed.uniform is None


@pytest.mark.parametrize("unit", UNITS)
def test_without_a_region_nothing_is_claimed_about_one(unit):
    diagnoser, regions = make_diagnoser(unit), some_regions(0)
    answer = probabilities(diagnoser, regions)
    assert np.isfinite(answer).all()
    removed = ablate(diagnoser, regions, CASE)
    assert removed.effect("mel").shape == (0,)
    np.testing.assert_allclose(removed.probabilities, answer, atol=1e-6)
    assert "region" not in removed.sentence("mel")
    agreed = agree(diagnoser, regions, CASE, "mel")
    assert agreed.counts.tolist() == [0]
    assert set(agreed.spearman.values()) == {0.0}
    for curve in (*agreed.deletion.values(), *agreed.insertion.values()):
        assert curve == pytest.approx([answer[2]], abs=1e-6)
    found = relevance(diagnoser, regions, CASE)
    assert found.regions.shape == found.rollout_regions.shape == (0,)
    assert "region 1" not in found.sentence()
    assert np.isfinite(found.words).all()
    np.testing.assert_allclose(what_if(diagnoser, regions, CASE).own, answer, atol=1e-6)


@pytest.mark.parametrize("unit", UNITS)
def test_regions_left_out_together_are_what_one_by_one_passes_give(unit):
    diagnoser, regions = make_diagnoser(unit), some_regions(7)
    absent = np.random.default_rng(0).random((25, 7)) < np.linspace(0.1, 0.9, 25)[:, None]
    absent = absent[~absent.all(1)]
    features, _, ids = case_inputs(diagnoser, regions, CASE)
    found = probabilities_without(diagnoser, features, torch.from_numpy(absent), ids)
    for mask, p in zip(absent, found, strict=True):
        np.testing.assert_allclose(p, probabilities(diagnoser, regions.subset(~mask)), atol=1e-5)


def test_explaining_changes_nothing():
    diagnoser, regions = make_diagnoser(), some_regions(8)
    before = {k: v.clone() for k, v in diagnoser.bundle.network.state_dict().items()}
    answer = probabilities(diagnoser, regions)
    for verb in (ablate, agree, relevance, what_if):
        verb(diagnoser, regions, CASE)
    assert np.array_equal(probabilities(diagnoser, regions), answer)
    assert all(torch.equal(v, before[k]) for k, v in diagnoser.bundle.network.state_dict().items())
    assert all(p.grad is None for p in diagnoser.bundle.network.parameters())


@pytest.mark.slow
def test_random_weights_destroy_the_agreement_of_maps():
    """Sanity checks for maps (Adebayo et al. 2018): a map that survives random weights shows only the image."""
    trained = Diagnoser.from_pretrained()
    torch.manual_seed(0)
    random = Diagnoser(replace(trained.bundle, network=MATNetwork(trained.bundle.network.config).eval()))
    kept: dict[str, list[float]] = {"relevance": [], "attention": [], "gradient": []}
    for seed in range(3):
        regions = trained.regions(make_phantom(seed).image)
        ours, theirs = (agree(d, regions, CASE, "nv", points=2, draws=1).scores for d in (trained, random))
        for name, values in kept.items():
            assert min(np.ptp(ours[name]), np.ptp(theirs[name])) > 0  # a map that is flat correlates with nothing
            values.append(abs(rank_correlation(ours[name], theirs[name])))
    print({name: np.round(values, 2) for name, values in kept.items()})
    assert all(np.mean(values) < 0.5 for values in kept.values())


def test_boxes_of_turned_views_come_back_to_the_pixel():
    image = np.zeros((7, 11, 3), dtype=np.uint8)
    image[2, 8] = 255
    for view in VIEWS:
        found = Detector().detect(turn(image, view))
        assert turn_back(found.boxes, view, (7, 11)).tolist() == [[8, 2, 9, 3]]
    wide = np.array([[1, 2, 4, 7]], dtype=np.float32)
    seen = np.zeros((9, 5), dtype=np.uint8)
    seen[2:7, 1:4] = 1
    for view in VIEWS:
        y, x = np.nonzero(turn(seen[..., None], view)[..., 0])
        box = np.array([[x.min(), y.min(), x.max() + 1, y.max() + 1]], dtype=np.float32)
        assert turn_back(box, view, (9, 5)).tolist() == wide.tolist()


def test_doubt_is_eight_diagnoses():
    diagnoser = make_diagnoser()
    image = np.zeros((40, 60, 3), dtype=np.uint8)
    image[10, 33] = 200
    found = doubt(diagnoser, image, CASE)
    for view, p in zip(VIEWS, found.views, strict=True):
        own = diagnoser.diagnose_regions(Detector().detect(turn(image, view)), CASE)
        np.testing.assert_allclose(p, list(own.probabilities.values()))
    assert all(box.tolist() == [[33, 10, 34, 11]] for box in found.boxes)
    np.testing.assert_allclose(found.mean, found.views.mean(0))
    assert str(found.agreeing) in found.sentence()


def test_every_kind_of_doubt_is_said():
    def of(*rows, novelty=None):
        views = np.array([rows[min(i, len(rows) - 1)] for i in range(8)])
        return Doubt(LABELS, views, (), novelty)

    sure = [0.0, 0.0, 0.02, 0.0, 0.98, 0.0, 0.0]
    assert not of(sure).unsure
    assert of(sure).entropy == pytest.approx(-0.02 * np.log2(0.02) - 0.98 * np.log2(0.98))
    even = of([1 / 7] * 7)
    assert even.entropy == pytest.approx(np.log2(7))
    assert any("half" in reason for reason in even.reasons)
    missed = of([0.0, 0.0, 0.25, 0.0, 0.75, 0.0, 0.0])
    assert missed.reasons == ("The answer is benign, but the malignant and premalignant classes together have 25.0%.",)
    turned = of(sure, sure, [0.0, 0.0, 0.98, 0.0, 0.02, 0.0, 0.0])
    assert turned.agreeing == 2
    assert any("6 of 8 views" in reason for reason in turned.reasons)
    assert of(sure, novelty=Novelty(3.0, 2.0)).reasons == (UNFAMILIAR,)
    assert of(sure, novelty=Novelty(1.0, 2.0)).reasons == ()


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
    assert "finds 50 of 100 melanomas and correctly clears 95 of 100" in operating_point(metrics, 0.5).sentence()


def test_units_side_by_side_are_their_own_answers():
    detector = Detector()
    diagnosers = {unit: make_diagnoser(unit, seed) for seed, unit in enumerate(UNITS)}
    for diagnoser in diagnosers.values():
        diagnoser.bundle.detector = detector
    regions = some_regions(6)
    found = compare(diagnosers, regions, CASE)
    for name, p in zip(found.names, found.probabilities, strict=True):
        np.testing.assert_array_equal(p, probabilities(diagnosers[name], regions))
    assert found.tops == tuple(d.diagnose_regions(regions, CASE).top for d in diagnosers.values())
    assert "differ most" in found.sentence()
    other = make_diagnoser()
    other.bundle.detector_kind = "another"
    with pytest.raises(ConfigError, match="stranger"):
        compare({"one": diagnosers["base"], "stranger": other}, regions, CASE)
    with pytest.raises(ConfigError):
        compare({}, regions, CASE)


def test_the_leak_changes_only_the_word():
    told, regions = make_diagnoser("base", fields=FIELDS), some_regions(5)
    found = leak(told, regions, CASE)
    assert found.dx_types == (*DX_TYPES, None)
    for kind, p in zip(found.dx_types, found.probabilities, strict=True):
        np.testing.assert_allclose(p, probabilities(told, regions, replace(CASE, dx_type=kind)), atol=1e-5)
    assert "told" in found.sentence()
    with pytest.raises(ConfigError, match="dx_type"):
        leak(make_diagnoser(), regions, CASE)


def test_an_unknown_class_is_refused_with_the_allowed_ones():
    diagnoser, regions = make_diagnoser(), some_regions(3)
    for verb in (agree, relevance):
        with pytest.raises(ConfigError, match="bcc, df, mel"):
            verb(diagnoser, regions, CASE, "scc")
