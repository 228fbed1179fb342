"""Private temporary and cache folders.

Enter `private_cache` before importing torch, matplotlib or gradio: they read the environment at import.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

PREFIX, LOCK = "mat-demo-", "lock"  # the process that owns a folder holds its lock
# variables of libraries for their cache folder, and its name below the private one where the home cannot be written to
CACHES = {"MPLCONFIGDIR": "matplotlib", "TORCH_HOME": "torch", "HF_HOME": "huggingface", "XDG_CACHE_HOME": "cache"}
# folders for what libraries compile or derive from uploads: always below the private one
PRIVATE = {"TORCHINDUCTOR_CACHE_DIR": "inductor", "TRITON_HOME": "triton", "GRADIO_EXAMPLES_CACHE": "examples"}


@contextmanager
def private_cache() -> Iterator[Path]:
    """Give a folder that this user alone can read; it is deleted on the way out, whatever the reason.

    Uploads go into it and, where there is no writable home (e.g. a container with an unknown user), the caches of
    matplotlib, torch and huggingface_hub. Folders left by killed processes are deleted on the way in. Raises OSError
    where no folder can be written to.
    """
    for lock in Path(_temporary()).glob(f"{PREFIX}*/{LOCK}"):
        with suppress(OSError, Timeout), FileLock(lock, blocking=False):  # its process has ended
            shutil.rmtree(lock.parent, ignore_errors=True)
    with (
        tempfile.TemporaryDirectory(prefix=PREFIX, dir=_temporary(), ignore_cleanup_errors=True) as name,
        FileLock(Path(name, LOCK)),
    ):
        folder = Path(name)
        uploads = folder / "uploads"
        uploads.mkdir()
        os.environ["GRADIO_TEMP_DIR"] = str(uploads)
        os.environ.setdefault("PATH", os.defpath)  # pydub, which gradio imports, does not start without
        before, tempfile.tempdir = tempfile.tempdir, str(uploads)  # temporary files are swept, too
        for variable, place in PRIVATE.items():
            os.environ[variable] = str(folder / place)
        for variable, place in CACHES.items():
            if not _writable(os.environ.get(variable) or _home()):
                os.environ[variable] = str(folder / place)
                (folder / place).mkdir()
        try:
            yield folder
        finally:
            tempfile.tempdir = before


def _temporary() -> str:
    """The machine's temporary folder, or a writable cache folder where there is none."""
    try:
        return tempfile.gettempdir()
    except FileNotFoundError:
        for place in (os.environ.get("XDG_CACHE_HOME"), os.environ.get("HF_HOME"), os.path.join(_home(), ".cache")):
            if place and os.path.isdir(place) and _writable(place):
                return place
        raise


def _home() -> str:
    """The home folder; empty where the user has none: '~' would then be a folder of that name."""
    home = os.path.expanduser("~")
    return "" if home == "~" else home


def _writable(folder: str) -> bool:
    """Whether files can be made in this folder, or the folder itself where it does not exist yet."""
    path = Path(folder).absolute()
    while not path.exists() and path != path.parent:
        path = path.parent
    return bool(folder) and path.is_dir() and os.access(path, os.W_OK | os.X_OK)
