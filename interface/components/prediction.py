"""The answer as HTML: a bar for each class, and how sure the model is."""

from mat_core import Diagnosis
from mat_core.data.labels import BY_CODE
from mat_core.inference.bundle import Bundle
from mat_core.utils.formatting import format_percent
from teaching.sentences import warning_texts

from ..frontend.html import escape, note
from ..frontend.translations import Text, attribute, class_text, t, text
from ..state.session import Session
from .bar_charts import class_html
from .example_gallery import provenance_html
from .metadata_form import metadata_changes
from .model_metrics import missed
from .timing import timing_html

# how far the first class is ahead of the second, in probability: from where on which words
LEADS = ((0.5, "clearly"), (0.2, "ahead"), (0.05, "narrowly"), (0.0, "level"))
UNMEASURED = text("answer.unmeasured")
NAMED = ("mel", "bcc")  # classes that the sentence about missed ones names


def answer_html(session: Session | None, bundle: Bundle) -> str:
    """The bars, the sentences, and where the case is from."""
    if session is None:
        return f'<p class="empty">{t("answer.empty")}</p>'
    diagnosis = session.diagnosis
    stale = note(text("answer.stale"), "info") if session.is_stale else ""
    return (
        f'<div class="answer{" stale" if session.is_stale else ""}" data-top="{diagnosis.top}" '
        f'data-case="{session.key}">'
        f'{stale}{_unsure(diagnosis)}<p class="verdict" aria-live="polite">{escape(verdict(diagnosis))}</p>'
        f"{changed_html(session)}"
        f'<ol class="bars" {attribute("aria-label", "answer.bars")}>{_bars(session, bundle)}</ol>'
        f'<p class="sum">{_malignant_sum(diagnosis)}</p>'
        f'<p class="fine">{meaning_html(bundle)}</p>'
        f"{provenance_html(session.example) if session.example else ''}{timing_html(session.timings)}</div>"
    )


def verdict(diagnosis: Diagnosis) -> Text:
    """Top class, its probability, and how far it is ahead of the second."""
    (first, p), (second, q) = sorted(diagnosis.probabilities.items(), key=lambda item: -item[1])[:2]
    lead = next(words for least, words in LEADS if p - q >= least)
    points = round(100 * (p - q))
    ahead = text("answer.less-than-point") if p - q < 0.01 else text("count.point", n=points)
    names = {"name": class_text(first), "second": class_text(second)}
    return text(f"answer.lead.{lead}", **names, p=format_percent(p), q=format_percent(q), ahead=ahead)


def changed_html(session: Session) -> str:
    """What the last change of the metadata did to the top class, or nothing."""
    previous, current = session.previous, session.diagnosis
    if previous is None:
        return ""
    fields = metadata_changes(previous.metadata, current.metadata)
    old, new = previous.probabilities[current.top], current.probabilities[current.top]
    old, new = format_percent(old), format_percent(new)
    change = text("change.to", old=old, new=new) if old != new else text("change.still", new=new)
    first = max(previous.probabilities, key=previous.probabilities.get)
    other = "" if first == current.top else f" {t('answer.came-first', name=class_text(first))}"
    changed = t("answer.changed", name=class_text(current.top), change=change, fields=fields)
    return f'<p class="changed">{changed}{other} {t("answer.line")}</p>'


def doubts(diagnosis: Diagnosis) -> tuple[Text, ...]:
    """Reasons not to rely on the answer, without test-time augmentation."""
    return warning_texts(diagnosis.probabilities, diagnosis.novelty)


def meaning_html(bundle: Bundle) -> str:
    """What a probability means, and on how many images the misses were counted."""
    counts = missed(_tested(bundle), bundle.labels)
    images = text("count.test-image", n=sum(count for count, _ in counts.values()))
    measured = text("answer.missed-means", images=images) if counts else UNMEASURED
    return f"{t('answer.meaning')} {escape(measured)}"


def misses(bundle: Bundle) -> dict[str, str]:
    """For each malignant or premalignant class, how many test lesions of it this model missed."""
    texts = {}
    for code, (count, wrong) in missed(_tested(bundle), bundle.labels).items():
        if code in BY_CODE and BY_CODE[code].malignant:
            texts[code] = text(f"answer.missed.{code if code in NAMED else 'other'}", n=count, wrong=wrong)
    return texts


def caveats(bundle: Bundle) -> list[str]:
    """The same as a list for printouts."""
    return list(misses(bundle).values()) or [UNMEASURED]


def _tested(bundle: Bundle) -> dict:
    figures = bundle.metrics.get("test")
    return figures if isinstance(figures, dict) else {}


def _unsure(diagnosis: Diagnosis) -> str:
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in doubts(diagnosis))
    return (
        f'<p class="unsure"><strong>{t("answer.not-sure")}</strong></p><ul class="reasons">{reasons}</ul>'
        if reasons
        else ""
    )


def _bars(session: Session, bundle: Bundle) -> str:
    rows, previous, missed_texts = [], session.previous, misses(bundle)
    for code, p in sorted(session.diagnosis.probabilities.items(), key=lambda item: -item[1]):
        info = BY_CODE[code]
        measured = f'<small class="missed">{escape(missed_texts[code])}</small>' if code in missed_texts else ""
        ghost = f'<i class="ghost" style="left:{100 * previous.probabilities[code]:.2f}%"></i>' if previous else ""
        rows.append(
            f'<li class="{info.nature}" data-code="{code}" data-probability="{p!r}">'
            f'<span class="name">{class_html(code)}</span>'
            f'<span class="value">{format_percent(p)}</span>'
            f'<span class="track" aria-hidden="true"><span style="width:{100 * p:.2f}%"></span>{ghost}</span>'
            f"{measured}</li>"
        )
    return "".join(rows)


def _malignant_sum(diagnosis: Diagnosis) -> str:
    total = sum(p for code, p in diagnosis.probabilities.items() if BY_CODE[code].malignant)
    return f"{t('answer.sum')} <strong>{format_percent(total)}</strong>."
