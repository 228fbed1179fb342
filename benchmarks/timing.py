"""Time work: warmed up, ways in turns, medians with spread; the rows of a table.

torch.utils.benchmark times one statement after the other; here the ways of one benchmark take turns, so that a machine
that is busy with something else is unfair to none of them.
"""

import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch

FEWEST, MOST = 3, 200  # repeats of a way
WARM_UP = 2

Work = Callable[[], object]


@dataclass(frozen=True)
class Row:
    """One line of the table. values: what was measured, at least one; unit: of each; more: named numbers beside it."""

    name: str
    values: tuple[float, ...]
    unit: str = "ms"
    more: Mapping[str, float | str] = field(default_factory=dict)

    @property
    def median(self) -> float:
        """Of the values."""
        return float(np.median(self.values))

    @property
    def quartiles(self) -> tuple[float, float]:
        """The range that the middle half of the values lies in."""
        low, high = np.percentile(self.values, (25, 75))
        return float(low), float(high)

    def to_dict(self) -> dict:
        """For JSON: the median, the quartiles, every value and what is beside them."""
        low, high = self.quartiles
        return {
            "name": self.name, "unit": self.unit, "median": self.median, "quartiles": [low, high],
            "values": list(self.values), **self.more,
        }  # fmt: skip


@dataclass(frozen=True)
class Skipped:
    """A benchmark that could not be run here, and why."""

    name: str
    reason: str


def measure(ways: Mapping[str, Work], seconds: float, fewest: int = FEWEST, warm_up: int = WARM_UP) -> dict[str, Row]:
    """Milliseconds of each way. They take turns, so that whatever else the machine does meets all of them alike.

    seconds: that each way is given, at least; `fewest` repeats are made whatever they take.
    """
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for work in ways.values():
        for _ in range(warm_up):
            work()
    gc.collect()
    begun = time.perf_counter()
    while min(map(len, taken.values())) < fewest or (
        time.perf_counter() - begun < seconds * len(ways) and len(next(iter(taken.values()))) < MOST
    ):
        for name, work in ways.items():
            start = time.perf_counter()
            work()
            taken[name].append(1000 * (time.perf_counter() - start))
    return {name: Row(name, tuple(values)) for name, values in taken.items()}


def with_rate(row: Row, flops: float, peak: float | None = None) -> Row:
    """The row with the GFLOP/s of its median, and their share of `peak`, in GFLOP/s, where that was measured."""
    rate = flops / row.median / 1e6
    share = {"of peak": round(rate / peak, 3)} if peak else {}
    return Row(row.name, row.values, row.unit, {**row.more, "GFLOP/s": round(rate, 1), **share})


def with_gain(row: Row, against: Row) -> Row:
    """The row with how many times as fast as another of the same run it is."""
    gain = round(against.median / row.median, 2)
    return Row(row.name, row.values, row.unit, {**row.more, f"times {against.name}": gain})


def table(rows: list[Row]) -> list[str]:
    """Lines for a terminal."""
    width = max((len(row.name) for row in rows), default=4)
    lines = [f"{'':{width}}  {'median':>10}  {'middle half':>19}  {'best':>8}  {'runs':>4}"]
    for row in rows:
        low, high = row.quartiles
        more = "  ".join(f"{name} {value}" for name, value in row.more.items())
        span = f"{low:.1f} .. {high:.1f}"
        line = f"{row.name:{width}}  {row.median:7.1f} {row.unit:2}  {span:>19}  {min(row.values):8.1f}"
        line += f"  {len(row.values):4}  {more}"
        lines.append(line.rstrip())
    return lines


def fixed_threads(threads: int) -> None:
    """torch on so many threads, and OpenCV, which would take all cores by itself."""
    import cv2

    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
