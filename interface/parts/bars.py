"""Bars of every class before and after something changed."""

from collections.abc import Sequence

import numpy as np

from mat_core.labels import BY_CODE

from .text import esc


def before_after(labels: Sequence[str], before: np.ndarray, after: np.ndarray) -> str:
    """A list as HTML, likeliest class first: a bar for the answer after, a line for the one before.

    labels: codes; before, after: probabilities, (classes,).
    """
    rows = ""
    for k in np.argsort(-np.maximum(before, after), kind="stable"):
        name = BY_CODE[labels[k]].name if labels[k] in BY_CODE else labels[k]
        rows += (
            f'<li><span class="name">{esc(name)}</span><span class="value">{before[k]:.1%} → {after[k]:.1%}</span>'
            f'<span class="track" aria-hidden="true"><span style="width:{100 * after[k]:.2f}%"></span>'
            f'<i class="ghost" style="left:{100 * before[k]:.2f}%"></i></span></li>'
        )
    return f'<ul class="bars narrow">{rows}</ul><p class="fine">The line is the answer as it was.</p>'
