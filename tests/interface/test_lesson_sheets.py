"""A lesson on paper: its questions for the class, without their answers; for the teacher every number, computed."""

import re
from dataclasses import replace

import pytest
from papers import pages

from interface.languages import read_languages
from interface.lessons.markdown import to_paragraphs
from interface.lessons.on_paper import BLANK
from interface.lessons.room import LessonRoom
from interface.lessons.shelf import Shelf, open_shelf
from interface.lessons.values import value_of
from interface.library.library import Library
from mat_core import DISCLAIMER, DataError

SHELF = open_shelf()
QUICK = [lesson.name for lesson in SHELF.lessons() if lesson.name != "attention-is-not-explanation"]


@pytest.fixture(scope="module")
def room(tiny_diagnoser, tmp_path_factory) -> LessonRoom:
    return LessonRoom(tiny_diagnoser, Library(folder=tmp_path_factory.mktemp("drawings")), SHELF)


def parted(pdf: bytes, notes: str) -> tuple[str, str]:
    """What the class and what the teacher reads."""
    found = pages(pdf)
    at = next(at for at, page in enumerate(found) if page.startswith(notes))
    return " ".join(found[:at]), " ".join(found[at:])


@pytest.mark.slow
@pytest.mark.parametrize("name", [*QUICK, "attention-is-not-explanation"])
def test_every_question_is_asked_and_answered_for_the_teacher_alone(room, name):
    lesson = SHELF.lesson(name)
    told: list[float] = []
    first, second = parted(room.sheet(name, "en", lambda share, text: told.append(share)), "Teacher's notes: ")
    assert told == sorted(told)
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
        known = room._cases.known(step.page)
        for text in (step.predict.question, *dict(step.predict.choices).values()):
            assert " ".join(text.split()) in first
        value = value_of(step.predict.truth, known)
        truth = dict(step.predict.choices).get(value.key or "", value.text)
        assert f"{step.predict.question} What to expect: {truth}" in second
        for paragraph in to_paragraphs(step.revealed, lambda name, known=known: value_of(name, known).text):
            assert paragraph in second
            assert paragraph not in first
    assert second.count("What to expect: ") == answers
    assert "{{" not in first + second
    assert "{" not in re.sub(r"\{\{.*?\}\}", "", first + second)


@pytest.mark.slow
def test_what_is_asked_is_blank_in_the_texts_of_the_class(room):
    """A later step may say what an earlier one asked."""
    lesson = SHELF.lesson("query-key-value")
    one = replace(lesson.steps[1], text="It is {{ asked.dot }}, of {{ width }}.")
    other = replace(one, page=replace(one.page, changes=(("age", "30"),)), predict=None)
    asks = replace(other, predict=replace(lesson.steps[3].predict, truth="asked.weight"))
    shelf = Shelf({"en": (replace(lesson, steps=(one, other, asks)),)}, {"en": SHELF.words["en"]})
    room = LessonRoom(room._cases._diagnoser, room._cases._library, shelf)
    first, second = parted(room.sheet("query-key-value", "en"), "Teacher's notes: ")
    known, changed = (room._cases.known(step.page) for step in (one, other))
    width = value_of("width", known).text
    assert f"It is {BLANK}, of {width}." in first
    assert f"It is {value_of('asked.dot', known).text}, of {width}." in second
    assert f"It is {value_of('asked.dot', changed).text}, of {width}." in first  # of another patient: nobody asks
    assert "The patient: 30 years" in first


@pytest.mark.slow
def test_a_sheet_speaks_the_readers_language_and_a_house_has_no_truth(room):
    first, second = parted(room.sheet("what-it-reads", "de"), "Für die Lehrkraft: ")
    german = SHELF.lesson("what-it-reads", "de")
    for text in (
        german.title,
        german.steps[1].predict.question,
        "Datum:",
        "kein Medizinprodukt",
        "Ihre Zahl (0\N{EN DASH}20)",
    ):
        assert text in first
    assert "Zu erwarten: " in second
    for language, texts in read_languages().texts.items():  # one wording for page and paper
        assert SHELF.words[language]["sheet-disclaimer"] == texts["masthead.disclaimer"]
    assert SHELF.words["en"]["sheet-disclaimer"] == DISCLAIMER


@pytest.mark.slow
def test_pictures_of_all_cases_are_there_and_what_they_are(room):
    first, second = parted(room.sheet("the-word-that-leaks", "en"), "Teacher's notes: ")
    for case in ("The case: Drawing 18.", "The case: Drawing 4."):
        assert case in first
        assert case in second
    said = "What it is: Melanoma: what it was drawn to look like."
    assert said in second
    assert said not in first


def test_a_lesson_that_there_is_not_is_told_with_all_that_there_are(room):
    for name in ("nothing", None, 7, ["heads"]):
        with pytest.raises(DataError, match=r"There is no lesson .*; there are what-it-reads, .*thresholds") as caught:
            room.sheet(name, "en")
        assert len(str(caught.value)) < 600


def test_lists_and_markup_become_paragraphs():
    source = "One *two*\nthree {{ a }}.\n\n- first\n- **second**\n\n3. third\n4. `x = 1`\n\n[link](http://a)"
    assert to_paragraphs(source, str.upper) == (
        'One "two" three A.', "\N{BULLET} first", "\N{BULLET} second", "3. third", "4. x = 1", "link",
    )  # fmt: skip
