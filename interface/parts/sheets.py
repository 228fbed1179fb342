"""What stands on paper about the case on the screen: handout and worksheet, in bytes."""

from collections.abc import Sequence

from mat_core.bundle import Bundle
from mat_core.ham10000 import ATTRIBUTION
from mat_core.handout import CAVEATS, MOST_TEXT, handout
from mat_core.labels import BY_CODE
from mat_core.worksheet import ASKS, worksheet

from ..session import Session
from .answer import meaning

DRAWN = "A drawing by this project: no patient is in it, and the model never learnt from drawings."
OWN = "An image that was given to the page; whose it is has not been said."


def handout_of(bundle: Bundle, now: Session, label: str, format: str) -> bytes:
    """The file of the case, with all that has been found about it. label: the class in question, '' for the top one."""
    title, source = titles(now)
    return handout(
        now.diagnosis, now.image(), format, title=title, source=source, caveats=caveats(bundle), label=label or None,
        **now.found,
    )  # fmt: skip


def worksheet_of(now: Session, label: str, asks: Sequence[tuple[str, ...]] = ASKS) -> bytes:
    """The case as a worksheet with these questions, as `worksheet` takes them."""
    title, source = titles(now)
    return worksheet(
        now.diagnosis, now.image(), title=title, source=source, truth=truth(now), asks=asks, label=label or None,
        **now.found,
    )  # fmt: skip


def truth(now: Session) -> str:
    """What the case is, where that is known."""
    if now.example is None:
        return ""
    name = BY_CODE[now.example.diagnosis].name
    return f"{name}: what it was drawn to look like." if now.example.synthetic else f"{name}, as confirmed."


def titles(now: Session) -> tuple[str, str]:
    """What the page is headed with, and whose the photograph is, as texts that find room."""
    example = now.example
    if example is None:
        return "", OWN
    whose = DRAWN if example.synthetic else ATTRIBUTION if not example.note else ""
    return f"Case: {example.name}"[:MOST_TEXT], f"{whose} {example.note}".strip()[:MOST_TEXT]


def caveats(bundle: Bundle) -> list[str]:
    """How well this model is calibrated; what is on every handout anyway is left out."""
    return [meaning(bundle).removeprefix(CAVEATS[0]).strip()]
