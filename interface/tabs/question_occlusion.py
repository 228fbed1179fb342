"""Tab Hide of Question: occlude parts of the photograph and run the model again."""

from collections.abc import Callable
from dataclasses import dataclass

import gradio as gr
import numpy as np

from mat_core import ConfigError, Diagnoser
from mat_core.data.image_encoding import data_uri, encode_jpeg
from mat_core.display.colors import AGAINST, FOR, rgb
from mat_core.explain import FILLS, Occlusion, occlude, refine_grid
from mat_core.explain.occlusion_fill import fill_image, paste
from mat_core.utils.formatting import format_of_100, format_points
from teaching.sentences import occlusion_text, part_text

from ..components.bar_charts import before_after
from ..components.error_handling import with_error_messages
from ..components.stale_notice import NO_CASE, stale_notice
from ..components.timing import progress_options, timed, total_time_html
from ..frontend.html import escape
from ..frontend.scripts import on_load
from ..frontend.translations import attribute, class_text, t, text
from ..state.session import Session
from .base import WITH_ADDRESS_JS, case_html, refresh_trigger, tag_with_case

ADDRESS = "hide"
FAINTEST = 0.05  # change that has full colour at least: a map of nothing must not look like one of something
WORTH = 0.005  # change from which on a tile carries its number


def build_occlusion(diagnoser: Diagnoser, session: gr.State, label: gr.Dropdown, outer: gr.Tab) -> None:
    """Lay out the tab inside tab `outer`. label: target class.

    It updates like the views of `base.wire_case_views`, but in its own events, as it shows progress.
    """
    with gr.Tab("Hide", id=ADDRESS) as tab:
        fill = gr.Radio(
            [(text(f"option.{kind}"), kind) for kind in FILLS],
            value=FILLS[0],
            label="What takes its place",
            elem_id="hide-fill",
        )
        finer = gr.Button("Look finer where it mattered", size="sm", elem_id="ask-finer")
        with gr.Row(elem_id="hiding"):
            with gr.Column(min_width=320):
                shown = gr.HTML(
                    "", js_on_load=on_load("occlusion/tile_grid.js", "mountTileGrid(element, trigger)"),
                    apply_default_css=False, elem_id="hiding-view", elem_classes="of-case",
                )  # fmt: skip
            with gr.Column(min_width=320):
                hidden = case_html(elem_id="hidden-view")
        state = gr.State(None)  # the OcclusionState on the screen
        where = gr.Textbox(visible=False)
        trigger = refresh_trigger(session, ADDRESS, events=[label.change, tab.select, outer.select])

    def update(session, where: str, code: str, fill_kind: str, previous, progress=gr.Progress()):
        if where != ADDRESS:
            return skipped
        if session is None:
            return tag_with_case(None, NO_CASE), tag_with_case(None, ""), None
        if is_current(session, previous, fill_kind):
            html = occlusion_html(session, previous, code), effects_html(previous.results)
            return *(tag_with_case(session, part, code) for part in html), previous
        image, metadata, options = (
            session.detector_image,
            session.diagnosis.metadata,
            progress_options(session, progress),
        )
        return render(session, code, lambda: occlude(diagnoser, image, metadata, fill=fill_kind, **options))

    def refine(session, where: str, code: str, fill_kind: str, previous, progress=gr.Progress()):
        if not is_current(session, previous, fill_kind):
            return update(session, ADDRESS, code, fill_kind, previous, progress)
        inputs = session.detector_image, previous.results, code or session.diagnosis.top, session.diagnosis.metadata
        return render(session, code, lambda: refine_grid(diagnoser, *inputs, **progress_options(session, progress)))

    def is_current(session: Session | None, previous: OcclusionState | None, fill_kind: str | None = None) -> bool:
        """Whether `previous` is about this case and, if given, this fill."""
        if session is None or previous is None or previous.key != session.key:
            return False
        return fill_kind in (None, previous.results.fill)

    def render(session: Session, code: str, compute: Callable[[], Occlusion]) -> tuple:
        """The three outputs of a computation; nothing where the case was replaced meanwhile."""
        states: list[OcclusionState] = []

        def view() -> str:
            result, seconds = timed(compute)
            session.results["hidden"] = result
            states.append(OcclusionState(result, session.key, seconds))
            return occlusion_html(session, states[0], code)

        html = with_error_messages(view)()
        if session.cancelled.is_set():
            return skipped
        effects = effects_html(states[0].results) if states else ""
        return tag_with_case(session, html, code), tag_with_case(session, effects, code), states[0] if states else None

    def hide(session, where: str, code: str, fill_kind: str, previous, event: gr.EventData):
        if not is_current(session, previous):
            return tag_with_case(session, "")
        tiles = event._data.get("tiles") if isinstance(event._data, dict) else None

        def view() -> str:
            html, seconds = timed(
                lambda: hidden_tiles_html(diagnoser, session, previous.results, code, fill_kind, tiles)
            )
            return html + total_time_html(seconds)

        return tag_with_case(session, effects_html(previous.results, with_error_messages(view)()), code)

    skipped = (gr.skip(),) * 3
    inputs, outputs = [session, where, label, fill, state], [shown, hidden, state]
    options = {"js": WITH_ADDRESS_JS, "api_visibility": "private", "show_progress": "full"}
    last = {"show_progress_on": [shown], "trigger_mode": "always_last"}
    gr.on([trigger.change, fill.input], update, inputs, outputs, **last, **options)
    finer.click(refine, inputs, outputs, show_progress_on=[shown], **options)
    shown.click(hide, inputs, hidden, show_progress_on=[hidden], **options | {"show_progress": "minimal"})


@dataclass(frozen=True)
class OcclusionState:
    """An Occlusion with the key of its case and the seconds it took."""

    results: Occlusion
    key: str
    seconds: float


def occlusion_html(session: Session, state: OcclusionState, code: str) -> str:
    """The map with its notices and its time."""
    return stale_notice(session) + map_html(session, state.results, code) + total_time_html(state.seconds)


def map_html(session: Session, result: Occlusion, code: str) -> str:
    """The photograph under its tiles, each with the points by which hiding it changes the class."""
    label = code or session.diagnosis.top
    effect = result.effect(label)
    scale = max(FAINTEST, float(np.abs(effect).max(initial=0)))
    height, width = session.detector_image.shape[:2]
    tiles = "".join(
        _tile(i, result.names[i], box, session.detector_image.shape[:2], effect[i], scale, label)
        for i, box in enumerate(result.boxes)
    )
    name, full = class_text(label), t("hide.full-colour", n=format_of_100(scale))
    return (
        f'<p class="verdict">{escape(occlusion_text(result, label))}</p>'
        f'<figure class="hide" style="aspect-ratio:{width}/{height}">'
        f'<img src="{_picture(session.detector_image)}" {attribute("alt", "hide.photograph")}>'
        f'<div class="tiles" role="group" {attribute("aria-label", "hide.tiles")}>{tiles}</div></figure>'
        f'<p><button type="button" class="hide-marked" disabled>{t("hide.marked")}</button> '
        f'<button type="button" class="clear-marked">{t("hide.clear")}</button></p>'
        f"<p>{t('hide.tile-says', name=name)}</p>"
        f'<p class="legend"><i style="background:rgba({rgb(FOR)},.75)"></i> {t("away.for")} <i style="background:'
        f'rgba({rgb(AGAINST)},.75)"></i> {t("away.against")}; {full}</p>'
    )


def effects_html(result: Occlusion, answer: str = "") -> str:
    """What stands beside the map: `answer`, HTML of `hidden_tiles_html`, or where it comes; and what hiding means."""
    awaited = f'<p class="awaited">{t("hide.awaited")}</p>'
    meaning = f"{t(f'hide.question.{result.fill}')} {t('hide.less')}"
    return f'{answer or awaited}<p>{t("hide.how")}</p><p class="fine">{meaning}</p>'


def hidden_tiles_html(diagnoser: Diagnoser, session: Session, result: Occlusion, code: str, fill: str, tiles) -> str:
    """The answer with these tiles hidden, beside the one as it is, and the picture that the model was shown.

    Raises ConfigError for tiles that are not on the screen.
    """
    label = code or session.diagnosis.top
    state = range(len(result.names))
    if not isinstance(tiles, list) or not tiles or any(type(t) is not int or t not in state for t in tiles):
        raise ConfigError(text("hide.mark-first"))
    height, width = session.detector_image.shape[:2]
    mask = np.zeros((height, width), dtype=bool)
    for x1, y1, x2, y2 in result.boxes[tiles].round().astype(int):
        mask[y1:y2, x1:x2] = True
    hidden_result = occlude(diagnoser, session.detector_image, session.diagnosis.metadata, mask, fill)
    lesion = session.diagnosis.regions.rescaled_to((height, width)).boxes[:1]
    picture = paste(
        session.detector_image, mask, fill_image(session.detector_image, fill, lesion[0] if len(lesion) else None)
    )
    bars = before_after(hidden_result.labels, hidden_result.probabilities, hidden_result.hidden[0])
    return (
        f"<h3>{t('hide.with')}</h3>"
        f'<p class="verdict" aria-live="polite">{escape(occlusion_text(hidden_result, label))}</p>'
        f'<div class="two"><section>{bars}</section><section><figure class="hide">'
        f'<img src="{_picture(picture)}" {attribute("alt", "hide.as-shown")}>'
        f"<figcaption>{t('hide.seen')}</figcaption></figure></section></div>"
    )


def _tile(i: int, name: str, box: np.ndarray, size: tuple[int, int], effect: float, scale: float, label: str) -> str:
    x1, y1, x2, y2 = box / np.array([size[1], size[0]] * 2) * 100
    color = rgb(FOR if effect > 0 else AGAINST)
    change = format_points(effect)
    number = f"<b>{escape(change)}</b>" if abs(effect) >= WORTH else ""
    label_text = text("hide.tile-label", part=part_text(name), change=change, name=class_text(label))
    return (
        f'<button type="button" class="tile" data-tile="{i}" aria-pressed="false" tabindex="{-1 if i else 0}" '
        f"{attribute('aria-label title', label_text)} "
        f'style="left:{x1:.3f}%;top:{y1:.3f}%;width:{x2 - x1:.3f}%;height:{y2 - y1:.3f}%;'
        f'background:rgba({color},{0.75 * abs(effect) / scale:.2f})">{number}</button>'
    )


def _picture(image: np.ndarray) -> str:
    return data_uri(encode_jpeg(image, 88), "jpeg")
