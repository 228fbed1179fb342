"""The named cases in headless Chromium, with an app that may ask nobody: filtered, opened, and said to be drawings."""

import pytest
from browsing import PATIENCE, serious_faults
from conftest import app_process
from playwright.sync_api import expect

from mat_core.named_cases import read_cases

pytestmark = [pytest.mark.browser, pytest.mark.slow]
CASES, _ = read_cases()


def test_a_missed_melanoma_is_found_and_opened_as_a_drawing_that_says_so(browser, tiny_bundle, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))  # as for somebody who has no picture yet
    with app_process("--checkpoint", tiny_bundle, "--offline", temporary=tmp_path) as (url, _):
        context = browser.new_context()
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(url)
        expect(page.locator("#answer .bars li")).to_have_count(7)
        book = page.locator("#casebook")
        book.get_by_text(f"{len(CASES)} real cases by name").click()
        expect(book.locator("[data-case]:visible")).to_have_count(len(CASES))
        book.locator("[data-filter=diagnosis]").select_option("mel")
        book.locator("[data-filter=verdict]").select_option("wrong")
        wanted = [case.id for case in CASES if case.is_of("mel", "wrong")]
        shown = book.locator("[data-case]:visible")
        assert [shown.nth(i).get_attribute("data-case") for i in range(shown.count())] == wanted
        expect(book.locator("[data-part=count]")).to_have_text(f"{len(wanted)} of {len(CASES)} cases.")
        assert serious_faults(page) == []
        case = next(case for case in CASES if case.missed)
        book.locator(f"[data-case={case.id}]").click()
        expect(page.locator("#answer .provenance")).to_contain_text(f"A phantom stands in for {case.id}: a drawing")
        expect(page.locator("#age input")).to_have_value(str(case.metadata.age))
        expect(book.locator("[data-case]:visible")).to_have_count(len(wanted))  # the filter stays
        context.close()
