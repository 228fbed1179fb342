"""Read arrays from a pickle without running its code, for weights of detectron2's model zoo.

Only the names that arrays need are allowed (see "Restricting Globals" in Python's documentation of pickle), and they
are replaced, as numpy's functions would accept arrays of pointers. A hostile file can still exhaust the memory.
"""

import io
import pickle
import pickletools
import re
from pathlib import Path

import numpy as np

from mat_core.errors import BundleError
from mat_core.utils.files import TooLargeError, read_file

MAX_BYTES = 2 * 2**30  # of a file; the largest detector of the zoo has 0.5 GiB
_CODES = re.compile(r"[<>|=]?(b1|[iu][1248]|f[248])")


class _RefusedError(Exception):
    """The file names something that is not allowed."""


class _Dtype:
    """A numeric dtype; the file can only change its byte order."""

    __slots__ = ("numpy",)

    def __init__(self, code, *_flags):
        if not isinstance(code, str) or not _CODES.fullmatch(code):
            raise _RefusedError(f"an array of dtype {str(code)[:20]!r}")
        self.numpy = np.dtype(code)

    def __setstate__(self, state):
        if any(part is not None for part in state[2:5]):
            raise _RefusedError("an array of a compound dtype")
        self.numpy = self.numpy.newbyteorder(state[1])


class _Array(np.ndarray):
    """An array that the file fills with numbers."""

    def __setstate__(self, state):
        version, shape, dtype, fortran, data = state
        super().__setstate__((version, shape, _numbers(dtype), fortran, data))


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str):
        """The replacement of an allowed name: a method, whose attributes the file cannot set."""
        functions = {
            "numpy.dtype": self._dtype, "numpy.ndarray": None, "collections.OrderedDict": self._dict,
            "_codecs.encode": self._encode, "builtins.bytes": self._no_bytes, "__builtin__.bytes": self._no_bytes,
        }  # fmt: skip
        for core in ("numpy.core", "numpy._core"):  # numpy 1 and 2
            functions[f"{core}.multiarray._reconstruct"] = self._array
            functions[f"{core}.multiarray.scalar"] = self._scalar
            functions[f"{core}.numeric._frombuffer"] = self._from_buffer
        if f"{module}.{name}" not in functions or "." in name:
            raise _RefusedError(f"{module}.{name}"[:80])
        return functions[f"{module}.{name}"]

    def persistent_load(self, _):
        raise _RefusedError("an object outside of it")

    def _dtype(self, *arguments):
        return _Dtype(*arguments)

    def _dict(self, pairs=()):
        return dict(pairs)

    def _encode(self, text, _encoding):  # how protocols 0 to 2 write bytes
        return text.encode("latin-1")

    def _no_bytes(self):
        return b""

    def _array(self, *_):
        return np.ndarray.__new__(_Array, (0,), np.uint8)

    def _scalar(self, dtype, data):
        return self._from_buffer(data, dtype, (), "C")[()]

    def _from_buffer(self, data, dtype, shape, order):
        data = data.encode("latin-1") if isinstance(data, str) else data  # Python 2's bytes
        return np.frombuffer(data, _numbers(dtype)).reshape(shape, order=order)


def _numbers(dtype) -> np.dtype:
    if not isinstance(dtype, _Dtype):
        raise TypeError
    return dtype.numpy


def read_pickle(path: str | Path):
    """The value of a pickle of numeric arrays, plain values and containers. Text of Python 2 is read as latin-1.

    Raises BundleError for a file that is damaged, too large, no pickle, or that names anything else.
    """
    path = Path(path)
    try:
        data = read_file(path, MAX_BYTES)
    except FileNotFoundError:
        raise BundleError(f"There is no file {path}.") from None
    except TooLargeError:
        raise BundleError(f"{path} is too large: at most {MAX_BYTES // 2**30} GiB are read.") from None
    except OSError as error:
        raise BundleError(f"{path} cannot be read: {error.strerror}.") from None
    try:
        # Python allocates memory for the largest memo key at once
        if any("PUT" in code.name and key > len(data) for code, key, _ in pickletools.genops(data)):
            raise ValueError
        return _Unpickler(io.BytesIO(data), encoding="latin-1").load()
    except _RefusedError as error:
        raise BundleError(f"{path} is refused: it names {error}. Weights need arrays and plain values only.") from None
    except Exception:  # a damaged pickle can raise nearly anything
        raise BundleError(f"{path} is damaged or no pickle: download it again.") from None
