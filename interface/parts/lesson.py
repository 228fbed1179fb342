"""A drawing of query, key and value with the numbers of the case on the screen: one who asks looks at the regions."""

import numpy as np

from mat_core import Diagnosis
from mat_core.labels import region_name
from mat_core.wording import percent

from ..session import Session
from .pictures import crop
from .text import esc

SHOWN = 3  # regions that are drawn by themselves
NO_LOOK = "No block of this model looks at regions: there is nothing to draw of this case."


def lesson_html(now: Session) -> str:
    """Who asks, how well the regions answer, and what flows: three steps from left to right, or one below the other."""
    diagnosis = now.diagnosis
    found = _asker(diagnosis)
    if found is None:
        return f'<p class="empty">{NO_LOOK}</p>'
    asker, weights = found
    regions, image = diagnosis.regions, now.image()
    first = np.argsort(-weights, kind="stable")[:SHOWN]
    rest = len(weights) - len(first)
    top = float(weights[first].max(initial=0)) or 1.0
    rows = "".join(
        f"<li>{crop(image, regions.boxes[i], regions.size)}<span>Region {i + 1}<small>"
        f"{esc(region_name(regions.names[i]))}</small></span>{_share(float(weights[i]), top)}</li>"
        for i in first
    )
    if rest:
        left = float(max(1 - weights[first].sum(), 0))
        rows += (
            f'<li class="rest"><span>The other {rest}<small>together, {percent(left / rest)}% each on average</small>'
            f"</span>{_share(left, top, False)}</li>"
        )
    said = f"{asker} attends to regions {', '.join(str(i + 1) for i in first)} most"
    name = esc(asker)
    return (
        f'<figure class="lesson" aria-label="{esc(said)}"><section><h4>1 Query</h4><p class="asker">{name}</p>'
        "<p>asks every region: do you have what I look for?</p></section>"
        '<section class="keys"><h4>2 Keys</h4><p>Each region answers with how well it fits. Softmax turns the '
        f"answers into shares of 100%:</p><ol>{rows}</ol></section>"
        "<section><h4>3 Values</h4><p>What each region carries flows in by its share:</p>"
        f'<p class="formula">{_sum(first, weights, rest)}</p><p>The sum is what <b>{name}</b> has learnt from the '
        "regions.</p></section></figure>"
        '<p class="fine">Your case, last layer, mean of the heads; of all who ask, the one with the largest single '
        f"share. Were all {len(weights)} regions attended alike, each would get {percent(1 / len(weights))}%.</p>"
    )


def _asker(diagnosis: Diagnosis) -> tuple[str, np.ndarray] | None:
    """Who looks most pointedly, and its weights over the regions, (regions,), which sum to 1."""
    attention = diagnosis.attention
    for weights, names in (
        (attention.words_to_regions, [f"“{word.text}”" for word in diagnosis.words]),
        (attention.regions_to_regions, [f"Region {i + 1}" for i in range(len(diagnosis.regions))]),
    ):
        if weights is not None and 0 not in weights.shape:
            mean = weights[-1].mean(0)
            at = int(mean.max(1).argmax())
            return names[at], mean[at]
    return None


def _share(value: float, top: float, bar: bool = True) -> str:
    drawn = f'<span class="track" aria-hidden="true"><span style="width:{100 * value / top:.1f}%"></span></span>'
    return f'{drawn if bar else ""}<b class="value">{percent(value)}%</b>'


def _sum(first: np.ndarray, weights: np.ndarray, rest: int) -> str:
    terms = [f"{percent(float(weights[i]))}% of region {i + 1}" for i in first]
    return " + ".join(terms + (["a little of all others"] if rest else []))
