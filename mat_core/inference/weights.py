"""Load a safetensors file into a module after checking that names, shapes and values fit."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ..errors import ConfigError
from ..utils.validation import short_repr

MAX_BYTES = 512 * 2**20  # of a file; what ships has 30 MB, the largest detector of detectron2's zoo 400
_Module = TypeVar("_Module", bound=nn.Module)
_DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int64)
_SPARE = 512 * 2**20  # bytes: timm builds classifiers that it then drops, 400 MB for VGG
_MISMATCH = "The file does not fit together with the configuration"
_FACTORIES = ("empty", "zeros", "ones", "full", "rand", "randn", "eye")
_INITIALIZERS = ("uniform_", "normal_", "trunc_normal_", "kaiming_uniform_", "kaiming_normal_", "xavier_uniform_")


def read_weights(path: Path) -> dict[str, Tensor]:
    """Tensors of a safetensors file, floats as float32. Raises ConfigError for other dtypes, NaN and infinity."""
    weights = {}
    for name, tensor in load_file(path).items():
        if tensor.dtype not in _DTYPES:
            raise ConfigError(f"{short_repr(name)} must hold floats of 16 to 64 bits; it holds {tensor.dtype}.")
        # a copy, because safetensors may map the file, which may change later
        weights[name] = tensor.to(torch.float32 if tensor.is_floating_point() else tensor.dtype, copy=True)
        # the sum is quick; it may overflow, so check elements then
        if not weights[name].sum().isfinite() and not weights[name].isfinite().all():
            raise ConfigError(f"{short_repr(name)} must hold finite numbers; some are NaN or infinite.")
    return weights


def load_module(make: Callable[[], _Module], weights: dict[str, Tensor]) -> _Module:
    """The module of `make` with these weights, frozen, in eval mode. Raises ConfigError if they do not fit."""
    with _BoundedInit(2 * sum(tensor.nbytes for tensor in weights.values()) + _SPARE):
        module = make()
    expected = module.state_dict()
    for name in sorted(expected.keys() ^ weights.keys()):
        problem = "is lacking" if name in expected else "is not part of it"
        raise ConfigError(f"{_MISMATCH}: {short_repr(name)} {problem}.")
    for name, tensor in expected.items():
        if tensor.shape != weights[name].shape or tensor.dtype != weights[name].dtype:
            raise ConfigError(
                f"{_MISMATCH}: {short_repr(name)} must have the shape {tuple(tensor.shape)} and hold {tensor.dtype}; "
                f"it has {tuple(weights[name].shape)} and holds {weights[name].dtype}."
            )
    module.load_state_dict(weights, assign=True)  # without a copy
    return module.eval().requires_grad_(False)


class _BoundedInit(TorchFunctionMode):
    """Build modules without random initialization, with at most `budget` bytes of tensors."""

    def __init__(self, budget: int):
        super().__init__()
        self.left = budget

    def __torch_function__(self, func, types, args=(), kwargs=None):
        name = getattr(func, "__name__", "")
        if name in _INITIALIZERS:
            return args[0] if args else kwargs["tensor"]
        result = func(*args, **(kwargs or {}))
        if name in _FACTORIES:
            self.left -= result.nbytes
            if self.left < 0:  # the memory is not touched yet
                raise ConfigError(f"{_MISMATCH}, which describes a far larger network.")
        return result
