"""Texts by key in every language: one JSON file a language in assets/languages/, of the page and the printouts.

A `Text` is English and knows its key, so that the page (assets/page/translator.js) or `translate` can write it in
another language. In a text, **these signs** emphasize. A further language is one file more.
"""

import functools
import html
import json
import re
from collections.abc import Callable

from mat_core import ConfigError
from mat_core.utils.validation import short_repr

from .paths import LANGUAGES

ENGLISH = "en"
# a number and its sign, or an interval: what is written differently in another language; as in assets/shared/i18n.js
_SIGNS = r"[\s\d.,%<>=+\u2212±→()\u2013/-]*"
_EMPHASIS = re.compile(r"\*\*(.+?)\*\*")
_NUMBER = re.compile(rf"{_SIGNS}(\d\.\d|\d%){_SIGNS}")


@functools.cache
def read_language(code: str) -> dict[str, str]:
    """Key -> text; `_name` is what the language calls itself, `_decimal` and `_percent` how it writes numbers."""
    return json.loads((LANGUAGES / f"{code}.json").read_text(encoding="utf-8"))


@functools.cache
def language_codes() -> tuple[str, ...]:
    """The languages, English first."""
    return tuple(sorted((path.stem for path in LANGUAGES.glob("*.json")), key=lambda code: (code != ENGLISH, code)))


def check_language(code: object) -> None:
    """Raise ConfigError for a language that there is no file of."""
    if code not in language_codes():
        raise ConfigError(f"language must be one of {', '.join(language_codes())}; got {short_repr(code)}.")


class Text(str):
    """An English text with its key. values: for its {braces}: numbers, strings, Texts, or lists of these."""

    key: str
    values: dict[str, object]

    def __str__(self) -> str:
        return self  # a plain copy would lose the key, e.g. in str(error)

    def __html__(self) -> str:
        shown = _EMPHASIS.sub(r"<strong>\1</strong>", html.escape(_fill(ENGLISH, self.key, self.values, str, "**")))
        return f"<span {key_attributes(self)}>{shown}</span>"


def text(key: str, **values: object) -> Text:
    """The text of a key with its {braces} filled. `key.one` or `key.other` by the number `n`, where there are these."""
    made = Text(_fill(ENGLISH, key, values, str))
    made.key, made.values = key, values
    return made


def key_attributes(words: Text) -> str:
    """The attributes by which the page translates an element that shows a Text."""
    values = f' data-i18n-values="{html.escape(json.dumps(_plain(words.values)))}"' if words.values else ""
    return f'data-i18n="{html.escape(words.key)}"{values}'


def translate(value: object, code: str) -> str:
    """A Text in a language; a number with that language's signs; anything else as it is."""
    if isinstance(value, Text):
        return _fill(code, value.key, value.values, lambda inner: translate(inner, code))
    words = str(value)
    return localize(words, code) if _NUMBER.fullmatch(words) else words


def localize(number: str, code: str) -> str:
    """A number written in English, such as '84.1%', with the decimal and percent signs of a language."""
    texts = read_language(code)
    number = re.sub(r"(?<=\d)\.(?=\d)", texts["_decimal"], number)
    return re.sub(r"(\d)%", lambda found: texts["_percent"].format(n=found[1]), number)


def page_text(value: str) -> object:
    """A Text as JSON from which the page's scripts make it in their language; another string as it is."""
    return {"key": value.key, "values": _plain(value.values)} if isinstance(value, Text) else value


def _fill(code: str, key: str, values: dict, write: Callable[[object], str], emphasis: str = "") -> str:
    texts = read_language(code)
    pattern = texts.get(key) or texts[f"{key}.{'one' if values['n'] == 1 else 'other'}"]
    shown = {
        name: ", ".join(map(write, value)) if isinstance(value, list | tuple) else write(value)
        for name, value in values.items()
    }
    return pattern.replace("**", emphasis).format(**shown)


def _plain(value: object) -> object:
    """Values as JSON."""
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, Text):
        return page_text(value)
    return value if isinstance(value, int | str) else str(value)
