"""Whatever one waits for has a sign, soon, and it goes: with the answer, and where the server fails. In Chromium.

No clock decides: the server begins nothing while its gate is closed, so a sign has as long as it takes to be seen.
"""

import asyncio
import re
import time
from collections.abc import Callable, Iterator

import gradio as gr
import pytest
from browser_helpers import EventLog, choose_class, open_tab, wait_for_answer
from playwright.sync_api import Page, expect

from interface.frontend.scripts import module
from interface.state.explorer_cases import ExplorerCases

pytestmark = pytest.mark.browser

SOONEST = 0.3  # seconds from a click within which a wait must have a sign
# whether a place shows that something is waited for: what the style sheet writes over it, or Gradio's own words; an
# error is none. Animations count from their end, so a delay of any length is seen through.
SIGN = """(place) => {
  const block = document.querySelector(place);
  if (!block || !block.offsetParent) return false;
  const status = block.querySelector(':scope > .wrap');
  const shown = status && !status.matches('.hide, .hidden') && !status.querySelector('.error')
    && getComputedStyle(status).display !== 'none' && getComputedStyle(status).visibility === 'visible'
    && status.getBoundingClientRect().height > 10 && status.innerText.trim();
  return Boolean(shown) || ['::before', '::after'].some((part) => {
    const style = getComputedStyle(block, part);
    return style.content !== 'none' && style.content !== 'normal' && Number(style.opacity) > 0.3;
  });
}"""
DELAYS = """(place) => ['::before', '::after', null].flatMap((part) => {
  const block = document.querySelector(place);
  const style = getComputedStyle(part ? block : block.querySelector(':scope > .wrap') || block, part);
  return style.animationDelay.split(', ').map(parseFloat);
})"""


class Gate:
    """What holds the events of the server while it is closed."""

    state = "open"  # or "closed", or "failing": every event ends in an error

    def close(self) -> None:
        self.state = "closed"

    def fail(self) -> None:
        self.state = "failing"

    def open(self) -> None:
        self.state = "open"

    def is_closed(self) -> bool:
        if self.state == "failing":
            raise RuntimeError("the test lets the server fail")
        return self.state == "closed"


@pytest.fixture(scope="module")
def held_server() -> Iterator[Gate]:
    gate, preprocess, walk = Gate(), gr.Blocks.preprocess_data, ExplorerCases.walk_through

    async def preprocess_data(*args, **kwargs):
        while gate.is_closed():
            await asyncio.sleep(0.02)
        return await preprocess(*args, **kwargs)

    def walk_through(*args):
        while gate.is_closed():
            time.sleep(0.02)
        return walk(*args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gr.Blocks, "preprocess_data", preprocess_data)
        patch.setattr(ExplorerCases, "walk_through", walk_through)
        yield gate
        gate.open()


@pytest.fixture
def gate(held_server) -> Iterator[Gate]:
    yield held_server
    held_server.open()


@pytest.fixture
def page(shared_context, app_url, gate) -> Iterator[Page]:
    page = shared_context.new_page()
    page.set_viewport_size({"width": 1280, "height": 900})
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    events = EventLog(page)
    page.goto(app_url)
    wait_for_answer(page)
    events.wait()
    yield page
    page.evaluate("localStorage.clear()")
    page.close()
    assert problems == []


def at_rest(page: Page, place: str) -> None:
    """Wait until no sign is there, and none is about to be."""
    page.wait_for_function(f"(place) => !({SIGN})(place) && !document.querySelector('main .pending')", arg=place)


def waits(page: Page, gate: Gate, place: str, *acts: Callable[[], object]) -> None:
    """Each act's wait shows in the place, soon; the first ends with an answer, the others in the server's failure."""
    for i, act in enumerate(acts):
        at_rest(page, place)
        gate.close()
        act()
        page.wait_for_function(SIGN, arg=place)
        assert max(page.evaluate(DELAYS, place)) < SOONEST
        if i:
            gate.fail()
        else:
            gate.open()
        at_rest(page, place)
        gate.open()


def says(page: Page, gate: Gate, place: str, waiting: str, act: Callable[[], object]) -> None:
    """The same of a component that says in words that it waits."""
    gate.close()
    act()
    expect(page.locator(place)).to_contain_text(re.compile(waiting))
    gate.open()
    expect(page.locator(place)).not_to_contain_text(re.compile(waiting))


def opened(page: Page, name: str) -> Callable[[], object]:
    return lambda: open_tab(page, name)


def chosen(page: Page, name: str) -> Callable[[], object]:
    return lambda: choose_class(page, name)


def slide(page: Page, place: str, value: int) -> Callable[[], object]:
    def act() -> None:
        page.locator(f"{place} input[type=number]").fill(str(value))
        page.locator(f"{place} input[type=number]").press("Tab")

    return act


def test_the_page_shows_that_it_is_not_there_yet(shared_context, app_url, gate):
    page = shared_context.new_page()
    gate.close()
    page.goto(app_url)
    page.wait_for_function(SIGN, arg="#strip")
    gate.open()
    at_rest(page, "#strip")
    page.close()


@pytest.mark.parametrize("place", ["#strip", "#answer"])
def test_an_answer_that_is_waited_for(page, gate, place, phantom_file):
    """The strip is in sight on a telephone, too, where the answer is below the fold."""
    examples, sex = page.locator("#examples button"), page.locator("#sex")
    waits(page, gate, place, lambda: examples.nth(2).click(), lambda: examples.nth(1).click())
    examples.nth(0).click()
    expect(page.locator("#answer .provenance")).to_contain_text("Synthetic 1")
    at_rest(page, place)
    one, other = (lambda label=label: sex.get_by_label(label, exact=True).check() for label in ("male", "unknown"))
    waits(page, gate, place, one, other)
    diagnose = page.locator("#diagnose")
    waits(page, gate, place, diagnose.click, diagnose.click)
    waits(page, gate, place, lambda: page.locator("#age input").fill("31"), lambda: page.locator("#age input").fill(""))


def test_what_is_drawn_anew_and_what_is_saved(page, gate):
    order, head = page.locator("#order"), page.locator("#head")
    for place in ("#regions", "#attention"):
        one, other = (
            lambda label=label: order.get_by_label(label).check() for label in ("Detector's order", "Most attended")
        )
        waits(page, gate, place, one, other)
        one, other = (lambda label=label: head.get_by_label(label, exact=True).check() for label in ("2", "3"))
        waits(page, gate, place, one, other)
        waits(page, gate, place, slide(page, "#k", 7), slide(page, "#k", 5))
    save = page.locator("#save")
    waits(page, gate, "#saving", save.click, save.click)
    for name in ("handout-pdf", "worksheet-pdf"):
        button = page.locator(f"#{name}")
        waits(page, gate, "#sheet-note", button.click, button.click)


def test_a_new_image_and_the_same_patient(page, gate, phantom_file):
    given = page.locator("#image input[type=file]")
    waits(page, gate, "#answer", lambda: given.set_input_files(phantom_file))
    same = page.locator("#same-patient")
    waits(page, gate, "#words", same.click)


def test_every_question(page, gate):
    open_tab(page, "Question")
    expect(page.locator("#ablation-view .verdict")).to_be_visible()
    tabs = ("Check attention", "agreement"), ("What if", "what-if"), ("Doubt", "doubt"), ("Take away", "ablation")
    for name, view in tabs:
        if view != "ablation":
            waits(page, gate, f"#{view}-view", opened(page, name))
        open_tab(page, name)
        waits(page, gate, f"#{view}-view", chosen(page, "Dermatofibroma"), chosen(page, "Vascular lesion"))
        choose_class(page, "the answer's own")
        expect(page.locator(f"#{view}-view .took")).to_be_visible()
    open_tab(page, "Doubt")
    waits(page, gate, "#threshold-said", slide(page, "#threshold", 30), slide(page, "#prevalence", 3))


def test_hiding(page, gate):
    open_tab(page, "Question")
    waits(page, gate, "#hiding-view", opened(page, "Hide"))
    fill, finer = page.locator("#hide-fill"), page.locator("#ask-finer")
    waits(page, gate, "#hiding-view", lambda: fill.get_by_label("a blur").check())
    waits(page, gate, "#hiding-view", finer.click, finer.click)
    fill.get_by_label("the skin around").check()
    expect(page.locator("#hiding-view .took")).to_be_visible()
    at_rest(page, "#hiding-view")
    page.locator("#hiding-view .tile").nth(1).click()
    hide = page.locator("#hiding-view .hide-marked")
    waits(page, gate, "#hidden-view", hide.click, hide.click)


def test_two_side_by_side_and_lessons_to_learn(page, gate):
    waits(page, gate, "#compare-view", opened(page, "Compare"))
    hold, let_go = page.locator("#hold"), page.locator("#let-go")
    waits(page, gate, "#held-view", hold.click)
    waits(page, gate, "#held-view", let_go.click, hold.click)
    for view in ("lesson", "alike", "leak"):
        open_tab(page, "Diagnose")
        page.locator("#sex input").nth(2 if view == "alike" else 0).check()
        at_rest(page, "#answer")
        waits(page, gate, f"#{view}-view", opened(page, "Learn"))


def test_the_explorer(page, gate):
    view = ".block.of-case:has(.mx)"
    at_rest(page, "#answer")
    page.locator("#examples button").nth(1).click()
    expect(page.locator("#answer .provenance")).to_contain_text("Synthetic 2")
    open_tab(page, "Explore")
    cells = page.locator("td[data-row][data-col]")
    walk = "[data-part=walk]"
    expect(cells.nth(3)).to_be_visible()  # else the gate would hold the explorer itself
    says(page, gate, walk, "Asking the model for the vectors", lambda: cells.nth(3).click())
    expect(page.locator('[data-walk="panel"]')).to_be_visible()
    gate.close()
    cells.nth(9).click()
    expect(page.locator(f"{walk}[aria-busy=true]")).to_be_visible()
    page.wait_for_function(
        "(place) => getComputedStyle(document.querySelector(place), '::before').content.length > 6", arg=walk
    )
    gate.open()
    expect(page.locator(f"{walk}[aria-busy=false]")).to_be_visible()
    # an explorer of another case than the strip's is covered until its own comes
    page.evaluate("document.querySelector('.mx').dataset.case = 'another'")
    page.wait_for_function(SIGN, arg=view)


def test_other_metadata_ask_for_the_answer_and_the_explorer_and_nothing_else(page):
    before, events = page.locator("#answer .bars").inner_text(), EventLog(page)
    page.locator("#sex").get_by_label("male", exact=True).check()
    expect(page.locator("#answer .bars")).not_to_have_text(before, use_inner_text=True)
    events.wait()
    assert len(events.asked) == 2


def test_an_image_chosen_while_other_metadata_are_asked_about_waits_for_diagnose(page, gate):
    before = page.locator("#answer .bars").inner_text()
    gate.close()
    page.locator("#sex").get_by_label("male", exact=True).check()
    page.get_by_label("Remove Image").click()
    gate.open()
    expect(page.locator("#answer .bars")).not_to_have_text(before, use_inner_text=True)
    expect(page.locator("#answer .stale")).to_have_count(1)


def test_a_lesson(page, gate):
    open_tab(page, "Lessons")
    page.wait_for_function(f"{module('lesson_panel/lesson_panel.js')}.then((m) => m.guide !== null)")
    begin = page.locator("#lessons").get_by_role("button", name="Begin").first
    says(page, gate, "#guide [data-part=body]", "moment|Asking|way", begin.click)
    expect(page.locator("#guide [data-part=root][data-set='0']")).to_be_attached()
    following = page.locator("#guide [data-part=next]")
    gate.close()
    following.click()
    expect(page.locator("#guide [data-part=status]")).to_be_empty()
    gate.fail()
    expect(page.locator("#guide [data-part=error]")).to_contain_text("does not answer")
    gate.open()
    again = page.locator("#guide [data-part=back]")
    again.click()
    expect(page.locator("#guide [data-part=error]")).to_be_empty()
    expect(page.locator("#guide [data-part=root][data-set='0']")).to_be_attached()
    waits(page, gate, "#strip", page.locator("#guide [data-part=again]").click)


def test_practice(page, gate):
    open_tab(page, "Practice")
    body, wait = "#practice [data-part=body]", "One moment"
    says(page, gate, body, wait, page.get_by_role("button", name="Start the round").click)
    page.locator("#practice [data-tile='9']").click()
    page.locator("#practice input[name=own]").first.check()
    page.locator("#practice input[name=confidence]").first.check()
    says(page, gate, body, wait, page.get_by_role("button", name="Commit").click)
    says(page, gate, body, wait, page.get_by_role("button", name="Show the truth").click)
    expect(page.locator("#practice [data-overlap=hidden]")).to_be_visible()
    gate.close()
    page.locator("#practice .pr-main").click()
    expect(page.locator(body)).to_contain_text(wait)
    gate.fail()
    expect(page.locator("#practice [data-part=error]")).to_contain_text("does not answer")
    expect(page.locator(body)).not_to_contain_text(wait)
    gate.open()
    page.get_by_role("button", name="Ask again").click()
    expect(page.locator("#practice h2")).to_contain_text("Case 2 of 5")
