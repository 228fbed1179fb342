"""Timing with torch.utils.benchmark, and the rows of the table and the JSON."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch.utils.benchmark import Timer


@dataclass(frozen=True)
class Row:
    """One line of the table. values: at least one, each in `unit`; extra: further columns by name."""

    name: str
    values: tuple[float, ...]
    unit: str = "ms"
    extra: Mapping[str, float | str] = field(default_factory=dict)

    @property
    def median(self) -> float:
        """Median of the values."""
        return float(np.median(self.values))

    @property
    def quartiles(self) -> list[float]:
        """First and third quartile of the values."""
        return np.percentile(self.values, (25, 75)).tolist()

    def with_rate(self, work: float, unit: str, peak: float | None = None) -> "Row":
        """Add the work done per second, and its share of `peak`, which is in the same unit."""
        rate = 1000 * work / self.median
        share = {"of peak": round(rate / peak, 3)} if peak else {}
        return replace(self, extra={**self.extra, unit: round(rate, 1), **share})

    def with_speedup(self, baseline: "Row") -> "Row":
        """Add how many times as fast as `baseline` this row is."""
        return replace(self, extra={**self.extra, f"times {baseline.name}": round(baseline.median / self.median, 2)})

    def to_dict(self) -> dict:
        """JSON-serialisable."""
        return {
            "name": self.name, "unit": self.unit, "median": self.median, "quartiles": self.quartiles,
            "values": list(self.values), **self.extra,
        }  # fmt: skip

    def __str__(self) -> str:
        low, high = self.quartiles
        extra = "  ".join(f"{name} {value}" for name, value in self.extra.items())
        return (
            f"{self.name:34} {self.median:8.1f} {self.unit:2} {low:9.1f} .. {high:<9.1f} best {min(self.values):<8.1f} "
            f"values {len(self.values):<4} {extra}"
        ).rstrip()


@dataclass(frozen=True)
class Skipped:
    """A measurement that is not possible on this machine, with the reason."""

    name: str
    reason: str

    def to_dict(self) -> dict:
        """JSON-serialisable."""
        return vars(self)

    def __str__(self) -> str:
        return f"{self.name}: skipped, {self.reason}"


def measure(functions: Mapping[str, Callable[[], object]], seconds: float) -> dict[str, Row]:
    """Time each function in milliseconds, after a warm-up, for `seconds` or up to three times that while times vary.

    A value is the mean of a block of runs: of one run, except for functions of a few milliseconds and less.
    """
    rows = {}
    for name, function in functions.items():
        timer = Timer("function()", globals={"function": function}, num_threads=torch.get_num_threads())
        measurement = timer.adaptive_autorange(min_run_time=seconds, max_run_time=3 * seconds)
        rows[name] = Row(name, tuple(1000 * time for time in measurement.times))
    return rows
