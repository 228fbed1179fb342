"""torchvision and timm imported without torch's compiler, which takes a second and 70 MB and is never used here.

Both ask `torch._dynamo` for a decorator and a question while they are imported. In a process that has not imported it,
a stand-in answers meanwhile: the decorator, which only ever matters inside of `torch.compile`, does nothing, and the
question is handed on to the compiler when it is asked. Afterwards the stand-in is gone, and who wants the compiler
gets the real one.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

NAME = "torch._dynamo"


@contextmanager
def without_compiler() -> Iterator[None]:
    """What is imported inside does not import the compiler; nothing changes where it is there already."""
    import torch

    if NAME in sys.modules:
        yield
        return
    package, utils = ModuleType(NAME), ModuleType(f"{NAME}.utils")
    package.__dict__.update(disable=_disable, utils=utils, __path__=[])
    utils.__dict__.update(is_compile_supported=_is_compile_supported)
    stands = {NAME: package, f"{NAME}.utils": utils}
    sys.modules.update(stands)
    try:
        yield
    finally:
        for name, module in stands.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]
        if vars(torch).get("_dynamo") is package:
            del torch._dynamo


def _disable(fn=None, *_, **__):
    """`torch._dynamo.disable`, of a function or as a decorator: outside of a compiled function it changes nothing."""
    return fn if fn is not None else lambda given: given


def _is_compile_supported(device_type):
    from torch._dynamo.utils import is_compile_supported

    return is_compile_supported(device_type)
