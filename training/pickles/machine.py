"""The names that a pickle of arrays may use, and the few things that may be made by them."""

import math
import re
from collections import OrderedDict

import numpy as np

from .stack import MAX_BYTES, Array, NotAdmittedError, Stack, Unfinished, plain_key

_MULTIARRAY = ("numpy.core.multiarray", "numpy._core.multiarray")
_NUMERIC = ("numpy.core.numeric", "numpy._core.numeric")
ADMITTED = {
    **{(module, "_reconstruct"): "reconstruct" for module in _MULTIARRAY},
    **{(module, "scalar"): "scalar" for module in _MULTIARRAY},
    **{(module, "_frombuffer"): "frombuffer" for module in _NUMERIC},
    ("numpy", "ndarray"): "ndarray",
    ("numpy", "dtype"): "dtype",
    ("collections", "OrderedDict"): "OrderedDict",
    ("_codecs", "encode"): "encode",  # how protocols 0 to 2 keep Python 3's bytes
    **{(module, name): name for module in ("builtins", "__builtin__") for name in ("bytes", "set", "frozenset")},
}
_DTYPE = re.compile(r"[<>|=]?(b1|[iu][1248]|f[248])")  # numbers only: an object is a pointer


class Global(Unfinished):
    """A name that the file may use; it stands for no object of Python's."""

    def __init__(self, name: str):
        self.name = name


class Dtype(Unfinished):
    """A dtype before its byte order is known."""

    def __init__(self, code: str):
        if not isinstance(code, str) or not _DTYPE.fullmatch(code):
            shown = code[:20] if isinstance(code, str) else type(code).__name__
            raise NotAdmittedError(f"an array of dtype {shown!r}")
        self.code = code.lstrip("<>|=")
        self.order = code[0] if code[0] in "<>" else "="

    @property
    def numpy(self) -> np.dtype:
        """In the file's byte order."""
        return np.dtype(self.order + self.code)


class Machine(Stack):
    """A stack with the opcodes that make something by a name of ADMITTED."""

    def _global(self, argument: str):
        module, _, name = argument.partition(" ")
        self._name(module, name)

    def _stack_global(self, _):
        name, module = self.stack.pop(), self.stack.pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise TypeError
        self._name(module, name)

    def _inst(self, argument: str):
        module, _, name = argument.partition(" ")
        raise NotAdmittedError(f"an object of {_shown(module, name)}")

    def _name(self, module: str, name: str) -> None:
        if (module, name) not in ADMITTED:
            raise NotAdmittedError(_shown(module, name))
        self.stack.append(Global(ADMITTED[module, name]))

    def _reduce(self, _):
        arguments, what = self.stack.pop(), self.stack.pop()
        if not isinstance(what, Global) or not isinstance(arguments, tuple):
            raise TypeError
        self.stack.append(getattr(self, f"_make_{what.name.lower()}")(*arguments))

    def _build(self, _):
        state, what = self.stack.pop(), self.stack[-1]
        if isinstance(what, Dtype):
            # version, byte order, and what only dtypes have that are not admitted
            if state[1] not in ("<", ">", "|", "=") or any(part is not None for part in state[2:5]):
                raise NotAdmittedError("an array of a dtype made of others")
            if state[1] in "<>":
                what.order = state[1]
        elif isinstance(what, Array):
            _version, shape, dtype, fortran, raw = state
            array = self._view(raw, dtype, shape, "F" if fortran else "C")
            self.stack[-1] = array
            for key in what.keys:
                if self.memo.get(key) is what:
                    self.memo[key] = array
            self.unfinished -= 1
        else:
            raise NotAdmittedError("a state for something that has none")

    def _make_reconstruct(self, kind, _shape, _code) -> Array:
        if not isinstance(kind, Global) or kind.name != "ndarray":
            raise TypeError
        self.unfinished += 1
        return Array()

    def _make_dtype(self, code, *_flags) -> Dtype:
        return Dtype(code)

    def _make_scalar(self, dtype, raw):
        return self._view(raw, dtype, (), "C")[()]

    def _make_frombuffer(self, raw, dtype, shape, order) -> np.ndarray:
        return self._view(raw, dtype, shape, "F" if order == "F" else "C")

    def _make_ordereddict(self, *arguments) -> OrderedDict:
        if not arguments:
            return OrderedDict()
        (pairs,) = arguments
        return OrderedDict((plain_key(key), value) for key, value in self._listed(pairs))

    def _make_set(self, items) -> set:
        return set(map(plain_key, self._listed(items)))

    def _make_frozenset(self, items) -> frozenset:
        return frozenset(self._make_set(items))

    def _make_encode(self, text, encoding) -> bytes:
        if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
            raise TypeError
        self._spend(len(text))
        return text.encode("latin-1")

    def _make_bytes(self, *arguments) -> bytes:
        if arguments:
            raise TypeError
        return b""

    def _view(self, raw, dtype, shape, order: str) -> np.ndarray:
        """Numbers in the file's bytes as an array of this machine's byte order."""
        if isinstance(raw, str):  # Python 2 did not tell bytes from text
            self._spend(len(raw))
            raw = raw.encode("latin-1")
        if not isinstance(raw, bytes | bytearray) or not isinstance(dtype, Dtype) or not isinstance(shape, tuple):
            raise TypeError
        if len(shape) > 32 or any(type(side) is not int or not 0 <= side <= MAX_BYTES for side in shape):
            raise ValueError
        if math.prod(shape) * dtype.numpy.itemsize != len(raw):
            raise ValueError
        self._spend(len(raw))
        array = np.ndarray(shape, dtype.numpy, buffer=bytes(raw), order=order)
        return np.array(array, dtype=dtype.numpy.newbyteorder("="), order="C")

    def _listed(self, items) -> list:
        if not isinstance(items, list):
            raise TypeError
        self._spend(len(items))
        return items


def _shown(module: str, name: str) -> str:
    return repr(f"{module}.{name}"[:80])
