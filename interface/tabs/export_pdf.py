"""Export of the current case as PDF handout or worksheet, made in memory and sent to the page."""

from functools import partial

import gradio as gr

from mat_core import Diagnoser, UserError
from mat_core.data.image_encoding import data_uri
from mat_core.explain import ablate, occlude, tta_uncertainty
from mat_core.inference.bundle import Bundle
from teaching.printing.handout import handout
from teaching.printing.pages import MAX_TEXT
from teaching.printing.worksheet import worksheet
from teaching.sentences import source_texts, truth_text
from teaching.translations import ENGLISH, check_language, translate

from ..components.error_handling import with_error_messages
from ..components.html_components import static_html
from ..components.prediction import caveats
from ..components.stale_notice import stale_notice
from ..components.timing import progress_options
from ..frontend.html import note
from ..frontend.scripts import handler
from ..frontend.translations import t, text
from ..state.session import Session

NO_CASE = text("error.no-paper")
UPLOAD_SOURCE = text("sheet.upload")
WITH_LANGUAGE_JS = handler("page/translator.js", "withLanguage")
SAVE_FILE_JS = handler("diagnose/events.js", "saveFile")  # it gets the bytes as a data: URI


def build_export_pdf(diagnoser: Diagnoser, session: gr.State, label: gr.Dropdown) -> None:
    """Lay out the buttons. label: target class."""
    with gr.Column(elem_id="sheets"):
        static_html(f"<h2>{t('sheets')}</h2>")
        with gr.Row(elem_id="sheet-choices"):
            compute_box = gr.Checkbox(
                False, label="Hide, take away and doubt first, where not yet asked (takes a while)",
                elem_id="sheet-asks", min_width=280, scale=3,
            )  # fmt: skip
            handout_button = gr.Button("Handout (PDF)", size="sm", elem_id="handout-pdf", min_width=130)
            worksheet_button = gr.Button("Worksheet (PDF)", size="sm", elem_id="worksheet-pdf", min_width=130)
        message = static_html(f'<p class="fine">{t("sheets.note")}</p>', elem_id="sheet-note")
        file = gr.JSON(visible=False)
        language = gr.Textbox(ENGLISH, visible=False)

    def print_case(
        kind: str, session: Session | None, code: str, compute_first: bool, language: str, progress=gr.Progress()
    ):
        check_language(language)
        if session is None:
            raise UserError(NO_CASE)
        if compute_first:
            compute_missing(diagnoser, session, progress)
        data = (
            worksheet_of(session, code, language)
            if kind == "worksheet"
            else handout_of(diagnoser.bundle, session, code, language)
        )
        return {"name": f"{kind}.pdf", "uri": data_uri(data, "pdf")}, stale_notice(session)

    for button, kind in ((handout_button, "handout"), (worksheet_button, "worksheet")):
        button.click(
            with_error_messages(partial(print_case, kind), _failed),
            [session, label, compute_box, language], [file, message],
            js=WITH_LANGUAGE_JS,
            show_progress="minimal", show_progress_on=[message], api_visibility="private",
        ).success(None, file, file, js=SAVE_FILE_JS)  # fmt: skip


def compute_missing(diagnoser: Diagnoser, session: Session, progress: gr.Progress) -> None:
    """Compute occlusion, ablation and uncertainty of this case where that is not done yet.

    Raises CancelledError when another case takes its place meanwhile.
    """
    diagnosis, results = session.diagnosis, session.results
    if "taken" not in results:
        results["taken"] = ablate(diagnoser, diagnosis.regions, diagnosis.metadata)
    if "doubted" not in results:
        results["doubted"] = tta_uncertainty(diagnoser, session.detector_image, diagnosis.metadata, diagnosis.regions)
    if "hidden" not in results:
        image, options = session.detector_image, progress_options(session, progress)
        results["hidden"] = occlude(diagnoser, image, diagnosis.metadata, **options)


def handout_of(bundle: Bundle, session: Session, label: str, language: str = ENGLISH) -> bytes:
    """The case as a PDF handout with all that has been computed. label: target class, '' for the top one."""
    title, source = titles(session, language)
    return handout(
        session.diagnosis, session.image, title=title, source=source, caveats=caveats(bundle), label=label or None,
        language=language, **session.results,
    )  # fmt: skip


def worksheet_of(session: Session, label: str, language: str = ENGLISH) -> bytes:
    """The case as a PDF worksheet with the default questions."""
    title, source = titles(session, language)
    truth = truth_text(session.example) if session.example else ""
    return worksheet(
        session.diagnosis,
        session.image,
        title=title,
        source=source,
        truth=truth,
        label=label or None,
        language=language,
        **session.results,
    )


def titles(session: Session, language: str = ENGLISH) -> tuple[str, str]:
    """Title and source of the photograph, cut to the allowed length."""
    example = session.example
    if example is None:
        return "", translate(UPLOAD_SOURCE, language)
    source = " ".join(translate(part, language) for part in source_texts(example))
    return translate(text("sheet.case", name=example.name), language)[:MAX_TEXT], source[:MAX_TEXT]


def _failed(error: UserError) -> tuple[None, str]:
    return None, note(str(error))
