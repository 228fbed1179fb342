"""The terms that page and documents explain: one file for each language in teaching/data/glossary/, in one order."""

import re
from dataclasses import dataclass
from pathlib import Path

from .paths import GLOSSARY

ENGLISH = GLOSSARY / "en.txt"
_HEAD = re.compile(r"(?P<term>[^\s\[(][^\[(]*?)(?P<short> \([^)]*\))?(?: \[(?P<forms>[^\]]*)\])?")


@dataclass(frozen=True)
class Entry:
    """A term and what it means. forms: how it stands in a sentence, in lower case; none where it is not explained."""

    term: str
    meaning: str
    forms: tuple[str, ...]


def entries(source: Path = ENGLISH) -> list[Entry]:
    """All terms in the file's order: 'Term: meaning', where an indented line continues the meaning above it.

    'Term [form, form]: meaning' names the forms that are explained where they stand on the page, '[]' none; without
    brackets they are the term and its plural. Raises ValueError for a line that is none of these.
    """
    lines: list[str] = []
    for line in source.read_text(encoding="utf-8").splitlines():
        if line.startswith(" ") and lines:
            lines[-1] += f" {line.strip()}"
        elif line:
            lines.append(line)
    return [_entry(line) for line in lines]


def glossary(source: Path = ENGLISH) -> list[tuple[str, str]]:
    """Terms and what they mean."""
    return [(entry.term, entry.meaning) for entry in entries(source)]


def _entry(line: str) -> Entry:
    head, colon, meaning = line.partition(":")
    found = _HEAD.fullmatch(head)
    if not colon or found is None:
        raise ValueError(f"The glossary has lines 'Term: meaning' and 'Term [form, form]: meaning'; got {line[:60]!r}.")
    term, forms = found["term"], found["forms"]
    if forms is None:
        forms = f"{term},{term}s".lower()
    named = tuple(form.strip() for form in forms.split(",") if form.strip())
    return Entry(term + (found["short"] or ""), meaning.strip(), named)
