"""Tab About: model card, measurements, data, licence, privacy."""

from collections.abc import Sequence

from mat_core.data.ham10000 import ATTRIBUTION
from mat_core.data.labels import CODES
from mat_core.inference.bundle import Bundle
from mat_core.models.transformer import UNITS
from mat_core.utils.formatting import pluralize

from ..components.html_components import static_html
from ..components.model_metrics import measured_html
from ..components.tables import details, scroll
from ..frontend.html import escape
from ..frontend.texts import privacy
from ..frontend.translations import t, text

CURVES = ("roc", "explain")
SPLITS = {name: text(f"split.{name}") for name in ("test", "val")}


def build_about(bundle: Bundle) -> None:
    """Lay the view out; it has no events."""
    static_html(about_html(bundle), elem_id="about")


def about_html(bundle: Bundle) -> str:
    """The model card of this bundle. Pictures first; all numbers are behind them, as the bundle has them."""
    config = bundle.network.config
    heads, detector = text("count.head", n=config.h), {"n": config.n, "detector": bundle.detector_kind}
    unit = text("about.unit-is", unit=UNITS[config.unit].name, d=config.d, heads=heads, layers=config.layers)
    split = ", ".join(f"{key} {value}" for key, value in bundle.split.items())
    facts = {
        text("about.fact.model"): bundle.name,
        text("about.fact.unit"): unit,
        text("regions"): text("about.regions-from" if _knows_skin(bundle) else "about.regions-everyday", **detector),
        text("about.fact.metadata"): text("list", items=[text(f"field.{field}") for field in bundle.fields]),
        text("about.fact.temperature"): text("about.divides", t=f"{bundle.temperature:.3f}"),
        text("about.fact.split"): split or text("about.no-split"),
    }
    splits = {name: figures for name, figures in bundle.metrics.items() if isinstance(figures, dict)}
    raw = "".join(_split(name, figures) for name, figures in splits.items())
    shown = next((name for name in SPLITS if name in splits), None)
    pictures = measured_html(SPLITS[shown], splits[shown], bundle.labels) if shown else ""
    nothing = f"<p>{t('about.no-measures')}</p>"
    return (
        f'<div class="about"><div class="two"><section><h2>{t("tab.about")}</h2>'
        f"<p><strong>{t('masthead.disclaimer')}</strong> {t('about.teaches')}</p>"
        f"<h3>{t('about.model')}</h3>{_facts(facts, text('about.model'))}</section>"
        f"<section><h3>{t('about.data')}</h3><p>{escape(bundle.notes.get('data', ATTRIBUTION))}</p>"
        f"<p>{t('about.synthetic')}</p>"
        f"<h3>{t('about.licence')}</h3>"
        f"<p>{t('about.licences')}</p>"
        f"<h3>{t('about.privacy')}</h3><p>{escape(privacy())}</p></section></div>"
        f"<h3>{t('about.measured')}</h3>{pictures}{details(text('about.numbers'), raw) if raw else nothing}</div>"
    )


def _knows_skin(bundle: Bundle) -> bool:
    return not set(bundle.detector.config.kinds).isdisjoint(CODES)


def _facts(facts: dict[str, str], label: str) -> str:
    """A table of two columns."""
    rows = "".join(
        f"<tr><th scope='row'>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in facts.items()
    )
    return scroll(label, f'<table class="facts">{rows}</table>')


def _split(name: str, figures: dict) -> str:
    rows, tables = _flat(figures)
    return f"<h4>{escape(name)}</h4>{_facts(rows, name)}{tables}"


def _flat(figures: dict, prefix: str = "") -> tuple[dict[str, str], str]:
    """Figures of any depth as rows of text, and matrices as tables of their own."""
    rows: dict[str, str] = {}
    tables = ""
    for key, value in figures.items():
        label = f"{prefix}{key.replace('_', ' ')}"
        if key in CURVES:
            continue  # too many numbers to read: the views that use them show them
        if isinstance(value, dict) and "interval95" in value:
            low, high = value["interval95"]
            rows[label] = f"{_number(value['value'])} (95 % interval {_number(low)} to {_number(high)})"
            if "cases" in value:
                rows[label] += f", {pluralize(value['cases'], 'lesion')}"
        elif isinstance(value, dict):
            below, more = _flat(value, f"{label}: ")
            rows |= below
            tables += more
        elif isinstance(value, list) and value and isinstance(value[0], list):
            tables += _matrix(label, value)
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            tables += _list(label, value)
        else:
            rows[label] = _number(value)
    return rows, tables


def _number(value) -> str:
    if isinstance(value, list):
        return " to ".join(map(_number, value))
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def _list(label: str, rows: list[dict]) -> str:
    """E.g. calibration bins: a row each, with the keys of the first as columns."""
    names = list(rows[0])
    body = [[_number(row.get(name)) for name in names] for row in rows if isinstance(row, dict)]
    return _grid(label, "".join(f'<th scope="col">{escape(name)}</th>' for name in names), body)


def _matrix(label: str, matrix: list[list]) -> str:
    names: Sequence = CODES if len(matrix) == len(CODES) else range(1, len(matrix) + 1)
    head = "<td></td>" + "".join(f'<th scope="col">{name}</th>' for name in names)
    caption = f"{label}: rows are confirmed, columns answered"
    return _grid(caption, head, [[_number(cell) for cell in row] for row in matrix], names, label)


def _grid(caption: str, head: str, rows: list[list[str]], names: Sequence = (), label: str = "") -> str:
    """A table with a caption. head: its cells as HTML; names: of the rows, if they have any."""
    starts = [f'<th scope="row">{name}</th>' for name in names] or [""] * len(rows)
    body = "".join(
        f"<tr>{start}{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>"
        for start, row in zip(starts, rows, strict=True)
    )
    return scroll(
        label or caption,
        f'<table class="matrix"><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table>",
    )
