"""What one visitor has on the screen, and how it comes about. Nothing here knows a widget."""

import secrets
import threading
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from mat_core import Diagnoser, Diagnosis, ImageError, Metadata
from mat_core.encoding import encode_jpeg
from mat_core.images import load_image, scale_image

from .examples import Example
from .server.uploads import UPLOADS

THUMBNAIL_SIDE = 96  # pixels of the short side of the small copy beside the answer
SHOWN_SIDE = 960  # pixels of the long side of the copy that the page shows: sharp at twice the width it is drawn at
FORGOTTEN_AFTER = 300  # seconds that an uploaded file stays in the private cache
SWEPT_EVERY = 30  # seconds between looks at which files are that old
IDLE = 1800  # seconds that a diagnosis stays in memory without being touched


@dataclass(frozen=True)
class Before:
    """The answer as it was before the metadata changed: what the bars keep a ghost of."""

    probabilities: dict[str, float]
    metadata: Metadata


@dataclass(frozen=True)
class Took:
    """Seconds that one answer took here, as measured while it came about.

    decode, detect: None where the image and its regions were known already. copies: the small pictures of the image;
    drawing: all that is shown of the answer, which is done anew after a reload.
    """

    decode: float | None
    detect: float | None
    network: float
    copies: float = 0.0
    drawing: float = 0.0


def _new_key() -> str:
    return secrets.token_urlsafe(16)


@dataclass(frozen=True, eq=False)
class Session:
    """One diagnosis with what is needed to show it and to answer again when the metadata change.

    source: the opaque name of the upload that it is about, which may be gone by now; None where a reloaded page could
    not have it again. picture: a JPEG of it, at most SHOWN_SIDE on its long side; `diagnosis.regions.size` has the size
    of the original. example: where it is from, None for an upload. stale: another image has been chosen since and is
    not diagnosed yet. seen: (h, w, 3) uint8 RGB, the image as the detector sees it, to hide parts of. thumbnail: a
    small JPEG. key: of this very answer, another one for other metadata; nobody can guess it. before: the answer that
    this one took the place of. over: set once another answer has taken its place, so that nothing more need be computed
    about this one. found: what views have found about this very answer, for the handout: its keywords hidden, taken and
    doubted. took: where the time went.
    Compared by identity: gr.State hashes it often.
    """

    diagnosis: Diagnosis
    picture: bytes
    source: str | None
    example: Example | None = None
    stale: bool = False
    seen: np.ndarray | None = None
    thumbnail: bytes = b""
    key: str = field(default_factory=_new_key)
    before: Before | None = None
    over: threading.Event = field(default_factory=threading.Event)
    found: dict[str, Any] = field(default_factory=dict)
    took: Took | None = None

    def image(self) -> np.ndarray:
        """The picture as (h, w, 3) uint8 RGB."""
        return load_image(self.picture)


def analyse(
    diagnoser: Diagnoser, given: str | Path | bytes | np.ndarray, metadata: Metadata, tell=lambda share, text: None
) -> Session:
    """Diagnose a file of the app's own, the bytes of one, or an image. tell(share, text) is called as work goes on.

    Raises ImageError.
    """
    clock = [time.perf_counter()]
    source, image = str(given) if isinstance(given, str | Path) else "", load_image(given)
    clock.append(time.perf_counter())
    tell(0.3, "Finding regions")
    regions = diagnoser.regions(image)
    clock.append(time.perf_counter())
    tell(0.8, "Reading the metadata, attending")
    diagnosis = diagnoser.diagnose_regions(regions, metadata)
    clock.append(time.perf_counter())
    picture = encode_jpeg(scale_image(image, SHOWN_SIDE, SHOWN_SIDE), 88)
    small = encode_jpeg(scale_image(image, THUMBNAIL_SIDE, 2 * THUMBNAIL_SIDE), 82)
    seen = np.asarray(scale_image(image, *_sides(diagnoser)))
    clock.append(time.perf_counter())
    took = Took(*np.diff(clock).tolist())
    return Session(diagnosis, picture, source, seen=seen, thumbnail=small, took=took)


def answer_again(diagnoser: Diagnoser, session: Session, metadata: Metadata) -> Session:
    """The same image with other metadata: the network alone, on the regions that are known."""
    old, begun = session.diagnosis, time.perf_counter()
    diagnosis = diagnoser.diagnose_regions(old.regions, metadata)
    took = Took(None, None, time.perf_counter() - begun)
    before = session.before if metadata == old.metadata else Before(old.probabilities, old.metadata)
    session.over.set()
    return replace(
        session, diagnosis=diagnosis, stale=False, key=_new_key(), before=before, over=threading.Event(), found={},
        took=took,
    )  # fmt: skip


def for_visitor(session: Session) -> Session:
    """A copy with a key of its own: what one visitor makes of it is not over for another."""
    return replace(session, key=_new_key(), over=threading.Event(), found={})


def read_upload(name: str) -> bytes:
    """The file that was uploaded, by its opaque name. Raises ImageError, in one wording for all that is none."""
    try:
        return UPLOADS.read(name)
    except OSError:
        minutes = FORGOTTEN_AFTER // 60
        raise ImageError(
            f"The image was forgotten: uploads are deleted after {minutes} minutes. Give it again."
        ) from None


def _sides(diagnoser: Diagnoser) -> tuple[int, int]:
    """Short and long side in pixels of what the detector sees; what is shown, for one that does not say."""
    config = diagnoser.bundle.detector.config
    return getattr(config, "short_side", SHOWN_SIDE), getattr(config, "long_side", SHOWN_SIDE)
