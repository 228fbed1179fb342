"""What the server knows of lessons: it says a step of one with its case's numbers, opens the case, tells the truth.

Who asked what, or predicted what, is kept in the browser and never sent.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from mat_core import DataError, Diagnoser
from mat_core.encoding import data_uri
from mat_core.limits import shown

from ..library.library import Library
from ..server.uploads import UPLOADS
from ..session import Session, for_visitor
from .cases import LessonCases, Tell
from .exploring import explorer_of
from .known import Known
from .lesson import TABS, Lesson, Page, Predict, Step
from .markdown import to_html
from .named import unit_of
from .on_paper import lesson_sheet
from .shelf import Shelf, without_cases
from .values import NAMES, value_of


@dataclass(frozen=True)
class Opening:
    """What a step does to the page. session: what is to be shown; None: what is on the screen is it already."""

    session: Session | None
    code: str
    told: dict


class LessonRoom:
    """leaking: gives a model that was told dx_type, or None."""

    def __init__(
        self,
        diagnoser: Diagnoser,
        library: Library,
        shelf: Shelf,
        leaking: Callable[[], Diagnoser | None] = lambda: None,
    ):
        self.shelf = shelf
        self._library = library
        self._cases = LessonCases(diagnoser, library, leaking)

    def facts(self) -> dict:
        """What the page needs before it asks: the lessons and the panel's words, by language, and what was left out."""
        lessons = {
            language: [self._listed(lesson) for lesson in self.shelf.lessons(language)]
            for language in self.shelf.languages
        }
        problems = [*self.shelf.problems, *without_cases(self.shelf.lessons(), self._library)]
        return {"lessons": lessons, "words": self.shelf.words, "problems": problems}

    def step(self, data: dict, tell: Tell = lambda share, text: None) -> dict:
        """A step of {'lesson', 'at', 'language'} as the page shows it, its question without the answer."""
        lesson, step = self._asked(data)
        known = self._cases.known(step.page, tell)
        return {
            "title": step.title, "html": _html(step.text, known), "shows": step.shows,
            "waits": step.page.wait and step.predict is not None, "tab": step.page.tab,
            "asks": step.predict and _question(step.predict), "note": _note(known), "steps": len(lesson.steps),
        }  # fmt: skip

    def truth(self, data: dict, tell: Tell = lambda share, text: None) -> dict:
        """The computed answer to a step's question, and what is said with it."""
        _, step = self._asked(data)
        if step.predict is None:
            raise DataError("This step asks nothing.")
        known = self._cases.known(step.page, tell)
        tell(0.5, "Asking the model")
        value = value_of(step.predict.truth, known)
        return {
            "text": dict(step.predict.choices).get(value.key or "", value.text), "key": value.key,
            "number": value.number, "html": _html(step.revealed, known),
        }  # fmt: skip

    def opening(self, data: dict, now: Session | None, tell: Tell = lambda share, text: None) -> Opening:
        """What a step sets; now: what is on the visitor's screen. Raises UserError."""
        _, step = self._asked(data)
        known = self._cases.known(step.page, tell)
        page, wanted = step.page, known.session
        told = {
            "tab": page.tab, "explore": explorer_of(page, known) if page.tab == "explore" else None,
            "temperature": page.temperature, "look": _place(page),
            "hide": list(known.tiles(page.hide)) if page.hide not in (None, "none") else None,
        }  # fmt: skip
        if now is not None and not now.stale and _same(now, wanted):
            return Opening(None, page.code, told | {"key": now.key})
        example = wanted.example
        assert example is not None  # LessonCases gives every session one
        session = replace(for_visitor(wanted), source=UPLOADS.keep(example.path.resolve()))
        return Opening(session, page.code, told | {"key": session.key})

    def paper(self, data: dict, tell: Tell = lambda share, text: None) -> dict:
        """The worksheet of {'lesson', 'language'} as a file that the page saves."""
        made = self.sheet(data.get("lesson"), data.get("language"), tell)
        return {"name": f"lesson-{data['lesson']}.pdf", "uri": data_uri(made, "pdf")}

    def sheet(self, name: object, language: object, tell: Tell = lambda share, text: None) -> bytes:
        """A lesson's worksheet: a PDF, every number of it computed. Raises DataError for a lesson that there is not."""
        lesson = self.shelf.lesson(name, language)
        return lesson_sheet(lesson, self._cases, partial(self.shelf.say, language), tell)

    def _listed(self, lesson: Lesson) -> dict:
        case = lesson.steps[0].page.case
        real = case.kind in ("case", "own")
        drawn = case.instead is not None and not self._library.is_at_hand(case.name)
        return {
            "name": lesson.name, "title": lesson.title, "minutes": lesson.minutes, "audience": lesson.audience,
            "steps": len(lesson.steps), "own": lesson.own, "case": case.name if real else "", "drawn": drawn,
            "asks": sum(step.predict is not None for step in lesson.steps),
        }  # fmt: skip

    def _asked(self, data: dict) -> tuple[Lesson, Step]:
        lesson = self.shelf.lesson(data.get("lesson"), data.get("language"))
        at = data.get("at")
        if type(at) is not int or not 0 <= at < len(lesson.steps):
            raise DataError(f"This lesson has {len(lesson.steps)} steps, from 0 on; got {shown(at)}.")
        return lesson, lesson.steps[at]


def script_json(value: object) -> str:
    """JSON that is inert inside a script."""
    return json.dumps(value).replace("</", "<\\/")


def _html(text: str, known: Known) -> str:
    return to_html(text, lambda name: value_of(name, known).text)


def _question(predict: Predict) -> dict:
    return {
        "question": predict.question, "choices": [list(choice) for choice in predict.choices],
        "unit": unit_of(NAMES[predict.truth]),
        "least": predict.least, "most": predict.most,
    }  # fmt: skip


def _note(known: Known) -> str:
    """Whose the picture is, or why a drawing is in its place."""
    example = known.session.example
    return example.note if example is not None else ""


def _same(now: Session, wanted: Session) -> bool:
    """Whether the screen shows this case with these metadata."""
    shown_now, example = now.example, wanted.example
    return (
        shown_now is not None
        and example is not None
        and (shown_now.name, shown_now.diagnosis) == (example.name, example.diagnosis)
        and now.diagnosis.metadata == wanted.diagnosis.metadata
    )


def _place(page: Page) -> str | None:
    return TABS[page.tab].get(page.look) if page.tab and page.look else None
