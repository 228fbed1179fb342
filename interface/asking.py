"""What every tab of Question does alike: it answers about one case and class, and takes an outdated answer away."""

import logging
from collections.abc import Callable

import gradio as gr

from mat_core import UserError

from .session import Session
from .text import note

log = logging.getLogger(__name__)

NOTHING = '<p class="empty">Diagnose an image first: there is no case to question.</p>'
PREVIOUS = "This is about the previous image, the one that was diagnosed. Diagnose the new one to question it."
BROKEN = "Something went wrong inside the app; the case is unchanged. Please try again."


def ask_again(now: Session | None) -> str:
    """What stands in the place of an answer that is not about this case."""
    return NOTHING if now is None else '<p class="empty">Press Ask.</p>'


def only_about(now: Session | None, label: str, answered: str):
    """Leave an answer about this case and class; take one away that was asked about another."""
    return gr.skip() if answered == subject(now, label) else ask_again(now)


def subject(now: Session | None, label: str) -> str:
    """What an answer is about; the case's id only: a state must not keep a case that the session has forgotten."""
    return f"{id(now)} {label}"


def about(now: Session) -> str:
    """A note where the case is no longer the image on the screen, else nothing."""
    return note(PREVIOUS, "info") if now.stale else ""


def told(handler: Callable, *inputs) -> str:
    """What the handler says; with an error, a sentence."""
    try:
        return handler(*inputs)
    except UserError as error:
        return note(str(error))
    except Exception:
        log.exception("in %s", handler)
        return note(BROKEN)
