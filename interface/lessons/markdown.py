"""A lesson's Markdown: what it is made of, and as HTML with the values of a case in their places.

Markup of HTML in it is text, and no picture is fetched: a teacher's file is as harmless as our own.
"""

import re
from collections.abc import Callable

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from ..parts.text import esc

VALUE = re.compile(r"\{\{\s*([^{}\n]{0,80}?)\s*\}\}")


def _value(state: StateInline, silent: bool) -> bool:
    """`{{ name }}` as a token of its own."""
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
    parser.add_render_rule("value", lambda self, tokens, at, options, env: env["say"](tokens[at].content))
    return parser


_PARSER = _parser()


def tokens(source: str) -> list[Token]:
    """The blocks of a text, each with the lines that it stands on, from 0."""
    return _PARSER.parse(source)


def values_in(source: str) -> list[tuple[int, str]]:
    """The names in `{{ }}`, each with the line, from 0, on which its paragraph begins."""
    return [
        (block.map[0] if block.map else 0, token.content)
        for block in tokens(source)
        for token in block.children or ()
        if token.type == "value"
    ]


def to_paragraphs(source: str, say: Callable[[str], str]) -> tuple[str, ...]:
    """The paragraphs of a text as they are printed, an item of a list with its mark. say: as `to_html` takes it."""
    found: list[str] = []
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
            said = "".join(_printed(child, say) for child in token.children or ()) or token.content
            found.append(mark + " ".join(said.split()))
            mark = ""
    return tuple(found)


def _printed(token: Token, say: Callable[[str], str]) -> str:
    if token.type == "value":
        return say(token.content)
    marks = {"softbreak": " ", "hardbreak": " ", "em_open": '"', "em_close": '"'}
    return marks.get(token.type, token.content)


def to_html(source: str, say: Callable[[str], str]) -> str:
    """HTML of a text. say: name of a value -> what stands in its place, plain text."""
    return _PARSER.render(source, {"say": lambda name: f'<b class="ls-value">{esc(say(name))}</b>'})
