"""Diagnose laid out: image and form on the left, the answer and its evidence on the right."""

from dataclasses import dataclass

import gradio as gr

from mat_core import Diagnoser

from ..examples import Example
from ..library.library import Library
from ..prose import prose
from ..server.image_field import ImageUpload, image_upload
from ..session import Session
from .answer import answer_html
from .casebook import SCRIPT, casebook_html
from .evidence import ORDERS, regions_html
from .form import build_form, words_html
from .gallery import gallery_html
from .heatmaps import AVERAGE, attention_html, head_choices

FIRST_K, MOST_K = 5, 36
FIRST_ORDER = "attention"
# one object for all clicks: a click that has to wait is sent with what was clicked last
PICK = """const picked = {};
element.addEventListener('click', (event) => {
    const button = event.target.closest('button[data-index]');
    if (!button) return;
    picked.index = Number(button.dataset.index);
    trigger('click', picked);
});"""


@dataclass(frozen=True)
class Widgets:
    """The parts of the view that its events read and write."""

    strip: gr.HTML
    image: ImageUpload
    image_note: gr.HTML
    form: list[gr.components.Component]
    words: gr.HTML
    form_note: gr.HTML
    same: gr.Button
    diagnose: gr.Button
    gallery: gr.HTML
    casebook: gr.HTML
    answer: gr.HTML
    regions: gr.HTML
    k: gr.Slider
    order: gr.Radio
    head: gr.Radio
    attention: gr.HTML
    save: gr.Button
    saving: gr.HTML


def lay_out(
    diagnoser: Diagnoser, examples: list[Example], library: Library, opened: Session, strip: gr.HTML
) -> Widgets:
    """Lay the view out, showing `opened`."""
    bundle = diagnoser.bundle
    _html(prose("purpose.html"), elem_id="purpose")
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
            same = gr.Button(visible=False, variant="secondary", size="sm", elem_id="same-patient")
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
                    regions = _html(regions_html(opened, FIRST_K, FIRST_ORDER), elem_id="regions")
                    most = min(MOST_K, bundle.network.config.n)
                    k = gr.Slider(1, most, FIRST_K, step=1, label="Regions shown", elem_id="k", buttons=[])
                    order = gr.Radio(
                        [(name.capitalize(), order) for order, (name, _) in ORDERS.items()], value=FIRST_ORDER,
                        label="Which first", elem_id="order",
                    )  # fmt: skip
            with gr.Column(elem_id="attention-panel"):
                _html("<h2>Guided attention</h2>")
                head = gr.Radio(
                    head_choices(bundle.network.config.h), value=AVERAGE, label="Attention head", elem_id="head"
                )
                attention = _html(attention_html(opened, FIRST_K, None, FIRST_ORDER), elem_id="attention")
                save = gr.Button("Save as a figure (PNG)", variant="secondary", size="sm", elem_id="save")
                saving = _html(elem_id="saving")
    return Widgets(
        strip, image, image_note, form, words, form_note, same, diagnose, gallery, casebook, answer, regions, k,
        order, head, attention, save, saving,
    )  # fmt: skip


def _html(value: str = "", **options) -> gr.HTML:
    return gr.HTML(value, apply_default_css=False, js_on_load=None, **options)
