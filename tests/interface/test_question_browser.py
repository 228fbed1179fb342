"""The doubting views in headless Chromium: accessible with their answers in them, and never about another case."""

from threading import Event

import gradio as gr
import pytest
from browsing import PATIENCE, VIEWS, open_tab, serious_faults, upload
from playwright.sync_api import expect

from interface import question
from interface.parts import asking
from interface.session import analyse
from interface.views import take_away
from mat_core import Metadata

pytestmark = pytest.mark.browser

ANSWERED = {name: part for name, part in VIEWS.items() if "-view" in part}


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
def test_every_answer_is_accessible_and_shows_its_numbers_without_scrolling(visit, width, scheme):
    page = visit(width, 844, scheme)
    open_tab(page, "Question")
    # this tab is open at once, and may have asked before the page had its case
    expect(page.locator("#ablation-view .verdict, #ablation-view .empty")).to_be_visible(timeout=PATIENCE)
    for tab, part in ANSWERED.items():
        open_tab(page, tab)
        if tab == "Take away":
            page.locator("#ask-ablation").click()  # and the pointer stays: its hover colour is asked too
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
    page.locator("#ask-ablation").click()
    expect(page.locator("#ablation-view .verdict")).to_be_visible(timeout=PATIENCE)
    expect(page.locator("#ablation-view .note-info")).to_have_text(asking.PREVIOUS)
    open_tab(page, "Compare")
    expect(page.locator("#compare-view .note-info").first).to_have_text(asking.PREVIOUS, timeout=PATIENCE)


def test_an_answer_that_comes_too_late_is_not_shown(browser, tiny_diagnoser, phantom_file, monkeypatch):
    asked, go_on, told = Event(), Event(), Event()
    quick = take_away.ablate

    def slow(*case):
        asked.set()
        go_on.wait(60)
        told.set()
        return quick(*case)

    monkeypatch.setattr(take_away, "ablate", slow)
    case = analyse(tiny_diagnoser, str(phantom_file), Metadata(55))
    with gr.Blocks(analytics_enabled=False) as demo:
        session = gr.State(None)
        question.build_question(tiny_diagnoser, session)
        demo.load(lambda: case, None, session, api_visibility="private")
    _, url, _ = demo.queue().launch(prevent_thread_lock=True, quiet=True, run_history=False)
    context = browser.new_context()
    try:
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(url)
        expect(page.locator("#ablation-view .empty")).to_contain_text("Press Ask", timeout=PATIENCE)
        page.locator("#ask-ablation").click()
        assert asked.wait(PATIENCE / 1000)
        page.locator("#question-class input").click()
        page.get_by_role("option", name="Melanoma").click()
        page.wait_for_timeout(1000)
        go_on.set()
        assert told.wait(PATIENCE / 1000)
        page.wait_for_timeout(2000)
        expect(page.locator("#ablation-view .empty")).to_contain_text("Press Ask")
        page.locator("#ask-ablation").click()
        expect(page.locator("#ablation-view .verdict")).to_contain_text("probability of melanoma", timeout=PATIENCE)
    finally:
        go_on.set()
        context.close()
        demo.close()
