"""Folders of our own for what libraries write. They read the names while they are imported: enter this before."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PREFIX = "mat-demo-"
# what the libraries call their cache folder, and where below the private one it goes when the home cannot be written to
CACHES = {
    "MPLCONFIGDIR": "matplotlib",
    "TORCH_HOME": "torch",
    "HF_HOME": "huggingface",
    "XDG_CACHE_HOME": "cache",
}
# where libraries put what they compile or cut out of what they were given: always below the private folder
PRIVATE = {"TORCHINDUCTOR_CACHE_DIR": "inductor", "TRITON_HOME": "triton", "GRADIO_EXAMPLES_CACHE": "examples"}


@contextmanager
def private_cache() -> Iterator[Path]:
    """The folder, readable by this user alone; it is deleted on the way out, whatever the reason.

    Gradio's uploads go into it, and where the home is read-only (a container with a user of its own, as on Spaces) so
    do the caches of matplotlib, torch and huggingface_hub. A process that was killed hard could not delete its own:
    what is left of those is deleted on the way in. Raises OSError when there is no folder at all to write to.
    """
    for left in Path(_temporary()).glob(f"{PREFIX}*"):
        if left.stat().st_uid == os.getuid() and not _runs(left.name.removeprefix(PREFIX).split("-")[0]):
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(
        prefix=f"{PREFIX}{os.getpid()}-", dir=_temporary(), ignore_cleanup_errors=True
    ) as name:
        folder = Path(name)
        uploads = folder / "uploads"
        uploads.mkdir()
        os.environ["GRADIO_TEMP_DIR"] = str(uploads)
        before, tempfile.tempdir = tempfile.tempdir, str(uploads)  # what anybody writes for a moment is swept, too
        for variable, place in PRIVATE.items():
            os.environ[variable] = str(folder / place)
        for variable, place in CACHES.items():
            if not _writable(os.environ.get(variable) or os.path.expanduser("~")):
                os.environ[variable] = str(folder / place)
                (folder / place).mkdir()
        try:
            yield folder
        finally:
            tempfile.tempdir = before


def _temporary() -> str:
    """The machine's temporary folder; where there is none that can be written to, a cache folder that can."""
    try:
        return tempfile.gettempdir()
    except FileNotFoundError:
        for place in (os.environ.get("XDG_CACHE_HOME"), os.environ.get("HF_HOME"), os.path.expanduser("~/.cache")):
            if place and os.path.isdir(place) and _writable(place):
                return place
        raise


def _writable(place: str) -> bool:
    """Whether files can be made in this folder, or the folder itself where it does not exist yet."""
    path = Path(place).absolute()
    while not path.exists() and path != path.parent:
        path = path.parent
    return path.is_dir() and os.access(path, os.W_OK | os.X_OK)


def _runs(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except (PermissionError, ValueError):
        pass
    return True
