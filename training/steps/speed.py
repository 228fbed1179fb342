"""Step 'speed': a training step of the backbone with and without what `engine.speed` makes faster."""

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
from mat_core.machine import cores

from ..engine.loop import make_accelerator
from ..engine.speed import backward_mode, keep_memory


def machine() -> str:
    """Cores, threads and what computes bfloat16, as a line."""
    has = {"AVX-512": torch.cpu._is_avx512_bf16_supported(), "AMX": torch.cpu._is_amx_tile_supported()}
    native = " and ".join(name for name, there in has.items() if there) or "not native (no AVX-512 or AMX for it)"
    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    return f"{cores()} cores, {torch.get_num_threads()} torch threads, bfloat16 on CPU: {native}{gpu}"


def measure(name: str, size: tuple[int, int], batch: int, repeats: int, warm_up: int) -> Iterator[str]:
    """Lines of a table: one training step (forward, backward, clipping, AdamW) with and without `engine.speed`.

    name: a timm model, without pretrained weights; size: height, width of `batch` random images. All ways take turns,
    step by step, so that whatever else the machine does meets them alike; memory is kept for a whole process, so there
    are two of them.
    """
    yield f"{name}, {batch} images of {size[0]} x {size[1]}, {repeats} steps after {warm_up} to warm up"
    plain, keeping = (_start(name, size, batch, keep) for keep in (False, True))
    try:
        (has_mode, _), (_, kept) = plain.recv(), keeping.recv()
        ways = {"neither": (plain, False)}
        if kept:
            ways["memory kept"] = (keeping, False)
        else:
            yield "Memory cannot be kept here: this C library has no such setting."
        if has_mode:
            ways["depthwise in float32"] = (plain, True)
        else:
            yield "Depthwise gradients are left as they are: a GPU, no bfloat16, or no layer that is slow in it."
        if kept and has_mode:
            ways["both"] = (keeping, True)
        seconds = {way: [] for way in ways}
        for turn in range(warm_up + repeats):
            for way, (process, mode) in ways.items():
                process.send(mode)
                taken = process.recv()
                if turn >= warm_up:
                    seconds[way].append(taken)
    except (EOFError, OSError):
        raise ConfigError(
            f"{name} cannot take a step with {batch} images of {size[0]} x {size[1]}, as a rule for want of memory: "
            "give a smaller --batch or other --sizes."
        ) from None
    finally:
        plain.close()
        keeping.close()
    yield f"{'':22}{'median':>8}{'min..max':>16}{'images/s':>10}{'gain':>7}"
    for way, taken in seconds.items():
        middle, span = median(taken), f"{min(taken):.3f}..{max(taken):.3f}"
        gain = median(seconds["neither"]) / middle
        yield f"{way:22}{middle:8.3f}{span:>16}{batch / middle:10.1f}{gain:7.2f}"


def _start(*asked) -> Connection:
    """A process of `_serve`; it ends when this connection does, also by a kill of the process that holds it."""
    spawn = get_context("spawn")
    ours, theirs = spawn.Pipe()
    spawn.Process(target=_serve, args=(theirs, *asked), daemon=True).start()
    theirs.close()
    return ours


def _serve(pipe: Connection, name: str, size: tuple[int, int], batch: int, keep: bool) -> None:
    """Send whether there are a mode and kept memory; then, for each bool received, the seconds of a step with it."""
    kept = keep and keep_memory()
    accelerator = make_accelerator()
    device = accelerator.device
    model = timm.create_model(name, num_classes=7).to(memory_format=torch.channels_last)
    mode = backward_mode(model, accelerator)
    model, optimizer = accelerator.prepare(model, torch.optim.AdamW(model.parameters(), lr=1e-3))
    model.train()
    images = torch.randn(batch, 3, *size, device=device).contiguous(memory_format=torch.channels_last)
    labels = torch.arange(batch, device=device) % 7
    pipe.send((mode is not nullcontext, kept))
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
