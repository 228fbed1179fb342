"""Tab Take away of Question: the answer without a field, the guidance, a region, or groups of regions."""

import numpy as np

from mat_core import Diagnoser
from mat_core.explain import ablate, ablate_groups, kind_groups
from mat_core.utils.formatting import format_cell_percent, format_percent, format_points
from teaching.sentences import ablation_text, class_word

from ..components.bar_charts import EVEN, PRACTICALLY, Change, diverging
from ..components.region_overlay import boxes_drawing
from ..components.tables import numbers_table
from ..frontend.html import escape
from ..frontend.translations import class_text, numbered_region, t, text
from ..state.session import Session

SHOWN = 10  # regions in a list
LITTLE = 0.02  # change of a probability from which on a single region can be said to matter
KINDS = {kind: text(f"away.kind.{kind}") for kind in ("lesion", "border", "patch", "skin", "image")}


def ablation_html(diagnoser: Diagnoser, session: Session, label: str) -> str:
    """What each part adds to the class: fields, guidance, regions."""
    diagnosis = session.diagnosis
    label = label or diagnosis.top
    result = session.results["taken"] = ablate(diagnoser, diagnosis.regions, diagnosis.metadata)
    k = result.labels.index(label)
    original = float(result.probabilities[k])
    without = {text(f"away.without.{field}"): p for field, p in result.without_field.items()}
    without[text("away.any")] = result.without_words
    if result.uniform is not None:
        without[text("away.even")] = result.uniform
        without[text("away.shuffled", n=len(result.shuffled))] = result.shuffled.mean(0)
        guidance = text("away.shuffling", spread=f"{100 * float(result.shuffled[:, k].std()):.1f}")
    else:
        guidance = text("away.no-guidance")
    rows = [
        (name, format_percent(p[k]), format_points(original - p[k]), class_text(_top(result.labels, p)))
        for name, p in without.items()
    ]
    effect = result.effect(label)
    top = np.argsort(-np.abs(effect), kind="stable")[:SHOWN]
    attention = diagnosis.region_attention
    names = [numbered_region(i, diagnosis.regions.names[i]) for i in top]
    after = [result.without_region[i, k] for i in top]
    regions = [
        (
            name,
            format_percent(p),
            format_points(effect[i]),
            text("common.none") if attention is None else format_cell_percent(attention[i]),
        )
        for i, name, p in zip(top, names, after, strict=True)
    ]
    becomes = text("away.becomes", name=class_word(label))
    head = (text("away.taken"), becomes, text("away.change"), text("away.answer"))
    region_head = (text("away.region"), becomes, text("away.change"), text("away.share"))
    return (
        f'<p class="verdict">{escape(ablation_text(result, label))}</p>'
        f'<p class="fine">{t("away.change-is", name=class_word(label), least=f"{100 * EVEN:g}")}</p>'
        '<div class="two"><section><h3>' + t("away.words") + "</h3>"
        f"{_changes(text('away.words-bars'), without.items(), original, k)}"
        f'<p class="fine">{escape(guidance)}</p>'
        f"{numbers_table(text('away.words-table'), head, rows)}"
        f"{_groups(diagnoser, session, label, effect)}</section>"
        f"<section><h3>{t('away.most', n=len(top))}</h3>"
        f'<figure class="regions">{boxes_drawing(session, top, [format_points(effect[i]) for i in top])}</figure>'
        f"{_changes(text('away.region-bars'), zip(names, result.without_region[top], strict=True), original, k)}"
        f'<p class="fine">{t("away.alone")}</p>'
        f"{numbers_table(text('away.region-table'), region_head, regions)}"
        "</section></div>"
    )


def _changes(label: str, without, original: float, k: int) -> str:
    """Bars of what each part adds. without: pairs of name and probabilities without it, (classes,); k: the class."""
    rows = [
        Change(name, original - p[k], _said(original - p[k]), f"{format_percent(original)} → {format_percent(p[k])}")
        for name, p in without
    ]
    return diverging(label, rows)


def _said(effect: float) -> str:
    return PRACTICALLY if abs(effect) < EVEN else format_points(effect)


def _top(labels: tuple[str, ...], p: np.ndarray) -> str:
    return labels[int(p.argmax())]


def _groups(diagnoser: Diagnoser, session: Session, label: str, effect: np.ndarray) -> str:
    """Whole groups of regions away: each kind, and all but each kind."""
    diagnosis = session.diagnosis
    kinds = kind_groups(diagnosis.regions)
    if not kinds:
        return ""
    groups = {KINDS.get(kind) or text("away.all-boxes", name=kind): members for kind, members in kinds.items()}
    if len(groups) > 1:
        groups |= {text("away.all-but", name=name): ~members for name, members in groups.items()}
    result = ablate_groups(diagnoser, diagnosis.regions, groups, diagnosis.metadata)
    k = result.labels.index(label)
    rows = [
        (name, size, format_percent(p[k]), format_points(change), class_text(_top(result.labels, p)))
        for name, size, p, change in zip(result.names, result.sizes, result.without, result.effect(label), strict=True)
    ]
    becomes = text("away.becomes", name=class_word(label))
    head = (text("away.taken"), text("regions"), becomes, text("away.change"), text("away.answer"))
    group_names = [
        text("away.group-size", name=name, regions=text("count.region", n=int(size)))
        for name, size in zip(result.names, result.sizes, strict=True)
    ]
    original = float(result.probabilities[k])
    return (
        f"<h3>{t('away.groups')}</h3>{_why_so_little(effect)}"
        f"{_changes(text('away.group-bars'), zip(group_names, result.without, strict=True), original, k)}"
        f"{numbers_table(text('away.group-table'), head, rows)}"
        f'<p class="fine">{t("away.one-after-other")}</p>'
    )


def _why_so_little(effect: np.ndarray) -> str:
    """What it means when no region matters by itself."""
    largest = float(np.abs(effect).max(initial=0))
    if largest >= LITTLE:
        return ""
    return f"<p>{t('away.so-little', points=f'{100 * largest:.1f}')}</p>"
