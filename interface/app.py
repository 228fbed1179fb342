"""The Gradio app: all tabs and endpoints."""

from collections.abc import Sequence

import gradio as gr

from mat_core import Diagnoser
from mat_core.data.labels import BY_CODE
from teaching.cases.example import Example
from teaching.cases.library import CaseLibrary
from teaching.criteria_drawings import sprite

from .api.mcp import install_mcp_server
from .api.registration import register_endpoints
from .components.case_summary import strip_html
from .components.html_components import static_html
from .frontend.scripts import on_load
from .frontend.texts import glossary_json
from .frontend.theme import clinical_theme
from .frontend.translations import language_meta, language_select, t
from .lessons.catalog import LessonCatalog, open_catalog
from .lessons.service import LessonService
from .server.serving import Certificate, create_app, listen, run
from .server.serving import share as share_port
from .state.model_registry import ModelRegistry
from .tabs.about import build_about
from .tabs.base import sync_target_class, wire_case_views
from .tabs.compare_cases import build_compare_cases
from .tabs.compare_models import build_compare_models
from .tabs.diagnose import build_diagnose
from .tabs.explore import build_explorer
from .tabs.export_pdf import build_export_pdf
from .tabs.learn import build_learn
from .tabs.lessons import build_lesson_panel, build_lessons
from .tabs.practice import build_practice
from .tabs.question import build_question

MAX_WAITING = 256  # events of all visitors together; an address has a share, server/waiting_limit.py
OWN = "the answer's own"
TITLE = "Mutual Attention Transformer: a teaching demo"


def build_demo(
    diagnoser: Diagnoser,
    examples: list[Example],
    library: CaseLibrary | None = None,
    catalog: LessonCatalog | None = None,
) -> gr.Blocks:
    """The app, not yet served. To add a view, add a tab whose builder gets the session or returns CaseViews.

    library: the named cases, None for none. catalog: the lessons, None for the app's own.
    """
    library, catalog = library or CaseLibrary(), catalog or open_catalog()
    models, bundle = ModelRegistry(diagnoser), diagnoser.bundle
    lessons = LessonService(diagnoser, library, catalog, models)
    with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True) as demo:
        register_endpoints(diagnoser, examples, models, lessons)  # first: their names are still free
        parameters, demo.children = demo.children, []
        with gr.Column(elem_id="top"):
            static_html(
                f"<header><h1>Mutual Attention Transformer</h1><p>{t('masthead.what')}</p>"
                f'<p class="disclaimer">{t("masthead.disclaimer")}</p>{language_select()}</header>',
                elem_id="masthead",
            )  # fmt: skip
            with gr.Row(elem_id="case"):
                strip = static_html(strip_html(None), elem_id="strip")
                photograph = static_html(elem_id="photograph")
                choices = [(OWN, ""), *((BY_CODE[code].name, code) for code in bundle.labels)]
                label = gr.Dropdown(choices, value="", label="Class in question", elem_id="question-class")
                sync_target_class(label)
            static_html(sprite(), elem_id="criteria-drawings")
        panel = build_lesson_panel(lessons, label)
        with gr.Tabs(elem_id="views"):
            with gr.Tab("Diagnose", id="diagnose"):
                session = build_diagnose(demo, diagnoser, examples, library, strip, photograph, panel)
                build_export_pdf(diagnoser, session, label)
            with gr.Tab("Explore", id="explore") as explore_tab:
                build_explorer(diagnoser, session, explore_tab)
            with gr.Tab("Question", id="question") as question_tab:
                views, tabs = build_question(diagnoser, models, library, session, label, question_tab)
            with gr.Tab("Compare", id="compare") as compare_tab:
                build_compare_cases(diagnoser, models, session, compare_tab)
                views += build_compare_models(models)
            with gr.Tab("Learn", id="learn") as learn_tab:
                views += build_learn(models, examples)
            with gr.Tab("Lessons", id="lessons"):
                build_lessons(lessons)
            with gr.Tab("Practice", id="practice"):
                build_practice(diagnoser, library)
            with gr.Tab("About", id="about"):
                build_about(bundle)
        wire_case_views(session, label, views, [question_tab, *tabs, compare_tab, learn_tab])
        demo.children += parameters  # last, as the page searches its components from the first
    return demo.queue(max_size=MAX_WAITING, default_concurrency_limit=2)


def serve(
    demo: gr.Blocks,
    host: str | None = None,
    port: int | None = None,
    share: bool = False,
    mcp: bool = False,
    proxies: str = "",
    embed: Sequence[str] = (),
    certificate: Certificate | None = None,
) -> None:
    """Serve until the process is told to end. port: None takes the first free one from 7860 on.

    mcp: offer the endpoints as tools of the Model Context Protocol too. proxies: addresses and networks, with commas,
    whose X-Forwarded-* headers are believed. embed: origins that may show the page in a frame. certificate: for https.
    Raises UserError when the address cannot be had, or when package mcp is
    missing or does not fit.
    """
    if mcp:
        install_mcp_server()
    with listen(host or "127.0.0.1", port) as listener:
        address, port = listener.getsockname()[:2]
        if share:
            print(f"Public address: {share_port(port)}", flush=True)
        name = "localhost" if address == "0.0.0.0" else f"[{address}]" if ":" in address else address
        scheme = "https" if certificate else "http"
        app = create_app(
            demo, page_head(), clinical_theme(), mcp, bool(proxies), embed,
            lambda: print(f"Open {scheme}://{name}:{port}/ in a browser. End with Ctrl+C.", flush=True),
        )  # fmt: skip
        run(app, listener, proxies, certificate)


def page_head() -> str:
    """What stands in the page's <head>: which languages there are, and the call that starts the page."""
    return f"{language_meta()}<script>{on_load('page/main.js', f'startPage({glossary_json()})')}</script>"
