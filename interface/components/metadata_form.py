"""The metadata form, the words that the model reads, and metadata as text."""

from itertools import groupby

import gradio as gr

from mat_core import Diagnoser, Metadata, Word
from mat_core.data.metadata import LOCALIZATIONS, OLDEST_AGE_READ, SEXES
from teaching.sentences import value_text

from ..frontend.translations import Text, t, text

UNKNOWN = "unknown"
FIELD_NAMES = ("age", "sex", "localization")
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


def metadata_text(metadata: Metadata) -> str:
    """E.g. '55, female, back'; '' where all is unknown."""
    known = [value_text(value) for value in (metadata.age, metadata.sex, metadata.localization) if value is not None]
    return text("list", items=known) if known else ""


def metadata_changes(old: Metadata, new: Metadata) -> list[Text]:
    """E.g. 'age 40 to 70' for each field that differs."""
    pairs = {name: (getattr(old, name), getattr(new, name)) for name in FIELD_NAMES}
    return [
        text("change.field", field=text(f"field.{name}"), old=value_text(a), new=value_text(b))
        for name, (a, b) in pairs.items()
        if a != b
    ]


def metadata_list(metadata: Metadata) -> list[Text]:
    """E.g. 'age 70' for each field that is known."""
    known = {name: getattr(metadata, name) for name in FIELD_NAMES}
    return [
        text("change.is", field=text(f"field.{name}"), new=value_text(value))
        for name, value in known.items()
        if value is not None
    ]


def words_html(diagnoser: Diagnoser, metadata: Metadata) -> str:
    """The words as chips, one group a field."""
    words = diagnoser.words(metadata)
    if "words" not in diagnoser.bundle.network.config.modalities:
        body = '<span class="none">' + t("form.image-alone") + "</span>"
    elif not words:
        body = f'<span class="none">{t("form.none")}</span>'
    else:
        body = "".join(_group(field, list(members)) for field, members in groupby(words, key=lambda word: word.field))
    older = any(word.field == "age" for word in words) and metadata.age > OLDEST_AGE_READ
    capped = f'<p class="fine">{t("form.oldest", n=OLDEST_AGE_READ)}</p>' if older else ""
    return f'<div class="words" aria-live="polite"><span class="label">{t("form.reads")}</span>{body}</div>{capped}'


def _group(field: str, words: list[Word]) -> str:
    chips = " ".join(f'<span class="chip">{word.text}</span>' for word in words)
    return f'<span class="group" data-field="{field}">{chips}</span>'
