"""The page's longer texts, which are files in assets/texts/."""

import json
from dataclasses import asdict
from pathlib import Path

from teaching.glossary import entries, glossary
from teaching.paths import GLOSSARY

from ..server.upload_store import UPLOAD_TTL
from ..state.explorer_cases import MAX_CASES
from ..state.session import SESSION_TTL
from .html import escape
from .translations import Text, fill, language_codes, t, text

TEXTS = Path(__file__).resolve().parents[2] / "assets" / "texts"


def prose(file: str) -> str:
    """A text: HTML with its `{{keys}}` filled from the language files."""
    return fill((TEXTS / file).read_text(encoding="utf-8"))


def privacy() -> Text:
    """What happens to an image, with the times that the app keeps to."""
    return text("about.privacy-what", forgotten=UPLOAD_TTL // 60, idle=SESSION_TTL // 60, cases=MAX_CASES)


def glossary_html() -> str:
    """The glossary as a list that opens on demand."""
    terms = "".join(f"<dt>{escape(term)}</dt><dd>{escape(meaning)}</dd>" for term, meaning in glossary())
    return f'<details class="glossary"><summary>{t("view.words")}</summary><dl>{terms}</dl></details>'


def glossary_json() -> str:
    """Language -> the glossary with the forms in which its terms are explained on the page, for a script in it."""
    glossaries = {code: [asdict(entry) for entry in entries(GLOSSARY / f"{code}.txt")] for code in language_codes()}
    return json.dumps(glossaries, ensure_ascii=False).replace("<", "\\u003c")
