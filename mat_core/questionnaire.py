"""Questions with empty places on paper, page after page, as PDF whose text is text: a part for the class, one for the
teacher, each beginning on a page of its own.

    questionnaire([Section("Heads", parts=[Part("Do they agree?", question="How many?", line="Your number: ______")])])

The same sections give the same bytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.patches import Rectangle

from .figures import INK, NATURE_COLOURS
from .labels import DISCLAIMER
from .paper import A4, MARGIN, Page, Pages, height_of, lines, saved

TEXT, QUESTION, TITLE = 8.5, 9.5, 14.0  # points
PICTURE = 1.9  # inches: the height of a case's picture
BOX = 0.75  # inches: the height of an empty box
BESIDE = 58  # letters of a line beside a picture
TICK, TICK_LETTERS = 0.19, 96  # inches of a line with a square to tick, and the letters that it takes
BETWEEN = 0.012  # share of the height that stays empty between two parts


@dataclass(frozen=True, eq=False)
class Part:
    """One thing on paper. picture: (h, w, 3) uint8 RGB of the case that it is about, where that is a new one.

    text: paragraphs, beside the picture where there is one; question: bold; choices: squares to tick; line: one to
    write on; box: the hint in an empty box, None for no box; answer: bold, below the question; then: what
    follows.
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
    """Pages of one reader. head: above the title, such as a line for the name; about: small below it."""

    title: str
    parts: Sequence[Part]
    head: str = ""
    about: tuple[str, ...] = ()
    disclaimer: str = DISCLAIMER


def questionnaire(sections: Sequence[Section]) -> bytes:
    """The bytes of a PDF file."""
    pages: list[Page] = []
    for section in sections:
        filled = Pages(section.title)
        if section.head:
            filled.text(section.head, 9)
            filled.text("", 6)
        filled.text(section.title, TITLE, weight="bold")
        for line in section.about:
            filled.text(line, TEXT)
        filled.text(section.disclaimer, TEXT, colour=NATURE_COLOURS["malignant"])
        for part in section.parts:
            _fill(filled, part)
        pages += filled.all()
    return saved(pages, "pdf", sections[0].title)


def _fill(pages: Pages, part: Part) -> None:
    page = pages.keep(_height(part))
    page.y -= BETWEEN
    if part.heading:
        page.text(part.heading, QUESTION + 1, weight="bold")
    if part.picture is not None:
        _show(page, part.picture, part.text)
    else:
        for paragraph in part.text:
            pages.text(paragraph, TEXT)
    if part.question:
        _ask(pages, part)
    if part.answer:
        pages.text(part.answer, QUESTION, weight="bold")
    for paragraph in part.then:
        pages.text(paragraph, TEXT)


def _height(part: Part) -> float:
    """What a part takes, as a share of a page's height."""
    texts = [*(part.text if part.picture is None else ()), *part.then]
    bold = [text for text in (part.heading, part.question, part.line, part.answer) if text]
    inches = sum(len(lines(choice, TICK_LETTERS)) for choice in part.choices) * TICK
    inches += (_tall(part.text) if part.picture is not None else 0) + (BOX + 0.1 if part.box is not None else 0)
    high = sum(height_of(text, TEXT) for text in texts) + sum(height_of(text, QUESTION + 1) for text in bold)
    return BETWEEN + high + inches / A4[1]


def _beside(texts: Sequence[str]) -> list[str]:
    return [line for text in texts for line in lines(text, BESIDE)]


def _tall(texts: Sequence[str]) -> float:
    """Inches of a picture with these texts beside it."""
    return max(PICTURE, len(_beside(texts)) * TICK)


def _show(page: Page, image: np.ndarray, texts: Sequence[str]) -> None:
    """The picture of a case, and what is said of it beside."""
    page.y += 0.2 / A4[1]  # no title stands above it
    (picture,) = page.row(_tall(texts), (0.0, 0.4))
    height, width = image.shape[:2]
    picture.imshow(image, extent=(0, width, height, 0), interpolation="lanczos")
    picture.set(xticks=[], yticks=[])
    picture.set_anchor("NW")
    at = MARGIN + 0.42 * (1 - 2 * MARGIN), picture.get_position().y1
    said = "\n".join(_beside(texts))
    page.figure.text(*at, said, fontsize=TEXT, color=INK, va="top", linespacing=1.6, parse_math=False)


def _ask(pages: Pages, part: Part) -> None:
    """The question with the places for its answer, together on one page where one has room for them."""
    offered = [lines(choice, TICK_LETTERS) for choice in part.choices]
    tall = sum(len(broken) for broken in offered) * TICK + (BOX if part.box is not None else 0)
    page = pages.keep(height_of(part.question, QUESTION) + height_of(part.line, QUESTION) + tall / A4[1] + 0.01)
    pages.text(part.question, QUESTION, weight="bold")
    for broken in offered:
        page = pages.keep(len(broken) * TICK / A4[1])
        _tick(page, broken)
    if part.line:
        pages.text(part.line, QUESTION)
    if part.box is not None:
        page = pages.keep(BOX / A4[1])
        page.y -= 0.003
        page.box(BOX, part.box)


def _tick(page: Page, broken: list[str]) -> None:
    """A square, and what it stands for."""
    side = 0.11
    page.figure.add_artist(
        Rectangle(
            (MARGIN + 0.004, page.y - (side + 0.035) / A4[1]), side / A4[0], side / A4[1], fill=False, edgecolor=INK,
            linewidth=0.8,
        )
    )  # fmt: skip
    for line in broken:
        at = MARGIN + 0.03, page.y - 0.02 / A4[1]
        page.figure.text(*at, line, fontsize=TEXT, color=INK, va="top", parse_math=False)
        page.y -= TICK / A4[1]
