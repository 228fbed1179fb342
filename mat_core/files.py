"""Reading a file that someone else named."""

import errno
import os
import stat
from pathlib import Path


class TooLargeError(OSError):
    """The file has more bytes than are read."""


def read_file(path: Path, limit: int) -> bytes:
    """The bytes of a regular file, at most `limit` of them.

    Raises TooLargeError, IsADirectoryError, another OSError, or ValueError (a NUL in the name). What is no regular file
    (a pipe, a device, a socket) is refused: it may never end, and opening it may wait for someone.
    """
    found = path.stat()
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder")
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "it is no regular file")
    if found.st_size > limit:
        raise TooLargeError(errno.EFBIG, "it is too large")
    with open(path, "rb", opener=_without_waiting) as file:  # it may have become a pipe since
        data = file.read(limit + 1) or b""
    if len(data) > limit:  # a growing file is longer than stat says
        raise TooLargeError(errno.EFBIG, "it is too large")
    return data


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
