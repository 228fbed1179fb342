"""Text into HTML, safely."""

import html


def esc(text: object) -> str:
    """`text` as HTML that shows exactly this text, in content and in quoted attributes."""
    return html.escape(str(text))


def note(text: str, kind: str = "error") -> str:
    """A sentence beside the field it is about; kind: 'error' or 'info'. Screen readers say it at once."""
    role = "alert" if kind == "error" else "status"
    return f'<p class="note note-{kind}" role="{role}">{esc(text)}</p>'
