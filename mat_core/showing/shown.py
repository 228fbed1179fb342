"""What results inherit, so that a notebook shows them by themselves."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .picture import Picture


class Shown:
    """A result that says itself in a notebook; what that takes is loaded when it is first asked for."""

    def _repr_html_(self) -> str:
        """The sentence and the numbers as HTML that needs nothing else."""
        from .html import page
        from .views import view_of

        return page(view_of(self))


class Plotted(Shown):
    """A result about a class that is also a figure."""

    def plot(self, label: str | None = None) -> "Picture":
        """The same numbers as a figure; label: the class in question, a code (default: the result's own or the top).

        Raises ConfigError for a class that the model does not know, or that this was not computed for.
        """
        from .plots import figure_of
        from .views import view_of

        return figure_of(view_of(self, label))
