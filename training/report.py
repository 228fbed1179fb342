"""Step 'report': from the rows of docs/results to the figures of every document, and from those to the documents.

`measure` needs HAM10000's labels and writes docs/results/figures.json. `write` needs nothing but committed files and
writes docs/RESULTS.md, MODEL_CARD.md and docs/figures/; a test does it again and compares.
"""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from string import Template

import numpy as np
import torch
from scipy.special import softmax
from scipy.stats import binomtest
from sklearn.metrics import auc as area_under
from sklearn.metrics import roc_curve

from mat_core.bundle import CHECKPOINTS, CONFIG, DEFAULT, METRICS, read_config, read_metrics
from mat_core.diagnoser import Diagnoser
from mat_core.errors import BundleError, DataError
from mat_core.ham10000 import Case, Dataset
from mat_core.labels import CODES
from mat_core.network import MATConfig, MATNetwork
from mat_core.phantoms import make_phantom
from mat_core.units import UNITS

from .engine import write_json
from .evaluate import calibration_error, fit_temperature
from .metrics import HEADLINE, bootstrap_intervals, brier_score, confusion, headline, melanoma_sensitivity
from .results import CONTROLS, PROTOCOLS, RESULTS, Result, read_results

DOCS = RESULTS.parent
FIGURES = "figures.json"  # in docs/results
# rows of the clean protocol, in the order in which the recipe builds one upon the other
STEPS = {
    "classifier": "backbone, whole image",
    "class-head": "detector's class head, whole lesion",
    "base": "all regions and words, no attention (Base)",
    "sga-sga+unheld": "mutual attention (SGA-SGA), trained on cases that the detector knows",
    "sga-sga": "SGA-SGA, trained on held-out cases too",
}
TEMPLATES = Path(__file__).with_name("templates")
# Table 1 of the paper (ACC, LRAP, AUC), its early stopping epoch, and ACC of image-only in its text
PAPER = {
    "base": (0.9154, 0.9514, 0.9823, 13),
    "sa-sa": (0.9194, 0.9520, 0.9808, 31),
    "sa-sga": (0.9104, 0.9434, 0.9673, 32),
    "sga-sga": (0.9255, 0.9563, 0.9828, 11),
    "image-only": (0.9247, None, None, None),
}
# Table 2: method, year, ACC, AUC, each as printed there
PAPER_TABLE_2 = (
    ("Multi-model", 2019, "89.80 %", "0.98"), ("MobileNet", 2019, "92.70 %", "0.96"),
    ("DenseNet", 2020, "85.80 %", "0.88"), ("Semi-supervised", 2020, "92.54 %", "0.94"),
    ("MAT of the paper", 2021, "92.55 %", "0.98"),
)  # fmt: skip
# what the project set out to reach: the paper's protocol against the paper and beyond, the clean one, and the regions
GOALS = {
    "paper": {"acc": 0.94, "lrap": 0.965, "auc": 0.985},
    "clean": {
        "acc": 0.89, "auc": 0.98, "balanced_acc": 0.80, "melanoma_sensitivity_at_90_specificity": 0.85,
        "expected_calibration_error": 0.03,
    },
    "regions": {"mean_iou_10": 0.25, "mean_iou_36": 0.20, "lesion_covered_36": 0.95},
}  # fmt: skip
LIMITS = ("expected_calibration_error", "mean_iou_10", "mean_iou_36")  # goals that are not to be exceeded
NAMES = {
    "acc": "accuracy",
    "lrap": "label ranking average precision",
    "auc": "macro AUC",
    "balanced_acc": "balanced accuracy",
    "melanoma_sensitivity_at_90_specificity": "melanoma sensitivity at 90 % specificity",
    "expected_calibration_error": "expected calibration error",
    "mean_iou_10": "mean IoU between the first 10 regions",
    "mean_iou_36": "mean IoU between the first 36 regions",
    "lesion_covered_36": "share of the lesion under the first 36 regions",
}
SHOWN_POINTS = 60  # of a ROC curve
SHOWN_REGIONS = 8  # of an overlay: with more, names hide names
# seed and look of the overlays' phantoms: each class, the common and the dangerous twice
PHANTOMS = tuple(enumerate((*CODES, "mel", "nv", "bcc")))


def measure(data: Dataset, results: Path = RESULTS, diagnoser: Diagnoser | None = None) -> dict:
    """Every figure of the rows in `results`, by protocol; writes figures.json there and returns it.

    With a diagnoser, also its regions on the project's phantoms. Raises DataError for a row that is damaged or was made
    on another split.
    """
    rows = read_results(results)
    lengths = {"val": len(data.of("val")), "test": len(data.of("test"))}
    for row in rows:
        for split, logits in (("val", row.val_logits), ("test", row.test_logits)):
            if tuple(logits.shape) != (lengths[split], len(CODES)) or not logits.isfinite().all():
                raise DataError(
                    f"{results / row.name}.safetensors holds {tuple(logits.shape)} logits of {split}, or one that is "
                    f"no number; this split needs {(lengths[split], len(CODES))}. Delete the row and measure it again."
                )
    figures = {protocol: {} for protocol in PROTOCOLS}
    for protocol in PROTOCOLS:
        mine = [row for row in rows if row.protocol == protocol]
        if mine:
            keep = kept(data.of("test"), protocol)
            figures[protocol] = {
                "test_lesions": int(keep.sum()),
                "rows": {row.name.removeprefix(f"{protocol}-"): figures_of_row(row, data, keep) for row in mine},
            }
    figures["overlays"] = overlays(diagnoser) if diagnoser else []
    write_json(figures, results / FIGURES)
    return figures


def overlays(diagnoser: Diagnoser) -> list[dict]:
    """The first regions on each phantom: what was drawn, what the model answers, boxes in pixels with their names."""
    shown = []
    for seed, code in PHANTOMS:
        regions = diagnoser.regions(make_phantom(seed, code).image)
        boxes = zip(regions.boxes.tolist(), regions.names, strict=True)
        shown.append({
            "seed": seed, "drawn": code,
            "regions": [{"box": [round(v) for v in box], "kind": kind} for box, kind in list(boxes)[:SHOWN_REGIONS]],
        })  # fmt: skip
    return shown


def kept(test: Sequence[Case], protocol: str) -> np.ndarray:
    """(cases,) which test lesions a protocol measures on: all, or those with a single image."""
    return np.array([protocol == "clean" or case.lesion_images == 1 for case in test])


def figures_of_row(row: Result, data: Dataset, keep: np.ndarray) -> dict:
    """One row's figures on test, calibrated on val."""
    val, test = data.of("val"), data.of("test")
    val_labels, labels = (np.array([c.label for c in cases]) for cases in (val, test))
    raw = row.test_logits.double().numpy()[keep]
    temperature = fit_temperature(row.val_logits.double().numpy(), val_labels)
    before, p, labels = softmax(raw, 1), softmax(raw / temperature, 1), labels[keep]
    cases = [c for c, k in zip(test, keep, strict=True) if k]
    values, intervals = headline(p, labels), bootstrap_intervals(p, labels)
    table = confusion(p, labels)
    return {
        "row": row.row, "detail": row.detail, "seed": row.seed, "epoch": row.epoch, "parameters": row.parameters,
        "minutes": round(row.seconds / 60, 1), "temperature": round(temperature, 3),
        **{name: {"value": values[name], "interval95": list(intervals[name])} for name in HEADLINE},
        "val": headline(softmax(row.val_logits.double().numpy(), 1), val_labels),
        "melanoma_sensitivity_at_90_specificity": melanoma_sensitivity(p, labels),
        "calibration_error": {"before": calibration_error(before, labels), "after": calibration_error(p, labels)},
        "brier": brier_score(p, labels),
        "recall": {code: line[k] / max(sum(line), 1) for k, (code, line) in enumerate(zip(CODES, table, strict=True))},
        "confusion": table,
        "roc": {code: _curve(labels == k, p[:, k]) for k, code in enumerate(CODES) if (labels == k).any()},
        "reliability": {"before": _reliability(before, labels), "after": _reliability(p, labels)},
        "groups": _groups(cases, p, labels),
        **({"regions": row.regions} if row.regions else {}),
        "history": [{k: epoch[k] for k in ("epoch", "loss", "val_loss") if k in epoch} for epoch in row.history],
    }  # fmt: skip


def write(figures: dict, metrics: dict, config: dict, docs: Path, card: Path) -> None:
    """All documents, from what is committed: `figures` of `measure`, the shipped bundle's metrics and config."""
    from .drawings import draw_all

    names = draw_all(figures, docs / "figures")
    (docs / "RESULTS.md").write_text(
        results_text(figures, metrics, names, config["notes"].get("preset", "")), encoding="utf-8"
    )
    card.write_text(card_text(metrics, config, figures), encoding="utf-8")


def shipped(checkpoints: Path = CHECKPOINTS) -> tuple[dict, dict]:
    """Metrics and config of the bundle that the app loads. Raises DataError where it lacks one."""
    folder = checkpoints / DEFAULT.name
    try:
        return read_metrics(folder, needed=True), read_config(folder)
    except BundleError:
        raise DataError(
            f"{folder} lacks a readable {METRICS} or {CONFIG}: run the steps bundle and evaluate --save first."
        ) from None


def summary(rows: dict) -> dict[str, dict]:
    """Rows of one kind together: label -> seeds, mean and sample deviation of the headline figures, the first seed."""
    grouped = defaultdict(list)
    for row in rows.values():
        grouped[row["row"], row["detail"]].append(row)
    made = {}
    for (row, detail), seeds in grouped.items():
        seeds = sorted(seeds, key=lambda r: r["seed"])
        means = {name: float(np.mean([s[name]["value"] for s in seeds])) for name in HEADLINE}
        # of a sample; a single seed has none
        spreads = {
            name: float(np.std([s[name]["value"] for s in seeds], ddof=1)) if len(seeds) > 1 else None
            for name in HEADLINE
        }
        label = UNITS[row].name if row in UNITS else CONTROLS.get(row, row) + (f" ({detail})" if detail else "")
        made[label] = {"row": row, "seeds": len(seeds), "mean": means, "deviation": spreads, "first": seeds[0]}
    order = [*UNITS, *CONTROLS]
    return dict(sorted(made.items(), key=lambda item: order.index(item[1]["row"]) if item[1]["row"] in order else 99))


def results_text(figures: dict, metrics: dict, names: Sequence[str], preset: str = "") -> str:
    """RESULTS.md. preset: what the shipped bundle was trained with."""
    parts = [
        "# Results\n\nWritten by `python -m training report --data HAM10000`; do not edit. Split: "
        "`assets/ham10000_split.csv`, by lesion. Every row is trained on the same cached regions with "
        "`python -m training ablation --data HAM10000`; its logits are in `docs/results/`, so that these "
        "figures can be computed again without training. Intervals are 95 %, by bootstrap over lesions within each "
        "class, of the first seed; ± is the standard deviation over seeds. Everything but the four means (melanoma, "
        "calibration, Brier, recalls, groups, figures) is the first seed's. Temperatures are fitted on val.\n"
    ]
    titles = {
        "clean": "Clean protocol: age, sex, localization; all test lesions, one image each",
        "paper": "Paper's protocol: with dx_type, which leaks the diagnosis; test lesions with a single image",
    }
    for protocol in PROTOCOLS:
        parts.append(f"## {titles[protocol]}\n")
        rows = figures[protocol].get("rows")
        if not rows:
            parts.append("No row of this protocol has been trained yet.\n")
            continue
        parts.append(_protocol(rows, protocol, figures[protocol]["test_lesions"]))
    parts += [_table_2_text(figures), _groups_text(figures), _gains_text(figures, metrics)]
    parts.append(_shipped_text(figures, metrics, preset))
    parts.append(_explain_text(metrics))
    parts += [f"![{name}](figures/{name})\n" for name in names]
    return "\n".join(parts)


def card_text(metrics: dict, config: dict, figures: dict) -> str:
    """MODEL_CARD.md: the written sections of its template, with the figures of the shipped bundle.

    Groups are those of `figures`. Raises DataError for a bundle without figures: a card says how good a model is.
    """
    if "test" not in metrics:
        raise DataError("The bundle has no figures of the test split: run evaluate --split test --save first.")
    test = metrics["test"]
    with torch.device("meta"):  # shapes only
        parameters = sum(p.numel() for p in MATNetwork(MATConfig(**config["network"])).parameters())
    lesions = {code: sum(line) for code, line in zip(CODES, test["confusion"], strict=True)}
    recall = test["recall"]
    plan = config["notes"].get("plan", {})
    values = {
        "unit": UNITS[config["network"]["unit"]].name,
        "backbone": plan.get("detector", {}).get("config", {}).get("backbone", "unknown"),
        "d": config["network"]["d"], "h": config["network"]["h"],
        "preset": config["notes"].get("preset", "unknown"),
        "results": _headline_table(test),
        "sensitivity": _short(test["melanoma_sensitivity_at_90_specificity"]),
        "ece": _short(test["expected_calibration_error"]) + _before_text(test),
        "parameters": f"{parameters / 1e6:.1f} million", "lesions": test["images"],
        "df": lesions["df"], "vasc": lesions["vasc"], "groups": _groups_text(figures).split("\n", 2)[2].strip(),
        "recall_head": " | ".join(recall), "recall_rule": " | ".join("---" for _ in recall),
        "recall_values": " | ".join(_short(v, 2) for v in recall.values()),
        "single": test["single_image_lesions"]["images"],
        "single_acc": _short(test["single_image_lesions"]["acc"]),
        "single_auc": _short(test["single_image_lesions"]["auc"]),
        "regions": _regions_text(test["detector"]),
        "novelty": "shipped" if config.get("novelty_threshold") is not None else "not part of this bundle",
    }  # fmt: skip
    template = Template((TEMPLATES / "MODEL_CARD.md").read_text(encoding="utf-8"))
    return template.substitute(values)


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
            spread = f" ± {_short(kind['deviation'][name])}" if kind["seeds"] > 1 else ""
            cells.append(f"{_short(kind['mean'][name])}{spread} ({_short(low)} to {_short(high)})")
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
        ece = first["calibration_error"]
        cells = [label, _short(first["melanoma_sensitivity_at_90_specificity"]), _short(ece["before"])]
        cells += [
            _short(ece["after"]),
            _short(first["brier"]),
            ", ".join(_short(v, 2) for v in first["recall"].values()),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    main = kinds.get(UNITS["sga-sga"].name)
    if main:
        first = main["first"]
        found = {
            **main["mean"],
            "melanoma_sensitivity_at_90_specificity": first["melanoma_sensitivity_at_90_specificity"],
            "expected_calibration_error": first["calibration_error"]["after"],
        }
        seeds = "one seed" if main["seeds"] == 1 else f"mean of {main['seeds']} seeds"
        if protocol == "paper":
            papers = dict(zip(("acc", "lrap", "auc"), PAPER["sga-sga"], strict=False))
            lines.append("\n" + goals_text(found, papers, f"SGA-SGA, {seeds}, beside the paper", "paper's figure"))
        lines.append("\n" + goals_text(found, GOALS[protocol], f"SGA-SGA, {seeds}"))
    return "\n".join(lines) + "\n"


def goals_text(found: dict[str, float], goals: dict[str, float], who: str, what: str = "goal") -> str:
    """What was reached and what fell short, a clause for each goal; a limit is kept or exceeded."""
    said = []
    for name, goal in goals.items():
        if name not in found or np.isnan(found[name]):
            said.append(f"{NAMES[name]} was not measured (the {what}: {_short(goal, 4)})")
            continue
        word = "above" if found[name] > goal else "below" if found[name] < goal else "at"
        kept = found[name] <= goal if name in LIMITS else found[name] >= goal
        what_for = f"the {'limit' if name in LIMITS else what} of {_short(goal, 4)}"
        said.append(f"{NAMES[name]} {_short(found[name], 4)} is {word} {what_for}{'' if kept else ' (missed)'}")
    return f"{who}: {'; '.join(said)}."


def _table_2_text(figures: dict) -> str:
    """The paper's Table 2, and what was measured here on the same kind of test lesions."""
    lines = [
        "## Beside other methods (the paper's Table 2)\n\nThe first rows are as the paper prints them, each with its "
        "own test set, so that they compare with care only. Ours are of the paper's protocol.\n",
        "| method | year | ACC | macro AUC |",
        "| --- | --- | --- | --- |",
    ]
    lines += [f"| {' | '.join(map(str, row))} |" for row in PAPER_TABLE_2]
    wanted = ("sga-sga", "classifier", "class-head")
    kinds = summary(figures["paper"].get("rows", {}))
    for label, kind in kinds.items():
        if kind["row"] in wanted:
            acc, auc = kind["mean"]["acc"], kind["mean"]["auc"]
            lines.append(f"| ours: {label} | | {100 * acc:.2f} % | {auc:.3f} |")
    if not any(kind["row"] == "classifier" for kind in kinds.values()):
        lines.append("\nA plain classifier of the whole image: not trained yet (`python -m training baseline`).")
    return "\n".join(lines) + "\n"


def _groups_text(figures: dict) -> str:
    row = figures["clean"].get("rows", {}).get("sga-sga-seed0")
    if not row:
        return "## Groups\n\nNot measured yet.\n"
    return (
        "## Groups\n\nSGA-SGA, clean protocol, seed 0. Groups differ in their diagnoses, and small ones in luck: "
        "read the counts and the (Wilson) intervals.\n\n" + groups_table(row["groups"]) + "\n"
    )


def groups_table(groups: dict) -> str:
    """Accuracy of every group with its count and interval, as `measure` has them."""
    lines = ["| | group | lesions | accuracy | 95 % interval |", "| --- | --- | --- | --- | --- |"]
    for kind, these in groups.items():
        for name, group in these.items():
            low, high = group["interval95"]
            lines.append(
                f"| {kind} | {name} | {group['cases']} | {_short(group['acc'])} | {_short(low)} to {_short(high)} |"
            )
    return "\n".join(lines)


def _gains_text(figures: dict, metrics: dict) -> str:
    """A line a step, on val, where all choices were made, and on test; the first seed of each row."""
    lines = [
        "## What each step of the recipe gained\n\nClean protocol, first seed; each line adds to the one above it. "
        "Choices were made on val, so its figures flatter; intervals as in the tables above.\n",
        "| step | val: ACC | AUC | balanced | test: ACC | AUC | balanced |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    shown = ("acc", "auc", "balanced_acc")
    rows = {row["row"]: row for row in figures["clean"].get("rows", {}).values() if row["seed"] == 0}
    for row, step in STEPS.items():
        if row in rows:
            cells = [_short(rows[row]["val"][name]) for name in shown]
            cells += [_short(rows[row][name]["value"]) for name in shown]
            lines.append(f"| {step} | {' | '.join(cells)} |")
    for suffix, step in (("", "the shipped bundle, one view"), ("_8_views", "the shipped bundle, mean of eight views")):
        if f"val{suffix}" in metrics and f"test{suffix}" in metrics:
            cells = [_short(metrics[split + suffix][name]["value"]) for split in ("val", "test") for name in shown]
            lines.append(f"| {step} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _plain_text(figures: dict) -> str:
    """The regions of a detector that knows whole lesions only, for comparison."""
    row = figures["clean"].get("rows", {}).get("plain-detector-seed0")
    if not row:
        return ""
    said = f"A detector that was taught whole lesions only, else alike, for comparison: {_regions_text(row['regions'])}"
    return f"{said} What its class head knows stands in the tables above, beside that of the shipped detector.\n\n"


def _shipped_text(figures: dict, metrics: dict, preset: str) -> str:
    test = metrics.get("test")
    if not test:
        return "## The shipped bundle\n\nNot measured yet.\n"
    views = metrics.get("test_8_views")
    text = (
        f"## The shipped bundle\n\n`checkpoints/sga-sga`, trained with the preset `{preset}`, measured through "
        "the call that the app makes: `python -m training evaluate --data HAM10000 --split test`.\n\n"
        + _headline_table(test)
        + f"\n\nMelanoma sensitivity at 90 % specificity {_short(test['melanoma_sensitivity_at_90_specificity'])}; "
        f"expected calibration error {_short(test['expected_calibration_error'])}"
        + _before_text(test) + ".\n\n"
    )  # fmt: skip
    if views:
        text += (
            "Mean of its eight turned and mirrored views (`evaluate --views`):\n\n" + _headline_table(views) + "\n\n"
        )
    found = {name: test[name]["value"] for name in HEADLINE}
    found |= {name: test[name] for name in GOALS["clean"] if name not in HEADLINE}
    return (
        text
        + goals_text(found, GOALS["clean"], "One view")
        + "\n\n### Regions\n\n"
        + _regions_text(test["detector"])
        + "\n\n"
        + _plain_text(figures)
        + goals_text(test["detector"], GOALS["regions"], "Regions")
        + "\n"
    )


def _before_text(measured: dict) -> str:
    """Calibration before temperature scaling, and Brier scores, where a bundle's metrics have them."""
    before = measured.get("before_scaling")
    text = f" ({_short(before['expected_calibration_error'])} before temperature scaling)" if before else ""
    if "brier" in measured:
        text += f"; Brier score {_short(measured['brier'])}" + (
            f" ({_short(before['brier'])} before)" if before else ""
        )
    return text


def _explain_text(metrics: dict) -> str:
    explained = metrics.get("test", {}).get("explain")
    if not explained:
        return "## Attention against ablation\n\nNot averaged over the test split yet.\n"
    lines = [
        f"## Attention against ablation\n\n{explained['cases']} cases of the test split, each for its top class "
        "(`python -m training explain`). Correlation and overlap are with the ranking by ablation; a good ranking "
        "has a small deletion and a large insertion area.\n\n"
        "| ranking | Spearman | top-10 overlap | deletion | insertion |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, row in explained["rankings"].items():
        cells = [_short(row[k]) if k in row else "" for k in ("spearman", "overlap", "deletion_area", "insertion_area")]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _headline_table(test: dict) -> str:
    lines = ["| | value | 95 % interval |", "| --- | --- | --- |"]
    for name in HEADLINE:
        low, high = test[name]["interval95"]
        lines.append(f"| {NAMES[name]} | {_short(test[name]['value'])} | {_short(low)} to {_short(high)} |")
    return "\n".join(lines)


def _regions_text(detector: dict) -> str:
    text = (
        f"Of the test images, {100 * detector['lesion_recall_10']:.1f} % have a box with IoU of at least .5 to the "
        f"lesion among the first 10 regions, {100 * detector['lesion_recall_36']:.1f} % among 36, "
        f"{100 * detector['lesion_recall_100']:.1f} % among 100; for {100 * detector['lesion_top']:.1f} % it is the "
        f"first. Mean IoU between pairs: {_short(detector['mean_iou_10'])} in the first 10, "
        f"{_short(detector['mean_iou_36'])} in the first 36."
    )
    if "lesion_covered_36" in detector:
        text += (
            f" The first 36 cover {100 * detector['lesion_covered_36']:.1f} % of the lesion and "
            f"{100 * detector['image_covered_36']:.1f} % of the image."
        )
    return text


def _short(value: float, digits: int = 3) -> str:
    """.873 for 0.8731, as the documents write figures; what could not be measured is said so."""
    if np.isnan(value):
        return "not measurable"
    text = f"{value:.{digits}f}"
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text


def _curve(truth: np.ndarray, scores: np.ndarray) -> dict:
    fpr, tpr, _ = roc_curve(truth, scores)
    at = np.linspace(0, 1, SHOWN_POINTS)
    shown = {"fpr": at.round(4).tolist(), "tpr": np.interp(at, fpr, tpr).round(4).tolist()}
    return shown | {"area": float(area_under(fpr, tpr))}  # of the whole curve, not of the points shown


def _reliability(p: np.ndarray, labels: np.ndarray, bins: int = 15) -> list[dict]:
    top, right = p.max(1), p.argmax(1) == labels
    of = np.minimum((top * bins).astype(int), bins - 1)
    return [
        {
            "confidence": float(top[of == b].mean()),
            "accuracy": float(right[of == b].mean()),
            "cases": int((of == b).sum()),
        }
        for b in np.unique(of)
    ]


def _groups(cases: Sequence[Case], p: np.ndarray, labels: np.ndarray) -> dict:
    right = p.argmax(1) == labels
    bands = {
        "under 30": (0, 30),
        "30 to 44": (30, 45),
        "45 to 59": (45, 60),
        "60 to 74": (60, 75),
        "75 and over": (75, 999),
    }
    members: dict[str, dict[str, np.ndarray]] = {"sex": {}, "age": {}, "localization": {}}
    for sex in ("female", "male", None):
        members["sex"][sex or "unknown"] = np.array([c.metadata.sex == sex for c in cases])
    ages = [c.metadata.age for c in cases]
    for name, (low, high) in bands.items():
        members["age"][name] = np.array([a is not None and low <= a < high for a in ages])
    for site in sorted({c.metadata.localization or "unknown" for c in cases}):
        members["localization"][site] = np.array([(c.metadata.localization or "unknown") == site for c in cases])
    return {
        kind: {name: _group(right[who]) for name, who in these.items() if who.any()} for kind, these in members.items()
    }


def _group(right: np.ndarray) -> dict:
    """Accuracy with Wilson's interval: a bootstrap of three right answers would be sure of the fourth."""
    low, high = binomtest(int(right.sum()), len(right)).proportion_ci(method="wilson")
    return {"cases": len(right), "acc": float(right.mean()), "interval95": [float(low), float(high)]}
