"""A diagram of query, key and value with the numbers of the current case."""

import numpy as np

from mat_core import Diagnosis
from mat_core.utils.formatting import format_cell_percent

from ..frontend.html import escape
from ..frontend.translations import attribute, region_text, t, text
from ..state.session import Session
from .image_thumbnails import crop

SHOWN = 3  # regions that are drawn by themselves


def lesson_html(session: Session) -> str:
    """Who asks, how well the regions answer, and what flows: three steps from left to right, or one below the other."""
    diagnosis = session.diagnosis
    query = _asker(diagnosis)
    if query is None:
        return f'<p class="empty">{t("learn.no-look")}</p>'
    name, weights = query
    regions, image = diagnosis.regions, session.image
    first = np.argsort(-weights, kind="stable")[:SHOWN]
    rest = len(weights) - len(first)
    largest = float(weights[first].max(initial=0)) or 1.0
    rows = "".join(
        f"<li>{crop(image, regions.boxes[i], regions.size)}<span>{t('learn.region', n=int(i) + 1)}<small>"
        f"{escape(region_text(regions.names[i]))}</small></span>{_share(float(weights[i]), largest)}</li>"
        for i in first
    )
    if rest:
        rest_share = float(max(1 - weights[first].sum(), 0))
        rows += (
            f'<li class="rest"><span>{t("learn.rest", n=rest)}<small>'
            f"{t('learn.rest-share', value=f'{format_cell_percent(rest_share / rest)}%')}</small></span>"
            f"{_share(rest_share, largest, False)}</li>"
        )
    label = text("learn.attends", name=name, regions=[int(i) + 1 for i in first])
    your_case = t("learn.your-case", n=len(weights), even=f"{format_cell_percent(1 / len(weights))}%")
    return (
        f'<figure class="lesson" {attribute("aria-label", label)}><section><h4>{t("learn.query")}</h4>'
        f'<p class="asker">{escape(name)}</p><p>{t("learn.asks")}</p></section>'
        f'<section class="keys"><h4>{t("learn.keys")}</h4>'
        f"<p>{t('learn.fits')}</p><ol>{rows}</ol></section>"
        f"<section><h4>{t('learn.values')}</h4><p>{t('learn.values-what')}</p>"
        f'<p class="formula">{_sum(first, weights, rest)}</p><p>{t("learn.sum", name=name)}</p>'
        f'</section></figure><p class="fine">{your_case}</p>'
    )


def _asker(diagnosis: Diagnosis) -> tuple[str, np.ndarray] | None:
    """Who looks most pointedly, and its weights over the regions, (regions,), which sum to 1."""
    attention = diagnosis.attention
    for weights, names in (
        (attention.words_to_regions, [text("explorer.said.words", text=word.text) for word in diagnosis.words]),
        (attention.regions_to_regions, [text("learn.region", n=i + 1) for i in range(len(diagnosis.regions))]),
    ):
        if weights is not None and 0 not in weights.shape:
            mean = weights[-1].mean(0)
            index = int(mean.max(1).argmax())
            return names[index], mean[index]
    return None


def _share(value: float, top: float, bar: bool = True) -> str:
    track = f'<span class="track" aria-hidden="true"><span style="width:{100 * value / top:.1f}%"></span></span>'
    return f'{track if bar else ""}<b class="value">{format_cell_percent(value)}%</b>'


def _sum(first: np.ndarray, weights: np.ndarray, rest: int) -> str:
    terms = [t("learn.term", share=f"{format_cell_percent(float(weights[i]))}%", n=int(i) + 1) for i in first]
    return " + ".join(terms + ([t("learn.little")] if rest else []))
