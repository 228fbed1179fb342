"""Question's tab 'Take away': what the answer becomes without a word, the guidance, one region, or whole groups."""

import numpy as np

from mat_core import Diagnoser
from mat_core.explain import ablate, kind_groups, take_away
from mat_core.labels import region_name
from mat_core.wording import SIGN, class_name, class_title, counted, percent, points, share, width

from ..parts.bars import EVEN, PRACTICALLY, Change, diverging
from ..parts.evidence import boxes_drawing
from ..parts.tables import details, table
from ..parts.text import esc
from ..session import Session

SHOWN = 10  # regions in a list
LITTLE = 0.02  # change of a probability from which on a single region can be said to matter
KINDS = {
    "lesion": "the boxes of the whole lesion",
    "border": "the borders",
    "patch": "the patches",
    "skin": "the skin around",
}


def ablation_html(diagnoser: Diagnoser, now: Session, label: str) -> str:
    """What each part adds to the class: fields, guidance, regions."""
    diagnosis = now.diagnosis
    label = label or diagnosis.top
    found = now.found["taken"] = ablate(diagnoser, diagnosis.regions, diagnosis.metadata)
    k = found.labels.index(label)
    plain = float(found.probabilities[k])
    taken = {f"without {field}": p for field, p in found.without_field.items()}
    taken["without any word"] = found.without_words
    if found.uniform is not None:
        taken["every word and region attends evenly"] = found.uniform
        taken[f"attention shuffled, mean of {len(found.shuffled)}"] = found.shuffled.mean(0)
        spread = width(float(found.shuffled[:, k].std()))
        guidance = f"Shuffling moves the probability by {spread} (standard deviation)."
    else:
        guidance = "This model has no guided attention between words and regions to take away, or no word was given."
    rows = [(name, share(p[k]), points(plain - p[k]), class_title(_top(found.labels, p))) for name, p in taken.items()]
    effect = found.effect(label)
    first = np.argsort(-np.abs(effect), kind="stable")[:SHOWN]
    looked = diagnosis.attended
    names = [f"{i + 1} {region_name(diagnosis.regions.names[i])}" for i in first]
    after = [found.without_region[i, k] for i in first]
    regions = [
        (name, share(p), points(effect[i]), "none" if looked is None else percent(looked[i]))
        for i, name, p in zip(first, names, after, strict=True)
    ]
    becomes = f"{class_name(label)} becomes"
    return (
        f'<p class="verdict">{esc(found.sentence(label))}</p>'
        f'<p class="fine">A change is the probability of {esc(class_name(label))} {SIGN}. In points of percent; less '
        f"than {100 * EVEN:g} either way is {PRACTICALLY}.</p>"
        '<div class="two"><section><h3>Words and guidance</h3>'
        f"{_changes('Without words or guidance, as bars', taken.items(), plain, k)}"
        f'<p class="fine">{esc(guidance)}</p>'
        f"{details('Numbers', table('Without words or guidance', ('taken away', becomes, 'change', 'answer'), rows))}"
        f"{_groups(diagnoser, now, label, effect)}</section>"
        f"<section><h3>The {len(first)} regions that matter most</h3>"
        f'<figure class="regions">{boxes_drawing(now, first, [points(effect[i]) for i in first])}</figure>'
        f"{_changes('Without one region, as bars', zip(names, found.without_region[first], strict=True), plain, k)}"
        '<p class="fine">Each region is masked alone, so that the model never saw it.</p>'
        f"{details('Numbers', table('Without one region', ('region', becomes, 'change', 'attention %'), regions))}"
        "</section></div>"
    )


def _changes(label: str, without, plain: float, k: int) -> str:
    """Bars of what each part adds. without: pairs of name and probabilities without it, (classes,); k: the class."""
    rows = [Change(name, plain - p[k], _said(plain - p[k]), f"{share(plain)} → {share(p[k])}") for name, p in without]
    return diverging(label, rows)


def _said(effect: float) -> str:
    return PRACTICALLY if abs(effect) < EVEN else points(effect)


def _top(labels: tuple[str, ...], p: np.ndarray) -> str:
    return labels[int(p.argmax())]


def _groups(diagnoser: Diagnoser, now: Session, label: str, effect: np.ndarray) -> str:
    """Whole groups of regions away: each kind, and all but each kind."""
    diagnosis = now.diagnosis
    kinds = kind_groups(diagnosis.regions)
    if not kinds:
        return ""
    groups = {KINDS.get(kind, f"all boxes of {kind}"): members for kind, members in kinds.items()}
    if len(groups) > 1:
        groups |= {f"everything but {name}": ~members for name, members in groups.items()}
    found = take_away(diagnoser, diagnosis.regions, groups, diagnosis.metadata)
    k = found.labels.index(label)
    rows = [
        (name, size, share(p[k]), points(change), class_title(_top(found.labels, p)))
        for name, size, p, change in zip(found.names, found.sizes, found.without, found.effect(label), strict=True)
    ]
    head = ("taken away", "regions", f"{class_name(label)} becomes", "change", "answer")
    named = [f"{name} ({counted(size, 'region')})" for name, size in zip(found.names, found.sizes, strict=True)]
    plain = float(found.probabilities[k])
    return (
        f"<h3>Whole groups</h3>{_why_so_little(effect)}"
        f"{_changes('Without groups of regions, as bars', zip(named, found.without, strict=True), plain, k)}"
        f"{details('Numbers', table('Without groups of regions', head, rows))}"
        '<p class="fine"><em>Check attention</em> takes the regions away one after the other, in the order of each '
        "ranking.</p>"
    )


def _why_so_little(effect: np.ndarray) -> str:
    """What it means when no region matters by itself."""
    most = float(np.abs(effect).max(initial=0))
    if most >= LITTLE:
        return ""
    return (
        f"<p>No single region changes the answer by more than {width(most)}. That does not mean that nothing "
        "in the picture matters: each region's features were pooled from maps that had seen the whole picture, and "
        "self-attention has told every region what the others know. Taking one from the list leaves its knowledge with "
        "the rest. The tab <em>Hide</em> covers the pixels themselves and lets the model look again.</p>"
    )
