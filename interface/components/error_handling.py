"""Error messages of event handlers."""

import functools
import logging
from collections.abc import Callable

import gradio as gr

from mat_core import UserError

from ..frontend.html import note
from ..frontend.scripts import handler
from ..frontend.translations import text

log = logging.getLogger(__name__)


BROKEN = text("error.broken-case")


def with_error_messages(
    handler: Callable, on_error: Callable[[UserError], object] = lambda error: note(str(error)), message: str = BROKEN
) -> Callable:
    """`handler`, returning `on_error(error)` instead of raising.

    A UserError is passed on as it is. Any other error is logged without the inputs and replaced by a UserError with
    `message`.
    """

    @functools.wraps(handler)
    def wrapped(*inputs):
        try:
            return handler(*inputs)
        except UserError as error:
            return on_error(error)
        except Exception:
            log.exception("in %s", getattr(handler, "__name__", handler))
            return on_error(UserError(message))

    return wrapped


def on_failure(event, component: gr.HTML) -> None:
    """Let the component's script know when its call fails, e.g. because the queue is full."""
    event.failure(None, js=handler("shared/rpc.js", "unanswered", f"#{component.elem_id}"))


def on_call(component: gr.HTML, answer: Callable) -> None:
    """Answer the calls of a component's script (assets/shared/rpc.js) with the component's next value."""
    options = {"api_visibility": "private", "show_progress": "hidden", "trigger_mode": "multiple"}
    on_failure(component.click(answer, None, component, **options), component)
