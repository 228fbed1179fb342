"""What was measured of a model on a split, as pictures with one sentence each. What a bundle lacks is left out."""

from collections.abc import Callable, Sequence

import numpy as np

from mat_core.colours import class_colour
from mat_core.wording import class_name, class_title, counted, of_hundred, share, signed, width

from .charts import reliability, roc
from .plots import Dot, confusion, dots
from .text import esc

# key in the metrics -> full name, and what it means
MEASURES = {
    "acc": ("Accuracy", "of 100 images, those whose most probable class is the confirmed one"),
    "balanced_acc": ("Balanced accuracy", "the same for each class by itself, then the mean: rare ones count as much"),
    "auc": (
        "Macro AUC",
        "how often a lesion of a class gets more probability for it than a lesion of another; 50% is guessing",
    ),
    "lrap": (
        "Label ranking average precision (LRAP)",
        "100% where the confirmed class is always first, 50% where it is always second",
    ),
}
RANKED = {
    "attention": "attention", "share": "fusion share", "contribution": "contribution",
    "gradient": "gradient × input", "relevance": "relevance",
}  # fmt: skip
CHANCE = 0.15  # rank correlation below which a ranking is hardly more than chance
EVEN = 0.005  # a gap between promised and right below which neither is said
SITE = "localization"  # the kind of groups that has a picture of its own
FEWEST = 30  # lesions of a group that a sentence names
Part = tuple[str, str, str] | None  # a title, a sentence, and a picture as HTML
PERCENT = {0.0: "0%", 0.5: "50%", 1.0: "100%"}


def scale(lows: list[float]) -> tuple[float, dict[float, str]]:
    """Where an axis of shares starts that holds all these, 50% at the highest, and its ticks."""
    start = min([0.5, *(float(np.floor(10 * low) / 10) for low in lows)])
    return start, {at: f"{100 * at:.0f}%" for at in (start, (start + 1) / 2, 1.0)}


def dot(name: str, figure, colour: str = "") -> Dot:
    """A row of `plots.dots` of a figure with its interval, as metrics.json has it."""
    if not isinstance(figure, dict):
        return Dot(name, None, "not measured")
    return Dot(name, figure["value"], share(figure["value"]), *figure["interval95"], colour)


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


def measured_html(where: str, figures: dict, labels: tuple[str, ...]) -> str:
    """All pictures of one split. where: how a sentence about it starts; figures: of metrics.json."""
    matrix = confusion_of(figures, labels)
    parts = [_overall(where, figures)]
    if matrix is not None:
        parts += [_recall(where, figures, labels), _confusion(where, matrix, labels)]
    parts += [_roc(where, figures), _calibration(where, figures)]
    parts.append(_groups(where, figures, "For whom it is right", lambda kind: kind != SITE))
    parts += [_detector(where, figures), _attention(where, figures)]
    parts.append(_groups(where, figures, "Where on the body it is right", lambda kind: kind == SITE))
    shown = "".join(
        f"<section><h4>{esc(title)}</h4><p>{esc(said)}</p>{drawn}</section>"
        for title, said, drawn in filter(None, parts)
    )
    return f'<div class="plots">{shown}</div>'


def _overall(where: str, figures: dict) -> Part:
    marks = [dot(title, figures[key]) for key, (title, _) in MEASURES.items() if isinstance(figures.get(key), dict)]
    if not marks:
        return None
    start, ticks = scale([mark.low for mark in marks if mark.low is not None])
    meant = "; ".join(f"{title}: {meaning}" for title, meaning in MEASURES.values())
    first = figures.get("acc")
    counted_images = f" ({counted(figures['images'], 'image')})" if "images" in figures else ""
    right = (
        f" the first answer is right in {of_hundred(first['value'])} of 100 images" if isinstance(first, dict) else ""
    )
    drawn = (
        dots(f"{where}: how often it is right", marks, (start, 1.0), ticks)
        + f'<p class="fine">{esc(meant)}. Bars: 95% intervals.</p>'
    )
    return "How often it is right", f"{where}{counted_images}{right}.", drawn


def _recall(where: str, figures: dict, labels: tuple[str, ...]) -> Part:
    found = missed(figures, labels)
    marks = []
    for code in labels:
        of, lost = found.get(code, (0, 0))
        part = (of - lost) / of if of else None
        marks.append(Dot(class_title(code), part, f"{of - lost} of {of}", colour=class_colour(code)))
    said = f"{where}, each class by itself: of its lesions, how many it names."
    if "mel" in found:
        of, lost = found["mel"]
        said = f"In {counted(of, 'melanoma')} this model missed {lost}: it named another class first."
    return "What it finds, class by class", said, dots("Found of each class", marks, (0.0, 1.0), PERCENT)


def _confusion(where: str, matrix: np.ndarray, labels: tuple[str, ...]) -> Part:
    wrong = matrix - np.diag(np.diag(matrix))
    i, j = np.unravel_index(int(wrong.argmax()), wrong.shape)
    said = (
        f"The commonest mistake: {class_name(labels[i])} answered as {class_name(labels[j])}, "
        f"{counted(int(wrong[i, j]), 'time')}."
        if wrong.any()
        else "There was no mistake."
    )
    return "What it takes for what", said, confusion(f"{where}: confirmed and answered classes", labels, matrix)


def _roc(where: str, figures: dict) -> Part:
    curve = figures.get("roc", {}).get("mel")
    if not curve:
        return None
    at = figures.get("melanoma_sensitivity_at_90_specificity")
    said = "Each point is one threshold: a lower one finds more melanomas and raises more false alarms."
    if at is not None:
        said = f"Allowed 10 false alarms among 100 other lesions, it finds {of_hundred(at)} of 100 melanomas."
    drawn = roc(
        np.array(curve["sensitivity"]), np.array(curve["specificity"]), None if at is None else (at, 0.9),
        f"{where}: ROC of melanoma", "10 false alarms",
    )  # fmt: skip
    return "Melanoma: found against false alarms", said, drawn


def _calibration(where: str, figures: dict) -> Part:
    error = figures.get("expected_calibration_error")
    if error is None:
        return None
    before = figures.get("before_scaling", {}).get("expected_calibration_error")
    marks = [Dot("as the app shows it", error, width(error))]
    if before is not None:
        marks.append(Dot("without its temperature", before, width(before)))
    said = f"Of answers that it gives 80%, 80 of 100 should be right; it is off by {width(error)} on average."
    drawn = ""
    if bins := figures.get("reliability", {}).get("after"):
        said += f" {leaning(bins)}"
        drawn = reliability(bins, f"{where}: right answers against the probability of the answer") + (
            '<p class="fine">A disc holds the answers of about one probability, and is larger where there are more of '
            "them; below the line it promises too much. Bars: 95% intervals.</p>"
        )
    drawn += dots("Expected calibration error", marks, (0.0, 0.2), {0.0: "0 points", 0.1: "10", 0.2: "20"})
    return "How far its percentages can be believed", said, drawn


def leaning(bins: Sequence[dict]) -> str:
    """Whether answers promise too much or too little, over all bins of `mat_core.measuring`, as a sentence."""
    cases = sum(each["cases"] for each in bins)
    gap = sum(each["cases"] * (each["confidence"] - each["accuracy"]) for each in bins) / cases
    if abs(gap) < EVEN:
        return "Over all answers, it promises neither too much nor too little."
    return f"Over all answers, it promises {width(abs(gap))} too {'much' if gap > 0 else 'little'}."


def _groups(where: str, figures: dict, title: str, shown: Callable[[str], bool]) -> Part:
    """Right answers by the kinds of groups that are `shown`, a picture each."""
    kinds = {kind: groups for kind, groups in figures.get("groups", {}).items() if groups and shown(kind)}
    if not kinds:
        return None
    drawn = ""
    for kind, groups in kinds.items():
        marks = [
            Dot(name, one["value"], share(one["value"]), *one["interval95"], detail=counted(one["cases"], "lesion"))
            for name, one in groups.items()
        ]
        drawn += f'<p class="fine"><b>By {esc(kind)}</b></p>' + dots(
            f"{where}: right answers by {kind}", marks, (0.0, 1.0), PERCENT
        )
    large = [
        (one["value"], kind, name)
        for kind, groups in kinds.items()
        for name, one in groups.items()
        if one["cases"] >= FEWEST
    ]
    said = f"No group of these has {FEWEST} lesions: read the 95% intervals, not the dots."
    if large:
        value, kind, name = min(large)
        said = (
            f"Of groups with at least {FEWEST} lesions it is right least often where {kind} is {name}: "
            f"in {of_hundred(value)} of 100. Groups differ in their diagnoses, too. Bars: 95% intervals."
        )
    return title, said, drawn


def _detector(where: str, figures: dict) -> Part:
    found = figures.get("detector", {})
    rows = {
        "lesion among the first 10 regions": found.get("lesion_recall_10"),
        "first region is the lesion": found.get("lesion_top"),
        "lesion covered by the first 36 regions": found.get("lesion_covered_36"),
        "image covered by the first 36 regions": found.get("image_covered_36"),
    }
    marks = [Dot(name, value, share(value)) for name, value in rows.items() if value is not None]
    if not marks:
        return None
    said = "The network sees nothing but the regions: so the lesion has to be among them."
    return "What the detector finds", said, dots(f"{where}: the detector", marks, (0.0, 1.0), PERCENT)


def _attention(where: str, figures: dict) -> Part:
    found = figures.get("explain", {})
    rows = found.get("rankings", {})
    known = {name: value for name in RANKED if (value := with_ablation(rows.get(name, {}))) is not None}
    marks = [Dot(RANKED[name], value, signed(value)) for name, value in known.items()]
    if not marks:
        return None
    said = "Rank correlation with ablation: 0 says that a ranking does not know which regions matter, +1 that it does."
    if "attention" in known and "cases" in found:
        chance = ", hardly more than chance" if abs(known["attention"]) < CHANCE else ""
        said = (
            f"In {found['cases']} cases the rank correlation of attention's order of the regions with what ablation "
            f"finds is {signed(known['attention'])}{chance}; the same order would be +1."
        )
    axis = {-1.0: signed(-1, 0), 0.0: "0 chance", 1.0: "+1"}
    return "Does attention know what matters?", said, dots("Rank correlation with ablation", marks, (-1.0, 1.0), axis)
