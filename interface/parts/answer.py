"""The answer as HTML: seven bars, and how sure it is, in sentences that claim nothing unmeasured."""

from mat_core import Diagnosis
from mat_core.bundle import Bundle
from mat_core.explain.doubt import reasons
from mat_core.labels import BY_CODE

from ..session import Session
from .gallery import provenance_html
from .text import esc

# how far the first class is ahead of the second, in probability: from where on which words
LEADS = ((0.5, "clearly ahead of"), (0.2, "ahead of"), (0.05, "narrowly ahead of"), (0.0, "about level with"))


def answer_html(session: Session | None, bundle: Bundle) -> str:
    """The bars, the sentences, and where the case is from."""
    if session is None:
        return '<p class="empty">Give an image and press Diagnose: the answer comes here.</p>'
    diagnosis = session.diagnosis
    stale = (
        '<p class="note note-info" role="status">This answer is for the previous image, the one with the regions. '
        "Press Diagnose for a new one.</p>"
        if session.stale
        else ""
    )
    return (
        f'<div class="answer{" stale" if session.stale else ""}" data-top="{diagnosis.top}">{stale}'
        f'<p class="verdict" aria-live="polite">{verdict(diagnosis)}</p>{_unsure(diagnosis)}'
        f'<ol class="bars" aria-label="Probability of each class, most probable first">{_bars(diagnosis)}</ol>'
        f'<p class="sum">{_malignant_sum(diagnosis)}</p>'
        f'<p class="fine">{esc(meaning(bundle))}</p>'
        f"{provenance_html(session.example) if session.example else ''}</div>"
    )


def verdict(diagnosis: Diagnosis) -> str:
    """Top class, its probability, and how far it is ahead of the second, as HTML."""
    (first, p), (second, q) = sorted(diagnosis.probabilities.items(), key=lambda item: -item[1])[:2]
    lead = next(words for least, words in LEADS if p - q >= least)
    points = round(100 * (p - q))
    ahead = "less than 1 point" if p - q < 0.01 else f"{points} point" if points == 1 else f"{points} points"
    return (
        f"<strong>{esc(BY_CODE[first].name)}</strong> is the most probable of seven classes, {p:.0%}: {lead} "
        f"{esc(BY_CODE[second].name)}, {q:.0%} ({ahead})."
    )


def doubts(diagnosis: Diagnosis) -> tuple[str, ...]:
    """Reasons not to rely on the answer, as far as it shows them by itself; the view Doubt turns the image as well."""
    return reasons(diagnosis.probabilities, diagnosis.novelty)


def meaning(bundle: Bundle) -> str:
    """What a probability of this bundle means, with its measured calibration where it was measured."""
    text = "A probability is a share among these seven classes; nothing else exists for the model."
    figures = bundle.metrics.get("test")
    error = figures.get("expected_calibration_error") if isinstance(figures, dict) else None
    if error is None:
        return f"{text} How often answers of this model are right has not been measured."
    return (
        f"{text} On {figures['images']} test images the top probability and the share of right answers "
        f"were {100 * error:.1f} points apart on average (expected calibration error)."
    )


def _unsure(diagnosis: Diagnosis) -> str:
    reasons = "".join(f"<li>{esc(reason)}</li>" for reason in doubts(diagnosis))
    return f'<p class="unsure"><strong>I am not sure.</strong></p><ul class="reasons">{reasons}</ul>' if reasons else ""


def _bars(diagnosis: Diagnosis) -> str:
    rows = []
    for code, p in sorted(diagnosis.probabilities.items(), key=lambda item: -item[1]):
        info = BY_CODE[code]
        mark = "" if info.nature == "benign" else f' <span class="mark {info.nature}">{info.nature}</span>'
        rows.append(
            f'<li class="{info.nature}" data-code="{code}" data-probability="{p!r}">'
            f'<span class="name">{esc(info.name)}{mark}</span>'
            f'<span class="value">{p:.1%}</span>'
            f'<span class="track" aria-hidden="true"><span style="width:{100 * p:.2f}%"></span></span></li>'
        )
    return "".join(rows)


def _malignant_sum(diagnosis: Diagnosis) -> str:
    total = sum(p for code, p in diagnosis.probabilities.items() if BY_CODE[code].malignant)
    return f"Malignant and premalignant classes together: <strong>{total:.0%}</strong>."
