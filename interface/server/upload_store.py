"""Uploaded images: one flat folder, opaque names, deleted by age.

The name of an upload is 'TOKEN/lesion.jpg': 32 random hex digits, and the visitor's file name, which is shown and never
used to find it. Nothing else that a request names is opened, so no path of this machine can be read.
"""

import os
import re
import secrets
import tempfile
import threading
import time
from pathlib import Path

from mat_core.data.image_loading import MAX_BYTES
from mat_core.utils.files import open_regular

UPLOAD_TTL = 300  # seconds that an uploaded file stays in the private folder
SWEEP_INTERVAL = 30  # seconds between looks for files that old
BUDGET = 512 * 2**20  # bytes that all uploads together may take on the disk


class Uploads:
    """The folder, and what is known of its files. Safe between threads; budget: bytes of all files together."""

    def __init__(self, folder: Path | None = None, budget: int = BUDGET):
        self._folder, self._budget, self._lock = folder, budget, threading.Lock()
        self._kept: dict[str, Path] = {}  # opaque name -> a file of the app's own
        self._given: dict[str, tuple[str, int]] = {}  # opaque name -> who gave it, and bytes; oldest first

    @property
    def folder(self) -> Path:
        """Where uploads lie: $GRADIO_TEMP_DIR, which `private_cache` sets."""
        return self._folder or Path(os.environ.get("GRADIO_TEMP_DIR") or Path(tempfile.gettempdir(), "gradio"))

    def add(self, data: bytes, filename: str = "", owner: str = "") -> str:
        """Keep an image's bytes; returns its opaque name. owner: the address it came from.

        Where the budget is used up, the oldest files of whoever holds most make room. Raises OSError when the disk is
        full; nothing is left of the file then.
        """
        token = secrets.token_hex(16)
        path = self.folder / token
        with self._lock:
            self._make_room(len(data))
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
            except OSError:
                path.unlink(missing_ok=True)
                raise
            name = f"{token}/{sanitize_filename(filename)}"
            self._given[name] = owner, len(data)
        return name

    def keep(self, path: Path) -> str:
        """The opaque name of a file of the app's own, an example: always the same while the app runs."""
        with self._lock:
            existing = next((name for name, file in self._kept.items() if file == path), None)
            name = existing or f"{secrets.token_hex(16)}/{sanitize_filename(path.name)}"
            self._kept[name] = path
            return name

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and (name in self._kept or name in self._given)

    def read(self, name: object) -> bytes:
        """The bytes behind an opaque name. Raises FileNotFoundError for everything that is none, or is gone by now."""
        if name not in self:
            raise FileNotFoundError
        if name in self._kept:
            return self._kept[name].read_bytes()
        try:  # no link is followed and nothing waited for, whatever somebody may have put there
            file = open_regular(self.folder / name.split("/")[0], follow=False)
        except OSError:
            raise FileNotFoundError from None
        with file:
            return file.read(MAX_BYTES + 1)

    def sweep(self, age: float) -> None:
        """Delete what has lain in the folder for `age` seconds, whatever put it there."""
        limit = time.time() - age
        for top, folders, files in os.walk(self.folder, topdown=False):
            for name in files:
                _delete_older(Path(top, name), limit)
            for name in folders:
                try:
                    if Path(top, name).lstat().st_mtime <= limit:
                        os.rmdir(Path(top, name))  # fails, as it should, while something is in it
                except OSError:
                    pass
        with self._lock:
            self._given = {n: entry for n, entry in self._given.items() if (self.folder / n.split("/")[0]).exists()}

    def _make_room(self, size_needed: int) -> None:
        while self._given and sum(size for _, size in self._given.values()) + size_needed > self._budget:
            bytes_by_owner: dict[str, int] = {}
            for owner, size in self._given.values():
                bytes_by_owner[owner] = bytes_by_owner.get(owner, 0) + size
            largest = max(bytes_by_owner, key=bytes_by_owner.get)
            name = next(n for n, (owner, _) in self._given.items() if owner == largest)
            del self._given[name]
            (self.folder / name.split("/")[0]).unlink(missing_ok=True)


def sanitize_filename(filename: str) -> str:
    """A file's name as it may be shown: its last part, without what a file system or an address could take amiss."""
    name = re.sub(r"[^\w .()+-]", "", re.split(r"[/\\]", filename)[-1]).strip(". ")
    return name[-100:] or "image"


def _delete_older(path: Path, limit: float) -> None:
    try:
        if path.lstat().st_mtime <= limit:
            path.unlink()
    except OSError:
        pass


UPLOADS = Uploads()
