"""Question's tab 'Check attention': do the regions that it points at matter? Rankings against ablation."""

import numpy as np

from mat_core import Diagnoser
from mat_core.explain import RANKINGS, Agreement, agree, contributions, over_cases, relevance
from mat_core.explain.agreement import RANDOM
from mat_core.explain.contributions import Margin
from mat_core.labels import region_name
from mat_core.wording import class_name, percent, share, signed

from ..parts.bars import LOG_SCALES, Change, diverging
from ..parts.charts import LOOKS, lines
from ..parts.evidence import boxes_drawing
from ..parts.measured import with_ablation
from ..parts.plots import Dot, dots
from ..parts.tables import details, table
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
LOOK_OF = dict(zip(SAID.values(), LOOKS, strict=False))
CORRELATION = {-1.0: signed(-1, 0), 0.0: "0 chance", 1.0: "+1"}
BEFORE = "before anything is seen"


def agreement_html(diagnoser: Diagnoser, now: Session, label: str) -> str:
    """Rankings of the regions against ablation, deletion and insertion, and the relevance of the words."""
    diagnosis = now.diagnosis
    found = agree(diagnoser, diagnosis.regions, diagnosis.metadata, label or diagnosis.top)
    over = _averages(diagnoser)
    panels = {
        "Deletion: the best-ranked go first": {SAID[n]: v for n, v in found.deletion.items()},
        "Insertion: only the best-ranked": {SAID[n]: v for n, v in found.insertion.items()},
    }
    curves = lines(
        found.counts, panels, "regions removed or shown", f"{class_name(found.label)}, %",
        "Deletion and insertion curves; the table has their areas", LOOK_OF,
    )  # fmt: skip
    numbers = [(SAID[n], *(share(v) for v in curve)) for n, curve in found.deletion.items()]
    averages = (
        f"The hollow ring is the average over {over['cases']} cases of the test split."
        if over
        else "Averages over the test split have not been measured for this model."
    )
    many = over_cases(diagnoser.bundle.metrics)  # one case is an anecdote
    return (
        f'<p class="verdict">{esc(found.sentence())}</p>{f"<p>{esc(many)}</p>" if many else ""}'
        '<p class="fine">Ablation is the yardstick: what the answer loses when a region is masked. Rank correlation '
        "(Spearman): +1, the ranking orders the regions as ablation does; 0, as chance would; negative, the other way "
        "round. A good ranking lets deletion fall early (a <b>small</b> area below the curve) and insertion rise early "
        '(a <b>large</b> area).</p><div class="two narrow-wide"><section><h3>Do rankings agree with ablation?</h3>'
        f"{_dots(found, over)}"
        f'<p class="fine">{esc(averages)}</p>{_table(found, over)}{_words(diagnoser, now, found.label)}</section>'
        f"<section><h3>Taking regions away, adding them</h3>{curves}"
        f"{details('The deletion curves in numbers', table('Deletion', ('regions removed', *found.counts), numbers))}"
        f"</section></div>{_sum_html(diagnoser, now, found.label)}"
    )


def _dots(found: Agreement, over: dict | None) -> str:
    """Each ranking's correlation with ablation on an axis of -1 to 1; ablation itself is 1 and left out."""
    rows = []
    for name in RANKINGS:
        if name in found.spearman and name != "ablation":
            mean = with_ablation(over["rankings"].get(name, {})) if over else None
            average = f"average {signed(mean)}" if mean is not None else ""
            colour = LOOK_OF[SAID[name]].colour
            rows.append(
                Dot(
                    SAID[name],
                    found.spearman[name],
                    signed(found.spearman[name]),
                    colour=colour,
                    ring=mean,
                    detail=average,
                )
            )
    return dots("Rank correlation with ablation", rows, (-1, 1), CORRELATION)


def _table(found: Agreement, over: dict | None) -> str:
    deletion, insertion = found.areas(found.deletion), found.areas(found.insertion)
    head = ["ranking by", "rank correlation", "of its ten best", "deletion area", "insertion area"]
    head += ["correlation, test split"] if over else []
    rows = []
    for name in (*RANKINGS, RANDOM):
        if name in found.deletion:
            ranked = name != RANDOM
            row = [
                SAID[name],
                signed(found.spearman[name]) if ranked else "",
                f"{round(found.overlap[name] * 10)} in 10" if ranked else "",
                share(deletion[name]),
                share(insertion[name]),
            ]
            if over:
                mean = with_ablation(over["rankings"].get(name, {}))
                row.append(signed(mean) if ranked and mean is not None else "")
            rows.append(row)
    return details("Numbers", table("Rankings against ablation", head, rows))


def _words(diagnoser: Diagnoser, now: Session, label: str) -> str:
    """What relevance and rollout give to each word, and to all regions together."""
    diagnosis = now.diagnosis
    follow = relevance(diagnoser, diagnosis.regions, diagnosis.metadata, label)
    whole = follow.regions.sum() + follow.words.sum() or 1.0
    rows = [
        (word.text, word.field, percent(follow.words[i] / whole), percent(follow.rollout_words[i]))
        for i, word in enumerate(diagnosis.words)
    ]
    rows.append(("all regions", "", percent(follow.regions.sum() / whole), percent(follow.rollout_regions.sum())))
    marks = [Dot(row[0], float(follow.words[i] / whole), f"{row[2]}%") for i, row in enumerate(rows[:-1])]
    marks.append(Dot("all regions", float(follow.regions.sum() / whole), f"{rows[-1][2]}%"))
    return (
        "<h3>Relevance of the words</h3>"
        f"{dots('Share of the relevance', marks, (0, 1), {0: '0%', 0.5: '50%', 1: '100%'})}"
        f"{details('Numbers', table('Relevance of the words', ('word', 'field', 'relevance %', 'rollout %'), rows))}"
        '<p class="fine">Relevance (Chefer et al. 2021) follows the attention through all blocks, weighted by how it '
        f"changes the logit of {esc(class_name(label))}; rollout (Abnar and Zuidema 2020) follows the "
        "attention alone. Both are shares of all tokens, at least 0: they say how much, not in which direction.</p>"
    )


def _sum_html(diagnoser: Diagnoser, now: Session, label: str) -> str:
    """How the logit adds up, from regions and, cut the other way, from words."""
    diagnosis = now.diagnosis
    margin = contributions(diagnoser, diagnosis.regions, diagnosis.metadata).against(label)
    first = np.argsort(-np.abs(margin.regions), kind="stable")[:SHOWN]
    others = float(margin.regions.sum() - margin.regions[first].sum())
    regions = [(f"{i + 1} {region_name(diagnosis.regions.names[i])}", float(margin.regions[i])) for i in first]
    regions += [(f"the other {len(margin.regions) - len(first)} regions", others)] if others else []
    words = [(word.text, float(v)) for word, v in zip(diagnosis.words, margin.words, strict=False)]
    other = esc(class_name(margin.other))
    told = f"<section><h4>From the words</h4>{_steps('words', words, margin)}</section>" if words else ""
    return (
        f"<h3>It adds up</h3><p>{esc(margin.sentence())}</p>"
        f'<div class="three"><section><figure class="regions">'
        f"{boxes_drawing(now, first, [signed(margin.regions[i]) for i in first])}</figure></section>"
        f"<section><h4>From the regions</h4>{_steps('regions', regions, margin)}</section>{told}</div>"
        f'<p class="fine">Behind the last block tokens no longer mix, so the log-odds of {esc(class_name(label))} '
        f"against {other} are exactly the sum of what every region adds, and as exactly the sum of what every word "
        "adds: two ways to cut one product, not two halves. Positive speaks for the first class. Log-odds of 0 are "
        "even chances between the two, +1 is 2.7 to 1, +2 is 7.4 to 1. The layer norm's mean and variance are held at "
        "the values of this pass: this is an account of this answer, not a forecast of what happens without a region."
        "</p>"
    )


def _steps(side: str, parts: list[tuple[str, float]], margin: Margin) -> str:
    """A sum step by step, each bar starting where the last one ended, and its numbers."""
    steps, start = [], 0.0
    for name, value in [(BEFORE, margin.constant), *parts]:
        steps.append(Change(name, value, signed(value), start=start))
        start += value
    steps.append(Change("sum", margin.total, signed(margin.total), total=True))
    rows = [(name, signed(value, 3)) for name, value in [*parts, (BEFORE, margin.constant), ("sum", margin.total)]]
    said = f"What the {side} add"
    drawn = diverging(f"{said}, step by step", steps, LOG_SCALES, "log-odds")
    return drawn + details("Numbers", table(said, (side[:-1], "log-odds"), rows))


def _averages(diagnoser: Diagnoser) -> dict | None:
    figures = diagnoser.bundle.metrics.get("test")
    found = figures.get("explain") if isinstance(figures, dict) else None
    return found if found and any("ablation" in row for row in found["rankings"].values()) else None
