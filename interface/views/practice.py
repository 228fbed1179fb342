"""The view 'Practice': commit to an answer first, then see the model's, then the truth and what mattered.

The page (assets/practice/) keeps the round, the answers and the score, in the browser alone. The server is asked about
one case of a round at a time and remembers nothing of who asked: what a trainee marked or chose is never sent.
"""

import functools
import json
from collections.abc import Callable
from pathlib import Path

import gradio as gr
import numpy as np

from mat_core import ConfigError, Diagnoser, Metadata, UserError
from mat_core.encoding import data_uri, encode_jpeg
from mat_core.explain import occlude
from mat_core.explain.cells import attended, grid_for
from mat_core.explain.doubt import reasons
from mat_core.images import load_image, scale_image
from mat_core.labels import BY_CODE, CODES
from mat_core.phantoms import make_phantom

from ..library.library import Library
from ..library.rounds import MOST, Drawn, draw_round
from ..parts.safely import UNANSWERED, safely
from ..scripts import joined

ASSETS = Path(__file__).resolve().parents[2] / "assets" / "practice"
SHOWN_SIDE = 720  # pixels of the long side of the picture in the page
PHANTOM_SIZE = (300, 400)  # height and width
REMEMBERED = 16  # pictures of drawings and of public cases, never of a visitor


def build_practice(diagnoser: Diagnoser, library: Library) -> gr.HTML:
    """Lay the view out: one client-side component and the four questions that it asks."""
    room = PracticeRoom(diagnoser, library)
    view = gr.HTML(
        "",
        html_template=(ASSETS / "practice.html").read_text(encoding="utf-8"),
        css_template=(ASSETS / "practice.css").read_text(encoding="utf-8"),
        js_on_load=joined(ASSETS / "practice.js", f"mountPractice(element, props, trigger, watch, {room.facts()})"),
        apply_default_css=False,
        elem_id="practice",
        label="Practice",
    )

    def ask(picked: gr.EventData, progress=gr.Progress()):
        data = picked._data if isinstance(picked._data, dict) else {}
        return room.answer(data, lambda share, text: progress(share, desc=text))

    asked = view.click(ask, None, view, api_visibility="private", show_progress="hidden", trigger_mode="multiple")
    asked.failure(None, js=UNANSWERED.format(id="practice"))
    return view


class PracticeRoom:
    """What the server knows of practice: it answers questions about a case of a round, given the round's numbers."""

    def __init__(self, diagnoser: Diagnoser, library: Library):
        self._diagnoser, self._library = diagnoser, library
        self._asks: dict[str, Callable] = {
            "case": self._case, "model": self._model, "truth": self._truth, "hidden": self._hidden,
        }  # fmt: skip
        self._remembered = functools.lru_cache(REMEMBERED)(self._opened)

    def facts(self) -> str:
        """What the page needs before it asks, as JSON: the classes, and how many real cases there are."""
        at_hand = len(self._library.at_hand())
        return json.dumps({
            "classes": [[code, BY_CODE[code].name, BY_CODE[code].nature] for code in CODES],
            "most": MOST, "cases": len(self._library.cases), "atHand": at_hand, "own": len(self._library.own),
            "first": "own" if self._library.own else "cases" if at_hand else "phantoms",
        }).replace("</", "<\\/")  # fmt: skip

    def answer(self, data: dict, tell: Callable[[float, str], None] = lambda share, text: None) -> str:
        """What is answered to {'ask', 'kind', 'seed', 'count', 'at', 'ticket'}, as JSON: at least 'ask' and 'ticket'.

        ask: 'case', the picture and what is known of the patient; 'model', its answer and where it looked; 'truth';
        'hidden', what mattered when it was hidden, which takes seconds. An 'error' is a sentence in their place.
        """
        ask = data.get("ask") if isinstance(data.get("ask"), str) else ""
        ticket = data.get("ticket")
        echo = {"ask": ask if ask in self._asks else "", "ticket": ticket if type(ticket) is int else 0}

        def answered() -> dict:
            if ask not in self._asks:
                raise ConfigError(f"The page may ask for {', '.join(self._asks)}.")
            return self._asks[ask](self._drawn(data), tell)

        def failed(error: UserError) -> dict:
            return {"error": str(error)}

        return json.dumps(echo | safely(answered, failed)())

    def _drawn(self, data: dict) -> Drawn:
        kind = data.get("kind")
        there = {
            "cases": [(case.id, case.diagnosis, case.metadata) for case in self._library.cases],
            "own": [(name, own.diagnosis, own.metadata) for name, own in self._library.own.items()],
        }
        cases = draw_round(
            kind, data.get("seed"), data.get("count"), there.get(kind, ()) if isinstance(kind, str) else ()
        )
        at = data.get("at")
        if type(at) is not int or not 0 <= at < len(cases):
            raise ConfigError(f"This round has {len(cases)} cases, from 0 on; there is no other.")
        return cases[at]

    def _opened(self, drawn: Drawn) -> tuple[np.ndarray, Metadata, str]:
        phantom = make_phantom(drawn.seed, drawn.diagnosis, PHANTOM_SIZE)
        return phantom.image, phantom.metadata, "A drawing by the project; no patient is in it."

    def _look(self, drawn: Drawn, tell: Callable) -> tuple[np.ndarray, Metadata, str]:
        """The picture as the model is shown it, what is known of the patient, and what has to be said with it."""
        if drawn.kind == "phantoms":
            return self._remembered(drawn)
        own = self._library.own.get(drawn.name) if drawn.kind == "own" else None
        example = own or self._library.example(drawn.name, tell)
        return load_image(example.path), example.metadata, example.note

    def _case(self, drawn: Drawn, tell: Callable) -> dict:
        image, metadata, note = self._look(drawn, tell)
        rows, columns = grid_for(image.shape[:2])
        picture = scale_image(image, SHOWN_SIDE, SHOWN_SIDE) if max(image.shape) > SHOWN_SIDE else image
        known = {"age": metadata.age, "sex": metadata.sex, "site": metadata.localization}
        return {
            "name": drawn.name, "picture": data_uri(encode_jpeg(picture, 88), "jpeg"),
            "width": image.shape[1], "height": image.shape[0], "rows": rows, "columns": columns, "patient": known,
            # the note on a stand-in names its class as little as a real one does
            "note": note,
        }  # fmt: skip

    def _model(self, drawn: Drawn, tell: Callable) -> dict:
        image, metadata, _ = self._look(drawn, tell)
        diagnosis = self._diagnoser(image, metadata)
        cells, said = attended(diagnosis, *grid_for(image.shape[:2]))
        ranked = sorted(diagnosis.probabilities.items(), key=lambda item: -item[1])
        return {
            "probabilities": [[code, round(p, 4)] for code, p in ranked],
            "attended": [round(float(v), 6) for v in cells.ravel()], "looked": said,
            "doubts": reasons(diagnosis.probabilities, diagnosis.novelty),
        }  # fmt: skip

    def _truth(self, drawn: Drawn, tell: Callable) -> dict:
        how = "what it was drawn as" if drawn.kind == "phantoms" else f"confirmed by {_confirmed(drawn)}"
        return {"truth": drawn.diagnosis, "how": how}

    def _hidden(self, drawn: Drawn, tell: Callable) -> dict:
        image, metadata, _ = self._look(drawn, tell)
        found = occlude(self._diagnoser, image, metadata, progress=lambda done, of: tell(done / of, "Hiding tiles"))
        top = found.labels[int(found.probabilities.argmax())]
        effect = [round(float(v), 6) for v in found.effect(top)]
        return {"label": top, "effect": effect, "sentence": found.sentence(top)}


def _confirmed(drawn: Drawn) -> str:
    assert drawn.metadata is not None
    ways = {"histo": "histology", "follow_up": "follow-up", "consensus": "consensus of experts", "confocal": "confocal"}
    return ways.get(drawn.metadata.dx_type or "", "a way that is not known")
