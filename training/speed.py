"""What makes a training step on CPU faster without changing what it learns; `python -m training speed` measures it."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from statistics import median

import timm
import torch
from accelerate import Accelerator
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from mat_core.errors import ConfigError
from mat_core.memory import MMAP_THRESHOLD, TOP_PAD, TRIM_THRESHOLD, mallopt

_CONVOLUTION_BACKWARD = torch.ops.aten.convolution_backward.default


class DepthwiseBackward(TorchDispatchMode):
    """While active, gradients of bfloat16 depthwise convolutions on CPU are computed in float32 and rounded back.

    oneDNN has no fast bfloat16 kernel for those with a stride or a kernel above 3: they took 63 % of a step. Nothing
    else changes. It costs a call of Python for every operation: `backward_mode` says where it is worth that.
    """

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func is _CONVOLUTION_BACKWARD and args[0].dtype is torch.bfloat16 and args[0].is_cpu:
            weight, stride, groups = args[2], args[4], args[9]
            if _is_slow(weight.shape[-1], stride, groups):
                gradients = func(*(t.float() for t in args[:3]), *args[3:], **(kwargs or {}))
                return tuple(g if g is None else g.to(torch.bfloat16) for g in gradients)
        return func(*args, **(kwargs or {}))


def backward_mode(model: nn.Module, accelerator: Accelerator) -> Callable[[], AbstractContextManager]:
    """What to run the backward pass in: DepthwiseBackward on CPU under bfloat16 for a model that has such layers.

    Elsewhere there is nothing to gain, and nothing is entered.
    """
    layers = (m for m in model.modules() if isinstance(m, nn.Conv2d))
    slow = any(_is_slow(m.kernel_size[-1], m.stride, m.groups) for m in layers)
    on = slow and accelerator.device.type == "cpu" and accelerator.mixed_precision == "bf16"
    return DepthwiseBackward if on else nullcontext


def _is_slow(kernel: int, stride: Sequence[int], groups: int) -> bool:
    return groups > 1 and (kernel > 3 or max(stride) > 1)


def keep_memory() -> bool:
    """Have glibc keep freed memory for the next step instead of giving it back and faulting it in again, page by page.

    For the whole process. False where the C library has no such setting.
    """
    return mallopt({MMAP_THRESHOLD: 1 << 30, TRIM_THRESHOLD: 2**31 - 1, TOP_PAD: 1 << 28})


def machine() -> str:
    """Cores, threads and what computes bfloat16, as a line."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    has = {"AVX-512": torch.cpu._is_avx512_bf16_supported(), "AMX": torch.cpu._is_amx_tile_supported()}
    native = " and ".join(name for name, there in has.items() if there) or "not native (no AVX-512 or AMX for it)"
    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    return f"{cores} cores, {torch.get_num_threads()} torch threads, bfloat16 on CPU: {native}{gpu}"


def measure(name: str, size: tuple[int, int], batch: int, repeats: int, warm_up: int) -> Iterator[str]:
    """Lines of a table: one training step (forward, backward, clipping, AdamW) with and without what is above.

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
    from .engine import make_accelerator

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
