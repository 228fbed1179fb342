"""docs/RESULTS.md, from docs/results/metrics.json and the metrics of the bundle that ships."""

from collections.abc import Sequence

from mat_core.data.labels import CODES
from mat_core.evaluation.metrics import HEADLINE
from mat_core.models.transformer import UNITS

from ..results.run_names import PROTOCOLS, ExperimentName
from ..results.runs import CONTROLS
from ..results.summary import summary
from .faithfulness_tables import agreement_text, similarity_text
from .formatting import before_text, groups_table, headline_table, main_groups, regions_text, section, short, table
from .image_quality_table import quality_text
from .paper_comparison import GOALS, PAPER, PAPER_TABLE_2, goals_text, reached

# rows of the clean protocol, in the order in which the recipe builds one upon the other
GAINS = {
    "classifier": "backbone, whole image",
    "class-head": "detector's class head, whole lesion",
    "base": "all regions and words, no attention (Base)",
    "sga-sga+unheld": "mutual attention (SGA-SGA), trained on cases that the detector knows",
    "sga-sga": "SGA-SGA, trained on held-out cases too",
}
_NO_ROW = "No row of this protocol has been trained yet.\n"
_NOT_YET = "Not measured yet."


def results_text(
    tables: dict, metrics: dict, figures: Sequence[str], preset: str = "", quality: dict | None = None
) -> str:
    """RESULTS.md. tables: docs/results/metrics.json; metrics: the shipped bundle's; figures: names of files to show.

    preset: of the shipped bundle; quality: docs/results/image-quality.json.
    """
    parts = [section("head") + "\n"]
    for protocol in PROTOCOLS:
        rows = tables[protocol].get("rows")
        text = _protocol(rows, protocol, tables[protocol]["test_lesions"]) if rows else _NO_ROW
        parts += [f"## {section(protocol)}\n", text]
    groups = main_groups(tables)
    numbers = f"SGA-SGA, clean protocol, seed 0. {section('groups')}\n\n{groups_table(groups)}" if groups else _NOT_YET
    parts += [_table_2_text(tables), f"## Groups\n\n{numbers}\n", _gains_text(tables, metrics)]
    parts += [_shipped_text(tables, metrics, preset), agreement_text(metrics), similarity_text(metrics)]
    parts.append(_similar_cases_text(metrics))
    parts.append(quality_text(quality))
    return "\n".join([*parts, *(f"![{name}](figures/{name})\n" for name in figures)])


def _protocol(rows: dict, protocol: str, lesions: int) -> str:
    kinds = summary(rows)
    head = "| model | seeds | ACC | LRAP | macro AUC | balanced ACC | epoch | parameters | minutes |"
    if protocol == "paper":
        head += " paper: ACC, LRAP, AUC, epoch |"
    results, scores = [], []
    for label, kind in kinds.items():
        first, cells = kind["first"], [label, kind["seeds"]]
        for name in HEADLINE:
            low, high = first[name]["interval95"]
            spread = f" ± {short(kind['deviation'][name])}" if kind["seeds"] > 1 else ""
            cells.append(f"{short(kind['mean'][name])}{spread} ({short(low)} to {short(high)})")
        cells += [first["epoch"] or "", f"{first['parameters']:,}" if first["parameters"] else ""]
        cells.append(first["minutes"] or "")
        if protocol == "paper":
            row = "sa-sga" if kind["row"].startswith("sa-sga") else kind["row"]
            cells.append(", ".join("" if v is None else str(v) for v in PAPER.get(row, ())).rstrip(", "))
        results.append(cells)
        scores.append([
            label, short(first["melanoma_sensitivity_at_90_specificity"]),
            short(first["before_scaling"]["expected_calibration_error"]), short(first["expected_calibration_error"]),
            short(first["brier"]), ", ".join(short(v, 2) for v in first["recall"].values()),
        ])  # fmt: skip
    lines = [f"{lesions} lesions.\n", table(head, results)]
    names = {unit: config.name for unit, config in UNITS.items()} | CONTROLS
    trained = {kind["row"] for kind in kinds.values()}
    missing = [name for row, name in names.items() if row not in trained and ("+" not in row or protocol == "clean")]
    if missing:
        lines.append(f"\nNot trained yet: {', '.join(missing)}.")
    recalls = f"recall: {', '.join(CODES)}"
    lines.append(
        "\n" + table(f"| model | mel. sens. at 90 % spec. | ECE before | after scaling | Brier | {recalls} |", scores)
    )
    main = kinds.get(UNITS["sga-sga"].name)
    if main:
        values = reached(main["first"], main["mean"])
        seeds = "one seed" if main["seeds"] == 1 else f"mean of {main['seeds']} seeds"
        if protocol == "paper":
            papers = dict(zip(("acc", "lrap", "auc"), PAPER["sga-sga"], strict=False))
            lines.append("\n" + goals_text(values, papers, f"SGA-SGA, {seeds}, beside the paper", "paper's metric"))
        lines.append("\n" + goals_text(values, GOALS[protocol], f"SGA-SGA, {seeds}"))
    return "\n".join(lines) + "\n"


def _table_2_text(tables: dict) -> str:
    """The paper's Table 2, and the rows of this project under the paper's protocol."""
    kinds = summary(tables["paper"].get("rows", {}))
    rows = [
        [f"ours: {label}", "", f"{100 * kind['mean']['acc']:.2f} %", f"{kind['mean']['auc']:.3f}"]
        for label, kind in kinds.items()
        if kind["row"] in ("sga-sga", "classifier", "class-head")
    ]
    text = table("| method | year | ACC | macro AUC |", [*PAPER_TABLE_2, *rows]).replace(" |  | ", " | | ")
    if not any(kind["row"] == "classifier" for kind in kinds.values()):
        text += "\n\nA plain classifier of the whole image: not trained yet (`python -m training baseline`)."
    return section("table_2", table=text) + "\n"


def _gains_text(tables: dict, metrics: dict) -> str:
    """One line per step, on val, where all choices were made, and on test; the first seed of each row."""
    names = ("acc", "auc", "balanced_acc")
    first = [row for row in tables["clean"].get("rows", {}).values() if row["seed"] == 0]
    rows = {row["row"]: row for row in first if "+" not in row["detail"]}  # those of the shipped plan
    lines = [
        [step, *(short(rows[row]["val"][name]) for name in names), *(short(rows[row][n]["value"]) for n in names)]
        for row, step in GAINS.items()
        if row in rows
    ]
    for suffix, step in (("", "the shipped bundle, one view"), ("_8_views", "the shipped bundle, mean of eight views")):
        splits = [f"val{suffix}", f"test{suffix}"]
        if all(split in metrics for split in splits):
            lines.append([step, *(short(metrics[split][name]["value"]) for split in splits for name in names)])
    head = "| step | val: ACC | AUC | balanced | test: ACC | AUC | balanced |"
    return section("gains", table=table(head, lines)) + "\n"


def _similar_cases_text(metrics: dict) -> str:
    """How often the commonest class of the most similar training lesions is right, beside the model."""
    test = metrics.get("test", {})
    result = test.get("similar_cases")
    if not result:
        return section("no_similar_cases") + "\n"
    names = ("acc", "balanced_acc")
    rows = [
        [title, *(f"{short(of[name]['value'])} ({' to '.join(map(short, of[name]['interval95']))})" for name in names)]
        for title, of in ((f"commonest class of the {result['k']} most similar", result), ("the model", test))
    ]
    values = {"cases": result["cases"], "indexed": f"{result['indexed']:,}", "k": result["k"]}
    return section("similar_cases", **values, table=table("| | accuracy | balanced accuracy |", rows)) + "\n"


def _shipped_text(tables: dict, metrics: dict, preset: str) -> str:
    test, views = metrics.get("test"), metrics.get("test_8_views")
    if not test:
        return f"## The shipped bundle\n\n{_NOT_YET}\n"
    # the regions of a detector that knows whole lesions only, for comparison
    plain = tables["clean"].get("rows", {}).get(ExperimentName("clean", "plain-detector").within)
    values = {
        "preset": preset,
        "results": headline_table(test),
        "sensitivity": short(test["melanoma_sensitivity_at_90_specificity"]),
        "ece": short(test["expected_calibration_error"]) + before_text(test),
        "views": section("views", results=headline_table(views)) + "\n" if views else "",
        "goals": goals_text(reached(test), GOALS["clean"], "One view"),
        "regions": regions_text(test["detector"]),
        "plain": section("plain", regions=regions_text(plain["regions"])) + "\n" if plain else "",
        "region_goals": goals_text(test["detector"], GOALS["regions"], "Regions"),
    }
    return section("shipped", **values) + "\n"
