"""Tab Compare: the same case through every installed model, with their test metrics."""

import gradio as gr
import numpy as np

from mat_core import Diagnosis
from mat_core.explain import ModelComparison
from mat_core.explain.model_comparison import answers, compared
from mat_core.models.transformer import UNITS
from mat_core.utils.formatting import format_percent
from teaching.sentences import comparison_text

from ..components.bar_charts import class_html, small_bars
from ..components.dot_plots import dots
from ..components.image_thumbnails import attention_figure
from ..components.model_metrics import MEASURES, dot, scale
from ..components.tables import numbers_table
from ..frontend.html import escape
from ..frontend.translations import class_text, t, text
from ..state.model_registry import ModelRegistry
from ..state.session import Session
from .base import CaseView, case_html


def build_compare_models(models: ModelRegistry) -> list[CaseView]:
    """Lay out the models; the others are loaded when the tab is first opened."""
    with gr.Column(elem_id="compare"):
        shown = case_html(elem_id="compare-view")
    return [CaseView("compare", shown, lambda session, label: compare_models_html(models, session), of_class=False)]


def compare_models_html(models: ModelRegistry, session: Session) -> str:
    """The answer and the attention of all models side by side, where they differ, and their test figures."""
    units = models.units()
    diagnoses = answers(units, session.diagnosis.regions, session.diagnosis.metadata)
    comparison = compared(diagnoses)
    alone = f'<p class="note note-info">{t("compare.one-model")}</p>' if len(units) == 1 else ""
    summary = f'<p class="verdict">{escape(comparison_text(comparison))}</p>'
    problems = "".join(f'<p class="fine">{escape(problem)}</p>' for problem in models.problems)
    rows = [
        (name, class_text(top), *(format_percent(value) for value in p))
        for name, top, p in zip(comparison.names, comparison.tops, comparison.probabilities, strict=True)
    ]
    head = (text("common.model"), text("common.answer"), *(class_text(code) for code in comparison.labels))
    return (
        f"{alone or summary}{_cards(models, comparison, diagnoses, session.image)}"
        f'<p class="fine">{t("compare.all-models")}</p>'
        f"{numbers_table(text('compare.table'), head, rows)}"
        f"<h3>{t('compare.measured')}</h3>{_measured(models)}{problems}"
    )


def _cards(
    models: ModelRegistry, comparison: ModelComparison, diagnoses: dict[str, Diagnosis], image: np.ndarray
) -> str:
    """A card for each model: unit, answer, probabilities and attention."""
    cards = ""
    units = models.units()
    for name, top, p in zip(comparison.names, comparison.tops, comparison.probabilities, strict=True):
        kind = units[name].bundle.network.config.unit
        unit = UNITS[kind]
        cards += (
            f'<article><h4>{escape(unit.name)}</h4><p class="fine">{escape(name)}: {t(f"unit.{kind}")}</p>'
            f"<p><strong>{class_html(top)}</strong></p>{small_bars(comparison.labels, p)}"
            f"{_attention(diagnoses[name], image, name)}</article>"
        )
    return f'<div class="cards">{cards}</div>'


def _attention(diagnosis: Diagnosis, image: np.ndarray, name: str) -> str:
    who = "words" if diagnosis.attention.words_to_regions is not None else "regions"
    return attention_figure(image, diagnosis, name, text(f"compare.of-{who}"))


def _measured(models: ModelRegistry) -> str:
    """A plot of dots and intervals for each measure, a row a model, and the same as a table."""
    metrics = {name: d.bundle.metrics.get("test") or {} for name, d in models.units().items()}
    plots = ""
    for key, (title, meaning) in MEASURES.items():
        marks = [dot(name, figures.get(key)) for name, figures in metrics.items()]
        start, ticks = scale([mark.low for mark in marks if mark.low is not None])
        plots += (
            f'<section><h4>{escape(title)}</h4><p class="fine">{escape(meaning)}</p>'
            f"{dots(title, marks, (start, 1.0), ticks)}</section>"
        )
    rows = [(name, *(_value(figures.get(key)) for key in MEASURES)) for name, figures in metrics.items()]
    head = (text("common.model"), *(title for title, _ in MEASURES.values()))
    return (
        f'<div class="plots">{plots}</div><p class="fine">{t("compare.dots")}</p>'
        f"{numbers_table(text('compare.test-table'), head, rows)}"
    )


def _value(figure) -> str:
    if not isinstance(figure, dict):
        return text("common.unmeasured")
    low, high = figure["interval95"]
    value, low, high = (format_percent(share) for share in (figure["value"], low, high))
    return text("common.interval", value=value, low=low, high=high)
