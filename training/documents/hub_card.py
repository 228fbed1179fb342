"""README.md of a bundle on the Hub, with the Hub's metadata."""

from string import Template

from huggingface_hub import EvalResult, ModelCardData

from mat_core.data.labels import BY_CODE
from mat_core.evaluation.metrics import HEADLINE
from mat_core.models.transformer import UNITS

from .formatting import NAMES, TEMPLATES, headline_table, short

# the Hub's names of metrics, where it has them
TYPES = {
    "acc": "accuracy",
    "lrap": "label_ranking_average_precision",
    "auc": "roc_auc",
    "balanced_acc": "balanced_accuracy",
}
CC_BY_NC = "cc-by-nc-4.0"


def hub_card(repo: str, config: dict, metrics: dict) -> str:
    """The card of a bundle from its config.json and metrics.json."""
    test, notes = metrics.get("test"), config["notes"]
    unit, name = UNITS[config["network"]["unit"]].name, config["name"]
    licence = notes.get("licence", "")
    values = {
        "front": _front(name, licence, test),
        "name": name, "repo": repo, "unit": unit,
        "fields": ", ".join(config["fields"]) or "none",
        "labels": "\n".join(f"- `{code}`: {BY_CODE[code].name}" for code in config["labels"]),
        "results": _results(test),
        "licence": licence or "not told: ask who made it",
        "data": notes.get("data") or notes.get("attribution") or "not told",
    }  # fmt: skip
    return Template((TEMPLATES / "HUB_CARD.md").read_text(encoding="utf-8")).substitute(values)


def _front(name: str, licence: str, test: dict | None) -> str:
    """The YAML front matter, with metrics as a model index."""
    results = [
        EvalResult(
            task_type="image-classification", dataset_type="ham10000", dataset_name="HAM10000, one image a lesion",
            dataset_split="test", metric_type=TYPES[metric], metric_name=NAMES[metric],
            metric_value=round(test[metric]["value"], 4),
        )
        for metric in HEADLINE
        if test
    ]  # fmt: skip
    open_data = licence.startswith("CC BY-NC 4.0")
    data = ModelCardData(
        model_name=name,
        library_name="mat-attention-demo",
        pipeline_tag="image-classification",
        tags=["attention", "dermatology", "explainability", "teaching", "safetensors"],
        license=CC_BY_NC if open_data else "other",
        license_name=None if open_data else "unspecified",
        eval_results=results or None,
    )
    return data.to_yaml()


def _results(test: dict | None) -> str:
    if not test:
        return "Not measured on a test split."
    return (
        f"{headline_table(test)}\n\n{test['images']} test lesions, one image each; intervals from a bootstrap over "
        f"lesions. Melanoma sensitivity at 90 % specificity: "
        f"{short(test['melanoma_sensitivity_at_90_specificity'])}. Expected calibration error: "
        f"{short(test['expected_calibration_error'])}."
    )
