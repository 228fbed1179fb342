"""The metadata form, and the very words that the model will read."""

from itertools import groupby

import gradio as gr

from mat_core import Diagnoser, Metadata, Word
from mat_core.metadata import LOCALIZATIONS, OLDEST_AGE_READ, SEXES

UNKNOWN = "unknown"
SITES = [UNKNOWN, *(site for site in LOCALIZATIONS if site != UNKNOWN)]


def build_form(metadata: Metadata) -> list[gr.components.Component]:
    """Age, sex and localization, filled with `metadata`. No limits on the widgets: Metadata says what is allowed."""
    with gr.Row():
        age = gr.Number(metadata.age, label="Age", placeholder="unknown", elem_id="age", min_width=64, scale=1)
        sex = gr.Radio(
            [UNKNOWN, *SEXES], value=metadata.sex or UNKNOWN, label="Sex", elem_id="sex", min_width=200, scale=4
        )
    localization = gr.Dropdown(
        SITES, value=metadata.localization or UNKNOWN, label="Localization", elem_id="localization"
    )
    return [age, sex, localization]


def form_values(metadata: Metadata) -> list:
    """The values of the form's fields for `metadata`, in their order."""
    return [metadata.age, metadata.sex or UNKNOWN, metadata.localization or UNKNOWN]


def words_html(diagnoser: Diagnoser, metadata: Metadata) -> str:
    """The words as chips, one group a field."""
    words = diagnoser.words(metadata)
    if "words" not in diagnoser.bundle.network.config.modalities:
        body = '<span class="none">no words: its unit looks at the image alone</span>'
    elif not words:
        body = '<span class="none">none: all metadata is unknown</span>'
    else:
        body = "".join(_group(field, list(members)) for field, members in groupby(words, key=lambda word: word.field))
    older = any(word.field == "age" for word in words) and metadata.age > OLDEST_AGE_READ
    capped = f'<p class="fine">Read as {OLDEST_AGE_READ}, the oldest age the model knows.</p>' if older else ""
    return f'<div class="words" aria-live="polite"><span class="label">The model reads</span>{body}</div>{capped}'


def _group(field: str, words: list[Word]) -> str:
    chips = " ".join(f'<span class="chip">{word.text}</span>' for word in words)
    return f'<span class="group" data-field="{field}">{chips}</span>'
