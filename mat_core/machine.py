"""How much of this machine is ours: a container's quota counts, not the cores of its host."""

import math
import os
from pathlib import Path

from .memory import ARENA_MAX, mallopt

CGROUP = Path("/sys/fs/cgroup")


def cores(root: Path = CGROUP) -> int:
    """Processors that this process may use, at least 1: the least of its affinity and its cgroup's quota (v2, v1)."""
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


def share_heaps(most: int = 2) -> bool:
    """Have glibc keep `most` heaps for all threads: each of its own keeps the largest image that it ever held.

    To be called before threads are started. False where the C library has no such setting.
    """
    return mallopt({ARENA_MAX: most})
