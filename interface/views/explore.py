"""The view 'Explore': a client-side component (assets/explorer/) fed with one JSON a diagnosis.

Hovering costs no request. Only a pinned cell asks the server, once, for the vectors behind its number, from the cases
that the server remembers.
"""

from pathlib import Path

import gradio as gr
import numpy as np

from mat_core import Diagnoser, Diagnosis, exploration
from mat_core.explain import contributions

from ..cases import Cases
from ..following import turn
from ..scripts import joined
from ..session import Session

ASSETS = Path(__file__).resolve().parents[2] / "assets" / "explorer"


_CASES = Cases()


def walk_through(request: dict) -> dict:
    """The server function that the page asks when a cell is pinned; see `Cases.walk_through`."""
    return _CASES.walk_through(request)


def explorer_value(
    diagnoser: Diagnoser, diagnosis: Diagnosis, image: np.ndarray, title: str = "", case: str = ""
) -> str:
    """What the component takes as its value: the payload of `diagnosis` as JSON, with the key to its walk-through.

    image: (h, w, 3) uint8 RGB, the one that was diagnosed. title: the case's name, such as a file name; any text.
    case: the key of the answer, by which the page knows whether it is the one on the screen.
    """
    bundle = diagnoser.bundle
    added = contributions(diagnoser, diagnosis.regions, diagnosis.metadata)
    payload = exploration.to_payload(diagnosis, image, added, bundle.fields, bundle.network.config.words, title)
    return exploration.to_json(payload | {"key": _CASES.add(diagnoser, diagnosis), "case": case})


def explorer(value: str | None = None, **options) -> gr.HTML:
    """The component, empty or with a value of `explorer_value`. Give it new values as the output of an event."""
    return gr.HTML(
        value,
        html_template=_asset("explorer.html"),
        css_template=_asset("explorer.css"),
        js_on_load=joined(ASSETS / "explorer.js", "mountExplorer(element, props, server, watch)"),
        server_functions=[walk_through],
        apply_default_css=False,
        label="Explore the attention",
        **options,
    )


def build_explorer(diagnoser: Diagnoser, session: gr.State, tab: gr.Tab) -> gr.HTML:
    """Lay the view out inside of `tab`; it follows `session`: other images and other metadata alike."""
    view = explorer(elem_classes="of-case")  # covered while it is about another case

    told = gr.State("")  # the key of the answer that it shows

    def follow(now: Session | None, told: str):
        # a stale session has a new image chosen, not diagnosed: what is on the screen stays the last diagnosis
        if now is None or now.stale or now.key == told:
            return gr.skip(), gr.skip()
        name = Path(now.source or "").name
        if now.example is not None:
            name = f"{now.example.name}{' (a drawing)' if now.example.synthetic else ''}"
        return explorer_value(diagnoser, now.diagnosis, now.image(), name, now.key), now.key

    # before the tab is opened, so that it is there at once; and then, too: where a change was clicked over another
    # one, its event can be lost
    gr.on(
        [turn(session).change, tab.select], follow, [session, told], [view, told], api_visibility="private",
        show_progress="minimal", show_progress_on=[view], trigger_mode="always_last",
    )  # fmt: skip
    return view


def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")
