"""The named cases as thumbnails, filtered by diagnosis and by the shipped model's answer."""

from mat_core.data.labels import DIAGNOSES
from teaching.cases.catalog import VERDICTS, NamedCase
from teaching.cases.library import IN_ARCHIVE, IN_CACHE, IN_FOLDER, CaseLibrary

from ..frontend.html import escape
from ..frontend.scripts import on_load
from ..frontend.translations import attribute, t, text
from .example_gallery import picture_of
from .metadata_form import metadata_text

SCRIPT = on_load("diagnose/case_filter.js", "mountCaseFilter(element, trigger)")
SOURCES = {
    IN_FOLDER: text("casebook.in-folder"),
    IN_CACHE: text("casebook.in-cache"),
    IN_ARCHIVE: text("casebook.in-archive"),
}
FORBIDDEN = text("casebook.forbidden")


def casebook_html(library: CaseLibrary) -> str:
    """All cases as buttons with their id in `data-case`, below two filters that work in the page."""
    if not library.cases:
        return ""
    sources = {library.where(case) for case in library.cases}
    note = next(
        (SOURCES[source] for source in (IN_ARCHIVE, IN_FOLDER, IN_CACHE) if source in sources and len(sources) == 1),
        None,
    )
    note = note or (SOURCES[IN_ARCHIVE] if IN_ARCHIVE in sources else FORBIDDEN)
    diagnoses = "".join(_option(info.code, f"option.{info.name}") for info in DIAGNOSES)
    verdicts = "".join(_option(verdict, f"casebook.{verdict}") for verdict in VERDICTS)
    tiles = "".join(_tile(library, case) for case in library.cases)
    return (
        f"<details><summary>{t('casebook', count=len(library.cases))}</summary>"
        f'<p class="filters"><label>{t("casebook.confirmed")} <select data-filter="diagnosis">'
        f"{_option('', 'casebook.any')}"
        f'{diagnoses}</select></label> <label>{t("casebook.model")} <select data-filter="verdict">'
        f"{_option('', 'casebook.any-verdict')}{verdicts}</select></label></p>"
        '<p class="fine" role="status" data-part="count"></p>'
        f'<div class="thumbs">{tiles}</div><p class="fine">{escape(note)} {escape(_whose(library))}</p></details>'
    )


def _option(value: str, key: str) -> str:
    """A choice; the text of a key, as an option has no elements inside."""
    return f'<option value="{value}" data-i18n="{escape(key)}">{escape(str.__str__(text(key)))}</option>'


def _tile(library: CaseLibrary, case: NamedCase) -> str:
    path = library.picture(case)
    picture = picture_of(path) if path else '<span class="no-picture" aria-hidden="true">?</span>'
    patient = metadata_text(case.metadata) or text("gallery.no-metadata")
    label = text("gallery.diagnose" if path else "gallery.not-here", name=case.id, patient=patient)
    verdicts = " ".join(verdict for verdict in VERDICTS if case.is_of(verdict=verdict))
    return (
        f'<button type="button" data-case="{case.id}" data-diagnosis="{case.diagnosis}" data-verdict="{verdicts}" '
        f"{attribute('aria-label title', label)}>{picture}<span>{case.id.removeprefix('ISIC_')}</span>"
        "</button>"
    )


def _whose(library: CaseLibrary) -> str:
    return " ".join(dict.fromkeys(f"{case.attribution}; {case.licence}." for case in library.cases))
