"""A lesson as a PDF worksheet: its questions for a class, and the teacher's notes with the computed answers."""

from collections.abc import Callable

import numpy as np

from teaching.printing.questionnaire import Part, Section, questionnaire
from teaching.sentences import patient_text, source_texts, truth_text

from ..frontend.translations import named, translate
from .case_facts import CaseFacts
from .case_loader import CaseLoader
from .markdown import to_paragraphs
from .schema import Lesson, PageState, Prediction, Step
from .value_registry import VALUES, evaluate

Say = Callable[..., str]  # key of words.json and its placeholders -> message
BLANK = "_______"


def lesson_worksheet(lesson: Lesson, cases: CaseLoader, say: Say, language: str) -> bytes:
    """Return the PDF. The class gets the steps with a question; the answers are blank in all of their texts.

    say, language: of the lesson.
    """
    secrets = {_value_of_case(step.page, step.predict.truth) for step in lesson.steps if step.predict}
    questions: list[tuple[PageState, CaseFacts, Part]] = []
    notes: list[tuple[PageState, CaseFacts, Part]] = []
    for number, step in enumerate(lesson.steps, start=1):
        case, heading = cases.load(step.page), f"{number}. {step.title}"
        notes.append((step.page, case, _note(heading, step, case, say, language)))
        if step.predict is not None:
            questions.append((step.page, case, _question(heading, step, step.predict, case, secrets, say, language)))
    about = (
        say("sheet-about", minutes=lesson.minutes, steps=len(lesson.steps), audience=lesson.audience),
        say("sheet-computed"),
    )
    title, disclaimer = say("sheet-notes", title=lesson.title), say("sheet-disclaimer")
    return questionnaire(
        [
            Section(
                lesson.title, _with_cases(questions, say, language, False), say("sheet-name"), disclaimer=disclaimer
            ),
            Section(title, _with_cases(notes, say, language, True), about=about, disclaimer=disclaimer),
        ],
        language,
    )


def _value_of_case(page: PageState, name: str) -> tuple:
    return page.case, tuple(page.changes.items()), name


def _question(
    heading: str, step: Step, predict: Prediction, case: CaseFacts, secrets: set, say: Say, language: str
) -> Part:
    def shown(name: str) -> str:
        hidden = _value_of_case(step.page, name) in secrets
        return BLANK if hidden else translate(evaluate(name, case).text, language)

    text = to_paragraphs(step.text, shown)
    unit = translate(VALUES[predict.truth].unit, language)
    limits = translate(f"{predict.least:g}\N{EN DASH}{predict.most:g}", language) + (unit and f" {unit}")
    return Part(
        heading, text, question=predict.question,
        choices=tuple(translate(named(wording), language) for _, wording in predict.choices),
        line="" if predict.choices else f"{say('your-number')} ({limits}): {BLANK}{BLANK}", box=say("sheet-why"),
    )  # fmt: skip


def _note(heading: str, step: Step, case: CaseFacts, say: Say, language: str) -> Part:
    def shown(name: str) -> str:
        return translate(evaluate(name, case).text, language)

    text, then = (to_paragraphs(part, shown) for part in (step.text, step.revealed))
    if step.predict is None:
        return Part(heading, text)
    wording = step.predict.wording(evaluate(step.predict.truth, case))
    answer = say("sheet-answer", answer=translate(named(wording), language))
    return Part(heading, text, question=step.predict.question, answer=answer, then=then)


def _with_cases(
    parts: list[tuple[PageState, CaseFacts, Part]], say: Say, language: str, for_teacher: bool
) -> list[Part]:
    """The parts; before each that is about another case or patient than the one before it, that case."""
    result: list[Part] = []
    before: PageState | None = None
    for page, case, part in parts:
        same_case = before is not None and page.case == before.case
        if not same_case or page.changes != before.changes:
            result.append(_case(case, None if same_case else case.session.image, say, language, for_teacher))
        result.append(part)
        before = page
    return result


def _case(case: CaseFacts, picture: np.ndarray | None, say: Say, language: str, for_teacher: bool) -> Part:
    patient = say("sheet-patient", patient=translate(patient_text(case.diagnosis.metadata), language))
    if picture is None:
        return Part("", (patient,))
    truth = translate(truth_text(case.example), language)
    known = (say("sheet-truth", truth=f"{truth}."),) if for_teacher and truth else ()
    source = " ".join(translate(part, language) for part in source_texts(case.example))
    return Part("", (say("sheet-case", case=case.example.name), patient, *known, source), picture)
