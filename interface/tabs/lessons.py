"""The view 'Lessons' and the panel that runs one beside the page, on whichever tab (assets/lesson_panel/).

Progress and predictions stay in the browser. The server renders a step with the numbers of its case, opens the case,
and computes the answer to a question.
"""

import gradio as gr

from ..components.error_handling import on_call
from ..components.html_components import client_component
from ..components.qr_code import qr_code
from ..lessons.panel import LessonPanel
from ..lessons.service import LessonService, script_json


def build_lesson_panel(service: LessonService, label: gr.Dropdown) -> LessonPanel:
    """The panel, hidden until a lesson begins; it stands outside the tabs. label: target class."""
    call = f"mountLessonPanel(element, props, trigger, watch, server, {script_json(service.facts())})"
    component = client_component(
        "lesson_panel/panel",
        call,
        script="lesson_panel/lesson_panel.js",
        elem_id="guide",
        label="Lessons",
        server_functions=[qr_code],
    )
    panel = LessonPanel(service, component, label)

    def answer(event: gr.EventData):
        return panel.answer(event._data)

    on_call(component, answer)
    return panel


def build_lessons(service: LessonService) -> gr.HTML:
    """The list of all lessons with this browser's progress, and the problems of lesson files."""
    call = f"mountList(element, {script_json(service.facts())})"
    return client_component("lesson_panel/list", call, elem_id="lessons", label="Lessons")
