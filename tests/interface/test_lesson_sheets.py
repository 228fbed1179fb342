"""Worksheets of lessons: questions for the class without their answers, all values for the teacher."""

import re
from dataclasses import replace

import pytest
from pdf_text import pages

from interface.frontend.translations import language_codes, read_language
from interface.lessons.catalog import LessonCatalog, open_catalog
from interface.lessons.markdown import to_paragraphs
from interface.lessons.service import LessonService
from interface.lessons.value_registry import evaluate
from interface.lessons.worksheet import BLANK
from mat_core import DISCLAIMER, DataError
from teaching.cases.library import CaseLibrary

CATALOG = open_catalog()
QUICK = [lesson.name for lesson in CATALOG.lessons() if lesson.name != "attention-is-not-explanation"]


@pytest.fixture(scope="module")
def service(tiny_diagnoser, tmp_path_factory) -> LessonService:
    return LessonService(tiny_diagnoser, CaseLibrary(folder=tmp_path_factory.mktemp("drawings")), CATALOG)


def parted(pdf: bytes, notes: str) -> tuple[str, str]:
    """The text for the class and that for the teacher."""
    found = pages(pdf)
    at = next(at for at, page in enumerate(found) if page.startswith(notes))
    return " ".join(found[:at]), " ".join(found[at:])


@pytest.mark.slow
@pytest.mark.parametrize("name", [*QUICK, "attention-is-not-explanation"])
def test_questions_for_the_class_and_answers_for_the_teacher(service, name):
    lesson = CATALOG.lesson(name)
    first, second = parted(service.worksheet(name, "en"), "Teacher's notes: ")
    for text in (lesson.title, DISCLAIMER, "Name: ____", "Why do you think so?"):
        assert text in first
    assert f"Teacher's notes: {lesson.title}" in second
    answers = 0
    for number, step in enumerate(lesson.steps, start=1):
        assert f"{number}. {step.title}" in second
        assert (f"{number}. {step.title}" in first) == (step.predict is not None)
        if step.predict is None:
            continue
        answers += 1
        facts = service._cases.load(step.page)
        for text in (step.predict.question, *dict(step.predict.choices).values()):
            assert " ".join(text.split()) in first
        truth = step.predict.wording(evaluate(step.predict.truth, facts))
        assert f"{step.predict.question} What to expect: {truth}" in second
        for paragraph in to_paragraphs(step.revealed, lambda name, facts=facts: evaluate(name, facts).text):
            assert paragraph in second
            assert paragraph not in first
    assert second.count("What to expect: ") == answers
    assert "{{" not in first + second
    assert "{" not in re.sub(r"\{\{.*?\}\}", "", first + second)


@pytest.mark.slow
def test_answers_are_blank_in_the_texts_of_the_class(service):
    """Also where a later step quotes what an earlier one asked."""
    lesson = CATALOG.lesson("query-key-value")
    one = replace(lesson.steps[1], text="It is {{ asked.dot }}, of {{ width }}.")
    other = replace(one, page=one.page.model_copy(update={"age": "30"}), predict=None)
    asks = replace(other, predict=lesson.steps[3].predict.model_copy(update={"truth": "asked.weight"}))
    catalog = LessonCatalog({"en": (replace(lesson, steps=(one, other, asks)),)}, {"en": CATALOG.words["en"]})
    service = LessonService(service._cases._diagnoser, service._cases._library, catalog)
    first, second = parted(service.worksheet("query-key-value", "en"), "Teacher's notes: ")
    facts, changed = (service._cases.load(step.page) for step in (one, other))
    width = evaluate("width", facts).text
    assert f"It is {BLANK}, of {width}." in first
    assert f"It is {evaluate('asked.dot', facts).text}, of {width}." in second
    assert f"It is {evaluate('asked.dot', changed).text}, of {width}." in first  # of another patient: nobody asks
    assert "The patient: 30 years" in first


@pytest.mark.slow
def test_worksheet_is_translated(service):
    first, second = parted(service.worksheet("what-it-reads", "de"), "Für die Lehrkraft: ")
    german = CATALOG.lesson("what-it-reads", "de")
    for text in (
        german.title,
        german.steps[1].predict.question,
        "Datum:",
        "kein Medizinprodukt",
        "Ihre Zahl (0\N{EN DASH}20)",
    ):
        assert text in first
    assert "Zu erwarten: " in second
    for language in language_codes():  # one wording for page and paper
        assert CATALOG.words[language]["sheet-disclaimer"] == read_language(language)["masthead.disclaimer"]
    assert CATALOG.words["en"]["sheet-disclaimer"] == DISCLAIMER


@pytest.mark.slow
def test_every_case_is_shown_and_its_truth_is_for_the_teacher(service):
    first, second = parted(service.worksheet("the-word-that-leaks", "en"), "Teacher's notes: ")
    for case in ("The case: Drawing 18.", "The case: Drawing 4."):
        assert case in first
        assert case in second
    said = "What it is: Melanoma: what it was drawn to look like."
    assert said in second
    assert said not in first


def test_unknown_lesson_is_rejected(service):
    for name in ("nothing", None, 7, ["heads"]):
        with pytest.raises(DataError, match=r"There is no lesson .*; there are what-it-reads, .*thresholds") as caught:
            service.worksheet(name, "en")
        assert len(str(caught.value)) < 600
