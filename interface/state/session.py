"""A visitor's current case: the diagnosis and what is needed to show it. Independent of Gradio."""

import hashlib
import secrets
import threading
import time
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from mat_core import Diagnoser, Diagnosis, ImageError, Metadata
from mat_core.data.crop import Crop
from mat_core.data.dicom import dicom_metadata
from mat_core.data.image_encoding import encode_jpeg
from mat_core.data.image_loading import load_image, scale_image
from mat_core.data.image_quality import ImageQuality, check_quality
from teaching.cases.example import Example

from ..server.upload_store import UPLOAD_TTL, UPLOADS

THUMBNAIL_SIDE = 96  # pixels of the short side of the small copy beside the answer
SHOWN_SIDE = 960  # pixels of the long side of the copy that the page shows: sharp at twice the width it is drawn at
SESSION_TTL = 1800  # seconds that a diagnosis stays in memory without being touched


@dataclass(frozen=True)
class PreviousAnswer:
    """The answer before the last change of the metadata."""

    probabilities: dict[str, float]
    metadata: Metadata


@dataclass(frozen=True)
class Timings:
    """Seconds that the parts of an answer took.

    decode, detect: None where the regions were cached. copies: scaling and encoding the image for the page; drawing:
    the HTML of the answer.
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
    """One diagnosis with what is needed to show it and to repeat it with other metadata.

    image: (h, w, 3) uint8 RGB, at most SHOWN_SIDE on its long side; `diagnosis.regions.size` is the original size.
    detector_image: the image at the detector's size. picture: `image` as JPEG, for the page. thumbnail: a small JPEG.
    source: opaque name of the upload, which may have been deleted; None where a reloaded page cannot get it again.
    crop: the part of the upload that was diagnosed, None for all of it; quality: what was seen of the photograph.
    example: origin, None for an upload. is_stale: another image is chosen but not diagnosed yet. key: unguessable name
    of this answer; other metadata give another one. previous: the answer that it replaced. cancelled: set once it is
    replaced itself, so that computations about it stop. results: explanations computed so far, by the keywords of
    `handout`: hidden, taken, doubted. Compared by identity, as gr.State hashes it often.
    """

    diagnosis: Diagnosis
    image: np.ndarray
    detector_image: np.ndarray
    picture: bytes
    source: str | None
    crop: Crop | None = None
    quality: ImageQuality | None = None
    example: Example | None = None
    is_stale: bool = False
    thumbnail: bytes = b""
    key: str = field(default_factory=_new_key)
    previous: PreviousAnswer | None = None
    cancelled: threading.Event = field(default_factory=threading.Event)
    results: dict[str, Any] = field(default_factory=dict)
    timings: Timings | None = None

    @cached_property
    def picture_id(self) -> str:
        """Names the picture on the page."""
        return hashlib.blake2b(self.picture, digest_size=8).hexdigest()


def diagnose_image(
    diagnoser: Diagnoser,
    source: str | Path | bytes | np.ndarray,
    metadata: Metadata,
    crop: Crop | None = None,
) -> Session:
    """Diagnose an image: a file, its bytes, or an array. crop: only this part of it.

    Raises ImageError.
    """
    clock = [time.perf_counter()]
    name, original = str(source) if isinstance(source, str | Path) else "", load_image(source, crop)
    clock.append(time.perf_counter())
    regions = diagnoser.regions(original)
    clock.append(time.perf_counter())
    diagnosis = diagnoser.diagnose_regions(regions, metadata)
    clock.append(time.perf_counter())
    small = max(original.shape[:2]) <= SHOWN_SIDE
    image = np.asarray(original if small else scale_image(original, SHOWN_SIDE, SHOWN_SIDE))
    picture = encode_jpeg(image, 88)
    thumbnail = encode_jpeg(scale_image(image, THUMBNAIL_SIDE, 2 * THUMBNAIL_SIDE), 82)
    detector_image = diagnoser.detector_image(original)
    clock.append(time.perf_counter())
    timings = Timings(*np.diff(clock).tolist())
    return Session(
        diagnosis, image, detector_image, picture, name, crop, check_quality(original), thumbnail=thumbnail,
        timings=timings,
    )  # fmt: skip


def rediagnose(diagnoser: Diagnoser, session: Session, metadata: Metadata) -> Session:
    """The same image with other metadata: only the network runs, on the cached regions."""
    old, start = session.diagnosis, time.perf_counter()
    diagnosis = diagnoser.diagnose_regions(old.regions, metadata)
    timings = Timings(None, None, time.perf_counter() - start)
    previous = session.previous if metadata == old.metadata else PreviousAnswer(old.probabilities, old.metadata)
    session.cancelled.set()
    return replace(fork_session(session), diagnosis=diagnosis, is_stale=False, previous=previous, timings=timings)


def fork_session(session: Session) -> Session:
    """A copy with its own key, results and cancellation."""
    return replace(session, key=_new_key(), cancelled=threading.Event(), results={})


def read_upload(name: str) -> bytes:
    """The bytes of an upload by its opaque name. Raises ImageError, with one message whatever the reason."""
    try:
        return UPLOADS.read(name)
    except OSError:
        minutes = UPLOAD_TTL // 60
        message = f"The image was forgotten: uploads are deleted after {minutes} minutes. Give it again."
        raise ImageError(message) from None


def upload_metadata(name: str) -> Metadata:
    """The metadata of an uploaded DICOM file; none for other formats and for files that Diagnose will refuse."""
    try:
        return dicom_metadata(read_upload(name))
    except ImageError:
        return Metadata()
