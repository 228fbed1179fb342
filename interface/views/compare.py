"""The view that compares: the same case through every unit that ships, with what each was measured to do."""

import gradio as gr
import numpy as np

from mat_core import Diagnosis
from mat_core.explain import Comparison
from mat_core.explain.side_by_side import answers, compared
from mat_core.units import UNITS
from mat_core.wording import class_title, share

from ..following import View, place
from ..models import Models
from ..parts.bars import class_html, small_bars
from ..parts.measured import MEASURES, dot, scale
from ..parts.pictures import attention_picture
from ..parts.plots import dots
from ..parts.tables import details, table
from ..parts.text import esc
from ..session import Session


def build_compare(models: Models) -> list[View]:
    """Lay the view out; the other models are loaded when the tab is first opened."""
    with gr.Column(elem_id="compare"):
        shown = place(elem_id="compare-view")
    return [View("compare", shown, lambda now, label: compare_html(models, now), of_class=False)]


def compare_html(models: Models, now: Session) -> str:
    """The answer and the attention of all models side by side, where they differ, and their test figures."""
    units = models.units()
    diagnoses = answers(units, now.diagnosis.regions, now.diagnosis.metadata)
    found = compared(diagnoses)
    alone = (
        '<p class="note note-info">Only one model is installed: there is nothing to compare it with.</p>'
        if len(units) == 1
        else ""
    )
    said = f'<p class="verdict">{esc(found.sentence())}</p>'
    problems = "".join(f'<p class="fine">{esc(problem)}</p>' for problem in models.problems)
    rows = [
        (name, class_title(top), *(share(value) for value in p))
        for name, top, p in zip(found.names, found.tops, found.probabilities, strict=True)
    ]
    head = ("model", "answer", *(class_title(code) for code in found.labels))
    return (
        f"{alone or said}{_cards(models, found, diagnoses, now.image())}"
        '<p class="fine">All models see the same regions and words and were trained alike, but for their unit. A bar '
        "is the model's own calibrated probability of a class. A picture is dark where nothing "
        "is attended and has its full light from twice the even share on: the mean weight of the boxes that cover a "
        "place. The outlined regions get most. "
        "One case says nothing about which model is better: that is what the figures below are for.</p>"
        f"{details('Numbers', table('Probability of each class by model', head, rows))}"
        f"<h3>Measured on the test split</h3>{_measured(models)}{problems}"
    )


def _cards(models: Models, found: Comparison, diagnoses: dict[str, Diagnosis], image: np.ndarray) -> str:
    """A card a model: what it is, what it answers, how sure it is of each class, and where it attends."""
    cards = ""
    units = models.units()
    for name, top, p in zip(found.names, found.tops, found.probabilities, strict=True):
        wiring = UNITS[units[name].bundle.network.config.unit]
        cards += (
            f'<article><h4>{esc(wiring.name)}</h4><p class="fine">{esc(name)}: {esc(wiring.meaning)}</p>'
            f"<p><strong>{class_html(top)}</strong></p>{small_bars(found.labels, p)}"
            f"{_attention(diagnoses[name], image, name)}</article>"
        )
    return f'<div class="cards">{cards}</div>'


def _attention(diagnosis: Diagnosis, image: np.ndarray, name: str) -> str:
    weights = diagnosis.attended
    if weights is None:
        return '<p class="fine unseen">No block of this model attends to regions.</p>'
    who = "the words" if diagnosis.attention.words_to_regions is not None else "the other regions"
    picture = attention_picture(image, diagnosis.regions, weights, name)
    return f'<figure class="seen">{picture}<figcaption>Attention of {who}</figcaption></figure>'


def _measured(models: Models) -> str:
    """A plot of dots and intervals for each measure, a row a model, and the same as a table."""
    known = {name: d.bundle.metrics.get("test") or {} for name, d in models.units().items()}
    drawn = ""
    for key, (title, meaning) in MEASURES.items():
        marks = [dot(name, figures.get(key)) for name, figures in known.items()]
        start, ticks = scale([mark.low for mark in marks if mark.low is not None])
        drawn += (
            f'<section><h4>{esc(title)}</h4><p class="fine">{esc(meaning[0].upper() + meaning[1:])}.</p>'
            f"{dots(f'{title}, test split', marks, (start, 1.0), ticks)}</section>"
        )
    rows = [(name, *(_value(figures.get(key)) for key in MEASURES)) for name, figures in known.items()]
    head = ("model", *(title for title, _ in MEASURES.values()))
    return (
        f'<div class="plots">{drawn}</div><p class="fine">Dots are values, bars their 95% intervals, by bootstrap over '
        "lesions. Further right is better; where intervals overlap, the difference may be chance.</p>"
        f"{details('Numbers', table('Test figures', head, rows))}"
    )


def _value(figure) -> str:
    if not isinstance(figure, dict):
        return "not measured"
    low, high = figure["interval95"]
    return f"{share(figure['value'])} ({share(low)} to {share(high)})"
