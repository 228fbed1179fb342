"""A case as a worksheet: a page of A4 for the class to fill in, and the answer on a second one for the teacher.

    worksheet(diagnosis, image, title="Case 7", truth="melanoma, as confirmed", asks=[Asked("Is the border sharp?")])

What stands on the class's page says nothing of the answer. The same case gives the same bytes.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from .diagnoser import Diagnosis
from .errors import ConfigError
from .explain.ablation import Ablation
from .explain.doubt import Doubt, reasons
from .explain.occlusion import Occlusion
from .figures import INK, NATURE_COLOURS, draw_regions
from .handout import CAVEATS, MOST_TEXT, draw_probabilities, lacks, patient, scale_of_words, verdict
from .labels import BY_CODE, DISCLAIMER
from .paper import A4, ABOVE, FOOT, GAP, HEADING, SHADE, SMALL, Page, height_of, saved
from .units import UNITS

MOST_ASKED = 6
LEAST_BOX = 0.45  # inches: the height that an empty box has at least
STEPS = ("0%", "25%", "50%", "75%", "100%")  # of the own confidence


class Asked(NamedTuple):
    """A question to the class: what it asks for, printed small in its empty box, and what the teacher may expect."""

    question: str
    what: str = ""
    expected: str = ""


ASKS = (
    Asked("Where would you look first?", "Mark it on the picture, and say what you see there."),
    Asked("What would change your mind?", "Another age or site, a structure that is not there, ..."),
    Asked(
        "After you have seen the model's answer: what changed your mind?",
        "Nothing is an answer too. Did it look where you looked?",
        "Compare where the class looked with where the model read from, and both with what mattered when hidden.",
    ),
)


def worksheet(
    diagnosis: Diagnosis,
    image: np.ndarray,
    *,
    title: str = "",
    source: str = "",
    truth: str = "",
    asks: Sequence[tuple[str, ...]] = ASKS,
    hidden: Occlusion | None = None,
    taken: Ablation | None = None,
    doubted: Doubt | None = None,
    label: str | None = None,
) -> bytes:
    """The bytes of a PDF file of two pages: for the class, and for the teacher.

    image, hidden, taken, doubted, label: as `handout` has them. title, source: on both pages. truth: what it is, and
    how that is known; '' where nobody knows. asks: up to MOST_ASKED questions, each as `Asked` or a tuple of its texts.
    Raises ConfigError for what there is not, and for texts that find no room.
    """
    label = label or diagnosis.top
    if label not in diagnosis.probabilities:
        raise ConfigError(f"The class must be one of {', '.join(diagnosis.probabilities)}.")
    questions = _checked(asks)
    for text in (title, source, truth, *(text for question in questions for text in question)):
        if not isinstance(text, str) or len(text) > MOST_TEXT:
            raise ConfigError(f"Title, source, truth and questions are texts of at most {MOST_TEXT} characters.")
    found = [
        hidden.sentence(label) if hidden else lacks("Hiding parts"),
        taken.sentence(label) if taken else lacks("Taking away"),
        doubted.sentence() if doubted else lacks("Turning and mirroring the picture"),
    ]
    why = doubted.reasons if doubted else reasons(diagnosis.probabilities, diagnosis.novelty)
    return saved(
        [
            _for_class(diagnosis, image, title, source, questions),
            _for_teacher(diagnosis, image, title, source, truth, questions, found, why),
        ],
        "pdf",
        "Worksheet",
    )


def _checked(asks: Sequence[tuple[str, ...]]) -> list[Asked]:
    questions = list(asks) if isinstance(asks, list | tuple) else []
    if not 1 <= len(questions) <= MOST_ASKED or any(
        not isinstance(asked, tuple | list) or not 1 <= len(asked) <= 3 or not asked[0] for asked in questions
    ):
        raise ConfigError(
            f"Give 1 to {MOST_ASKED} questions, each as its text, what it asks for, and what may be expected."
        )
    return [Asked(*asked) for asked in questions]


def _for_class(diagnosis: Diagnosis, image: np.ndarray, title: str, source: str, questions: list[Asked]) -> Page:
    page = Page()
    page.text("Name: ______________________________    Date: ______________", 9)
    page.heading("")
    page.text(title or "A lesion", 13, weight="bold")
    page.text(f"The patient: {patient(diagnosis)}.", 8.5)
    page.text(DISCLAIMER, 8.5, colour=NATURE_COLOURS["malignant"])
    picture, beside = page.row(3.3, (0.0, 0.62), (0.66, 1.0))
    height, width = image.shape[:2]
    picture.imshow(image, extent=(0, width, height, 0), interpolation="lanczos")
    picture.set(xticks=[], yticks=[])
    picture.set_anchor("NW")
    _choices(beside, tuple(diagnosis.probabilities))
    source = source or "Where the photograph is from was not said."
    headings = sum(ABOVE + height_of(asked.question, HEADING) for asked in questions)
    room = page.y - FOOT - headings - height_of(source, SMALL - 1)
    tall = max(LEAST_BOX, room / len(questions) * A4[1] - GAP)
    for asked in questions:
        page.heading(asked.question)
        page.box(tall, asked.what)
    page.text(source, SMALL - 1, colour=SHADE)
    return _fits(page)


def _for_teacher(
    diagnosis: Diagnosis, image: np.ndarray, title: str, source: str, truth: str, questions: list[Asked],
    found: list[str], why: Sequence[str],
) -> Page:  # fmt: skip
    page = Page(0.88)
    page.text(f"Teacher's notes: {title or 'a lesion'}", 13, weight="bold")
    page.text(f"The patient: {patient(diagnosis)}. The model's unit: {UNITS[diagnosis.unit].name}.", 8.5)
    page.text(DISCLAIMER, 8.5, colour=NATURE_COLOURS["malignant"])
    page.heading("The truth")
    page.text(truth or "Nobody has said what it is: the model's answer is no truth.", 8.5)
    page.heading("The model's answer")
    page.text(verdict(diagnosis), SMALL + 1)
    left, right = page.row(2.5, (0.0, 0.45), (0.7, 1.0))
    draw_regions(left, diagnosis, image, 5, "attention")
    draw_probabilities(right, diagnosis)
    page.text("A probability is called " + scale_of_words() + ".", SMALL)
    page.heading("What mattered, and how sure it is")
    for sentence in found:
        page.text(sentence, SMALL)
    page.text(" ".join(("Reasons not to rely on it:", *why)) if why else "No sign of doubt was found.", SMALL)
    page.heading("What the class was asked")
    for number, asked in enumerate(questions, start=1):
        page.text(f"{number}. {asked.question}", SMALL, weight="bold")
        if asked.expected:
            page.text(asked.expected, SMALL)
    page.heading("Say it before they ask")
    for caveat in CAVEATS:
        page.text(f"\N{BULLET} {caveat}", SMALL)
    page.heading("The photograph")
    page.text(source or "Where it is from was not said.", SMALL)
    return _fits(page)


def _fits(page: Page) -> Page:
    if page.y < FOOT - 1e-6:  # the boxes fill the class's page to the last bit
        raise ConfigError("Title, source, truth and questions are too long for their page. Shorten them.")
    return page


def _choices(axes: Axes, labels: tuple[str, ...]) -> None:
    """A square to tick for each class, and a scale for the own confidence."""
    axes.set_axis_off()
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.text(0, 1, "What do you take it for?", fontsize=9, fontweight="bold", color=INK, va="top")
    for row, code in enumerate(labels):
        y = 0.88 - 0.085 * row
        axes.add_patch(Rectangle((0.005, y - 0.02), 0.05, 0.04, fill=False, edgecolor=INK, linewidth=0.8))
        name = BY_CODE[code].name if code in BY_CODE else code
        axes.text(0.09, y, name, fontsize=7.5, color=INK, va="center", parse_math=False)
    axes.text(0, 0.27, "How sure are you?", fontsize=9, fontweight="bold", color=INK, va="top")
    axes.plot((0.02, 0.98), (0.12, 0.12), color=INK, linewidth=0.8, clip_on=False)
    for at, said in zip(np.linspace(0.02, 0.98, len(STEPS)), STEPS, strict=True):
        axes.plot((at, at), (0.1, 0.14), color=INK, linewidth=0.8, clip_on=False)
        axes.text(at, 0.07, said, fontsize=6.5, color=INK, ha="center", va="top")
