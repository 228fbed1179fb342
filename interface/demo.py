"""All views together as one Gradio app, and how it is served: privately, to a page that asks no other machine."""

import os
import socket
import sys
from pathlib import Path

import gradio as gr

from mat_core import DISCLAIMER, Diagnoser, UserError
from mat_core.images import MAX_BYTES
from mat_core.labels import BY_CODE

from .examples import Example
from .following import follow, tell_class
from .languages import read_languages
from .lessons.room import LessonRoom
from .lessons.shelf import Shelf, open_shelf
from .library.library import Library
from .models import Models
from .parts.strip import strip_html
from .parts.text import esc
from .programs.api import build_api
from .programs.mcp import offer_tools
from .prose import glossary_json
from .question import build_question
from .scripts import joined
from .server.fair_queue import CalmBlocks
from .server.guard import guarded
from .session import FORGOTTEN_AFTER, SWEPT_EVERY
from .theme import clinical_theme
from .views.about import build_about
from .views.compare import build_compare
from .views.diagnose import build_diagnose
from .views.explore import build_explorer
from .views.held import build_held
from .views.learn import build_learn
from .views.lessons import build_guide, build_lessons
from .views.practice import build_practice
from .views.sheets import build_sheets

ASSETS = Path(__file__).resolve().parents[1] / "assets"
OWN = "the answer's own"
TITLE = "Mutual Attention Transformer: a teaching demo"


def build_demo(
    diagnoser: Diagnoser, examples: list[Example], library: Library | None = None, shelf: Shelf | None = None
) -> gr.Blocks:
    """The app, not yet served. A further view is a tab here: its builder gets the session that it follows, or returns
    Views that are followed for it. library: the cases by name; None: there are none. shelf: the lessons; None:
    the app's own.
    """
    library, shelf = library or Library(), shelf or open_shelf()
    models, bundle = Models(diagnoser), diagnoser.bundle
    lessons = LessonRoom(diagnoser, library, shelf, models.leaking)
    with CalmBlocks(title=TITLE, analytics_enabled=False, fill_width=True) as demo:
        build_api(diagnoser, examples, models, lessons)  # first: the endpoints' names are still free
        fields = demo.children
        demo.children = []
        with gr.Column(elem_id="top"):
            gr.HTML(
                "<header><h1>Mutual Attention Transformer</h1><p>attention on skin lesions</p>"
                f'<p class="disclaimer">{esc(DISCLAIMER)}</p>'
                '<select id="language" aria-label="Language"></select></header>',
                elem_id="masthead", apply_default_css=False, js_on_load=None,
            )  # fmt: skip
            with gr.Row(elem_id="case"):
                strip = gr.HTML(strip_html(None), elem_id="strip", apply_default_css=False, js_on_load=None)
                choices = [(OWN, ""), *((BY_CODE[code].name, code) for code in bundle.labels)]
                label = gr.Dropdown(choices, value="", label="Class in question", elem_id="question-class")
                tell_class(label)
        guide = build_guide(lessons, label)
        with gr.Tabs(elem_id="views"):
            with gr.Tab("Diagnose", id="diagnose"):
                session = build_diagnose(demo, diagnoser, examples, library, strip, guide)
                build_sheets(diagnoser, session, label)
            with gr.Tab("Explore", id="explore") as exploring:
                build_explorer(diagnoser, session, exploring)
            with gr.Tab("Question", id="question") as question:
                views, tabs = build_question(diagnoser, session, label, question)
            with gr.Tab("Compare", id="compare") as comparing:
                build_held(diagnoser, models, session, comparing)
                views += build_compare(models)
            with gr.Tab("Learn", id="learn") as learning:
                views += build_learn(models, examples)
            with gr.Tab("Lessons", id="lessons"):
                build_lessons(lessons)
            with gr.Tab("Practice", id="practice"):
                build_practice(diagnoser, library)
            with gr.Tab("About", id="about"):
                build_about(bundle)
        follow(session, label, views, [question, *tabs, comparing, learning])
        demo.children += fields  # last: for whatever it shows, the page looks through the tree from its beginning
    return demo.queue(default_concurrency_limit=2)


def serve(
    demo: gr.Blocks,
    host: str | None = None,
    port: int | None = None,
    share: bool = False,
    mcp: bool = False,
    proxies: str = "",
) -> None:
    """Serve until the process is told to end. port: None takes the first free one from 7860 on.

    mcp: offer the endpoints as tools of the Model Context Protocol too. proxies: addresses and networks, with commas,
    whose X-Forwarded-* headers are believed. Raises UserError when the address cannot be had, or when package mcp is
    missing or does not fit.
    """
    host = host or "127.0.0.1"
    languages = read_languages()
    for problem in languages.problems:
        print(problem, file=sys.stderr)
    if mcp:
        offer_tools()
    os.environ["FORWARDED_ALLOW_IPS"] = ""  # the guard decides whom to believe, not uvicorn
    lifespan = guarded(demo, proxies, mcp, SWEPT_EVERY, FORGOTTEN_AFTER)
    script = joined(ASSETS / "page" / "page.js", f"startPage({glossary_json()}, {languages.script()})")
    try:
        _try_host(host)
        demo.launch(
            server_name=host, server_port=port, share=share, quiet=True, prevent_thread_lock=True, show_error=False,
            run_history=False, enable_monitoring=False, ssr_mode=False, pwa=False, mcp_server=mcp,
            max_file_size=MAX_BYTES, state_session_capacity=64, footer_links=["api", "settings"],
            app_kwargs={"lifespan": lifespan}, theme=clinical_theme(),
            css_paths=[ASSETS / "style.css", ASSETS / "class.css"],
            head=f"<script>{{\n{script}}}</script>",
        )  # fmt: skip
        if mcp and not demo.mcp_server:
            raise UserError(demo.mcp_error)
    except OSError:
        where = f"{host}, port {port}" if port else f"{host}, any port from 7860 on"
        raise UserError(f"The app cannot listen on {where}: it is in use or not allowed.") from None
    print(f"Open {demo.local_url} in a browser. End with Ctrl+C.", flush=True)
    try:
        demo.block_thread()
    finally:
        demo.close(verbose=False)


def _try_host(host: str) -> None:
    """Raise OSError for an address that is not this machine's; Gradio would try a hundred ports on it."""
    family, _, _, _, address = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)[0]
    with socket.socket(family) as probe:
        probe.bind(address)
