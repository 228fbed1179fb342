"""MODEL_CARD.md, from the bundle that ships and its metrics."""

from collections.abc import Mapping
from string import Template

import torch

from mat_core.data.labels import CODES
from mat_core.errors import DataError
from mat_core.models.mat import MATConfig, MATNetwork
from mat_core.models.transformer import UNITS

from .faithfulness_tables import agreement_line
from .formatting import TEMPLATES, before_text, groups_table, headline_table, main_groups, regions_text, section, short

LACKING = "Not measured for this bundle yet (`python -m training evaluate --data HAM10000 --split test --save`)."
FIGURES = "docs/figures"  # as the card sees them


def card_text(metrics: dict, config: dict, tables: dict, figures: Mapping[str, str] | None = None) -> str:
    """MODEL_CARD.md from its template with metrics and config of the shipped bundle.

    figures: kind -> file, see `svg_figures.draw_shipped`. Groups are the bundle's or, if missing, those of `tables`,
    docs/results/metrics.json. Raises DataError for a bundle without metrics of the test split.
    """
    if "test" not in metrics:
        raise DataError("The bundle has no metrics of the test split: run evaluate --split test --save first.")
    test, figures = metrics["test"], figures or {}
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
        "results": headline_table(test),
        "sensitivity": short(test["melanoma_sensitivity_at_90_specificity"]),
        "ece": short(test["expected_calibration_error"]) + before_text(test),
        "parameters": f"{parameters / 1e6:.1f} million", "lesions": test["images"],
        "df": lesions["df"], "vasc": lesions["vasc"],
        "roc": _shown("roc", figures, "each point of the curve is one threshold for calling melanoma"),
        "reliability": _shown("reliability", figures, "on the line, a percentage can be taken at its word"),
        "confusion": _shown("confusion", figures, "rows are confirmed, columns answered"),
        "groups": _groups(test, tables, figures),
        "recall_head": " | ".join(recall), "recall_rule": " | ".join("---" for _ in recall),
        "recall_values": " | ".join(short(v, 2) for v in recall.values()),
        "single": test["single_image_lesions"]["images"],
        "single_acc": short(test["single_image_lesions"]["acc"]),
        "single_auc": short(test["single_image_lesions"]["auc"]),
        "regions": regions_text(test["detector"]),
        "agreement": agreement_line(metrics),
        "novelty": "shipped" if config.get("novelty_threshold") is not None else "not part of this bundle",
    }  # fmt: skip
    return Template((TEMPLATES / "MODEL_CARD.md").read_text(encoding="utf-8")).substitute(values)


def _shown(kind: str, figures: Mapping[str, str], alt: str) -> str:
    """A figure with its alternative text, or a note that it is missing."""
    return f"![{kind}: {alt}]({FIGURES}/{figures[kind]})" if kind in figures else LACKING


def _groups(test: dict, tables: dict, figures: Mapping[str, str]) -> str:
    """The bundle's groups as a figure with folded numbers, else those of the main row."""
    if "groups" in figures:
        return (
            f"{section('groups')}\n\n"
            f"{_shown('groups', figures, 'accuracy by sex, age and localization, with 95 % intervals')}\n\n"
            + folded("The numbers", groups_table(test["groups"]))
        )
    numbers = "Not measured yet."
    if groups := main_groups(tables):
        folded_table = folded("The numbers", groups_table(groups))
        numbers = f"SGA-SGA, clean protocol, seed 0. {section('groups')}\n\n{folded_table}"
    return (
        "Of a row of `docs/RESULTS.md`, trained with the same architecture; it need not be the very weights of this "
        f"bundle.\n{numbers}"
    )


def folded(title: str, text: str) -> str:
    """Collapsible Markdown for GitHub and the site."""
    return f'<details markdown="1">\n<summary>{title}</summary>\n\n{text}\n\n</details>'
