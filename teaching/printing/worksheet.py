"""A case as a PDF worksheet: a part for the class to fill in, and the teacher's notes on pages of their own.

worksheet(diagnosis, image, title="Case 7", truth="melanoma, histology", questions=[Question("Is it even?")])
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes

from mat_core import ConfigError, Diagnosis
from mat_core.data.labels import BY_CODE
from mat_core.explain import Ablation, Occlusion, Uncertainty

from ..translations import ENGLISH, check_language, localize, text
from .handout import (
    CAVEATS,
    ablation_or_missing,
    add_header,
    add_picture_and_chart,
    add_uncertainty,
    occlusion_or_missing,
    scale_texts,
    target_class,
    title_text,
    verdict,
)
from .pages import GRAY, HEADING, LEAD, SMALL, Document, check_texts

MAX_QUESTIONS = 6
MIN_BOX, PICTURE = 12.0, 76.0  # mm


class Question(NamedTuple):
    """A question for the class. hint: printed in its empty box; expected: for the teacher."""

    question: str
    hint: str = ""
    expected: str = ""


DEFAULT_QUESTIONS = (
    Question(text("sheet.q1"), text("sheet.q1-hint")),
    Question(text("sheet.q2"), text("sheet.q2-hint")),
    Question(text("sheet.q3"), text("sheet.q3-hint"), text("sheet.q3-expected")),
)


def worksheet(
    diagnosis: Diagnosis,
    image: np.ndarray,
    *,
    title: str = "",
    source: str = "",
    truth: str = "",
    questions: Sequence[tuple[str, ...]] = DEFAULT_QUESTIONS,
    hidden: Occlusion | None = None,
    taken: Ablation | None = None,
    doubted: Uncertainty | None = None,
    label: str | None = None,
    language: str = ENGLISH,
) -> bytes:
    """Return a PDF: first the class's part, which gives nothing away, then the teacher's.

    image, source, hidden, taken, doubted, label, language: as in `handout`. truth: the diagnosis and how it was
    confirmed, '' where unknown. questions: up to MAX_QUESTIONS, each a `Question` or a tuple of its texts.
    Raises ConfigError for an invalid argument.
    """
    check_language(language)
    label = target_class(diagnosis, label)
    checked = _checked(questions)
    check_texts(title=title, source=source, truth=truth)
    page = Document(text("sheet.worksheet"), language)
    page.start_section(title or text("sheet.worksheet"))
    _add_class_part(page, diagnosis, image, title, source, checked)
    page.start_section(text("sheet.notes-on", title=title) if title else text("sheet.notes"))
    add_header(page, text("sheet.notes-on", title=title or text("sheet.a-lesion")), diagnosis)
    page.heading(text("sheet.truth"))
    page.paragraph(truth or text("sheet.truth-unknown"), LEAD)
    page.heading(text("sheet.model-answer"))
    page.paragraph(verdict(diagnosis), LEAD, gap=2)
    add_picture_and_chart(page, diagnosis, image, 5, "attention")
    page.paragraph(text("sheet.scale", scale=scale_texts()), SMALL, color=GRAY)
    page.heading(text("sheet.mattered-certain"))
    page.paragraph(occlusion_or_missing(hidden, label))
    page.paragraph(ablation_or_missing(taken, label))
    add_uncertainty(page, diagnosis, doubted)
    page.heading(text("sheet.questions"))
    for number, question in enumerate(checked, start=1):
        page.paragraph(text("sheet.question-number", n=number, question=question.question), bold=True)
        if question.expected:
            page.paragraph(question.expected)
    page.heading(text("sheet.caveats"))
    for caveat in CAVEATS:
        page.bullet(caveat)
    page.heading(text("sheet.source"))
    page.paragraph(source or text("sheet.not-stated"))
    return page.render()


def _checked(questions: Sequence[tuple[str, ...]]) -> list[Question]:
    items = list(questions) if isinstance(questions, list | tuple) else []
    if not 1 <= len(items) <= MAX_QUESTIONS or any(
        not isinstance(question, tuple | list) or not 1 <= len(question) <= 3 or not question[0] for question in items
    ):
        raise ConfigError(
            f"questions must be 1 to {MAX_QUESTIONS} questions, each as its text, a hint, and what to expect."
        )
    for question in items:
        for part in question:
            check_texts(questions=part)
    return [Question(*question) for question in items]


def _add_class_part(
    page: Document, diagnosis: Diagnosis, image: np.ndarray, title: str, source: str, questions: list[Question]
) -> None:
    page.paragraph(text("sheet.name-line"), LEAD, gap=4)
    add_header(page, title or text("sheet.worksheet-title"), diagnosis, with_unit=False)
    page.columns(
        (0, 0.6, lambda: page.plot(lambda axes: draw_picture(axes, image), PICTURE)),
        (0.65, 1, lambda: _add_choices(page, tuple(diagnosis.probabilities))),
    )
    source = text("sheet.source-is", source=source or text("sheet.not-stated-small"))
    texts = sum(page.text_height(question.question, HEADING, bold=True) + 4.5 for question in questions)
    room = page.remaining() - texts - page.text_height(source, SMALL) - 1
    height = max(MIN_BOX, room / len(questions))  # the boxes fill the page
    for question in questions:
        page.ensure_space(page.text_height(question.question, HEADING, bold=True) + 2 + height)
        page.y += 2
        page.paragraph(question.question, HEADING, bold=True, gap=1)
        page.box(height, question.hint)
    page.paragraph(source, SMALL, color=GRAY, gap=0)


def draw_picture(axes: Axes, image: np.ndarray) -> None:
    """The image alone."""
    axes.imshow(image, interpolation="lanczos")
    axes.set_axis_off()
    axes.set_anchor("NW")


def _add_choices(page: Document, labels: tuple[str, ...]) -> None:
    """A square to tick for each class, and a scale for one's own confidence."""
    page.paragraph(text("sheet.your-diagnosis"), HEADING, bold=True, gap=2)
    for code in labels:
        page.tick(title_text(code) if code in BY_CODE else code)
    page.y += 3
    page.paragraph(text("sheet.your-confidence"), HEADING, bold=True, gap=3)
    left, top, step = page.l_margin + 2, page.y, (page.epw - 4) / 4
    page.line(left, top, left + 4 * step, top)
    page.set_font(style="", size=SMALL)
    for tick in range(5):
        x, share = left + tick * step, localize(f"{25 * tick}%", page.language)
        page.line(x, top - 1, x, top + 1)
        page.text(x - page.get_string_width(share) / 2, top + 4.5, share)
    page.y = top + 6
