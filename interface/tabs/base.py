"""Views of the current case, which update when their tab is opened or the case changes.

Only the open tab is computed. The page covers views of another case or class (assets/page/current_case.js), so that a
late answer is not mistaken for the current one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import gradio as gr

from ..components.error_handling import with_error_messages
from ..components.html_components import static_html
from ..components.stale_notice import NO_CASE, stale_notice
from ..components.timing import timed, total_time_html
from ..frontend.html import escape, note
from ..frontend.scripts import handler
from ..state.session import Session

SET_CLASS_JS = handler("page/current_case.js", "setClass")
NEXT_TURN_JS = ("page/current_case.js", "nextTurn")
# the page replaces the second input with the address of the open tab
WITH_ADDRESS_JS = handler("page/current_case.js", "withAddress")


@dataclass(frozen=True, eq=False)
class CaseView:
    """A view. address: of its tab; answer: (session, target class or '') -> HTML; of_class: whether that depends on the
    target class.
    """

    address: str
    shown: gr.HTML
    answer: Callable[[Session, str], str]
    of_class: bool = True


class Failed(str):
    """An error message in place of an answer, which is not cached."""


def case_html(**options) -> gr.HTML:
    """An empty output, which the page covers while its content is about another case."""
    return static_html("", elem_classes="of-case", **options)


def tag_with_case(session: Session | None, html: str, label: str | None = None) -> str:
    """Mark HTML with its case and, where it depends on it, its target class."""
    named = "" if label is None else f' data-class="{escape(label)}"'
    return f'<div data-case="{session.key if session else ""}"{named}>{html}</div>'


def render_or_error(view: CaseView, session: Session | None, label: str) -> str:
    """A view's answer, NO_CASE, or a Failed message."""
    if session is None:
        return NO_CASE
    return with_error_messages(
        lambda: stale_notice(session) + view.answer(session, label), lambda error: Failed(note(str(error)))
    )()


def cache_key(session: Session | None, label: str) -> str:
    """Identifies what an answer depends on."""
    return f"{session.key} {label} {session.is_stale}" if session else ""


def refresh_trigger(session: gr.State, *addresses: str, events: Sequence = ()) -> gr.Textbox:
    """A hidden field that changes when a view must update: after the answer is painted, if a tab of `addresses` is open
    (default: any) and the case or the target class has changed.

    events: further ones to check at, e.g. a tab's select. `session.change` alone would update all views before the
    answer is painted, which takes longer than the answer.
    """
    field = gr.Textbox(visible=False)
    js = handler(*NEXT_TURN_JS, addresses)
    gr.on([session.change, *events], None, field, field, js=js, api_visibility="private")
    return field


def sync_target_class(label: gr.Dropdown) -> None:
    """Pass the target class to the page. Call it before other listeners are added: Gradio runs them in order."""
    label.change(None, label, None, js=SET_CLASS_JS, api_visibility="private")


def wire_case_views(session: gr.State, label: gr.Dropdown, views: list[CaseView], tabs: list[gr.Tab]) -> None:
    """Bind the views' updates. tabs: all that can show one of them."""
    keys = gr.State({})  # index of a view -> cache_key of its answer
    where = gr.Textbox(visible=False)
    trigger = refresh_trigger(session, *(view.address for view in views))

    def answer(session: Session | None, where: str, label: str, cached: dict[int, str]) -> dict:
        updates, cached = {}, dict(cached)
        for index, view in enumerate(views):
            target = label if view.of_class else None
            key = cache_key(session, target or "")
            if view.address != where or (session is not None and cached.get(index) == key):
                continue
            html, seconds = timed(lambda view=view: render_or_error(view, session, label))
            if not isinstance(html, Failed):
                cached[index] = key
                html += total_time_html(seconds) if session else ""
            updates[view.shown] = tag_with_case(session, html, target)
        return updates | {keys: cached}

    gr.on(
        [trigger.change, label.change, *(tab.select for tab in tabs)], answer, [session, where, label, keys],
        [keys, *(view.shown for view in views)], js=WITH_ADDRESS_JS, api_visibility="private",
        show_progress="minimal", trigger_mode="always_last",
    )  # fmt: skip
