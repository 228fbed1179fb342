"""The view that teaches: what attention is not, how alike regions become, what a leak looks like, on a case."""

import gradio as gr
import numpy as np

from mat_core.colours import class_colour
from mat_core.explain import Leak, leak, similarity
from mat_core.explain.leak import SAID
from mat_core.units import UNITS
from mat_core.wording import class_title, points, share

from ..examples import Example
from ..following import View, place
from ..models import Models
from ..parts.bars import shares
from ..parts.charts import stages
from ..parts.gallery import thumbnail
from ..parts.lesson import lesson_html
from ..parts.tables import details, table
from ..parts.text import esc, note
from ..prose import glossary_html, prose
from ..session import Session

NO_LEAK = (
    "No model that was told dx_type is installed. To make one: python -m training mat --row paper-base-seed0, then "
    "python -m training bundle --row paper-base-seed0 --checkpoint checkpoints/leak."
)
LEAKED = (
    "Bars: the probability of melanoma, with the word that was told and the answer. The line across all is what it "
    "says when told nothing; changes are in points against that: positive, the word speaks for melanoma. A model that "
    "scores well with such a word has read the answer, not the skin. The app's own model is never told."
)
STAGES = {"detector": "detector", "embedding": "before blocks", "SA": "after SA", "GA": "after GA"}


def build_learn(models: Models, examples: list[Example]) -> list[View]:
    """Lay the view out; the figure and the lesson on the leak are about the visitor's own case, too."""
    with gr.Row(elem_id="learn"):
        with gr.Column(min_width=480):
            _html(f"<div>{prose('attention.html')}</div>")
            lesson = place(elem_id="lesson-view")
            _html(f"<div>{prose('not-attention.html')}</div>")
        with gr.Column(min_width=480):
            _html(f"<div>{prose('alike.html')}</div>")
            alike = place(elem_id="alike-view")
        with gr.Column(min_width=480):
            _html(f"<div>{prose('leak.html')}</div>")
            shown = place(elem_id="leak-view")
            _html(glossary_html(), elem_id="glossary")

    def tell_leak(now: Session) -> str:  # the first time loads the other models
        if models.leaking() is None:
            return note(NO_LEAK, "info")
        chosen, own = chosen_html(*models.most_leaking(examples)), leak_html(models, now)
        return f'<div class="two"><section>{chosen}</section><section>{own}</section></div><p class="fine">{LEAKED}</p>'

    lessons = ((lesson, lesson_html), (alike, lambda now: alike_html(models, now)), (shown, tell_leak))
    return [View("learn", at, lambda now, label, tell=tell: tell(now), of_class=False) for at, tell in lessons]


def alike_html(models: Models, now: Session) -> str:
    """The mean cosine between the regions' tokens at every stage, for every unit that ships."""
    found = {
        UNITS[d.bundle.network.config.unit].name: similarity(d, now.diagnosis.regions, now.diagnosis.metadata)
        for d in models.units().values()
    }
    own = next(iter(found.values()))
    if np.isnan(own.cosine).any():
        return f'<p class="empty">{esc(own.sentence())}</p>'
    order = tuple(_stage(s) for s in sorted({s for one in found.values() for s in one.stages}, key=_place))
    curves = {
        name: {_stage(stage): float(c) for stage, c in zip(one.stages, one.cosine, strict=True)}
        for name, one in found.items()
    }
    rows = [(name, *(f"{curve[s]:.2f}" if s in curve else "" for s in order)) for name, curve in curves.items()]
    drawn = stages(
        order, curves, "mean cosine between regions", "How alike the regions are at every stage; the table has numbers"
    )
    return (
        f'<p class="verdict">{esc(own.sentence())}</p>{drawn}'
        f"{details('Numbers', table('How alike the regions are', ('unit', *order), rows))}"
        '<p class="fine">The mean cosine over all pairs of regions of this case: 0, they have nothing in common; 1, '
        "all point the same way (Dong et al. 2021). Where all are alike, it hardly matters which of them is attended "
        "to, or taken away.</p>"
    )


def _stage(stage: str) -> str:
    """A stage of `Similarity`, such as 'SA' or 'SA 2', as the page calls it."""
    kind, *layer = stage.split()
    return " ".join([STAGES[kind], *layer])


def _place(stage: str) -> tuple[int, int]:
    """Where a stage comes: what lies before the blocks, then layer by layer."""
    kind, *layer = stage.split()
    before_blocks = kind in ("detector", "embedding")
    return 0 if before_blocks else int(layer[0]) if layer else 1, list(STAGES).index(kind)


def chosen_html(example: Example, found: Leak) -> str:
    """The example that the word moves most, with its picture; `found` is of it."""
    return (
        f'<h4>{esc(example.name)}</h4><figure class="leak-case">{thumbnail(example)}<figcaption>Chosen because, of the '
        "examples offered here, it is the one in which the word moves melanoma most.</figcaption></figure>"
        f"{_told(found)}"
    )


def leak_html(models: Models, now: Session) -> str:
    """What the leaking model answers to each dx_type about the visitor's case."""
    told = models.leaking()
    if told is None:
        return note(NO_LEAK, "info")
    found = leak(told, now.diagnosis.regions, now.diagnosis.metadata)
    return f"<h4>Your case</h4>{_told(found)}"


def _told(found: Leak) -> str:
    """What each dx_type makes of the answer, and by how many points it moves melanoma."""
    mel, silent = found.labels.index("mel"), found.probabilities[found.dx_types.index(None)]
    rows = [
        (SAID[kind], class_title(found.labels[p.argmax()]), points(p[mel] - silent[mel]), *(share(v) for v in p))
        for kind, p in zip(found.dx_types, found.probabilities, strict=True)
    ]
    head = ("told", "answer", "melanoma, change", *(class_title(code) for code in found.labels))
    bars = [
        (f"told {told}: {answer}", float(p[mel]))
        for (told, answer, *_), p in zip(rows, found.probabilities, strict=True)
    ]
    return (
        f'<p class="verdict">{esc(found.sentence())}</p>'
        f"{shares('Melanoma by how the diagnosis was made', bars, class_colour('mel'), None, float(silent[mel]))}"
        f"{details('Numbers', table('One word changes', head, rows))}"
    )


def _html(value: str, **options) -> gr.HTML:
    return gr.HTML(value, apply_default_css=False, js_on_load=None, **options)
