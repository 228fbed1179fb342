"""The page's longer texts, which are files in assets/texts/."""

import json
from dataclasses import asdict
from pathlib import Path

from mat_core.glossary import entries, glossary

from .cases import REMEMBERED_CASES
from .parts.text import esc
from .session import FORGOTTEN_AFTER, IDLE

TEXTS = Path(__file__).resolve().parents[1] / "assets" / "texts"


def prose(file: str) -> str:
    """A text as it is written: HTML in a .html file."""
    return (TEXTS / file).read_text(encoding="utf-8")


def privacy() -> str:
    """What happens to an image, in one line of plain text, with the times that the app keeps to."""
    text = " ".join(prose("privacy.txt").split())
    return text.format(forgotten=FORGOTTEN_AFTER // 60, idle=IDLE // 60, cases=REMEMBERED_CASES)


def glossary_html() -> str:
    """The glossary as a list that opens on demand."""
    terms = "".join(f"<dt>{esc(term)}</dt><dd>{esc(meaning)}</dd>" for term, meaning in glossary())
    return f'<details class="glossary"><summary>Words used here</summary><dl>{terms}</dl></details>'


def glossary_json() -> str:
    """The glossary with the forms in which its terms are explained where they stand; fit for a script in a page."""
    return json.dumps([asdict(entry) for entry in entries()]).replace("<", "\\u003c")
