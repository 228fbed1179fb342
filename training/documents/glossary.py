"""docs/GLOSSARY.md, from the glossary that the page shows, too."""

from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "assets" / "texts" / "glossary.txt"


def glossary_text(source: Path = SOURCE) -> str:
    """The document. In the source, an indented line continues the meaning that stands above it."""
    entries: list[str] = []
    for line in source.read_text(encoding="utf-8").splitlines():
        if line.startswith(" "):
            entries[-1] += f" {line.strip()}"
        elif line:
            entries.append(line)
    listed = "".join(f"- **{term}**: {meaning.strip()}\n" for term, _, meaning in (e.partition(":") for e in entries))
    return (
        "# Glossary\n\nWritten by `python -m training report` from `assets/texts/glossary.txt`; do not edit. Page, "
        f"documents and messages use these words in this sense.\n\n{listed}"
    )
