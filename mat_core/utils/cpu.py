"""Available processors, and settings of glibc's malloc."""

import math
import os
from pathlib import Path

from .malloc import ARENA_MAX, MMAP_THRESHOLD, TOP_PAD, TRIM_THRESHOLD, mallopt

CGROUP = Path("/sys/fs/cgroup")


def available_cpus(root: Path = CGROUP) -> int:
    """Processors that this process may use: the smaller of its affinity and its cgroup's quota (v2, v1), at least 1."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, math.ceil(min(allowed, _quota(root))))


def _quota(root: Path) -> float:
    try:
        quota, period = (root / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota, period = ((root / "cpu" / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
        except OSError:
            return math.inf
    try:
        return int(quota) / int(period) if int(quota) > 0 else math.inf
    except (ValueError, ZeroDivisionError):  # 'max': no quota
        return math.inf


def limit_malloc_arenas(most: int = 2) -> bool:
    """Limit glibc to `most` heaps, which keep up to 128 MB of freed memory; blocks above 32 MB are always returned.

    One heap per thread would keep the largest image each thread held. Returning memory costs page faults, a sixth of a
    detection's time. Call it before starting threads. False for other C libraries.
    """
    return mallopt({ARENA_MAX: most, MMAP_THRESHOLD: 1 << 25, TRIM_THRESHOLD: 1 << 27, TOP_PAD: 1 << 24})
