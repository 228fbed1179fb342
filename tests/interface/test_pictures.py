"""Pictures for tables: what they draw lies where the numbers say, and every number is there as text."""

import re
from dataclasses import replace
from html import unescape

import numpy as np
import pytest

from interface.components.bar_charts import (
    EVEN,
    LOG_SCALES,
    SCALES,
    Change,
    before_after,
    class_html,
    diverging,
    shares,
)
from interface.components.dot_plots import Dot, confusion, dots, hundred
from interface.components.image_thumbnails import FULL, attention_picture, crop, heat, turned
from interface.components.line_charts import class_look, key, lines, reliability, roc
from interface.components.model_metrics import leaning, measured_html
from interface.components.qkv_diagram import lesson_html
from interface.state.model_registry import ModelRegistry
from interface.state.session import diagnose_image
from interface.tabs.about import about_html
from interface.tabs.compare_models import compare_models_html
from interface.tabs.question_ablation import ablation_html
from interface.tabs.question_counterfactual import counterfactual_html
from interface.tabs.question_faithfulness import faithfulness_html
from interface.tabs.question_uncertainty import threshold_html, uncertainty_html
from mat_core import Metadata
from mat_core.data.labels import BY_CODE, CODES
from mat_core.evaluation.metrics import proportion_interval
from mat_core.explain.uncertainty import VIEWS
from mat_core.inference.bundle import load_bundle
from mat_core.models.detection.regions import Regions
from mat_core.utils.formatting import format_percent
from mat_core.utils.paths import CHECKPOINTS


@pytest.fixture(scope="module")
def case(tiny_diagnoser, phantom_file):
    return diagnose_image(tiny_diagnoser, str(phantom_file), Metadata(55, "female", "lower extremity"))


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", re.sub(r"<svg.*?</svg>", " ", html, flags=re.S))))


def spans(html: str) -> list[tuple[str, float, float]]:
    """Side, left and width in percent of the bars of `diverging`."""
    found = re.findall(r'class="(pro|contra)" style="left:([\d.]+)%;width:([\d.]+)%"', html)
    return [(side, float(left), float(width)) for side, left, width in found]


def test_changes_swing_to_their_side_of_a_common_axis():
    html = diverging("A & B", [Change("age <b>", 0.1, "+10.0", "84.1% → 74.1%"), Change("sex", -0.05, "−5.0")])
    assert spans(html) == [("pro", 50.0, 50.0), ("contra", 25.0, 25.0)]
    assert "+10 points" in html
    assert "<b>age" not in html
    assert 'aria-label="A &amp; B"' in html
    assert "age <b> +10.0 84.1% → 74.1% sex −5.0" in text_of(html)


def test_changes_of_nothing_look_like_nothing():
    html = diverging("Nothing", [Change("age", 0.001, "practically even"), Change("sex", 0.0, "practically even")])
    assert max(width for _, _, width in spans(html)) <= 1.0
    assert f"+{100 * SCALES[0]:g} points" in html
    assert SCALES[0] / 5 > EVEN


def test_the_steps_of_a_sum_begin_where_the_last_one_ended():
    steps = [Change("a", 2.0, "+2.00"), Change("b", -3.0, "−3.00", start=2.0), Change("sum", -1.0, "−1.00", total=True)]
    found = spans(diverging("Sum", steps, LOG_SCALES, "log-odds"))
    assert found == [("pro", 50.0, 50.0), ("contra", 25.0, 75.0), ("contra", 25.0, 25.0)]
    assert spans(diverging("Large", [Change("a", 400.0, "")], LOG_SCALES, "log-odds")) == [("pro", 50.0, 50.0)]


def test_before_and_after_says_the_change_and_files_the_classes():
    before, after = np.zeros(7), np.zeros(7)
    before[CODES.index("akiec")], after[CODES.index("akiec")] = 0.841, 0.79
    html = before_after(CODES, before, after)
    assert "84.1% → 79.0% (\N{MINUS SIGN}5.1)" in text_of(html)
    assert 'class="ghost" style="left:84.10%"' in html
    assert "premalignant" in class_html("akiec")
    assert "mark" not in class_html("nv")


def test_bars_of_one_class_mark_what_was_given():
    html = shares("Sex", [("female", 0.25), ("male", 0.5)], "#d55e00", 1, 0.5)
    assert "width:25.00%" in html
    assert "female 25.0%" in text_of(html)
    assert "male (given) 50.0%" in text_of(html)


def test_dots_lie_on_their_axis_and_what_is_unknown_has_none():
    rows = [Dot("a", 0.5, "+0.50", 0.0, 1.0, ring=-0.5), Dot("b", None, "not measured"), Dot("c", -7.0, "")]
    html = dots("R", rows, (-1, 1), {-1: "least", 1: "most"})
    assert re.findall(r'class="dot" style="left:([\d.]+)%', html) == ["75.00", "0.00"]
    assert 'class="interval" style="left:50.00%;width:50.00%"' in html
    assert 'class="ring" style="left:25.00%"' in html
    assert html.count('class="zero"') == 3
    assert 'class="zero"' not in dots("R", rows[:1], (0.5, 1), {})


def test_a_hundred_lesions_are_a_hundred_marks():
    html = hundred(7, 1, 8, 84)
    marks = re.search(r'<div class="marks".*?</div>', html)[0]
    assert [marks.count(f'class="{fate}"') for fate in ("found", "missed", "alarm", "cleared")] == [7, 1, 8, 84]
    assert 'role="img"' in html
    assert "84 other lesions correctly cleared" in text_of(html)


def test_the_confusion_matrix_says_every_count_and_shades_by_row():
    matrix = np.diag([3, 0])
    matrix[0, 1] = 1
    html = confusion("M", ("mel", "nv"), matrix)
    assert "--part:41%" in html  # three quarters of the deepest
    assert 'title="Melanoma, answered Melanocytic nevus: 1 of 4"' in html
    assert "(0 images)" in text_of(html)


def test_curves_have_their_class_s_look_and_a_mark():
    x = np.array([0, 50, 100])
    curves = {"Melanoma": np.array([0.1, 0.5, 0.9]), "Nevus": np.array([0.9, 0.5, 0.1])}
    looks = {"Melanoma": class_look("mel"), "Nevus": class_look("nv")}
    html = lines(x, {"": curves}, "age, years", "probability, %", "Over age", looks, (50, "age 50, as given"))
    assert "age 50, as given" in html
    for look in looks.values():
        assert html.count(look.color) >= 2  # the curve and its key
    assert 'role="img"' in html
    assert "currentColor" in html
    assert "stroke-dasharray" in key(looks)
    assert "10 false alarms" in roc(np.array([0, 1.0]), np.array([1.0, 0]), (0.5, 0.9), "R", "10 false alarms")


def test_heat_is_the_mean_weight_of_what_covers_a_place_in_even_shares():
    boxes = np.array([[0, 0, 2, 2], [1, 0, 4, 2], [1, 0, 4, 2]], dtype=np.float32)
    regions = Regions(boxes, np.full((3, 7), 0.1, np.float32), np.zeros((3, 2), np.float32), (4, 4))
    warm = heat(regions, np.array([0.6, 0.3, 0.1]), (4, 4))
    np.testing.assert_allclose(warm[0], [1.8, 1.0, 0.6, 0.6])
    np.testing.assert_allclose(warm[2:], 0)
    even = heat(regions, np.full(3, 1 / 3), (4, 4))
    np.testing.assert_allclose(even[:2], 1)  # however many boxes lie on a place


def test_the_most_attended_regions_are_outlined_and_said(case):
    weights = case.diagnosis.region_attention
    assert weights.sum() == pytest.approx(1, abs=1e-5)
    html = attention_picture(case.image, case.diagnosis.regions, weights, "<b>")
    first = int(weights.argmax())
    assert f">{first + 1}</text>" in html
    assert 'aria-label="Where &lt;b&gt; attends: ' + f"{first + 1} " in html
    assert FULL > 1


def test_small_pictures_are_turned_and_cropped(case):
    image = case.image
    pictures = [turned(image, view) for view in VIEWS]
    assert len(set(pictures)) == 8
    assert all(p.startswith('<img src="data:image/jpeg') for p in pictures)
    assert crop(image, np.array([-5, -5, 0.2, 0.2]), image.shape[:2]).startswith("<img")  # hardly a pixel


def test_the_lesson_has_the_numbers_of_the_case(case):
    text = text_of(lesson_html(case))
    mean = case.diagnosis.attention.words_to_regions[-1].mean(0)
    asker, region = np.unravel_index(mean.argmax(), mean.shape)
    assert f"“{case.diagnosis.words[asker].text}” asks every region" in text
    assert f"Region {region + 1}" in text
    assert "Were all 40 regions attended alike, each would get 2.5%" in text


def test_what_a_threshold_means_depends_on_how_common_melanoma_is(tiny_diagnoser, case):
    curve = {"threshold": [1.0, 0.3], "sensitivity": [0.1, 0.8], "specificity": [1.0, 0.9]}
    measured = type(tiny_diagnoser)(replace(tiny_diagnoser.bundle, metrics={"val": {"roc": {"mel": curve}}}))
    rare, common = (text_of(threshold_html(measured, case, 0.3, n)) for n in (10, 50))
    # 10 of 100: 8 found, 9 false alarms, 8 / 17; 50 of 100: 40 found, 5 false alarms, 40 / 45
    assert "right in 47 of 100" in rare
    assert "right in 89 of 100" in common
    assert "8 melanomas found" in rare
    assert "2 melanomas missed" in rare
    assert "9 other lesions called melanoma" in rare
    assert "81 other lesions correctly cleared" in rare
    assert "correctly clears 90 of 100 other lesions" in rare
    silent = {"threshold": [1.0], "sensitivity": [0.0], "specificity": [1.0]}
    mute = type(tiny_diagnoser)(replace(tiny_diagnoser.bundle, metrics={"val": {"roc": {"mel": silent}}}))
    assert "It never says melanoma" in threshold_html(mute, None, 0.9)


def test_what_was_measured_of_the_shipped_model_is_said_in_sentences():
    bundle = load_bundle(CHECKPOINTS / "sga-sga")
    figures = bundle.metrics["test"]
    html = measured_html("On the test split", figures, bundle.labels)
    text, mel = text_of(html), CODES.index("mel")
    row = figures["confusion"][mel]
    assert f"In {sum(row)} melanomas this model missed {sum(row) - row[mel]}" in text
    assert f"Accuracy {format_percent(figures['acc']['value'])}" in text
    assert html.count("<section>") == 6 + ("explain" in figures) + 2 * ("groups" in figures)
    for info in BY_CODE.values():
        assert info.name in text
    assert measured_html("On the test split", {}, bundle.labels).count("<section>") == 0


def measured_bin(confidence: float, right: int, cases: int) -> dict:
    low, high = proportion_interval(right, cases)
    return {"confidence": confidence, "accuracy": right / cases, "interval95": [low, high], "cases": cases}


def test_reliability_is_drawn_where_its_numbers_are_and_said():
    bins = [measured_bin(0.6, 5, 10), measured_bin(0.9, 24, 30)]
    figures = {"expected_calibration_error": 0.1, "images": 40, "reliability": {"after": bins}}
    html = measured_html("On the test split", figures, CODES)
    # (10 * .1 + 30 * .1) / 40
    assert "Over all answers, it promises 10.0 points too much." in text_of(html)
    assert "Over all answers" not in measured_html("On the test split", {"expected_calibration_error": 0.1}, CODES)
    assert leaning([measured_bin(0.5, 8, 10)]) == "Over all answers, it promises 30.0 points too little."
    assert "neither too much nor too little" in leaning([measured_bin(0.8, 8, 10)])
    drawn = reliability(bins, "how sure, how right")
    assert 'aria-label="how sure, how right"' in drawn
    larger = reliability([bins[0], {**bins[1], "cases": 10}], "x")  # discs of one size: another picture
    assert larger.replace("x", "") != drawn.replace("how sure, how right", "")


def test_groups_are_dots_with_their_counts_and_the_worst_large_one_is_named():
    def group(right: int, cases: int) -> dict:
        return {"cases": cases, "value": right / cases, "interval95": list(proportion_interval(right, cases))}

    kinds = {"sex": {"female": group(45, 50), "male": group(36, 60)}, "age": {"under 30": group(1, 9)}}
    html = measured_html("On the test split", {"groups": kinds}, CODES)
    text = text_of(html)
    assert "right least often where sex is male: in 60 of 100" in text  # those under 30 are too few to be named
    assert "female 90.0% 50 lesions" in " ".join(text.split())
    assert f"left:{100 * 36 / 60:.2f}%" in html
    low, high = proportion_interval(36, 60)
    assert f"left:{100 * low:.2f}%;width:{100 * (high - low):.2f}%" in html
    few = measured_html("On the test split", {"groups": {"age": kinds["age"]}}, CODES)
    assert "least often" not in few
    assert "No group of these has 30 lesions" in few
    apart = measured_html("On the test split", {"groups": kinds | {"localization": {"back": group(9, 40)}}}, CODES)
    assert apart.count("<section>") == 2
    assert "where localization is back: in 22 of 100" in text_of(apart)
    assert "where sex is male: in 60 of 100" in text_of(apart)


def test_raw_bins_and_groups_are_tables_and_rows(tiny_diagnoser):
    figures = {
        "reliability": {"after": [measured_bin(0.6, 5, 10)]},
        "groups": {"sex": {"female": {"cases": 1, "value": 1.0, "interval95": [0.2, 1.0]}}},
        "more": [{"<i>a</i>": "<b>b</b>"}, {}],
        "confusion": [["<u>3</u>"]],
    }
    html = about_html(replace(tiny_diagnoser.bundle, metrics={"other": figures}))
    assert "<td>0.6000</td><td>0.5000</td>" in html
    assert "1.0000 (95 % interval 0.2000 to 1.0000), 1 lesion" in html
    assert not re.search("<(i|b|u)>[ab3]", html)


@pytest.mark.slow
def test_no_view_writes_a_probability_as_a_bare_fraction(tiny_diagnoser, case, tmp_path):
    views = [view(tiny_diagnoser, case, "mel") for view in (ablation_html, counterfactual_html, uncertainty_html)]
    views.append(compare_models_html(ModelRegistry(tiny_diagnoser, tmp_path), case))
    for html in views:
        text = text_of(html)
        assert not re.search(r"(?<![\d.])\.\d", text)
        # what is left in decimals is bits and distances, which are no shares
        shares_only = re.sub(r"entropy is .*? bits|training images [\d.]+|below [\d.]+", "", text)
        left = re.findall(r"(?<![\d.])0\.\d{2,}(?!\d*%)", shares_only)
        assert left == []
    assert "%" in text_of(faithfulness_html(tiny_diagnoser, case, "mel"))
