"""Tab Similar cases of Question: the training lesions that the network finds most similar, and their diagnoses."""

from mat_core import Diagnoser
from mat_core.data.ham10000 import ATTRIBUTION
from mat_core.data.labels import class_title
from mat_core.explain import similar_cases
from mat_core.inference.case_index import IndexedCase
from mat_core.utils.formatting import format_percent
from teaching.cases.library import CaseLibrary

from ..components.bar_charts import class_html, small_bars
from ..components.example_gallery import picture_of
from ..frontend.html import escape, note
from ..frontend.translations import named, option, t, text
from ..state.session import Session

SHOWN = 6
CONFIRMED = {
    "histo": text("similar.histo"),
    "follow_up": text("similar.follow-up"),
    "consensus": text("similar.consensus"),
    "confocal": text("similar.confocal"),
    None: text("similar.unknown"),
}
ARCHIVE = "https://api.isic-archive.com/images/"  # a link to follow; the app itself requests nothing


def similar_html(diagnoser: Diagnoser, library: CaseLibrary, session: Session, label: str) -> str:
    """Counts of the diagnoses beside the model's answer, and the first cases. label: not used."""
    index = diagnoser.bundle.case_index
    if index is None:
        return note(text("similar.none"), "info")
    result, diagnosis = similar_cases(diagnoser, session.diagnosis), session.diagnosis
    counts = ", ".join(f"{count} {option(class_title(code))}" for code, count in result.counts.items())
    shown = result.cases[:SHOWN]
    missing = "" if any(library.file(case.image_id) for case in shown) else f" {t('similar.no-pictures')}"
    tiles = "".join(_tile(library, case) for case in shown)
    return (
        f'<p class="verdict">{t("similar.of", count=len(result.cases))} {counts}.</p>'
        f"<p>{_measured(result.measured, diagnoser.bundle.metrics.get('test', {}))}</p>"
        f'<div class="two"><section><h3>{t("similar.diagnoses")}</h3>'
        f"{small_bars(result.labels, result.shares)}</section><section><h3>{t('similar.answer')}</h3>"
        f"{small_bars(result.labels, list(diagnosis.probabilities.values()))}</section></div>"
        f'<h3>{t("similar.first", count=len(shown))}</h3><ol class="views similar">{tiles}</ol>'
        f'<p class="fine">{t("similar.what", count=len(index))}{missing} {escape(ATTRIBUTION)}</p>'
    )


def _measured(measured: dict, test: dict) -> str:
    """How often the commonest class is right, beside the model."""
    if not measured:
        return t("similar.unmeasured")
    values = {}
    for name in ("acc", "balanced_acc"):
        low, high = map(format_percent, measured[name]["interval95"])
        values[name] = f"{format_percent(measured[name]['value'])} ({low} – {high})"
    sentence = t("similar.measured", k=measured["k"], acc=values["acc"], balanced=values["balanced_acc"])
    if not all(isinstance(test.get(name), dict) for name in values):
        return sentence
    acc, balanced = (format_percent(test[name]["value"]) for name in ("acc", "balanced_acc"))
    return f"{sentence} {t('similar.model', acc=acc, balanced=balanced)}"


def _tile(library: CaseLibrary, case: IndexedCase) -> str:
    path, patient = library.file(case.image_id), case.metadata
    picture = picture_of(path) if path else '<span aria-hidden="true">?</span>'
    known = [value for value in (patient.age, patient.sex, patient.localization) if value is not None]
    about = ", ".join(escape(named(str(value))) for value in known) or t("similar.no-metadata")
    return (
        f'<li data-case-id="{case.image_id}"><span class="frame">{picture}</span><b>{class_html(case.diagnosis)}</b>'
        f"<small>{escape(CONFIRMED[patient.dx_type])}</small><small>{about}</small>"
        f'<a href="{ARCHIVE}{case.image_id}/" target="_blank" rel="noopener noreferrer">{case.image_id}</a></li>'
    )
