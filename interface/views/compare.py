"""The view that compares: the same case through every unit that ships, with what each was measured to do."""

import gradio as gr

from mat_core.explain import compare
from mat_core.labels import BY_CODE
from mat_core.units import UNITS

from ..following import View, place
from ..models import Models
from ..parts.tables import Markup, table
from ..parts.text import esc
from ..session import Session


def build_compare(models: Models) -> list[View]:
    """Lay the view out; the other models are loaded when the tab is first opened."""
    with gr.Column(elem_id="compare"):
        shown = place(elem_id="compare-view")
    return [View("compare", shown, lambda now, label: compare_html(models, now), of_class=False)]


def compare_html(models: Models, now: Session) -> str:
    """Probabilities of all models side by side, where they differ, and their test figures."""
    units = models.units()
    found = compare(units, now.diagnosis.regions, now.diagnosis.metadata)
    rows = [
        (name, BY_CODE[top].name, *(f"{value:.2f}" for value in p))
        for name, top, p in zip(found.names, found.tops, found.probabilities, strict=True)
    ]
    measured = []
    for name, diagnoser in units.items():
        wiring = UNITS[diagnoser.bundle.network.config.unit]
        figures = diagnoser.bundle.metrics.get("test") or {}
        values = [_value(figures.get(key)) for key in ("acc", "lrap", "auc", "balanced_acc")]
        told = Markup(f'{esc(name)}<span class="what">{esc(wiring.meaning)}</span>')
        measured.append((told, *values))
    alone = (
        '<p class="note note-info">Only one model is installed: there is nothing to compare it with.</p>'
        if len(units) == 1
        else ""
    )
    said = f'<p class="verdict">{esc(found.sentence())}</p>'
    problems = "".join(f'<p class="fine">{esc(problem)}</p>' for problem in models.problems)
    return (
        f"{alone or said}"
        f"{table('Probability of each class by model', ('model', 'answer', *found.labels), rows)}"
        '<p class="fine">All models see the same regions and words and were trained alike, but for their unit. A '
        "number is the model's own calibrated probability of a class. One case says nothing about which is better: "
        "that is what the table below is for.</p><h3>Measured on the test split</h3>"
        f"{table('Test figures', ('model', 'ACC', 'LRAP', 'macro AUC', 'balanced ACC'), measured)}"
        '<p class="fine">Values with their 95 % intervals, by bootstrap over lesions. Larger is better; where '
        f"intervals overlap, the difference may be chance.</p>{problems}"
    )


def _value(figure) -> str:
    if not isinstance(figure, dict):
        return "not measured"
    low, high = figure["interval95"]
    return f"{figure['value']:.3f} ({low:.3f} to {high:.3f})"
