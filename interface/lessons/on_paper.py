"""A lesson on paper: pages with its questions for a class, and the teacher's notes with what was computed."""

from collections.abc import Callable

import numpy as np

from mat_core.handout import known_of
from mat_core.questionnaire import Part, Section, questionnaire

from .cases import LessonCases, Tell
from .known import Known
from .lesson import CaseOf, Lesson, Page, Predict, Step
from .markdown import to_paragraphs
from .named import unit_of
from .values import NAMES, value_of

Say = Callable[..., str]  # of a key of words.json, and what goes into its braces
BLANK = "_______"


def lesson_sheet(lesson: Lesson, cases: LessonCases, say: Say, tell: Tell = lambda share, text: None) -> bytes:
    """The bytes of a PDF file. say: what the paper says around the lesson, in its language.

    The class has the steps that ask something; what a question asks for is blank in every text of its pages.
    """
    secret = {_place(step.page, step.predict.truth) for step in lesson.steps if step.predict}
    questions: list[tuple[Page, Known, Part]] = []
    notes: list[tuple[Page, Known, Part]] = []
    for number, step in enumerate(lesson.steps, start=1):
        tell((number - 1) / len(lesson.steps), step.title)
        known, heading = cases.known(step.page), f"{number}. {step.title}"
        notes.append((step.page, known, _note(heading, step, known, say)))
        if step.predict is not None:
            questions.append((step.page, known, _question(heading, step, step.predict, known, secret, say)))
    about = (
        say("sheet-about", minutes=lesson.minutes, steps=len(lesson.steps), audience=lesson.audience),
        say("sheet-computed"),
    )
    disclaimer = say("sheet-disclaimer")
    return questionnaire(
        [
            Section(lesson.title, _with_cases(questions, say, False), say("sheet-name"), (), disclaimer),
            Section(say("sheet-notes", title=lesson.title), _with_cases(notes, say, True), "", about, disclaimer),
        ]
    )


def _place(page: Page, name: str) -> tuple[CaseOf, tuple, str]:
    return page.case, page.changes, name


def _question(heading: str, step: Step, predict: Predict, known: Known, secret: set, say: Say) -> Part:
    """A step for the class: what is said before its question, which is answered in no text."""
    text = to_paragraphs(
        step.text, lambda name: BLANK if _place(step.page, name) in secret else value_of(name, known).text
    )
    return Part(
        heading, text, question=predict.question, choices=tuple(said for _, said in predict.choices),
        line="" if predict.choices else _line(predict, say), box=say("sheet-why"),
    )  # fmt: skip


def _line(predict: Predict, say: Say) -> str:
    unit = unit_of(NAMES[predict.truth])
    span = f"{predict.least:g}\N{EN DASH}{predict.most:g}{unit and ' ' + unit}"
    return f"{say('your-number')} ({span}): {BLANK}{BLANK}"


def _note(heading: str, step: Step, known: Known, say: Say) -> Part:
    """A step for the teacher, with the truth and what is said with it."""

    def filled(text: str) -> tuple[str, ...]:
        return to_paragraphs(text, lambda name: value_of(name, known).text)

    if step.predict is None:
        return Part(heading, filled(step.text))
    value = value_of(step.predict.truth, known)
    truth = dict(step.predict.choices).get(value.key or "", value.text)
    return Part(
        heading, filled(step.text), question=step.predict.question, answer=say("sheet-answer", answer=truth),
        then=filled(step.revealed),
    )  # fmt: skip


def _with_cases(parts: list[tuple[Page, Known, Part]], say: Say, for_teacher: bool) -> list[Part]:
    """The parts, and before each that is about another case than the one before it, that case."""
    found: list[Part] = []
    before: Page | None = None
    for page, known, part in parts:
        if before is None or (page.case, page.changes) != (before.case, before.changes):
            picture = known.session.image() if before is None or page.case != before.case else None
            found.append(_case(known, picture, say, for_teacher))
        found.append(part)
        before = page
    return found


def _case(known: Known, picture: np.ndarray | None, say: Say, for_teacher: bool) -> Part:
    example = known.session.example
    assert example is not None  # LessonCases gives every session one
    patient = say("sheet-patient", patient=known_of(known.diagnosis.metadata))
    if picture is None:
        return Part("", (patient,))
    truth = (say("sheet-truth", truth=example.truth()),) if for_teacher and example.truth() else ()
    return Part("", (say("sheet-case", case=example.name), patient, *truth, example.source()), picture)
