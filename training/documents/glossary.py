"""docs/GLOSSARY.md, from the page's glossary."""

from pathlib import Path

from teaching.glossary import ENGLISH, glossary


def glossary_text(source: Path = ENGLISH) -> str:
    """The document."""
    listed = "".join(f"- **{term}**: {meaning}\n" for term, meaning in glossary(source))
    return (
        "# Glossary\n\nWritten by `python -m training report` from `teaching/data/glossary/en.txt`; do not edit. Page, "
        f"documents and messages use these words in this sense.\n\n{listed}"
    )
