"""The views that answer about the case on the screen: each by itself, when its tab is opened or the case changes.

Only the open one is computed. The page covers what is about another case or class (assets/page/following.js), so an
answer that comes too late is never read as one about this case.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import gradio as gr

from .parts.asking import NOTHING, about
from .parts.safely import safely
from .parts.text import esc, note
from .parts.took import all_in, timed
from .session import Session

# the class in question, for the page to know at once
CLASS = "(label) => { if (window.mat) window.mat.setClass(label); }"
# whether a view is to follow, which only the page knows
TURN = "(turn) => window.mat ? window.mat.turn(turn, {addresses}) : String(Date.now())"
# the open tab's address, which only the page knows, in the place of the second input
WHERE = "(session, where, ...rest) => [session, window.mat ? window.mat.where() : 'diagnose', ...rest]"


@dataclass(frozen=True, eq=False)
class View:
    """A place that answers. address: of its tab; answer: (session, class in question or '') -> HTML; of_class: whether
    its answer depends on that class.
    """

    address: str
    shown: gr.HTML
    answer: Callable[[Session, str], str]
    of_class: bool = True


class Failed(str):
    """An answer's place was taken by what went wrong: it is asked for again the next time."""


def place(**options) -> gr.HTML:
    """An empty place for a view's answer, which the page covers while what stands there is about another case."""
    return gr.HTML("", apply_default_css=False, js_on_load=None, elem_classes="of-case", **options)


def framed(now: Session | None, html: str, label: str | None = None) -> str:
    """An answer that says which case it is about, and which class where it is about one."""
    named = "" if label is None else f' data-class="{esc(label)}"'
    return f'<div data-case="{now.key if now else ""}"{named}>{html}</div>'


def told(view: View, now: Session | None, label: str) -> str:
    """A view's answer, a sentence where there is no case, or Failed with one on what went wrong."""
    if now is None:
        return NOTHING
    return safely(lambda: about(now) + view.answer(now, label), lambda error: Failed(note(str(error))))()


def subject(now: Session | None, label: str) -> str:
    """What an answer is about: a new one is needed where this differs."""
    return f"{now.key} {label} {now.stale}" if now else ""


def turn(session: gr.State, *addresses: str, events: Sequence = ()) -> gr.Textbox:
    """An unseen field whose `change` has a view follow: the frame with the answer is drawn, a tab of `addresses` is
    open (none given: any), and the case or the class in question is another one than the last time.

    events: when else to look, such as when a tab is opened. `session.change` itself would ask for every view before
    that frame, and what the page does for each takes longer than the answer.
    """
    box = gr.Textbox(visible=False)
    js = TURN.format(addresses=json.dumps(addresses))
    gr.on([session.change, *events], None, box, box, js=js, api_visibility="private")
    return box


def tell_class(label: gr.Dropdown) -> None:
    """Let the page know the class in question at once. Before all else that hears of it: Gradio asks one by one."""
    label.change(None, label, None, js=CLASS, api_visibility="private")


def follow(session: gr.State, label: gr.Dropdown, views: list[View], tabs: list[gr.Tab]) -> None:
    """Let the views answer. tabs: all that may show one of them when they are opened."""
    answered = gr.State({})  # place of a view -> what its answer is about
    where = gr.Textbox(visible=False)
    turned = turn(session, *(view.address for view in views))

    def answer(now: Session | None, where: str, label: str, answered: dict[int, str]) -> dict:
        found, known = {}, dict(answered)
        for at, view in enumerate(views):
            asked = label if view.of_class else None
            wanted = subject(now, asked or "")
            if view.address != where or (now is not None and known.get(at) == wanted):
                continue
            html, seconds = timed(lambda view=view: told(view, now, label))
            if not isinstance(html, Failed):
                known[at] = wanted
                html += all_in(seconds) if now else ""
            found[view.shown] = framed(now, html, asked)
        return found | {state: known}

    state = answered
    gr.on(
        [turned.change, label.change, *(tab.select for tab in tabs)], answer, [session, where, label, answered],
        [answered, *(view.shown for view in views)], js=WHERE, api_visibility="private", show_progress="minimal",
        trigger_mode="always_last",
    )  # fmt: skip
