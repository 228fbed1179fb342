"""Questions with places for their answers as PDF: a section for each reader, each on pages of its own.

questionnaire([Section("Heads", [Part("Do they agree?", question="How many?", line="Your number: ______")])])
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..translations import ENGLISH
from .pages import BODY, HEADING, LEAD, NO_DEVICE, TITLE, Document
from .worksheet import draw_picture

TEXT, QUESTION = 9.0, 9.5  # points
PICTURE, BOX = 52.0, 20.0  # mm
BESIDE = 0.57  # of the width, for the text beside a picture


@dataclass(frozen=True, eq=False)
class Part:
    """One block of a section, kept on one page where it fits. picture: (h, w, 3) uint8 RGB, with `text` beside it.

    text: paragraphs; question: bold; choices: squares to tick; line: a line to write on; box: the hint in an empty box,
    None for no box; answer: bold, below the question; then: paragraphs that follow.
    """

    heading: str
    text: tuple[str, ...] = ()
    picture: np.ndarray | None = None
    question: str = ""
    choices: tuple[str, ...] = ()
    line: str = ""
    box: str | None = None
    answer: str = ""
    then: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Section:
    """The pages of one reader. head: above the title, e.g. a line for the name; about: small print below it."""

    title: str
    parts: Sequence[Part]
    head: str = ""
    about: tuple[str, ...] = ()
    disclaimer: str = NO_DEVICE


def questionnaire(sections: Sequence[Section], language: str = ENGLISH) -> bytes:
    """Return the PDF. language: that the texts are in."""
    page = Document(sections[0].title, language)
    for section in sections:
        page.start_section(section.title)
        if section.head:
            page.paragraph(section.head, LEAD, gap=4)
        page.paragraph(section.title, TITLE, bold=True, gap=1.5)
        for text in section.about:
            page.paragraph(text, BODY)
        page.disclaimer(section.disclaimer)
        for part in section.parts:
            _add_part(page, part)
    return page.render()


def _add_part(page: Document, part: Part) -> None:
    page.ensure_space(_height(page, part))
    page.y += 3
    if part.heading:
        page.paragraph(part.heading, HEADING, bold=True, gap=1.2)
    if part.picture is None:
        for text in part.text:
            page.paragraph(text, TEXT, gap=1.2)
    else:
        _add_picture(page, part.picture, part.text)
    if part.question:
        page.ensure_space(_question_height(page, part))
        page.paragraph(part.question, QUESTION, bold=True, gap=1.5)
    for choice in part.choices:
        page.tick(choice, TEXT)
    if part.line:
        page.paragraph(part.line, QUESTION, gap=2)
    if part.box is not None:
        page.box(BOX, part.box)
    if part.answer:
        page.paragraph(part.answer, QUESTION, bold=True, gap=1.2)
    for text in part.then:
        page.paragraph(text, TEXT, gap=1.2)


def _add_picture(page: Document, image: np.ndarray, texts: Sequence[str]) -> None:
    def beside() -> None:
        for text in texts:
            page.paragraph(text, TEXT, gap=2)

    page.columns((0, 0.4, lambda: page.plot(lambda axes: draw_picture(axes, image), PICTURE)), (1 - BESIDE, 1, beside))
    page.y += 1


def _height(page: Document, part: Part) -> float:
    """Height of a part; one that is higher than a page breaks where the page ends."""
    texts = [*(part.text if part.picture is None else ()), *part.then]
    height = 3 + sum(page.text_height(text, TEXT) + 1.2 for text in texts)
    height += sum(page.text_height(text, HEADING, bold=True) + 1.2 for text in (part.heading, part.answer) if text)
    if part.picture is not None:
        beside = sum(page.text_height(text, TEXT, width=BESIDE * page.epw) + 2 for text in part.text)
        height += max(PICTURE + 3, beside)
    return height + _question_height(page, part)


def _question_height(page: Document, part: Part) -> float:
    """Height of the question with the places for its answer."""
    height = sum(page.text_height(text, QUESTION, bold=True) + 2 for text in (part.question, part.line) if text)
    height += sum(page.text_height(choice, TEXT, width=page.epw - 6) + 1.6 for choice in part.choices)
    return height + (BOX + 2 if part.box is not None else 0)
