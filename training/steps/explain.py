"""Step 'explain': faithfulness of rankings of regions on many cases, by ablation and by occlusion.

Every finished case is saved, so that a stopped run resumes and a larger limit computes only new cases.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from mat_core.data.ham10000 import Case
from mat_core.data.image_loading import load_image
from mat_core.errors import DataError
from mat_core.explain import OCCLUSION_RANKINGS, REFERENCES, ablation_faithfulness, occlusion_faithfulness
from mat_core.inference.diagnoser import Diagnoser
from mat_core.utils.files import atomic_write

from ..data.sampling import stratified_sample
from ..results.faithfulness import AREAS, Record, summarise, summarise_by_class

WAY = 1  # version of the records: others are not mixed with these
ALSO = ("area", "occlusion")  # rankings that `ablation_faithfulness` does not make itself


def explain_split(
    diagnoser: Diagnoser, cases: Sequence[Case], limit: int | None = None, seed: int = 0, notes: "Notes | None" = None
) -> dict:
    """`occlusion_faithfulness` and `ablation_faithfulness` of every case for its predicted class, for metrics.json.

    About seven seconds a case on two idle cores. limit, seed: see `sampling.stratified_sample`; notes: where cases
    are saved. Returns 'seed', the keys of `summarise`, and 'by_class', see `summarise_by_class`. Raises ConfigError for
    a limit below 1, DataError without cases.
    """
    chosen = stratified_sample(cases, limit, seed)
    records = notes.records if notes else {}
    remaining = [i for i in chosen if cases[i].image_id not in records]
    done = len(chosen) - len(remaining)
    with tqdm(total=len(chosen), initial=done, desc="explaining", unit="image", mininterval=5) as bar:
        for i in remaining:
            # a seed per case, so that random orders differ
            record = _record(diagnoser, cases[i], seed + i)
            records[record.image] = record
            if notes:
                notes.write(record)
            bar.update()
    ordered = [records[cases[i].image_id] for i in chosen]
    return {"seed": seed, **summarise(ordered), "by_class": summarise_by_class(ordered)}


def _record(diagnoser: Diagnoser, case: Case, seed: int) -> Record:
    image = load_image(case.image)
    confronted = occlusion_faithfulness(diagnoser, image, case.metadata)
    also = {name: confronted.scores[name] for name in ALSO}
    agreed = ablation_faithfulness(
        diagnoser, diagnoser.regions(image), case.metadata, confronted.label, seed=seed, also=also
    )
    return Record.of(case.image_id, confronted, agreed)


class Notes:
    """A file of JSON lines: a header with the settings, then a record for each finished case.

    records: image -> record, of earlier runs. An incomplete last line is dropped. Raises DataError for a file with
    other settings, or damaged.
    """

    def __init__(self, path: Path, settings: dict):
        self.path = path
        header = json.loads(json.dumps({**settings, "way": WAY}))
        lines = path.read_text(encoding="utf-8").split("\n") if path.is_file() else [""]
        complete = lines[:-1] or [json.dumps(header)]
        try:
            before, *records = map(json.loads, complete)
            self.records = {record["image"]: Record(**record) for record in records}
        except (ValueError, TypeError, KeyError):
            raise DataError(f"{path} is damaged. Delete it; its cases are then computed again.") from None
        if before != header:
            raise DataError(f"{path} is of another model, split, seed or version. Delete it, or give another --runs.")
        if lines != [*complete, ""]:  # new, or with an incomplete last line
            path.parent.mkdir(parents=True, exist_ok=True)
            atomic_write(path, lambda partial: partial.write_text("\n".join([*complete, ""]), encoding="utf-8"))

    def write(self, record: Record) -> None:
        """Append a record."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record.as_json()) + "\n")


def as_lines(metrics: dict, split: str) -> str:
    """The means as lines for a terminal."""
    classes = ", ".join(f"{code} {group['cases']}" for code, group in metrics["by_class"].items())
    lines = [f"{split}: {metrics['cases']} cases explained; predicted: {classes}"]
    lines.append(f"  {'ranking':13}{'deletion':>10}{'insertion':>11}")
    for name, row in metrics["rankings"].items():
        lines.append(f"  {name:13}" + "".join(f"{row[area]['value']:10.3f} " for area in AREAS if area in row))
    for reference in REFERENCES:
        largest = _interval(metrics["largest"][reference])
        lines.append(f"  against {reference}, whose largest effect on the class is {largest}, mean and 95 % interval:")
        for name in OCCLUSION_RANKINGS:
            row = metrics["rankings"].get(name, {}).get(reference)
            if row:
                lines.append(f"  {name:13}spearman {_interval(row['spearman'])}  top ten {_interval(row['overlap'])}")
    return "\n".join(lines)


def _interval(estimate: dict) -> str:
    low, high = estimate["interval95"]
    return f"{estimate['value']:+.3f} ({low:+.3f} to {high:+.3f})"
