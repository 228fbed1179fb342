"""One case, one page: every tab is about the strip's case, whatever was clicked; addresses, Back and Reload."""

import re

import cv2
import pytest
from browsing import PATIENCE, open_tab, upload
from playwright.sync_api import Page, expect

from mat_core.labels import BY_CODE
from mat_core.phantoms import make_phantom

pytestmark = pytest.mark.browser

ADDRESSES = {
    "Explore": "explore", "Take away": "take-away", "Hide": "hide", "Check attention": "check-attention",
    "What if": "what-if", "Doubt": "doubt", "Compare": "compare", "Learn": "learn", "About": "about",
}  # fmt: skip
INSIDE = ("Hide", "Check attention", "What if", "Doubt")


def case_of(page: Page) -> str:
    """The key of the case that the strip is about."""
    return page.locator("#strip [data-case]").get_attribute("data-case")


def settled(page: Page) -> None:
    """Wait until everything that is seen of a case is about the strip's."""
    page.wait_for_function(
        """() => { const key = document.querySelector('#strip [data-case]')?.dataset.case;
        const seen = [...document.querySelectorAll('[data-case]')].filter((e) => e.offsetParent);
        return key && seen.every((e) => e.dataset.case === key)
            && ![...document.querySelectorAll('[data-outdated]')].some((e) => e.offsetParent); }""",
        timeout=PATIENCE,
    )


def another(page: Page, before: str) -> None:
    """Wait until the strip is about another case than this key's."""
    page.wait_for_function(
        "(before) => document.querySelector('#strip [data-case]').dataset.case !== before", arg=before, timeout=PATIENCE
    )


@pytest.fixture
def opened(visit):
    return visit()


@pytest.fixture
def reloading(browser, app_url):
    """A page that may be reloaded: what a reload breaks off is an error in the console, and none of ours."""
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(app_url)
    page.wait_for_function("document.querySelector('#strip [data-case]')?.dataset.case")
    yield page
    context.close()


def test_every_tab_is_about_the_case_on_the_strip(opened, phantom_file):
    page = opened
    for step in ("as it was opened", "upload", "age", "example"):
        before = case_of(page)
        open_tab(page, "Diagnose")
        if step == "upload":
            upload(page, phantom_file)
            page.locator("#diagnose").click()
        elif step == "age":
            page.locator("#age input").fill("70")
        elif step == "example":
            page.locator("#examples button").nth(3).click()
        if step != "as it was opened":
            another(page, before)
        for tab in ("Explore", "Question", *INSIDE, "Compare", "Learn"):
            open_tab(page, tab)
            settled(page)
            expect(page.locator("body")).not_to_contain_text("Press Ask")


@pytest.mark.parametrize("name", INSIDE)
def test_a_tab_that_was_left_open_is_about_the_new_case_when_one_comes_back(opened, name):
    page = opened
    open_tab(page, "Question")
    open_tab(page, name)
    settled(page)
    before = case_of(page)
    open_tab(page, "Diagnose")
    page.locator("#examples button").nth(2).click()
    another(page, before)
    open_tab(page, "Question")
    settled(page)


def test_an_answer_asks_for_no_view_that_is_not_open(opened):
    """After it come what settles it and the explorer, which is there when its tab is opened; nothing else."""
    page = opened
    another(page, "")
    page.wait_for_timeout(2000)
    asked, before = [], case_of(page)
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/queue/join?") else None)
    page.locator("#examples button").nth(2).click()
    another(page, before)
    for _ in range(PATIENCE // 100):
        if len(asked) >= 3:
            break
        page.wait_for_timeout(100)
    page.wait_for_timeout(1000)
    assert len(asked) == 3, asked


@pytest.mark.parametrize("address", ["hide", "doubt", "compare"])
def test_a_tab_that_has_answered_asks_nothing_more(reloading, address):
    page = reloading
    page.goto(f"{page.url.partition('#')[0]}#{address}")
    page.reload()
    page.wait_for_function("document.querySelector('#strip [data-case]')?.dataset.case", timeout=PATIENCE)
    settled(page)
    page.wait_for_timeout(2000)
    asked = []
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/queue/join?") else None)
    page.set_viewport_size({"width": 1000, "height": 1000})
    page.wait_for_timeout(2000)
    assert asked == []


def test_clicked_in_quick_succession_the_last_one_counts_everywhere(opened):
    page = opened
    open_tab(page, "Question")
    settled(page)
    open_tab(page, "Diagnose")
    for example in (1, 2, 4):
        page.locator("#examples button").nth(example).click()
    expect(page.locator("#answer .provenance")).to_contain_text("Synthetic 5", timeout=PATIENCE)
    expect(page.locator("#answer .stale")).to_have_count(0, timeout=PATIENCE)
    open_tab(page, "Question")
    open_tab(page, "What if")
    open_tab(page, "Doubt")
    settled(page)
    top = page.locator("#answer [data-top]").get_attribute("data-top")
    expect(page.locator("#doubt-view")).to_contain_text(BY_CODE[top].name, ignore_case=True)


def test_an_open_tab_answers_anew_when_the_class_in_question_changes(opened):
    page = opened
    open_tab(page, "Question")
    settled(page)
    page.locator("#question-class input").click()
    page.get_by_role("option", name="Dermatofibroma").click()
    expect(page.locator("#ablation-view [data-class=df]")).to_be_visible(timeout=PATIENCE)
    settled(page)
    expect(page.locator("#ablation-view .verdict")).to_contain_text("dermatofibroma", timeout=PATIENCE)


def test_a_new_image_empties_what_was_known_of_the_patient_and_offers_it_again(opened, phantom_file):
    page = opened
    expect(page.locator("#age input")).not_to_have_value("")
    age = page.locator("#age input").input_value()
    expect(page.locator("#same-patient")).to_be_hidden()
    upload(page, phantom_file)
    expect(page.locator("#age input")).to_have_value("", timeout=PATIENCE)
    expect(page.locator("#sex").get_by_label("unknown")).to_be_checked()
    expect(page.locator("#words")).to_contain_text("all metadata is unknown")
    expect(page.locator("#strip .previous")).to_be_visible()
    page.locator("#same-patient").click()
    expect(page.locator("#age input")).to_have_value(age, timeout=PATIENCE)
    expect(page.locator("#same-patient")).to_be_hidden()
    page.locator("#diagnose").click()
    expect(page.locator("#strip .previous")).to_have_count(0, timeout=PATIENCE)
    expect(page.locator("#strip .who")).to_contain_text(f"age {age}")


def test_what_changed_is_said_and_the_bars_keep_a_ghost(opened):
    page = opened
    expect(page.locator("#answer .changed")).to_have_count(0)
    old = page.locator("#age input").input_value()
    page.locator("#age input").fill("80")
    expect(page.locator("#answer .changed")).to_contain_text(f"age {old} to 80", timeout=PATIENCE)
    expect(page.locator("#answer .changed")).to_contain_text(re.compile(r"[\d.]+% to [\d.]+%|still [\d.]+%"))
    expect(page.locator("#answer .ghost")).to_have_count(7)


@pytest.mark.parametrize("tab", ADDRESSES)
def test_a_tab_has_an_address_that_opens_it(visit, tab):
    page = visit()
    open_tab(page, "Diagnose")
    page.evaluate(f"location.hash = '#{ADDRESSES[tab]}'")
    expect(page.get_by_role("tab", name=tab, exact=True)).to_have_attribute("aria-selected", "true", timeout=PATIENCE)
    assert page.evaluate("window.mat.where()") == ADDRESSES[tab]


def test_an_address_opens_its_tab_at_its_top(visit):
    page = visit(height=500)
    for address in ("diagnose", "learn", "about"):  # some of Gradio's elements have the same name
        page.evaluate(f"location.hash = '#{address}'")
        page.wait_for_function("(tab) => window.mat.where() === tab", arg=address)
        page.wait_for_timeout(300)
        assert page.evaluate("scrollY") == 0
    expect(page.locator("#case")).to_be_visible()


def test_practice_has_cases_of_its_own_and_hides_the_answer_to_this_one(visit):
    page = visit()
    expect(page.locator("#strip")).to_be_visible()
    open_tab(page, "Practice")
    expect(page.locator("#strip")).to_be_hidden()
    expect(page.locator("#masthead .disclaimer")).to_be_visible()
    open_tab(page, "Explore")
    expect(page.locator("#strip")).to_be_visible()


def test_back_and_reload_keep_tab_and_case(reloading, tmp_path):
    page = reloading
    path = tmp_path / "mine.png"
    path.write_bytes(cv2.imencode(".png", make_phantom(5, "nv").image[..., ::-1])[1].tobytes())
    upload(page, path)
    page.locator("#age input").fill("33")
    before = case_of(page)
    page.locator("#diagnose").click()
    another(page, before)
    open_tab(page, "Question")
    open_tab(page, "What if")
    settled(page)
    key = case_of(page)
    page.go_back()
    expect(page.get_by_role("tab", name="Take away")).to_have_attribute("aria-selected", "true", timeout=PATIENCE)
    assert case_of(page) == key
    page.go_forward()
    expect(page.get_by_role("tab", name="What if")).to_have_attribute("aria-selected", "true", timeout=PATIENCE)
    page.reload()
    expect(page.get_by_role("tab", name="What if")).to_have_attribute("aria-selected", "true", timeout=PATIENCE)
    page.wait_for_function("(key) => document.querySelector('#strip [data-case]')?.dataset.case === key", arg=key)
    settled(page)
    open_tab(page, "Diagnose")
    expect(page.locator("#age input")).to_have_value("33")
    expect(page.locator("#image img")).to_be_visible()


def test_a_case_that_is_no_longer_in_memory_is_said_to_be(reloading):
    page = reloading
    page.add_init_script("sessionStorage.setItem('mat-case', 'gone')")
    page.reload()
    expect(page.locator("#form-note .note-info")).to_contain_text("no longer in the server's memory", timeout=PATIENCE)
    expect(page.locator("#answer .bars li")).to_have_count(7)
