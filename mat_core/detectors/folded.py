"""A backbone for inference alone: batch norms folded into the convolutions before them, pointwise ones as products.

The same function to the last few bits (see the tests), with a third fewer passes over the maps. It is made of a model
in eval mode whose weights stay as they are, and shares none of its modules.
"""

import copy

import torch
from torch import Tensor, fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from ..linear import Linear, changes


class Pointwise(Linear):
    """A 1 x 1 convolution as the matrix product that it is: on maps that are channels last nothing is copied."""

    def forward(self, x: Tensor) -> Tensor:
        """(b, c, h, w) to (b, d, h, w)."""
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class _Tracer(fx.Tracer):
    """Stops at convolutions and norms, also at timm's own kinds of them."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, nn.Conv2d | nn.BatchNorm2d) or super().is_leaf_module(m, module_qualified_name)


def folded(model: nn.Module) -> nn.Module:
    """The model for inference; the model itself where its forward pass cannot be written down as a graph."""
    try:
        graph = _Tracer().trace(model)
    except Exception:  # tracing runs any model's own code on stand-ins, which raises nearly anything
        return model
    modules, root = dict(model.named_modules()), copy.deepcopy(model)
    for node in list(graph.nodes):
        norm, source = modules.get(str(node.target)), node.args[0] if node.args else None
        if node.op != "call_module" or not isinstance(norm, nn.BatchNorm2d) or not isinstance(source, fx.Node):
            continue
        convolution = modules.get(str(source.target)) if source.op == "call_module" else None
        if not isinstance(convolution, nn.Conv2d) or len(source.users) > 1 or norm.running_mean is None:
            continue
        root.set_submodule(str(source.target), _without_norm(convolution, norm))
        root.set_submodule(str(node.target), getattr(norm, "act", nn.Identity()))  # timm's norms have it inside
    for node in list(graph.nodes):
        if node.op == "call_module" and isinstance(root.get_submodule(str(node.target)), nn.Identity):
            node.replace_all_uses_with(node.args[0])
            graph.erase_node(node)
    return fx.GraphModule(root, graph).eval().requires_grad_(False)


def _without_norm(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> nn.Module:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    with torch.no_grad():
        weight, bias = fuse_conv_bn_weights(
            convolution.weight, convolution.bias, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
        )
        c = convolution
        if c.kernel_size == (1, 1) and c.stride == (1, 1) and c.groups == 1 and tuple(c.padding) == (0, 0):
            return Pointwise.of(weight.detach().flatten(1), bias.detach())
        new = copy.deepcopy(convolution)
        new.weight = nn.Parameter(weight.detach().contiguous(memory_format=torch.channels_last), requires_grad=False)
        new.bias = nn.Parameter(bias.detach(), requires_grad=False)
        return new


class Folding:
    """A model's folded copy, made when it is first asked for and again after its weights have changed.

    Changes in place are seen by themselves; who puts other tensors in the place of a model's own calls `forget`.
    """

    def __init__(self) -> None:
        self._made: tuple[nn.Module, list[tuple[Tensor, int]]] | None = None

    def forget(self, *_) -> None:
        """The weights have become others."""
        self._made = None

    def of(self, model: nn.Module) -> nn.Module:
        """The folded copy; the model itself while any of its weights can learn."""
        made = self._made
        if made is None or any(t.requires_grad or changes(t) != seen for t, seen in made[1]):
            tensors = [*model.parameters(), *model.buffers()]
            if any(t.requires_grad for t in tensors):
                return model
            with torch.inference_mode(False):
                made = self._made = folded(model), [(t, changes(t)) for t in tensors]
        return made[0]
