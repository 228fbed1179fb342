"""Compare: a case is held beside the one on the screen, so that two cases, settings or models are seen at once."""

import gradio as gr

from mat_core import Diagnoser

from ..following import WHERE, framed, place, turn
from ..models import Models
from ..parts.asking import NOTHING, about
from ..parts.safely import safely
from ..parts.two import two_html
from ..session import IDLE, Session

ADDRESS = "compare"
INTRODUCTION = (
    "<h3>Two cases, or two settings</h3><p>Hold a case, then open another one, or change its age, sex or site on "
    "Diagnose: both stand here side by side. The held one can be answered by another model, too.</p>"
)


def build_held(diagnoser: Diagnoser, models: Models, session: gr.State, tab: gr.Tab) -> None:
    """Lay it out inside of `tab`. What is held is in this visitor's memory, as the session is, and nowhere else."""
    own = diagnoser.bundle.name
    with gr.Column(elem_id="held"):
        gr.HTML(INTRODUCTION, apply_default_css=False, js_on_load=None)
        with gr.Row(elem_id="held-choices"):
            hold = gr.Button("Hold this case", size="sm", elem_id="hold", min_width=130)
            let_go = gr.Button("Let it go", size="sm", elem_id="let-go", min_width=110, visible=False)
            model = gr.Dropdown(
                [own], value=own, label="Model of the held case", elem_id="held-model", min_width=180, visible=False
            )
        shown = place(elem_id="held-view")
        held = gr.State(None, time_to_live=IDLE)
        where = gr.Textbox(visible=False)

    def look(now: Session | None, where: str, kept: Session | None, name: str):
        if where != ADDRESS:
            return gr.skip()
        return framed(now, safely(lambda: held_html(diagnoser, models, now, kept, name))())

    def keep(now: Session | None):
        if now is None:
            return gr.skip(), gr.skip(), gr.skip()
        return now, gr.update(visible=True), gr.update(choices=list(models.units()), value=own, visible=True)

    def release():
        return None, gr.update(visible=False), gr.update(visible=False)

    given, parts = [session, where, held, model], [held, let_go, model]
    quiet = {"api_visibility": "private", "show_progress": "minimal", "show_progress_on": [shown]}
    for button, handler, inputs in ((hold, keep, [session]), (let_go, release, None)):
        button.click(handler, inputs, parts, **quiet).then(look, given, shown, js=WHERE, **quiet)
    turned = turn(session, ADDRESS, events=[tab.select])
    gr.on([turned.change, model.input], look, given, shown, js=WHERE, trigger_mode="always_last", **quiet)


def held_html(diagnoser: Diagnoser, models: Models, now: Session | None, kept: Session | None, name: str) -> str:
    """What stands there: both answers, or nothing where nothing is held. name: of the model that answers for `kept`."""
    if now is None:
        return NOTHING
    if kept is None:
        return ""
    own = diagnoser.bundle.name
    other = models.units().get(name) if name != own else None
    then = kept.diagnosis if other is None else other.diagnose_regions(kept.diagnosis.regions, kept.diagnosis.metadata)
    return about(now) + two_html(kept, then, now, (own if other is None else name, own))
