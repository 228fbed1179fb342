"""Question's tab 'Check attention': do the regions that it points at matter? Rankings against ablation."""

import numpy as np

from mat_core import Diagnoser
from mat_core.explain import RANKINGS, agree, contributions, relevance
from mat_core.explain.agreement import RANDOM
from mat_core.figures import percent
from mat_core.labels import BY_CODE, region_name

from ..parts.charts import lines
from ..parts.evidence import boxes_drawing
from ..parts.tables import details, signed, table
from ..parts.text import esc
from ..session import Session

SHOWN = 10  # regions in a list
SAID = {
    "attention": "attention",
    "contribution": "contribution",
    "gradient": "gradient × input",
    "relevance": "relevance",
    "ablation": "ablation",
    RANDOM: "random order",
}


def agreement_html(diagnoser: Diagnoser, now: Session, label: str) -> str:
    """Rankings of the regions against ablation, deletion and insertion, and the relevance of the words."""
    diagnosis = now.diagnosis
    found = agree(diagnoser, diagnosis.regions, diagnosis.metadata, label or diagnosis.top)
    deletion, insertion = found.areas(found.deletion), found.areas(found.insertion)
    over = _averages(diagnoser)
    head = ["ranking by", "rank correlation", "of its ten best", "deletion area", "insertion area"]
    head += ["correlation, test split"] if over else []
    rows = []
    for name in (*RANKINGS, RANDOM):
        if name in found.deletion:
            ranked = name != RANDOM
            row = [
                SAID[name],
                f"{found.spearman[name]:+.2f}" if ranked else "",
                f"{round(found.overlap[name] * 10)} in 10" if ranked else "",
                f"{deletion[name]:.3f}",
                f"{insertion[name]:.3f}",
            ]
            if over:
                measured = over["rankings"].get(name, {}).get("ablation")
                row.append(f"{measured['spearman']['value']:+.2f}" if measured else "")
            rows.append(row)
    panels = {
        "Deletion: the best-ranked first": {SAID[n]: v for n, v in found.deletion.items()},
        "Insertion: only the best-ranked": {SAID[n]: v for n, v in found.insertion.items()},
    }
    curves = lines(
        found.counts, panels, "regions", f"probability of {found.label}",
        "Deletion and insertion curves; the table has their areas",
    )  # fmt: skip
    numbers = [(SAID[n], *(f"{v:.2f}" for v in curve)) for n, curve in found.deletion.items()]
    follow = relevance(diagnoser, diagnosis.regions, diagnosis.metadata, found.label)
    whole = follow.regions.sum() + follow.words.sum() or 1.0
    words = [
        (word.text, word.field, percent(follow.words[i] / whole), percent(follow.rollout_words[i]))
        for i, word in enumerate(diagnosis.words)
    ]
    words.append(("all regions", "", percent(follow.regions.sum() / whole), percent(follow.rollout_regions.sum())))
    averages = (
        f'<p class="fine">Averages over {over["cases"]} cases of the test split stand in the last column.</p>'
        if over
        else '<p class="fine">Averages over the test split have not been measured for this model.</p>'
    )
    return (
        f'<p class="verdict">{esc(found.sentence())}</p>'
        '<p class="fine">Ablation is the yardstick: what the answer loses when a region is masked. Rank correlation '
        "(Spearman): +1, the ranking orders the regions as ablation does; 0, as chance would; negative, the other way "
        f"round. A good ranking has a <b>small</b> deletion area and a <b>large</b> insertion area.</p>{curves}"
        f"{table('Rankings against ablation', head, rows)}{averages}"
        f"{details('The deletion curves in numbers', table('Deletion', ('regions removed', *found.counts), numbers))}"
        f"{_sum_html(diagnoser, now, found.label)}"
        "<h3>Words</h3>"
        f"{table('Relevance of the words', ('word', 'field', 'relevance %', 'rollout %'), words)}"
        '<p class="fine">Relevance (Chefer et al. 2021) follows the attention through all blocks, weighted by how it '
        f"changes the logit of {esc(BY_CODE[found.label].name)}; rollout (Abnar and Zuidema 2020) follows the "
        "attention alone. Both are shares of all tokens, at least 0: they say how much, not in which direction.</p>"
    )


def _sum_html(diagnoser: Diagnoser, now: Session, label: str) -> str:
    """How the logit adds up, from regions and, cut the other way, from words."""
    diagnosis = now.diagnosis
    margin = contributions(diagnoser, diagnosis.regions, diagnosis.metadata).against(label)
    first = np.argsort(-np.abs(margin.regions), kind="stable")[:SHOWN]
    others = margin.regions.sum() - margin.regions[first].sum()
    rows = [(f"{i + 1} {region_name(diagnosis.regions.names[i])}", signed(margin.regions[i])) for i in first]
    rows += [(f"the other {len(margin.regions) - len(first)} regions", signed(others))] if others else []
    rows += [("before anything is seen", signed(margin.constant)), ("sum", signed(margin.total))]
    words = [(word.text, word.field, signed(v)) for word, v in zip(diagnosis.words, margin.words, strict=False)]
    words += [("before anything is seen", "", signed(margin.constant)), ("sum", "", signed(margin.total))]
    other = esc(BY_CODE[margin.other].name)
    told = (
        f"<section>{table('What the words add', ('word', 'field', 'log-odds'), words)}</section>"
        if len(margin.words)
        else ""
    )
    return (
        f"<h3>It adds up</h3><p>{esc(margin.sentence())}</p>"
        f'<div class="two"><section><figure class="regions">'
        f"{boxes_drawing(now, first, [signed(margin.regions[i]) for i in first])}</figure></section>"
        f"<section>{table('What the regions add', ('region', 'log-odds'), rows)}</section>{told}</div>"
        f'<p class="fine">Behind the last block tokens no longer mix, so the log-odds of {esc(BY_CODE[label].name)} '
        f"against {other} are exactly the sum of what every region adds, and as exactly the sum of what every word "
        "adds: two ways to cut one product, not two halves. Positive speaks for the first class. The layer norm's mean "
        "and variance are held at the values of this pass: this is an account of this answer, not a forecast of what "
        "happens without a region.</p>"
    )


def _averages(diagnoser: Diagnoser) -> dict | None:
    figures = diagnoser.bundle.metrics.get("test")
    found = figures.get("explain") if isinstance(figures, dict) else None
    return found if found and any("ablation" in row for row in found["rankings"].values()) else None
