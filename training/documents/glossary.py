"""docs/GLOSSARY.md, from the glossary that the page shows, too."""

from pathlib import Path

from mat_core.glossary import GLOSSARY_FILE, glossary


def glossary_text(source: Path = GLOSSARY_FILE) -> str:
    """The document."""
    listed = "".join(f"- **{term}**: {meaning}\n" for term, meaning in glossary(source))
    return (
        "# Glossary\n\nWritten by `python -m training report` from `assets/texts/glossary.txt`; do not edit. Page, "
        f"documents and messages use these words in this sense.\n\n{listed}"
    )
