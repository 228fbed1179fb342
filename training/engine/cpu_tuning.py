"""Faster training steps on CPU with the same results; `python -m training speed` measures them."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from accelerate import Accelerator
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from mat_core.utils.malloc import MMAP_THRESHOLD, TOP_PAD, TRIM_THRESHOLD, mallopt

_CONVOLUTION_BACKWARD = torch.ops.aten.convolution_backward.default


class DepthwiseBackward(TorchDispatchMode):
    """Compute gradients of bfloat16 depthwise convolutions on CPU in float32 and round them.

    oneDNN has no fast bfloat16 kernel for a stride or a kernel above 3: they took 63 % of a step. The mode costs a
    Python call per operation, see `backward_mode`.
    """

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func is _CONVOLUTION_BACKWARD and args[0].dtype is torch.bfloat16 and args[0].is_cpu:
            weight, stride, groups = args[2], args[4], args[9]
            if _is_slow(weight.shape[-1], stride, groups):
                gradients = func(*(t.float() for t in args[:3]), *args[3:], **(kwargs or {}))
                return tuple(g if g is None else g.to(torch.bfloat16) for g in gradients)
        return func(*args, **(kwargs or {}))


def backward_mode(model: nn.Module, accelerator: Accelerator) -> Callable[[], AbstractContextManager]:
    """Context of the backward pass: DepthwiseBackward on CPU in bfloat16 for models with slow layers, else nothing."""
    layers = (m for m in model.modules() if isinstance(m, nn.Conv2d))
    slow = any(_is_slow(m.kernel_size[-1], m.stride, m.groups) for m in layers)
    on = slow and accelerator.device.type == "cpu" and accelerator.mixed_precision == "bf16"
    return DepthwiseBackward if on else nullcontext


def _is_slow(kernel: int, stride: Sequence[int], groups: int) -> bool:
    return groups > 1 and (kernel > 3 or max(stride) > 1)


def disable_malloc_trim() -> bool:
    """Let glibc keep freed memory, to avoid page faults, for the whole process. False for other C libraries."""
    return mallopt({MMAP_THRESHOLD: 1 << 30, TRIM_THRESHOLD: 2**31 - 1, TOP_PAD: 1 << 28})
