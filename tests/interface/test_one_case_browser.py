"""One case, one page: every tab is about the strip's case, whatever was clicked; addresses, Back and Reload."""

import re

import cv2
import pytest
from browser_helpers import EventLog, case_of, choose_class, open_tab, upload, wait_for_another_case, wait_for_answer
from playwright.sync_api import Page, expect

from interface.components.stale_notice import PREVIOUS
from interface.frontend.scripts import module
from mat_core.data.labels import BY_CODE
from teaching.phantoms import make_phantom

pytestmark = pytest.mark.browser

ADDRESSES = {
    "Explore": "explore", "Take away": "take-away", "Hide": "hide", "Check attention": "check-attention",
    "What if": "what-if", "Doubt": "doubt", "Compare": "compare", "Learn": "learn", "About": "about",
}  # fmt: skip
WHERE = f"{module('page/tab_router.js')}.then((m) => m.openAddress())"
INSIDE = ("Hide", "Check attention", "What if", "Doubt")


def settled(page: Page) -> None:
    """Wait until everything that is seen of a case is about the strip's."""
    page.wait_for_function(
        """() => { const key = document.querySelector('#strip [data-case]')?.dataset.case;
        const seen = [...document.querySelectorAll('[data-case]')].filter((e) => e.offsetParent);
        return key && seen.every((e) => e.dataset.case === key)
            && ![...document.querySelectorAll('[data-outdated]')].some((e) => e.offsetParent); }""",
    )


@pytest.fixture
def reloading(shared_context, app_url):
    """A page that may be reloaded: what a reload breaks off is an error in the console, and none of ours."""
    page = shared_context.new_page()
    page.goto(app_url)
    wait_for_answer(page)
    yield page
    page.close()


def test_every_tab_is_about_the_case_on_the_strip(visit, phantom_file):
    page = visit()
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
            wait_for_another_case(page, before)
        for tab in ("Explore", "Question", *INSIDE, "Compare", "Learn"):
            open_tab(page, tab)
            settled(page)
            expect(page.locator("body")).not_to_contain_text("Press Ask")


def test_a_tab_that_was_left_open_is_about_the_new_case_when_one_comes_back(visit):
    page = visit()
    for example, name in enumerate(INSIDE, start=1):
        open_tab(page, "Question")
        open_tab(page, name)
        settled(page)
        before = case_of(page)
        open_tab(page, "Diagnose")
        page.locator("#examples button").nth(example).click()
        wait_for_another_case(page, before)
        open_tab(page, "Question")
        settled(page)


def test_an_answer_asks_for_no_view_that_is_not_open(visit):
    """After it come what settles it and the explorer, which is there when its tab is opened; nothing else."""
    page = visit()
    events = EventLog(page)
    events.wait()
    events.asked.clear()
    before = case_of(page)
    page.locator("#examples button").nth(2).click()
    wait_for_another_case(page, before)
    events.wait(1000)
    assert len(events.asked) == 3, events.asked


def test_a_tab_that_has_answered_asks_nothing_more(reloading):
    page = reloading
    for address in ("hide", "doubt", "compare"):
        page.goto(f"{page.url.partition('#')[0]}#{address}")
        events = EventLog(page)
        page.reload()
        wait_for_answer(page)
        settled(page)
        events.wait()
        events.asked.clear()
        page.set_viewport_size({"width": 1000, "height": 1000})
        events.wait()
        page.set_viewport_size({"width": 1280, "height": 900})
        events.wait()
        assert events.asked == [], address


def test_clicked_in_quick_succession_the_last_one_counts_everywhere(visit):
    page = visit()
    open_tab(page, "Question")
    settled(page)
    open_tab(page, "Diagnose")
    for example in (1, 2, 4):
        page.locator("#examples button").nth(example).click()
    expect(page.locator("#answer .provenance")).to_contain_text("Synthetic 5")
    expect(page.locator("#answer .stale")).to_have_count(0)
    open_tab(page, "Question")
    open_tab(page, "What if")
    open_tab(page, "Doubt")
    settled(page)
    top = page.locator("#answer [data-top]").get_attribute("data-top")
    expect(page.locator("#doubt-view")).to_contain_text(BY_CODE[top].name, ignore_case=True)


def test_a_new_image_empties_what_was_known_of_the_patient_and_offers_it_again(visit, phantom_file):
    page = visit()
    expect(page.locator("#age input")).not_to_have_value("")
    age = page.locator("#age input").input_value()
    expect(page.locator("#same-patient")).to_be_hidden()
    upload(page, phantom_file)
    expect(page.locator("#age input")).to_have_value("")
    expect(page.locator("#sex").get_by_label("unknown")).to_be_checked()
    expect(page.locator("#words")).to_contain_text("all metadata is unknown")
    expect(page.locator("#strip .previous")).to_be_visible()
    page.locator("#same-patient").click()
    expect(page.locator("#age input")).to_have_value(age)
    expect(page.locator("#same-patient")).to_be_hidden()
    page.locator("#diagnose").click()
    expect(page.locator("#strip .previous")).to_have_count(0)
    expect(page.locator("#strip .who")).to_contain_text(f"age {age}")


def test_what_changed_is_said_and_the_bars_keep_a_ghost(visit):
    page = visit()
    expect(page.locator("#answer .changed")).to_have_count(0)
    old = page.locator("#age input").input_value()
    page.locator("#age input").fill("80")
    expect(page.locator("#answer .changed")).to_contain_text(f"age {old} to 80")
    expect(page.locator("#answer .changed")).to_contain_text(re.compile(r"[\d.]+% to [\d.]+%|still [\d.]+%"))
    expect(page.locator("#answer .ghost")).to_have_count(7)


def test_a_tab_has_an_address_that_opens_it(visit):
    page = visit()
    for tab, address in ADDRESSES.items():
        open_tab(page, "Diagnose")
        page.evaluate(f"location.hash = '#{address}'")
        expect(page.get_by_role("tab", name=tab, exact=True)).to_have_attribute("aria-selected", "true")
        assert page.evaluate(WHERE) == address


def test_an_address_opens_its_tab_at_its_top(visit):
    page = visit(height=500)
    for address in ("diagnose", "learn", "about"):  # some of Gradio's elements have the same name
        page.evaluate(f"location.hash = '#{address}'")
        page.wait_for_function(f"(tab) => {WHERE}.then((open) => open === tab)", arg=address)
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
    wait_for_another_case(page, before)
    open_tab(page, "Question")
    open_tab(page, "What if")
    settled(page)
    key = case_of(page)
    page.go_back()
    expect(page.get_by_role("tab", name="Take away")).to_have_attribute("aria-selected", "true")
    assert case_of(page) == key
    page.go_forward()
    expect(page.get_by_role("tab", name="What if")).to_have_attribute("aria-selected", "true")
    page.reload()
    expect(page.get_by_role("tab", name="What if")).to_have_attribute("aria-selected", "true")
    page.wait_for_function("(key) => document.querySelector('#strip [data-case]')?.dataset.case === key", arg=key)
    settled(page)
    open_tab(page, "Diagnose")
    expect(page.locator("#age input")).to_have_value("33")
    expect(page.locator("#image img")).to_be_visible()


def test_a_case_that_is_no_longer_in_memory_is_said_to_be(reloading):
    page = reloading
    page.add_init_script("sessionStorage.setItem('mat-case', 'gone')")
    page.reload()
    expect(page.locator("#form-note .note-info")).to_contain_text("no longer in the server's memory")
    expect(page.locator("#answer .bars li")).to_have_count(7)


def test_a_case_whose_image_was_replaced_is_said_to_be_the_previous_one(visit, phantom_file):
    page = visit()
    upload(page, phantom_file)
    open_tab(page, "Question")
    open_tab(page, "Take away")
    expect(page.locator("#ablation-view .verdict")).to_be_visible()
    expect(page.locator("#ablation-view .note-info")).to_have_text(PREVIOUS)
    open_tab(page, "Compare")
    expect(page.locator("#compare-view .note-info").first).to_have_text(PREVIOUS)


def test_an_answer_that_comes_too_late_is_covered_until_the_next_one(visit, tiny_diagnoser, phantom_file):
    """What another case's answer left behind is never seen as this one's: the page covers it."""
    page = visit()
    open_tab(page, "Question")
    expect(page.locator("#ablation-view .verdict")).to_be_visible()
    # as a late answer would: about a case that is not the strip's
    page.evaluate("document.querySelector('#ablation-view [data-case]').dataset.case = 'another'")
    expect(page.locator("#ablation-view .verdict")).to_be_hidden()
    expect(page.locator("#ablation-view[data-outdated]")).to_have_count(1)
    choose_class(page, "Melanoma")
    expect(page.locator("#ablation-view .verdict")).to_contain_text("probability of melanoma")
    expect(page.locator("#ablation-view[data-outdated]")).to_have_count(0)
