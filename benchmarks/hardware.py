"""The machine: its description, whether bfloat16 is native, and its fastest matrix product."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

import torch

from mat_core.utils.cpu import available_cpus
from mat_core.utils.precision import has_native_bfloat16

from .timing import Row, Skipped, measure

SIZES = (1024, 2048)  # sides of the square matrices
NO_BFLOAT16 = "bfloat16 is not native on this processor"


def describe(threads: int) -> dict:
    """Processor, threads, memory, instruction sets and versions."""
    available = torch.cpu.get_capabilities()
    instructions = {"avx512_f": "AVX-512", "avx512_bf16": "bfloat16 in AVX-512", "amx_tile": "AMX"}
    return {
        "processor": _processor(),
        "cores": available_cpus(),
        "threads": threads,
        "load before": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "memory_gb": round(_memory() / 2**30, 1),
        "has": [name for key, name in instructions.items() if available.get(key)],
        "native bfloat16": has_native_bfloat16(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: version(name) for name in ("torch", "torchvision", "timm", "gradio")},
    }


def peaks(seconds: float) -> dict[str, Row | Skipped]:
    """The fastest square matrix product in float32 and bfloat16, with its GFLOP/s."""
    rows = {"float32": _peak("float32", torch.float32, seconds)}
    if has_native_bfloat16():
        return rows | {"bfloat16": _peak("bfloat16", torch.bfloat16, seconds)}
    return rows | {"bfloat16": Skipped("matrix product, bfloat16", NO_BFLOAT16)}


def _peak(name: str, dtype: torch.dtype, seconds: float) -> Row:
    rows = []
    for n in SIZES:
        a, b, out = (torch.randn(n, n).to(dtype) for _ in range(3))
        product = {f"matrix product, {name}, {n}": lambda a=a, b=b, out=out: torch.mm(a, b, out=out)}
        (row,) = measure(product, seconds).values()
        rows.append(row.with_rate(2 * n**3 / 1e9, "GFLOP/s"))
    return max(rows, key=lambda row: row.extra["GFLOP/s"])


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
