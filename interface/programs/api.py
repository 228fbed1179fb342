"""The named endpoints, for programs: gradio_client, curl and, with --mcp, tools. One for each thing that the app does.

Each parameter of an endpoint is named in `FIELDS` with its meaning. The fields are unseen and the endpoints' alone,
so that they depend on nothing that a visitor does; endpoints share them, for the page builds every one that there is.
"""

import inspect
from collections.abc import Callable

import gradio as gr

from mat_core import Diagnoser, UserError
from mat_core.explain.occlusion import FILLS, PARTS
from mat_core.handout import FORMATS, MOST_TEXT
from mat_core.labels import CODES
from mat_core.metadata import LOCALIZATIONS
from mat_core.units import MAPS
from mat_core.worksheet import MOST_ASKED

from ..examples import Example
from ..lessons.room import LessonRoom
from ..models import Models
from ..parts.safely import safely
from ..server.image_field import image_upload
from . import endpoints
from .questions import questions
from .sheets import sheets
from .values import Case

BROKEN = "Something went wrong inside the app."
AT_ONCE = 2  # calls of all endpoints together that compute at the same time: the cores of a small machine
# parameter -> its field, and what it means: said once, and told with every endpoint that has it
FIELDS: dict[str, tuple[Callable[..., gr.components.Component], str]] = {
    "image": (
        lambda value, **options: image_upload(**options),
        "a JPEG, PNG, WebP, BMP, TIFF or GIF file of at most 20 MB, as gradio_client.handle_file gives it.",
    ),
    "age": (gr.Number, "whole years from 0 to 120; None when unknown."),
    "sex": (gr.Textbox, "female, male or unknown."),
    "localization": (gr.Textbox, f"{', '.join(s for s in LOCALIZATIONS if s != 'unknown')} or unknown."),
    "label": (gr.Textbox, f"the class that is asked about, one of {', '.join(CODES)}; None for the top class."),
    "direction": (gr.Textbox, f"{', '.join(MAPS)}; the first looks, the second is looked at."),
    "k": (gr.Number, "regions shown, from 1."),
    "layer": (gr.Number, "from 0."),
    "head": (gr.Number, "from 0; in pictures, None for the average over heads."),
    "query": (gr.Number, "number of the token that looks, from 0."),
    "key": (gr.Number, "number of the token that is looked at, from 0."),
    "other": (gr.Textbox, "the class that label is weighed against; None for the likeliest other one."),
    "parts": (gr.Textbox, f"{', '.join(PARTS)}: tiles, each region's box, or all boxes of a kind together."),
    "boxes": (
        gr.Textbox,
        "x1 y1 x2 y2 in pixels of the image, several with semicolons between them: hidden together, in place of parts.",
    ),
    "fill": (gr.Textbox, f"what takes the place of what is hidden, {', '.join(FILLS)}."),
    "format": (gr.Textbox, f"{' or '.join(FORMATS)}."),
    "title": (gr.Textbox, f"what the page is headed with, at most {MOST_TEXT} characters."),
    "source": (gr.Textbox, f"whose the photograph is and under which licence, at most {MOST_TEXT} characters."),
    "truth": (gr.Textbox, "what it is, and how that is known, for the teacher's page; empty where nobody knows."),
    "questions": (
        gr.Textbox,
        f"to the class, 1 to {MOST_ASKED}, one a line: the question | what it asks for | what the teacher may expect; "
        "None for the usual ones.",
    ),
    "lesson": (
        gr.Textbox,
        "a lesson's name, such as heads: the worksheet is that lesson's, about its own case; then no image.",
    ),
    "language": (gr.Textbox, "of the lesson and its paper, such as en or de; what is not translated is English."),
    "ask": (gr.Checkbox, "true: hide, take away and doubt first, half a minute; else it says that nobody asked."),
    "threshold": (gr.Number, "probability of melanoma from which on it is called, from 0 to 1."),
    "number": (gr.Number, "number of the case in list_examples, from 0."),
}


def build_api(diagnoser: Diagnoser, examples: list[Example], models: Models, lessons: LessonRoom) -> None:
    """Add the endpoints to the app that is being built."""
    fields: dict[tuple, gr.components.Component] = {}
    output = gr.JSON(label="answer", visible=False)
    for endpoint in (
        *endpoints.answers(diagnoser), *endpoints.pictures(diagnoser), *questions(diagnoser, models),
        *sheets(diagnoser, lessons), *endpoints.facts(diagnoser, examples),
    ):  # fmt: skip
        _add(endpoint, fields, output)


def _add(endpoint: Callable, fields: dict[tuple, gr.components.Component], output: gr.JSON) -> None:
    """Register `endpoint` under its own name. fields: those that there are, by parameter and default; new ones join."""
    taken = inspect.signature(endpoint).parameters
    parameters = list(taken.values())
    if "case" in taken:
        image = _CASE[0].replace(default=taken["case"].default)  # none needed where there may be no case
        parameters = [image, *_CASE[1:], *parameters[1:]]

    def ask(*values):
        if "case" in taken:
            values = Case(*values[: len(_CASE)]), *values[len(_CASE) :]
        return endpoint(*values)

    inputs, meanings = [], []
    for parameter in parameters:
        value = None if parameter.default is parameter.empty else parameter.default
        key = parameter.name, value
        if key not in fields:
            fields[key] = FIELDS[parameter.name][0](value=value, label=parameter.name, visible=False)
        inputs.append(fields[key])
        meanings.append(f"    {parameter.name}: {FIELDS[parameter.name][1]}")
    summary, _, returns = inspect.getdoc(endpoint).partition("\n\n")
    ask.__name__ = endpoint.__name__
    ask.__signature__ = inspect.Signature(parameters, return_annotation=inspect.signature(endpoint).return_annotation)
    told = safely(ask, _tell, BROKEN)
    told.__doc__ = "\n\n".join([summary, "\n".join(["Parameters:", *meanings]), returns])
    gr.on([], told, inputs, output, api_name=endpoint.__name__, concurrency_id="api", concurrency_limit=AT_ONCE)


def _case(image: str, age: float | None = None, sex: str = "unknown", localization: str = "unknown") -> None:
    """The parameters that `case` stands for."""


_CASE = tuple(inspect.signature(_case).parameters.values())


def _tell(error: UserError) -> None:
    raise gr.Error(str(error), print_exception=False) from None
