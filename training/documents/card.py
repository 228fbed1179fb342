"""MODEL_CARD.md, from the bundle that ships and its metrics."""

from pathlib import Path
from string import Template

import torch

from mat_core.errors import DataError
from mat_core.labels import CODES
from mat_core.network import MATConfig, MATNetwork
from mat_core.units import UNITS

from .evidence import agreement_line
from .wording import before_text, groups_text, headline_table, regions_text, short

TEMPLATE = Path(__file__).with_name("templates") / "MODEL_CARD.md"


def card_text(metrics: dict, config: dict, tables: dict) -> str:
    """MODEL_CARD.md: the written sections of its template, with metrics and config of the shipped bundle.

    Groups are those of `tables`, docs/results/metrics.json. Raises DataError for a bundle without metrics of the test
    split: a card says how good a model is.
    """
    if "test" not in metrics:
        raise DataError("The bundle has no metrics of the test split: run evaluate --split test --save first.")
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
        "results": headline_table(test),
        "sensitivity": short(test["melanoma_sensitivity_at_90_specificity"]),
        "ece": short(test["expected_calibration_error"]) + before_text(test),
        "parameters": f"{parameters / 1e6:.1f} million", "lesions": test["images"],
        "df": lesions["df"], "vasc": lesions["vasc"], "groups": groups_text(tables).split("\n", 2)[2].strip(),
        "recall_head": " | ".join(recall), "recall_rule": " | ".join("---" for _ in recall),
        "recall_values": " | ".join(short(v, 2) for v in recall.values()),
        "single": test["single_image_lesions"]["images"],
        "single_acc": short(test["single_image_lesions"]["acc"]),
        "single_auc": short(test["single_image_lesions"]["auc"]),
        "regions": regions_text(test["detector"]),
        "agreement": agreement_line(metrics),
        "novelty": "shipped" if config.get("novelty_threshold") is not None else "not part of this bundle",
    }  # fmt: skip
    template = Template(TEMPLATE.read_text(encoding="utf-8"))
    return template.substitute(values)
