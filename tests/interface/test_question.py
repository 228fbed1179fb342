"""What the doubting views show is what `mat_core.explain` finds, for every unit, and never markup that was given."""

import re
import shutil
from dataclasses import replace
from html import unescape

import cv2
import numpy as np
import pytest
import torch

from interface.components.prediction import answer_html, doubts
from interface.components.stale_notice import NO_CASE, PREVIOUS
from interface.components.tables import table
from interface.state.model_registry import ModelRegistry
from interface.state.session import diagnose_image
from interface.tabs.base import CaseView, Failed, render_or_error
from interface.tabs.compare_models import compare_models_html
from interface.tabs.learn import NO_LEAK, chosen_html, leak_html, token_similarity_html
from interface.tabs.question_ablation import LITTLE, _why_so_little, ablation_html
from interface.tabs.question_counterfactual import counterfactual_html
from interface.tabs.question_faithfulness import faithfulness_html
from interface.tabs.question_uncertainty import threshold_html, uncertainty_html
from mat_core import Diagnoser, MATConfig, MATNetwork, Metadata
from mat_core.data.image_loading import load_image
from mat_core.data.labels import BY_CODE
from mat_core.data.metadata import FIELDS
from mat_core.explain import (
    ablate,
    ablate_groups,
    ablation_faithfulness,
    compare_models,
    contributions,
    dataset_summary,
    kind_groups,
    label_leakage,
    metadata_sweep,
    similarity,
    tta_uncertainty,
)
from mat_core.explain.counterfactual import NOTE
from mat_core.explain.uncertainty import UNFAMILIAR
from mat_core.inference.bundle import load_bundle, save_bundle
from mat_core.inference.out_of_distribution import OODScore
from mat_core.models.detection.torchvision_detector import TorchvisionDetector
from mat_core.utils.formatting import format_percent, format_points, format_signed, format_spread
from teaching.cases.examples import synthetic_examples
from teaching.phantoms import make_phantom

VIEWS = (ablation_html, faithfulness_html, counterfactual_html, uncertainty_html)


@pytest.fixture(scope="module")
def case(tiny_diagnoser, phantom_file):
    return diagnose_image(tiny_diagnoser, str(phantom_file), Metadata(55, "female", "lower extremity"))


@pytest.fixture
def shelf(tiny_bundle, tmp_path):
    """A folder of bundles beside the tiny one: Base, a leaking one, a foreign one, one with local features, and a
    broken one.
    """
    own = load_bundle(tiny_bundle)
    torch.manual_seed(1)
    other = MATNetwork(replace(own.network.config, unit="base")).eval()
    save_bundle(replace(own, network=other, name="the Base one"), tmp_path / "base")
    save_bundle(replace(own, network=other, name="the leaking one", fields=FIELDS), tmp_path / "leak")
    foreign = load_bundle(tiny_bundle)
    with torch.no_grad():
        next(foreign.detector.parameters()).add_(1)
    save_bundle(replace(foreign, name="the foreign one"), tmp_path / "foreign")
    config = replace(own.detector.config, features=("head", "local"), part_features=("local",))
    detector = TorchvisionDetector(config)
    detector.load_state_dict(own.detector.state_dict())
    network = MATNetwork(replace(own.network.config, region_width=detector.feature_width + 4)).eval()
    save_bundle(replace(own, network=network, detector=detector, name="the local one"), tmp_path / "local")
    shutil.copytree(tmp_path / "base", tmp_path / "broken")
    (tmp_path / "broken" / "network.safetensors").write_bytes(b"no")
    return tmp_path


def seen(answer) -> CaseView:
    return CaseView("somewhere", None, answer)


def text_of(html: str) -> str:
    return unescape(re.sub(r"<[^>]+>", " ", re.sub(r"</?(?:span|strong)[^>]*>", "", html)))


def rows_of(html: str, label: str) -> list[list[str]]:
    """The cells of the table that is called so, without its head."""
    body = re.search(rf'aria-label="{re.escape(label)}".*?<tbody>(.*?)</tbody>', html, re.DOTALL)[1]
    return [
        [text_of(c).strip() for c in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)] for row in body.split("</tr>")[:-1]
    ]


def test_ablation_shows_its_numbers_with_their_sign(tiny_diagnoser, case):
    html = ablation_html(tiny_diagnoser, case, "mel")
    found = ablate(tiny_diagnoser, case.diagnosis.regions, case.diagnosis.metadata)
    assert found.summary("mel") in text_of(html)
    rows = {row[0]: row[1:] for row in rows_of(html, "Without words or guidance")}
    assert rows["without age"][:2] == [
        format_percent(found.without_field["age"][2]),
        format_points(found.probabilities[2] - found.without_field["age"][2])
    ]  # fmt: skip
    assert len(rows) == 6
    effect = found.effect("mel")
    listed = rows_of(html, "Without one region")
    assert [int(row[0].split()[0]) - 1 for row in listed] == list(abs(effect).argsort(kind="stable")[::-1][:10])
    assert listed[0][2] == format_points(effect[abs(effect).argmax()])
    assert "with it minus without it: positive, it spoke for the class" in text_of(html)


def test_whole_groups_are_taken_away_and_the_sentence_says_why_little_happens(tiny_diagnoser, case):
    html = ablation_html(tiny_diagnoser, case, "mel")
    kinds = kind_groups(case.diagnosis.regions)
    found = ablate_groups(tiny_diagnoser, case.diagnosis.regions, kinds, case.diagnosis.metadata)
    rows = rows_of(html, "Without groups of regions")
    assert len(rows) == len(kinds) * (2 if len(kinds) > 1 else 1)
    for row, size, p, effect in zip(rows, found.sizes, found.without, found.effect("mel"), strict=False):
        assert row[1:4] == [str(size), format_percent(p[2]), format_points(effect)]
    alone = abs(ablate(tiny_diagnoser, case.diagnosis.regions, case.diagnosis.metadata).effect("mel")).max()
    assert ("No single region changes the answer" in html) == (alone < LITTLE)
    assert "No single region" in _why_so_little(np.array([0.019, -0.001]))
    assert not _why_so_little(np.array([-0.021, 0.0]))


def test_what_regions_and_words_add_sums_to_the_log_odds(tiny_diagnoser, case):
    html = faithfulness_html(tiny_diagnoser, case, "bcc")
    margin = contributions(tiny_diagnoser, case.diagnosis.regions, case.diagnosis.metadata).against("bcc")
    assert margin.summary() in text_of(html)
    for label, tokens in (("What the regions add", margin.regions), ("What the words add", margin.words)):
        rows = rows_of(html, label)
        shown = [float(row[-1].replace("\N{MINUS SIGN}", "-")) for row in rows]
        assert rows[-1][-1] == format_signed(margin.total, 3)
        assert sum(shown[:-1]) == pytest.approx(margin.total, abs=0.0005 * len(shown) + 1e-5)
        assert sum(shown[:-2]) == pytest.approx(tokens.sum(), abs=0.0005 * len(shown) + 1e-5)


@pytest.mark.slow
def test_agreement_shows_every_ranking_and_the_averages_where_there_are_any(tiny_diagnoser, case):
    html = faithfulness_html(tiny_diagnoser, case, "")
    found = ablation_faithfulness(tiny_diagnoser, case.diagnosis.regions, case.diagnosis.metadata, case.diagnosis.top)
    assert found.summary() in text_of(html)
    rows = {row[0]: row[1:] for row in rows_of(html, "Rankings against ablation")}
    assert set(rows) == {"attention", "contribution", "gradient × input", "relevance", "ablation", "random order"}
    assert rows["relevance"][0] == format_signed(found.spearman["relevance"])
    assert rows["random order"][2] == format_percent(found.areas(found.deletion)["random"])
    assert "have not been measured" in html
    averages = {"cases": 7, "rankings": {"attention": {"ablation": {"spearman": {"value": 0.123}}}}}
    measured = Diagnoser(replace(tiny_diagnoser.bundle, metrics={"test": {"explain": averages}}))
    html = faithfulness_html(measured, case, "")
    assert rows_of(html, "Rankings against ablation")[0][-1] == "+0.12"
    assert "over 7 cases" in html
    assert rows_of(html, "Rankings against ablation")[1][-1] == ""  # not measured
    earlier = {"cases": 7, "rankings": {"attention": {"spearman": 0.123}}}
    html = faithfulness_html(
        Diagnoser(replace(tiny_diagnoser.bundle, metrics={"test": {"explain": earlier}})), case, ""
    )
    assert "have not been measured" in html
    both = {one: {"spearman": {"value": value, "interval95": [-0.9, 0.9]}} for one, value in
            (("occlusion", 0.21), ("ablation", 0.43))}  # fmt: skip
    metrics = {"test": {"explain": {"cases": 7, "rankings": {"attention": both}}}}
    html = text_of(faithfulness_html(Diagnoser(replace(tiny_diagnoser.bundle, metrics=metrics)), case, ""))
    assert dataset_summary(metrics) in html


def test_a_model_with_local_features_stands_beside_it(tiny_diagnoser, case, shelf):
    models = ModelRegistry(tiny_diagnoser, shelf)
    html = faithfulness_html(tiny_diagnoser, case, "mel", models)
    rows = rows_of(html, "Two models for this case")
    own, local = ([row[column] for row in rows] for column in (1, 2))
    regions = models.local().regions(case.detector_image)
    found = ablation_faithfulness(models.local(), regions, case.diagnosis.metadata, "mel")
    answer = models.local().diagnose_regions(regions, case.diagnosis.metadata)
    effect = max(found.scores["ablation"], key=abs)
    p = format_percent(answer.probabilities[answer.top])
    answer = f"{BY_CODE[answer.top].name.lower()}, {p}"
    removed = (found.deletion["random"][0], found.without_top("attention"), found.without_top("random"))
    assert local == [*map(format_percent, removed), answer, format_points(-effect), "not measured"]
    assert found.largest_change == -effect
    assert own[0] == format_percent(case.diagnosis.probabilities["mel"])
    assert own[:-1] != local[:-1]
    assert len(models.problems) == 2  # the foreign one and the broken one
    assert "Two models for this case" not in faithfulness_html(tiny_diagnoser, case, "mel")


def test_what_if_shows_the_sweep_and_that_it_is_no_biology(tiny_diagnoser, case):
    html = counterfactual_html(tiny_diagnoser, case, "vasc")
    found = metadata_sweep(tiny_diagnoser, case.diagnosis.regions, case.diagnosis.metadata)
    assert NOTE in html
    assert found.summary() in text_of(html)
    ages = rows_of(html, "Probabilities over age")
    assert len(ages) == 18
    assert ages[11][1:] == [format_percent(p) for p in found.over_age()[11]]
    assert format_percent(found.over_sites()[3, 6]) in html
    assert "810 combinations" in html
    assert html.count("(given)") == 2
    flip = found.smallest_counterfactual()
    assert ("The smallest change with another answer" in html) == (flip is not None)
    if flip is not None:
        assert flip.probabilities.argmax() != found.baseline.argmax()
        assert f"{format_percent(found.baseline[6])} → {format_percent(flip.probabilities[6])}" in html


@pytest.mark.parametrize("size", [(300, 400), (611, 463), (90, 130)])
def test_doubt_shows_what_the_endpoint_answers(tiny_diagnoser, size):
    image = cv2.resize(make_phantom(4, "bkl").image, size[::-1])
    case = diagnose_image(tiny_diagnoser, image, Metadata(55, "female", "lower extremity"))
    html = uncertainty_html(tiny_diagnoser, case, "")
    found = tta_uncertainty(tiny_diagnoser, image, case.diagnosis.metadata)  # as the endpoint calls it
    shown = case.results["doubted"]
    np.testing.assert_array_equal(shown.views, found.views)
    for one, other in zip(shown.boxes, found.boxes, strict=True):
        np.testing.assert_array_equal(one, other)
    rows = rows_of(html, "Eight views")
    top = found.mean.argsort(kind="stable")[::-1][0]
    assert rows[0][1:4] == [
        format_percent(found.views[0, top]),
        format_percent(found.mean[top]),
        format_spread(found.spread[top]),
    ]
    assert found.summary() in text_of(html)
    assert ("I am not sure" in html) == found.has_warnings
    for reason in found.warnings:
        assert reason in text_of(html)


def test_the_threshold_says_what_it_costs_and_what_it_means_here(tiny_diagnoser, case):
    assert "has not been measured" in threshold_html(tiny_diagnoser, case, 0.5)
    curve = {"threshold": [1.0, 0.3], "sensitivity": [0.1, 0.8], "specificity": [1.0, 0.9]}
    measured = Diagnoser(replace(tiny_diagnoser.bundle, metrics={"val": {"roc": {"mel": curve}}}))
    p = case.diagnosis.probabilities["mel"]
    low, high = threshold_html(measured, case, min(p / 2, 0.3)), threshold_html(measured, case, (1 + p) / 2)
    assert "finds 80 of 100 melanomas" in low
    assert "misses 20 of 100 melanomas and raises 10 false alarms" in low
    assert "<svg" in low
    assert "would be called melanoma" in low
    assert "would not be called melanoma" in high
    assert "This case" not in threshold_html(measured, None, 0.5)


@pytest.mark.parametrize("unit", ["base", "image-only", "sa-sa"])
@pytest.mark.parametrize("metadata", [Metadata(), Metadata(30)])
@pytest.mark.slow
def test_units_without_guidance_or_words_say_so(tiny_diagnoser, phantom_file, unit, metadata):
    torch.manual_seed(0)
    config = MATConfig(**{**vars(tiny_diagnoser.bundle.network.config), "unit": unit})
    diagnoser = Diagnoser(replace(tiny_diagnoser.bundle, network=MATNetwork(config).eval()))
    now = diagnose_image(diagnoser, str(phantom_file), metadata)
    shown = [view(diagnoser, now, "") for view in VIEWS]
    assert "no guided attention" in shown[0]
    if unit == "base":
        assert "This unit has no attention to rank regions by." in shown[1]
    if unit == "image-only":
        assert "reads no words" in shown[2]
    assert not any(re.search(r"\bnan\b", text_of(html)) for html in shown)


def test_a_view_without_a_case_of_an_old_one_and_one_that_breaks(case):
    assert render_or_error(seen(lambda *_: pytest.fail("was called")), None, "") == NO_CASE
    assert render_or_error(seen(lambda *_: "the answer"), case, "") == "the answer"
    assert PREVIOUS in render_or_error(seen(lambda *_: "the answer"), replace(case, is_stale=True), "")

    def breaks(now, label):
        raise RuntimeError("secret")

    said = render_or_error(seen(breaks), case, "")
    assert isinstance(said, Failed)
    assert "went wrong" in said
    assert "secret" not in said


def test_models_side_by_side_are_those_that_fit(tiny_diagnoser, case, shelf):
    models = ModelRegistry(tiny_diagnoser, shelf)
    html = compare_models_html(models, case)
    assert list(models.units()) == ["tiny random bundle", "the Base one"]
    assert any("foreign" in problem for problem in models.problems)
    assert any("broken" in problem for problem in models.problems)
    found = compare_models(models.units(), case.diagnosis.regions, case.diagnosis.metadata)
    rows = rows_of(html, "Probability of each class by model")
    assert [row[0] for row in rows] == list(found.names)
    assert rows[1][2:] == [format_percent(p) for p in found.probabilities[1]]
    assert found.summary() in text_of(html)
    assert "not measured" in html
    others = [d for d in models.units().values() if d is not tiny_diagnoser]
    assert all(d.bundle.detector is tiny_diagnoser.bundle.detector for d in others)


def test_one_model_alone_is_not_compared(tiny_diagnoser, case, tmp_path):
    assert "nothing to compare" in compare_models_html(ModelRegistry(tiny_diagnoser, tmp_path), case)


def test_the_leak_is_shown_where_a_leaking_model_is_installed(tiny_diagnoser, case, shelf, tmp_path_factory):
    models = ModelRegistry(tiny_diagnoser, shelf)
    html = leak_html(models, case)
    found = label_leakage(models.leaking(), case.diagnosis.regions, case.diagnosis.metadata)
    assert found.summary() in text_of(html)
    rows = rows_of(html, "One word changes")
    assert [row[0] for row in rows] == ["histology", "follow-up", "consensus", "confocal", "nothing"]
    assert rows[0][3:] == [format_percent(p) for p in found.probabilities[0]]
    assert rows[4][2] == "0.0"
    assert NO_LEAK in text_of(leak_html(ModelRegistry(tiny_diagnoser, tmp_path_factory.mktemp("none")), case))


@pytest.mark.slow
def test_the_leak_is_told_first_on_the_example_that_it_moves_most(tiny_diagnoser, shelf, tmp_path):
    models, examples = ModelRegistry(tiny_diagnoser, shelf), synthetic_examples(tmp_path)
    chosen, found = models.strongest_leak(examples)
    moved = []
    for example in examples:
        told = label_leakage(models.leaking(), tiny_diagnoser.regions(load_image(example.path)), example.metadata)
        moved.append(np.ptp(told.probabilities[:, 2]))
    assert chosen is examples[int(np.argmax(moved))]
    html = chosen_html(chosen, found)
    assert chosen.name in html
    assert "Chosen because" in html
    assert found.summary() in text_of(html)
    assert models.strongest_leak(examples)[1] is found


def test_how_alike_regions_become_is_shown_for_every_unit(tiny_diagnoser, case, shelf):
    models = ModelRegistry(tiny_diagnoser, shelf)
    html = token_similarity_html(models, case)
    found = similarity(tiny_diagnoser, case.diagnosis.regions, case.diagnosis.metadata)
    assert found.summary() in text_of(html)
    rows = rows_of(html, "How alike the regions are")
    assert len(rows) == len(models.units())
    assert [cell for cell in rows[0][1:] if cell] == [f"{cosine:.2f}" for cosine in found.cosine]
    assert any("" in row for row in rows[1:])  # Base has no block


def test_tables_write_text_and_signs(tiny_diagnoser):
    html = table("<b>", ("<i>", "x"), [("<script>", 1)])
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert 'aria-label="&lt;b&gt;"' in html
    assert [format_points(v) for v in (0.1, -0.025, 0.0001, -0.0001)] == ["+10.0", "\N{MINUS SIGN}2.5", "0.0", "0.0"]


def test_the_answer_itself_says_when_it_is_not_sure(tiny_diagnoser, case):
    def shown(p: list[float], novelty: OODScore | None = None) -> tuple[tuple[str, ...], str]:
        p = dict(zip(case.diagnosis.probabilities, p, strict=True))
        now = replace(case, diagnosis=replace(case.diagnosis, probabilities=p, novelty=novelty))
        return doubts(now.diagnosis), text_of(answer_html(now, tiny_diagnoser.bundle))

    sure = [0.01, 0.01, 0.02, 0.01, 0.93, 0.01, 0.01]  # a nevus
    reasons, text = shown(sure, OODScore(1.0, 1.5))
    assert reasons == ()
    assert "not sure" not in text
    for p, novelty, because in (
        (sure, OODScore(1.6, 1.5), UNFAMILIAR),
        ([0.1, 0.1, 0.1, 0.1, 0.4, 0.1, 0.1], None, "No class has half of the probability"),
        ([0.01, 0.01, 0.3, 0.01, 0.65, 0.01, 0.01], None, "malignant classes together"),
    ):
        reasons, text = shown(p, novelty)
        assert because in " ".join(reasons)
        assert "I am not sure." in text
        assert all(reason in text for reason in reasons)
        assert "Turned or mirrored" not in text  # one view knows nothing of the others
