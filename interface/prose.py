"""The page's longer texts, which are files in assets/texts/."""

from pathlib import Path

from .cases import REMEMBERED_CASES
from .session import FORGOTTEN_AFTER, IDLE

TEXTS = Path(__file__).resolve().parents[1] / "assets" / "texts"


def prose(file: str) -> str:
    """A text as it is written: HTML in a .html file."""
    return (TEXTS / file).read_text(encoding="utf-8")


def privacy() -> str:
    """What happens to an image, in one line of plain text, with the times that the app keeps to."""
    text = " ".join(prose("privacy.txt").split())
    return text.format(forgotten=FORGOTTEN_AFTER // 60, idle=IDLE // 60, cases=REMEMBERED_CASES)


def glossary() -> list[tuple[str, str]]:
    """Terms and what they mean, in alphabetical order; docs/GLOSSARY.md is made from the same file."""
    entries: list[str] = []
    for line in prose("glossary.txt").splitlines():
        if line.startswith(" "):
            entries[-1] += f" {line.strip()}"
        elif line:
            entries.append(line)
    return [(term, meaning.strip()) for term, _, meaning in (entry.partition(":") for entry in entries)]
