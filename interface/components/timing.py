"""The timing line of an answer, and the progress of what takes seconds."""

import time
from collections.abc import Callable
from typing import TypeVar

import gradio as gr

from ..frontend.html import escape
from ..frontend.translations import Text, t, text
from ..state.session import Session, Timings

Result = TypeVar("Result")


def timing_html(timings: Timings | None) -> str:
    """An answer's time, with its parts and the time to paint (filled in by the page) on hover or focus."""
    if timings is None:
        return ""
    parts = {
        t("took.image"): timings.decode,
        t("took.regions"): timings.detect,
        t("took.network"): timings.network,
        t("took.pictures"): timings.copies + timings.drawing,
    }
    parts_text = ", ".join(
        f"<span>{name} {escape(format_seconds(value))}</span>" for name, value in parts.items() if value is not None
    )
    total = sum(value for value in parts.values() if value is not None)
    screen = f'<span data-part="screen" hidden>; {t("took.screen")} <span data-part="time"></span></span>'
    return (
        f'<div class="took at-head" data-terms="off" tabindex="0" role="note"><b>{t("took")} '
        f"{escape(format_seconds(total))}</b>"
        f"<i>{parts_text}{screen}</i></div>"
    )


def total_time_html(seconds: float) -> str:
    """One total time."""
    return f'<p class="fine took" data-terms="off">{t("took")} {escape(format_seconds(seconds))}</p>'


def timed(compute: Callable[[], Result]) -> tuple[Result, float]:
    """The result of `compute` and the seconds it took."""
    start = time.perf_counter()
    return compute(), time.perf_counter() - start


def format_seconds(seconds: float) -> Text:
    """'8 ms', '1.2 s'."""
    if seconds >= 0.9995:
        return text("time.seconds", n=f"{seconds:.1f}")
    return text("time.milliseconds", n=f"{1000 * seconds:.0f}") if seconds >= 0.0005 else text("time.less")


def progress_options(session: Session, progress: gr.Progress) -> dict:
    """Options of the core's occlusion: how to report progress, and when to stop."""

    def report(done: int, of: int) -> None:
        progress((done, of), unit="")  # no words: the server does not know the page's language

    return {"progress": report, "cancelled": session.cancelled.is_set}
