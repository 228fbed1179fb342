"""The stack and the memo of a pickle, and the opcodes that fill containers: nothing here is made by a name."""

import io
import pickletools

MAX_BYTES = 2 * 2**30  # of a file; the largest detector of the zoo has 0.5 GiB
_KEYS = (str, bytes, int, float, bool, type(None))
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_VALUES = {
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT",
    "STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8",
    "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8",
}  # fmt: skip


class NotAdmittedError(Exception):
    """What was asked for, in words."""


class Unfinished:
    """What may lie on the stack, but is no value to give back."""


class Mark(Unfinished):
    """Where a container's items begin on the stack."""


class Array(Unfinished):
    """An array before its numbers are known, and the memo's keys for it."""

    def __init__(self):
        self.keys: list[int] = []


class Stack:
    """The stack and the memo of one file of `size` bytes."""

    def __init__(self, size: int):
        self.stack: list = []
        self.memo: dict[int, object] = {}
        self.left = 2 * size  # bytes and items that may be made; or a few bytes, repeated, would fill the memory
        self.unfinished = 0

    def run(self, data: bytes):
        """The value that the pickle `data` holds; what a damaged one stumbles over is raised as it comes."""
        for opcode, argument, _ in pickletools.genops(io.BytesIO(data)):
            name = opcode.name
            if name == "STOP":
                (value,) = self.stack
                if self.unfinished or isinstance(value, Unfinished):
                    raise ValueError("unfinished")
                return value
            if name in _CONSTANTS:
                self.stack.append(_CONSTANTS[name])
            elif name in _VALUES:
                self.stack.append(argument)
            else:
                step = getattr(self, f"_{name.lower()}", None)
                if step is None:
                    raise NotAdmittedError(f"the pickle opcode {name}")
                step(argument)
        raise ValueError("no end")

    # ---- containers

    def _mark(self, _):
        self.stack.append(Mark())

    def _since_mark(self) -> list:
        start = len(self.stack) - 1
        while not isinstance(self.stack[start], Mark):
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
        self.stack.append(frozenset(map(plain_key, self._since_mark())))

    def _append(self, _):
        item = self.stack.pop()
        self._top(list).append(item)

    def _appends(self, _):
        items = self._since_mark()
        self._top(list).extend(items)

    def _additems(self, _):
        items = self._since_mark()
        self._top(set).update(map(plain_key, items))

    def _setitem(self, _):
        value, key = self.stack.pop(), self.stack.pop()
        self._fill([key, value])

    def _setitems(self, _):
        self._fill(self._since_mark())

    def _fill(self, items: list) -> None:
        self._top(dict).update((plain_key(k), v) for k, v in zip(items[::2], items[1::2], strict=True))

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
        if isinstance(value, Mark):
            raise TypeError
        if isinstance(value, Array):
            value.keys.append(key)
        self.memo[key] = value

    _binput = _long_binput = _put

    def _memoize(self, _):
        self._put(len(self.memo))

    def _get(self, key: int):
        self.stack.append(self.memo[key])

    _binget = _long_binget = _get

    def _spend(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise ValueError


def plain_key(value):
    """A plain value only: the hash of deeply nested tuples would end the process."""
    if not isinstance(value, _KEYS):
        raise TypeError
    return value
