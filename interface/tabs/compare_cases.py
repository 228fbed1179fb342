"""Held case of tab Compare: two cases, settings or models side by side."""

import gradio as gr

from mat_core import Diagnoser

from ..components.answer_comparison import comparison_html
from ..components.error_handling import with_error_messages
from ..components.html_components import static_html
from ..components.stale_notice import NO_CASE, stale_notice
from ..frontend.translations import t
from ..state.model_registry import ModelRegistry
from ..state.session import SESSION_TTL, Session
from .base import WITH_ADDRESS_JS, case_html, refresh_trigger, tag_with_case

ADDRESS = "compare"
INTRODUCTION = f"<h3>{t('held')}</h3><p>{t('held.what')}</p>"


def build_compare_cases(diagnoser: Diagnoser, models: ModelRegistry, session: gr.State, tab: gr.Tab) -> None:
    """Lay out the held case in `tab`. It stays in this visitor's memory only, like the session."""
    own = diagnoser.bundle.name
    with gr.Column(elem_id="held"):
        static_html(INTRODUCTION)
        with gr.Row(elem_id="held-choices"):
            hold = gr.Button("Hold this case", size="sm", elem_id="hold", min_width=130)
            let_go = gr.Button("Let it go", size="sm", elem_id="let-go", min_width=110, visible=False)
            model = gr.Dropdown(
                [own], value=own, label="Model of the held case", elem_id="held-model", min_width=180, visible=False
            )
        shown = case_html(elem_id="held-view")
        held = gr.State(None, time_to_live=SESSION_TTL)
        where = gr.Textbox(visible=False)

    def render(session: Session | None, where: str, held: Session | None, model: str):
        if where != ADDRESS:
            return gr.skip()
        html = with_error_messages(lambda: compare_cases_html(diagnoser, models, session, held, model))()
        return tag_with_case(session, html)

    def hold_case(session: Session | None):
        if session is None:
            return gr.skip(), gr.skip(), gr.skip()
        return session, gr.update(visible=True), gr.update(choices=list(models.units()), value=own, visible=True)

    def release():
        return None, gr.update(visible=False), gr.update(visible=False)

    inputs, parts = [session, where, held, model], [held, let_go, model]
    quiet = {"api_visibility": "private", "show_progress": "minimal", "show_progress_on": [shown]}
    for event in (hold.click(hold_case, session, parts, **quiet), let_go.click(release, None, parts, **quiet)):
        event.then(render, inputs, shown, js=WITH_ADDRESS_JS, **quiet)
    trigger = refresh_trigger(session, ADDRESS, events=[tab.select])
    gr.on([trigger.change, model.input], render, inputs, shown, js=WITH_ADDRESS_JS, trigger_mode="always_last", **quiet)


def compare_cases_html(
    diagnoser: Diagnoser, models: ModelRegistry, session: Session | None, held: Session | None, model: str
) -> str:
    """Both answers; '' where no case is held. model: name of the one that answers for the held case."""
    if session is None:
        return NO_CASE
    if held is None:
        return ""
    own = diagnoser.bundle.name
    other = models.units().get(model) if model != own else None
    diagnosis = held.diagnosis
    if other is not None:
        diagnosis = other.diagnose_regions(diagnosis.regions, diagnosis.metadata)
    names = own if other is None else model, own
    return stale_notice(session) + comparison_html(held, diagnosis, session, names)
