"""Question's tab 'Doubt': eight views of the image, novelty, and what calling melanoma from a probability on means."""

import gradio as gr
import numpy as np

from mat_core import Diagnoser
from mat_core.explain import doubt, melanoma_curve, operating_point
from mat_core.labels import BY_CODE

from ..parts.charts import roc
from ..parts.evidence import boxes_drawing
from ..parts.tables import table
from ..parts.text import esc
from ..session import Session


def doubt_html(diagnoser: Diagnoser, now: Session, label: str) -> str:
    """Eight views, entropy, novelty, and the reasons not to rely on the answer."""
    image, regions = now.image(), now.diagnosis.regions
    found = doubt(diagnoser, image, now.diagnosis.metadata, regions)
    reasons = "".join(f"<li>{esc(reason)}</li>" for reason in found.reasons)
    said = (
        f'<p class="verdict"><strong>I am not sure.</strong></p><ul class="reasons">{reasons}</ul>'
        if found.unsure
        else '<p class="verdict">No sign of doubt was found. That is no proof: the model can be surely wrong.</p>'
    )
    order = np.argsort(-found.mean, kind="stable")
    rows = [
        (
            BY_CODE[found.labels[i]].name,
            f"{found.views[0, i]:.3f}",
            f"{found.mean[i]:.3f}",
            f"{found.spread[i]:.3f}",
            f"{found.views[:, i].min():.3f} to {found.views[:, i].max():.3f}",
        )
        for i in order
    ]
    novelty = (
        "This model cannot tell how unlike its training images an image is."
        if found.novelty is None
        else f"Distance from the training images {found.novelty.distance:.2f}; 95 % of the validation images lie below "
        f"{found.novelty.threshold:.2f}. Larger is less alike."
    )
    firsts = np.array([boxes[0] for boxes in found.boxes]) * (regions.size[0] / image.shape[0])
    names = ("class", "as it is", "mean of 8", "spread", "range")
    return (
        f'{said}<p>{esc(found.sentence())}</p><div class="two"><section>'
        f"{table('Eight views', names, rows)}"
        '<p class="fine">The image as it is, its three quarter turns and the mirror images of the four: a lesion has '
        "no upright, so what differs among them is the model's doubt. Spread is the standard deviation, 0 when all "
        f"views agree. Entropy is 0 bits when one class has everything. {esc(novelty)}</p></section>"
        f'<section><figure class="regions">{boxes_drawing(now, None, [str(i + 1) for i in range(8)], firsts)}</figure>'
        '<p class="fine">The first region of each view, turned back onto the image: the nearer they lie together, the '
        "steadier the detector.</p></section></div>"
    )


def threshold_html(diagnoser: Diagnoser, now: Session | None, threshold: float) -> str:
    """What calling melanoma from this probability on would mean, measured on val, and for this case."""
    point = operating_point(diagnoser.bundle.metrics, threshold)
    if point is None:
        return '<p class="fine">The validation ROC of this model has not been measured.</p>'
    drawn = roc(
        *melanoma_curve(diagnoser.bundle.metrics), (point.sensitivity, point.specificity),
        f"ROC of melanoma on the validation split. {point.sentence()}",
    )  # fmt: skip
    case = ""
    if now is not None:
        p = now.diagnosis.probabilities["mel"]
        case = f" This case, with {p:.3f}, would {'' if p >= threshold else 'not '}be called melanoma."
    missed, alarms = 100 * (1 - point.sensitivity), 100 * (1 - point.specificity)
    return (
        f'<p aria-live="polite">{esc(point.sentence())}{esc(case)}</p>{drawn}'
        f'<p class="fine">The dot is this threshold: it misses {missed:.0f} of 100 melanomas and raises {alarms:.0f} '
        "false alarms among 100 other lesions. A lower threshold moves it to the upper right: fewer missed, more false "
        "alarms. The dashed line is guessing.</p>"
    )


def build_threshold(diagnoser: Diagnoser, session: gr.State) -> None:
    start = 0.5
    slider = gr.Slider(
        0.01,
        0.99,
        start,
        step=0.01,
        label="Melanoma is called from this probability on",
        elem_id="threshold",
        buttons=[],
    )
    said = gr.HTML(
        threshold_html(diagnoser, None, start), apply_default_css=False, js_on_load=None, elem_id="threshold-said"
    )
    gr.on(
        [slider.input, session.change], lambda now, value: threshold_html(diagnoser, now, value), [session, slider],
        said, api_visibility="private", show_progress="hidden", trigger_mode="always_last",
    )  # fmt: skip
