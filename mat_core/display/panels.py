"""Content of a result's view, independent of HTML and matplotlib."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..errors import ConfigError
from ..utils.formatting import (
    format_cell_percent,
    format_change,
    format_percent,
    format_points,
    format_signed,
    format_spread,
)

MAX_BARS = 12
Kind = Literal["share", "points", "signed"]


@dataclass(frozen=True)
class Bars:
    """A bar chart. values: (bars,); spread: (bars,) or None; more: number of bars left out.

    kind: 'share', 0 to 1, in percent; 'points', differences of shares; 'signed', e.g. log-odds.
    """

    title: str
    names: tuple[str, ...]
    values: np.ndarray
    spread: np.ndarray | None = None
    kind: Kind = "share"
    more: int = 0

    @property
    def top(self) -> float:
        """The value of the longest possible bar; 1 for shares."""
        return 1.0 if self.kind == "share" else max(float(np.abs(self.values).max(initial=0)), 1e-9)

    def text(self, i: int) -> str:
        """The i-th value, formatted."""
        value = float(self.values[i])
        if self.kind == "points":
            return format_change(value)
        if self.kind == "signed":
            return format_signed(value)
        return format_percent(value) + ("" if self.spread is None else f" ± {format_spread(float(self.spread[i]))}")


@dataclass(frozen=True)
class Lines:
    """A line chart. series: name -> (points,); x: (points,); ticks: names of x."""

    title: str
    across: str
    x: np.ndarray
    series: dict[str, np.ndarray]
    ticks: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Grid:
    """A heatmap. values: (rows, columns). kind: 'share', 0 to 1, or 'points', differences of shares."""

    title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: np.ndarray
    kind: Kind = "share"

    def text(self, row: int, column: int) -> str:
        """One value, formatted."""
        value = float(self.values[row, column])
        return format_points(value) if self.kind == "points" else format_cell_percent(value)


Panel = Bars | Lines | Grid


@dataclass(frozen=True)
class ResultView:
    """What a result displays."""

    title: str
    summary: str
    panels: tuple[Panel, ...]


def top_bars(title: str, names: tuple[str, ...], values: np.ndarray, kind: Kind = "share") -> Bars:
    """Bars of the at most MAX_BARS values with the largest magnitude."""
    order = np.argsort(-np.abs(values), kind="stable")[:MAX_BARS]
    return Bars(title, tuple(names[i] for i in order), np.asarray(values)[order], None, kind, len(values) - len(order))


def class_index(labels: tuple[str, ...], values: np.ndarray, label: str | None) -> int:
    """Index of `label`, or of the largest value if None. Raises ConfigError for an unknown label."""
    if label is not None and label not in labels:
        raise ConfigError(f"The class must be one of {', '.join(labels)}; got {label!r}.")
    return int(np.argmax(values)) if label is None else labels.index(label)


def check_class(computed: str, label: str | None) -> None:
    """Raise ConfigError if `label` is not the class that a result was computed for."""
    if label not in (None, computed):
        raise ConfigError(f"This was computed for {computed}; compute it again with label={label!r}.")
