"""The named cases as thumbnails that can be filtered: by diagnosis, and by how the shipped model answered."""

from pathlib import Path

from mat_core.labels import DIAGNOSES
from mat_core.named_cases import VERDICTS, NamedCase

from ..library.library import HERE, KEPT, THERE, Library
from ..scripts import joined
from .gallery import picture_of
from .text import esc

SCRIPT = joined(Path(__file__).resolve().parents[2] / "assets" / "casebook.js", "mountCasebook(element, trigger)")
SOURCES = {
    HERE: "Their photographs are in the folder that the app was started with.",
    KEPT: "Their photographs are kept on this machine.",
    THERE: "A case without a picture is asked for at the ISIC archive when you open it: its public id is sent, and "
    "nothing else. Where that fails, a drawing stands in and says so.",
}
FORBIDDEN = "The app does not ask the ISIC archive (--offline): a drawing stands in for a case, and says so."


def casebook_html(library: Library) -> str:
    """All cases as buttons that carry their id in `data-case`, under two filters that work in the page alone."""
    if not library.cases:
        return ""
    places = {library.where(case) for case in library.cases}
    note = next((SOURCES[place] for place in (THERE, HERE, KEPT) if place in places and len(places) == 1), None)
    note = note or (SOURCES[THERE] if THERE in places else FORBIDDEN)
    diagnoses = "".join(f'<option value="{info.code}">{esc(info.name)}</option>' for info in DIAGNOSES)
    verdicts = "".join(f'<option value="{verdict}">{verdict}</option>' for verdict in VERDICTS)
    tiles = "".join(_tile(library, case) for case in library.cases)
    return (
        f"<details><summary>{len(library.cases)} real cases by name</summary>"
        '<p class="filters"><label>Confirmed as <select data-filter="diagnosis"><option value="">any diagnosis</option>'
        f'{diagnoses}</select></label> <label>The shipped model was <select data-filter="verdict">'
        f'<option value="">right, wrong or unsure</option>{verdicts}</select></label></p>'
        '<p class="fine" role="status" data-part="count"></p>'
        f'<div class="thumbs">{tiles}</div><p class="fine">{esc(note)} {esc(_whose(library))}</p></details>'
    )


def _tile(library: Library, case: NamedCase) -> str:
    patient = case.metadata
    known = ", ".join(str(value) for value in (patient.age, patient.sex, patient.localization) if value is not None)
    path = library.picture(case)
    picture = picture_of(path) if path else '<span class="no-picture" aria-hidden="true">?</span>'
    label = f"Diagnose {case.id}: {known or 'no metadata'}{'' if path else '; its picture is not on this machine'}"
    verdicts = " ".join(verdict for verdict in VERDICTS if case.is_of(verdict=verdict))
    return (
        f'<button type="button" data-case="{case.id}" data-diagnosis="{case.diagnosis}" data-verdict="{verdicts}" '
        f'aria-label="{esc(label)}" title="{esc(label)}">{picture}<span>{case.id.removeprefix("ISIC_")}</span></button>'
    )


def _whose(library: Library) -> str:
    return " ".join(dict.fromkeys(f"{case.attribution}; {case.licence}." for case in library.cases))
