"""Base class of results, which notebooks display."""

from typing import TYPE_CHECKING

from .html import render_html
from .panels import ResultView

if TYPE_CHECKING:
    from .notebook_figure import NotebookFigure


class NotebookResult:
    """A result that notebooks display by its `view`."""

    def view(self, label: str | None = None) -> ResultView:
        """Title, summary and panels. label: code of the target class; None: the result's own, or the top class.

        Raises ConfigError for an unknown class, or one that this was not computed for.
        """
        raise NotImplementedError

    def _repr_html_(self) -> str:
        """Self-contained HTML."""
        return render_html(self.view())

    def plot(self, label: str | None = None) -> "NotebookFigure":
        """The view as a figure; label, errors: as in `view`."""
        from .plots import plot_view  # importing matplotlib takes half a second

        return plot_view(self.view(label))
