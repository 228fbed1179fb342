"""The view that doubts, as tabs: what really mattered, whether attention knew it, what else could be true, how sure."""

import functools
from collections.abc import Callable

import gradio as gr

from mat_core import Diagnoser
from mat_core.labels import BY_CODE

from .parts.asking import NOTHING, about, ask_again, only_about, subject
from .parts.safely import safely
from .session import Session
from .views.check_attention import agreement_html
from .views.doubt import build_threshold, doubt_html
from .views.hide import build_hiding
from .views.take_away import ablation_html
from .views.what_if import what_if_html

OWN = "the answer's own"


def build_question(diagnoser: Diagnoser, session: gr.State) -> None:
    """Lay the view out. Nothing is computed before one of its tabs is opened or a choice in it is made."""
    choices = [(OWN, ""), *((BY_CODE[code].name, code) for code in diagnoser.bundle.labels)]
    with gr.Column(elem_id="question"):
        gr.HTML(
            "<p>Attention is not explanation. Each tab asks the model itself, and says what its numbers mean.</p>",
            apply_default_css=False, js_on_load=None,
        )  # fmt: skip
        label = gr.Dropdown(choices, value="", label="Class to question", elem_id="question-class")
        with gr.Tabs():
            for name, key, view in (
                ("Take away", "ablation", ablation_html),
                ("Check attention", "agreement", agreement_html),
                ("What if", "what-if", what_if_html),
                ("Doubt", "doubt", doubt_html),
            ):
                with gr.Tab(name, id=key) as tab:
                    ask = gr.Button("Ask", variant="primary", size="sm", elem_id=f"ask-{key}")
                    shown = gr.HTML("", apply_default_css=False, js_on_load=None, elem_id=f"{key}-view")
                    answer = functools.partial(_asked, functools.partial(view, diagnoser))
                    answered = gr.State("")  # which case and class the answer is about
                    asked = {"api_visibility": "private", "show_progress": "full", "show_progress_on": [shown]}
                    asking = gr.on([ask.click, tab.select], answer, [session, label], [shown, answered], **asked)
                    quiet = {"api_visibility": "private", "show_progress": "hidden"}
                    # another case or another class: what stands there is not about it, nor what comes too late
                    gr.on([session.change, label.change], ask_again, session, shown, **quiet)
                    asking.then(only_about, [session, label, answered], shown, **quiet)
                if key == "ablation":
                    build_hiding(diagnoser, session, label)
                if key == "doubt":
                    with tab:
                        build_threshold(diagnoser, session)


def _asked(view: Callable, now: Session | None, label: str) -> tuple[str, str]:
    return (NOTHING if now is None else safely(lambda: about(now) + view(now, label))()), subject(now, label)
