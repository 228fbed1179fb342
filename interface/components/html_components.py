"""gr.HTML in the two forms that the page has: plain HTML, and a component of assets/ with its own script and style."""

from pathlib import Path

import gradio as gr

from ..frontend.scripts import on_load
from ..frontend.translations import fill

ASSETS = Path(__file__).resolve().parents[2] / "assets"


def static_html(value: str = "", **options) -> gr.HTML:
    """HTML without a script and without Gradio's style."""
    return gr.HTML(value, apply_default_css=False, js_on_load=None, **options)


def client_component(path: str, call: str, value: str | None = "", script: str = "", **options) -> gr.HTML:
    """A component of assets/PATH.html, .css and .js. call: an export of the script with its arguments, which may be
    `element`, `props`, `trigger`, `watch` and `server`; script: another script than PATH.js.
    """
    template, style = ((ASSETS / f"{path}.{kind}").read_text(encoding="utf-8") for kind in ("html", "css"))
    load = on_load(script or f"{path}.js", call)
    return gr.HTML(
        value, html_template=fill(template), css_template=style, js_on_load=load, apply_default_css=False, **options
    )
