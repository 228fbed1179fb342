"""Two answers side by side: one that is held, and the one on the screen, with what differs in a sentence."""

import numpy as np

from mat_core import Diagnosis, Metadata
from mat_core.labels import region_name
from mat_core.units import UNITS
from mat_core.wording import change, class_name, class_title, percent, share, width

from ..session import IDLE, Session
from .bars import class_html, small_bars
from .pictures import attention_picture
from .tables import table
from .text import esc

FIRST = 5  # regions that are named
EVEN = 0.005  # change of a probability below which nothing has practically changed


def two_html(held: Session, then: Diagnosis, now: Session, models: tuple[str, str]) -> str:
    """Both answers as HTML. then: what is told of the held case; models: whose answers they are, held and now."""
    return (
        f'<p class="verdict">{esc(difference(held, then, now, models))}</p><div class="two held-pair">'
        f"{_side('Held', 'is-held', held, then, models[0])}"
        f"{_side('On the screen', 'is-now', now, now.diagnosis, models[1])}</div>"
        f'<p class="fine">The held case stays in the memory of this visit alone, for {IDLE // 60} minutes at most. '
        "A picture is dark where nothing is attended, and has its full light from twice the even share on.</p>"
    )


def difference(held: Session, then: Diagnosis, now: Session, models: tuple[str, str]) -> str:
    """What differs between them, and what that does to the answer, as plain text."""
    same = held.picture == now.picture
    settings = changed(then.metadata, now.diagnosis.metadata)
    parts = ["the same image" if same else "another image", *settings]
    if models[0] != models[1]:
        parts.append(f"the model {models[0]} to {models[1]}")
    if same and len(parts) == 1:
        return (
            "This is the very case that is held. Open another one, change its age, sex or site, or ask another model "
            "about the held one."
        )
    return f"From held to now: {', '.join(parts)}. {_answers(then, now.diagnosis)}{_attention(then, now.diagnosis)}"


def changed(old: Metadata, new: Metadata) -> list[str]:
    """'age 40 to 70' for each field that differs."""
    pairs = (("age", old.age, new.age), ("sex", old.sex, new.sex), ("site", old.localization, new.localization))
    return [f"{name} {_said(a)} to {_said(b)}" for name, a, b in pairs if a != b]


def _said(value: object) -> str:
    return "unknown" if value is None else str(value)


def _answers(then: Diagnosis, now: Diagnosis) -> str:
    moved = {code: now.probabilities[code] - p for code, p in then.probabilities.items()}
    most = max(moved, key=lambda code: abs(moved[code]))
    said = (
        f"Both answers are {class_name(now.top)}"
        if then.top == now.top
        else f"The answer turns from {class_name(then.top)} to {class_name(now.top)}"
    )
    if abs(moved[most]) < EVEN:
        return f"{said}, and no probability moves by half a point."
    return (
        f"{said}. {class_title(most)} moves most: {share(then.probabilities[most])} to "
        f"{share(now.probabilities[most])} ({change(moved[most])})."
    )


def _attention(then: Diagnosis, now: Diagnosis) -> str:
    """How much attention went elsewhere, where both are about the same regions."""
    a, b = then.attended, now.attended
    if a is None or b is None or not np.array_equal(then.regions.boxes, now.regions.boxes):
        return ""
    return f" {width(float(np.abs(a - b).sum() / 2))} of the attention on regions go elsewhere."


def _side(title: str, kind: str, session: Session, diagnosis: Diagnosis, model: str) -> str:
    labels = tuple(diagnosis.probabilities)
    known = ", ".join(changed(Metadata(), diagnosis.metadata)).replace("unknown to ", "") or "no metadata"
    values = np.array(list(diagnosis.probabilities.values()))
    return (
        f'<section class="{kind}"><h4>{esc(title)}</h4><p class="fine">{esc(known)}; model {esc(model)}, unit '
        f"{esc(UNITS[diagnosis.unit].name)}</p><p><strong>{class_html(diagnosis.top)}</strong></p>"
        f"{small_bars(labels, values)}{_looks(session, diagnosis, title)}{_words(diagnosis)}</section>"
    )


def _looks(session: Session, diagnosis: Diagnosis, title: str) -> str:
    weights = diagnosis.attended
    if weights is None:
        return '<p class="fine unseen">No block of this model attends to regions.</p>'
    picture = attention_picture(session.image(), diagnosis.regions, weights, f"the answer '{title.lower()}'")
    first = np.argsort(-weights, kind="stable")[:FIRST]
    names = diagnosis.regions.names
    rows = [(f"{i + 1} {region_name(names[i])}", f"{percent(float(weights[i]))}%") for i in map(int, first)]
    label = f"Most attended regions, {title.lower()}"
    return f'<figure class="seen">{picture}</figure>{table(label, ("most attended regions", "attention"), rows)}'


def _words(diagnosis: Diagnosis) -> str:
    """What each word gets of the regions' attention in the last layer."""
    weights = diagnosis.attention.regions_to_words
    if weights is None or 0 in weights.shape:
        return '<p class="fine">The regions look at no word.</p>'
    got = weights[-1].mean((0, 1))
    rows = [(word.text, f"{percent(float(w))}%") for word, w in zip(diagnosis.words, got, strict=True)]
    told = table("Attention of the regions to each word", ("words, for the regions", "attention"), rows)
    return f"<div data-keep-language>{told}</div>"  # what the model read is data
