"""docs/RESULTS.md, from docs/results/metrics.json and the metrics of the bundle that ships."""

from collections.abc import Sequence

from mat_core.labels import CODES
from mat_core.measuring.metrics import HEADLINE
from mat_core.units import UNITS

from ..results.names import PROTOCOLS, RowName
from ..results.rows import CONTROLS
from ..results.table import summary
from .evidence import agreement_text, similarity_text
from .goals import GOALS, PAPER, PAPER_TABLE_2, goals_text, reached
from .wording import before_text, groups_text, headline_table, regions_text, short

# rows of the clean protocol, in the order in which the recipe builds one upon the other
GAINS = {
    "classifier": "backbone, whole image",
    "class-head": "detector's class head, whole lesion",
    "base": "all regions and words, no attention (Base)",
    "sga-sga+unheld": "mutual attention (SGA-SGA), trained on cases that the detector knows",
    "sga-sga": "SGA-SGA, trained on held-out cases too",
}


def results_text(tables: dict, metrics: dict, figures: Sequence[str], preset: str = "") -> str:
    """RESULTS.md. tables: docs/results/metrics.json; metrics: the shipped bundle's; figures: names of files to show.

    preset: what the shipped bundle was trained with.
    """
    parts = [
        "# Results\n\nWritten by `python -m training report --data HAM10000`; do not edit. Split: "
        "`assets/ham10000_split.csv`, by lesion. Every row is trained on the same cached regions with "
        "`python -m training rows --data HAM10000`; its logits are in `docs/results/`, so that these "
        "metrics can be computed again without training. Intervals are 95 %, by bootstrap over lesions within each "
        "class, of the first seed; ± is the standard deviation over seeds. Everything but the four means (melanoma, "
        "calibration, Brier, recalls, groups, figures) is the first seed's. Temperatures are fitted on val.\n"
    ]
    titles = {
        "clean": "Clean protocol: age, sex, localization; all test lesions, one image each",
        "paper": "Paper's protocol: with dx_type, which leaks the diagnosis; test lesions with a single image",
    }
    for protocol in PROTOCOLS:
        parts.append(f"## {titles[protocol]}\n")
        rows = tables[protocol].get("rows")
        if not rows:
            parts.append("No row of this protocol has been trained yet.\n")
            continue
        parts.append(_protocol(rows, protocol, tables[protocol]["test_lesions"]))
    parts += [_table_2_text(tables), groups_text(tables), _gains_text(tables, metrics)]
    parts.append(_shipped_text(tables, metrics, preset))
    parts += [agreement_text(metrics), similarity_text(metrics)]
    parts += [f"![{name}](figures/{name})\n" for name in figures]
    return "\n".join(parts)


def _protocol(rows: dict, protocol: str, lesions: int) -> str:
    kinds = summary(rows)
    head = "| model | seeds | ACC | LRAP | macro AUC | balanced ACC | epoch | parameters | minutes |"
    if protocol == "paper":
        head += " paper: ACC, LRAP, AUC, epoch |"
    lines = [f"{lesions} lesions.\n", head, "|" + " --- |" * (head.count("|") - 1)]
    for label, kind in kinds.items():
        first = kind["first"]
        cells = [label, str(kind["seeds"])]
        for name in HEADLINE:
            low, high = first[name]["interval95"]
            spread = f" ± {short(kind['deviation'][name])}" if kind["seeds"] > 1 else ""
            cells.append(f"{short(kind['mean'][name])}{spread} ({short(low)} to {short(high)})")
        cells += [str(first["epoch"] or ""), f"{first['parameters']:,}" if first["parameters"] else ""]
        cells.append(f"{first['minutes']}" if first["minutes"] else "")
        if protocol == "paper":
            row = "sa-sga" if kind["row"].startswith("sa-sga") else kind["row"]
            cells.append(", ".join("" if v is None else str(v) for v in PAPER.get(row, ())).rstrip(", "))
        lines.append(f"| {' | '.join(cells)} |")
    names = {unit: wiring.name for unit, wiring in UNITS.items()} | CONTROLS
    made = {kind["row"] for kind in kinds.values()}
    missing = [name for row, name in names.items() if row not in made and ("+" not in row or protocol == "clean")]
    if missing:
        lines.append(f"\nNot trained yet: {', '.join(missing)}.")
    lines.append("\n| model | mel. sens. at 90 % spec. | ECE before | after scaling | Brier | recall: "
                 + ", ".join(CODES) + " |\n| --- | --- | --- | --- | --- | --- |")  # fmt: skip
    for label, kind in kinds.items():
        first = kind["first"]
        cells = [
            label,
            short(first["melanoma_sensitivity_at_90_specificity"]),
            short(first["before_scaling"]["expected_calibration_error"]),
            short(first["expected_calibration_error"]),
            short(first["brier"]),
            ", ".join(short(v, 2) for v in first["recall"].values()),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    main = kinds.get(UNITS["sga-sga"].name)
    if main:
        found = reached(main["first"], main["mean"])
        seeds = "one seed" if main["seeds"] == 1 else f"mean of {main['seeds']} seeds"
        if protocol == "paper":
            papers = dict(zip(("acc", "lrap", "auc"), PAPER["sga-sga"], strict=False))
            lines.append("\n" + goals_text(found, papers, f"SGA-SGA, {seeds}, beside the paper", "paper's metric"))
        lines.append("\n" + goals_text(found, GOALS[protocol], f"SGA-SGA, {seeds}"))
    return "\n".join(lines) + "\n"


def _table_2_text(tables: dict) -> str:
    """The paper's Table 2, and what was measured here on the same kind of test lesions."""
    lines = [
        "## Beside other methods (the paper's Table 2)\n\nThe first rows are as the paper prints them, each with its "
        "own test set, so that they compare with care only. Ours are of the paper's protocol.\n",
        "| method | year | ACC | macro AUC |",
        "| --- | --- | --- | --- |",
    ]
    lines += [f"| {' | '.join(map(str, row))} |" for row in PAPER_TABLE_2]
    wanted = ("sga-sga", "classifier", "class-head")
    kinds = summary(tables["paper"].get("rows", {}))
    for label, kind in kinds.items():
        if kind["row"] in wanted:
            acc, auc = kind["mean"]["acc"], kind["mean"]["auc"]
            lines.append(f"| ours: {label} | | {100 * acc:.2f} % | {auc:.3f} |")
    if not any(kind["row"] == "classifier" for kind in kinds.values()):
        lines.append("\nA plain classifier of the whole image: not trained yet (`python -m training baseline`).")
    return "\n".join(lines) + "\n"


def _gains_text(tables: dict, metrics: dict) -> str:
    """A line a step, on val, where all choices were made, and on test; the first seed of each row."""
    lines = [
        "## What each step of the recipe gained\n\nClean protocol, first seed; each line adds to the one above it. "
        "Choices were made on val, so its metrics flatter; intervals as in the tables above.\n",
        "| step | val: ACC | AUC | balanced | test: ACC | AUC | balanced |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    shown = ("acc", "auc", "balanced_acc")
    first = [row for row in tables["clean"].get("rows", {}).values() if row["seed"] == 0]
    rows = {row["row"]: row for row in first if "+" not in row["detail"]}  # those of the plan that ships
    for row, step in GAINS.items():
        if row in rows:
            cells = [short(rows[row]["val"][name]) for name in shown]
            cells += [short(rows[row][name]["value"]) for name in shown]
            lines.append(f"| {step} | {' | '.join(cells)} |")
    for suffix, step in (("", "the shipped bundle, one view"), ("_8_views", "the shipped bundle, mean of eight views")):
        if f"val{suffix}" in metrics and f"test{suffix}" in metrics:
            cells = [short(metrics[split + suffix][name]["value"]) for split in ("val", "test") for name in shown]
            lines.append(f"| {step} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _plain_text(tables: dict) -> str:
    """The regions of a detector that knows whole lesions only, for comparison."""
    row = tables["clean"].get("rows", {}).get(RowName("clean", "plain-detector").within)
    if not row:
        return ""
    said = f"A detector that was taught whole lesions only, else alike, for comparison: {regions_text(row['regions'])}"
    return f"{said} What its class head knows stands in the tables above, beside that of the shipped detector.\n\n"


def _shipped_text(tables: dict, metrics: dict, preset: str) -> str:
    test = metrics.get("test")
    if not test:
        return "## The shipped bundle\n\nNot measured yet.\n"
    views = metrics.get("test_8_views")
    text = (
        f"## The shipped bundle\n\n`checkpoints/sga-sga`, trained with the preset `{preset}`, measured through "
        "the call that the app makes: `python -m training evaluate --data HAM10000 --split test`.\n\n"
        + headline_table(test)
        + f"\n\nMelanoma sensitivity at 90 % specificity {short(test['melanoma_sensitivity_at_90_specificity'])}; "
        f"expected calibration error {short(test['expected_calibration_error'])}"
        + before_text(test) + ".\n\n"
    )  # fmt: skip
    if views:
        text += "Mean of its eight turned and mirrored views (`evaluate --views`):\n\n" + headline_table(views) + "\n\n"
    return (
        text
        + goals_text(reached(test), GOALS["clean"], "One view")
        + "\n\n### Regions\n\n"
        + regions_text(test["detector"])
        + "\n\n"
        + _plain_text(tables)
        + goals_text(test["detector"], GOALS["regions"], "Regions")
        + "\n"
    )
