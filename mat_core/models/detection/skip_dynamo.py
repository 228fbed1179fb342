"""Import torchvision and timm without torch's compiler, which takes a second and 70 MB and is not used here.

Both import a decorator and a function of `torch._dynamo`. During the import a stub replaces it: the decorator, which
matters only within `torch.compile`, does nothing; the function calls the real one. Afterwards the stub is removed.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

NAME = "torch._dynamo"


@contextmanager
def skip_dynamo_import() -> Iterator[None]:
    """Import without torch._dynamo within this context; without effect if it is imported already."""
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
    """Stub of `torch._dynamo.disable`, as function or decorator."""
    return fn if fn is not None else lambda function: function


def _is_compile_supported(device_type):
    from torch._dynamo.utils import is_compile_supported

    return is_compile_supported(device_type)
