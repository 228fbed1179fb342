"""Tab Question: ablation, occlusion, faithfulness, counterfactuals, uncertainty and similar cases, each in a tab."""

import functools

import gradio as gr

from mat_core import Diagnoser
from teaching.cases.library import CaseLibrary

from ..components.html_components import static_html
from ..frontend.translations import t
from ..state.model_registry import ModelRegistry
from .base import CaseView, case_html
from .question_ablation import ablation_html
from .question_counterfactual import counterfactual_html
from .question_faithfulness import faithfulness_html
from .question_occlusion import build_occlusion
from .question_similar import similar_html
from .question_uncertainty import build_threshold, uncertainty_html


def build_question(
    diagnoser: Diagnoser, models: ModelRegistry, library: CaseLibrary, session: gr.State, label: gr.Dropdown,
    outer: gr.Tab,
) -> tuple[list[CaseView], list[gr.Tab]]:  # fmt: skip
    """Lay out the tab `outer`; returns its views and the tabs inside. label: target class.

    Views with their own events listen to `outer` too, as an inner tab that is still open is not selected again.
    """
    views, tabs = [], []
    check_attention = functools.partial(faithfulness_html, diagnoser, models=models)
    with gr.Column(elem_id="question"):
        static_html(
            f"<p>{t('question.what')}</p>",
        )  # fmt: skip
        with gr.Tabs(overflow_behavior="wrap"):  # a link cannot open a tab in a menu
            for name, address, key, view in (
                ("Take away", "take-away", "ablation", functools.partial(ablation_html, diagnoser)),
                ("Check attention", "check-attention", "agreement", check_attention),
                ("What if", "what-if", "what-if", functools.partial(counterfactual_html, diagnoser)),
                ("Doubt", "doubt", "doubt", functools.partial(uncertainty_html, diagnoser)),
                ("Similar cases", "similar-cases", "similar", functools.partial(similar_html, diagnoser, library)),
            ):
                with gr.Tab(name, id=address) as tab:
                    views.append(CaseView(address, case_html(elem_id=f"{key}-view"), view))
                    if key == "doubt":
                        build_threshold(diagnoser, session, address, [outer, tab])
                tabs.append(tab)
                if key == "ablation":
                    build_occlusion(diagnoser, session, label, outer)
    return views, tabs
