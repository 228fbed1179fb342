"""The named cases in headless Chromium, offline: filtered, opened, and said to be drawings."""

import pytest
from browser_helpers import serious_faults, wait_for_answer
from conftest import make_app, served
from playwright.sync_api import expect

from teaching.cases.library import open_library

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_a_missed_melanoma_is_found_and_opened_as_a_drawing_that_says_so(visit, tiny_diagnoser, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))  # as for somebody who has no picture yet
    library, _ = open_library(None, True, tmp_path)
    with served(make_app(tiny_diagnoser, tmp_path, library)) as url:
        page = visit(url=url)
        wait_for_answer(page)
        book = page.locator("#casebook")
        book.get_by_text(f"{len(library.cases)} real cases by name").click()
        expect(book.locator("[data-case]:visible")).to_have_count(len(library.cases))
        book.locator("[data-filter=diagnosis]").select_option("mel")
        book.locator("[data-filter=verdict]").select_option("wrong")
        wanted = [case.id for case in library.cases if case.is_of("mel", "wrong")]
        shown = book.locator("[data-case]:visible")
        assert [shown.nth(i).get_attribute("data-case") for i in range(shown.count())] == wanted
        expect(book.locator("[data-part=count]")).to_have_text(f"{len(wanted)} of {len(library.cases)} cases.")
        assert serious_faults(page) == []
        case = next(case for case in library.cases if case.missed)
        book.locator(f"[data-case={case.id}]").click()
        expect(page.locator("#answer .provenance")).to_contain_text(f"A phantom stands in for {case.id}: a drawing")
        expect(page.locator("#age input")).to_have_value(str(case.metadata.age))
        expect(book.locator("[data-case]:visible")).to_have_count(len(wanted))  # the filter stays
        page.close()
