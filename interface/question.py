"""The view that doubts: what really mattered, whether attention knew it, what else could be true, how sure it is."""

import functools
from collections.abc import Callable

import gradio as gr
import numpy as np

from mat_core import Diagnoser
from mat_core.explain import RANKINGS, ablate, agree, doubt, operating_point, relevance, what_if
from mat_core.explain.agreement import RANDOM
from mat_core.explain.what_if import NOTE
from mat_core.figures import percent
from mat_core.labels import BY_CODE, region_name

from .asking import NOTHING, about, ask_again, only_about, subject, told
from .charts import lines
from .evidence import boxes_drawing
from .hiding import build_hiding
from .session import Session
from .tables import Markup, details, points, table
from .text import esc

OWN = "the answer's own"
SHOWN = 10  # regions in a list
SAID = {
    "attention": "attention",
    "share": "fusion share",
    "gradient": "gradient × input",
    "relevance": "relevance",
    "ablation": "ablation",
    RANDOM: "random order",
}


def build_question(diagnoser: Diagnoser, session: gr.State) -> None:
    """Lay the view out. Nothing is computed before one of its tabs is opened or a choice in it is made."""
    choices = [(OWN, ""), *((BY_CODE[code].name, code) for code in diagnoser.bundle.labels)]
    with gr.Column(elem_id="question"):
        gr.HTML(
            "<p>Attention is not explanation. Each tab asks the model itself, and says what its numbers mean.</p>",
            apply_default_css=False, js_on_load=None,
        )  # fmt: skip
        label = gr.Dropdown(choices, value="", label="Class to question", elem_id="question-class")
        with gr.Tabs():
            for name, key, view in (
                ("Take away", "ablation", ablation_html),
                ("Check attention", "agreement", agreement_html),
                ("What if", "what-if", what_if_html),
                ("Doubt", "doubt", doubt_html),
            ):
                with gr.Tab(name, id=key) as tab:
                    ask = gr.Button("Ask", variant="primary", size="sm", elem_id=f"ask-{key}")
                    shown = gr.HTML("", apply_default_css=False, js_on_load=None, elem_id=f"{key}-view")
                    answer = functools.partial(_asked, functools.partial(view, diagnoser))
                    answered = gr.State("")  # which case and class the answer is about
                    asked = {"api_visibility": "private", "show_progress": "full", "show_progress_on": [shown]}
                    asking = gr.on([ask.click, tab.select], answer, [session, label], [shown, answered], **asked)
                    quiet = {"api_visibility": "private", "show_progress": "hidden"}
                    # another case or another class: what stands there is not about it, nor what comes too late
                    gr.on([session.change, label.change], ask_again, session, shown, **quiet)
                    asking.then(only_about, [session, label, answered], shown, **quiet)
                if key == "ablation":
                    build_hiding(diagnoser, session, label)
                if key == "doubt":
                    with tab:
                        _threshold(diagnoser, session)


def _asked(view: Callable, now: Session | None, label: str) -> tuple[str, str]:
    return (NOTHING if now is None else told(lambda: about(now) + view(now, label))), subject(now, label)


def ablation_html(diagnoser: Diagnoser, now: Session, label: str) -> str:
    """What each part adds to the class: fields, guidance, regions."""
    diagnosis = now.diagnosis
    label = label or diagnosis.top
    found = ablate(diagnoser, diagnosis.regions, diagnosis.metadata)
    k = found.labels.index(label)
    plain = found.probabilities[k]

    def row(name: str, p: np.ndarray):
        return name, f"{p[k]:.3f}", points(plain - p[k]), BY_CODE[found.labels[p.argmax()]].name

    rows = [row(f"without {field}", p) for field, p in found.without_field.items()]
    rows.append(row("without any word", found.without_words))
    if found.uniform is not None:
        rows.append(row("every word and region attends evenly", found.uniform))
        rows.append(row(f"attention shuffled, mean of {len(found.shuffled)}", found.shuffled.mean(0)))
        spread = 100 * found.shuffled[:, k].std()
        guidance = f"Shuffling moves the probability by {spread:.1f} points (standard deviation)."
    else:
        guidance = "This model has no guided attention between words and regions to take away, or no word was given."
    effect = found.effect(label)
    first = np.argsort(-np.abs(effect), kind="stable")[:SHOWN]
    attended = agree_attention(diagnosis)
    regions = [
        (
            f"{i + 1} {region_name(diagnosis.regions.names[i])}",
            f"{found.without_region[i, k]:.3f}",
            points(effect[i]),
            "none" if attended is None else percent(attended[i]),
        )
        for i in first
    ]
    name = esc(BY_CODE[label].name)
    return (
        f'<p class="verdict">{esc(found.sentence(label))}</p>'
        f'<p class="fine">A change is the probability of {name} with a part minus without it, in points of 100: '
        "<b>positive, the part spoke for it</b>; negative, against it.</p>"
        '<div class="two"><section><h3>Words and guidance</h3>'
        f"{table('Without words or guidance', ('taken away', f'{label} becomes', 'change', 'answer'), rows)}"
        f'<p class="fine">{esc(guidance)}</p></section>'
        f"<section><h3>The {len(first)} regions that matter most</h3>"
        f'<figure class="regions">{boxes_drawing(now, first, [points(effect[i]) for i in first])}</figure>'
        f"{table('Without one region', ('region', f'{label} becomes', 'change', 'attention %'), regions)}"
        '<p class="fine">Each region is masked alone, so that the model never saw it. Attention: the mean share that '
        "the words (or the other regions) give it.</p></section></div>"
    )


def agree_attention(diagnosis) -> np.ndarray | None:
    """The mean attention that each region gets, (regions,), sums to 1; None where nothing attends to regions."""
    for weights in (diagnosis.attention.words_to_regions, diagnosis.attention.regions_to_regions):
        if weights is not None and 0 not in weights.shape:
            return weights[-1].mean((0, 1))
    return None


def agreement_html(diagnoser: Diagnoser, now: Session, label: str) -> str:
    """Rankings of the regions against ablation, deletion and insertion, and the relevance of the words."""
    diagnosis = now.diagnosis
    found = agree(diagnoser, diagnosis.regions, diagnosis.metadata, label or diagnosis.top)
    deletion, insertion = found.areas(found.deletion), found.areas(found.insertion)
    over = _averages(diagnoser)
    head = ["ranking by", "rank correlation", "of its ten best", "deletion area", "insertion area"]
    head += ["correlation, test split"] if over else []
    rows = []
    for name in (*RANKINGS, RANDOM):
        if name in found.deletion:
            ranked = name != RANDOM
            row = [
                SAID[name],
                f"{found.spearman[name]:+.2f}" if ranked else "",
                f"{round(found.overlap[name] * 10)} in 10" if ranked else "",
                f"{deletion[name]:.3f}",
                f"{insertion[name]:.3f}",
            ]
            if over:
                row.append(f"{over['rankings'].get(name, {}).get('spearman', float('nan')):+.2f}" if ranked else "")
            rows.append(row)
    panels = {
        "Deletion: the best-ranked first": {SAID[n]: v for n, v in found.deletion.items()},
        "Insertion: only the best-ranked": {SAID[n]: v for n, v in found.insertion.items()},
    }
    curves = lines(
        found.counts, panels, "regions", f"probability of {found.label}",
        "Deletion and insertion curves; the table has their areas",
    )  # fmt: skip
    numbers = [(SAID[n], *(f"{v:.2f}" for v in curve)) for n, curve in found.deletion.items()]
    follow = relevance(diagnoser, diagnosis.regions, diagnosis.metadata, found.label)
    whole = follow.regions.sum() + follow.words.sum() or 1.0
    words = [
        (word.text, word.field, percent(follow.words[i] / whole), percent(follow.rollout_words[i]))
        for i, word in enumerate(diagnosis.words)
    ]
    words.append(("all regions", "", percent(follow.regions.sum() / whole), percent(follow.rollout_regions.sum())))
    averages = (
        f'<p class="fine">Averages over {over["cases"]} cases of the test split stand in the last column.</p>'
        if over
        else '<p class="fine">Averages over the test split have not been measured for this model.</p>'
    )
    return (
        f'<p class="verdict">{esc(found.sentence())}</p>'
        '<p class="fine">Ablation is the yardstick: what the answer loses when a region is masked. Rank correlation '
        "(Spearman): +1, the ranking orders the regions as ablation does; 0, as chance would; negative, the other way "
        f"round. A good ranking has a <b>small</b> deletion area and a <b>large</b> insertion area.</p>{curves}"
        f"{table('Rankings against ablation', head, rows)}{averages}"
        f"{details('The deletion curves in numbers', table('Deletion', ('regions removed', *found.counts), numbers))}"
        "<h3>Words</h3>"
        f"{table('Relevance of the words', ('word', 'field', 'relevance %', 'rollout %'), words)}"
        '<p class="fine">Relevance (Chefer et al. 2021) follows the attention through all blocks, weighted by how it '
        f"changes the logit of {esc(BY_CODE[found.label].name)}; rollout (Abnar and Zuidema 2020) follows the "
        "attention alone. Both are shares of all tokens, at least 0: they say how much, not in which direction.</p>"
    )


def what_if_html(diagnoser: Diagnoser, now: Session, label: str) -> str:
    """The sweep over age, sex and localization."""
    diagnosis = now.diagnosis
    if not diagnoser.words(diagnosis.metadata) and "words" not in diagnoser.bundle.network.config.modalities:
        return '<p class="empty">This model reads no words: whatever the metadata, its answer is the same.</p>'
    found = what_if(diagnoser, diagnosis.regions, diagnosis.metadata)
    label = label or diagnosis.top
    k = found.labels.index(label)
    ages = found.over_age()
    drawn = np.argsort(-ages.max(0), kind="stable")
    curves = lines(
        np.array(found.ages), {"Over age": {BY_CODE[found.labels[i]].name: ages[:, i] for i in drawn}}, "age, years",
        "probability", "Probabilities over age; the table has the numbers", diagnosis.metadata.age,
    )  # fmt: skip
    by_age = [(age, *(f"{v:.2f}" for v in row)) for age, row in zip(found.ages, ages, strict=True)]
    return (
        f'<p class="verdict">{esc(found.sentence())}</p><p class="note note-info">{esc(NOTE)}</p>'
        f'<div class="two"><section>{curves}'
        f"{details('Numbers', table('Probabilities over age', ('age', *found.labels), by_age))}</section>"
        f"<section><h3>{esc(BY_CODE[label].name)} over localization</h3>"
        f"{_bars(found.sites, found.over_sites()[:, k], diagnosis.metadata.localization)}"
        f"<h3>{esc(BY_CODE[label].name)} over sex</h3>"
        f"{_bars(found.sexes, found.over_sex()[:, k], diagnosis.metadata.sex)}</section></div>"
        f'<p class="fine">{found.probabilities[..., 0].size} combinations of {len(found.ages)} ages, '
        f"{len(found.sexes)} sexes and {len(found.sites)} sites were asked, beside the same regions. A bar is the "
        "probability that the class would have with that one word changed; the given value is marked.</p>"
    )


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
    case = ""
    if now is not None:
        p = now.diagnosis.probabilities["mel"]
        case = f" This case, with {p:.3f}, would {'' if p >= threshold else 'not '}be called melanoma."
    return f'<p aria-live="polite">{esc(point.sentence())}{esc(case)}</p>'


def _threshold(diagnoser: Diagnoser, session: gr.State) -> None:
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


def _averages(diagnoser: Diagnoser) -> dict | None:
    figures = diagnoser.bundle.metrics.get("test")
    return figures.get("explain") if isinstance(figures, dict) else None


def _bars(names, values: np.ndarray, given) -> str:
    rows = "".join(
        f'<li><span class="name">{esc(name or "unknown")}{" <b>(given)</b>" if name == given else ""}</span>'
        f'<span class="value">{value:.1%}</span><span class="track" aria-hidden="true">'
        f'<span style="width:{100 * value:.2f}%"></span></span></li>'
        for name, value in zip(names, values, strict=True)
    )
    return Markup(f'<ul class="bars narrow">{rows}</ul>')
