"""Layout of tab Diagnose: image and form on the left, the answer and its evidence on the right."""

from dataclasses import dataclass

import gradio as gr

from mat_core import Diagnoser
from mat_core.data.image_loading import MAX_BYTES, NAMES
from teaching.cases.example import Example
from teaching.cases.library import CaseLibrary

from ..frontend.scripts import on_load
from ..frontend.texts import prose
from ..frontend.translations import t, text
from ..server.safe_image import SafeImage, image_upload
from ..state.session import Session
from .attention_tables import AVERAGE, attention_html, head_choices
from .case_browser import SCRIPT, casebook_html
from .criteria import criteria_html
from .example_gallery import gallery_html
from .html_components import static_html
from .metadata_form import build_form, words_html
from .photo import photo_html
from .prediction import answer_html
from .region_overlay import ORDERS, photograph_html, regions_html

FIRST_K, MOST_K = 5, 36
FIRST_ORDER = "attention"
ZOOM = on_load("shared/zoom.js", "mountZoom(element)")
CROP = on_load("diagnose/crop.js", "mountCrop(element, trigger)")
PICK = on_load("diagnose/events.js", "mountExamples(element, trigger)")


@dataclass(frozen=True)
class DiagnoseWidgets:
    """The components that the tab's events read and write."""

    strip: gr.HTML
    photograph: gr.HTML
    image: SafeImage
    image_note: gr.HTML
    photo: gr.HTML
    form: list[gr.components.Component]
    words: gr.HTML
    form_note: gr.HTML
    same: gr.Button
    diagnose: gr.Button
    gallery: gr.HTML
    casebook: gr.HTML
    answer: gr.HTML
    criteria: gr.HTML
    regions: gr.HTML
    k: gr.Slider
    order: gr.Radio
    head: gr.Radio
    attention: gr.HTML
    save: gr.Button
    saving: gr.HTML


def build_layout(
    diagnoser: Diagnoser,
    examples: list[Example],
    library: CaseLibrary,
    opened: Session,
    strip: gr.HTML,
    photograph: gr.HTML,
) -> DiagnoseWidgets:
    """Lay out the tab with the case `opened`."""
    photograph.value = photograph_html(opened)
    bundle = diagnoser.bundle
    static_html(prose("purpose.html"), elem_id="purpose")
    with gr.Row(equal_height=False):
        with gr.Column(scale=4, min_width=300, elem_id="input-panel"):
            image = image_upload(
                opened.source, label="Dermatoscopic image", elem_id="image", height=210, buttons=["fullscreen"],
                alt_text="The image to diagnose", interactive=True,
            )  # fmt: skip
            formats = t("image.formats", formats=", ".join(NAMES), megabytes=MAX_BYTES // 2**20)
            static_html(f'<p class="fine">{formats}</p>', elem_id="formats")
            image_note = static_html(elem_id="image-note")
            photo = gr.HTML(photo_html(opened), js_on_load=CROP, apply_default_css=False, elem_id="photo")
            form = build_form(opened.diagnosis.metadata)
            words = static_html(words_html(diagnoser, opened.diagnosis.metadata), elem_id="words")
            form_note = static_html(elem_id="form-note")
            same = gr.Button(visible=False, variant="secondary", size="sm", elem_id="same-patient")
            diagnose = gr.Button("Diagnose", variant="primary", elem_id="diagnose")
            gallery = gr.HTML(gallery_html(examples), js_on_load=PICK, apply_default_css=False, elem_id="examples")
            casebook = gr.HTML(casebook_html(library), js_on_load=SCRIPT, apply_default_css=False, elem_id="casebook")
        with gr.Column(scale=9, min_width=300, elem_id="output"):
            with gr.Row(equal_height=False):
                with gr.Column(scale=1, min_width=300, elem_id="answer-panel"):
                    static_html(f"<h2>{t('answer')}</h2>")
                    answer = static_html(answer_html(opened, bundle), elem_id="answer")
                with gr.Column(scale=1, min_width=300, elem_id="regions-panel"):
                    static_html(f"<h2>{t('regions')}</h2>")
                    regions = gr.HTML(
                        regions_html(opened, FIRST_K, FIRST_ORDER), js_on_load=ZOOM, apply_default_css=False,
                        elem_id="regions",
                    )  # fmt: skip
                    most = min(MOST_K, bundle.network.config.n)
                    k = gr.Slider(1, most, FIRST_K, step=1, label="Regions shown", elem_id="k", buttons=[])
                    order = gr.Radio(
                        [(text(f"option.{order}"), order) for order in ORDERS], value=FIRST_ORDER,
                        label="Which first", elem_id="order",
                    )  # fmt: skip
            criteria = static_html(criteria_html(opened.diagnosis.top), elem_id="criteria")
            with gr.Column(elem_id="attention-panel"):
                static_html(f"<h2>{t('attention')}</h2>")
                head = gr.Radio(
                    head_choices(bundle.network.config.h), value=AVERAGE, label="Attention head", elem_id="head"
                )
                attention = static_html(attention_html(opened, FIRST_K, None, FIRST_ORDER), elem_id="attention")
                save = gr.Button("Save as a figure (PNG)", variant="secondary", size="sm", elem_id="save")
                saving = static_html(elem_id="saving")
    return DiagnoseWidgets(
        strip, photograph, image, image_note, photo, form, words, form_note, same, diagnose, gallery, casebook, answer,
        criteria, regions, k, order, head, attention, save, saving,
    )  # fmt: skip
