"""The view that doubts, as tabs: what really mattered, whether attention knew it, what else could be true, how sure."""

import functools

import gradio as gr

from mat_core import Diagnoser

from .following import View, place
from .views.check_attention import agreement_html
from .views.doubt import build_threshold, doubt_html
from .views.hide import build_hiding
from .views.take_away import ablation_html
from .views.what_if import what_if_html


def build_question(
    diagnoser: Diagnoser, session: gr.State, label: gr.Dropdown, outer: gr.Tab
) -> tuple[list[View], list[gr.Tab]]:
    """Lay the view out in `outer`; returns what answers about a case, and the tabs inside. label: class in question.

    What follows the case in events of its own hears of `outer`, too: a tab inside that was left open is not selected
    again when one comes back to it.
    """
    views, tabs = [], []
    with gr.Column(elem_id="question"):
        gr.HTML(
            "<p>Attention is not explanation. Each tab asks the model itself, and says what its numbers mean.</p>",
            apply_default_css=False, js_on_load=None,
        )  # fmt: skip
        with gr.Tabs():
            for name, address, key, view in (
                ("Take away", "take-away", "ablation", ablation_html),
                ("Check attention", "check-attention", "agreement", agreement_html),
                ("What if", "what-if", "what-if", what_if_html),
                ("Doubt", "doubt", "doubt", doubt_html),
            ):
                with gr.Tab(name, id=address) as tab:
                    views.append(View(address, place(elem_id=f"{key}-view"), functools.partial(view, diagnoser)))
                    if key == "doubt":
                        build_threshold(diagnoser, session, address, [outer, tab])
                tabs.append(tab)
                if key == "ablation":
                    build_hiding(diagnoser, session, label, outer)
    return views, tabs
