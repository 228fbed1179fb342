"""The endpoints that make paper for a class. An answer is JSON with the file as a data: URI: no file is written."""

from collections.abc import Callable

from mat_core import ConfigError, Diagnoser, Diagnosis
from mat_core.encoding import data_uri
from mat_core.explain import ablate, doubt, occlude
from mat_core.handout import FORMATS
from mat_core.handout import handout as make_handout
from mat_core.labels import DISCLAIMER
from mat_core.worksheet import ASKS
from mat_core.worksheet import worksheet as make_worksheet

from ..lessons.room import LessonRoom
from ..parts.answer import caveats
from .values import Case, code, one_of


def sheets(diagnoser: Diagnoser, lessons: LessonRoom) -> list[Callable]:
    bundle = diagnoser.bundle

    def answered(case: Case, ask: bool) -> tuple[Diagnosis, dict]:
        """The diagnosis, and what more is found where that is wanted."""
        if not isinstance(ask, bool):
            raise ConfigError(f"ask must be true or false; got {ask!r}.")
        diagnosis = diagnoser(case.image, case.metadata)
        if not ask:
            return diagnosis, {}
        return diagnosis, {
            "taken": ablate(diagnoser, diagnosis.regions, case.metadata),
            "doubted": doubt(diagnoser, case.image, case.metadata, diagnosis.regions),
            "hidden": occlude(diagnoser, case.image, case.metadata),
        }

    def handout(
        case: Case, format: str = "pdf", title: str = "", source: str = "", label: str | None = None, ask: bool = False
    ) -> dict:
        """One page of A4 for a class: regions, probabilities in numbers and words, attention, what mattered, the doubt.

        Returns:
            pdf or png: a data: URI.
        """
        format, label = one_of("format", format, FORMATS), code(bundle.labels, label)
        diagnosis, found = answered(case, ask)
        texts = {"title": title, "source": source, "caveats": caveats(bundle)}
        data = make_handout(diagnosis, case.image, format, label=label, **texts, **found)
        return {format: data_uri(data, format), "disclaimer": DISCLAIMER}

    def worksheet(
        case: Case | None = None, title: str = "", source: str = "", truth: str = "", questions: str | None = None,
        label: str | None = None, ask: bool = False, lesson: str | None = None, language: str = "en",
    ) -> dict:  # fmt: skip
        """A case for a class to fill in, and the teacher's notes with the answer behind it; or a lesson's worksheet.

        Returns:
            pdf: a data: URI. With a lesson: its questions about its own case, and notes with the computed answers.
        """
        language = one_of("language", language, lessons.shelf.languages)
        if lesson:
            given = title, source, truth, questions, label, ask, case and case != Case(None)
            if any(given):
                raise ConfigError("A lesson brings its own case and questions: beside lesson, give language alone.")
            return {"pdf": data_uri(lessons.sheet(lesson, language), "pdf"), "disclaimer": DISCLAIMER}
        case = case or Case(None)
        label = code(bundle.labels, label)
        diagnosis, found = answered(case, ask)
        texts = {"title": title, "source": source, "truth": truth, "asks": asked(questions)}
        data = make_worksheet(diagnosis, case.image, label=label, **texts, **found)
        return {"pdf": data_uri(data, "pdf"), "disclaimer": DISCLAIMER}

    return [handout, worksheet]


def asked(questions: str | None) -> list[tuple[str, ...]]:
    """Questions as lines of text, their parts with | between them; the usual ones where there are none."""
    given = [line for line in (questions or "").splitlines() if line.strip()]
    return [tuple(part.strip() for part in line.split("|")) for line in given] or list(ASKS)
