"""The first view: an image and its metadata on the left; on the right the answer, then the evidence for it."""

import time
from dataclasses import replace

import gradio as gr

from mat_core import Diagnoser, ImageError, Metadata, UserError
from mat_core.encoding import data_uri
from mat_core.figures import plate, to_png

from ..examples import Example
from ..lessons.guide import Guide
from ..library.library import Library
from ..parts.answer import answer_html
from ..parts.desk import Widgets, lay_out
from ..parts.evidence import regions_html
from ..parts.form import form_values, words_html
from ..parts.heatmaps import attention_html, head_index
from ..parts.safely import UNANSWERED, safely
from ..parts.strip import strip_html
from ..parts.text import note
from ..remembered import Remembered
from ..server.uploads import UPLOADS
from ..session import IDLE, Session, analyse, answer_again, for_visitor, read_upload

BROKEN = "Something went wrong inside the app; your input is unchanged. Please try again."
IDLED = f"This page was idle for more than {IDLE // 60} minutes and the image was forgotten. Give it again."
SAVE = """(uri) => { if (uri) { const link = document.createElement('a'); link.href = uri; link.download =
    'mat-diagnosis.png'; link.click(); } return ''; }"""

# from the click to the painted answer, measured by the page (assets/page/took.js)
ASKS = "(...given) => {{ if (window.mat) window.mat.asks('{name}'); return given; }}"
PAINTED = "() => {{ if (window.mat) window.mat.painted('{name}'); }}"

# in one column the answer is below the fold
GO_TO_ANSWER = """() => { if (innerWidth < 900 && !document.querySelector('#input-panel .note-error'))
    document.querySelector('#answer-panel').scrollIntoView({block: 'start'}); }"""


# what the page remembers of the case that it had before a reload
KEPT = "(before, ...view) => [window.mat ? window.mat.case : '', ...view]"
GONE = (
    f"The case from before the reload is no longer in the server's memory: it stays for {IDLE // 60} minutes. This is "
    "an example; give the image again."
)
FILE_GONE = "The uploaded file has been deleted by now; its case is still in memory, and on this page."
REMEMBERED = 64  # answers that a reload can find again, of about 1 MB each


def build_diagnose(
    demo: gr.Blocks,
    diagnoser: Diagnoser,
    examples: list[Example],
    library: Library,
    strip: gr.HTML,
    guide: Guide | None = None,
) -> gr.State:
    """Lay the view out, wire it, and return the state that holds the visitor's Session (None until the page loads).

    strip: where `strip_html` of the case goes. guide: lessons that open their cases here. The first example is analysed
    here, so the first visit shows a case at once. Another tab follows the diagnosis with `following.turn`.
    """
    first = examples[0]
    # the field shows the example under its opaque name: that is what it will send
    opened = replace(
        analyse(diagnoser, first.path, first.metadata), example=first, source=UPLOADS.keep(first.path.resolve())
    )
    widgets = lay_out(diagnoser, examples, library, opened, strip)
    session = gr.State(None, time_to_live=IDLE)
    _wire(demo, diagnoser, examples, library, widgets, session, opened, guide)
    return session


def _wire(
    demo: gr.Blocks,
    diagnoser: Diagnoser,
    examples: list[Example],
    library: Library,
    w: Widgets,
    session: gr.State,
    opened: Session,
    guide: Guide | None = None,
) -> None:
    bundle, view = diagnoser.bundle, [w.k, w.order, w.head]
    remembered: Remembered[Session] = Remembered(REMEMBERED, IDLE)
    notes = {w.image_note: "", w.form_note: ""}
    shown = [session, w.strip, w.words, w.answer, w.regions, w.attention, w.same, *notes]
    kept = gr.State(None)  # metadata of the previous image, in case the patient is the same

    def shows(now: Session, k: int, order: str, head: str, instead_of: Session | None = None) -> dict:
        """All that depends on the diagnosis; instead_of: the one that is over now."""
        if instead_of is not None:
            instead_of.over.set()
        begun = time.perf_counter()
        drawn = {
            w.strip: strip_html(now),
            w.words: words_html(diagnoser, now.diagnosis.metadata),
            w.regions: regions_html(now, k, order),
            w.attention: attention_html(now, k, head_index(head), order),
        }
        if now.took is not None:
            now = replace(now, took=replace(now.took, drawing=time.perf_counter() - begun))
        remembered.add(now.key, now, instead_of.key if instead_of else None)
        hidden = gr.update(visible=False)
        return {session: now, **drawn, w.answer: answer_html(now, bundle), w.same: hidden, **notes}

    def filled(metadata: Metadata) -> dict:
        return dict(zip(w.form, form_values(metadata), strict=True))

    def diagnose(now: Session | None, path, age, sex, localization, k, order, head, progress=gr.Progress()):
        if path is None:
            raise ImageError("Give an image first: upload one, paste it, take one, or choose an example.")
        metadata = Metadata(age, sex, localization)
        if now is not None and now.source == path:
            return shows(answer_again(diagnoser, now, metadata), k, order, head, now)
        progress(0.1, desc="Reading the image")
        found = analyse(diagnoser, read_upload(path), metadata, lambda share, text: progress(share, desc=text))
        return shows(replace(found, source=path), k, order, head, now)

    def revise(now: Session | None, path, age, sex, localization, k, order, head):
        metadata = Metadata(age, sex, localization)
        if now is None:
            raise UserError(IDLED)
        if now.source != path:  # another image waits for Diagnose: the answer on the screen is not about it
            return {w.words: words_html(diagnoser, metadata), **notes}
        return shows(answer_again(diagnoser, now, metadata), k, order, head, now)

    def redraw(now: Session | None, k, order, head):
        if now is None:
            raise UserError(IDLED)
        return {
            w.regions: regions_html(now, k, order),
            w.attention: attention_html(now, k, head_index(head), order),
            **notes,
        }

    def choose(now: Session | None, k, order, head, picked: gr.EventData):
        index = picked._data.get("index") if isinstance(picked._data, dict) else None
        if not isinstance(index, int) or not 0 <= index < len(examples):
            raise UserError(f"There is no such example: they are numbered from 0 to {len(examples) - 1}.")
        return try_example(now, examples[index], k, order, head)

    def choose_case(now: Session | None, k, order, head, picked: gr.EventData, progress=gr.Progress()):
        name = picked._data.get("case") if isinstance(picked._data, dict) else None
        example = library.example(name, lambda share, text: progress(share, desc=text))
        return try_example(now, example, k, order, head)

    def try_example(now: Session | None, example: Example, k, order, head) -> dict:
        source = UPLOADS.keep(example.path.resolve())
        found = replace(analyse(diagnoser, example.path, example.metadata), example=example, source=source)
        return {w.image: source, **filled(example.metadata), **shows(found, k, order, head, now)}

    def follow_lesson(now: Session | None, k, order, head, picked: gr.EventData, progress=gr.Progress()):
        found, told = guide.follow(picked._data, now, lambda share, text: progress(share, desc=text))
        if found is None:
            return told
        return {w.image: found.source, **filled(found.diagnosis.metadata), **shows(found, k, order, head, now), **told}

    def image_changed(now: Session | None, path, age, sex, localization):
        if now is None:
            return notes
        found = {**notes, **marked(now, path)}
        metadata = now.diagnosis.metadata
        if path is None or path == now.source or metadata == Metadata():
            return found
        known = ", ".join(str(value) for value in (metadata.age, metadata.sex, metadata.localization) if value)
        offer = gr.update(visible=True, value=f"The same patient? Keep {known}")
        empty = filled(Metadata())
        return {
            **found, **empty, kept: metadata, w.same: offer if known else gr.update(visible=False),
            w.words: words_html(diagnoser, Metadata()),
        }  # fmt: skip

    def same_patient(metadata: Metadata | None):
        if metadata is None:
            return {w.same: gr.update(visible=False), **notes}
        words = words_html(diagnoser, metadata)
        return {**filled(metadata), w.words: words, w.same: gr.update(visible=False), **notes}

    def marked(now: Session, path) -> dict:
        """The case as the previous one where another image is chosen."""
        if now.stale == (now.source != path):
            return {}
        now = replace(now, stale=not now.stale)
        return {session: now, w.strip: strip_html(now), w.answer: answer_html(now, bundle)}

    def settle(now: Session | None, path):
        """What was clicked in quick succession may end in another order: a case that is not the image's says so."""
        found = {} if now is None else marked(now, path)
        return found or {session: gr.skip()}

    def restore(key: str, k, order, head):
        """The case from before a reload, or the first example."""
        found = remembered.get(key)
        if found is None:
            told = {w.form_note: note(GONE, "info")} if key else {}
            return shows(for_visitor(opened), k, order, head) | told
        source = found.source if found.source in UPLOADS else None
        told = {} if source else {w.image_note: note(FILE_GONE, "info")}
        now = replace(found, source=source, stale=False)
        return {w.image: source, **filled(now.diagnosis.metadata), **shows(now, k, order, head), **told}

    def figure(now: Session | None, k, order, head):
        if now is None:
            raise UserError(IDLED)
        where = "" if now.example is None else f"{now.example.name}{' (synthetic)' if now.example.synthetic else ''}."
        png = to_png(plate(now.diagnosis, now.image(), k, head_index(head), where, order))
        return {uri: data_uri(png, "png"), **notes}

    def tell(error: UserError) -> dict:
        """Beside what it is about; everything else stays as it was."""
        about_image = isinstance(error, ImageError)
        return {
            w.image_note: note(str(error)) if about_image else "",
            w.form_note: "" if about_image else note(str(error)),
        }

    def on(events, handler, inputs, outputs, **options):
        return gr.on(events, safely(handler, tell, BROKEN), inputs, outputs, api_visibility="private", **options)

    uri = gr.Textbox(visible=False)
    quiet = {"show_progress": "hidden", "api_visibility": "private"}
    last = {"trigger_mode": "always_last"}
    # where one sees that the answer is waited for; on a narrow screen it is the strip
    seen = {"show_progress_on": [w.strip, w.answer]}

    def waits(*where) -> dict:
        """For what is there at once, as a rule: a sign where it is not."""
        return {"show_progress": "minimal", "show_progress_on": [*where], **last}

    picked = [w.image, *w.form, *shown]
    asks = [w.diagnose.click, w.form[0].submit]
    asked = on(
        asks, diagnose, [session, w.image, *w.form, *view], shown, js=ASKS.format(name="diagnose"), **seen
    )  # fmt: skip
    asked.then(None, js=GO_TO_ANSWER)
    chosen = on(
        [w.gallery.click], choose, [session, *view], picked, js=ASKS.format(name="choose"), **waits(w.strip, w.answer)
    )  # fmt: skip
    opened_case = on(
        [w.casebook.click], choose_case, [session, *view], picked, js=ASKS.format(name="open"), **seen, **last
    )  # fmt: skip
    revised = on(
        [field.input for field in w.form], revise, [session, w.image, *w.form, *view], shown,
        js=ASKS.format(name="revise"), **waits(w.strip, w.answer),
    )  # fmt: skip
    for name, event in (("diagnose", asked), ("choose", chosen), ("open", opened_case), ("revise", revised)):
        event.success(None, js=PAINTED.format(name=name))
    if guide is not None:
        outputs = [*picked, guide.panel, guide.label]
        opened_step = on([guide.panel.submit], follow_lesson, [session, *view], outputs, **waits(w.strip))
        opened_step.failure(None, js=UNANSWERED.format(id="guide"))
    settled = [session, w.strip, w.answer]
    for event in (asked, chosen, opened_case, revised):
        # always the last: one that is skipped while another is on its way would leave a mark that is not true
        event.then(settle, [session, w.image], settled, show_progress_on=[w.strip], **last, **quiet)
    drawn = [w.regions, w.attention, *notes]
    on([w.k.input, w.order.input, w.head.input], redraw, [session, *view], drawn, **waits(w.regions, w.attention))
    changed = [session, w.strip, w.answer, w.words, w.same, kept, *w.form, *notes]
    on([w.image.input, w.image.clear], image_changed, [session, w.image, *w.form], changed, **waits(w.answer))
    on([w.same.click], same_patient, kept, [*w.form, w.words, w.same, *notes], **waits(w.words))
    saved = on(
        [w.save.click], figure, [session, *view], [uri, *notes], show_progress="minimal", show_progress_on=[w.saving]
    )
    saved.success(None, uri, uri, js=SAVE)
    before = gr.Textbox(visible=False)
    demo.load(restore, [before, *view], picked, js=KEPT, api_visibility="private", **waits(w.strip))
