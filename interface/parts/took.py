"""Where the time went, in a quiet line: what was measured of this very answer."""

import time
from collections.abc import Callable
from typing import TypeVar

from ..session import Took

Found = TypeVar("Found")


def took_html(took: Took | None) -> str:
    """An answer's time; under the pointer or the focus its parts, and what the page measured. It takes no room."""
    if took is None:
        return ""
    parts = {
        "reading the image": took.decode,
        "finding regions": took.detect,
        "the network": took.network,
        "pictures": took.copies + took.drawing,
    }
    said = ", ".join(
        f"<span><span>{name}</span> {spell(value)}</span>" for name, value in parts.items() if value is not None
    )
    whole = sum(value for value in parts.values() if value is not None)
    screen = '<span data-part="screen" hidden>; <span>from click to screen</span> <span data-part="time"></span></span>'
    return (
        f'<div class="took at-head" data-terms="off" tabindex="0" role="note"><b><span>Time:</span> {spell(whole)}</b>'
        f"<i>{said}{screen}</i></div>"
    )


def all_in(seconds: float) -> str:
    """The same where there is one number."""
    return f'<p class="fine took" data-terms="off"><span>Time:</span> {spell(seconds)}</p>'


def timed(answer: Callable[[], Found]) -> tuple[Found, float]:
    """What `answer` gives, and the seconds that it took."""
    begun = time.perf_counter()
    return answer(), time.perf_counter() - begun


def spell(seconds: float) -> str:
    """'8 ms', '1.2 s'."""
    if seconds >= 0.9995:
        return f"{seconds:.1f} s"
    return f"{1000 * seconds:.0f} ms" if seconds >= 0.0005 else "less than 1 ms"
