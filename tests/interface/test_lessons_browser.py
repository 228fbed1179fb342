"""Lessons in headless Chromium, offline: one to its end, kept over a reload; the presenter; a teacher's own."""

import json
import re
from pathlib import Path

import pytest
from browser_helpers import open_tab, reopen, serious_faults, uncovered
from conftest import make_app, served
from pdf_text import pages
from playwright.sync_api import Page, expect

from interface.lessons.catalog import open_catalog

pytestmark = pytest.mark.browser

LESSONS = open_catalog().lessons()
FIRST = LESSONS[0]
KEPT = "localStorage.getItem('mat-lessons')"


def begin(page: Page, name: str, button: str = "Begin") -> None:
    open_tab(page, "Lessons")
    page.locator(f"#lessons li[data-name='{name}']").get_by_role("button", name=button).click()
    expect(page.locator("#guide h2")).to_have_text(LESSONS[[one.name for one in LESSONS].index(name)].steps[0].title)


def at_step(page: Page, name: str, at: int) -> None:
    """The panel says this step, with its numbers."""
    lesson = next(one for one in LESSONS if one.name == name)
    expect(page.locator("#guide h2")).to_have_text(lesson.steps[at].title)
    expect(page.locator("#guide [data-lesson]").first).to_be_visible()


def next_step(page: Page) -> None:
    page.locator("#guide [data-part=next]").click()


def is_set(page: Page) -> None:
    expect(page.locator("#guide aside[data-set]")).to_be_attached()


def test_the_first_lesson_to_its_end(visit):
    page = visit()
    begin(page, FIRST.name)
    is_set(page)
    assert serious_faults(page) == []
    predictions = 0
    for at, step in enumerate(FIRST.steps):
        at_step(page, FIRST.name, at)
        expect(page.locator("#guide [data-part=count]")).to_have_text(f"step {at + 1} of {len(FIRST.steps)}")
        if step.predict is not None:
            form = page.locator("#guide form")
            expect(form).to_contain_text(step.predict.question)
            expect(page.get_by_role("button", name="Reveal")).to_be_disabled()
            assert page.locator("#guide [data-lesson=truth]").count() == 0
            if step.predict.choices:
                form.locator("input").nth(1).check()
            else:
                form.locator("input").fill("3")
            page.get_by_role("button", name="Reveal").click()
            truth = page.locator("#guide [data-lesson=truth]")
            expect(truth).to_contain_text("You said:")
            expect(truth.locator(".ls-answer")).not_to_be_empty()
            uncovered(page)
            assert serious_faults(page) == []
            predictions += 1
        is_set(page)
        selected = page.locator(f"[role=tab][data-tab-id='{step.page.tab}']")
        expect(selected).to_have_attribute("aria-selected", "true")
        next_step(page)
    expect(page.locator("#guide [data-lesson=end]")).to_contain_text("You have come to the end")
    kept = json.loads(page.evaluate(KEPT))
    assert kept["lessons"][FIRST.name]["done"] is True
    assert len(kept["lessons"][FIRST.name]["answers"]) == predictions
    page.get_by_role("button", name="All lessons").click()
    expect(page.locator("#guide aside")).to_be_hidden()
    expect(page.locator(f"#lessons li[data-name='{FIRST.name}']")).to_contain_text("Done")


def test_progress_outlives_the_page_and_no_other_browser_sees_it(visit):
    page, other = visit(), visit(fresh=True)
    begin(page, FIRST.name)
    is_set(page)
    next_step(page)
    at_step(page, FIRST.name, 1)
    page.locator("#guide form input").fill("4")
    page.get_by_role("button", name="Reveal").click()
    expect(page.locator("#guide [data-lesson=truth]")).to_contain_text("You said: 4.")
    page = reopen(page)
    page.get_by_role("button", name=re.compile("Go on with the lesson")).click()
    at_step(page, FIRST.name, 1)
    expect(page.locator("#guide [data-lesson=truth]")).to_contain_text("You said: 4.")
    assert serious_faults(page) == []
    # put away, the page has its room again; another tab is free to open
    page.get_by_role("button", name="Put away").click()
    expect(page.locator("#guide aside")).to_be_hidden()
    open_tab(page, "About")
    page.get_by_role("button", name=re.compile("Go on with the lesson")).click()
    at_step(page, FIRST.name, 1)
    expect(page.get_by_role("tab", name="About", exact=True)).to_have_attribute("aria-selected", "true")
    assert other.evaluate(KEPT) is None
    expect(other.locator("#guide aside")).to_be_hidden()
    page.get_by_role("button", name="Leave", exact=True).click()
    open_tab(page, "Lessons")
    page.get_by_role("button", name="Delete my progress").click()
    assert json.loads(page.evaluate(KEPT)) == {"current": None, "lessons": {}}


def test_a_step_sets_the_explorer_and_a_link_opens_a_step(visit):
    page = visit()
    page.evaluate("location.hash = '#lessons?of=query-key-value'")
    at_step(page, "query-key-value", 0)
    is_set(page)
    expect(page.get_by_role("tab", name="Explore")).to_have_attribute("aria-selected", "true")
    head = page.locator("#guide .ls-value").nth(2).inner_text()  # the word, the region, in head so and so
    explorer = page.locator(".mx")
    expect(explorer.locator("[data-part=head] input:checked")).to_have_attribute("value", str(int(head) - 1))
    word, region = (page.locator("#guide .ls-value").nth(n).inner_text() for n in (0, 1))
    expect(explorer.locator("[data-walk=panel]")).to_contain_text(f"“{word}” looks at region {region}, head {head}")
    page.evaluate("location.hash = '#lessons?of=softmax-temperature&step=2'")
    at_step(page, "softmax-temperature", 1)
    page.get_by_role("button", name="I do not know: show it").click()
    truth = page.locator("#guide .ls-answer")
    expect(truth).to_be_visible()
    is_set(page)
    expect(explorer.locator("[data-walk=temperature]")).to_have_text("0.25")
    weight = float(explorer.locator("[data-walk=softmax]").inner_text())
    assert float(truth.inner_text().rstrip("%")) == pytest.approx(100 * weight, abs=0.1)


def test_a_lessons_worksheet_is_downloaded_and_has_its_words(visit):
    page = visit()
    page.evaluate("location.hash = '#lessons?of=softmax-temperature'")
    at_step(page, "softmax-temperature", 0)
    is_set(page)
    with page.expect_download() as coming:
        page.locator("#guide").get_by_role("button", name="Worksheet (PDF)").click()
    assert coming.value.suggested_filename == "lesson-softmax-temperature.pdf"
    found = pages(Path(coming.value.path()).read_bytes())
    lesson = next(one for one in LESSONS if one.name == "softmax-temperature")
    assert found[0].startswith("Name: ")
    assert f"Teacher's notes: {lesson.title}" in " ".join(found[1:])
    for step in lesson.steps:
        assert step.predict is None or step.predict.question in found[0]
    expect(page.locator("#guide [data-part=status]")).to_contain_text("in your downloads")
    # the lesson goes on, and its numbers are those on paper
    page.locator("#guide [data-part=next]").click()
    page.get_by_role("button", name="I do not know: show it").click()
    truth = page.locator("#guide .ls-answer")
    expect(truth).to_be_visible()
    assert f"What to expect: {truth.inner_text()}" in " ".join(found)


def test_a_lesson_hides_the_lesion_in_the_page(visit):
    page = visit()
    page.evaluate("location.hash = '#lessons?of=removing-and-hiding&step=3'")
    at_step(page, "removing-and-hiding", 2)
    page.locator("#guide form input[value=down]").check()
    page.get_by_role("button", name="Reveal").click()
    is_set(page)
    expect(page.locator("#hidden-view .verdict")).to_be_visible()
    assert page.locator("#hiding-view .tile[aria-pressed=true]").count() > 0
    said = page.locator("#guide [data-lesson=truth]").inner_text()
    assert re.search(r"by [+−]?\d+\.\d points, to [<>]?\d+\.\d%", said), said


def test_a_presenter_has_one_thing_on_the_screen_at_a_time(visit):
    page = visit(1280, 720)
    begin(page, FIRST.name, "Present")
    panel = page.locator("#guide aside")
    box = panel.bounding_box()
    assert (box["width"], box["height"]) == (1280, 720)
    expect(page.locator("#guide [data-lesson=text]")).to_be_visible()
    assert float(page.locator("#guide .ls-text").evaluate("e => parseFloat(getComputedStyle(e).fontSize)")) >= 24
    is_set(page)
    assert serious_faults(page) == []
    page.keyboard.press("ArrowRight")  # the page itself, under a bar
    assert page.locator("#guide [data-lesson]").count() == 0
    assert panel.bounding_box()["height"] < 200
    page.keyboard.press("PageDown")
    at_step(page, FIRST.name, 1)
    expect(page.locator("#guide [data-lesson=text]")).to_be_visible()
    page.keyboard.press("PageDown")
    page.keyboard.press("PageDown")
    expect(page.locator("#guide form")).to_be_visible()
    assert page.locator("#guide [data-lesson=text]").count() == 0
    page.keyboard.press("ArrowRight")
    expect(page.locator("#guide [data-lesson=truth] .ls-answer")).to_be_visible()
    assert page.locator("#guide form").count() == 0
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#guide form")).to_be_visible()
    for _ in range(3):  # to the page of the step before
        page.keyboard.press("PageUp")
    expect(page.locator("#guide h2")).to_have_text(FIRST.steps[0].title)
    assert page.locator("#guide [data-lesson]").count() == 0
    page.keyboard.press("PageUp")
    at_step(page, FIRST.name, 0)
    page.keyboard.press("Escape")
    expect(panel).to_have_class(re.compile("ls-docked"))
    assert panel.bounding_box()["width"] < 500


def test_a_phone_without_a_memory_can_learn_too(visit):
    refuses = """for (const name of ['localStorage', 'sessionStorage'])
        Object.defineProperty(window, name, {get() { throw new Error('refused'); }});"""
    page = reopen(visit(390, 844, "dark"), refuses)
    open_tab(page, "Lessons")
    expect(page.locator("#lessons")).to_contain_text("This browser keeps nothing")
    assert serious_faults(page) == []
    begin(page, FIRST.name)
    is_set_on_phone = page.locator("#guide [data-part=again]")
    expect(is_set_on_phone).to_be_visible()
    assert serious_faults(page) == []
    box = page.locator("#guide aside").bounding_box()
    assert box["width"] == 390
    assert box["y"] > 844 * 0.5
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    next_step(page)
    at_step(page, FIRST.name, 1)
    expect(page.locator("#guide form")).to_be_visible()


def test_a_teachers_lesson_stands_beside_ours_and_a_bad_one_is_named(visit, tiny_diagnoser, tmp_path):
    folder = tmp_path / "lessons"
    folder.mkdir()
    good = "---\ntitle: <b>Mine</b>\nminutes: 2\nfor: us\ncase: phantom 2 nv\n---\n## One\nIt says {{ top.class }}.\n"
    (folder / "01-mine.md").write_text(good, encoding="utf-8")
    (folder / "02-bad.md").write_text(good.replace("top.class", "top.klass"), encoding="utf-8")
    with served(make_app(tiny_diagnoser, tmp_path, lessons=open_catalog(folder))) as url:
        page = visit(url=f"{url}#lessons")
        item = page.locator("#lessons li[data-name='mine']")
        expect(item).to_contain_text("<b>Mine</b>")
        expect(item).to_contain_text("added by your teacher")
        expect(page.locator("#lessons")).to_contain_text("02-bad.md: step 1: there is no value `top.klass`")
        item.get_by_role("button", name="Begin").click()
        expect(page.locator("#guide .ls-value")).not_to_be_empty()
        page.close()
