"""Photographs that the archive has given, kept outside the repository so that each is asked for once.

They are public, published pictures; nothing that a visitor gave is ever in here.
"""

import hashlib
import os
import sys
from contextlib import suppress
from pathlib import Path

from mat_core.files import read_file, replace_file

NAME = "mat-attention-demo"


def cache_folder() -> Path:
    """Where this platform wants caches; below $XDG_CACHE_HOME where that is set."""
    if given := os.environ.get("XDG_CACHE_HOME"):
        return Path(given) / NAME
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / NAME
    if sys.platform == "win32" and (local := os.environ.get("LOCALAPPDATA")):
        return Path(local) / NAME / "Cache"
    return Path.home() / ".cache" / NAME


class Cache:
    """A folder of files by id, each with its SHA-256 in its name: what is damaged is not there. limit: bytes of one."""

    def __init__(self, folder: Path, limit: int):
        self._folder, self._limit = folder, limit

    def path(self, name: str) -> Path | None:
        """The file of an id where it is there and whole; one that is not is deleted."""
        for path in sorted(self._folder.glob(f"{name}-*.jpg")):
            with suppress(OSError):
                if path.name == _file_name(name, read_file(path, self._limit)):
                    return path
            with suppress(OSError):
                path.unlink()
        return None

    def add(self, name: str, data: bytes) -> Path:
        """Keep these bytes; returns their file. Raises OSError where the folder cannot be written to."""
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / _file_name(name, data)
        replace_file(path, lambda partial: partial.write_bytes(data))
        return path


def _file_name(name: str, data: bytes) -> str:
    return f"{name}-{hashlib.sha256(data).hexdigest()}.jpg"
