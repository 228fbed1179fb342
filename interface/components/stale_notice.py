"""Notices of the views: no case yet, or a case whose image was replaced."""

from ..frontend.html import note
from ..frontend.translations import t, text
from ..state.session import Session

NO_CASE = f'<p class="empty">{t("view.nothing")}</p>'
PREVIOUS = text("answer.previous")


def stale_notice(session: Session) -> str:
    """A note where another image is chosen, else ''."""
    return note(PREVIOUS, "info") if session.is_stale else ""
