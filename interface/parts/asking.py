"""What every tab of Question does alike: it answers about one case and class, and takes an outdated answer away."""

import gradio as gr

from ..session import Session
from .text import note

NOTHING = '<p class="empty">Diagnose an image first: there is no case to question.</p>'
PREVIOUS = "This is about the previous image, the one that was diagnosed. Diagnose the new one to question it."


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
