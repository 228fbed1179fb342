"""Settings of glibc's malloc; no-ops with other C libraries."""

import ctypes
import sys

# of glibc's malloc.h
TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD, ARENA_MAX = -1, -2, -3, -8


def trim_heap() -> None:
    """Return freed memory to the system."""
    libc = _glibc()
    if libc is not None:
        libc.malloc_trim(0)


def mallopt(settings: dict[int, int]) -> bool:
    """Set parameters of the process, by the names above. False if one was refused."""
    libc = _glibc()
    return libc is not None and [libc.mallopt(*setting) for setting in settings.items()] == [1] * len(settings)


def _glibc() -> ctypes.CDLL | None:
    libc = ctypes.CDLL(None) if sys.platform.startswith("linux") else None
    return libc if hasattr(libc, "gnu_get_libc_version") else None
