"""Files: reading one that someone else named, finding all, replacing one at once, and the checksum of one."""

import errno
import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO


class TooLargeError(OSError):
    """The file has more bytes than are read."""


def open_regular(path: Path, follow: bool = True) -> BinaryIO:
    """A regular file, open for reading. follow: a symbolic link is followed.

    Raises IsADirectoryError, another OSError, or ValueError (a NUL in the name). What is not a regular file (a pipe, a
    device, a socket) is refused: it may never end, and opening it may wait for someone.
    """
    _refuse_special(path.stat(follow_symlinks=follow))
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
    handle = os.open(path, flags | (0 if follow else getattr(os, "O_NOFOLLOW", 0)))
    try:
        _refuse_special(os.fstat(handle))  # it may have become a pipe since
        return os.fdopen(handle, "rb")
    except OSError:
        os.close(handle)
        raise


def read_file(path: Path, limit: int) -> bytes:
    """The bytes of a regular file, at most `limit` of them. Raises TooLargeError, and what `open_regular` raises."""
    with open_regular(path) as file:
        if os.fstat(file.fileno()).st_size > limit:
            raise TooLargeError(errno.EFBIG, "it is too large")
        data = file.read(limit + 1)
    if len(data) > limit:  # a growing file is longer than its size says
        raise TooLargeError(errno.EFBIG, "it is too large")
    return data


def replace_file(path: Path, write: Callable[[Path], object]) -> None:
    """Have `write` make a file beside `path`, then put it there: who reads meets the old one or the new, never half."""
    partial = path.with_name(path.name + ".partial")
    write(partial)
    os.replace(partial, path)


def files_below(root: Path) -> list[Path]:
    """Every file below `root`, sorted; links to folders are followed (Path.rglob does not), each folder once."""
    found, seen = [], set()
    for folder, below, names in os.walk(root, followlinks=True):
        if (real := os.path.realpath(folder)) in seen:
            below.clear()
            continue
        seen.add(real)
        found += [Path(folder, name) for name in names]
    return sorted(found)


def checksum(path: Path) -> str:
    """SHA-256 of a file, 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _refuse_special(found: os.stat_result) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder")
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file")
