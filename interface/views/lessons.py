"""The view 'Lessons' and the panel that runs one beside the page, on whichever tab (assets/lesson/).

The page keeps progress and predictions, in the browser alone. The server says a step with its case's numbers, opens
the case, and tells the truth when it is asked for.
"""

from pathlib import Path

import gradio as gr

from ..lessons.guide import Guide
from ..lessons.room import LessonRoom, script_json
from ..parts.safely import UNANSWERED
from ..scripts import joined

ASSETS = Path(__file__).resolve().parents[2] / "assets" / "lesson"


def build_guide(room: LessonRoom, label: gr.Dropdown) -> Guide:
    """The panel, hidden until a lesson begins; it stands outside the tabs. label: the class in question."""
    panel = _component(
        "guide", "panel.html", "panel.css", f"mountGuide(element, props, trigger, watch, {_facts(room)})"
    )
    guide = Guide(room, panel, label)

    def ask(picked: gr.EventData, progress=gr.Progress()):
        return guide.ask(picked._data, lambda share, text: progress(share, desc=text))

    asked = panel.click(ask, None, panel, api_visibility="private", show_progress="hidden", trigger_mode="multiple")
    asked.failure(None, js=UNANSWERED.format(id="guide"))
    return guide


def build_lessons(room: LessonRoom) -> gr.HTML:
    """The list of all lessons, with how far this browser has come, and what was left out."""
    return _component("lessons", "list.html", "list.css", f"mountList(element, {_facts(room)})")


def _facts(room: LessonRoom) -> str:
    return script_json(room.facts())


def _component(name: str, page: str, look: str, call: str) -> gr.HTML:
    return gr.HTML(
        "",
        html_template=(ASSETS / page).read_text(encoding="utf-8"),
        css_template=(ASSETS / look).read_text(encoding="utf-8"),
        js_on_load=joined(ASSETS / "lesson.js", call),
        apply_default_css=False,
        elem_id=name,
        label="Lessons",
    )
