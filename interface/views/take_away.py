"""Question's tab 'Take away': what the answer becomes without a word, the guidance, one region, or whole groups."""

import numpy as np

from mat_core import Diagnoser
from mat_core.explain import ablate, kind_groups, take_away
from mat_core.labels import BY_CODE, region_name
from mat_core.wording import percent, points

from ..parts.evidence import boxes_drawing
from ..parts.tables import table
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
    found = ablate(diagnoser, diagnosis.regions, diagnosis.metadata)
    k = found.labels.index(label)
    plain = found.probabilities[k]

    def row(name: str, p: np.ndarray):
        return name, f"{p[k]:.3f}", points(plain - p[k]), BY_CODE[found.labels[p.argmax()]].name

    rows = [row(f"without {field}", p) for field, p in found.without_field.items()]
    rows.append(row("without any word", found.without_words))
    if found.uniform is not None:
        rows.append(row("every word and region attends evenly", found.uniform))
        rows.append(row(f"attention shuffled, mean of {len(found.shuffled)}", found.shuffled.mean(0)))
        spread = 100 * found.shuffled[:, k].std()
        guidance = f"Shuffling moves the probability by {spread:.1f} points (standard deviation)."
    else:
        guidance = "This model has no guided attention between words and regions to take away, or no word was given."
    effect = found.effect(label)
    first = np.argsort(-np.abs(effect), kind="stable")[:SHOWN]
    attended = agree_attention(diagnosis)
    regions = [
        (
            f"{i + 1} {region_name(diagnosis.regions.names[i])}",
            f"{found.without_region[i, k]:.3f}",
            points(effect[i]),
            "none" if attended is None else percent(attended[i]),
        )
        for i in first
    ]
    name = esc(BY_CODE[label].name)
    return (
        f'<p class="verdict">{esc(found.sentence(label))}</p>'
        f'<p class="fine">A change is the probability of {name} with a part minus without it, in points of 100: '
        "<b>positive, the part spoke for it</b>; negative, against it.</p>"
        '<div class="two"><section><h3>Words and guidance</h3>'
        f"{table('Without words or guidance', ('taken away', f'{label} becomes', 'change', 'answer'), rows)}"
        f'<p class="fine">{esc(guidance)}</p></section>'
        f"<section><h3>The {len(first)} regions that matter most</h3>"
        f'<figure class="regions">{boxes_drawing(now, first, [points(effect[i]) for i in first])}</figure>'
        f"{table('Without one region', ('region', f'{label} becomes', 'change', 'attention %'), regions)}"
        '<p class="fine">Each region is masked alone, so that the model never saw it. Attention: the mean share that '
        "the words (or the other regions) give it.</p></section></div>"
        f"{_groups(diagnoser, now, label, effect)}"
    )


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
        (name, size, f"{p[k]:.3f}", points(change), BY_CODE[found.labels[p.argmax()]].name)
        for name, size, p, change in zip(found.names, found.sizes, found.without, found.effect(label), strict=True)
    ]
    return (
        f"<h3>Whole groups</h3>{_why_so_little(effect)}"
        f"{table('Without groups of regions', ('taken away', 'regions', f'{label} becomes', 'change', 'answer'), rows)}"
        '<p class="fine"><em>Check attention</em> takes the regions away one after the other, in the order of each '
        "ranking.</p>"
    )


def _why_so_little(effect: np.ndarray) -> str:
    """What it means when no region matters by itself."""
    most = float(np.abs(effect).max(initial=0))
    if most >= LITTLE:
        return ""
    return (
        f"<p>No single region changes the answer by more than {100 * most:.1f} points. That does not mean that nothing "
        "in the picture matters: each region's features were pooled from maps that had seen the whole picture, and "
        "self-attention has told every region what the others know. Taking one from the list leaves its knowledge with "
        "the rest. The tab <em>Hide</em> covers the pixels themselves and lets the model look again.</p>"
    )


def agree_attention(diagnosis) -> np.ndarray | None:
    """The mean attention that each region gets, (regions,), sums to 1; None where nothing attends to regions."""
    for weights in (diagnosis.attention.words_to_regions, diagnosis.attention.regions_to_regions):
        if weights is not None and 0 not in weights.shape:
            return weights[-1].mean((0, 1))
    return None
