"""What results say, as Texts: in English the sentence of `summary`, and translatable.

mat_core has no page and stays English; a test compares these with its sentences.
"""

import re

import numpy as np

from mat_core import Metadata
from mat_core.data.ham10000 import ATTRIBUTION
from mat_core.data.labels import BY_CODE
from mat_core.explain import (
    Ablation,
    AblationFaithfulness,
    Counterfactual,
    LabelLeakage,
    Margin,
    MetadataSweep,
    ModelComparison,
    Occlusion,
    Similarity,
    Uncertainty,
    dataset_summary,
)
from mat_core.explain.attention_grid import SOURCES
from mat_core.explain.faithfulness import RANDOM, REFERENCES, TOP
from mat_core.explain.uncertainty import MAX_MALIGNANT, MIN_AGREEING, MIN_TOP, OperatingPoint
from mat_core.inference.out_of_distribution import OODScore
from mat_core.utils.formatting import format_of_100, format_percent, format_signed

from .cases.example import Example
from .translations import ENGLISH, Text, read_language, text

_TILE = re.compile(r"the tile in row (\d+), column (\d+)(?:, (.+))?")


def has_text(key: str) -> bool:
    """Whether the language files have a key."""
    return key in read_language(ENGLISH)


def class_word(code: str) -> str:
    """A class within a sentence: 'melanoma'."""
    return text(f"class.{code}") if has_text(f"class.{code}") else code


def value_text(value: object) -> str:
    """A value of a metadata field: 'female', '70', 'unknown'."""
    word = "unknown" if value is None else str(value)
    return text(f"option.{word}") if has_text(f"option.{word}") else word


def patient_text(metadata: Metadata) -> str:
    """Age, sex and site, as far as they are known."""
    parts = []
    if metadata.age is not None:
        parts.append(text("patient.years", n=metadata.age))
    if metadata.sex is not None:
        parts.append(value_text(metadata.sex))
    if metadata.localization is not None:
        parts.append(text("patient.site", site=value_text(metadata.localization)))
    return text("list", items=parts) if parts else text("patient.nothing")


def truth_text(example: Example) -> str:
    """What a case is, and how that is known; '' for what is none of the diagnoses."""
    if example.diagnosis not in BY_CODE:
        return ""
    name = text(f"option.{BY_CODE[example.diagnosis].name}")
    return text("truth.drawn", name=name) if example.synthetic else text("truth.confirmed", name=name)


def source_texts(example: Example) -> tuple[str, ...]:
    """Whose the picture is, with what has to be said with it."""
    whose = text("note.phantom") if example.synthetic else ATTRIBUTION if not example.note else ""
    return tuple(part for part in (whose, example.note) if part)


def ablation_text(result: Ablation, label: str) -> Text:
    """`Ablation.summary`."""
    k, effect = result.labels.index(label), result.effect(label)
    parts = []
    if len(effect):
        first = int(np.abs(effect).argmax())
        parts.append(
            text("sentence.without-region", n=first + 1, value=format_percent(result.without_region[first, k]))
        )
    for field, p in result.without_field.items():
        parts.append(text(f"sentence.without-field.{field}", value=format_percent(p[k])))
    if result.uniform is not None:
        parts.append(text("sentence.even-guidance", value=format_percent(result.uniform[k])))
    start = text("sentence.probability", name=class_word(label), value=format_percent(result.probabilities[k]))
    return text("sentence.parts", start=start, parts=parts) if parts else text("sentence.stop", start=start)


def part_text(name: str) -> str:
    """A part of `Occlusion.names`: a tile, or a quarter of one."""
    found = _TILE.fullmatch(name)
    if found is None:
        return name
    tile = text("part.tile", row=int(found[1]), column=int(found[2]))
    return text("part.quarter", tile=tile, quarter=text(f"part.{found[3]}")) if found[3] else tile


def occlusion_text(result: Occlusion, label: str) -> Text:
    """`Occlusion.summary`."""
    if not len(result.hidden):
        return text("sentence.no-part")
    k, effect = result.labels.index(label), result.effect(label)
    first = int(np.abs(effect).argmax())
    points = round(100 * abs(float(effect[first])))
    painted = result.kind == "painted" and len(result.hidden) == 1
    part: str = text("part.this") if painted else part_text(result.names[first])
    if len(result.hidden) > 1:
        part = text("part.most", part=part)
    values = {"part": part, "name": class_word(label), "before": format_percent(result.probabilities[k])}
    if not points:
        return text("sentence.hide-leaves", **values)
    way = "sentence.hide-lowers" if effect[first] > 0 else "sentence.hide-raises"
    return text(way, **values, after=format_percent(result.hidden[first, k]), points=text("count.point", n=points))


def flip_text(flip: Counterfactual) -> Text:
    """`Counterfactual.summary`."""
    changes = [
        text("sentence.flip-change", field=text(f"flip.{field}"), new=value_text(new), old=value_text(old))
        for field, (old, new) in flip.changes.items()
    ]
    joined = changes[0]
    for change in changes[1:]:
        joined = text("sentence.flip-and", first=joined, second=change)
    return text("sentence.flip", changes=joined, name=class_word(flip.label), value=format_percent(flip.probability))


def sweep_text(sweep: MetadataSweep) -> Text:
    """`MetadataSweep.summary`."""
    k = int(sweep.baseline.argmax())
    age, site, flip = sweep.over_age()[:, k], sweep.over_sites()[:, k], sweep.smallest_counterfactual()
    return text(
        "sentence.sweep", first=sweep.ages[0], last=sweep.ages[-1], name=class_word(sweep.labels[k]),
        low=format_percent(age.min()), high=format_percent(age.max()), site_low=format_percent(site.min()),
        site_high=format_percent(site.max()), flip=flip_text(flip) if flip else text("sentence.no-flip"),
    )  # fmt: skip


def uncertainty_text(result: Uncertainty) -> Text:
    """`Uncertainty.summary`."""
    top = int(result.views[0].argmax())
    return text(
        "sentence.views", agreeing=result.agreeing, name=class_word(result.labels[top]),
        mean=format_percent(result.mean[top]), spread=f"{100 * result.spread[top]:.1f}",
        entropy=f"{result.entropy:.2f}", most=f"{np.log2(len(result.labels)):.2f}",
    )  # fmt: skip


def warning_texts(
    probabilities: dict[str, float], novelty: OODScore | None, agreeing: int | None = None
) -> tuple[Text, ...]:
    """`warnings_for`."""
    top = max(probabilities, key=lambda code: probabilities[code])
    malignant = sum(p for code, p in probabilities.items() if code in BY_CODE and BY_CODE[code].malignant)
    benign = top not in BY_CODE or not BY_CODE[top].malignant
    warnings = []
    if novelty is not None and novelty.is_out_of_distribution:
        warnings.append(text("warning.unfamiliar"))
    if probabilities[top] < MIN_TOP:
        warnings.append(text("warning.no-half", name=class_word(top), value=format_percent(probabilities[top])))
    if agreeing is not None and agreeing < MIN_AGREEING:
        warnings.append(text("warning.turned", n=8 - agreeing))
    if benign and malignant >= MAX_MALIGNANT:
        warnings.append(text("warning.benign", value=format_percent(malignant)))
    return tuple(warnings)


def uncertainty_warnings(result: Uncertainty) -> tuple[Text, ...]:
    """`Uncertainty.warnings`."""
    return warning_texts(dict(zip(result.labels, result.views[0], strict=True)), result.novelty, result.agreeing)


def operating_point_text(point: OperatingPoint) -> Text:
    """`OperatingPoint.summary`."""
    return text(
        "sentence.calling", threshold=format_percent(point.threshold), found=format_of_100(point.sensitivity),
        cleared=format_of_100(point.specificity),
    )  # fmt: skip


def similarity_text(result: Similarity) -> Text:
    """`Similarity.summary`."""
    if np.isnan(result.cosine).any():
        return text("sentence.two-regions")
    detector, before, *after = (f"{cosine:.2f}" for cosine in result.cosine)
    stages = [
        text("sentence.alike-after", cosine=cosine, stage=stage)
        for cosine, stage in zip(after, result.stages[2:], strict=True)
    ]
    return text("sentence.alike", detector=detector, before=before, stages=stages or text("sentence.alike-none"))


def told_text(dx_type: str | None) -> Text:
    """How a diagnosis was made, as the word `dx_type` says it."""
    return text(f"told.{dx_type or 'nothing'}")


def leakage_text(result: LabelLeakage, label: str = "mel") -> Text:
    """`LabelLeakage.summary`."""
    values = result.probabilities[:, result.labels.index(label)]
    low, high = int(values.argmin()), int(values.argmax())
    return text(
        "sentence.leak", name=class_word(label), low=told_text(result.dx_types[low]),
        low_value=format_percent(values[low]), high=told_text(result.dx_types[high]),
        high_value=format_percent(values[high]),
    )  # fmt: skip


def faithfulness_text(result: AblationFaithfulness) -> Text:
    """`AblationFaithfulness.summary` of attention."""
    if "attention" not in result.deletion:
        return text("sentence.no-ranking")
    return text(
        "sentence.removing", count=min(TOP, int(result.counts[-1])), name=class_word(result.label),
        start=format_percent(result.deletion["attention"][0]), end=format_percent(result.without_top("attention")),
        chance=format_percent(result.without_top(RANDOM)),
    )  # fmt: skip


def dataset_text_of(metrics: dict, split: str = "test") -> str:
    """`dataset_summary` of attention; '' where it was not measured."""
    if dataset_summary(metrics, split=split) is None:
        return ""
    explained = metrics[split]["explain"]
    values = {}
    for reference in REFERENCES:
        measured = explained["rankings"]["attention"][reference]["spearman"]
        low, high = measured["interval95"]
        named = {"": measured["value"], "_low": low, "_high": high}
        values |= {f"{reference}{name}": format_signed(value) for name, value in named.items()}
    return text("check.dataset", cases=explained["cases"], split=split, **values)


def margin_text(margin: Margin) -> Text:
    """`Margin.summary`."""
    name = text(f"option.{BY_CODE[margin.label].name}") if margin.label in BY_CODE else margin.label
    start = text(
        "sentence.margin-leads" if margin.total >= 0 else "sentence.margin-trails", name=name,
        other=class_word(margin.other), total=f"{abs(margin.total):.2f}", constant=format_signed(margin.constant),
    )  # fmt: skip
    if not len(margin.regions):
        return text("sentence.stop", start=start)
    pro, contra = margin.regions[margin.regions > 0], margin.regions[margin.regions < 0]
    largest = int(np.abs(margin.regions).argmax())
    return text(
        "sentence.margin-regions", start=start, n=len(pro), pro=format_signed(pro.sum()), contra=len(contra),
        minus=format_signed(contra.sum()), largest=largest + 1, most=format_signed(margin.regions[largest]),
    )  # fmt: skip


def comparison_text(result: ModelComparison) -> Text:
    """`ModelComparison.summary`."""
    k = int((result.probabilities.max(0) - result.probabilities.min(0)).argmax())
    column, tops = result.probabilities[:, k], set(result.tops)
    count = len(result.names)
    if len(tops) == 1:
        who = text("models.both") if count == 2 else text("models.all", n=count)
        agreement = text("sentence.models-agree", who=who, name=class_word(result.tops[0]))
    else:
        names = sorted((class_word(top) for top in tops), key=str)
        agreement = text("sentence.models-differ", n=len(tops), names=names)
    return text(
        "sentence.models", agreement=agreement, name=class_word(result.labels[k]), low=format_percent(column.min()),
        low_model=result.names[column.argmin()], high=format_percent(column.max()),
        high_model=result.names[column.argmax()],
    )  # fmt: skip


def attended_text(meaning: str) -> str:
    """The description of `attention_on_grid`."""
    names = {words: name for name, words in SOURCES}
    return text(f"looked.{names.get(meaning, 'none')}")


def points_text(change: str) -> Text:
    """A change of `format_points` or `format_spread` with its unit."""
    return text("value.change", n=change.removesuffix(" points"))
