"""Tab Practice: commit to an answer, then see the model's, then the truth and what mattered.

Round, answers and score stay in the browser (assets/practice/). The server gets the numbers of a round and of a case,
never what a trainee marked or chose.
"""

import functools
import itertools
import json
import threading
from collections.abc import Callable

import gradio as gr
import numpy as np
from cachetools import LRUCache, cached

from mat_core import ConfigError, Diagnoser, Metadata
from mat_core.data.image_encoding import data_uri, encode_jpeg
from mat_core.data.image_loading import load_image, scale_image
from mat_core.data.labels import BY_CODE, CODES
from mat_core.explain import occlude
from mat_core.explain.attention_grid import attention_on_grid, grid_for
from mat_core.explain.label_leakage import DX_TYPE_NAMES
from teaching.cases.library import CaseLibrary
from teaching.cases.practice_rounds import MAX_CASES, WRONG, RoundCase, iterate_round
from teaching.phantoms import make_phantom
from teaching.sentences import attended_text, occlusion_text, told_text, warning_texts

from ..components.criteria import criteria_facts
from ..components.error_handling import on_call, with_error_messages
from ..components.html_components import client_component
from ..components.qr_code import qr_code
from ..frontend.translations import Text, page_text, text
from ..state.background import BackgroundAnswers

SHOWN_SIDE = 720  # pixels of the long side of the picture in the page
PHANTOM_SIZE = (300, 400)  # height and width
# of drawings, of public cases and of the teacher's, never of a visitor
CACHED_IMAGES, CACHED_ANSWERS = 16, 200
MAX_WAITING = 12  # cases of all visitors for which hiding tiles is under way


def build_practice(diagnoser: Diagnoser, library: CaseLibrary) -> gr.HTML:
    """Lay out the tab: one client-side component and its calls."""
    service = PracticeService(diagnoser, library)
    call = f"mountPractice(element, props, trigger, watch, server, {service.facts()})"
    view = client_component("practice/practice", call, elem_id="practice", label="Practice", server_functions=[qr_code])

    def answer(event: gr.EventData):
        return service.answer(event._data if isinstance(event._data, dict) else {})

    on_call(view, answer)
    return view


class PracticeService:
    """Answers the component's questions about a case of a round, which is drawn again from the round's numbers."""

    def __init__(self, diagnoser: Diagnoser, library: CaseLibrary):
        self._diagnoser, self._library = diagnoser, library
        self._handlers: dict[str, Callable] = {
            "case": self._case, "model": self._model, "truth": self._truth, "hidden": self._hidden,
        }  # fmt: skip
        self._phantom = functools.lru_cache(CACHED_IMAGES)(_draw_phantom)
        # a class asks for the same cases at the same time: `condition` lets one visitor compute while the others wait
        self._shared = cached(LRUCache(CACHED_ANSWERS), _key, condition=threading.Condition())(self._compute)
        self._slow = BackgroundAnswers(CACHED_ANSWERS, MAX_WAITING)

    def facts(self) -> str:
        """Sent with the page, as JSON: the classes, and how many cases there are."""
        offline = len(self._library.offline_cases())
        return json.dumps({
            "classes": [[code, BY_CODE[code].name, BY_CODE[code].nature] for code in CODES],
            "most": MAX_CASES, "cases": len(self._library.cases), "atHand": offline, "own": len(self._library.own),
            "criteria": criteria_facts(),
            "first": "own" if self._library.own else "cases" if offline else "phantoms",
        }).replace("</", "<\\/")  # fmt: skip

    def answer(self, data: dict) -> str:
        """Answer {'ask', 'kind', 'seed', 'count', 'at', 'ticket'} as JSON with 'ask', 'ticket' and more, or 'error'.

        ask: 'case' for picture and metadata; 'model' for its answer and attention; 'truth'; 'hidden' for the effect of
        hiding each tile, or {'pending': true} while that is computed, which takes seconds. 'drill' and 'prevalence' as
        in `iterate_round`.
        """
        ask = data.get("ask") if isinstance(data.get("ask"), str) else ""
        ticket = data.get("ticket")
        echo = {"ask": ask if ask in self._handlers else "", "ticket": ticket if type(ticket) is int else 0}

        def content() -> dict:
            if ask not in self._handlers:
                raise ConfigError(f"The page may ask for {', '.join(self._handlers)}.")
            return self._answer(self._drawn(data), ask)

        return json.dumps(echo | with_error_messages(content, lambda error: {"error": str(error)})())

    def _drawn(self, data: dict) -> RoundCase:
        kind = data.get("kind")
        pools = {
            "cases": [(case.id, case.diagnosis, case.metadata) for case in self._library.cases],
            "own": [(name, own.diagnosis, own.metadata) for name, own in self._library.own.items()],
        }
        pool = pools.get(kind, ()) if isinstance(kind, str) else ()
        drill, count, at = data.get("drill", ""), data.get("count"), data.get("at")
        if drill == WRONG and kind == "cases":  # no photograph is fetched only to find out
            pool = [case for case in pool if self._library.is_offline(case[0])]
        cases = iterate_round(kind, data.get("seed"), count, pool, drill, data.get("prevalence"), self._is_wrong)
        if type(at) is not int or not 0 <= at < count:
            raise ConfigError(f"This round has {count} cases, from 0 on; there is no other.")
        return next(itertools.islice(cases, at, None))

    def _is_wrong(self, drawn: RoundCase) -> bool:
        return self._answer(drawn, "model")["probabilities"][0][0] != drawn.diagnosis

    def _answer(self, drawn: RoundCase, ask: str) -> dict:
        if drawn.kind == "cases":
            self._library.example(drawn.name)
            if not self._library.is_offline(drawn.name):  # a phantom stands in until the photograph can be had
                return self._compute(drawn, ask)
        if ask == "hidden":
            return self._hidden_so_far(drawn) or {"pending": True}
        if ask == "case":
            self._hidden_so_far(drawn)  # begins while the visitor looks at the case
        return self._shared(drawn, ask)

    def _hidden_so_far(self, drawn: RoundCase) -> dict | None:
        compute = with_error_messages(lambda: self._compute(drawn, "hidden"), lambda error: {"error": str(error)})
        return self._slow.get(_key(drawn), compute)

    def _compute(self, drawn: RoundCase, ask: str) -> dict:
        return self._handlers[ask](drawn)

    def _load(self, drawn: RoundCase) -> tuple[np.ndarray, Metadata, str]:
        """The image, the metadata, and a note on the image."""
        if drawn.kind == "phantoms":
            return self._phantom(drawn)
        own = self._library.own.get(drawn.name) if drawn.kind == "own" else None
        example = own or self._library.example(drawn.name)
        return load_image(example.path), example.metadata, example.note

    def _case(self, drawn: RoundCase) -> dict:
        image, metadata, note = self._load(drawn)
        rows, columns = grid_for(image.shape[:2])
        picture = scale_image(image, SHOWN_SIDE, SHOWN_SIDE) if max(image.shape) > SHOWN_SIDE else image
        patient = {"age": metadata.age, "sex": metadata.sex, "site": metadata.localization}
        return {
            "name": drawn.name, "picture": data_uri(encode_jpeg(picture, 88), "jpeg"),
            "width": image.shape[1], "height": image.shape[0], "rows": rows, "columns": columns, "patient": patient,
            "note": page_text(note),
        }  # fmt: skip

    def _model(self, drawn: RoundCase) -> dict:
        image, metadata, _ = self._load(drawn)
        diagnosis = self._diagnoser(image, metadata)
        cells, meaning = attention_on_grid(diagnosis, *grid_for(image.shape[:2]))
        ranked = sorted(diagnosis.probabilities.items(), key=lambda item: -item[1])
        return {
            "probabilities": [[code, round(p, 4)] for code, p in ranked],
            "attended": [round(float(v), 6) for v in cells.ravel()], "looked": page_text(attended_text(meaning)),
            "doubts": [page_text(one) for one in warning_texts(diagnosis.probabilities, diagnosis.novelty)],
        }  # fmt: skip

    def _truth(self, drawn: RoundCase) -> dict:
        how = text("practice.drawn-as") if drawn.kind == "phantoms" else _confirmed(drawn)
        return {"truth": drawn.diagnosis, "how": page_text(how)}

    def _hidden(self, drawn: RoundCase) -> dict:
        image, metadata, _ = self._load(drawn)
        result = occlude(self._diagnoser, image, metadata, cancelled=self._slow.stopped.is_set)
        top = result.labels[int(result.probabilities.argmax())]
        effect = [round(float(v), 6) for v in result.effect(top)]
        return {"label": top, "effect": effect, "sentence": page_text(occlusion_text(result, top))}


def _key(drawn: RoundCase, ask: str = "") -> tuple:
    return drawn.kind, drawn.name, drawn.diagnosis, drawn.seed, ask


def _draw_phantom(drawn: RoundCase) -> tuple[np.ndarray, Metadata, str]:
    phantom = make_phantom(drawn.seed, drawn.diagnosis, PHANTOM_SIZE)
    return phantom.image, phantom.metadata, text("note.practice")


def _confirmed(drawn: RoundCase) -> Text:
    assert drawn.metadata is not None
    dx_type = drawn.metadata.dx_type
    return text(
        "practice.confirmed-by",
        how=told_text(dx_type) if dx_type and dx_type in DX_TYPE_NAMES else text("told.unknown"),
    )
