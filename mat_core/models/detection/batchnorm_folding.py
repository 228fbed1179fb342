"""Fold batch norms into the convolutions before them, for faster inference; equal up to rounding."""

import copy

import torch
from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


class _Tracer(fx.Tracer):
    """Treats convolutions and norms, including timm's, as leaves."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, nn.Conv2d | nn.BatchNorm2d) or super().is_leaf_module(m, module_qualified_name)


def fold_batchnorm(model: nn.Module) -> nn.Module:
    """A folded copy of a model in eval mode; the model itself if torch.fx cannot trace it."""
    try:
        graph = _Tracer().trace(model)
    except Exception:  # tracing runs the model's code on proxies, which raises nearly anything
        return model
    folded = copy.deepcopy(model)
    modules = dict(folded.named_modules())
    for node in graph.nodes:
        norm = modules.get(str(node.target)) if node.op == "call_module" else None
        if not isinstance(norm, nn.BatchNorm2d) or not isinstance(node.args[0], fx.Node):
            continue
        source = node.args[0]
        convolution = modules.get(str(source.target)) if source.op == "call_module" else None
        if isinstance(convolution, nn.Conv2d) and len(source.users) == 1 and norm.running_mean is not None:
            folded.set_submodule(str(source.target), fuse_conv_bn_eval(convolution, norm))
            folded.set_submodule(str(node.target), getattr(norm, "act", nn.Identity()))  # of timm's BatchNormAct2d
    return folded.eval().requires_grad_(False).to(memory_format=torch.channels_last)
