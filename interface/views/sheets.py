"""Paper for a class: the case on the screen as handout or worksheet, made in memory and sent to the page as it is."""

from collections.abc import Callable
from functools import partial

import gradio as gr

from mat_core import Diagnoser, UserError
from mat_core.bundle import Bundle
from mat_core.encoding import data_uri
from mat_core.explain import ablate, doubt, occlude
from mat_core.handout import MOST_TEXT, handout
from mat_core.worksheet import worksheet

from ..parts.answer import caveats
from ..parts.asking import about
from ..parts.safely import safely
from ..parts.text import note
from ..session import Session

NO_CASE = "There is no case to print: diagnose an image first."
OWN = "An image that was given to the page; whose it is has not been said."
PRIVATE = "A worksheet asks the class on its first page and answers on its second. Nothing of it is kept here."
# the bytes come as text in base64 and go to the browser's downloads, by an address of the page's own
SAVE = """(file) => { if (!file) return null;
    const bytes = Uint8Array.from(atob(file.uri.split(',')[1]), (letter) => letter.charCodeAt(0));
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([bytes], {type: file.uri.slice(5).split(';')[0]}));
    link.download = file.name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    return null; }"""


def build_sheets(diagnoser: Diagnoser, session: gr.State, label: gr.Dropdown) -> None:
    """Lay out the buttons that make a file of the case on the screen; `label` is the class in question."""
    with gr.Column(elem_id="sheets"):
        gr.HTML("<h2>On paper, for a class</h2>", apply_default_css=False, js_on_load=None)
        with gr.Row(elem_id="sheet-choices"):
            first = gr.Checkbox(
                False, label="Hide, take away and doubt first, where not yet asked (takes a while)",
                elem_id="sheet-asks", min_width=280, scale=3,
            )  # fmt: skip
            pdf = gr.Button("Handout (PDF)", size="sm", elem_id="handout-pdf", min_width=130)
            png = gr.Button("Handout (PNG)", size="sm", elem_id="handout-png", min_width=130)
            work = gr.Button("Worksheet (PDF)", size="sm", elem_id="worksheet-pdf", min_width=130)
        said = gr.HTML(f'<p class="fine">{PRIVATE}</p>', apply_default_css=False, js_on_load=None, elem_id="sheet-note")
        file = gr.JSON(visible=False)

    def printed(kind: str, format: str, now: Session | None, code: str, ask: bool, progress=gr.Progress()):
        if now is None:
            raise UserError(NO_CASE)
        if ask:
            ask_all(diagnoser, now, lambda share, text: progress(share, desc=text))
        sheet = kind == "worksheet"
        data = worksheet_of(now, code) if sheet else handout_of(diagnoser.bundle, now, code, format)
        return {"name": f"{kind}.{format}", "uri": data_uri(data, format)}, about(now)

    for button, *what in ((pdf, "handout", "pdf"), (png, "handout", "png"), (work, "worksheet", "pdf")):
        button.click(
            safely(partial(printed, *what), _told), [session, label, first], [file, said], show_progress="minimal",
            show_progress_on=[said], api_visibility="private",
        ).success(None, file, file, js=SAVE)  # fmt: skip


def ask_all(diagnoser: Diagnoser, now: Session, tell: Callable[[float, str], None]) -> None:
    """Ask what has not been asked about this answer yet. tell(share, text) is called as work goes on.

    Raises StoppedError when another answer takes its place meanwhile.
    """
    diagnosis, found = now.diagnosis, now.found
    if "taken" not in found:
        tell(0.02, "Taking parts away")
        found["taken"] = ablate(diagnoser, diagnosis.regions, diagnosis.metadata)
    if "doubted" not in found:
        tell(0.1, "Turning and mirroring")
        found["doubted"] = doubt(diagnoser, now.image(), diagnosis.metadata, diagnosis.regions)
    if "hidden" not in found:
        found["hidden"] = occlude(
            diagnoser, now.seen, diagnosis.metadata, cancelled=now.over.is_set,
            progress=lambda done, of: tell(0.3 + 0.7 * done / of, "Hiding one tile after the other"),
        )  # fmt: skip


def handout_of(bundle: Bundle, now: Session, label: str, format: str) -> bytes:
    """The file of the case, with all that has been found about it. label: the class in question, '' for the top one."""
    title, source = titles(now)
    return handout(
        now.diagnosis, now.image(), format, title=title, source=source, caveats=caveats(bundle), label=label or None,
        **now.found,
    )  # fmt: skip


def worksheet_of(now: Session, label: str) -> bytes:
    """The case as a worksheet with the usual questions."""
    (title, source), truth = titles(now), now.example.truth() if now.example else ""
    return worksheet(
        now.diagnosis, now.image(), title=title, source=source, truth=truth, label=label or None, **now.found
    )


def titles(now: Session) -> tuple[str, str]:
    """What the page is headed with, and whose the photograph is, as texts that find room."""
    example = now.example
    if example is None:
        return "", OWN
    return f"Case: {example.name}"[:MOST_TEXT], example.source()[:MOST_TEXT]


def _told(error: UserError) -> tuple[None, str]:
    return None, note(str(error))
