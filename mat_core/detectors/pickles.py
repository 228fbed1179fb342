"""Reading arrays out of a pickle without running it.

A pickle is a program: Python's own reader imports and calls whatever the file names. The weights of detectron2's model
zoo come as pickles all the same. So this module walks through the file's opcodes itself and knows only what a dict of
arrays is made of; nothing is imported, called or allocated because a file says so. Files of Python 2 (protocols 0 to 2,
text in latin-1) and Python 3 are read, and arrays by all names that numpy has given its rebuilding functions.
"""

import io
import math
import pickletools
import re
from collections import OrderedDict
from pathlib import Path

import numpy as np

from ..errors import BundleError

MAX_BYTES = 2 * 2**30  # of a file; the largest detector of the zoo has 0.5 GiB
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
_KEYS = (str, bytes, int, float, bool, type(None))


def read_pickle(path: str | Path):
    """The value that the pickle holds: arrays, numbers, text, bytes, None, and lists, tuples, sets and dicts of these.

    Raises BundleError for a file that is damaged, too large or no pickle, and for one that asks for anything else, by
    the name that it asks for.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise BundleError(f"{path} has {size / 2**30:.1f} GiB; at most {MAX_BYTES // 2**30} GiB are read.")
        data = path.read_bytes()
    except FileNotFoundError:
        raise BundleError(f"There is no file {path}.") from None
    except OSError as error:
        raise BundleError(f"{path} cannot be read: {error.strerror}.") from None
    try:
        return _Machine(len(data)).run(data)
    except _NotAdmittedError as error:
        raise BundleError(
            f"{path} is not read: it asks for {error}, and a file of weights needs nothing but arrays and plain values."
        ) from None
    except (ValueError, TypeError, IndexError, KeyError, AttributeError, OverflowError, MemoryError):
        # what a damaged program stumbles over, whichever opcode it reaches first
        raise BundleError(f"{path} is damaged or no pickle: download it again.") from None


class _NotAdmittedError(Exception):
    """What was asked for, in words."""


class _Mark:
    """Where a container's items begin on the stack."""


class _Global:
    """A name that the file may use; it stands for no object of Python's."""

    def __init__(self, name: str):
        self.name = name


class _Dtype:
    """A dtype before its byte order is known."""

    def __init__(self, code: str):
        if not isinstance(code, str) or not _DTYPE.fullmatch(code):
            shown = code[:20] if isinstance(code, str) else type(code).__name__
            raise _NotAdmittedError(f"an array of dtype {shown!r}")
        self.code = code.lstrip("<>|=")
        self.order = code[0] if code[0] in "<>" else "="

    @property
    def numpy(self) -> np.dtype:
        return np.dtype(self.order + self.code)


class _Array:
    """An array before its numbers are known, and the memo's keys for it."""

    def __init__(self):
        self.keys: list[int] = []


class _Machine:
    """The stack and the memo of one file of `size` bytes."""

    def __init__(self, size: int):
        self.stack: list = []
        self.memo: dict[int, object] = {}
        self.left = 2 * size  # bytes and items that may be made; or a few bytes, repeated, would fill the memory
        self.unfinished = 0

    def run(self, data: bytes):
        for opcode, argument, _ in pickletools.genops(io.BytesIO(data)):
            name = opcode.name
            if name == "STOP":
                (value,) = self.stack
                if self.unfinished or isinstance(value, _Array | _Dtype | _Global | _Mark):
                    raise ValueError("unfinished")
                return value
            if name in _CONSTANTS:
                self.stack.append(_CONSTANTS[name])
            elif name in _VALUES:
                self.stack.append(argument)
            else:
                step = getattr(self, f"_{name.lower()}", None)
                if step is None:
                    raise _NotAdmittedError(f"the pickle opcode {name}")
                step(argument)
        raise ValueError("no end")

    # ---- containers

    def _mark(self, _):
        self.stack.append(_Mark())

    def _since_mark(self) -> list:
        start = len(self.stack) - 1
        while not isinstance(self.stack[start], _Mark):
            if start == 0:
                raise ValueError("no mark")
            start -= 1
        items = self.stack[start + 1 :]
        del self.stack[start:]
        return items

    def _empty_list(self, _):
        self.stack.append([])

    def _empty_dict(self, _):
        self.stack.append({})

    def _empty_set(self, _):
        self.stack.append(set())

    def _empty_tuple(self, _):
        self.stack.append(())

    def _list(self, _):
        self.stack.append(self._since_mark())

    def _tuple(self, _):
        self.stack.append(tuple(self._since_mark()))

    def _tuple1(self, _, count: int = 1):
        if len(self.stack) < count:
            raise IndexError
        items = tuple(self.stack[-count:])
        del self.stack[-count:]
        self.stack.append(items)

    def _tuple2(self, _):
        self._tuple1(None, 2)

    def _tuple3(self, _):
        self._tuple1(None, 3)

    def _dict(self, _):
        items = self._since_mark()
        self.stack.append({})
        self._fill(items)

    def _frozenset(self, _):
        self.stack.append(frozenset(map(_key, self._since_mark())))

    def _append(self, _):
        item = self.stack.pop()
        self._top(list).append(item)

    def _appends(self, _):
        items = self._since_mark()
        self._top(list).extend(items)

    def _additems(self, _):
        items = self._since_mark()
        self._top(set).update(map(_key, items))

    def _setitem(self, _):
        value, key = self.stack.pop(), self.stack.pop()
        self._fill([key, value])

    def _setitems(self, _):
        self._fill(self._since_mark())

    def _fill(self, items: list) -> None:
        self._top(dict).update((_key(k), v) for k, v in zip(items[::2], items[1::2], strict=True))

    def _top(self, kind: type):
        if not isinstance(self.stack[-1], kind):
            raise TypeError
        return self.stack[-1]

    # ---- stack and memo

    def _proto(self, _):
        pass

    def _frame(self, _):
        pass

    def _pop(self, _):
        self.stack.pop()

    def _pop_mark(self, _):
        self._since_mark()

    def _dup(self, _):
        self.stack.append(self.stack[-1])

    def _put(self, key: int):
        value = self.stack[-1]
        if isinstance(value, _Mark):
            raise TypeError
        if isinstance(value, _Array):
            value.keys.append(key)
        self.memo[key] = value

    _binput = _long_binput = _put

    def _memoize(self, _):
        self._put(len(self.memo))

    def _get(self, key: int):
        self.stack.append(self.memo[key])

    _binget = _long_binget = _get

    # ---- names, and the few things that may be made by name

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
        raise _NotAdmittedError(f"an object of {_shown(module, name)}")

    def _name(self, module: str, name: str) -> None:
        if (module, name) not in ADMITTED:
            raise _NotAdmittedError(_shown(module, name))
        self.stack.append(_Global(ADMITTED[module, name]))

    def _reduce(self, _):
        arguments, what = self.stack.pop(), self.stack.pop()
        if not isinstance(what, _Global) or not isinstance(arguments, tuple):
            raise TypeError
        self.stack.append(getattr(self, f"_make_{what.name.lower()}")(*arguments))

    def _build(self, _):
        state, what = self.stack.pop(), self.stack[-1]
        if isinstance(what, _Dtype):
            # version, byte order, and what only dtypes have that are not admitted
            if state[1] not in ("<", ">", "|", "=") or any(part is not None for part in state[2:5]):
                raise _NotAdmittedError("an array of a dtype made of others")
            if state[1] in "<>":
                what.order = state[1]
        elif isinstance(what, _Array):
            _version, shape, dtype, fortran, raw = state
            array = self._view(raw, dtype, shape, "F" if fortran else "C")
            self.stack[-1] = array
            for key in what.keys:
                if self.memo.get(key) is what:
                    self.memo[key] = array
            self.unfinished -= 1
        else:
            raise _NotAdmittedError("a state for something that has none")

    def _make_reconstruct(self, kind, _shape, _code) -> _Array:
        if not isinstance(kind, _Global) or kind.name != "ndarray":
            raise TypeError
        self.unfinished += 1
        return _Array()

    def _make_dtype(self, code, *_flags) -> _Dtype:
        return _Dtype(code)

    def _make_scalar(self, dtype, raw):
        return self._view(raw, dtype, (), "C")[()]

    def _make_frombuffer(self, raw, dtype, shape, order) -> np.ndarray:
        return self._view(raw, dtype, shape, "F" if order == "F" else "C")

    def _make_ordereddict(self, *arguments) -> OrderedDict:
        if not arguments:
            return OrderedDict()
        (pairs,) = arguments
        return OrderedDict((_key(key), value) for key, value in self._listed(pairs))

    def _make_set(self, items) -> set:
        return set(map(_key, self._listed(items)))

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
        if not isinstance(raw, bytes | bytearray) or not isinstance(dtype, _Dtype) or not isinstance(shape, tuple):
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

    def _spend(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise ValueError


_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_VALUES = {
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT",
    "STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8",
    "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8",
}  # fmt: skip


def _key(value):
    """A plain value only: the hash of deeply nested tuples would end the process."""
    if not isinstance(value, _KEYS):
        raise TypeError
    return value


def _shown(module: str, name: str) -> str:
    return repr(f"{module}.{name}"[:80])
