"""Endpoints of the printouts. An answer holds the PDF as a data: URI, so that no file is written."""

from collections.abc import Callable

from mat_core import ConfigError, Diagnoser, Diagnosis
from mat_core.data.image_encoding import data_uri
from mat_core.data.labels import DISCLAIMER
from mat_core.explain import ablate, occlude, tta_uncertainty
from teaching.printing.handout import handout as make_handout
from teaching.printing.worksheet import DEFAULT_QUESTIONS
from teaching.printing.worksheet import worksheet as make_worksheet
from teaching.translations import check_language

from ..components.prediction import caveats
from ..lessons.service import LessonService
from .parameters import UNKNOWN, Age, Case, File, class_code


def pdf_endpoints(diagnoser: Diagnoser, lessons: LessonService) -> list[Callable]:
    bundle = diagnoser.bundle

    def diagnosed(case: Case, ask: bool) -> tuple[Diagnosis, dict]:
        """The diagnosis and, with `ask`, its explanations."""
        if not isinstance(ask, bool):
            raise ConfigError(f"ask must be true or false; got {ask!r}.")
        diagnosis = diagnoser(case.image, case.metadata)
        if not ask:
            return diagnosis, {}
        return diagnosis, {
            "taken": ablate(diagnoser, diagnosis.regions, case.metadata),
            "doubted": tta_uncertainty(diagnoser, case.image, case.metadata, diagnosis.regions),
            "hidden": occlude(diagnoser, case.image, case.metadata),
        }

    def handout(
        image: File, age: Age = None, sex: str = UNKNOWN, localization: str = UNKNOWN, title: str = "",
        source: str = "", label: str | None = None, ask: bool = False, language: str = "en",
    ) -> dict:  # fmt: skip
        """One page of A4 for a class: regions, probabilities, attention, what mattered, uncertainty.

        Returns:
            pdf: a data: URI.
        """
        case = Case(image, age, sex, localization)
        check_language(language)
        label = class_code(bundle.labels, label)
        diagnosis, results = diagnosed(case, ask)
        texts = {"title": title, "source": source, "caveats": caveats(bundle)}
        data = make_handout(diagnosis, case.image, label=label, language=language, **texts, **results)
        return {"pdf": data_uri(data, "pdf"), "disclaimer": DISCLAIMER}

    def worksheet(
        image: File | None = None, age: Age = None, sex: str = UNKNOWN, localization: str = UNKNOWN, title: str = "",
        source: str = "", truth: str = "", questions: str | None = None, label: str | None = None, ask: bool = False,
        lesson: str | None = None, language: str = "en",
    ) -> dict:  # fmt: skip
        """A case for a class to fill in, and the teacher's notes with the answer behind it; or a lesson's worksheet.

        Returns:
            pdf: a data: URI. With a lesson: its questions about its own case, and notes with the computed answers.
        """
        case = Case(image, age, sex, localization)
        check_language(language)
        if lesson:
            if any((title, source, truth, questions, label, ask, case != Case(None))):
                raise ConfigError("A lesson brings its own case and questions: beside lesson, give language alone.")
            return {"pdf": data_uri(lessons.worksheet(lesson, language), "pdf"), "disclaimer": DISCLAIMER}
        label = class_code(bundle.labels, label)
        diagnosis, results = diagnosed(case, ask)
        texts = {"title": title, "source": source, "truth": truth, "questions": parse_questions(questions)}
        data = make_worksheet(diagnosis, case.image, label=label, language=language, **texts, **results)
        return {"pdf": data_uri(data, "pdf"), "disclaimer": DISCLAIMER}

    return [handout, worksheet]


def parse_questions(questions: str | None) -> list[tuple[str, ...]]:
    """Questions from lines such as `question | hint | expected`; DEFAULT_QUESTIONS where there are none."""
    lines = [line for line in (questions or "").splitlines() if line.strip()]
    return [tuple(part.strip() for part in line.split("|")) for line in lines] or list(DEFAULT_QUESTIONS)
