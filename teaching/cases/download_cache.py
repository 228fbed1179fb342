"""Cache of photographs downloaded from the ISIC archive, outside the repository.

They are public images; nothing that a visitor uploads is ever in here.
"""

import hashlib
import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from mat_core.utils.files import atomic_write, read_file

NAME = "mat-attention-demo"


def cache_folder() -> Path:
    """The platform's cache folder, or the temporary one for a user without a home."""
    if given := os.environ.get("XDG_CACHE_HOME"):
        return Path(given) / NAME
    if sys.platform == "win32" and (local := os.environ.get("LOCALAPPDATA")):
        return Path(local) / NAME / "Cache"
    try:
        home = Path.home()
    except RuntimeError:  # an unknown user, as in containers
        return Path(tempfile.gettempdir()) / NAME
    return home.joinpath(*("Library", "Caches") if sys.platform == "darwin" else (".cache",)) / NAME


class Cache:
    """A folder of files by id, each with its SHA-256 in its name. limit: bytes of one file."""

    def __init__(self, folder: Path, limit: int):
        self._folder, self._limit = folder, limit

    def path(self, name: str) -> Path | None:
        """The file of an id, or None. A damaged one is deleted."""
        for path in sorted(self._folder.glob(f"{name}-*.jpg")):
            with suppress(OSError):
                if path.name == _file_name(name, read_file(path, self._limit)):
                    return path
            with suppress(OSError):
                path.unlink()
        return None

    def add(self, name: str, data: bytes) -> Path:
        """Write these bytes and return their file. Raises OSError where the folder cannot be written to."""
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / _file_name(name, data)
        atomic_write(path, lambda partial: partial.write_bytes(data))
        return path


def _file_name(name: str, data: bytes) -> str:
    return f"{name}-{hashlib.sha256(data).hexdigest()}.jpg"
