"""The summary of the current case, shown on every tab."""

from mat_core.data.image_encoding import data_uri
from mat_core.data.labels import BY_CODE
from mat_core.utils.formatting import format_percent

from ..frontend.html import escape
from ..frontend.translations import attribute, option, t
from ..state.session import Session
from .prediction import doubts

TOPS = 3  # classes that are named


def strip_html(session: Session | None) -> str:
    """Thumbnail, words, most probable classes and warnings; `data-case` is the session's key."""
    if session is None:
        return '<div class="strip" data-case=""><p class="empty">' + t("strip.empty") + "</p></div>"
    diagnosis = session.diagnosis
    words = escape(" ".join(word.text for word in diagnosis.words)) or t("strip.no-word")
    tops = sorted(diagnosis.probabilities.items(), key=lambda item: -item[1])[:TOPS]
    bars = "".join(
        f'<li class="{BY_CODE[code].nature}" data-code="{code}"><span class="name">{option(BY_CODE[code].name)}</span>'
        f'<span class="value">{format_percent(p)}</span><span class="track" aria-hidden="true">'
        f'<span style="width:{100 * p:.2f}%"></span></span></li>'
        for code, p in tops
    )
    unsure = f'<span class="doubtful">{t("strip.unsure")}</span>' if doubts(diagnosis) else ""
    previous = f'<span class="previous">{t("strip.previous")}</span>' if session.is_stale else ""
    cropped = f"<span>{t('strip.cropped')}</span>" if session.crop is not None and not session.is_stale else ""
    what = "drawing" if session.example is not None and session.example.synthetic else "image"
    alt = attribute("alt", f"strip.image-of.{what}")
    drawing = f"<span>{t('strip.drawing')}</span>" if what == "drawing" else ""
    return (
        f'<div class="strip" data-case="{session.key}"><img src="{data_uri(session.thumbnail, "jpeg")}" '
        f'{alt}><p class="who"><span>{words}</span>{previous}'
        f"{drawing}{cropped}{unsure}</p>"
        f'<ol class="bars tops" {attribute("aria-label", "strip.tops")}>{bars}</ol></div>'
    )
