"""Dermoscopic criteria on the page: what argues for and against a class, and what Practice needs of them."""

from mat_core.data.labels import BY_CODE
from teaching.criteria import Criterion, Source, read_criteria

from ..frontend.html import escape
from ..frontend.translations import in_languages, option, t


def criteria_html(code: str) -> str:
    """What argues for and against a class, folded: drawing, name, definition and sources of each criterion."""
    criteria = read_criteria()
    return (
        f'<details class="criteria" data-code="{code}"><summary>{t("criteria.for-against")} '
        f'{option(BY_CODE[code].name)}</summary><p class="fine">{t("criteria.not-taught")}</p>'
        f"<h3>{t('criteria.for')}</h3><ul>{_items(criteria.speaking_for(code))}</ul>"
        f"<h3>{t('criteria.against')}</h3><ul>{_items(criteria.speaking_against(code))}</ul></details>"
    )


def criteria_facts() -> list[dict]:
    """The criteria as Practice reads them, as JSON values."""
    return [
        {
            "id": one.id, "group": one.group, "name": one.name, "definition": one.definition,
            "for": one.speaks_for, "against": one.speaks_against,
        }
        for one in read_criteria().criteria
    ]  # fmt: skip


def _items(criteria: tuple[Criterion, ...]) -> str:
    sources = read_criteria().sources
    return "".join(
        f'<li data-criterion="{one.id}"><svg class="criterion-drawing" viewBox="0 0 100 100" aria-hidden="true">'
        f'<use href="#criterion-{one.id}"/></svg><div><strong>{in_languages(one.name)}</strong> '
        f"<p>{in_languages(one.definition)}</p>"
        f'<p class="fine">{", ".join(_citation(sources[key]) for key in one.sources)}</p></div></li>'
        for one in criteria
    )


def _citation(source: Source) -> str:
    title = escape(f"{source.authors}: {source.title}. {source.journal} {source.year}")
    if source.doi is None:
        return f'<span title="{title}">{escape(source.short)}</span>'
    address = escape(f"https://doi.org/{source.doi}")
    return f'<a href="{address}" title="{title}" target="_blank" rel="noopener noreferrer">{escape(source.short)}</a>'
