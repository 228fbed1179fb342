"""The machine that is measured on: what it is, and the best matrix product that it can do."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

import torch

from mat_core.machine import cores

from .timing import Row, measure, with_rate

SIDES = (1024, 2048)  # of the square matrices of which the best one counts


def describe(threads: int) -> dict:
    """Processor, cores and threads, memory, what computes bfloat16, versions; for the table's head and for JSON."""
    capability = {
        "AVX-512": torch.cpu._is_avx512_supported(),
        "bfloat16 in AVX-512": torch.cpu._is_avx512_bf16_supported(),
        "AMX": torch.cpu._is_amx_tile_supported(),
    }
    return {
        "processor": _processor(),
        "cores": cores(),
        "threads": threads,
        "load before": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "memory_gb": round(_memory() / 2**30, 1),
        "has": [name for name, there in capability.items() if there],
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: version(name) for name in ("torch", "torchvision", "timm", "gradio")},
    }


def peaks(seconds: float) -> dict[str, Row]:
    """Type -> the best square matrix product of `SIDES` in it, with its GFLOP/s."""
    found = {}
    for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        rows = (_product(name, dtype, n, seconds) for n in SIDES)
        found[name] = max(rows, key=lambda row: row.more["GFLOP/s"])
    return found


def _product(name: str, dtype: torch.dtype, n: int, seconds: float) -> Row:
    a, b, out = (torch.randn(n, n).to(dtype) for _ in range(3))
    with torch.inference_mode():
        (row,) = measure({f"matrix product, {name}, {n}": lambda: torch.mm(a, b, out=out)}, seconds).values()
    return with_rate(row, 2 * n**3)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or "unknown"


def _memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 0
