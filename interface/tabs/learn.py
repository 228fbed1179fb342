"""Tab Learn: what attention is and is not, token similarity, label leakage, and the answer stage by stage."""

from functools import partial

import gradio as gr
import numpy as np

from mat_core.display.colors import class_color
from mat_core.explain import LabelLeakage, answer_stages, label_leakage, similarity
from mat_core.models.transformer import UNITS
from mat_core.utils.formatting import format_percent, format_points
from teaching.cases.example import Example
from teaching.sentences import leakage_text, similarity_text, told_text

from ..components.bar_charts import shares
from ..components.example_gallery import picture_of
from ..components.html_components import static_html
from ..components.line_charts import stages
from ..components.qkv_diagram import lesson_html
from ..components.stages_chart import stages_html
from ..components.tables import numbers_table
from ..frontend.html import escape, note
from ..frontend.texts import glossary_html, prose
from ..frontend.translations import Text, class_text, t, text
from ..state.model_registry import ModelRegistry
from ..state.session import Session
from .base import CaseView, case_html

NO_LEAK = text("learn.no-leak")
STAGES = ("detector", "embedding", "SA", "GA")


def build_learn(models: ModelRegistry, examples: list[Example]) -> list[CaseView]:
    """Lay out the tab."""
    with gr.Row(elem_id="learn"):
        with gr.Column(min_width=480):
            static_html(f"<div>{prose('attention.html')}</div>")
            lesson = case_html(elem_id="lesson-view")
            static_html(f"<div>{prose('not-attention.html')}</div>")
        with gr.Column(min_width=480):
            static_html(f"<div>{prose('alike.html')}</div>")
            alike = case_html(elem_id="alike-view")
        with gr.Column(min_width=480):
            static_html(f"<div>{prose('leak.html')}</div>")
            shown = case_html(elem_id="leak-view")
            static_html(glossary_html(), elem_id="glossary")
    with gr.Column(elem_id="stages"):
        static_html(f"<h3>{t('stages.title')}</h3><p>{t('stages.what')}</p>")
        staged = case_html(elem_id="stages-view")

    def leak_section(session: Session) -> str:  # the first time loads the other models
        if models.leaking() is None:
            return note(NO_LEAK, "info")
        chosen, own = chosen_html(*models.strongest_leak(examples)), leak_html(models, session)
        parts = f'<div class="two"><section>{chosen}</section><section>{own}</section></div>'
        return f'{parts}<p class="fine">{t("learn.leaked")}</p>'

    sections = {
        lesson: lesson_html, alike: partial(token_similarity_html, models), shown: leak_section,
        staged: lambda session: stages_html(answer_stages(models.units().values(), session.diagnosis)),
    }  # fmt: skip
    return [
        CaseView("learn", place, lambda session, label, render=render: render(session), of_class=False)
        for place, render in sections.items()
    ]


def token_similarity_html(models: ModelRegistry, session: Session) -> str:
    """The mean cosine between the regions' tokens at every stage, for every unit that ships."""
    results = {
        UNITS[d.bundle.network.config.unit].name: similarity(d, session.diagnosis) for d in models.units().values()
    }
    own = next(iter(results.values()))  # of the model that answers
    if np.isnan(own.cosine).any():
        return f'<p class="empty">{escape(similarity_text(own))}</p>'
    order = tuple(map(_stage, sorted({stage for result in results.values() for stage in result.stages}, key=_place)))
    curves = {
        name: dict(zip(map(_stage, result.stages), map(float, result.cosine), strict=True))
        for name, result in results.items()
    }
    rows = [
        (name, *(f"{curve[stage]:.2f}" if stage in curve else "" for stage in order)) for name, curve in curves.items()
    ]
    chart = stages(order, curves, text("learn.cosine-axis"), text("learn.alike-chart"))
    return (
        f'<p class="verdict">{escape(similarity_text(own))}</p>{chart}'
        f"{numbers_table(text('learn.alike-table'), (text('learn.unit'), *order), rows)}"
        f'<p class="fine">{t("learn.cosine")}</p>'
    )


def _stage(stage: str) -> Text:
    """A stage of `Similarity`, such as 'SA' or 'SA 2', as the page calls it."""
    kind, *layer = stage.split()
    name = text(f"stage.{kind}")
    return text("stage.numbered", stage=name, n=int(layer[0])) if layer else name


def _place(stage: str) -> tuple[int, int]:
    """Where a stage comes: what lies before the blocks, then layer by layer."""
    kind, *layer = stage.split()
    before_blocks = kind in ("detector", "embedding")
    return 0 if before_blocks else int(layer[0]) if layer else 1, STAGES.index(kind)


def chosen_html(example: Example, result: LabelLeakage) -> str:
    """The example with the largest leakage. result: of this example."""
    return (
        f'<h4>{escape(example.name)}</h4><figure class="leak-case">{picture_of(example.path)}'
        f"<figcaption>{t('learn.chosen')}</figcaption></figure>{_leakage_html(result)}"
    )


def leak_html(models: ModelRegistry, session: Session) -> str:
    """Label leakage of the current case."""
    model = models.leaking()
    if model is None:
        return note(NO_LEAK, "info")
    result = label_leakage(model, session.diagnosis.regions, session.diagnosis.metadata)
    return f"<h4>{t('learn.case')}</h4>{_leakage_html(result)}"


def _leakage_html(result: LabelLeakage) -> str:
    """The answer for each dx_type, and the change of melanoma in points."""
    mel, without = result.labels.index("mel"), result.probabilities[result.dx_types.index(None)]
    rows = [
        (
            told_text(kind),
            class_text(result.labels[p.argmax()]),
            format_points(p[mel] - without[mel]),
            *(format_percent(v) for v in p),
        )
        for kind, p in zip(result.dx_types, result.probabilities, strict=True)
    ]
    head = (
        text("learn.told"),
        text("common.answer"),
        text("learn.mel-change"),
        *(class_text(code) for code in result.labels),
    )
    bars = [
        (text("learn.told-answer", word=word, answer=answer), float(p[mel]))
        for (word, answer, *_), p in zip(rows, result.probabilities, strict=True)
    ]
    return (
        f'<p class="verdict">{escape(leakage_text(result))}</p>'
        f"{shares(text('learn.by-dx-type'), bars, class_color('mel'), None, float(without[mel]))}"
        f"{numbers_table(text('learn.one-word'), head, rows)}"
    )
