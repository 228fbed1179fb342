"""The view that teaches: what attention is not, and what a leak looks like, on the case that is on the screen."""

import gradio as gr

from mat_core.explain import leak
from mat_core.explain.leak import SAID
from mat_core.labels import BY_CODE

from ..models import Models
from ..parts.asking import NOTHING, about
from ..parts.safely import safely
from ..parts.tables import points, table
from ..parts.text import esc, note
from ..prose import prose
from ..session import Session

NO_LEAK = (
    "No model that was told dx_type is installed. To make one: python -m training mat --row paper-base-seed0, then "
    "python -m training bundle --row paper-base-seed0 --checkpoint checkpoints/leak."
)


def build_learn(models: Models, session: gr.State, tab: gr.Tab) -> None:
    """Lay the view out; the lesson on the leak is about the visitor's own case."""
    with gr.Column(elem_id="learn"):
        _html(f"<div>{prose('attention.html')}{prose('leak.html')}</div>")
        shown = _html("", elem_id="leak-view")

    @safely
    def answer(now: Session | None):
        return NOTHING if now is None else about(now) + leak_html(models, now)

    tab.select(answer, session, shown, api_visibility="private", show_progress="hidden")


def leak_html(models: Models, now: Session) -> str:
    """What the leaking model answers to each dx_type, and by how many points the word moves the melanoma."""
    told = models.leaking()
    if told is None:
        return note(NO_LEAK, "info")
    found = leak(told, now.diagnosis.regions, now.diagnosis.metadata)
    mel, silent = found.labels.index("mel"), found.probabilities[found.dx_types.index(None)]
    rows = [
        (SAID[kind], BY_CODE[found.labels[p.argmax()]].name, points(p[mel] - silent[mel]), *(f"{v:.2f}" for v in p))
        for kind, p in zip(found.dx_types, found.probabilities, strict=True)
    ]
    head = ("told", "answer", "melanoma, change", *found.labels)
    return (
        f'<p class="verdict">{esc(found.sentence())}</p>{table("One word changes", head, rows)}'
        '<p class="fine">The change is in points of 100 against being told nothing: positive, the word speaks for '
        "melanoma. A model that scores well with such a word has read the answer, not the skin. The app's own model "
        "is never told.</p>"
    )


def _html(value: str, **options) -> gr.HTML:
    return gr.HTML(value, apply_default_css=False, js_on_load=None, **options)
