"""The answer as HTML: seven bars, and how sure it is, in sentences that claim nothing unmeasured."""

from mat_core import Diagnosis
from mat_core.bundle import Bundle
from mat_core.explain.doubt import reasons
from mat_core.labels import BY_CODE
from mat_core.wording import class_name, counted, share

from ..session import Session
from .gallery import provenance_html
from .measured import missed
from .text import esc
from .took import took_html

# how far the first class is ahead of the second, in probability: from where on which words
LEADS = ((0.5, "clearly ahead of"), (0.2, "ahead of"), (0.05, "narrowly ahead of"), (0.0, "about level with"))
UNMEASURED = "How often answers of this model are right has not been measured."


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
        f'<div class="answer{" stale" if session.stale else ""}" data-top="{diagnosis.top}" data-case="{session.key}">'
        f'{stale}{_unsure(diagnosis)}<p class="verdict" aria-live="polite">{verdict(diagnosis)}</p>'
        f"{changed_html(session)}"
        f'<ol class="bars" aria-label="Probability of each class, most probable first">{_bars(session, bundle)}</ol>'
        f'<p class="sum">{_malignant_sum(diagnosis)}</p>'
        f'<p class="fine">{esc(meaning(bundle))}</p>'
        f"{provenance_html(session.example) if session.example else ''}{took_html(session.took)}</div>"
    )


def verdict(diagnosis: Diagnosis) -> str:
    """Top class, its probability, and how far it is ahead of the second, as HTML."""
    (first, p), (second, q) = sorted(diagnosis.probabilities.items(), key=lambda item: -item[1])[:2]
    lead = next(words for least, words in LEADS if p - q >= least)
    points = round(100 * (p - q))
    ahead = "less than 1 point" if p - q < 0.01 else f"{points} point" if points == 1 else f"{points} points"
    return (
        f"<strong>{esc(BY_CODE[first].name)}</strong> is the most probable of seven classes, {share(p)}: {lead} "
        f"{esc(BY_CODE[second].name)}, {share(q)} ({ahead})."
    )


def changed_html(session: Session) -> str:
    """What the last change of the metadata did to the top class, or nothing."""
    before, now = session.before, session.diagnosis
    if before is None:
        return ""
    fields = [
        f"{name} {_said(old)} to {_said(new)}"
        for name, old, new in (
            ("age", before.metadata.age, now.metadata.age),
            ("sex", before.metadata.sex, now.metadata.sex),
            ("localization", before.metadata.localization, now.metadata.localization),
        )
        if old != new
    ]
    old, new = before.probabilities[now.top], now.probabilities[now.top]
    moved = f"{share(old)} to {share(new)}" if share(old) != share(new) else f"still {share(new)}"
    first = max(before.probabilities, key=before.probabilities.get)
    other = "" if first == now.top else f" Before, {esc(BY_CODE[first].name)} came first."
    return (
        f'<p class="changed">{esc(BY_CODE[now.top].name)}: {moved}, {esc(", ".join(fields))}.{other} The line on each '
        "bar is the answer before.</p>"
    )


def _said(value: object) -> str:
    return "unknown" if value is None else str(value)


def doubts(diagnosis: Diagnosis) -> tuple[str, ...]:
    """Reasons not to rely on the answer, as far as it shows them by itself; the view Doubt turns the image as well."""
    return reasons(diagnosis.probabilities, diagnosis.novelty)


def meaning(bundle: Bundle) -> str:
    """What a probability of this bundle means, and on how many images its misses were counted, where they were."""
    text = "A probability is a share among these seven classes; nothing else exists for the model."
    counts = missed(_tested(bundle), bundle.labels)
    if not counts:
        return f"{text} {UNMEASURED}"
    images = counted(sum(of for of, _ in counts.values()), "test image")
    return f"{text} Missed means that another class came first; counted on {images}."


def misses(bundle: Bundle) -> dict[str, str]:
    """What stands beside the bar of each class that must not be missed: how often this model did, where counted."""
    said = {}
    for code, (of, lost) in missed(_tested(bundle), bundle.labels).items():
        if code in BY_CODE and BY_CODE[code].malignant:
            lesions = counted(of, f"test {class_name(code)}") if code in ("mel", "bcc") else counted(of, "test lesion")
            kind = "" if code in ("mel", "bcc") else " of this class"
            said[code] = f"In {lesions}{kind} this model missed {lost}."
    return said


def caveats(bundle: Bundle) -> list[str]:
    """What a sheet for a class says of this model: how often it missed what must not be missed."""
    return list(misses(bundle).values()) or [UNMEASURED]


def _tested(bundle: Bundle) -> dict:
    figures = bundle.metrics.get("test")
    return figures if isinstance(figures, dict) else {}


def _unsure(diagnosis: Diagnosis) -> str:
    reasons = "".join(f"<li>{esc(reason)}</li>" for reason in doubts(diagnosis))
    return f'<p class="unsure"><strong>I am not sure.</strong></p><ul class="reasons">{reasons}</ul>' if reasons else ""


def _bars(session: Session, bundle: Bundle) -> str:
    rows, before, told = [], session.before, misses(bundle)
    for code, p in sorted(session.diagnosis.probabilities.items(), key=lambda item: -item[1]):
        info = BY_CODE[code]
        mark = "" if info.nature == "benign" else f' <span class="mark {info.nature}">{info.nature}</span>'
        measured = f'<small class="missed">{esc(told[code])}</small>' if code in told else ""
        ghost = f'<i class="ghost" style="left:{100 * before.probabilities[code]:.2f}%"></i>' if before else ""
        rows.append(
            f'<li class="{info.nature}" data-code="{code}" data-probability="{p!r}">'
            f'<span class="name">{esc(info.name)}{mark}</span>'
            f'<span class="value">{share(p)}</span>'
            f'<span class="track" aria-hidden="true"><span style="width:{100 * p:.2f}%"></span>{ghost}</span>'
            f"{measured}</li>"
        )
    return "".join(rows)


def _malignant_sum(diagnosis: Diagnosis) -> str:
    total = sum(p for code, p in diagnosis.probabilities.items() if BY_CODE[code].malignant)
    return f"Malignant and premalignant classes together: <strong>{share(total)}</strong>."
