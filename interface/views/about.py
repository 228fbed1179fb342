"""The last view: what the model is, what was measured of it, where the data are from, what happens to an image."""

from collections.abc import Sequence

import gradio as gr

from mat_core.bundle import Bundle
from mat_core.ham10000 import ATTRIBUTION
from mat_core.labels import CODES, DISCLAIMER
from mat_core.units import UNITS
from mat_core.wording import counted

from ..parts.measured import measured_html
from ..parts.tables import details
from ..parts.text import esc
from ..prose import privacy

CURVES = ("roc", "explain")
SPLITS = {"test": "On the test split", "val": "On the validation split"}


def build_about(bundle: Bundle) -> None:
    """Lay the view out; it has no events."""
    gr.HTML(about_html(bundle), apply_default_css=False, js_on_load=None, elem_id="about")


def about_html(bundle: Bundle) -> str:
    """The model card of this bundle. Pictures first; all numbers are behind them, as the bundle has them."""
    config = bundle.network.config
    facts = {
        "Model": bundle.name,
        "Unit": f"{UNITS[config.unit].name}: d = {config.d}, {config.h} heads, layers: {config.layers}",
        "Regions": f"at most {config.n}, from a {bundle.detector_kind} detector{_untaught(bundle)}",
        "Metadata read": ", ".join(bundle.fields),
        "Temperature": f"{bundle.temperature:.3f} (divides the logits before softmax)",
        "Split": ", ".join(f"{key} {value}" for key, value in bundle.split.items()) or "not stated in this bundle",
    }
    splits = {name: figures for name, figures in bundle.metrics.items() if isinstance(figures, dict)}
    raw = "".join(_split(name, figures) for name, figures in splits.items())
    shown = next((name for name in SPLITS if name in splits), None)
    pictures = measured_html(SPLITS[shown], splits[shown], bundle.labels) if shown else ""
    nothing = "<p>This bundle carries no measurements: nothing is known about how well it does.</p>"
    return (
        '<div class="about"><div class="two"><section><h2>About</h2>'
        f"<p><strong>{esc(DISCLAIMER)}</strong> It teaches what attention is, around the Mutual Attention Transformer "
        "of Zhou and Luo (2021).</p>"
        f"<h3>The model</h3>{_facts(facts, 'The model')}</section>"
        f"<section><h3>Data</h3><p>{esc(bundle.notes.get('data', ATTRIBUTION))}</p>"
        "<p>Synthetic examples are drawn by the project from seeds.</p>"
        "<h3>Licence</h3><p>Code: Apache-2.0. Weights: CC BY-NC 4.0, as they were trained on HAM10000.</p>"
        f"<h3>Privacy</h3><p>{esc(privacy())}</p></section></div>"
        f"<h3>What was measured</h3>{pictures}{details('All numbers', raw) if raw else nothing}</div>"
    )


def _untaught(bundle: Bundle) -> str:
    knows_skin = not set(bundle.detector.config.kinds).isdisjoint(CODES)
    return "" if knows_skin else " that was taught everyday objects (COCO), not skin: its labels are what it knows"


def _scroll(label: str) -> str:
    # a keyboard scrolls only what it can focus
    return f'<div class="scroll" tabindex="0" role="region" aria-label="{esc(label)}">'


def _facts(facts: dict[str, str], label: str) -> str:
    rows = "".join(f"<tr><th scope='row'>{esc(name)}</th><td>{esc(value)}</td></tr>" for name, value in facts.items())
    return f'{_scroll(label)}<table class="facts">{rows}</table></div>'


def _split(name: str, figures: dict) -> str:
    rows, tables = _flat(figures)
    return f"<h4>{esc(name)}</h4>{_facts(rows, name)}{tables}"


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
                rows[label] += f", {counted(value['cases'], 'lesion')}"
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
    """Bins and the like: a row each, of whatever the first one has."""
    names = list(rows[0])
    head = "".join(f'<th scope="col">{esc(name)}</th>' for name in names)
    body = "".join(
        f"<tr>{''.join(f'<td>{esc(_number(row.get(name)))}</td>' for name in names)}</tr>"
        for row in rows
        if isinstance(row, dict)
    )
    return (
        f'{_scroll(label)}<table class="matrix"><caption>{esc(label)}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _matrix(label: str, matrix: list[list]) -> str:
    names: Sequence = CODES if len(matrix) == len(CODES) else range(1, len(matrix) + 1)
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    body = "".join(
        f'<tr><th scope="row">{name}</th>{"".join(f"<td>{esc(_number(cell))}</td>" for cell in row)}</tr>'
        for name, row in zip(names, matrix, strict=True)
    )
    return (
        f'{_scroll(label)}<table class="matrix"><caption>{esc(label)}: rows are confirmed, columns answered'
        f"</caption><thead><tr><td></td>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )
