"""A model's metrics on a split as plots with one sentence each. Metrics that a bundle lacks are skipped."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from mat_core.display.colors import class_color
from mat_core.utils.formatting import format_of_100, format_percent, format_signed, format_spread
from teaching.sentences import class_word, has_text, points_text

from ..frontend.html import escape
from ..frontend.translations import Text, class_text, named, t, text
from .bar_charts import EVEN
from .dot_plots import Dot, confusion, dots
from .line_charts import reliability, roc

# key in the metrics -> full name, and what it means
MEASURES = {
    key: (text(f"measure.{key}"), text(f"measure.{key}.what")) for key in ("acc", "balanced_acc", "auc", "lrap")
}
RANKED = {name: text(f"ranking.{name}") for name in ("attention", "share", "contribution", "gradient", "relevance")}
CHANCE = 0.15  # rank correlation below which a ranking is hardly more than chance
SITE = "localization"  # the kind of groups that has a picture of its own
FEWEST = 30  # lesions of a group that a sentence names
Part = tuple[str, list[str], str] | None  # title, sentences and plot as HTML
PERCENT = {0.0: "0%", 0.5: "50%", 1.0: "100%"}  # ticks
CORRELATION = {-1.0: format_signed(-1, 0), 0.0: text("check.chance"), 1.0: "+1"}


def scale(lows: list[float]) -> tuple[float, dict[float, str]]:
    """Start of an axis of shares that holds all these, at most 50%, and its ticks."""
    start = min([0.5, *(float(np.floor(10 * low) / 10) for low in lows)])
    return start, {at: f"{100 * at:.0f}%" for at in (start, (start + 1) / 2, 1.0)}


def dot(name: str, figure, color: str = "") -> Dot:
    """A row of `plots.dots` of a figure with its interval, as metrics.json has it."""
    if not isinstance(figure, dict):
        return Dot(name, None, text("common.unmeasured"))
    return Dot(name, figure["value"], format_percent(figure["value"]), *figure["interval95"], color)


def with_ablation(row: dict) -> float | None:
    """A ranking's mean rank correlation with ablation, as `explain` of metrics.json has it: a number, or one with its
    interval below the name of what it is compared with. None where it was not measured.
    """
    value = row.get("ablation", row).get("spearman")
    return value["value"] if isinstance(value, dict) else value


def confusion_of(figures: dict, labels: tuple[str, ...]) -> np.ndarray | None:
    """(classes, classes) counts of one split's figures, row: the confirmed class; None where there are none, or of
    other classes.
    """
    matrix = np.array(figures["confusion"]) if "confusion" in figures else None
    return None if matrix is None or matrix.shape != (len(labels), len(labels)) else matrix


def missed(figures: dict, labels: tuple[str, ...]) -> dict[str, tuple[int, int]]:
    """Class -> how many lesions of it were measured, and for how many another class came first; those with any."""
    matrix = confusion_of(figures, labels)
    if matrix is None:
        return {}
    sums = matrix.sum(1)
    return {code: (int(sums[k]), int(sums[k] - matrix[k, k])) for k, code in enumerate(labels) if sums[k]}


def measured_html(prefix: str, figures: dict, labels: tuple[str, ...]) -> str:
    """All plots of one split. prefix: how a sentence about it starts; figures: of metrics.json."""
    matrix = confusion_of(figures, labels)
    parts = [_overall(prefix, figures)]
    if matrix is not None:
        parts += [_recall(prefix, figures, labels), _confusion(prefix, matrix, labels)]
    parts += [_roc(prefix, figures), _calibration(prefix, figures)]
    parts.append(_groups(prefix, figures, text("about.whom"), lambda kind: kind != SITE))
    parts += [_detector(prefix, figures), _attention(prefix, figures)]
    parts.append(_groups(prefix, figures, text("about.where"), lambda kind: kind == SITE))
    sections = "".join(
        f"<section><h4>{escape(title)}</h4><p>{' '.join(map(escape, sentences))}</p>{picture}</section>"
        for title, sentences, picture in filter(None, parts)
    )
    return f'<div class="plots">{sections}</div>'


def _overall(prefix: str, figures: dict) -> Part:
    marks = [dot(title, figures[key]) for key, (title, _) in MEASURES.items() if isinstance(figures.get(key), dict)]
    if not marks:
        return None
    start, ticks = scale([mark.low for mark in marks if mark.low is not None])
    meanings = " ".join(t("measured.meaning", name=title, what=meaning) for title, meaning in MEASURES.values())
    accuracy, values = figures.get("acc"), {"split": prefix}
    if "images" in figures:
        values["images"] = text("count.image", n=figures["images"])
    if isinstance(accuracy, dict):
        values["n"] = format_of_100(accuracy["value"])
    keys = {("split", "images", "n"): "images", ("split", "n"): "first", ("split", "images"): "only-images"}
    sentence = text(f"measured.{keys.get(tuple(values), 'only')}", **values)
    picture = (
        dots(text("measured.how-often", split=prefix), marks, (start, 1.0), ticks)
        + f'<p class="fine">{meanings} {t("measured.bars")}</p>'
    )
    return text("about.right"), [sentence], picture


def _recall(prefix: str, figures: dict, labels: tuple[str, ...]) -> Part:
    counts = missed(figures, labels)
    marks = []
    for code in labels:
        count, wrong_count = counts.get(code, (0, 0))
        recall = (count - wrong_count) / count if count else None
        marks.append(
            Dot(
                class_text(code),
                recall,
                text("explorer.n-of", n=count - wrong_count, of=count),
                color=class_color(code),
            )
        )
    sentence = text("measured.recall", split=prefix)
    if "mel" in counts:
        count, wrong_count = counts["mel"]
        sentence = text("measured.missed", n=count, wrong=wrong_count)
    return text("about.finds"), [sentence], dots(text("measured.found"), marks, (0.0, 1.0), PERCENT)


def _confusion(prefix: str, matrix: np.ndarray, labels: tuple[str, ...]) -> Part:
    wrong = matrix - np.diag(np.diag(matrix))
    i, j = np.unravel_index(int(wrong.argmax()), wrong.shape)
    sentence = (
        text("measured.mistake", name=class_word(labels[i]), other=class_word(labels[j]), n=int(wrong[i, j]))
        if wrong.any()
        else text("measured.no-mistake")
    )
    return text("about.takes"), [sentence], confusion(text("measured.confusion", split=prefix), labels, matrix)


def _roc(prefix: str, figures: dict) -> Part:
    curve = figures.get("roc", {}).get("mel")
    if not curve:
        return None
    at = figures.get("melanoma_sensitivity_at_90_specificity")
    sentence = text("measured.roc-point")
    if at is not None:
        sentence = text("measured.roc-at", n=format_of_100(at))
    picture = roc(
        np.array(curve["sensitivity"]), np.array(curve["specificity"]), None if at is None else (at, 0.9),
        text("measured.roc-label", split=prefix), text("axis.ten-alarms"),
    )  # fmt: skip
    return text("about.roc"), [sentence], picture


def _calibration(prefix: str, figures: dict) -> Part:
    error = figures.get("expected_calibration_error")
    if error is None:
        return None
    before = figures.get("before_scaling", {}).get("expected_calibration_error")
    marks = [Dot(text("measured.as-shown"), error, points_text(format_spread(error)))]
    if before is not None:
        marks.append(Dot(text("measured.without-temperature"), before, points_text(format_spread(before))))
    sentences, picture = [text("measured.off", points=f"{100 * error:.1f}")], ""
    if bins := figures.get("reliability", {}).get("after"):
        sentences.append(leaning(bins))
        picture = reliability(bins, text("measured.reliability", split=prefix))
        picture += f'<p class="fine">{t("measured.disc")}</p>'
    picture += dots(
        text("measured.error"), marks, (0.0, 0.2), {0.0: text("measured.zero-points"), 0.1: "10", 0.2: "20"}
    )
    return text("about.believed"), sentences, picture


def leaning(bins: Sequence[dict]) -> Text:
    """Whether answers promise too much or too little, over all bins of `mat_core.evaluation`, as a sentence."""
    cases = sum(bin["cases"] for bin in bins)
    gap = sum(bin["cases"] * (bin["confidence"] - bin["accuracy"]) for bin in bins) / cases
    if abs(gap) < EVEN:
        return text("measured.leaning.even")
    return text(f"measured.leaning.{'much' if gap > 0 else 'little'}", points=f"{100 * abs(gap):.1f}")


def _groups(prefix: str, figures: dict, title: str, include: Callable[[str], bool]) -> Part:
    """Right answers by the kinds of groups that `include` accepts, one plot each."""
    kinds = {kind: groups for kind, groups in figures.get("groups", {}).items() if groups and include(kind)}
    if not kinds:
        return None
    picture = ""
    for kind, groups in kinds.items():
        marks = [
            replace(dot(named(name), one), detail=text("count.lesion", n=one["cases"])) for name, one in groups.items()
        ]
        group = text(f"group.{kind}") if has_text(f"group.{kind}") else kind
        picture += f'<p class="fine"><b>{t("measured.by", kind=group)}</b></p>' + dots(
            text("measured.right-by", split=prefix, kind=group), marks, (0.0, 1.0), PERCENT
        )
    large = [
        (group["value"], kind, name)
        for kind, groups in kinds.items()
        for name, group in groups.items()
        if group["cases"] >= FEWEST
    ]
    sentence = text("measured.few", n=FEWEST)
    if large:
        value, kind, name = min(large)
        group = text(f"group.{kind}") if has_text(f"group.{kind}") else kind
        sentence = text("measured.least", n=FEWEST, kind=group, name=named(name), right=format_of_100(value))
    return title, [sentence], picture


def _detector(prefix: str, figures: dict) -> Part:
    measured = figures.get("detector", {})
    keys = ("lesion_recall_10", "lesion_top", "lesion_covered_36", "image_covered_36")
    rows = {text(f"measured.{key}"): measured.get(key) for key in keys}
    marks = [Dot(name, value, format_percent(value)) for name, value in rows.items() if value is not None]
    if not marks:
        return None
    label = text("measured.detector-label", split=prefix)
    return text("about.detector"), [text("measured.detector")], dots(label, marks, (0.0, 1.0), PERCENT)


def _attention(prefix: str, figures: dict) -> Part:
    measured = figures.get("explain", {})
    rows = measured.get("rankings", {})
    correlations = {name: value for name in RANKED if (value := with_ablation(rows.get(name, {}))) is not None}
    marks = [Dot(RANKED[name], value, format_signed(value)) for name, value in correlations.items()]
    if not marks:
        return None
    sentence = text("measured.correlation")
    if "attention" in correlations and "cases" in measured:
        key = "measured.attention-chance" if abs(correlations["attention"]) < CHANCE else "measured.attention"
        sentence = text(key, cases=measured["cases"], value=format_signed(correlations["attention"]))
    return text("about.attention"), [sentence], dots(text("check.dots"), marks, (-1.0, 1.0), CORRELATION)
