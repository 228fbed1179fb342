"""Texts of the page by key, see `teaching.translations`.

The server writes English and marks it with its key; the page puts the texts of another language in its place
(assets/page/translator.js). Keys `label.ID` and `placeholder.ID` are Gradio's label and placeholder of the component
with that elem_id, `option.VALUE` is a choice, `tab.ID` a tab.
"""

import html
import json
import re

from mat_core.data.labels import class_title, region_name
from teaching.translations import (
    ENGLISH,
    Text,
    key_attributes,
    language_codes,
    page_text,
    read_language,
    text,
    translate,
)

from .html import escape

__all__ = ["ENGLISH", "Text", "key_attributes", "language_codes", "page_text", "read_language", "text", "translate"]
NAME = "_name"
PLACE = re.compile(r"\{\{(?:([a-z-]+) )?([^{}]+)\}\}")


def t(key: str, **values: object) -> str:
    """The text of a key as HTML."""
    return text(key, **values).__html__()


def attribute(names: str, words: str) -> str:
    """An attribute of an element, e.g. `aria-label`, or several with the same text, 'aria-label title'.

    words: a Text, the key of one, or any other string; one call for each element.
    """
    if not isinstance(words, Text):
        words = text(words) if words in read_language(ENGLISH) else words
    plain = " ".join(f'{name}="{html.escape(str(words))}"' for name in names.split())
    if not isinstance(words, Text):
        return plain
    keys = " ".join(f"{name}:{words.key}" for name in names.split())
    values = page_text(words)["values"]
    return f'{plain} data-i18n-attributes="{keys}"' + (
        f' data-i18n-attribute-values="{html.escape(json.dumps(values))}"' if values else ""
    )


def named(value: str) -> Text | str:
    """A choice or a class by its English name, as a Text where the language files have it."""
    return text(f"option.{value}") if f"option.{value}" in read_language(ENGLISH) else value


def class_text(code: str) -> str:
    """A class by its full name, as `named` has it."""
    return named(class_title(code))


def region_text(kind: str) -> Text | str:
    """The name of a kind of region, as `named` has it."""
    name = region_name(kind)
    return text(f"kind.{name}") if f"kind.{name}" in read_language(ENGLISH) else named(name)


def numbered_region(index: int, kind: str) -> Text:
    """A region by its number, from 1, and its kind: '3 Border'."""
    return text("regions.named", n=int(index) + 1, name=region_text(kind))


def in_languages(texts: dict[str, str]) -> str:
    """A text that is data and has its translations beside it, by language, as HTML."""
    return f'<span data-i18n-texts="{escape(json.dumps(texts, ensure_ascii=False))}">{escape(texts[ENGLISH])}</span>'


def option(value: str) -> str:
    """The same as HTML."""
    return escape(named(value))


def language_select() -> str:
    """The field that chooses the language."""
    options = "".join(
        f'<option value="{code}" lang="{code}">{escape(read_language(code)[NAME])}</option>'
        for code in language_codes()
    )
    return f'<select id="language" {attribute("aria-label", "language")}>{options}</select>'


def language_meta() -> str:
    """What tells the page which languages there are, for its head."""
    return f'<meta name="languages" content="{" ".join(language_codes())}">'


def fill(template: str) -> str:
    """HTML with `{{key}}` for a text and `{{aria-label key}}` for an attribute."""
    return PLACE.sub(lambda found: attribute(found[1], found[2]) if found[1] else t(found[2]), template)
