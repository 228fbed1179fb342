"""Tab Explore: a client-side component (assets/explorer/) that gets one JSON per diagnosis.

Hovering sends no request. A pinned cell requests the vectors behind its weight from the cached cases.
"""

from pathlib import Path

import gradio as gr
import numpy as np

from interface.state import explorer_payload as exploration
from mat_core import Diagnoser, Diagnosis
from mat_core.explain import contributions

from ..components.html_components import client_component
from ..state.explorer_cases import ExplorerCases
from ..state.session import Session
from .base import refresh_trigger

_EXPLORER_CASES = ExplorerCases()


def walk_through(request: dict) -> dict:
    """Server function for a pinned cell, see `ExplorerCases.walk_through`."""
    return _EXPLORER_CASES.walk_through(request)


def explorer_value(
    diagnoser: Diagnoser, diagnosis: Diagnosis, image: np.ndarray, title: str = "", case: str = ""
) -> str:
    """The component's value: the payload of `diagnosis` as JSON, with the key for `walk_through`.

    image: (h, w, 3) uint8 RGB, as diagnosed. title: name of the case, any text. case: key of the session.
    """
    bundle = diagnoser.bundle
    added = contributions(diagnoser, diagnosis)
    payload = exploration.to_payload(diagnosis, image, added, bundle.fields, bundle.network.config.words, title)
    return exploration.to_json(payload | {"key": _EXPLORER_CASES.add(diagnoser, diagnosis), "case": case})


def explorer(value: str | None = None, **options) -> gr.HTML:
    """The component. value: from `explorer_value`."""
    return client_component(
        "explorer/explorer", "mountExplorer(element, props, server, watch)", value, server_functions=[walk_through],
        label="Explore the attention", **options,
    )  # fmt: skip


def build_explorer(diagnoser: Diagnoser, session: gr.State, tab: gr.Tab) -> gr.HTML:
    """Lay out the tab. The component shows the diagnosis of `session`."""
    view = explorer(elem_classes="of-case")  # covered while it is about another case
    shown_key = gr.State("")

    def update(session: Session | None, shown: str):
        # stale: another image is chosen but not diagnosed, so the last diagnosis stays
        if session is None or session.is_stale or session.key == shown:
            return gr.skip(), gr.skip()
        title = Path(session.source or "").name
        if session.example is not None:
            title = f"{session.example.name}{' (a drawing)' if session.example.synthetic else ''}"
        return explorer_value(diagnoser, session.diagnosis, session.image, title, session.key), session.key

    # also when the tab is opened: the event of a change can be lost when another change follows at once
    gr.on(
        [refresh_trigger(session).change, tab.select], update, [session, shown_key], [view, shown_key],
        api_visibility="private",
        show_progress="minimal", show_progress_on=[view], trigger_mode="always_last",
    )  # fmt: skip
    return view
