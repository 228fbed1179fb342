"""File helpers: safe read of a user-supplied path, recursive listing, atomic write, SHA-256."""

import errno
import hashlib
import os
import stat
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO


class TooLargeError(OSError):
    """The file exceeds the size limit."""


def open_regular(path: Path, follow: bool = True) -> BinaryIO:
    """Open a regular file for reading. follow: follow a symbolic link.

    Pipes, devices and sockets are refused, as they may block. Raises IsADirectoryError, OSError, or ValueError for a
    NUL in the name.
    """
    _refuse_special(path.stat(follow_symlinks=follow))
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
    handle = os.open(path, flags | (0 if follow else getattr(os, "O_NOFOLLOW", 0)))
    try:
        _refuse_special(os.fstat(handle))  # the file may have been replaced
        return os.fdopen(handle, "rb")
    except OSError:
        os.close(handle)
        raise


def read_file(path: Path, limit: int) -> bytes:
    """The bytes of a regular file. Raises TooLargeError for more than `limit`, and as `open_regular`."""
    with open_regular(path) as file:
        if os.fstat(file.fileno()).st_size > limit:
            raise TooLargeError(errno.EFBIG, "it is too large")
        data = file.read(limit + 1)
    if len(data) > limit:  # the file may grow
        raise TooLargeError(errno.EFBIG, "it is too large")
    return data


def atomic_write(path: Path, write: Callable[[Path], object]) -> None:
    """Write to a temporary file beside `path`, then replace `path`."""
    partial = path.with_name(path.name + ".partial")
    write(partial)
    os.replace(partial, path)


def list_files(root: Path) -> list[Path]:
    """All files below `root`, sorted; links to folders are followed, each folder once."""
    files, visited = [], set()
    for folder, below, names in os.walk(root, followlinks=True):
        if (real := os.path.realpath(folder)) in visited:
            below.clear()
            continue
        visited.add(real)
        files += [Path(folder, name) for name in names]
    return sorted(files)


def name_key(name: str) -> str:
    """A normalized file name for comparisons across file systems."""
    return unicodedata.normalize("NFC", name).casefold()


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _refuse_special(status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder")
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file")
