"""The first view: an image and its metadata on the left; on the right the answer, then the evidence for it."""

from dataclasses import dataclass, replace

import gradio as gr

from mat_core import Diagnoser, ImageError, Metadata, UserError
from mat_core.encoding import data_uri
from mat_core.figures import plate, to_png

from ..examples import Example
from ..library.library import Library
from ..parts.answer import answer_html
from ..parts.casebook import SCRIPT, casebook_html
from ..parts.evidence import regions_html
from ..parts.form import build_form, form_values, words_html
from ..parts.gallery import gallery_html
from ..parts.heatmaps import AVERAGE, attention_html, head_choices, head_index
from ..parts.safely import safely
from ..parts.text import note
from ..server.image_field import ImageUpload, image_upload
from ..server.uploads import UPLOADS
from ..session import IDLE, Session, analyse, answer_again, read_upload

FIRST_K, MOST_K = 5, 36
BROKEN = "Something went wrong inside the app; your input is unchanged. Please try again."
IDLED = f"This page was idle for more than {IDLE // 60} minutes and the image was forgotten. Give it again."
PICK = """element.addEventListener('click', (event) => {
    const button = event.target.closest('button[data-index]');
    if (button) trigger('click', {index: Number(button.dataset.index)});
});"""
SAVE = """(uri) => { if (uri) { const link = document.createElement('a'); link.href = uri; link.download =
    'mat-diagnosis.png'; link.click(); } return ''; }"""

# in one column the answer is below the fold
GO_TO_ANSWER = """() => { if (innerWidth < 900 && !document.querySelector('#input-panel .note-error'))
    document.querySelector('#answer-panel').scrollIntoView({block: 'start'}); }"""


@dataclass(frozen=True)
class Widgets:
    """The parts of the view that its events read and write."""

    image: ImageUpload
    image_note: gr.HTML
    form: list[gr.components.Component]
    words: gr.HTML
    form_note: gr.HTML
    diagnose: gr.Button
    gallery: gr.HTML
    casebook: gr.HTML
    answer: gr.HTML
    regions: gr.HTML
    k: gr.Slider
    head: gr.Radio
    attention: gr.HTML
    save: gr.Button


def build_diagnose(
    demo: gr.Blocks, diagnoser: Diagnoser, examples: list[Example], library: Library
) -> gr.State:  # fmt: skip
    """Lay the view out, wire it, and return the state that holds the visitor's Session (None until the page loads).

    The first example is analysed here, so the first visit shows a case at once. Another tab follows the diagnosis with
    `session.change(...)`.
    """
    first = examples[0]
    # the field shows the example under its opaque name: that is what it will send
    opened = replace(
        analyse(diagnoser, first.path, first.metadata), example=first, source=UPLOADS.keep(first.path.resolve())
    )
    widgets = _layout(diagnoser, examples, library, opened)
    session = gr.State(None, time_to_live=IDLE)
    _wire(diagnoser, examples, library, widgets, session)
    demo.load(lambda: opened, None, session, api_visibility="private", show_progress="hidden")
    return session


def _layout(diagnoser: Diagnoser, examples: list[Example], library: Library, opened: Session) -> Widgets:
    bundle = diagnoser.bundle
    with gr.Row(equal_height=False):
        with gr.Column(scale=4, min_width=300, elem_id="input-panel"):
            image = image_upload(
                opened.source, label="Dermatoscopic image", elem_id="image", height=210, buttons=["fullscreen"],
                alt_text="The image to diagnose", interactive=True,
            )  # fmt: skip
            image_note = _html(elem_id="image-note")
            form = build_form(opened.diagnosis.metadata)
            words = _html(words_html(diagnoser, opened.diagnosis.metadata), elem_id="words")
            form_note = _html(elem_id="form-note")
            diagnose = gr.Button("Diagnose", variant="primary", elem_id="diagnose")
            gallery = gr.HTML(
                gallery_html(examples), js_on_load=PICK, apply_default_css=False, elem_id="examples"
            )  # fmt: skip
            casebook = gr.HTML(casebook_html(library), js_on_load=SCRIPT, apply_default_css=False, elem_id="casebook")
        with gr.Column(scale=9, min_width=300, elem_id="output"):
            with gr.Row(equal_height=False):
                with gr.Column(scale=1, min_width=300, elem_id="answer-panel"):
                    _html("<h2>Answer</h2>")
                    answer = _html(answer_html(opened, bundle), elem_id="answer")
                with gr.Column(scale=1, min_width=300, elem_id="regions-panel"):
                    _html("<h2>Regions</h2>")
                    regions = _html(regions_html(opened, FIRST_K), elem_id="regions")
                    most = min(MOST_K, bundle.network.config.n)
                    k = gr.Slider(1, most, FIRST_K, step=1, label="Regions shown", elem_id="k", buttons=[])
            with gr.Column(elem_id="attention-panel"):
                _html("<h2>Guided attention</h2>")
                head = gr.Radio(
                    head_choices(bundle.network.config.h), value=AVERAGE, label="Attention head", elem_id="head"
                )
                attention = _html(attention_html(opened, FIRST_K, None), elem_id="attention")
                save = gr.Button("Save as a figure (PNG)", variant="secondary", size="sm", elem_id="save")
    return Widgets(
        image,
        image_note,
        form,
        words,
        form_note,
        diagnose,
        gallery,
        casebook,
        answer,
        regions,
        k,
        head,
        attention,
        save,
    )


def _wire(
    diagnoser: Diagnoser, examples: list[Example], library: Library, w: Widgets, session: gr.State
) -> None:  # fmt: skip
    bundle, view = diagnoser.bundle, [w.k, w.head]
    notes = {w.image_note: "", w.form_note: ""}
    shown = [session, w.words, w.answer, w.regions, w.attention, *notes]

    def shows(now: Session, k: int, head: str) -> dict:
        """All that depends on the diagnosis."""
        return {
            session: now,
            w.words: words_html(diagnoser, now.diagnosis.metadata),
            w.answer: answer_html(now, bundle),
            w.regions: regions_html(now, k),
            w.attention: attention_html(now, k, head_index(head)),
            **notes,
        }

    def diagnose(now: Session | None, path, age, sex, localization, k, head, progress=gr.Progress()):
        if path is None:
            raise ImageError("Give an image first: upload one, paste it, take one, or choose an example.")
        metadata = Metadata(age, sex, localization)
        if now is not None and now.source == path:
            return shows(answer_again(diagnoser, now, metadata), k, head)
        progress(0.1, desc="Reading the image")
        now = analyse(diagnoser, read_upload(path), metadata, lambda share, text: progress(share, desc=text))
        return shows(replace(now, source=path), k, head)

    def revise(now: Session | None, path, age, sex, localization, k, head):
        metadata = Metadata(age, sex, localization)
        if now is None:
            raise UserError(IDLED)
        if now.source != path:  # another image waits for Diagnose: the answer on the screen is not about it
            return {w.words: words_html(diagnoser, metadata), **notes}
        return shows(answer_again(diagnoser, now, metadata), k, head)

    def redraw(now: Session | None, k, head):
        if now is None:
            raise UserError(IDLED)
        return {w.regions: regions_html(now, k), w.attention: attention_html(now, k, head_index(head)), **notes}

    def choose(k, head, picked: gr.EventData):
        index = picked._data.get("index") if isinstance(picked._data, dict) else None
        if not isinstance(index, int) or not 0 <= index < len(examples):
            raise UserError(f"There is no such example: they are numbered from 0 to {len(examples) - 1}.")
        return try_example(examples[index], k, head)

    def choose_case(k, head, picked: gr.EventData, progress=gr.Progress()):
        name = picked._data.get("case") if isinstance(picked._data, dict) else None
        return try_example(library.example(name, lambda share, text: progress(share, desc=text)), k, head)

    def try_example(example: Example, k, head) -> dict:
        source = UPLOADS.keep(example.path.resolve())
        now = replace(analyse(diagnoser, example.path, example.metadata), example=example, source=source)
        values = dict(zip(w.form, form_values(example.metadata), strict=True))
        return {w.image: source, **values, **shows(now, k, head)}

    def image_changed(now: Session | None, path):
        if now is None:
            return notes
        now = replace(now, stale=now.source != path)
        return {session: now, w.answer: answer_html(now, bundle), **notes}

    def figure(now: Session | None, k, head):
        if now is None:
            raise UserError(IDLED)
        where = "" if now.example is None else f"{now.example.name}{' (synthetic)' if now.example.synthetic else ''}."
        png = to_png(plate(now.diagnosis, now.image(), k, head_index(head), where))
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
    asks = [w.diagnose.click, w.form[0].submit]
    asked = on(
        asks, diagnose, [session, w.image, *w.form, *view], shown, show_progress="full", show_progress_on=[w.answer]
    )
    asked.then(None, js=GO_TO_ANSWER)
    quick = {"show_progress": "hidden", "trigger_mode": "always_last"}
    on([field.input for field in w.form], revise, [session, w.image, *w.form, *view], shown, **quick)
    on([w.k.input, w.head.input], redraw, [session, *view], [w.regions, w.attention, *notes], **quick)
    on([w.image.input, w.image.clear], image_changed, [session, w.image], [session, w.answer, *notes], **quick)
    picked = [w.image, *w.form, *shown]
    on([w.gallery.click], choose, view, picked, show_progress="minimal", show_progress_on=[w.answer])
    on([w.casebook.click], choose_case, view, picked, show_progress="full", show_progress_on=[w.answer])
    saved = on(
        [w.save.click], figure, [session, *view], [uri, *notes], show_progress="minimal", show_progress_on=[w.save]
    )
    saved.success(None, uri, uri, js=SAVE)


def _html(value: str = "", **options) -> gr.HTML:
    return gr.HTML(value, apply_default_css=False, js_on_load=None, **options)
