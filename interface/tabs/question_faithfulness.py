"""Tab Check attention of Question: faithfulness of rankings of the regions, by ablation."""

import numpy as np

from mat_core import Diagnoser
from mat_core.explain import (
    RANKINGS,
    AblationFaithfulness,
    ablation_faithfulness,
    contributions,
    relevance,
)
from mat_core.explain.contributions import Margin
from mat_core.explain.faithfulness import RANDOM
from mat_core.utils.formatting import format_cell_percent, format_percent, format_points, format_signed
from teaching.sentences import class_word, dataset_text_of, faithfulness_text, margin_text

from ..components.bar_charts import LOG_SCALES, Change, diverging
from ..components.dot_plots import Dot, dots
from ..components.line_charts import LOOKS, lines
from ..components.model_metrics import CORRELATION, PERCENT, RANKED, with_ablation
from ..components.region_overlay import boxes_drawing
from ..components.tables import details, numbers_table, table
from ..frontend.html import escape
from ..frontend.translations import numbered_region, t, text
from ..state.model_registry import ModelRegistry
from ..state.session import Session

SHOWN = 10  # regions in a list
RANKING_NAMES = {name: title for name, title in RANKED.items() if name != "share"}
RANKING_NAMES |= {"ablation": text("ranking.ablation"), RANDOM: text("ranking.random")}
LOOK_OF = dict(zip(RANKING_NAMES.values(), LOOKS, strict=False))
BEFORE, SUM = text("explorer.before"), text("explorer.sum")


def faithfulness_html(
    diagnoser: Diagnoser, session: Session, label: str, models: ModelRegistry | None = None
) -> str:  # fmt: skip
    """Rankings of the regions against ablation, deletion and insertion, and the relevance of the words."""
    diagnosis, local = session.diagnosis, models and models.local()
    result = ablation_faithfulness(diagnoser, diagnosis.regions, diagnosis.metadata, label or diagnosis.top)
    averages = _averages(diagnoser)
    panels = {
        text("check.deletion"): {RANKING_NAMES[n]: v for n, v in result.deletion.items()},
        text("check.insertion"): {RANKING_NAMES[n]: v for n, v in result.insertion.items()},
    }
    curves = lines(
        result.counts, panels, text("check.removed-axis"), text("check.class-axis", name=class_word(result.label)),
        text("check.curves-chart"), LOOK_OF,
    )  # fmt: skip
    numbers = [(RANKING_NAMES[n], *(format_percent(v) for v in curve)) for n, curve in result.deletion.items()]
    averages_text = text("check.ring", cases=averages["cases"]) if averages else text("check.no-average")
    two_models = ""
    if local and "attention" in result.deletion:
        two_models = _two_models_html(diagnoser, local, session, result)
    deletion = table(text("check.deletion-table"), (text("check.removed"), *result.counts), numbers)
    dataset_text = dataset_text_of(diagnoser.bundle.metrics)  # one case is an anecdote
    dataset = f"<p>{escape(dataset_text)}</p>" if dataset_text else ""
    return (
        f'<p class="verdict">{escape(faithfulness_text(result))}</p>{dataset}'
        f'<p class="fine">{t("check.yardstick")}</p>'
        f'<div class="two narrow-wide"><section><h3>{t("check.rankings")}</h3>'
        f"{_dots(result, averages)}"
        f'<p class="fine">{escape(averages_text)}</p>{_table(result, averages)}'
        f"{_words(diagnoser, session, result.label)}</section><section><h3>{t('check.curves')}</h3>{curves}"
        f"{details(text('check.deletion-numbers'), deletion)}"
        f"</section></div>{two_models}{_sum_html(diagnoser, session, result.label)}"
    )


def _two_models_html(own: Diagnoser, local: Diagnoser, session: Session, result: AblationFaithfulness) -> str:
    """The same case through the model with local features. result: of the app's own model."""
    regions, metadata = local.regions(session.detector_image), session.diagnosis.metadata
    answers = (session.diagnosis, local.diagnose_regions(regions, metadata))
    results = (result, ablation_faithfulness(local, regions, metadata, result.label))
    plots, columns = "", []
    measures = ("all-regions", "without-attended", "without-random", "answer", "largest", "accuracy")
    label = class_word(result.label)
    names = [text(f"check.local.{measure}", name=label) for measure in measures]
    for model, answer, found in zip((own, local), answers, results, strict=True):
        name, test = model.bundle.name, model.bundle.metrics.get("test") or {}
        remaining = (found.deletion[RANDOM][0], found.without_top("attention"), found.without_top(RANDOM))
        top = text("check.answer", name=class_word(answer.top), p=format_percent(answer.probabilities[answer.top]))
        largest = format_points(found.largest_change)
        accuracy = format_percent(test["acc"]["value"]) if "acc" in test else text("common.unmeasured")
        marks = [Dot(row, float(p), format_percent(p)) for row, p in zip(names, remaining, strict=False)]
        plots += (
            f"<section><h4>{escape(name)}</h4>"
            f"<p>{t('check.local.facts', answer=top, name=label, largest=largest, accuracy=accuracy)}</p>"
            f"{dots(text('check.local.plot', model=name), marks, (0, 1), PERCENT)}</section>"
        )
        columns.append((name, *(format_percent(p) for p in remaining), top, largest, accuracy))
    head, *rows = zip((text("common.model"), *names), *columns, strict=True)
    return (
        f'<section data-part="local-model"><h3>{t("check.local")}</h3><p>{t("check.local-what")}</p>'
        f'<div class="two">{plots}</div>{numbers_table(text("check.local-table"), head, rows)}</section>'
    )


def _dots(result: AblationFaithfulness, averages: dict | None) -> str:
    """Each ranking's correlation with ablation on an axis of -1 to 1; ablation itself is 1 and left out."""
    rows = []
    for name in RANKINGS:
        if name in result.spearman and name != "ablation":
            mean = with_ablation(averages["rankings"].get(name, {})) if averages else None
            average = text("check.average", value=format_signed(mean)) if mean is not None else ""
            color = LOOK_OF[RANKING_NAMES[name]].color
            rows.append(
                Dot(
                    RANKING_NAMES[name],
                    result.spearman[name],
                    format_signed(result.spearman[name]),
                    color=color,
                    ring=mean,
                    detail=average,
                )
            )
    return dots(text("check.dots"), rows, (-1, 1), CORRELATION)


def _table(result: AblationFaithfulness, averages: dict | None) -> str:
    deletion, insertion = result.areas(result.deletion), result.areas(result.insertion)
    columns = ["by", "correlation", "of-ten", "deletion-area", "insertion-area"]
    columns += ["correlation-test"] if averages else []
    head = [text(f"check.{column}") for column in columns]
    rows = []
    for name in (*RANKINGS, RANDOM):
        if name in result.deletion:
            ranked = name != RANDOM
            row = [
                RANKING_NAMES[name],
                format_signed(result.spearman[name]) if ranked else "",
                text("check.in-ten", n=round(result.overlap[name] * 10)) if ranked else "",
                format_percent(deletion[name]),
                format_percent(insertion[name]),
            ]
            if averages:
                mean = with_ablation(averages["rankings"].get(name, {}))
                row.append(format_signed(mean) if ranked and mean is not None else "")
            rows.append(row)
    return numbers_table(text("check.table"), head, rows)


def _words(diagnoser: Diagnoser, session: Session, label: str) -> str:
    """What relevance and rollout give to each word, and to all regions together."""
    diagnosis = session.diagnosis
    attribution = relevance(diagnoser, diagnosis.regions, diagnosis.metadata, label)
    total = attribution.regions.sum() + attribution.words.sum() or 1.0
    rows = [
        (
            word.text,
            text(f"field.{word.field}"),
            format_cell_percent(attribution.words[i] / total),
            format_cell_percent(attribution.rollout_words[i]),
        )
        for i, word in enumerate(diagnosis.words)
    ]
    rows.append(
        (
            text("check.all-regions"),
            "",
            format_cell_percent(attribution.regions.sum() / total),
            format_cell_percent(attribution.rollout_regions.sum()),
        )
    )
    head = tuple(map(text, ("explorer.word", "check.field", "check.relevance-percent", "check.rollout-percent")))
    marks = [Dot(row[0], float(attribution.words[i] / total), f"{row[2]}%") for i, row in enumerate(rows[:-1])]
    marks.append(Dot(text("check.all-regions"), float(attribution.regions.sum() / total), f"{rows[-1][2]}%"))
    return (
        f"<h3>{t('check.relevance')}</h3>"
        f"{dots(text('check.relevance-dots'), marks, (0, 1), PERCENT)}"
        f"{numbers_table(text('check.relevance'), head, rows)}"
        f'<p class="fine">{t("check.relevance-what", name=class_word(label))}</p>'
    )


def _sum_html(diagnoser: Diagnoser, session: Session, label: str) -> str:
    """How the logit adds up, from regions and, cut the other way, from words."""
    diagnosis = session.diagnosis
    margin = contributions(diagnoser, diagnosis).against(label)
    top = np.argsort(-np.abs(margin.regions), kind="stable")[:SHOWN]
    others = float(margin.regions.sum() - margin.regions[top].sum())
    regions = [(numbered_region(i, diagnosis.regions.names[i]), float(margin.regions[i])) for i in top]
    regions += [(text("check.other-regions", n=len(margin.regions) - len(top)), others)] if others else []
    words = [(word.text, float(v)) for word, v in zip(diagnosis.words, margin.words, strict=False)]
    names = {"name": class_word(label), "other": class_word(margin.other)}
    from_words = f"<section><h4>{t('check.from-words')}</h4>{_steps('words', words, margin)}</section>" if words else ""
    return (
        f"<h3>{t('check.adds-up')}</h3><p>{escape(margin_text(margin))}</p>"
        f'<div class="three"><section><figure class="regions">'
        f"{boxes_drawing(session, top, [format_signed(margin.regions[i]) for i in top])}</figure></section>"
        f"<section><h4>{t('check.from-regions')}</h4>{_steps('regions', regions, margin)}</section>{from_words}</div>"
        f'<p class="fine">{t("check.adds-up-what", **names)}</p>'
    )


def _steps(side: str, parts: list[tuple[str, float]], margin: Margin) -> str:
    """A sum step by step, each bar starting where the last one ended, and its numbers."""
    steps, start = [], 0.0
    for name, value in [(BEFORE, margin.constant), *parts]:
        steps.append(Change(name, value, format_signed(value), start=start))
        start += value
    steps.append(Change(SUM, margin.total, format_signed(margin.total), total=True))
    rows = [
        (name, format_signed(value, 3))
        for name, value in [*parts, (BEFORE, margin.constant), (text("explorer.sum"), margin.total)]
    ]
    bars = diverging(text(f"check.steps.{side}"), steps, LOG_SCALES, "log-odds")
    return bars + numbers_table(text(f"check.adds.{side}"), (text(f"check.one.{side}"), "log-odds"), rows)


def _averages(diagnoser: Diagnoser) -> dict | None:
    figures = diagnoser.bundle.metrics.get("test")
    result = figures.get("explain") if isinstance(figures, dict) else None
    return result if result and any("ablation" in row for row in result["rankings"].values()) else None
