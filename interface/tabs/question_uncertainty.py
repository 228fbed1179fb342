"""Tab Doubt of Question: test-time augmentation, novelty, and the operating point for melanoma."""

import gradio as gr
import numpy as np

from mat_core import Diagnoser
from mat_core.display.colors import class_color
from mat_core.explain import Uncertainty, melanoma_curve, operating_point, tta_uncertainty
from mat_core.explain.uncertainty import VIEWS, OperatingPoint
from mat_core.utils.formatting import format_of_100, format_percent, format_spread
from teaching.sentences import operating_point_text, points_text, uncertainty_text, uncertainty_warnings

from ..components.bar_charts import class_html
from ..components.dot_plots import Dot, dots, hundred
from ..components.image_thumbnails import turned
from ..components.line_charts import roc
from ..components.model_metrics import PERCENT
from ..components.region_overlay import boxes_drawing
from ..components.tables import numbers_table
from ..frontend.html import escape
from ..frontend.translations import attribute, class_text, t, text
from ..state.session import Session
from .base import case_html, refresh_trigger, tag_with_case

START, COMMON = 0.5, 8  # where the sliders stand: the threshold, and melanomas among 100 lesions as in HAM10000's test


def uncertainty_html(diagnoser: Diagnoser, session: Session, label: str) -> str:
    """Eight views, entropy, novelty, and the reasons not to rely on the answer."""
    result = session.results["doubted"] = tta_uncertainty(
        diagnoser, session.detector_image, session.diagnosis.metadata, session.diagnosis.regions
    )
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in uncertainty_warnings(result))
    message = (
        f'<p class="verdict"><strong>{t("answer.not-sure")}</strong></p><ul class="reasons">{reasons}</ul>'
        if result.has_warnings
        else f'<p class="verdict">{t("doubt.no-sign")}</p>'
    )
    novelty = (
        t("doubt.no-novelty")
        if result.novelty is None
        else t("doubt.novelty", distance=f"{result.novelty.distance:.2f}", threshold=f"{result.novelty.threshold:.2f}")
    )
    firsts = np.array([boxes[0] for boxes in result.boxes])
    return (
        f"{message}<p>{escape(uncertainty_text(result))}</p><h3>{t('doubt.eight')}</h3>{_views(result, session.image)}"
        f'<div class="two"><section><h3>{t("doubt.differ")}</h3>{_spread(result)}'
        f'<p class="fine">{t("doubt.views-what")} {novelty}</p></section>'
        f'<section><h3>{t("doubt.first")}</h3><figure class="regions">'
        f"{boxes_drawing(session, None, [str(i + 1) for i in range(8)], firsts)}</figure>"
        f'<p class="fine">{t("doubt.first-what")}</p></section></div>'
    )


def _views(result: Uncertainty, image: np.ndarray) -> str:
    """The eight views as pictures, each with its own answer."""
    upright = int(result.views[0].argmax())
    items, another = "", f" <em>{t('doubt.another')}</em>"
    for i, (view, p) in enumerate(zip(VIEWS, result.views, strict=True)):
        top = int(p.argmax())
        message = text(f"view.turn{'-mirrored' if view[1] else ''}.{view[0]}")
        items += (
            f'<li class="{"same" if top == upright else "other"}"><span class="frame">{turned(image, view)}</span>'
            f"<small>{i + 1} {escape(message)}</small><b>{class_html(result.labels[top])}</b> {format_percent(p[top])}"
            f"{'' if top == upright else another}</li>"
        )
    return f'<ol class="views" {attribute("aria-label", "doubt.views-list")}>{items}</ol>'


def _spread(result: Uncertainty) -> str:
    """Each class over the eight views: mean and range, as dots and in numbers."""
    marks, rows = [], []
    for k in np.argsort(-result.mean, kind="stable"):
        low, high, mean = float(result.views[:, k].min()), float(result.views[:, k].max()), float(result.mean[k])
        name, color = class_text(result.labels[k]), class_color(result.labels[k])
        between = text("common.range", low=format_percent(low), high=format_percent(high))
        marks.append(Dot(name, mean, format_percent(mean), low, high, color))
        rows.append(
            (
                name,
                format_percent(result.views[0, k]),
                format_percent(mean),
                points_text(format_spread(result.spread[k])),
                between,
            )
        )
    names = tuple(map(text, ("common.class", "view.turn.0", "doubt.mean-of-8", "doubt.spread", "doubt.range")))
    return dots(text("doubt.dots"), marks, (0, 1), PERCENT) + numbers_table(text("doubt.table"), names, rows)


def threshold_html(diagnoser: Diagnoser, session: Session | None, threshold: float, prevalence: float = COMMON) -> str:
    """What calling melanoma above this probability would mean, measured on val, and for this case.

    common: melanomas among 100 lesions.
    """
    point = operating_point(diagnoser.bundle.metrics, threshold)
    if point is None:
        return f'<p class="fine">{t("doubt.no-roc")}</p>'
    curve = roc(
        *melanoma_curve(diagnoser.bundle.metrics), (point.sensitivity, point.specificity),
        text("doubt.roc-label", sentence=operating_point_text(point)),
    )  # fmt: skip
    case_text = ""
    if session is not None:
        p = session.diagnosis.probabilities["mel"]
        case_text = f" {t('doubt.would' if p >= threshold else 'doubt.would-not', p=format_percent(p))}"
    missed, alarms = format_of_100(1 - point.sensitivity), format_of_100(1 - point.specificity)
    return (
        f'<p class="verdict" aria-live="polite">{escape(operating_point_text(point))}{case_text}</p>'
        f'<div class="two threshold"><section>{curve}'
        f'<p class="fine">{t("doubt.dot", missed=missed, alarms=alarms)}</p></section>'
        f"<section>{_hundred(point, prevalence)}</section></div>"
    )


def _hundred(point: OperatingPoint, prevalence: float) -> str:
    """What this threshold does to 100 lesions of which `common` are melanomas, and how often its alarm is right."""
    melanomas = round(prevalence)
    result = round(melanomas * point.sensitivity)
    alarms = round((100 - melanomas) * (1 - point.specificity))
    true, false = prevalence * point.sensitivity, (100 - prevalence) * (1 - point.specificity)
    right = t("doubt.ppv", n=format_of_100(true / (true + false))) if true + false else t("doubt.never")
    return (
        f"<h4>{t('doubt.hundred', n=melanomas)}</h4>"
        f"{hundred(result, melanomas - result, alarms, 100 - melanomas - alarms)}<p><b>{right}</b></p>"
        f'<p class="fine">{t("doubt.marks")}</p>'
    )


def build_threshold(diagnoser: Diagnoser, session: gr.State, address: str, tabs: list[gr.Tab]) -> None:
    """The two sliders of the operating point, at `address`, and their output. tabs: those that can show it."""
    with gr.Row(elem_id="threshold-sliders"):
        slider = gr.Slider(
            1, 99, 100 * START, step=1, label="Call it melanoma above, %", elem_id="threshold", buttons=[]
        )
        prevalence = gr.Slider(
            1, 50, COMMON, step=1, label="Melanomas among 100 lesions", elem_id="prevalence", buttons=[]
        )  # fmt: skip
    message = case_html(elem_id="threshold-said")

    def update(session: Session | None, value: float, melanomas: float) -> str:
        return tag_with_case(session, threshold_html(diagnoser, session, value / 100, melanomas))

    trigger = refresh_trigger(session, address, events=[tab.select for tab in tabs])
    gr.on(
        [slider.input, prevalence.input, trigger.change], update, [session, slider, prevalence], message,
        api_visibility="private", show_progress="minimal", trigger_mode="always_last",
    )  # fmt: skip
