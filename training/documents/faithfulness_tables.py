"""How far rankings of regions agree with occlusion and ablation: sections of RESULTS.md and of the card."""

from mat_core.data.labels import BY_CODE
from mat_core.explain import REFERENCES, dataset_summary
from mat_core.models.transformer import UNITS

from ..results.faithfulness import AREAS
from .formatting import section, short, table

NAMES = {
    "attention": "attention", "contribution": "contribution to the logit", "gradient": "gradient times input",
    "relevance": "relevance", "area": "area of the box", "occlusion": "hiding its pixels",
    "ablation": "taking it away", "random": "random order",
}  # fmt: skip
BY_CLASS = ("attention", "contribution", "gradient", "relevance", "area", "ablation")  # shown for each class


def agreement_text(metrics: dict) -> str:
    """The section of RESULTS.md; metrics: a bundle's."""
    explained = metrics.get("test", {}).get("explain")
    if not explained:
        return section("no_agreement") + "\n"
    rankings = explained["rankings"]
    names = [name for name in BY_CLASS if name in rankings]
    references = table(
        "| ranking | Spearman with hiding | of its ten best | Spearman with taking away | of its ten best |",
        [
            [NAMES[name], *(_cell(row, one, kind) for one in REFERENCES for kind in ("spearman", "overlap"))]
            for name, row in rankings.items()
            if any(one in row for one in REFERENCES)
        ],
    )
    areas = table(
        "| ranking | deletion | insertion |",
        [[NAMES[name], *(_with_interval(row[area]) for area in AREAS)] for name, row in rankings.items()],
    )
    classes = table(
        f"| class | cases | {' | '.join(NAMES[name] for name in names)} |",
        [
            [
                BY_CODE[code].name, group["cases"],
                *(_cell(group["rankings"][name], "occlusion", "spearman") for name in names),
            ]
            for code, group in explained["by_class"].items()
        ],
    )  # fmt: skip
    values = {"cases": explained["cases"], "references": references, "areas": areas, "classes": classes}
    return section("agreement", **values, **_largest(metrics)) + "\n"


def similarity_text(metrics: dict) -> str:
    """The section of RESULTS.md about how similar the regions become; metrics: a bundle's."""
    result = metrics.get("test", {}).get("similarity")
    if not result:
        return section("no_similarity") + "\n"
    stages = list(dict.fromkeys(stage for kinds in result["units"].values() for stage in kinds["cosine"]))
    rows = [
        [
            UNITS[unit].name,
            *(_with_interval(kinds["cosine"][stage]) if stage in kinds["cosine"] else "" for stage in stages),
        ]
        for unit, kinds in result["units"].items()
    ]
    return section("similarity", cases=result["cases"], table=table(f"| unit | {' | '.join(stages)} |", rows)) + "\n"


def agreement_line(metrics: dict) -> str:
    """One paragraph for the card."""
    summary = dataset_summary(metrics)
    if summary is None:
        return "Not measured for this bundle yet (`python -m training explain`)."
    return section("largest", summary=summary, **_largest(metrics))


def _largest(metrics: dict) -> dict[str, str]:
    hidden, ablated = (_with_interval(metrics["test"]["explain"]["largest"][reference]) for reference in REFERENCES)
    return {"hidden": hidden, "ablated": ablated}


def _with_interval(estimate: dict) -> str:
    low, high = estimate["interval95"]
    return f"{short(estimate['value'])} ({short(low)} to {short(high)})"


def _cell(row: dict, reference: str, kind: str) -> str:
    return _with_interval(row[reference][kind]) if reference in row else ""
