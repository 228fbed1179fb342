"""Question's tab 'Doubt': eight views of the image, novelty, and what calling melanoma from a probability on means."""

import gradio as gr
import numpy as np

from mat_core import Diagnoser
from mat_core.colours import class_colour
from mat_core.explain import Doubt, doubt, melanoma_curve, operating_point
from mat_core.explain.doubt import VIEWS, OperatingPoint
from mat_core.wording import class_title, of_hundred, share, width

from ..following import framed, place, turn
from ..parts.bars import class_html
from ..parts.charts import roc
from ..parts.evidence import boxes_drawing
from ..parts.pictures import turned
from ..parts.plots import Dot, dots, hundred
from ..parts.tables import details, table
from ..parts.text import esc
from ..session import Session

START, COMMON = 0.5, 8  # where the sliders stand: the threshold, and melanomas among 100 lesions as in HAM10000's test
TURNS = ("as it is", "a quarter turn", "half a turn", "three quarter turns")
PERCENT = {0: "0%", 0.5: "50%", 1: "100%"}


def doubt_html(diagnoser: Diagnoser, now: Session, label: str) -> str:
    """Eight views, entropy, novelty, and the reasons not to rely on the answer."""
    image, regions = now.image(), now.diagnosis.regions
    found = now.found["doubted"] = doubt(diagnoser, image, now.diagnosis.metadata, regions)
    reasons = "".join(f"<li>{esc(reason)}</li>" for reason in found.reasons)
    said = (
        f'<p class="verdict"><strong>I am not sure.</strong></p><ul class="reasons">{reasons}</ul>'
        if found.unsure
        else '<p class="verdict">No sign of doubt was found. That is no proof: the model can be confidently wrong.</p>'
    )
    novelty = (
        "This model cannot tell how unlike its training images an image is."
        if found.novelty is None
        else f"Distance from the training images {found.novelty.distance:.2f}; 95 of 100 validation images lie below "
        f"{found.novelty.threshold:.2f}. Larger is less alike."
    )
    firsts = np.array([boxes[0] for boxes in found.boxes]) * (regions.size[0] / image.shape[0])
    return (
        f"{said}<p>{esc(found.sentence())}</p><h3>The same lesion, eight times</h3>{_views(found, image)}"
        f'<div class="two"><section><h3>How far the views differ</h3>{_spread(found)}'
        '<p class="fine">The image as it is, its three quarter turns and the mirror images of the four: a lesion has '
        "no upright, so what differs among them is the model's doubt. The dot is the mean of the eight, the bar goes "
        f"from the lowest to the highest. Entropy is 0 bits when one class has everything. {esc(novelty)}</p></section>"
        f'<section><h3>Where the first region lies</h3><figure class="regions">'
        f"{boxes_drawing(now, None, [str(i + 1) for i in range(8)], firsts)}</figure>"
        '<p class="fine">The first region of each view, turned back onto the image: the nearer they lie together, the '
        "steadier the detector.</p></section></div>"
    )


def _views(found: Doubt, image: np.ndarray) -> str:
    """The eight views as pictures, each with its own answer."""
    own = int(found.views[0].argmax())
    items = ""
    for i, (view, p) in enumerate(zip(VIEWS, found.views, strict=True)):
        top = int(p.argmax())
        said = TURNS[view[0]] + (", mirrored" if view[1] else "")
        items += (
            f'<li class="{"same" if top == own else "other"}"><span class="frame">{turned(image, view)}</span>'
            f"<small>{i + 1} {esc(said)}</small><b>{class_html(found.labels[top])}</b> {share(p[top])}"
            f"{'' if top == own else ' <em>another answer</em>'}</li>"
        )
    return f'<ol class="views" aria-label="Eight views with their answers">{items}</ol>'


def _spread(found: Doubt) -> str:
    """Each class over the eight views: mean and range, as dots and in numbers."""
    marks, rows = [], []
    for k in np.argsort(-found.mean, kind="stable"):
        low, high, mean = float(found.views[:, k].min()), float(found.views[:, k].max()), float(found.mean[k])
        name, colour = class_title(found.labels[k]), class_colour(found.labels[k])
        between = f"{share(low)} to {share(high)}"
        marks.append(Dot(name, mean, share(mean), low, high, colour))
        rows.append((name, share(found.views[0, k]), share(mean), width(found.spread[k]), between))
    names = ("class", "as it is", "mean of 8", "spread (standard deviation)", "range")
    return dots("Eight views, mean and range", marks, (0, 1), PERCENT) + details(
        "Numbers", table("Eight views", names, rows)
    )


def threshold_html(diagnoser: Diagnoser, now: Session | None, threshold: float, common: float = COMMON) -> str:
    """What calling melanoma above this probability would mean, measured on val, and for this case.

    common: melanomas among 100 lesions.
    """
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
        case = f" This case, with {share(p)}, would {'' if p >= threshold else 'not '}be called melanoma."
    missed, alarms = of_hundred(1 - point.sensitivity), of_hundred(1 - point.specificity)
    return (
        f'<p class="verdict" aria-live="polite">{esc(point.sentence())}{esc(case)}</p>'
        f'<div class="two threshold"><section>{drawn}'
        f'<p class="fine">The dot is this threshold: it misses {missed} of 100 melanomas and raises {alarms} '
        "false alarms among 100 other lesions. A lower threshold moves it to the upper right: fewer missed, more false "
        f"alarms. The dashed line is guessing.</p></section><section>{_hundred(point, common)}</section></div>"
    )


def _hundred(point: OperatingPoint, common: float) -> str:
    """What this threshold does to 100 lesions of which `common` are melanomas, and how often its alarm is right."""
    melanomas = round(common)
    found = round(melanomas * point.sensitivity)
    alarms = round((100 - melanomas) * (1 - point.specificity))
    true, false = common * point.sensitivity, (100 - common) * (1 - point.specificity)
    right = (
        f"When it says melanoma it is right in {of_hundred(true / (true + false))} of 100 such cases (positive "
        "predictive value, PPV)."
        if true + false
        else "It never says melanoma."
    )
    return (
        f"<h4>100 lesions, {melanomas} of them melanomas</h4>"
        f"{hundred(found, melanomas - found, alarms, 100 - melanomas - alarms)}<p><b>{esc(right)}</b></p>"
        '<p class="fine">Marks are rounded to whole lesions; the predictive value is not. The rarer melanoma is, the '
        "less an alarm means, though the threshold and the model are the same.</p>"
    )


def build_threshold(diagnoser: Diagnoser, session: gr.State, address: str, tabs: list[gr.Tab]) -> None:
    """The two sliders below the doubt, at `address`, and what they say. tabs: those that show it when opened."""
    with gr.Row(elem_id="threshold-sliders"):
        slider = gr.Slider(
            1, 99, 100 * START, step=1, label="Call it melanoma above, %", elem_id="threshold", buttons=[]
        )
        common = gr.Slider(
            1, 50, COMMON, step=1, label="Melanomas among 100 lesions", elem_id="prevalence", buttons=[]
        )  # fmt: skip
    said = place(elem_id="threshold-said")

    def say(now: Session | None, value: float, melanomas: float) -> str:
        return framed(now, threshold_html(diagnoser, now, value / 100, melanomas))

    turned = turn(session, address, events=[tab.select for tab in tabs])
    gr.on(
        [slider.input, common.input, turned.change], say, [session, slider, common], said, api_visibility="private",
        show_progress="minimal", trigger_mode="always_last",
    )  # fmt: skip
