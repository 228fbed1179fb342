"""Text into HTML, safely."""

import html


def escape(text: object) -> str:
    """`text` as HTML that shows exactly this text, in content and in quoted attributes.

    What has `__html__`, as `languages.Text`, writes its own HTML, which is for content alone.
    """
    return text.__html__() if hasattr(text, "__html__") else html.escape(str(text))


def note(text: str, kind: str = "error") -> str:
    """A sentence beside the field it is about; kind: 'error' or 'info'. Screen readers say it at once."""
    role = "alert" if kind == "error" else "status"
    return f'<p class="note note-{kind}" role="{role}">{escape(text)}</p>'
