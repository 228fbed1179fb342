"""How much of this machine is ours: a container's quota counts, not the cores of its host."""

import math
import os
from pathlib import Path

from .memory import ARENA_MAX, MMAP_THRESHOLD, TOP_PAD, TRIM_THRESHOLD, mallopt

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


def tune_heaps(most: int = 2) -> bool:
    """Have glibc keep `most` heaps for all threads, and in them what was freed, up to 128 MB.

    A heap for each thread would keep the largest image that it ever held. What is given back must be faulted in again,
    4 KiB at a time: four thousand faults a detection, a sixth of its time. What is larger than 32 MB always goes back.

    For the whole process, and to be called before threads are started. False where the C library has no such settings.
    """
    return mallopt({ARENA_MAX: most, MMAP_THRESHOLD: 1 << 25, TRIM_THRESHOLD: 1 << 27, TOP_PAD: 1 << 24})
