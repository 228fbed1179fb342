"""Step 'speed': time a training step of the backbone with and without `engine.cpu_tuning`."""

import time
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from statistics import median

import timm
import torch
from torch import nn

from mat_core.errors import ConfigError
from mat_core.utils.cpu import available_cpus
from mat_core.utils.precision import has_native_bfloat16

from ..engine.cpu_tuning import backward_mode, disable_malloc_trim
from ..engine.loop import make_accelerator


def machine() -> str:
    """Cores, threads and whether bfloat16 is native, as a line."""
    native = "native" if has_native_bfloat16() else "not native, float32 is used"
    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    return f"{available_cpus()} cores, {torch.get_num_threads()} torch threads, bfloat16 on CPU: {native}{gpu}"


def measure(name: str, size: tuple[int, int], batch: int, repeats: int, warm_up: int) -> Iterator[str]:
    """Lines of a table of a training step (forward, backward, clipping, AdamW) with and without `engine.cpu_tuning`.

    name: a timm model; size: (height, width) of `batch` random images. Variants alternate step by step, in two
    processes, because malloc's settings hold for a whole process.
    """
    yield f"{name}, {batch} images of {size[0]} x {size[1]}, {repeats} steps after {warm_up} to warm up"
    plain, keeping = (_start(name, size, batch, keep) for keep in (False, True))
    try:
        (has_mode, _), (_, memory_kept) = plain.recv(), keeping.recv()
        variants = {"neither": (plain, False)}
        if memory_kept:
            variants["memory kept"] = (keeping, False)
        else:
            yield "Memory cannot be kept here: this C library has no such setting."
        if has_mode:
            variants["depthwise in float32"] = (plain, True)
        else:
            yield "Depthwise gradients are left as they are: a GPU, no bfloat16, or no layer that is slow in it."
        if memory_kept and has_mode:
            variants["both"] = (keeping, True)
        seconds = {variant: [] for variant in variants}
        for turn in range(warm_up + repeats):
            for variant, (process, mode) in variants.items():
                process.send(mode)
                elapsed = process.recv()
                if turn >= warm_up:
                    seconds[variant].append(elapsed)
    except (EOFError, OSError):
        raise ConfigError(
            f"{name} cannot take a step with {batch} images of {size[0]} x {size[1]}, as a rule for want of memory: "
            "give a smaller --batch or other --sizes."
        ) from None
    finally:
        plain.close()
        keeping.close()
    yield f"{'':22}{'median':>8}{'min..max':>16}{'images/s':>10}{'gain':>7}"
    for variant, elapsed in seconds.items():
        middle, span = median(elapsed), f"{min(elapsed):.3f}..{max(elapsed):.3f}"
        gain = median(seconds["neither"]) / middle
        yield f"{variant:22}{middle:8.3f}{span:>16}{batch / middle:10.1f}{gain:7.2f}"


def _start(*arguments) -> Connection:
    """Start `_serve` in a process, which ends with this connection."""
    spawn = get_context("spawn")
    parent, child = spawn.Pipe()
    spawn.Process(target=_serve, args=(child, *arguments), daemon=True).start()
    child.close()
    return parent


def _serve(pipe: Connection, name: str, size: tuple[int, int], batch: int, keep: bool) -> None:
    """Send whether backward mode and malloc settings apply; then, for each bool received, the seconds of a step."""
    memory_kept = keep and disable_malloc_trim()
    accelerator = make_accelerator()
    device = accelerator.device
    model = timm.create_model(name, num_classes=7).to(memory_format=torch.channels_last)
    mode = backward_mode(model, accelerator)
    model, optimizer = accelerator.prepare(model, torch.optim.AdamW(model.parameters(), lr=1e-3))
    model.train()
    images = torch.randn(batch, 3, *size, device=device).contiguous(memory_format=torch.channels_last)
    labels = torch.arange(batch, device=device) % 7
    pipe.send((mode is not nullcontext, memory_kept))
    with suppress(EOFError):
        while True:
            enter = mode if pipe.recv() else nullcontext
            begun = time.perf_counter()
            with accelerator.autocast():
                loss = nn.functional.cross_entropy(model(images), labels)
            with enter():
                accelerator.backward(loss)
            accelerator.clip_grad_norm_(model.parameters(), 5.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            torch.get_device_module(device).synchronize()
            pipe.send(time.perf_counter() - begun)
