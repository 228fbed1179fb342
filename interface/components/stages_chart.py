"""The answer of each stage as bars, what changed against the one before, and what it measured on the test split."""

from mat_core.data.labels import class_title
from mat_core.explain import AnswerStages
from mat_core.explain.answer_stages import UNCHANGED
from mat_core.utils.formatting import format_percent, format_points

from ..frontend.html import escape
from ..frontend.translations import class_text, option, t, text
from .bar_charts import class_html, small_bars
from .tables import numbers_table

STAGES = {
    "class head": (text("stages.head"), text("stages.head-what")),
    "image alone": (text("stages.image"), text("stages.image-what")),
    "with words": (text("stages.words"), text("stages.words-what")),
    "guided": (text("stages.guided"), text("stages.guided-what")),
}


def stages_html(result: AnswerStages) -> str:
    """A card for each stage, and the numbers as a table."""
    cards = "".join(_card(result, i) for i in range(len(result.stages)))
    rows = [
        (STAGES[stage][0], class_text(top), *map(format_percent, p))
        for stage, top, p in zip(result.stages, result.tops, result.probabilities, strict=True)
    ]
    head = (text("stages.stage"), text("answer"), *map(class_text, result.labels))
    return f'<div class="cards four">{cards}</div>{numbers_table(text("stages.title"), head, rows)}'


def _card(result: AnswerStages, i: int) -> str:
    name, meaning = STAGES[result.stages[i]]
    return (
        f'<article data-stage="{result.stages[i]}"><h4>{escape(name)}</h4><p class="fine">{escape(meaning)}</p>'
        f"<p><strong>{class_html(result.tops[i])}</strong>{_change(result, i)}</p>"
        f'{small_bars(result.labels, result.probabilities[i])}<p class="fine">{_measured(result.measured[i])}</p>'
        "</article>"
    )


def _change(result: AnswerStages, i: int) -> str:
    if i == 0:
        return ""
    label, change = result.largest_change(i)
    if abs(change) < UNCHANGED:
        return f"<br>{t('stages.same')}"
    other = "" if result.tops[i] == result.tops[i - 1] else f"<br><em>{t('stages.other')}</em>"
    return f"{other}<br>{t('stages.change')} {option(class_title(label))} {format_points(change)}"


def _measured(measured: dict[str, float]) -> str:
    if len(measured) < 2:
        return t("stages.unmeasured")
    return t("stages.measured", **{name: format_percent(value) for name, value in measured.items()})
