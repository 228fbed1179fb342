"""The held answer beside the current one, with the difference in a sentence."""

import numpy as np

from mat_core import Diagnosis
from mat_core.models.transformer import UNITS
from mat_core.utils.formatting import format_cell_percent, format_percent, format_points
from teaching.sentences import class_word

from ..frontend.html import escape
from ..frontend.translations import Text, class_text, numbered_region, t, text
from ..state.session import SESSION_TTL, Session
from .bar_charts import EVEN, class_html, small_bars
from .image_thumbnails import attention_figure
from .metadata_form import metadata_changes, metadata_list
from .tables import table

FIRST = 5  # regions that are named


def comparison_html(held: Session, held_diagnosis: Diagnosis, current: Session, models: tuple[str, str]) -> str:
    """Both answers as HTML. held_diagnosis: of the held case, by models[0]; models: names, of held and current."""
    return (
        f'<p class="verdict">{escape(difference(held, held_diagnosis, current, models))}</p><div class="two held-pair">'
        f"{_side(text('held.held'), 'is-held', held, held_diagnosis, models[0])}"
        f"{_side(text('held.now'), 'is-now', current, current.diagnosis, models[1])}</div>"
        f'<p class="fine">{t("compare.memory", minutes=SESSION_TTL // 60)}</p>'
    )


def difference(held: Session, held_diagnosis: Diagnosis, current: Session, models: tuple[str, str]) -> Text:
    """What differs between the cases and between their answers."""
    same = held.picture == current.picture
    settings = metadata_changes(held_diagnosis.metadata, current.diagnosis.metadata)
    parts = [text("compare.same-image") if same else text("compare.other-image"), *settings]
    if models[0] != models[1]:
        parts.append(text("compare.models", old=models[0], new=models[1]))
    if same and len(parts) == 1:
        return text("compare.very-case")
    diagnoses = held_diagnosis, current.diagnosis
    said, moved = {"parts": parts, "answers": _answers(*diagnoses)}, _attention(*diagnoses)
    return text("compare.difference-attention", **said, points=moved) if moved else text("compare.difference", **said)


def _answers(old: Diagnosis, new: Diagnosis) -> Text:
    changes = {code: new.probabilities[code] - p for code, p in old.probabilities.items()}
    largest = max(changes, key=lambda code: abs(changes[code]))
    top_text = (
        text("compare.both", name=class_word(new.top))
        if old.top == new.top
        else text("compare.turns", old=class_word(old.top), new=class_word(new.top))
    )
    if abs(changes[largest]) < EVEN:
        return text("compare.no-move", top=top_text)
    return text(
        "compare.moves", top=top_text, name=class_text(largest), old=format_percent(old.probabilities[largest]),
        new=format_percent(new.probabilities[largest]), change=format_points(changes[largest]),
    )  # fmt: skip


def _attention(old: Diagnosis, new: Diagnosis) -> str:
    """How many points of attention went elsewhere, where both are about the same regions; else ''."""
    a, b = old.region_attention, new.region_attention
    if a is None or b is None or not np.array_equal(old.regions.boxes, new.regions.boxes):
        return ""
    return f"{100 * float(np.abs(a - b).sum() / 2):.1f}"


def _side(title: str, kind: str, session: Session, diagnosis: Diagnosis, model: str) -> str:
    labels = tuple(diagnosis.probabilities)
    metadata = metadata_list(diagnosis.metadata) or text("compare.no-metadata")
    about = t("compare.side", metadata=metadata, model=model, unit=UNITS[diagnosis.unit].name)
    values = np.array(list(diagnosis.probabilities.values()))
    return (
        f'<section class="{kind}"><h4>{escape(title)}</h4><p class="fine">{about}</p>'
        f"<p><strong>{class_html(diagnosis.top)}</strong></p>"
        f"{small_bars(labels, values)}{_looks(session, diagnosis, title)}{_words(diagnosis)}</section>"
    )


def _looks(session: Session, diagnosis: Diagnosis, title: str) -> str:
    figure, weights = (
        attention_figure(session.image, diagnosis, text("compare.the-answer", title=title)),
        diagnosis.region_attention,
    )
    if weights is None:
        return figure
    first = np.argsort(-weights, kind="stable")[:FIRST]
    names = diagnosis.regions.names
    rows = [(numbered_region(i, names[i]), f"{format_cell_percent(float(weights[i]))}%") for i in map(int, first)]
    head = text("compare.most-attended"), text("compare.attention")
    return figure + table(head[0], head, rows)


def _words(diagnosis: Diagnosis) -> str:
    """What each word gets of the regions' attention in the last layer."""
    weights = diagnosis.attention.regions_to_words
    if weights is None or 0 in weights.shape:
        return f'<p class="fine">{t("compare.no-word")}</p>'
    mean_weights = weights[-1].mean((0, 1))
    rows = [
        (word.text, f"{format_cell_percent(float(w))}%") for word, w in zip(diagnosis.words, mean_weights, strict=True)
    ]
    words_table = table(text("compare.words-table"), (text("compare.words"), text("compare.attention")), rows)
    return f"<div data-keep-language>{words_table}</div>"  # what the model read is data
