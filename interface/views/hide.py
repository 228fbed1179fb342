"""Question's tab 'Hide': cover a part of the photograph, let the model look again, and see the answer change."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import gradio as gr
import numpy as np

from mat_core import ConfigError, Diagnoser
from mat_core.encoding import data_uri, encode_jpeg
from mat_core.explain import FILLS, Occlusion, occlude, refine
from mat_core.explain.covering import cover, filling
from mat_core.labels import BY_CODE
from mat_core.wording import points

from ..following import WHERE, framed, place, turn
from ..parts.asking import NOTHING, about
from ..parts.bars import before_after
from ..parts.safely import safely
from ..parts.text import esc
from ..parts.took import all_in, timed
from ..scripts import joined
from ..session import Session

ADDRESS = "hide"
SCRIPT = Path(__file__).resolve().parents[2] / "assets" / "hiding.js"
FOR, AGAINST = "213, 94, 0", "0, 114, 178"  # Okabe and Ito 2008: orange spoke for the class, blue against it
FAINTEST = 0.05  # change that has full colour at least: a map of nothing must not look like one of something
WORTH = 0.005  # change from which on a tile carries its number
FILLINGS = {
    "skin": ("the skin around", "What does this structure add to plain skin?"),
    "blur": ("a blur", "What do its outlines and texture add to its colour?"),
    "mean": ("the mean colour", "The grey card of the literature: no skin looks like it, and that is evidence itself."),
}


def build_hiding(diagnoser: Diagnoser, session: gr.State, label: gr.Dropdown, outer: gr.Tab) -> None:
    """Lay the tab out inside the tabs of `outer`, Question; `label` is the class in question.

    It answers by itself when it is opened or the case changes while it is open, as the views of `following` do, but in
    events of its own: it has more to ask for, and its progress to show.
    """
    with gr.Tab("Hide", id=ADDRESS) as tab:
        fill = gr.Radio(
            [(FILLINGS[f][0], f) for f in FILLS], value=FILLS[0], label="What takes its place", elem_id="hide-fill"
        )
        finer = gr.Button("Look finer where it mattered", size="sm", elem_id="ask-finer")
        with gr.Row(elem_id="hiding"):
            with gr.Column(min_width=320):
                shown = gr.HTML(
                    "", js_on_load=joined(SCRIPT, "mountHiding(element, trigger)"), apply_default_css=False,
                    elem_id="hiding-view", elem_classes="of-case",
                )  # fmt: skip
            with gr.Column(min_width=320):
                hidden = place(elem_id="hidden-view")
        known = gr.State(None)  # the Known on the screen
        where = gr.Textbox(visible=False)
        turned = turn(session, ADDRESS, events=[label.change, tab.select, outer.select])

    def look(now: Session | None, where: str, code: str, way: str, before: Known | None, progress=gr.Progress()):
        if where != ADDRESS:
            return gr.skip(), gr.skip(), gr.skip()
        if now is None:
            return framed(None, NOTHING), framed(None, ""), None
        if before is not None and before.key == now.key and before.found.fill == way:
            beside = beside_html(before.found)
            return framed(now, shown_html(now, before, code), code), framed(now, beside, code), before
        return told(
            now, code, lambda: occlude(diagnoser, now.seen, now.diagnosis.metadata, fill=way, **asked(now, progress))
        )

    def look_finer(now: Session | None, where: str, code: str, way: str, before: Known | None, progress=gr.Progress()):
        if now is None or before is None or before.key != now.key or before.found.fill != way:
            return look(now, ADDRESS, code, way, before, progress)
        case = code or now.diagnosis.top, now.diagnosis.metadata
        return told(now, code, lambda: refine(diagnoser, now.seen, before.found, *case, **asked(now, progress)))

    def told(now: Session, code: str, ask: Callable[[], Occlusion]):
        """What `ask` finds as the three outputs; a case that is over leaves them to the next one."""
        kept: list[Known] = []

        def view() -> str:
            found, seconds = timed(ask)
            now.found["hidden"] = found
            kept.append(Known(found, now.key, seconds))
            return shown_html(now, kept[0], code)

        html = safely(view)()
        if now.over.is_set():
            return gr.skip(), gr.skip(), gr.skip()
        beside = beside_html(kept[0].found) if kept else ""
        return framed(now, html, code), framed(now, beside, code), kept[0] if kept else None

    def hide(now: Session | None, where: str, code: str, way: str, before: Known | None, picked: gr.EventData):
        if now is None or before is None or before.key != now.key:
            return framed(now, "")
        tiles = picked._data.get("tiles") if isinstance(picked._data, dict) else None

        def view() -> str:
            html, seconds = timed(lambda: hidden_html(diagnoser, now, before.found, code, way, tiles))
            return html + all_in(seconds)

        return framed(now, beside_html(before.found, safely(view)()), code)

    given, outputs = [session, where, label, fill, known], [shown, hidden, known]
    options = {"js": WHERE, "api_visibility": "private", "show_progress": "full"}
    last = {"show_progress_on": [shown], "trigger_mode": "always_last"}
    gr.on([turned.change, fill.input], look, given, outputs, **last, **options)
    finer.click(look_finer, given, outputs, show_progress_on=[shown], **options)
    shown.click(hide, given, hidden, show_progress_on=[hidden], **options | {"show_progress": "minimal"})


@dataclass(frozen=True)
class Known:
    """An Occlusion, the key of the answer that it is about, and how long it took; it says nothing of the picture."""

    found: Occlusion
    key: str
    seconds: float


def asked(now: Session, progress: gr.Progress) -> dict:
    """How the core is to tell of its progress, and when to give up."""
    return {"progress": _telling(progress), "cancelled": now.over.is_set}


def _telling(progress: gr.Progress):
    def tell(done: int, of: int) -> None:
        progress((done, of), desc="Hiding one tile after the other", unit="tiles")

    return tell


def shown_html(now: Session, known: Known, code: str) -> str:
    """The map with what has to be said beside it."""
    return about(now) + map_html(now, known.found, code) + all_in(known.seconds)


def map_html(now: Session, found: Occlusion, code: str) -> str:
    """The photograph under its tiles, each with the points by which hiding it changes the class."""
    label = code or now.diagnosis.top
    effect = found.effect(label)
    scale = max(FAINTEST, float(np.abs(effect).max(initial=0)))
    height, width = now.seen.shape[:2]
    tiles = "".join(
        _tile(i, found.names[i], box, now.seen.shape[:2], effect[i], scale, label) for i, box in enumerate(found.boxes)
    )
    name = esc(BY_CODE[label].name if label in BY_CODE else label)
    return (
        f'<p class="verdict">{esc(found.sentence(label))}</p>'
        f'<figure class="hide" style="aspect-ratio:{width}/{height}">'
        f'<img src="{_picture(now.seen)}" alt="The photograph"><div class="tiles" role="group" '
        f'aria-label="Tiles of the photograph; arrow keys move, Space marks">{tiles}</div></figure>'
        '<p><button type="button" class="hide-marked" disabled>Hide the marked part</button> '
        '<button type="button" class="clear-marked">Clear</button></p>'
        f"<p>A tile says by how many points of 100 the probability of {name} changes when it is hidden in the "
        "photograph and the model looks again: <b>positive, what lies there spoke for it</b>; negative, against it. "
        "Tiles without a number change it by less than half a point.</p>"
        f'<p class="legend"><i style="background:rgba({FOR},.75)"></i> spoke for it '
        f'<i style="background:rgba({AGAINST},.75)"></i> spoke against it; full colour: {100 * scale:.0f} points</p>'
    )


def beside_html(found: Occlusion, answer: str = "") -> str:
    """What stands beside the map: `answer`, HTML of `hidden_html`, or where it comes; and what hiding means."""
    awaited = '<p class="awaited">Here comes the answer with the marked part hidden.</p>'
    return (
        f"{answer or awaited}<p>Drag over the tiles, tap them, or use the arrow keys and Space, then hide what you "
        f'marked.</p><p class="fine">{esc(FILLINGS[found.fill][1])} Taking a region out of the list (Take away) '
        "changes far less: its features are pooled from maps that saw the whole picture, and self-attention has told "
        "the other regions what it knew. What is hidden here, nothing has seen.</p>"
    )


def hidden_html(diagnoser: Diagnoser, now: Session, found: Occlusion, code: str, fill: str, tiles) -> str:
    """The answer with these tiles hidden, beside the one as it is, and the picture that the model was shown.

    Raises ConfigError for tiles that are not on the screen.
    """
    label = code or now.diagnosis.top
    known = range(len(found.names))
    if not isinstance(tiles, list) or not tiles or any(type(t) is not int or t not in known for t in tiles):
        raise ConfigError("Mark at least one tile of the photograph first.")
    height, width = now.seen.shape[:2]
    mask = np.zeros((height, width), dtype=bool)
    for x1, y1, x2, y2 in found.boxes[tiles].round().astype(int):
        mask[y1:y2, x1:x2] = True
    result = occlude(diagnoser, now.seen, now.diagnosis.metadata, mask, fill)
    lesion = now.diagnosis.regions.on_size((height, width)).boxes[:1]
    picture = cover(now.seen, mask, filling(now.seen, fill, lesion[0] if len(lesion) else None))
    bars = before_after(result.labels, result.probabilities, result.hidden[0])
    return (
        f'<h3>With the marked part hidden</h3><p class="verdict" aria-live="polite">{esc(result.sentence(label))}</p>'
        f'<div class="two"><section>{bars}</section><section><figure class="hide">'
        f'<img src="{_picture(picture)}" alt="The photograph as the model was shown it, with the marked part hidden">'
        "<figcaption>What the model was shown.</figcaption></figure></section></div>"
    )


def _tile(i: int, name: str, box: np.ndarray, size: tuple[int, int], effect: float, scale: float, label: str) -> str:
    x1, y1, x2, y2 = box / np.array([size[1], size[0]] * 2) * 100
    colour = FOR if effect > 0 else AGAINST
    change = points(effect)
    number = f"<b>{esc(change)}</b>" if abs(effect) >= WORTH else ""
    said = f"{name}: {change} points for {label}"
    return (
        f'<button type="button" class="tile" data-tile="{i}" aria-pressed="false" tabindex="{-1 if i else 0}" '
        f'aria-label="{esc(said)}" title="{esc(said)}" style="left:{x1:.3f}%;top:{y1:.3f}%;width:{x2 - x1:.3f}%;'
        f'height:{y2 - y1:.3f}%;background:rgba({colour},{0.75 * abs(effect) / scale:.2f})">{number}</button>'
    )


def _picture(image: np.ndarray) -> str:
    return data_uri(encode_jpeg(image, 88), "jpeg")
