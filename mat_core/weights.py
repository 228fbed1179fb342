"""Weights of a file into a module: finite ones, of its names and shapes, and no module that is larger than they are."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from .errors import ConfigError
from .limits import shown

MAX_BYTES = 512 * 2**20  # of a file; what ships has 30 MB, the largest detector of detectron2's zoo 400
_Module = TypeVar("_Module", bound=nn.Module)
_DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int64)
_SPARE = 512 * 2**20  # bytes: timm makes a model whole before it keeps what gives features, VGG with 400 MB too many
_UNFIT = "The file does not fit together with the configuration"
_MAKING = ("empty", "zeros", "ones", "full", "rand", "randn", "eye")
_DRAWING = ("uniform_", "normal_", "trunc_normal_", "kaiming_uniform_", "kaiming_normal_", "xavier_uniform_")


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file, floats as float32. Raises ConfigError for what can be no weights."""
    weights = {}
    for name, tensor in load_file(path).items():
        if tensor.dtype not in _DTYPES:
            raise ConfigError(f"{shown(name)} must hold floats of 16 to 64 bits; it holds {tensor.dtype}.")
        # a copy: what safetensors hands out may be the file itself, which somebody may write to while the model lives
        weights[name] = tensor.to(torch.float32 if tensor.is_floating_point() else tensor.dtype, copy=True)
        # the sum is quick and shows every NaN and infinity; a sum that is too large is not one of them
        if not weights[name].sum().isfinite() and not weights[name].isfinite().all():
            raise ConfigError(f"{shown(name)} must hold finite numbers; some are NaN or infinite.")
    return weights


def build(make: Callable[[], _Module], weights: dict[str, Tensor]) -> _Module:
    """What `make` gives, with these weights, in eval mode. Raises ConfigError where they are not its own."""
    with _Frugal(2 * sum(tensor.nbytes for tensor in weights.values()) + _SPARE):
        module = make()
    expected = module.state_dict()
    for name in sorted(expected.keys() ^ weights.keys()):
        raise ConfigError(f"{_UNFIT}: {shown(name)} {'is lacking' if name in expected else 'is not part of it'}.")
    for name, tensor in expected.items():
        if tensor.shape != weights[name].shape or tensor.dtype != weights[name].dtype:
            raise ConfigError(
                f"{_UNFIT}: {shown(name)} must have the shape {tuple(tensor.shape)} and hold {tensor.dtype}; "
                f"it has {tuple(weights[name].shape)} and holds {weights[name].dtype}."
            )
    module.load_state_dict(weights, assign=True)  # they take the places: nothing is copied
    return module.eval().requires_grad_(False)


class _Frugal(TorchFunctionMode):
    """Modules are built without drawing random numbers, and with no more than so many bytes of tensors."""

    def __init__(self, budget: int):
        super().__init__()
        self.left = budget

    def __torch_function__(self, func, types, args=(), kwargs=None):
        name = getattr(func, "__name__", "")
        if name in _DRAWING:
            return args[0] if args else kwargs["tensor"]
        made = func(*args, **(kwargs or {}))
        if name in _MAKING:
            self.left -= made.nbytes
            if self.left < 0:  # what was made is not touched yet, so it has cost nothing
                raise ConfigError(f"{_UNFIT}, which describes a far larger network.")
        return made
