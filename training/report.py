"""Step 'report': from the rows of docs/results to the figures of every document, and from those to the documents.

`measure` needs HAM10000's labels and writes docs/results/figures.json. `write` needs nothing but committed files and
writes docs/RESULTS.md, MODEL_CARD.md and docs/figures/; a test does it again and compares.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from string import Template

import numpy as np
from scipy.special import softmax
from sklearn.metrics import roc_curve

from mat_core.bundle import CHECKPOINTS, CONFIG, DEFAULT, METRICS
from mat_core.ham10000 import Case, Dataset
from mat_core.labels import CODES
from mat_core.units import UNITS

from .engine import write_json
from .evaluate import calibration_error, fit_temperature
from .metrics import HEADLINE, bootstrap_intervals, brier_score, confusion, headline, melanoma_sensitivity
from .results import CONTROLS, PROTOCOLS, RESULTS, Result, read_results

DOCS = RESULTS.parent
FIGURES = "figures.json"  # in docs/results
TEMPLATES = Path(__file__).with_name("templates")
# Table 1 of the paper (ACC, LRAP, AUC), its early stopping epoch, and ACC of image-only in its text
PAPER = {
    "base": (0.9154, 0.9514, 0.9823, 13),
    "sa-sa": (0.9194, 0.9520, 0.9808, 31),
    "sa-sga": (0.9104, 0.9434, 0.9673, 32),
    "sga-sga": (0.9255, 0.9563, 0.9828, 11),
    "image-only": (0.9247, None, None, None),
}
GOALS = {
    "paper": {"acc": 0.9255, "lrap": 0.9563, "auc": 0.9828},
    "clean": {
        "acc": 0.89, "auc": 0.98, "balanced_acc": 0.80, "melanoma_sensitivity_at_90_specificity": 0.85,
    },
}  # fmt: skip
NAMES = {
    "acc": "accuracy",
    "lrap": "label ranking average precision",
    "auc": "macro AUC",
    "balanced_acc": "balanced accuracy",
    "melanoma_sensitivity_at_90_specificity": "melanoma sensitivity at 90 % specificity",
}
SHOWN_POINTS = 60  # of a ROC curve


def measure(data: Dataset, results: Path = RESULTS) -> dict:
    """Every figure of the rows in `results`, by protocol; writes figures.json there and returns it."""
    rows = read_results(results)
    figures = {protocol: {} for protocol in PROTOCOLS}
    for protocol in PROTOCOLS:
        mine = [row for row in rows if row.protocol == protocol]
        if mine:
            keep = kept(data.of("test"), protocol)
            figures[protocol] = {
                "test_lesions": int(keep.sum()),
                "rows": {row.name.removeprefix(f"{protocol}-"): figures_of_row(row, data, keep) for row in mine},
            }
    write_json(figures, results / FIGURES)
    return figures


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
        "melanoma_sensitivity_at_90_specificity": melanoma_sensitivity(p, labels),
        "calibration_error": {"before": calibration_error(before, labels), "after": calibration_error(p, labels)},
        "brier": brier_score(p, labels),
        "recall": {code: line[k] / max(sum(line), 1) for k, (code, line) in enumerate(zip(CODES, table, strict=True))},
        "confusion": table,
        "roc": {code: _curve(labels == k, p[:, k]) for k, code in enumerate(CODES) if (labels == k).any()},
        "reliability": {"before": _reliability(before, labels), "after": _reliability(p, labels)},
        "groups": _groups(cases, p, labels),
        "history": [{k: epoch[k] for k in ("epoch", "loss", "val_loss") if k in epoch} for epoch in row.history],
    }  # fmt: skip


def write(figures: dict, metrics: dict, config: dict, docs: Path, card: Path) -> None:
    """All documents, from what is committed: `figures` of `measure`, the shipped bundle's metrics and config."""
    from .drawings import draw_all

    names = draw_all(figures, docs / "figures")
    (docs / "RESULTS.md").write_text(
        results_text(figures, metrics, names, config["notes"].get("preset", "")), encoding="utf-8"
    )
    card.write_text(card_text(metrics, config), encoding="utf-8")


def shipped(checkpoints: Path = CHECKPOINTS) -> tuple[dict, dict]:
    """Metrics and config of the bundle that the app loads."""
    folder = checkpoints / DEFAULT.name
    return tuple(json.loads((folder / name).read_text(encoding="utf-8")) for name in (METRICS, CONFIG))


def summary(rows: dict) -> dict[str, dict]:
    """Rows of one kind together: label -> seeds, mean and deviation of the headline figures, and the first seed's."""
    grouped = defaultdict(list)
    for row in rows.values():
        grouped[row["row"], row["detail"]].append(row)
    made = {}
    for (row, detail), seeds in grouped.items():
        seeds = sorted(seeds, key=lambda r: r["seed"])
        means = {name: float(np.mean([s[name]["value"] for s in seeds])) for name in HEADLINE}
        spreads = {name: float(np.std([s[name]["value"] for s in seeds])) for name in HEADLINE}
        label = UNITS[row].name if row in UNITS else CONTROLS.get(row, row) + (f" ({detail})" if detail else "")
        made[label] = {"row": row, "seeds": len(seeds), "mean": means, "deviation": spreads, "first": seeds[0]}
    order = [*UNITS, *CONTROLS]
    return dict(sorted(made.items(), key=lambda item: order.index(item[1]["row"]) if item[1]["row"] in order else 99))


def results_text(figures: dict, metrics: dict, names: Sequence[str], preset: str = "") -> str:
    """RESULTS.md. preset: what the shipped bundle was trained with."""
    parts = [
        "# Results\n\nWritten by `python -m training report --data HAM10000`; do not edit. Split: "
        "`assets/ham10000_split.csv`, by lesion. Every row is trained on the same cached regions with "
        "`python -m training ablation --preset long --data HAM10000`; its logits are in `docs/results/`, so that these "
        "figures can be computed again without training. Intervals are 95 %, by bootstrap over lesions within each "
        "class, of the first seed. Temperatures are fitted on val.\n"
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
    parts.append(_shipped_text(metrics, preset))
    parts.append(_explain_text(metrics))
    parts += [f"![{name}](figures/{name})\n" for name in names]
    return "\n".join(parts)


def card_text(metrics: dict, config: dict) -> str:
    """MODEL_CARD.md: the written sections of its template, with the figures of the shipped bundle."""
    test = metrics["test"]
    recall = test["recall"]
    plan = config["notes"].get("plan", {})
    values = {
        "unit": UNITS[config["network"]["unit"]].name,
        "backbone": plan.get("detector", {}).get("config", {}).get("backbone", "unknown"),
        "d": config["network"]["d"], "h": config["network"]["h"],
        "preset": config["notes"].get("preset", "unknown"),
        "results": _headline_table(test),
        "sensitivity": _short(test["melanoma_sensitivity_at_90_specificity"]),
        "ece": _short(test["expected_calibration_error"]),
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
    missing = [UNITS[unit].name for unit in UNITS if unit not in {kind["row"] for kind in kinds.values()}]
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
        found = {**main["mean"], **{k: main["first"][k] for k in GOALS[protocol] if k not in main["mean"]}}
        lines.append("\n" + goals_text(found, GOALS[protocol], "SGA-SGA"))
    return "\n".join(lines) + "\n"


def goals_text(found: dict[str, float], goals: dict[str, float], who: str) -> str:
    """What was reached and what fell short, a sentence for each goal."""
    said = [
        f"{NAMES[name]} {_short(found[name], 4)} is {'above' if found[name] > goal else 'below'} {_short(goal, 4)}"
        for name, goal in goals.items()
    ]
    return f"{who}: {'; '.join(said)}."


def _shipped_text(metrics: dict, preset: str) -> str:
    test = metrics.get("test")
    if not test:
        return "## The shipped bundle\n\nNot measured yet.\n"
    views = metrics.get("test_8_views")
    text = (
        f"## The shipped bundle\n\n`checkpoints/sga-sga`, trained with the preset `{preset}`, measured through "
        "the call that the app makes: `python -m training evaluate --data HAM10000 --split test`.\n\n"
        + _headline_table(test)
        + f"\n\nMelanoma sensitivity at 90 % specificity {_short(test['melanoma_sensitivity_at_90_specificity'])}; "
        f"expected calibration error {_short(test['expected_calibration_error'])}.\n\n"
    )  # fmt: skip
    if views:
        text += (
            "Mean of its eight turned and mirrored views (`evaluate --views`):\n\n" + _headline_table(views) + "\n\n"
        )
    found = {name: test[name]["value"] for name in HEADLINE}
    found["melanoma_sensitivity_at_90_specificity"] = test["melanoma_sensitivity_at_90_specificity"]
    return (
        text
        + goals_text(found, GOALS["clean"], "One view")
        + "\n\n### Regions\n\n"
        + _regions_text(test["detector"])
        + "\n"
    )


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
    """.873 for 0.8731, as the documents write figures."""
    text = f"{value:.{digits}f}"
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text


def _curve(truth: np.ndarray, scores: np.ndarray) -> dict:
    fpr, tpr, _ = roc_curve(truth, scores)
    at = np.linspace(0, 1, SHOWN_POINTS)
    return {"fpr": at.round(4).tolist(), "tpr": np.interp(at, fpr, tpr).round(4).tolist()}


def _reliability(p: np.ndarray, labels: np.ndarray, bins: int = 10) -> list[dict]:
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
        kind: {name: _group(right[who], rng_seed) for rng_seed, (name, who) in enumerate(these.items()) if who.any()}
        for kind, these in members.items()
    }


def _group(right: np.ndarray, seed: int) -> dict:
    rng = np.random.default_rng(seed)
    means = rng.choice(right, (1000, len(right))).mean(1)
    low, high = np.percentile(means, (2.5, 97.5))
    return {"cases": len(right), "acc": float(right.mean()), "interval95": [float(low), float(high)]}
