"""Terms of the glossary where they stand: marked once in a part, explained on hover, focus and tap."""

import pytest
from browser_helpers import open_tab, serious_faults
from playwright.sync_api import Page, expect

from teaching.glossary import entries

pytestmark = pytest.mark.browser

ONCE = """() => { const PARTS = 'section, article, [role=tabpanel], [id^="html-"]';
    const seen = new Map();
    for (const term of document.querySelectorAll('.term')) {
        const part = term.closest(PARTS);
        if (!seen.has(part)) seen.set(part, []);
        seen.get(part).push(term.dataset.term);
    }
    return [...seen.values()].map((terms) => terms.length - new Set(terms).size); }"""


def term(page: Page, name: str, panel: str):
    """The first mark of a term in a tab."""
    number = [entry.term for entry in entries()].index(name)
    return page.locator(f'{panel} .term[data-term="{number}"]:visible').first


def tip(page: Page):
    return page.get_by_role("tooltip")


def test_a_term_is_explained_on_hover_and_focus_and_escape_closes(visit):
    page = visit()
    open_tab(page, "Explore")
    token = term(page, "Token", ".mx")
    expect(tip(page)).to_have_count(0)
    token.hover()
    expect(tip(page)).to_contain_text("Token: ")
    assert serious_faults(page) == []
    tip(page).hover()  # a tip can be read with the pointer on it
    page.wait_for_timeout(400)
    expect(tip(page)).to_be_visible()
    page.mouse.move(2, 2)
    expect(tip(page)).to_have_count(0)
    # Escape closes a tip and leaves the pin of a cell
    page.locator("td[data-row][data-col]").first.click()
    expect(page.locator(".mx-readout .mx-free")).to_be_visible()
    token.focus()
    expect(token).to_have_attribute("aria-describedby", tip(page).get_attribute("id"))
    expect(token).to_have_accessible_description(tip(page).inner_text())
    page.keyboard.press("Escape")
    expect(tip(page)).to_have_count(0)
    expect(token).to_be_focused()
    expect(page.locator(".mx-readout .mx-free")).to_be_visible()
    # the Tab key reaches terms, and the next one closes this one's tip
    open_tab(page, "Learn")
    expect(term(page, "Region", "#learn")).to_be_visible()
    page.get_by_role("tab", name="Learn", exact=True).focus()
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('#learn .term')"):
            break
    expect(tip(page)).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(tip(page)).to_have_count(1)


def test_on_a_phone_a_tap_explains_and_nothing_is_cut_off(visit):
    page = visit(390, 844, has_touch=True, is_mobile=True)
    for tab in ("Explore", "Learn", "Diagnose"):
        open_tab(page, tab)
        marks = page.locator(".term:visible")
        expect(marks.first).to_be_visible()
        page.wait_for_timeout(600)
        for k in (0, marks.count() // 2, marks.count() - 1):
            mark = marks.nth(k)
            mark.evaluate("(mark) => mark.scrollIntoView({block: 'center'})")
            mark.tap()
            expect(tip(page)).to_be_visible()
            box = tip(page).bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= 390
            assert box["y"] >= 0
            assert box["y"] + box["height"] <= 844
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.touchscreen.tap(5, 840)
        expect(tip(page)).to_have_count(0)


def test_each_term_is_marked_once_in_a_part_and_what_is_written_anew_too(visit):
    page = visit(scheme="dark")
    for tab in ("Diagnose", "Explore", "Learn"):
        open_tab(page, tab)
        expect(page.locator(".term:visible").first).to_be_visible()
    page.wait_for_timeout(600)
    term(page, "Query", "#learn").hover()
    expect(tip(page)).to_be_visible()
    assert serious_faults(page) == []
    assert set(page.evaluate(ONCE)) == {0}
    assert page.locator(":is(a, button, label, svg, [aria-live]) .term").count() == 0
    # the sentence of another head is written anew: the same text, with its marks
    open_tab(page, "Explore")
    sentence = page.locator('[data-part="heads-hint"]')
    expect(sentence.locator(".term").first).to_be_visible()
    before = sentence.text_content()
    page.locator('[data-part="map"] input').nth(1).check()
    expect(sentence).not_to_have_text(before)
    expect(sentence.locator(".term").first).to_be_visible()
    assert set(page.evaluate(ONCE)) == {0}
    open_tab(page, "Diagnose")
    page.locator("#order").get_by_label("Detector's order").check()
    expect(page.locator("#regions .term").first).to_be_visible()
