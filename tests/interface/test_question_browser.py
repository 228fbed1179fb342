"""The doubting views in headless Chromium: accessible with their answers in them, and never about another case."""

import pytest
from browsing import PATIENCE, VIEWS, open_tab, serious_faults, upload
from playwright.sync_api import expect

from interface.parts import asking

pytestmark = pytest.mark.browser

ANSWERED = {name: part for name, part in VIEWS.items() if "-view" in part}


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
def test_every_answer_is_accessible_and_shows_its_numbers_without_scrolling(visit, width, scheme):
    page = visit(width, 844, scheme)
    open_tab(page, "Question")
    expect(page.locator("#ablation-view .verdict")).to_be_visible(timeout=PATIENCE)
    for tab, part in ANSWERED.items():
        open_tab(page, tab)
        expect(page.locator(part)).to_be_visible(timeout=PATIENCE)
        # an answer that is asked for again is dimmed until it is there
        page.wait_for_function("!document.querySelector('main .pending')", timeout=PATIENCE)
        page.wait_for_function("document.getAnimations().every((animation) => animation.playState !== 'running')")
        assert serious_faults(page) == [], tab
        # the first two numbers of a table are what it is opened for
        hidden = page.evaluate(
            """() => [...document.querySelectorAll('main table.plain')].filter((e) => e.offsetParent)
            .flatMap((table) => { const edge = table.closest('.scroll').getBoundingClientRect().right;
            return [...table.querySelectorAll('tbody td:nth-child(-n+3)')].filter((e) =>
              e.getBoundingClientRect().right > edge + 1).map((e) => e.parentElement.innerText); })"""
        )
        assert hidden == [], tab


def test_a_case_whose_image_was_replaced_is_said_to_be_the_previous_one(visit, phantom_file):
    page = visit()
    upload(page, phantom_file)
    open_tab(page, "Question")
    open_tab(page, "Take away")
    expect(page.locator("#ablation-view .verdict")).to_be_visible(timeout=PATIENCE)
    expect(page.locator("#ablation-view .note-info")).to_have_text(asking.PREVIOUS)
    open_tab(page, "Compare")
    expect(page.locator("#compare-view .note-info").first).to_have_text(asking.PREVIOUS, timeout=PATIENCE)


def test_an_answer_that_comes_too_late_is_covered_until_the_next_one(visit, tiny_diagnoser, phantom_file):
    """What another case's answer left behind is never seen as this one's: the page covers it."""
    page = visit()
    open_tab(page, "Question")
    expect(page.locator("#ablation-view .verdict")).to_be_visible(timeout=PATIENCE)
    # as a late answer would: about a case that is not the strip's
    page.evaluate("document.querySelector('#ablation-view [data-case]').dataset.case = 'another'")
    expect(page.locator("#ablation-view .verdict")).to_be_hidden()
    expect(page.locator("#ablation-view[data-outdated]")).to_have_count(1)
    page.locator("#question-class input").click()
    page.get_by_role("option", name="Melanoma").click()
    expect(page.locator("#ablation-view .verdict")).to_contain_text("probability of melanoma", timeout=PATIENCE)
    expect(page.locator("#ablation-view[data-outdated]")).to_have_count(0)
