"""A held case beside the one on the screen: what differs is said with the numbers of both, each is labelled."""

import re
from dataclasses import replace
from html import unescape

import numpy as np
import pytest
from browser_helpers import open_tab
from playwright.sync_api import expect

from interface.components.answer_comparison import comparison_html, difference
from interface.components.metadata_form import metadata_changes
from interface.state.model_registry import ModelRegistry
from interface.state.session import Session, diagnose_image, rediagnose
from interface.tabs.compare_cases import compare_cases_html
from mat_core import Metadata
from mat_core.data.labels import class_name
from mat_core.utils.formatting import format_percent
from teaching.phantoms import make_phantom

OWN = ("tiny", "tiny")


@pytest.fixture(scope="module")
def case(tiny_diagnoser, phantom_file) -> Session:
    return diagnose_image(tiny_diagnoser, str(phantom_file), Metadata(55, "female", "back"))


def with_answer(session: Session, **probabilities: float) -> Session:
    """The same case with this answer; what is not named has the rest."""
    codes = session.diagnosis.probabilities
    rest = (1 - sum(probabilities.values())) / (len(codes) - len(probabilities))
    return replace(
        session, diagnosis=replace(session.diagnosis, probabilities={c: probabilities.get(c, rest) for c in codes})
    )


def test_what_was_changed_is_named():
    assert metadata_changes(Metadata(40, "male", "back"), Metadata(70, "male", None)) == [
        "age 40 to 70",
        "localization back to unknown",
    ]
    assert metadata_changes(Metadata(40), Metadata(40)) == []


def test_the_sentence_has_the_numbers_of_both(case):
    one, two = with_answer(case, mel=0.6, nv=0.3), with_answer(case, mel=0.25, nv=0.7)
    two = replace(two, diagnosis=replace(two.diagnosis, metadata=Metadata(20, "female", "back")))
    said = difference(one, one.diagnosis, two, OWN)
    assert said.startswith(
        "From held to now: the same image, age 55 to 20. The answer turns from melanoma to melanocytic"
    )
    assert "Melanocytic nevus moves most: 30.0% to 70.0% (+40.0 points)." in said
    assert "0.0 points of the attention" in said
    said = difference(two, two.diagnosis, two, ("base", "tiny"))
    assert (
        "the model base to tiny. Both answers are melanocytic nevus, and no probability moves by half a point." in said
    )
    assert difference(one, one.diagnosis, one, OWN).startswith("This is the very case that is held.")


def test_attention_that_goes_elsewhere_is_counted(case):
    weights = case.diagnosis.attention.words_to_regions
    most = np.zeros_like(weights)
    most[..., 0] = 1
    other = replace(
        case, diagnosis=replace(case.diagnosis, attention=replace(case.diagnosis.attention, words_to_regions=most))
    )
    gone = 100 * (1 - case.diagnosis.region_attention[0])
    said = difference(case, case.diagnosis, other, ("a", "b"))
    assert f"{gone:.1f} points of the attention on regions go elsewhere." in said


def test_another_image_is_told_from_another_age(tiny_diagnoser, case):
    older = rediagnose(tiny_diagnoser, case, Metadata(80, "female", "back"))
    assert "the same image, age 55 to 80" in difference(case, case.diagnosis, older, OWN)
    other = diagnose_image(tiny_diagnoser, make_phantom(4, "nv").image, Metadata(55, "female", "back"))
    said = difference(case, case.diagnosis, other, OWN)
    assert said.startswith("From held to now: another image. ")
    assert "go elsewhere" not in said  # other regions: their attention cannot be compared


def test_each_side_is_labelled_and_has_its_own_numbers(tiny_diagnoser, case, tmp_path):
    older = rediagnose(tiny_diagnoser, case, Metadata(80, "female", "back"))
    held, now = re.findall(
        r'<section class="is-(?:held|now)">.*?</section>', comparison_html(case, case.diagnosis, older, OWN)
    )
    for side, title, session, age in ((held, "Held", case, "55"), (now, "On the screen", older, "80")):
        said = unescape(re.sub(r"<[^>]+>", " ", side))
        assert title in said
        assert f"age {age}" in said
        assert format_percent(max(session.diagnosis.probabilities.values())) in said
        assert class_name(session.diagnosis.top) in said.lower()
    assert compare_cases_html(tiny_diagnoser, ModelRegistry(tiny_diagnoser, tmp_path), older, None, "x") == ""
    assert "no case to question" in compare_cases_html(
        tiny_diagnoser, ModelRegistry(tiny_diagnoser, tmp_path), None, case, "x"
    )


def test_a_held_case_stands_beside_the_next_one(visit):
    page = visit()
    age = page.locator("#age input").input_value()
    open_tab(page, "Compare")
    expect(page.locator("#let-go")).to_be_hidden()
    page.locator("#hold").click()
    expect(page.locator("#held-view .verdict")).to_contain_text("very case that is held")
    open_tab(page, "Diagnose")
    page.locator("#age input").fill("81")
    expect(page.locator("#strip .who")).to_contain_text("age 81")
    open_tab(page, "Compare")
    expect(page.locator("#held-view .verdict")).to_contain_text(f"the same image, age {age} to 81")
    expect(page.locator("#held-view .is-held")).to_contain_text(f"age {age}")
    expect(page.locator("#held-view .is-now")).to_contain_text("age 81")
    page.set_viewport_size({"width": 390, "height": 800})
    boxes = [page.locator(f"#held-view .is-{side}").bounding_box() for side in ("held", "now")]
    assert boxes[1]["y"] >= boxes[0]["y"] + boxes[0]["height"]  # one column
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator("#let-go").click()
    expect(page.locator("#held-view .verdict")).to_have_count(0)
    expect(page.locator("#let-go")).to_be_hidden()


def test_what_one_visitor_holds_another_does_not_see(visit):
    one, two = visit(), visit()
    for page in (one, two):
        open_tab(page, "Compare")
    one.locator("#hold").click()
    expect(one.locator("#held-view .verdict")).to_be_visible()
    open_tab(two, "Diagnose")
    open_tab(two, "Compare")
    expect(two.locator("#compare-view .verdict, #compare-view .note-info").first).to_be_visible()
    expect(two.locator("#held-view .verdict")).to_have_count(0)
