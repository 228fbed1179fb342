"""Step 'report': metrics of all experiments, and the documents.

`measure_rows` needs HAM10000 and writes docs/results/metrics.json. `write_documents` needs committed files only and
writes docs/RESULTS.md, docs/GLOSSARY.md, MODEL_CARD.md and docs/figures/; a test compares them.
"""

from pathlib import Path

from mat_core.data.ham10000 import Dataset
from mat_core.data.labels import CODES
from mat_core.errors import BundleError, DataError
from mat_core.inference.bundle import CONFIG, METRICS, read_config, read_metrics
from mat_core.inference.diagnoser import Diagnoser
from mat_core.utils.paths import CHECKPOINTS, DEFAULT
from teaching.phantoms import make_phantom

from ..documents.glossary import glossary_text
from ..documents.model_card import card_text
from ..documents.results_page import results_text
from ..documents.svg_figures import draw_all, draw_shipped
from ..engine.checkpointing import write_json
from ..results.run_names import PROTOCOLS
from ..results.runs import RESULTS, read_rows
from ..results.summary import kept, row_metrics

DOCS = RESULTS.parent
TABLES = "metrics.json"  # in docs/results
SHOWN_REGIONS = 8  # of an overlay: with more, names hide names
# seed and look of the overlays' phantoms: each class, the common and the dangerous twice
PHANTOMS = tuple(enumerate((*CODES, "mel", "nv", "bcc")))


def measure_rows(data: Dataset, results: Path = RESULTS, diagnoser: Diagnoser | None = None) -> dict:
    """Metrics of all rows in `results`, by protocol; writes TABLES there and returns it.

    diagnoser: to add its regions on phantoms. Raises DataError for a row that is damaged or of another split.
    """
    rows = read_rows(results)
    lengths = {"val": len(data.of("val")), "test": len(data.of("test"))}
    for row in rows:
        for split, logits in (("val", row.val_logits), ("test", row.test_logits)):
            if tuple(logits.shape) != (lengths[split], len(CODES)) or not logits.isfinite().all():
                raise DataError(
                    f"{results}/{row.name}.safetensors holds {tuple(logits.shape)} logits of {split}, or one that is "
                    f"no number; this split needs {(lengths[split], len(CODES))}. Delete the row and measure it again."
                )
    tables = {protocol: {} for protocol in PROTOCOLS}
    for protocol in PROTOCOLS:
        selected = [row for row in rows if row.protocol == protocol]
        if selected:
            keep = kept(data.of("test"), protocol)
            tables[protocol] = {
                "test_lesions": int(keep.sum()),
                "rows": {row.name.within: row_metrics(row, data, keep) for row in selected},
            }
    tables["overlays"] = overlays(diagnoser) if diagnoser else []
    write_json(tables, results / TABLES)
    return tables


def overlays(diagnoser: Diagnoser) -> list[dict]:
    """The first regions of each phantom: class, boxes in pixels and kinds."""
    results = []
    for seed, code in PHANTOMS:
        regions = diagnoser.regions(make_phantom(seed, code).image)
        boxes = zip(regions.boxes.tolist(), regions.names, strict=True)
        results.append({
            "seed": seed, "drawn": code,
            "regions": [{"box": [round(v) for v in box], "kind": kind} for box, kind in list(boxes)[:SHOWN_REGIONS]],
        })  # fmt: skip
    return results


def write_documents(
    tables: dict, metrics: dict, config: dict, docs: Path, card: Path, quality: dict | None = None
) -> None:
    """Write all documents from `tables` of `measure_rows` and the shipped bundle's metrics and config.

    quality: of `quality.read_table`.
    """
    figures = draw_all(tables, docs / "figures")
    shipped_figures = draw_shipped(metrics["test"], docs / "figures") if "test" in metrics else {}
    text = results_text(tables, metrics, figures, config["notes"].get("preset", ""), quality)
    (docs / "RESULTS.md").write_text(text, encoding="utf-8")
    (docs / "GLOSSARY.md").write_text(glossary_text(), encoding="utf-8")
    card.write_text(card_text(metrics, config, tables, shipped_figures), encoding="utf-8")


def shipped(checkpoints: Path = CHECKPOINTS) -> tuple[dict, dict]:
    """Metrics and config of the default bundle. Raises DataError."""
    folder = checkpoints / DEFAULT.name
    try:
        return read_metrics(folder, needed=True), read_config(folder)
    except BundleError:
        raise DataError(
            f"{folder} lacks a readable {METRICS} or {CONFIG}: run the steps bundle and evaluate --save first."
        ) from None
