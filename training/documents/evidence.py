"""Tables and sentences of how far rankings of regions agree with what matters, for RESULTS.md and the card."""

from mat_core.explain import REFERENCES, over_cases
from mat_core.labels import BY_CODE
from mat_core.units import UNITS

from ..results.agreement import AREAS
from .wording import short

NAMES = {
    "attention": "attention", "contribution": "contribution to the logit", "gradient": "gradient times input",
    "relevance": "relevance", "area": "area of the box", "occlusion": "hiding its pixels",
    "ablation": "taking it away", "random": "random order",
}  # fmt: skip
ASKED = ("attention", "contribution", "gradient", "relevance", "area", "ablation")  # against hiding, class by class


def agreement_text(metrics: dict) -> str:
    """The section of RESULTS.md; metrics: a bundle's."""
    explained = metrics.get("test", {}).get("explain")
    if not explained:
        return (
            "## What the rankings of regions are worth\n\nNot measured on the test split yet "
            "(`python -m training explain --data HAM10000 --limit 200 --save`).\n"
        )
    hidden, taken = (_with_interval(explained["largest"][one]) for one in REFERENCES)
    lines = [
        f"## What the rankings of regions are worth\n\n{explained['cases']} cases of the test split, drawn "
        "with at least ten of each diagnosis where that could be, each for its top class "
        "(`python -m training explain`). Two references: hiding the pixels "
        "of a region's box, so that the detector looks again, and taking the region's token away. The region "
        f"that matters most changes the probability of the class by {hidden} when it is hidden and by {taken} when it "
        "is taken away, on average. Intervals are 95 %, by "
        "bootstrap over cases. A ranking that agrees no better with hiding than the area of the box does only knows "
        "how much is hidden.\n\n"
        "| ranking | Spearman with hiding | of its ten best | Spearman with taking away | of its ten best |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, row in explained["rankings"].items():
        if any(one in row for one in REFERENCES):
            cells = [_cell(row, one, kind) for one in REFERENCES for kind in ("spearman", "overlap")]
            lines.append(f"| {NAMES[name]} | {' | '.join(cells)} |")
    lines.append(
        "\nRegions taken away, or shown, in the order of each ranking; a good one has a small deletion and a large "
        "insertion area.\n\n| ranking | deletion | insertion |\n| --- | --- | --- |"
    )
    for name, row in explained["rankings"].items():
        cells = [_with_interval(row[area]) for area in AREAS]
        lines.append(f"| {NAMES[name]} | {' | '.join(cells)} |")
    shown = [name for name in ASKED if name in explained["rankings"]]
    lines.append(
        "\nSpearman with hiding, by the class that the model gave.\n\n"
        f"| class | cases | {' | '.join(NAMES[name] for name in shown)} |\n|{' --- |' * (2 + len(shown))}"
    )
    for code, these in explained["by_class"].items():
        cells = [_cell(these["rankings"][name], "occlusion", "spearman") for name in shown]
        lines.append(f"| {BY_CODE[code].name} | {these['cases']} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def similarity_text(metrics: dict) -> str:
    """The section of RESULTS.md about how alike the regions become; metrics: a bundle's."""
    found = metrics.get("test", {}).get("similarity")
    if not found:
        return (
            "## How alike the regions become\n\nNot measured on the test split yet "
            "(`python -m training similarity --data HAM10000 --save`).\n"
        )
    stages = list(dict.fromkeys(stage for kinds in found["units"].values() for stage in kinds["cosine"]))
    lines = [
        f"## How alike the regions become\n\n{found['cases']} cases of the test split "
        "(`python -m training similarity`). Mean cosine between the regions' tokens, with 95 % intervals: as the "
        "detector gives them, before the blocks (embedding), after self-attention (SA), after guided attention (GA). "
        "Where it is near 1 all tokens say the same, and it does not matter which of them is attended to or taken "
        "away.\n",
        f"| unit | {' | '.join(stages)} |",
        f"|{' --- |' * (1 + len(stages))}",
    ]
    for unit, kinds in found["units"].items():
        cells = [_with_interval(kinds["cosine"][stage]) if stage in kinds["cosine"] else "" for stage in stages]
        lines.append(f"| {UNITS[unit].name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def agreement_line(metrics: dict) -> str:
    """One paragraph for the card."""
    said = over_cases(metrics)
    if said is None:
        return "Not measured for this bundle yet (`python -m training explain`)."
    hidden, taken = (_with_interval(metrics["test"]["explain"]["largest"][one]) for one in REFERENCES)
    return (
        f"{said} The region that matters most changes the probability of the top class by {hidden} when it is hidden "
        f"and by {taken} when it is taken away, on average."
    )


def _with_interval(estimate: dict) -> str:
    low, high = estimate["interval95"]
    return f"{short(estimate['value'])} ({short(low)} to {short(high)})"


def _cell(row: dict, reference: str, kind: str) -> str:
    return _with_interval(row[reference][kind]) if reference in row else ""
