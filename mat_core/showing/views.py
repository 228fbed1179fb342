"""The panels of each kind of result. A class of a diagnosis is a code; without one the result's own, or the top."""

from functools import singledispatch
from typing import Any

import numpy as np

from ..diagnoser import Diagnosis
from ..errors import ConfigError
from ..explain.ablation import Ablation, Groups
from ..explain.agreement import Agreement, Confrontation
from ..explain.contributions import Contributions, Margin
from ..explain.doubt import Doubt, OperatingPoint
from ..explain.leak import SAID, Leak
from ..explain.occlusion import Occlusion
from ..explain.relevance import Relevance
from ..explain.side_by_side import Comparison
from ..explain.similarity import Similarity
from ..explain.what_if import Flip, WhatIf
from ..labels import BY_CODE
from ..regions import Regions
from ..wording import class_name
from .panels import Bars, Grid, Lines, View, strongest

SHOWN_MAPS = 6  # regions of a diagnosis' map


@singledispatch
def view_of(result: Any, label: str | None = None) -> View:
    """What a result has to show. Raises ConfigError for a class that it does not know."""
    raise ConfigError(f"There is no view of an object of {type(result).__name__}.")


@view_of.register
def _(result: Diagnosis, label: str | None = None) -> View:
    order = sorted(result.probabilities, key=lambda code: -result.probabilities[code])
    words = " ".join(word.text for word in result.words) or "none"
    name = class_name(order[0])
    sentence = f"Most probable: {name}, {result.probabilities[order[0]]:.1%}. Words read: {words}."
    if result.novelty is not None and result.novelty.outside:
        sentence += " This does not look like the images that the model was trained on."
    values = np.array([result.probabilities[code] for code in order])
    panels: list[Bars | Lines | Grid] = [Bars("Probability of each class", tuple(map(_long, order)), values)]
    weights = result.attention.words_to_regions
    if weights is not None and 0 not in weights.shape:
        shown = weights[-1].mean(0)[:, :SHOWN_MAPS]
        names = tuple(f"{i + 1} {kind}" for i, kind in enumerate(result.regions.names[:SHOWN_MAPS]))
        title = "Words look at the first regions: last layer, average of the heads, %"
        panels.append(Grid(title, tuple(word.text for word in result.words), names, shown))
    return View("Diagnosis", sentence, tuple(panels))


@view_of.register
def _(result: Regions, label: str | None = None) -> View:
    kinds = dict.fromkeys(result.names)
    sentence = (
        f"{len(result)} regions of an image of {result.size[1]} x {result.size[0]} pixels: "
        + ", ".join(f"{result.names.count(kind)} {kind}" for kind in kinds)
        + "."
    )
    names = tuple(
        f"{i + 1} {kind}, at {', '.join(f'{v:.0f}' for v in box)}"
        for i, (kind, box) in enumerate(zip(result.names, result.boxes, strict=True))
    )[:10]
    bars = Bars("The first ones: kind, box (x1, y1, x2, y2) and score", names, result.scores[:10])
    return View("Regions", sentence, (bars,) if names else ())


@view_of.register
def _(result: Ablation, label: str | None = None) -> View:
    label, k = _chosen(result.labels, result.probabilities, label)
    before = result.probabilities[k]
    names = tuple(f"region {i + 1}" for i in range(len(result.without_region)))
    others = {field: p[k] for field, p in result.without_field.items()}
    others["all words"] = result.without_words[k]
    if result.uniform is not None:
        others["guidance, against an even one"] = result.uniform[k]
    if result.shuffled is not None:
        others["guidance, against a shuffled one"] = result.shuffled[:, k].mean()
    changes = np.array([before - after for after in others.values()])
    what = f"what it adds to {class_name(label)}"
    panels = [strongest(f"Each region: {what}", names, result.effect(label), points=True)] if names else []
    panels.append(Bars(f"Metadata and guidance: {what}", tuple(others), changes, points=True))
    return View("Ablation", result.sentence(label), tuple(panels))


@view_of.register
def _(result: Groups, label: str | None = None) -> View:
    label, _k = _chosen(result.labels, result.probabilities, label)
    names = tuple(f"{name} ({size})" for name, size in zip(result.names, result.sizes, strict=True))
    title = f"Each group of regions: what it adds to {class_name(label)}"
    return View("Groups taken away", result.sentence(label), (Bars(title, names, result.effect(label), points=True),))


@view_of.register
def _(result: Agreement, label: str | None = None) -> View:
    _same(result.label, label)
    name = class_name(result.label)
    panels = (
        Lines(f"{name}, best regions removed first", "regions removed", result.counts, result.deletion),
        Lines(f"{name}, best regions shown first", "regions shown", result.counts, result.insertion),
    )
    return View("Do the attended regions matter?", result.sentence(), panels)


@view_of.register
def _(result: Confrontation, label: str | None = None) -> View:
    _same(result.label, label)
    panels = tuple(
        Bars(f"Rank correlation with {reference}", tuple(found), np.array(list(found.values())), share=False)
        for reference, found in result.spearman.items()
    )
    return View("Rankings against hiding and taking away", result.sentence(), panels)


@view_of.register
def _(result: Contributions, label: str | None = None) -> View:
    label, _k = _chosen(result.labels, result.logits, label)
    return view_of(result.against(label))


@view_of.register
def _(result: Margin, label: str | None = None) -> View:
    _same(result.label, label)
    title = f"for {class_name(result.label)}, against {class_name(result.other)}, log-odds"
    names = tuple(f"region {i + 1}" for i in range(len(result.regions)))
    panels = [strongest(f"Regions {title}", names, result.regions, share=False)] if names else []
    if len(result.words):
        words = tuple(f"word {i + 1}" for i in range(len(result.words)))
        panels.append(strongest(f"Words {title}", words, result.words, share=False))
    return View("Contributions", result.sentence(), tuple(panels))


@view_of.register
def _(result: Doubt, label: str | None = None) -> View:
    _chosen(result.labels, result.mean, label)
    order = np.argsort(-result.mean, kind="stable")
    names = tuple(_long(result.labels[k]) for k in order)
    bars = Bars("Mean of eight views, with their spread", names, result.mean[order], result.spread[order])
    return View("Doubt", " ".join([result.sentence(), *result.reasons]), (bars,))


@view_of.register
def _(result: OperatingPoint, label: str | None = None) -> View:
    values = np.array([result.sensitivity, result.specificity])
    return View(
        "Operating point", result.sentence(), (Bars("Of the threshold", ("sensitivity", "specificity"), values),)
    )


@view_of.register
def _(result: Leak, label: str | None = None) -> View:
    label, k = _chosen(result.labels, result.probabilities[-1], label or "mel")
    names = tuple(f"told {SAID[kind]}" for kind in result.dx_types)
    bars = Bars(f"Probability of {class_name(label)}", names, result.probabilities[:, k])
    return View("Leak", result.sentence(label), (bars,))


@view_of.register
def _(result: Occlusion, label: str | None = None) -> View:
    label, _k = _chosen(result.labels, result.probabilities, label)
    what = f"what it adds to {class_name(label)}"
    panel: Bars | Grid
    if result.cells is not None:
        rows, columns = (tuple(str(i + 1) for i in range(n)) for n in result.cells.shape)
        panel = Grid(f"Each tile: {what}, points", rows, columns, result.map(label), points=True)
    else:
        panel = strongest(f"Each part: {what}", result.names, result.effect(label), points=True)
    return View("Occlusion", result.sentence(label), (panel,) if len(result.hidden) else ())


@view_of.register
def _(result: Relevance, label: str | None = None) -> View:
    _same(result.label, label)
    total = max(result.regions.sum() + result.words.sum(), 1e-12)
    panels = []
    for side, values in (("region", result.regions), ("word", result.words)):
        if len(values):
            names = tuple(f"{side} {i + 1}" for i in range(len(values)))
            panels.append(strongest(f"Share of relevance for {class_name(result.label)}", names, values / total))
    return View("Relevance", result.sentence(), tuple(panels))


@view_of.register
def _(result: Comparison, label: str | None = None) -> View:
    _chosen(result.labels, result.probabilities[0], label)
    grid = Grid("Probability of each class, %", result.names, result.labels, result.probabilities)
    return View("Models side by side", result.sentence(), (grid,))


@view_of.register
def _(result: Similarity, label: str | None = None) -> View:
    if np.isnan(result.cosine).any():
        return View("Similarity", result.sentence(), ())
    series = {"mean cosine": result.cosine, "distance from rank one": result.residual}
    lines = Lines("How alike the regions' tokens are", "stage", np.arange(len(result.stages)), series, result.stages)
    return View("Similarity", result.sentence(), (lines,))


@view_of.register
def _(result: WhatIf, label: str | None = None) -> View:
    label, k = _chosen(result.labels, result.own, label)
    name = class_name(label)
    panels = (
        Lines(f"Probability of {name} over age", "age", np.array(result.ages), {name: result.over_age()[:, k]}),
        Bars(f"Probability of {name} over sex", _known(result.sexes), result.over_sex()[:, k]),
        Bars(f"Probability of {name} over sites", _known(result.sites), result.over_sites()[:, k]),
    )
    return View("What if", result.sentence(), panels)


@view_of.register
def _(result: Flip, label: str | None = None) -> View:
    bars = Bars("The answer then", (_long(result.label),), np.array([result.probability]))
    return View("The smallest change", result.sentence(), (bars,))


def _chosen(labels: tuple[str, ...], values: np.ndarray, label: str | None) -> tuple[str, int]:
    if label is not None and label not in labels:
        raise ConfigError(f"The class must be one of {', '.join(labels)}; got {label!r}.")
    k = int(np.argmax(values)) if label is None else labels.index(label)
    return labels[k], k


def _same(own: str, label: str | None) -> None:
    if label not in (None, own):
        raise ConfigError(f"This was computed for {own}; compute it again with label={label!r}.")


def _known(values: tuple[str | None, ...]) -> tuple[str, ...]:
    return tuple("unknown" if value is None else value for value in values)


def _long(code: str) -> str:
    return BY_CODE[code].name if code in BY_CODE else code
