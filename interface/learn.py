"""The view that teaches: what attention is not, and what a leak looks like, on the case that is on the screen."""

import logging

import gradio as gr

from mat_core import UserError
from mat_core.explain import leak
from mat_core.explain.leak import SAID
from mat_core.labels import BY_CODE

from .asking import BROKEN, NOTHING, about
from .models import Models
from .session import Session
from .tables import points, table
from .text import esc, note

log = logging.getLogger(__name__)

LESSONS = """
<h3>What attention is</h3>
<p>Each word asks every region a question (its query), each region answers with how well it fits (its key), and the
better it fits, the more of what it carries (its value) flows into the word. The shares sum to 1: attention is a way of
mixing, and the map shows the mixing ratios. In <em>Explore</em>, pin a cell to see one such number being
made.</p>
<h3>What attention is not</h3>
<p>It is not the reason for the answer. A region can be looked at by every word and change nothing, because what it
carries is thrown away later; another can be hardly looked at and decide. The only way to know is to take the region
away and ask again. <em>Question</em> does that, for every region, and says how far the attention agrees.</p>
<h3>What a probability is not</h3>
<p>It is a share among seven diagnoses of one dataset, of mostly fair skin, from two clinics. Nothing else exists for
the model, not even the possibility that the image shows no lesion.</p>
"""
LEAK = """
<h3>The leak</h3>
<p>HAM10000 says how each diagnosis was made. Every melanoma was confirmed by histology; every lesion that was only
followed up is a nevus. Nobody knows this before the diagnosis, yet the paper's model reads it. Here is a model that was
told, on your case, with nothing changed but that one word.</p>
"""
NO_LEAK = (
    "No model that was told dx_type is installed. To make one: python -m training mat --row paper-base-seed0, then "
    "python -m training bundle --row paper-base-seed0 --checkpoint checkpoints/leak."
)


def build_learn(models: Models, session: gr.State, tab: gr.Tab) -> None:
    """Lay the view out; the lesson on the leak is about the visitor's own case."""
    with gr.Column(elem_id="learn"):
        _html(f"<div>{LESSONS}{LEAK}</div>")
        shown = _html("", elem_id="leak-view")

    def answer(now: Session | None):
        try:
            return NOTHING if now is None else about(now) + leak_html(models, now)
        except UserError as error:
            return note(str(error))
        except Exception:
            log.exception("in learn")
            return note(BROKEN)

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
