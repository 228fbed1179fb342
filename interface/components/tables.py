"""Plain tables, accessible by keyboard and screen reader."""

from collections.abc import Iterable, Sequence

from ..frontend.html import escape
from ..frontend.translations import attribute, text


def table(label: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """The first cell of a row names it. Cells are text, or HTML where they are of `Markup`."""
    columns = "".join(f'<th scope="col">{cell(name)}</th>' for name in head)
    body = "".join(
        f'<tr><th scope="row">{cell(first)}</th>{"".join(f"<td>{cell(value)}</td>" for value in rest)}</tr>'
        for first, *rest in rows
    )
    return scroll(label, f'<table class="plain"><thead><tr>{columns}</tr></thead><tbody>{body}</tbody></table>')


class Markup(str):
    """Text that is HTML already, made by this app."""


def cell(value: object) -> str:
    """Text as it is written into a table."""
    return value if isinstance(value, Markup) else escape(value)


def scroll(label: str, content: str) -> str:
    """A box that scrolls sideways; focusable, as a keyboard scrolls only what it can focus."""
    return f'<div class="scroll" tabindex="0" role="region" {attribute("aria-label", label)}>{content}</div>'


def details(summary: str, content: str) -> str:
    """Content behind a summary."""
    return f"<details><summary>{escape(summary)}</summary>{content}</details>"


def numbers_table(label: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """The numbers behind a plot, as a table behind a summary."""
    return details(text("view.numbers"), table(label, head, rows))
