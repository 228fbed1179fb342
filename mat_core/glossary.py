"""The words that page, documents and messages share, in one file for all of them."""

from pathlib import Path

GLOSSARY_FILE = Path(__file__).resolve().parents[1] / "assets" / "texts" / "glossary.txt"


def glossary(source: Path = GLOSSARY_FILE) -> list[tuple[str, str]]:
    """Terms and what they mean, in the file's order; an indented line continues the meaning above it."""
    entries: list[str] = []
    for line in source.read_text(encoding="utf-8").splitlines():
        if line.startswith(" "):
            entries[-1] += f" {line.strip()}"
        elif line:
            entries.append(line)
    return [(term, meaning.strip()) for term, _, meaning in (entry.partition(":") for entry in entries)]
