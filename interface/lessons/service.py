"""What the page asks about lessons: a step with the numbers of its case, the truth, the case itself, the worksheet.

Predictions and progress stay in the browser and are never sent.
"""

import json
from dataclasses import dataclass, replace
from functools import partial

from mat_core import DataError, Diagnoser
from mat_core.data.image_encoding import data_uri
from mat_core.utils.validation import short_repr
from teaching.cases.library import CaseLibrary

from ..frontend.translations import named, translate
from ..server.upload_store import UPLOADS
from ..state.model_registry import ModelRegistry
from ..state.session import Session, fork_session
from .case_facts import CaseFacts
from .case_loader import CaseLoader
from .catalog import LessonCatalog, missing_cases
from .explorer_state import explorer_state
from .markdown import to_html
from .schema import TABS, Lesson, Prediction, Step
from .value_registry import VALUES, evaluate
from .worksheet import lesson_worksheet


@dataclass(frozen=True)
class Opening:
    """What a step does to the page. session: to be shown; None if the screen shows it already."""

    session: Session | None
    code: str
    settings: dict


class LessonService:
    """models: the models beside the app's own."""

    def __init__(
        self, diagnoser: Diagnoser, library: CaseLibrary, catalog: LessonCatalog, models: ModelRegistry | None = None
    ):
        self.catalog = catalog
        self._library = library
        self._cases = CaseLoader(diagnoser, library, models)

    def facts(self) -> dict:
        """Sent with the page: the lessons and the panel's messages by language, and the problems."""
        lessons = {
            language: [self._listed(lesson) for lesson in self.catalog.lessons(language)]
            for language in self.catalog.languages
        }
        problems = [*self.catalog.problems, *missing_cases(self.catalog.lessons(), self._library)]
        return {"lessons": lessons, "words": self.catalog.words, "problems": problems}

    def step(self, request: dict) -> dict:
        """The step of {'lesson', 'at', 'language'}, its question without the answer. Raises UserError."""
        lesson, step, language = self._requested(request)
        case = self._cases.load(step.page)
        return {
            "title": step.title, "html": _html(step.text, case, language), "shows": step.shows,
            "waits": step.page.wait and step.predict is not None, "tab": step.page.tab,
            "asks": step.predict and _question(step.predict, language),
            "note": translate(case.example.note, language), "steps": len(lesson.steps),
        }  # fmt: skip

    def truth(self, request: dict) -> dict:
        """The computed answer to a step's question, and the text shown with it. Raises UserError."""
        _, step, language = self._requested(request)
        if step.predict is None:
            raise DataError("This step has no question.")
        case = self._cases.load(step.page)
        value = evaluate(step.predict.truth, case)
        return {
            "text": translate(named(step.predict.wording(value)), language), "key": value.key, "number": value.number,
            "html": _html(step.revealed, case, language),
        }  # fmt: skip

    def opening(self, request: dict, current: Session | None) -> Opening:
        """What a step sets; current: what the screen shows. Raises UserError."""
        _, step, _ = self._requested(request)
        case = self._cases.load(step.page)
        page, session = step.page, case.session
        settings = {
            "tab": page.tab, "explore": explorer_state(page, case) if page.tab == "explore" else None,
            "temperature": page.temperature, "look": TABS[page.tab].get(page.look),
            "hide": list(case.tiles(page.hide)) if page.hide not in (None, "none") else None,
        }  # fmt: skip
        if current is not None and not current.is_stale and _shows_same(current, session):
            return Opening(None, page.code, settings | {"key": current.key})
        session = replace(fork_session(session), source=UPLOADS.keep(case.example.path.resolve()))
        return Opening(session, page.code, settings | {"key": session.key})

    def paper(self, request: dict) -> dict:
        """The worksheet of {'lesson', 'language'} for download. Raises UserError."""
        pdf = self.worksheet(request.get("lesson"), request.get("language"))
        return {"name": f"lesson-{request['lesson']}.pdf", "uri": data_uri(pdf, "pdf")}

    def worksheet(self, name: object, language: object) -> bytes:
        """A lesson's worksheet as PDF. Raises DataError for an unknown lesson."""
        lesson, code = self.catalog.lesson(name, language), self.catalog.language_of(name, language)
        return lesson_worksheet(lesson, self._cases, partial(self.catalog.say, code), code)

    def _listed(self, lesson: Lesson) -> dict:
        case = lesson.steps[0].page.case
        drawn = case.stand_in is not None and not self._library.is_offline(case.name)
        return {
            "name": lesson.name, "title": lesson.title, "minutes": lesson.minutes, "audience": lesson.audience,
            "steps": len(lesson.steps), "own": lesson.own, "case": case.name, "drawn": drawn,
            "asks": sum(step.predict is not None for step in lesson.steps),
        }  # fmt: skip

    def _requested(self, request: dict) -> tuple[Lesson, Step, str]:
        """The lesson, its step, and the language that they are in."""
        name, language = request.get("lesson"), request.get("language")
        lesson = self.catalog.lesson(name, language)
        at = request.get("at")
        if type(at) is not int or not 0 <= at < len(lesson.steps):
            raise DataError(f"This lesson has {len(lesson.steps)} steps, counted from 0; got {short_repr(at)}.")
        return lesson, lesson.steps[at], self.catalog.language_of(name, language)


def script_json(value: object) -> str:
    """JSON that is inert inside a script."""
    return json.dumps(value).replace("</", "<\\/")


def _html(text: str, case: CaseFacts, language: str) -> str:
    return to_html(text, lambda name: translate(evaluate(name, case).text, language))


def _question(predict: Prediction, language: str) -> dict:
    choices = [[key, translate(named(wording), language)] for key, wording in predict.choices]
    return {
        "question": predict.question, "choices": choices,
        "unit": translate(VALUES[predict.truth].unit, language), "least": predict.least, "most": predict.most,
    }  # fmt: skip


def _shows_same(current: Session, wanted: Session) -> bool:
    """Whether the screen shows this case, all of it, with these metadata."""
    if current.example is None or wanted.example is None or current.crop is not None:
        return False
    names = [(one.example.name, one.example.diagnosis, one.diagnosis.metadata) for one in (current, wanted)]
    return names[0] == names[1]
