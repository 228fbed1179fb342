"""The project's JavaScript, CSS and texts as static files, under an address that changes with their content."""

import hashlib
from pathlib import Path

from starlette.staticfiles import StaticFiles

ASSETS = Path(__file__).resolve().parents[2] / "assets"
SERVED = (".js", ".css")


def _version() -> str:
    digest = hashlib.sha256()
    texts = (ASSETS / "languages").glob("*.json")
    for path in sorted([*texts, *(path for path in ASSETS.rglob("*") if path.suffix in SERVED)]):
        digest.update(path.relative_to(ASSETS).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


PREFIX = f"/static/mat-{_version()}"  # one for all files, so that modules can import each other by relative paths


def static_url(name: str) -> str:
    """The address of a file in assets/, e.g. "explorer/explorer.js", for `import()` in the page.

    Below the app's own path, if it has one. The answer may be cached for ever: other content, other address.
    """
    if not (ASSETS / name).is_file() or not name.endswith(SERVED):
        raise ValueError(f"No {' or '.join(SERVED)} file in assets/: {name}")
    return f"{PREFIX}/{name}"


def static_files() -> StaticFiles:
    """The ASGI app to mount at PREFIX."""
    return StaticFiles(directory=ASSETS)
