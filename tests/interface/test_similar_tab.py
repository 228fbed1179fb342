"""The tab Similar cases and the stages in Learn: with and without photographs, without an index; and the endpoints."""

import re
from dataclasses import replace
from html import unescape

import numpy as np
import pytest
from browser_helpers import EventLog, open_tab, serious_faults, uncovered, wait_for_answer
from conftest import make_app, served
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from playwright.sync_api import expect

from interface.components.stages_chart import stages_html
from interface.state.session import diagnose_image
from interface.tabs.question_similar import SHOWN, similar_html
from mat_core import Diagnoser, Metadata
from mat_core.data.ham10000 import read_dataset
from mat_core.data.labels import class_title
from mat_core.explain import answer_stages, similar_cases
from mat_core.inference.case_index import CaseIndex, IndexedCase
from teaching.cases.library import CaseLibrary, open_library
from teaching.phantoms import write_phantom_dataset

PATIENT = Metadata(55, "female", "lower extremity")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A small HAM10000 of phantoms."""
    return write_phantom_dataset(tmp_path_factory.mktemp("data"), per_class=4)


@pytest.fixture(scope="module")
def indexed(tiny_diagnoser, folder) -> Diagnoser:
    """The tiny model with an index whose vectors are random and whose cases are those of the folder."""
    cases = [IndexedCase(c.image_id, c.diagnosis, c.metadata) for c in read_dataset(folder, None).cases]
    vectors = np.random.default_rng(0).normal(size=(len(cases), 32)).astype(np.float32)
    return Diagnoser(replace(tiny_diagnoser.bundle, case_index=CaseIndex.fit(vectors, cases, 8)))


@pytest.fixture(scope="module")
def case(indexed, phantom_file):
    return diagnose_image(indexed, str(phantom_file), PATIENT)


def text_of(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())


def test_cases_have_photographs_where_the_folder_has_them(indexed, case, folder, tmp_path):
    result = similar_cases(indexed, case.diagnosis)
    with_folder = similar_html(indexed, open_library(folder, True, tmp_path)[0], case, "")
    without = similar_html(indexed, CaseLibrary(), case, "")
    for html, pictures in ((with_folder, SHOWN), (without, 0)):
        assert html.count("<img ") == pictures
        assert re.findall(r'data-case-id="(\w+)"', html) == [each.image_id for each in result.cases[:SHOWN]]
        for code, count in result.counts.items():
            assert f"{count} {class_title(code)}" in text_of(html)
        assert ("--data" in html) == (not pictures)


def test_a_model_without_an_index_says_so(tiny_diagnoser, case):
    html = similar_html(tiny_diagnoser, CaseLibrary(), case, "")
    assert "note-info" in html
    assert "<ol" not in html


def test_accuracy_stands_beside_the_models_own(indexed, case):
    def figure(value):
        return {"value": value, "interval95": [value - 0.05, value + 0.05]}

    test = {"acc": figure(0.85), "balanced_acc": figure(0.75)}
    test["similar_cases"] = {"k": 20, "acc": figure(0.8), "balanced_acc": figure(0.6)}
    measured = Diagnoser(replace(indexed.bundle, metrics={"test": test}))
    html = text_of(similar_html(measured, CaseLibrary(), case, ""))
    for number in ("80.0% (75.0% – 85.0%)", "60.0% (55.0% – 65.0%)", "85.0%", "75.0%"):
        assert number in html


def test_a_stage_that_changes_nothing_says_so(indexed, case):
    result = answer_stages([indexed], case.diagnosis)
    assert result.stages == ("class head", "guided")
    assert "another answer" in stages_html(result) or result.tops[0] == result.tops[1]
    same = replace(result, probabilities=np.tile(result.probabilities[:1], (2, 1)))
    assert "Practically nothing changes." in stages_html(same)
    assert "Practically nothing changes." not in stages_html(result)


@pytest.mark.slow
def test_the_endpoints_answer_as_the_core(indexed, phantom_file, tmp_path, app_url):
    expected = similar_cases(indexed, indexed(phantom_file, PATIENT), k=5)
    patient = {"age": 55, "sex": "female", "localization": "lower extremity"}
    with served(make_app(indexed, tmp_path)) as url:
        client = Client(url, verbose=False)
        arguments = {"image": handle_file(phantom_file), **patient}
        answer = client.predict(**arguments, count=5, api_name="/similar_cases")
        assert [each["image_id"] for each in answer["cases"]] == [each.image_id for each in expected.cases]
        assert answer["cosines"] == pytest.approx(expected.cosines.tolist(), abs=1e-6)
        assert (answer["counts"], answer["sentence"]) == (expected.counts, expected.summary())
        with pytest.raises(AppError, match="count must be"):
            client.predict(**arguments, count=0, api_name="/similar_cases")
        staged = client.predict(**arguments, api_name="/stages")
        assert staged["stages"] == ["class head", "guided"]
        assert staged["probabilities"][1] == list(indexed(phantom_file, PATIENT).probabilities.values())
    with pytest.raises(AppError, match="no index"):
        Client(app_url, verbose=False).predict(**arguments, api_name="/similar_cases")


@pytest.mark.browser
@pytest.mark.slow
def test_the_page_shows_them_when_the_tab_is_opened(visit, indexed, folder, tmp_path):
    library, _ = open_library(folder, True, tmp_path)
    for pictures, own in ((SHOWN, library), (0, CaseLibrary(folder=tmp_path))):
        with served(make_app(indexed, tmp_path, own)) as url:
            page = visit(390 if pictures else 1280, url=url)
            wait_for_answer(page)
            expect(page.locator("#similar-view")).to_have_count(0)
            events = EventLog(page)
            page.goto(f"{url}#similar-cases")
            expect(page.locator("#similar-view .similar li")).to_have_count(SHOWN)
            uncovered(page)
            expect(page.locator("#similar-view .similar img")).to_have_count(pictures)
            events.wait()  # a view that is asked again is faint
            assert serious_faults(page) == []
            if not pictures:
                open_tab(page, "Learn")
                expect(page.locator("#stages-view article")).to_have_count(2)
            page.close()
