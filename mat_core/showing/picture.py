"""A figure that a notebook shows by itself, whatever backend matplotlib has there."""

import io

from matplotlib.figure import Figure

DPI = 110  # of a screen


class Picture(Figure):
    """matplotlib's Figure, made without pyplot: nothing is left of it when it is gone."""

    def _repr_png_(self) -> bytes:
        """The bytes of a PNG file."""
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=DPI)
        return buffer.getvalue()
