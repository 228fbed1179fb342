"""The values that a lesson may quote: by name, computed from the case, never written."""

import re

from .about_answer import ABOUT_ANSWER
from .about_attention import ABOUT_ATTENTION
from .about_change import ABOUT_CHANGE
from .known import Known
from .named import Named, Value, said

NAMES: dict[str, Named] = {**ABOUT_ANSWER, **ABOUT_ATTENTION, **ABOUT_CHANGE}


def value_of(name: str, known: Known) -> Value:
    """The value of this name, which is one of `NAMES`, of a case."""
    return said(NAMES[name], known)


def table() -> str:
    """All of them as the table of docs/LESSONS.md; names that differ in a number share a row."""
    rows = {}
    for name, named in NAMES.items():
        number = re.search(r"\d+", name)
        short = name if number is None else name.replace(number[0], "N", 1)
        meaning = named.meaning if number is None else named.meaning.replace(number[0], "N")
        kind = f"one of {', '.join(named.choices)}" if named.choices else named.kind
        rows.setdefault(short, f"| `{short}` | {meaning} | {kind} |")
    return "\n".join(["| value | what it is | kind |", "| --- | --- | --- |", *rows.values()])
