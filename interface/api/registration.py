"""The named endpoints, for programs: gradio_client, curl and, with --mcp, tools."""

import inspect
from collections.abc import Callable

import gradio as gr

from mat_core import Diagnoser, UserError
from mat_core.data.image_loading import ACCEPTED
from mat_core.data.labels import CODES
from mat_core.data.metadata import LOCALIZATIONS
from mat_core.explain.occlusion import FILLS, PARTS
from mat_core.explain.similar_cases import MAX_K
from mat_core.models.transformer import ATTENTION_MAPS
from teaching.cases.example import Example
from teaching.printing.pages import MAX_TEXT
from teaching.printing.worksheet import MAX_QUESTIONS

from ..components.error_handling import with_error_messages
from ..lessons.service import LessonService
from ..server.waiting_limit import CONCURRENT_CALLS
from ..state.model_registry import ModelRegistry
from . import diagnosis_endpoints as endpoints
from .explanation_endpoints import explanation_endpoints
from .pdf_endpoints import pdf_endpoints

BROKEN = "Something went wrong inside the app."
PARAMETERS = {
    "image": f"{ACCEPTED}, as gradio_client.handle_file gives it.",
    "age": "whole years from 0 to 120; None when unknown.",
    "sex": "female, male or unknown.",
    "localization": f"{', '.join(s for s in LOCALIZATIONS if s != 'unknown')} or unknown.",
    "label": f"the target class, one of {', '.join(CODES)}; None for the top class.",
    "direction": f"{', '.join(ATTENTION_MAPS)}; the first is the query, the second the key.",
    "k": "regions shown, from 1.",
    "layer": "from 0.",
    "head": "from 0; in pictures, None for the average over heads.",
    "query": "index of the query token, from 0.",
    "key": "index of the key token, from 0.",
    "other": "the class that label is compared with; None for the likeliest other one.",
    "parts": f"{', '.join(PARTS)}: tiles, each region's box, or all boxes of a kind together.",
    "boxes": "x1 y1 x2 y2 in pixels of the image, separated by semicolons: hidden together, in place of parts.",
    "fill": f"what replaces the hidden pixels, {', '.join(FILLS)}.",
    "title": f"title of the page, at most {MAX_TEXT} characters.",
    "source": f"owner and licence of the photograph, at most {MAX_TEXT} characters.",
    "truth": "the diagnosis and how it was confirmed, for the teacher's page; empty where it is unknown.",
    "questions": f"1 to {MAX_QUESTIONS}, one a line: question | kind of answer | expected answer; None for defaults.",
    "lesson": "name of a lesson, e.g. heads, for its worksheet about its own case; then no image.",
    "language": "of the lesson and its worksheet, e.g. en or de; what is not translated is English.",
    "ask": 'true: compute occlusion, ablation and uncertainty first (about 30 s); otherwise "not asked".',
    "threshold": "probability of melanoma from which on it is called, from 0 to 1.",
    "count": f"similar lesions, from 1 to {MAX_K}.",
    "number": "index of the case in list_examples, from 0.",
}


def register_endpoints(
    diagnoser: Diagnoser, examples: list[Example], models: ModelRegistry, lessons: LessonService
) -> None:
    """Add the endpoints to the Blocks that is being built. They share one queue, apart from the page's events."""
    for endpoint in (
        *endpoints.diagnosis_endpoints(diagnoser), *endpoints.figure_endpoints(diagnoser),
        *explanation_endpoints(diagnoser, models),
        *pdf_endpoints(diagnoser, lessons), *endpoints.information_endpoints(diagnoser, examples),
    ):  # fmt: skip
        function = with_error_messages(endpoint, _raise, BROKEN)
        function.__doc__ = _documented(endpoint)
        gr.api(function, api_name=endpoint.__name__, concurrency_id="api", concurrency_limit=CONCURRENT_CALLS)


def _documented(endpoint: Callable) -> str:
    """The docstring with the meaning of each parameter."""
    summary, _, returns = inspect.getdoc(endpoint).partition("\n\n")
    meanings = [f"    {name}: {PARAMETERS[name]}" for name in inspect.signature(endpoint).parameters]
    return "\n\n".join([summary, "\n".join(["Parameters:", *meanings]), returns])


def _raise(error: UserError) -> None:
    raise gr.Error(str(error), print_exception=False) from None
