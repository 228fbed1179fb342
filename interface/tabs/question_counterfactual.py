"""Tab What if of Question: the answer for every age, sex and localization."""

from collections.abc import Sequence

import numpy as np

from mat_core import Diagnoser
from mat_core.display.colors import class_color
from mat_core.explain import metadata_sweep
from mat_core.explain.counterfactual import MetadataSweep
from mat_core.utils.formatting import format_percent
from teaching.sentences import flip_text, sweep_text

from ..components.bar_charts import before_after, shares
from ..components.line_charts import class_look, lines
from ..components.tables import numbers_table
from ..frontend.html import escape
from ..frontend.translations import class_text, named, t, text
from ..state.session import Session


def counterfactual_html(diagnoser: Diagnoser, session: Session, label: str) -> str:
    """The sweep over age, sex and localization."""
    diagnosis = session.diagnosis
    if not diagnoser.words(diagnosis.metadata) and "words" not in diagnoser.bundle.network.config.modalities:
        return f'<p class="empty">{t("what-if.no-words")}</p>'
    sweep = metadata_sweep(diagnoser, diagnosis.regions, diagnosis.metadata)
    label = label or diagnosis.top
    flip = sweep.smallest_counterfactual()
    flipped = ""
    if flip is not None:
        flipped = (
            f"<h3>{t('what-if.flip')}</h3><p>{escape(flip_text(flip))}</p>"
            f"{before_after(sweep.labels, sweep.baseline, flip.probabilities)}"
        )
    metadata = diagnosis.metadata
    over_localization = text("what-if.over-localization", name=class_text(label))
    over_sex = text("what-if.over-sex", name=class_text(label))
    combinations = text(
        "what-if.combinations", n=sweep.probabilities[..., 0].size, ages=len(sweep.ages), sexes=len(sweep.sexes),
        sites=len(sweep.sites),
    )  # fmt: skip
    return (
        f'<p class="verdict">{escape(sweep_text(sweep))}</p><p class="note note-info">{t("what-if.note")}</p>'
        f'<div class="two"><section><h3>{t("what-if.age")}</h3>{_ages(sweep)}{flipped}</section>'
        f"<section><h3>{escape(over_localization)}</h3>"
        f"{_bars(over_localization, sweep, label, sweep.sites, sweep.over_sites(), metadata.localization)}"
        f"<h3>{escape(over_sex)}</h3>"
        f"{_bars(over_sex, sweep, label, sweep.sexes, sweep.over_sex(), metadata.sex)}"
        f'<p class="fine">{t("what-if.bar")}</p></section></div><p class="fine">{escape(combinations)}</p>'
    )


def _ages(sweep: MetadataSweep) -> str:
    """The curve of every class over age, with the age that was given, and its numbers."""
    ages, age = sweep.over_age(), sweep.metadata.age
    order = np.argsort(-ages.max(0), kind="stable")
    names = {k: class_text(sweep.labels[k]) for k in order}
    curves = lines(
        np.array(sweep.ages), {"": {names[k]: ages[:, k] for k in order}}, text("what-if.age-axis"),
        text("what-if.probability-axis"), text("what-if.chart"), {names[k]: class_look(sweep.labels[k]) for k in order},
        None if age is None else (min(age, sweep.ages[-1]), text("what-if.as-given", age=age)),
    )  # fmt: skip
    rows = [(at, *(format_percent(v) for v in row)) for at, row in zip(sweep.ages, ages, strict=True)]
    head = (text("field.age"), *(class_text(code) for code in sweep.labels))
    return curves + numbers_table(text("what-if.table"), head, rows)


def _bars(title: str, sweep: MetadataSweep, label: str, names: Sequence, values: np.ndarray, metadata) -> str:
    """One class for each value of a field. values: (names, classes)."""
    k = sweep.labels.index(label)
    rows = [(named(name or "unknown"), float(p[k])) for name, p in zip(names, values, strict=True)]
    at = list(names).index(metadata) if metadata in names else None
    return shares(title, rows, class_color(label), at, float(sweep.baseline[k]))
