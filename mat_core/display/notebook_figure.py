"""A matplotlib figure that notebooks display with any backend."""

import io

from matplotlib.figure import Figure

DPI = 110  # of a screen


class NotebookFigure(Figure):
    """A Figure without pyplot and its global state."""

    def _repr_png_(self) -> bytes:
        """PNG bytes."""
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=DPI)
        return buffer.getvalue()
