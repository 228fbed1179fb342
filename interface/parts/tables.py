"""Plain tables, which a keyboard can scroll and a screen reader can walk through."""

from collections.abc import Iterable, Sequence

from .text import esc


def table(label: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """The first cell of a row names it. Cells are text, or HTML where they are of `Markup`."""
    columns = "".join(f'<th scope="col">{cell(name)}</th>' for name in head)
    body = "".join(
        f'<tr><th scope="row">{cell(first)}</th>{"".join(f"<td>{cell(value)}</td>" for value in rest)}</tr>'
        for first, *rest in rows
    )
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{esc(label)}"><table class="plain">'
        f"<thead><tr>{columns}</tr></thead><tbody>{body}</tbody></table></div>"
    )


class Markup(str):
    """Text that is HTML already, made by this app."""


def cell(value: object) -> str:
    """Text as it is written into a table."""
    return value if isinstance(value, Markup) else esc(value)


def details(summary: str, inside: str) -> str:
    """What opens on demand."""
    return f"<details><summary>{esc(summary)}</summary>{inside}</details>"
