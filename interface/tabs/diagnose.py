"""Tab Diagnose: image and metadata on the left, the answer and its evidence on the right."""

import time
from dataclasses import replace

import gradio as gr

from mat_core import Diagnoser, ImageError, Metadata, UserError
from mat_core.data.image_encoding import data_uri
from mat_core.errors import NarrowImageError
from mat_core.figures import plot_diagnosis, to_png
from teaching.cases.example import Example
from teaching.cases.library import CaseLibrary

from ..components.attention_tables import attention_html, head_index
from ..components.case_summary import strip_html
from ..components.criteria import criteria_html
from ..components.diagnose_layout import DiagnoseWidgets, build_layout
from ..components.error_handling import on_failure, with_error_messages
from ..components.metadata_form import form_values, metadata_text, words_html
from ..components.photo import CROP_BUTTON, clicked_crop, photo_html
from ..components.prediction import answer_html
from ..components.region_overlay import photograph_html, regions_html
from ..frontend.html import note
from ..frontend.scripts import handler
from ..frontend.translations import text
from ..lessons.panel import LessonPanel
from ..server.upload_store import UPLOADS
from ..state.session import SESSION_TTL, Session, diagnose_image, fork_session, read_upload, rediagnose, upload_metadata
from ..state.ttl_cache import TTLCache

BROKEN = text("error.broken")
SESSION_EXPIRED = text("error.idle", minutes=SESSION_TTL // 60)
CASE_EXPIRED = text("error.reloaded", minutes=SESSION_TTL // 60)
FILE_EXPIRED = text("error.file-gone")
MAX_SESSIONS = 64  # cached for reloads, 3 to 5 MB each

SAVE_FIGURE_JS = handler("diagnose/events.js", "saveFigure")
SHOW_ANSWER_JS = handler("diagnose/events.js", "showAnswer")  # in one column the answer is below the fold
WITH_CACHED_CASE_JS = handler("page/current_case.js", "withKeptCase")  # the case before a reload
# the page measures the time from the click to the painted answer
ASKS, PAINTED = ("page/answer_timing.js", "asks"), ("page/answer_timing.js", "painted")


def build_diagnose(
    demo: gr.Blocks,
    diagnoser: Diagnoser,
    examples: list[Example],
    library: CaseLibrary,
    strip: gr.HTML,
    photograph: gr.HTML,
    lesson_panel: LessonPanel | None = None,
) -> gr.State:
    """Lay out the tab, bind its events and return the state with the visitor's Session (None until the page loads).

    strip, photograph: outputs of `strip_html` and `photograph_html`. lesson_panel: its steps open their cases here. The
    first example is diagnosed now, so that the first visit shows a case at once.
    """
    first = examples[0]
    source = UPLOADS.keep(first.path.resolve())  # the image field sends this name back
    opened = replace(diagnose_image(diagnoser, first.path, first.metadata), example=first, source=source)
    widgets = build_layout(diagnoser, examples, library, opened, strip, photograph)
    session = gr.State(None, time_to_live=SESSION_TTL)
    _bind_events(demo, diagnoser, examples, library, widgets, session, opened, lesson_panel)
    return session


def _bind_events(
    demo: gr.Blocks,
    diagnoser: Diagnoser,
    examples: list[Example],
    library: CaseLibrary,
    widgets: DiagnoseWidgets,
    state: gr.State,
    opened: Session,
    lesson_panel: LessonPanel | None = None,
) -> None:
    bundle, view = diagnoser.bundle, [widgets.k, widgets.order, widgets.head]
    cache: TTLCache[Session] = TTLCache(MAX_SESSIONS, SESSION_TTL)
    no_notes = {widgets.image_note: "", widgets.form_note: ""}
    hide_offer = {widgets.same: gr.update(visible=False)}
    previous_metadata = gr.State(None)  # of the previous image, in case the patient is the same
    figure_uri = gr.Textbox(visible=False)

    def render_evidence(session: Session, k: int, order: str, head: str) -> dict:
        return {
            widgets.regions: regions_html(session, k, order),
            widgets.attention: attention_html(session, k, head_index(head), order),
        }

    def render_answer(session: Session, k: int, order: str, head: str, replaced: Session | None = None) -> dict:
        """All that depends on the diagnosis. replaced: the session that this one replaces."""
        if replaced is not None:
            replaced.cancelled.set()
        start = time.perf_counter()
        updates = {
            widgets.strip: strip_html(session),
            widgets.words: words_html(diagnoser, session.diagnosis.metadata),
            **render_evidence(session, k, order, head),
            widgets.photo: photo_html(session),
        }
        # by far the largest part of an answer, and the same for other metadata
        if replaced is None or replaced.picture is not session.picture:
            updates[widgets.photograph] = photograph_html(session)
        if replaced is None or replaced.diagnosis.top != session.diagnosis.top:  # else it stays open
            updates[widgets.criteria] = criteria_html(session.diagnosis.top)
        if session.timings is not None:
            session = replace(session, timings=replace(session.timings, drawing=time.perf_counter() - start))
        cache.add(session.key, session, replaced.key if replaced else None)
        return {state: session, **updates, widgets.answer: answer_html(session, bundle), **hide_offer, **no_notes}

    def form_updates(metadata: Metadata) -> dict:
        return dict(zip(widgets.form, form_values(metadata), strict=True))

    def diagnose(session: Session | None, path, age, sex, localization, k, order, head):
        if path is None:
            raise ImageError(text("error.no-image"))
        metadata = Metadata(age, sex, localization)
        if session is not None and session.source == path:
            return render_answer(rediagnose(diagnoser, session, metadata), k, order, head, session)
        new = diagnose_image(diagnoser, read_upload(path), metadata)
        return render_answer(replace(new, source=path), k, order, head, session)

    def on_crop(session: Session | None, path, age, sex, localization, k, order, head, event: gr.EventData):
        if path is None:
            raise ImageError(text("error.no-image"))
        metadata, crop = Metadata(age, sex, localization), clicked_crop(event._data)
        new = diagnose_image(diagnoser, read_upload(path), metadata, crop=crop)
        example = session.example if session is not None and session.source == path else None
        return render_answer(replace(new, source=path, example=example), k, order, head, session)

    def on_metadata_change(session: Session | None, path, age, sex, localization, k, order, head):
        metadata = Metadata(age, sex, localization)
        if session is None:
            raise UserError(SESSION_EXPIRED)
        if session.source != path:  # another image waits for Diagnose
            return {widgets.words: words_html(diagnoser, metadata), **no_notes}
        return render_answer(rediagnose(diagnoser, session, metadata), k, order, head, session)

    def redraw(session: Session | None, k, order, head):
        if session is None:
            raise UserError(SESSION_EXPIRED)
        return {**render_evidence(session, k, order, head), **no_notes}

    def on_example_click(session: Session | None, k, order, head, event: gr.EventData):
        index = event._data.get("index") if isinstance(event._data, dict) else None
        if not isinstance(index, int) or not 0 <= index < len(examples):
            raise UserError(f"There is no such example: they are numbered from 0 to {len(examples) - 1}.")
        return open_example(session, examples[index], k, order, head)

    def on_case_click(session: Session | None, k, order, head, event: gr.EventData):
        name = event._data.get("case") if isinstance(event._data, dict) else None
        return open_example(session, library.example(name), k, order, head)

    def open_example(session: Session | None, example: Example, k, order, head) -> dict:
        source = UPLOADS.keep(example.path.resolve())
        new = replace(diagnose_image(diagnoser, example.path, example.metadata), example=example, source=source)
        return show_case(new, k, order, head, session)

    def show_case(new: Session, k, order, head, replaced: Session | None = None) -> dict:
        """A case with its image and metadata in the form."""
        form = form_updates(new.diagnosis.metadata)
        return {widgets.image: new.source, **form, **render_answer(new, k, order, head, replaced)}

    def on_lesson_step(session: Session | None, k, order, head, event: gr.EventData):
        new, updates = lesson_panel.open_step(event._data, session)
        return updates if new is None else {**show_case(new, k, order, head, session), **updates}

    def on_image_change(session: Session | None, path, age, sex, localization):
        if session is None:
            return no_notes
        updates = {**no_notes, **mark_stale(session, path)}
        metadata = session.diagnosis.metadata
        if path is None or path == session.source:
            return updates
        in_file = upload_metadata(path)
        if metadata == Metadata():  # what the form has is about this image: fill what is empty
            if in_file == Metadata():
                return updates
            form = Metadata(age, sex, localization).fill_missing(in_file)
            return {**updates, **form_updates(form), widgets.words: words_html(diagnoser, form)}
        offer = f"{text('label.same-patient')}: {metadata_text(metadata)}"
        return {
            **updates, **form_updates(in_file), widgets.words: words_html(diagnoser, in_file),
            previous_metadata: metadata, widgets.same: gr.update(visible=True, value=offer),
        }  # fmt: skip

    def same_patient(metadata: Metadata | None):
        if metadata is None:
            return {**hide_offer, **no_notes}
        return {**form_updates(metadata), widgets.words: words_html(diagnoser, metadata), **hide_offer, **no_notes}

    def mark_stale(session: Session, path) -> dict:
        """Mark the case as the previous one where another image is chosen, and unmark it otherwise."""
        if session.is_stale == (session.source != path):
            return {}
        session = replace(session, is_stale=not session.is_stale)
        return {
            state: session, widgets.strip: strip_html(session), widgets.answer: answer_html(session, bundle),
            # the picture, as a case that was left meanwhile may have replaced it
            widgets.photo: photo_html(session), widgets.photograph: photograph_html(session),
        }  # fmt: skip

    def reconcile_stale(session: Session | None, path):
        """Answers to clicks in quick succession may come in another order."""
        return (session is not None and mark_stale(session, path)) or {state: gr.skip()}

    def restore_session(key: str, k, order, head):
        """The case from before a reload, or the first example."""
        cached = cache.get(key)
        if cached is None:
            updates = render_answer(fork_session(opened), k, order, head)
            del updates[widgets.photograph]  # came with the page
            return updates | ({widgets.form_note: note(CASE_EXPIRED, "info")} if key else {})
        source = cached.source if cached.source in UPLOADS else None
        expired = {} if source else {widgets.image_note: note(FILE_EXPIRED, "info")}
        return {**show_case(replace(cached, source=source, is_stale=False), k, order, head), **expired}

    def save_figure(session: Session | None, k, order, head):
        if session is None:
            raise UserError(SESSION_EXPIRED)
        example = session.example
        title = "" if example is None else f"{example.name}{' (synthetic)' if example.synthetic else ''}."
        png = to_png(plot_diagnosis(session.diagnosis, session.image, k, head_index(head), title, order))
        return {figure_uri: data_uri(png, "png"), **no_notes}

    def show_error(error: UserError) -> dict:
        """The message beside the image or the form; all else stays."""
        field = widgets.image_note if isinstance(error, ImageError) else widgets.form_note
        crop = CROP_BUTTON if isinstance(error, NarrowImageError) else ""
        return {**no_notes, field: note(str(error)) + crop}

    def on(events, function, inputs, outputs, **options):
        function = with_error_messages(function, show_error, BROKEN)
        return gr.on(events, function, inputs, outputs, api_visibility="private", **options)

    def progress_options(*shown_on) -> dict:
        """For answers that come at once as a rule: a sign only where they do not."""
        return {"show_progress": "minimal", "show_progress_on": [*shown_on], **last}

    quiet, last = {"show_progress": "hidden", "api_visibility": "private"}, {"trigger_mode": "always_last"}
    seen = {"show_progress_on": [widgets.strip, widgets.answer]}  # on a narrow screen the strip is what one sees
    at_once = progress_options(widgets.strip, widgets.answer)
    current, chosen = [state, *view], [state, widgets.image, *widgets.form]
    case = [state, widgets.strip, widgets.photograph, widgets.answer, widgets.photo]
    answer = [
        *case, widgets.words, widgets.criteria, widgets.regions, widgets.attention, widgets.same, *no_notes,
    ]  # fmt: skip
    everything = [widgets.image, *widgets.form, *answer]

    clicks = [widgets.diagnose.click, widgets.form[0].submit]
    edits = [field.input for field in widgets.form]
    # name for the page's timing, triggers, handler, inputs, outputs, options
    asking = (
        ("diagnose", clicks, diagnose, [*chosen, *view], answer, seen),
        ("crop", [widgets.photo.click], on_crop, [*chosen, *view], answer, seen | last),
        ("choose", [widgets.gallery.click], on_example_click, current, everything, at_once),
        ("open", [widgets.casebook.click], on_case_click, current, everything, seen | last),
        ("revise", edits, on_metadata_change, [*chosen, *view], answer, at_once),
    )
    form = [*widgets.form, widgets.words, widgets.same, *no_notes]
    chosen_image = on(
        [widgets.image.input, widgets.image.clear], on_image_change, chosen, [*case, previous_metadata, *form],
        **progress_options(widgets.answer),
    )  # fmt: skip
    key = gr.Textbox(visible=False)
    opened_page = demo.load(
        restore_session, [key, *view], everything, js=WITH_CACHED_CASE_JS, api_visibility="private",
        **progress_options(widgets.strip),
    )  # fmt: skip
    for name, events, function, inputs, outputs, options in asking:
        revise = name == "revise"
        late = [] if revise else [chosen_image, opened_page]  # their answers would replace the new one
        js = handler("diagnose/events.js", "asksRevision") if revise else handler(*ASKS, name)
        event = on(events, function, inputs, outputs, js=js, cancels=late, **options)
        if name in ("diagnose", "crop"):
            event.then(None, js=SHOW_ANSWER_JS)
        event.success(None, js=handler(*PAINTED, name))
        follow = event.then
        if revise:  # the most frequent: the server is asked only where another image was chosen meanwhile
            changes = gr.Textbox("0", visible=False, elem_id="image-changes")
            event.then(None, [changes, widgets.image], changes, js=handler("diagnose/events.js", "changedImage"))
            follow = changes.change
        # always the last: a skipped one would leave a wrong mark
        follow(reconcile_stale, chosen[:2], case, show_progress_on=[widgets.strip], **last, **quiet)
    if lesson_panel is not None:
        panel, outputs = lesson_panel.panel, [*everything, lesson_panel.panel, lesson_panel.label]
        on_failure(on([panel.submit], on_lesson_step, current, outputs, **progress_options(widgets.strip)), panel)
    evidence = [widgets.regions, widgets.attention]
    on([field.input for field in view], redraw, current, [*evidence, *no_notes], **progress_options(*evidence))
    on([widgets.same.click], same_patient, previous_metadata, form, **progress_options(widgets.words))
    saved = on(
        [widgets.save.click], save_figure, current, [figure_uri, *no_notes], show_progress="minimal",
        show_progress_on=[widgets.saving],
    )  # fmt: skip
    saved.success(None, figure_uri, figure_uri, js=SAVE_FIGURE_JS)
