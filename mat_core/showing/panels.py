"""What a result has to show, in numbers, before anyone decides whether it becomes a table or a figure."""

from dataclasses import dataclass

import numpy as np

MOST_BARS = 12


@dataclass(frozen=True)
class Bars:
    """values: (bars,), one for each of the names; spread: (bars,) around shares, or None.

    points: the values are differences of probabilities, shown in points; else `share`: from 0 to 1, shown in percent;
    else plain numbers. more: how many were left out.
    """

    title: str
    names: tuple[str, ...]
    values: np.ndarray
    spread: np.ndarray | None = None
    points: bool = False
    share: bool = True
    more: int = 0

    @property
    def top(self) -> float:
        """What the longest bar stands for: a share is one of 1, whatever the others are."""
        return 1.0 if self.share and not self.points else max(float(np.abs(self.values).max(initial=0)), 1e-9)

    def text(self, i: int) -> str:
        """The i-th value as it is written."""
        value = float(self.values[i])
        if self.points:
            return f"{100 * value:+.1f} points"
        if not self.share:
            return f"{value:.2f}"
        return f"{100 * value:.1f} %" + ("" if self.spread is None else f" ± {100 * float(self.spread[i]):.1f}")


@dataclass(frozen=True)
class Lines:
    """series: name -> (points,), over x: (points,), whose ticks may have names of their own."""

    title: str
    across: str
    x: np.ndarray
    series: dict[str, np.ndarray]
    ticks: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Grid:
    """values: (rows, columns). points: they are signed differences of probabilities; else shares from 0 to 1."""

    title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: np.ndarray
    points: bool = False

    def text(self, row: int, column: int) -> str:
        """One value as it is written."""
        value = 100 * float(self.values[row, column])
        return f"{value:+.1f}" if self.points else f"{value:.1f}"


@dataclass(frozen=True)
class View:
    """A result: what it is, what it says of itself, and its panels."""

    title: str
    sentence: str
    panels: tuple[Bars | Lines | Grid, ...]


def strongest(title: str, names: tuple[str, ...], values: np.ndarray, points: bool = False, share: bool = True) -> Bars:
    """Bars of the largest values, without their sign, at most MOST_BARS of them."""
    order = np.argsort(-np.abs(values), kind="stable")[:MOST_BARS]
    return Bars(
        title, tuple(names[i] for i in order), np.asarray(values)[order], None, points, share, len(values) - len(order)
    )
