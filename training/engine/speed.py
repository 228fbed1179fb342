"""What makes a training step on CPU faster without changing what it learns; `python -m training speed` measures it."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from accelerate import Accelerator
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

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
