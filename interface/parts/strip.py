"""What stays in sight on every tab: which case this is, in one line."""

from mat_core.encoding import data_uri
from mat_core.labels import BY_CODE
from mat_core.wording import share

from ..session import Session
from .answer import doubts
from .text import esc

TOPS = 3  # classes that are named


def strip_html(session: Session | None) -> str:
    """Small picture, words read, the likeliest classes with their bars, any doubt; `data-case` is the answer's key."""
    if session is None:
        return '<div class="strip" data-case=""><p class="empty">No case yet.</p></div>'
    diagnosis = session.diagnosis
    words = " ".join(word.text for word in diagnosis.words) or "no word read"
    tops = sorted(diagnosis.probabilities.items(), key=lambda item: -item[1])[:TOPS]
    bars = "".join(
        f'<li class="{BY_CODE[code].nature}" data-code="{code}"><span class="name">{esc(BY_CODE[code].name)}</span>'
        f'<span class="value">{share(p)}</span><span class="track" aria-hidden="true">'
        f'<span style="width:{100 * p:.2f}%"></span></span></li>'
        for code, p in tops
    )
    unsure = '<span class="doubtful">unsure</span>' if doubts(diagnosis) else ""
    previous = '<span class="previous">the previous image</span>' if session.stale else ""
    what = "drawing" if session.example is not None and session.example.synthetic else "image"
    return (
        f'<div class="strip" data-case="{session.key}"><img src="{data_uri(session.thumbnail, "jpeg")}" '
        f'alt="The {what} of this case"><p class="who"><span>{esc(words)}</span>{previous}'
        f"{'<span>a drawing</span>' if what == 'drawing' else ''}{unsure}</p>"
        f'<ol class="bars tops" aria-label="The likeliest classes">{bars}</ol></div>'
    )
