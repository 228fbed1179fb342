"""Paper for a class: about the case on the screen with what has been found of it, downloaded, and on no disk."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from browsing import PATIENCE, open_tab
from papers import pages, words
from PIL import Image
from playwright.sync_api import Page, expect

from interface.examples import DRAWN, Example
from interface.session import Session, analyse, answer_again, for_visitor
from interface.views.doubt import doubt_html
from interface.views.sheets import OWN, ask_all, caveats, handout_of, titles, worksheet_of
from interface.views.take_away import ablation_html
from mat_core import DISCLAIMER, Metadata
from mat_core.explain.scene import StoppedError
from mat_core.ham10000 import ATTRIBUTION
from mat_core.labels import BY_CODE
from mat_core.wording import share


@pytest.fixture
def case(tiny_diagnoser, phantom_file) -> Session:
    return analyse(tiny_diagnoser, str(phantom_file), Metadata(55, "female", "back"))


def example(**more) -> Example:
    return Example(**{"name": "ISIC_1", "path": Path(), "metadata": Metadata(), "diagnosis": "nv", "synthetic": False}
                   | more)  # fmt: skip


@pytest.mark.slow
def test_what_views_have_found_is_on_the_handout_and_what_they_have_not_is_said(tiny_diagnoser, case):
    doubt_html(tiny_diagnoser, case, "")
    said = words(handout_of(tiny_diagnoser.bundle, case, "", "pdf"))
    assert case.found["doubted"].sentence() in said
    assert "Taking away: not asked." in said
    ablation_html(tiny_diagnoser, case, "")
    said = words(handout_of(tiny_diagnoser.bundle, case, "df", "pdf"))
    assert case.found["taken"].sentence("df").split(",")[0] in said
    assert "Hiding parts: not asked." in said


def test_what_was_found_belongs_to_one_answer(tiny_diagnoser, case):
    doubt_html(tiny_diagnoser, case, "")
    assert answer_again(tiny_diagnoser, case, Metadata(30)).found == {}
    assert for_visitor(case).found == {}
    assert replace(case, stale=True).found["doubted"] is case.found["doubted"]


@pytest.mark.slow
def test_all_that_is_missing_is_asked_once(tiny_diagnoser, case):
    doubt_html(tiny_diagnoser, case, "")
    known, told = case.found["doubted"], []
    ask_all(tiny_diagnoser, case, lambda share, text: told.append(share))
    assert case.found["doubted"] is known
    assert set(case.found) == {"doubted", "taken", "hidden"}
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1)
    assert "not asked" not in words(handout_of(tiny_diagnoser.bundle, case, "", "pdf"))
    told.clear()
    ask_all(tiny_diagnoser, case, lambda share, text: told.append(share))
    assert told == []


def test_another_answer_stops_the_asking(tiny_diagnoser, case):
    case.over.set()
    with pytest.raises(StoppedError):
        ask_all(tiny_diagnoser, case, lambda *_: None)
    assert "hidden" not in case.found


def test_whose_the_photograph_is(case):
    assert titles(case) == ("", OWN)
    assert titles(replace(case, example=example(synthetic=True, note="For ISIC_2."))) == (
        "Case: ISIC_1",
        f"{DRAWN} For ISIC_2.",
    )
    assert titles(replace(case, example=example())) == ("Case: ISIC_1", ATTRIBUTION)
    assert titles(replace(case, example=example(note="Ann; CC-0.")))[1] == "Ann; CC-0."


@pytest.mark.slow
def test_what_it_is_is_said_where_it_is_known(case):
    assert example().truth() == "Melanocytic nevus, as confirmed."
    assert example(synthetic=True).truth() == "Melanocytic nevus: what it was drawn to look like."
    assert example(diagnosis="").truth() == ""
    for shown, said in (
        (case, "Nobody has said what it is"),
        (replace(case, example=example()), "Melanocytic nevus, as confirmed."),
        (replace(case, example=example(diagnosis="", synthetic=True)), "Nobody has said what it is"),  # a house
    ):
        first, second = pages(worksheet_of(shown, ""))
        assert said in second
        assert said not in first


def test_calibration_is_a_caveat_and_nothing_is_said_twice(tiny_diagnoser):
    assert caveats(tiny_diagnoser.bundle) == ["How often answers of this model are right has not been measured."]


# ---------------------------------------------------------------- in the browser


def download(page: Page, button: str) -> tuple[str, bytes]:
    """The name and the bytes of the file that a button gives."""
    expect(page.locator("#sheet-note .note-error")).to_have_count(0)
    with page.expect_download(timeout=PATIENCE) as coming:
        page.get_by_role("button", name=button).click()
    return coming.value.suggested_filename, Path(coming.value.path()).read_bytes()


def test_the_handout_of_the_case_on_the_screen_is_downloaded(visit):
    page = visit()
    page.locator("#age input").fill("71")
    expect(page.locator("#strip .who")).to_contain_text("age 71", timeout=PATIENCE)
    name, pdf = download(page, "Handout (PDF)")
    said = words(pdf)
    assert name == "handout.pdf"
    top = page.locator("#answer [data-top]").get_attribute("data-top")
    p = float(page.locator(f"#answer li[data-code={top}]").get_attribute("data-probability"))
    for text in ("Case: Synthetic 1", "71 years", BY_CODE[top].name, share(p), DISCLAIMER, DRAWN.split(":")[0],
                 "Turning and mirroring the picture: not asked."):  # fmt: skip
        assert text in said
    # what a view has found since is on the next one, for the class in question
    open_tab(page, "Question")
    open_tab(page, "Doubt")
    expect(page.locator("#doubt-view .verdict")).to_be_visible(timeout=PATIENCE)
    page.locator("#question-class input").click()
    page.get_by_role("option", name="Dermatofibroma").click()
    open_tab(page, "Diagnose")
    said = words(download(page, "Handout (PDF)")[1])
    assert "of 8 views give" in said
    assert "The class in question: Dermatofibroma." in said or top == "df"
    name, png = download(page, "Handout (PNG)")
    assert name == "handout.png"
    assert Image.open(io.BytesIO(png)).size == (1240, 1753)
    name, pdf = download(page, "Worksheet (PDF)")
    first, second = pages(pdf)
    assert name == "worksheet.pdf"
    assert "Where would you look first?" in first
    assert "what it was drawn to look like" in second
    assert "what it was drawn to look like" not in first
    expect(page.locator("#sheet-note .note-error")).to_have_count(0)


def test_it_can_be_asked_to_ask_first(visit):
    page = visit(width=390, height=800)
    page.locator("#sheet-asks input").check()
    said = words(download(page, "Handout (PDF)")[1])
    assert "not asked" not in said
    assert "Each tile was hidden alone" in said
