"""What stands beside or in the place of an answer, in every view that answers about a case."""

from ..session import Session
from .text import note

NOTHING = '<p class="empty">Diagnose an image first: there is no case to question.</p>'
PREVIOUS = "This is about the previous image, the one that was diagnosed. Diagnose the new one to question it."


def about(now: Session) -> str:
    """A note where the case is no longer the image on the screen, else nothing."""
    return note(PREVIOUS, "info") if now.stale else ""
