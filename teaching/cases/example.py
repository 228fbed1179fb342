"""One case that can be opened: a drawing by this project, or a real lesion with its attribution."""

from dataclasses import dataclass
from pathlib import Path

from mat_core import Metadata


@dataclass(frozen=True)
class Example:
    """One case to try. `diagnosis` is confirmed for a real lesion, and the look that a synthetic one imitates.

    note: what has to be said with it, such as whose the photograph is, or why a drawing is in its place.
    """

    name: str
    path: Path
    metadata: Metadata
    diagnosis: str
    synthetic: bool
    note: str = ""
