"""torch's linear layer, faster in inference: the product through oneDNN, from weights that are packed once.

torch's own goes through MKL, which on AMD's processors leaves a third of the machine unused. The operator is the one
that torch's compiler puts in the place of linear layers; where there is none, torch's own product stands in. Results
differ in the last bits.
"""

import platform
from typing import Self

import torch
from torch import Tensor, nn

ROWS = 32  # for fewer, reading the weights is what takes time
_OPERATORS = ("_reorder_linear_weight", "_linear_pointwise")


def _can_pack() -> bool:
    known = platform.machine().lower() in ("x86_64", "amd64") and torch.backends.mkldnn.is_available()
    return known and all(hasattr(torch.ops.mkldnn, name) for name in _OPERATORS)


class Linear(nn.Linear):
    """`nn.Linear` in all that is saved, learned and returned.

    The packed copy is made when it is first needed, and again after the weights have changed.
    """

    _packed: tuple[Tensor, int, Tensor] | None = None  # of which weights, after how many changes, the copy

    @classmethod
    def of(cls, weight: Tensor, bias: Tensor) -> Self:
        """A layer of weights that there are: weight (out_features, in_features), bias (out_features,)."""
        made = cls(weight.shape[1], weight.shape[0], device="meta")  # draws no random numbers
        made.weight, made.bias = (nn.Parameter(t, requires_grad=t.requires_grad) for t in (weight, bias))
        return made

    def forward(self, x: Tensor) -> Tensor:
        """(..., in_features) to (..., out_features)."""
        return self.product(x, self.bias)

    def product(self, x: Tensor, bias: Tensor | None = None) -> Tensor:
        """The same with another bias, or none."""
        if not self._is_packed_for(x):
            return nn.functional.linear(x, self.weight, bias)
        return torch.ops.mkldnn._linear_pointwise(x, self._copy(), bias, "none", [], "")

    def _is_packed_for(self, x: Tensor) -> bool:
        weight = self.weight
        return (
            CAN_PACK
            and not torch.is_grad_enabled()
            and x.numel() >= ROWS * self.in_features
            and x.device.type == weight.device.type == "cpu"
            and x.dtype == weight.dtype == torch.float32
            and not torch.is_autocast_enabled("cpu")
        )

    def _copy(self) -> Tensor:
        weight = self.weight
        version = changes(weight)
        made = self._packed
        if made is None or made[0] is not weight or made[1] != version:
            packed = torch.ops.mkldnn._reorder_linear_weight(weight.detach(), None)
            made = self._packed = weight, version, packed
        return made[2]

    def __getstate__(self) -> dict:
        """What is copied or pickled: not the packed weights."""
        return {name: value for name, value in super().__getstate__().items() if name != "_packed"}


def changes(tensor: Tensor) -> int:
    """How often a tensor was changed in place; torch does not count where it was made for inference."""
    return 0 if tensor.is_inference() else tensor._version


CAN_PACK = _can_pack()
