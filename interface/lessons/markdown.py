"""Render a lesson's Markdown as HTML or as paragraphs, with `{{ name }}` replaced by values.

HTML in it is shown as text and images are not fetched, so that files from others are harmless.
"""

import re
from collections.abc import Callable

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from ..frontend.html import escape

VALUE = re.compile(r"\{\{\s*([^{}\n]{0,80}?)\s*\}\}")


def _value(state: StateInline, silent: bool) -> bool:
    """Parse `{{ name }}` as a token."""
    found = VALUE.match(state.src, state.pos)
    if found is None:
        return False
    if not silent:
        state.push("value", "", 0).content = found[1]
    state.pos = found.end()
    return True


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).disable(["image", "html_inline", "html_block"])
    parser.inline.ruler.before("text", "value", _value)
    parser.add_render_rule("value", lambda self, tokens, at, options, env: env["evaluate"](tokens[at].content))
    return parser


_PARSER = _parser()


def tokens(source: str) -> list[Token]:
    """The blocks of a text."""
    return _PARSER.parse(source)


def values_in(source: str) -> list[str]:
    """The names in `{{ }}`."""
    return [token.content for block in tokens(source) for token in block.children or () if token.type == "value"]


def to_paragraphs(source: str, evaluate: Callable[[str], str]) -> tuple[str, ...]:
    """The paragraphs of a text for printing, list items with their marks. evaluate: as in `to_html`."""
    paragraphs: list[str] = []
    mark, numbers = "", [0]
    for token in tokens(source):
        if token.type in ("bullet_list_open", "ordered_list_open"):
            numbers.append(int(token.attrGet("start") or 1) - 1 if token.type.startswith("ordered") else -1)
        elif token.type in ("bullet_list_close", "ordered_list_close"):
            numbers.pop()
        elif token.type == "list_item_open":
            numbers[-1] += numbers[-1] >= 0
            mark = f"{numbers[-1]}. " if numbers[-1] >= 0 else "\N{BULLET} "
        elif token.type in ("inline", "fence", "code_block"):
            text = "".join(_plain(child, evaluate) for child in token.children or ()) or token.content
            paragraphs.append(mark + " ".join(text.split()))
            mark = ""
    return tuple(paragraphs)


def _plain(token: Token, evaluate: Callable[[str], str]) -> str:
    if token.type == "value":
        return evaluate(token.content)
    marks = {"softbreak": " ", "hardbreak": " ", "em_open": '"', "em_close": '"'}
    return marks.get(token.type, token.content)


def to_html(source: str, evaluate: Callable[[str], str]) -> str:
    """HTML of a text. evaluate: name of a value -> plain text in its place."""
    return _PARSER.render(source, {"evaluate": lambda name: f'<b class="ls-value">{escape(evaluate(name))}</b>'})
