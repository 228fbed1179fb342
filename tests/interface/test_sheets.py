"""The current case as a handout or worksheet, with all that was computed, as a download."""

from dataclasses import replace
from pathlib import Path

import pytest
from browser_helpers import choose_class, open_tab
from pdf_text import pages, words
from playwright.sync_api import Page, expect

from interface.state.session import Session, diagnose_image, fork_session, rediagnose
from interface.tabs.export_pdf import UPLOAD_SOURCE, caveats, compute_missing, handout_of, titles, worksheet_of
from interface.tabs.question_ablation import ablation_html
from interface.tabs.question_uncertainty import uncertainty_html
from mat_core import DISCLAIMER, Metadata
from mat_core.data.ham10000 import ATTRIBUTION
from mat_core.data.labels import BY_CODE
from mat_core.explain.occlusion_image import CancelledError
from mat_core.utils.formatting import format_percent
from teaching.cases.example import Example
from teaching.sentences import truth_text
from teaching.translations import text


@pytest.fixture
def case(tiny_diagnoser, phantom_file) -> Session:
    return diagnose_image(tiny_diagnoser, str(phantom_file), Metadata(55, "female", "back"))


def example(**more) -> Example:
    return Example(**{"name": "ISIC_1", "path": Path(), "metadata": Metadata(), "diagnosis": "nv", "synthetic": False}
                   | more)  # fmt: skip


@pytest.mark.slow
def test_handout_has_the_results_of_the_tabs(tiny_diagnoser, case):
    uncertainty_html(tiny_diagnoser, case, "")
    text = words(handout_of(tiny_diagnoser.bundle, case, ""))
    assert case.results["doubted"].summary() in text
    assert text.count("not computed") == 2
    ablation_html(tiny_diagnoser, case, "")
    text = words(handout_of(tiny_diagnoser.bundle, case, "df"))
    assert case.results["taken"].summary("df") in text
    assert text.count("not computed") == 1


def test_results_belong_to_one_answer(tiny_diagnoser, case):
    uncertainty_html(tiny_diagnoser, case, "")
    assert rediagnose(tiny_diagnoser, case, Metadata(30)).results == {}
    assert fork_session(case).results == {}
    assert replace(case, is_stale=True).results["doubted"] is case.results["doubted"]


@pytest.mark.slow
def test_missing_results_are_computed_once(tiny_diagnoser, case):
    uncertainty_html(tiny_diagnoser, case, "")
    known, told = case.results["doubted"], []
    compute_missing(tiny_diagnoser, case, lambda done_of, unit: told.append(done_of[0] / done_of[1]))
    assert case.results["doubted"] is known
    assert set(case.results) == {"doubted", "taken", "hidden"}
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1)
    assert "not computed" not in words(handout_of(tiny_diagnoser.bundle, case, ""))
    told.clear()
    compute_missing(tiny_diagnoser, case, lambda done_of, unit: told.append(done_of[0] / done_of[1]))
    assert told == []


def test_another_answer_cancels_the_computation(tiny_diagnoser, case):
    case.cancelled.set()
    with pytest.raises(CancelledError):
        compute_missing(tiny_diagnoser, case, lambda *_, **__: None)
    assert "hidden" not in case.results


def test_title_and_source_of_the_photograph(case):
    assert titles(case) == ("", UPLOAD_SOURCE)
    assert titles(replace(case, example=example(synthetic=True, note="For ISIC_2."))) == (
        "Case: ISIC_1",
        f"{text('note.phantom')} For ISIC_2.",
    )
    assert titles(replace(case, example=example())) == ("Case: ISIC_1", ATTRIBUTION)
    assert titles(replace(case, example=example(note="Ann; CC-0.")))[1] == "Ann; CC-0."


@pytest.mark.slow
def test_ground_truth_stands_on_the_teachers_page_only(case):
    assert truth_text(example()) == "Melanocytic nevus, as confirmed"
    assert truth_text(example(synthetic=True)) == "Melanocytic nevus: what it was drawn to look like"
    assert truth_text(example(diagnosis="")) == ""
    for shown, said in (
        (case, "Not known."),
        (replace(case, example=example()), "Melanocytic nevus, as confirmed"),
        (replace(case, example=example(diagnosis="", synthetic=True)), "Not known."),  # a house
    ):
        first, second = pages(worksheet_of(shown, ""))
        assert said in second
        assert said not in first


def test_missing_calibration_is_a_caveat(tiny_diagnoser):
    assert caveats(tiny_diagnoser.bundle) == ["How often answers of this model are right has not been measured."]


# ---------------------------------------------------------------- in the browser


def download(page: Page, button: str) -> tuple[str, bytes]:
    """The name and the bytes of the file that a button gives."""
    expect(page.locator("#sheet-note .note-error")).to_have_count(0)
    with page.expect_download() as coming:
        page.get_by_role("button", name=button).click()
    return coming.value.suggested_filename, Path(coming.value.path()).read_bytes()


def test_handout_and_worksheet_of_the_current_case_are_downloaded(visit):
    page = visit()
    page.locator("#age input").fill("71")
    expect(page.locator("#strip .who")).to_contain_text("age 71")
    name, pdf = download(page, "Handout (PDF)")
    said = words(pdf)
    assert name == "handout.pdf"
    top = page.locator("#answer [data-top]").get_attribute("data-top")
    p = float(page.locator(f"#answer li[data-code={top}]").get_attribute("data-probability"))
    for part in ("Case: Synthetic 1", "71 years", BY_CODE[top].name, format_percent(p), DISCLAIMER,
                 text("note.phantom").split(":")[0], "Test-time augmentation: not computed."):  # fmt: skip
        assert part in said
    # results of a tab since then are on the next one, for the target class
    open_tab(page, "Question")
    open_tab(page, "Doubt")
    expect(page.locator("#doubt-view .verdict")).to_be_visible()
    choose_class(page, "Dermatofibroma")
    open_tab(page, "Diagnose")
    said = words(download(page, "Handout (PDF)")[1])
    assert "of 8 views give" in said
    assert "Target class: Dermatofibroma." in said or top == "df"
    name, pdf = download(page, "Worksheet (PDF)")
    first, second = pages(pdf)
    assert name == "worksheet.pdf"
    assert "Where would you look first?" in first
    assert "what it was drawn to look like" in second
    assert "what it was drawn to look like" not in first
    expect(page.locator("#sheet-note .note-error")).to_have_count(0)


def test_missing_results_are_computed_on_request(visit):
    page = visit(width=390, height=800)
    page.locator("#sheet-asks input").check()
    said = words(download(page, "Handout (PDF)")[1])
    assert "not computed" not in said
    assert "Each tile was hidden alone" in said
