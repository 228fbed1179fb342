"""Step 'explain': on many cases of a split, do the regions that each ranking puts first matter? Asked by taking them
away, and by hiding their pixels and looking again.

Every case is noted when it is done, so that a run that was stopped goes on with the next one, and a larger limit asks
only about the cases that are new.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from mat_core.diagnoser import Diagnoser
from mat_core.errors import DataError
from mat_core.explain import CONFRONTED, REFERENCES, agree, confront
from mat_core.files import replace_file
from mat_core.ham10000 import Case
from mat_core.images import load_image

from ..data.splits import draw
from ..results.agreement import AREAS, Record, summarise, summarise_by_class

WAY = 1  # of measuring: notes that were taken in another are not mixed with these
ALSO = ("area", "occlusion")  # rankings that `agree` does not make itself


def explain_split(
    diagnoser: Diagnoser, cases: Sequence[Case], limit: int | None = None, seed: int = 0, notes: "Notes | None" = None
) -> dict:
    """`confront` and `agree` on every case, for the class that the model gives it; ready for metrics.json.

    `confront` looks at each image once for every region: about seven seconds a case on two idle cores.

    limit: only so many cases, drawn with `seed` as `splits.draw` has it; default: all. notes: where each case is
    noted; default: nowhere. Returns 'seed', what `results.agreement.summarise` returns, and 'by_class': code of the
    predicted class -> the same of its cases alone. Raises ConfigError for a limit below 1, DataError without a case.
    """
    chosen = draw(cases, limit, seed)
    known = notes.records if notes else {}
    left = [i for i in chosen if cases[i].image_id not in known]
    done = len(chosen) - len(left)
    with tqdm(total=len(chosen), initial=done, desc="explaining", unit="image", mininterval=5) as bar:
        for i in left:
            # a seed of its own: the same random orders in every case would not average out
            record = _record(diagnoser, cases[i], seed + i)
            known[record.image] = record
            if notes:
                notes.write(record)
            bar.update()
    records = [known[cases[i].image_id] for i in chosen]
    return {"seed": seed, **summarise(records), "by_class": summarise_by_class(records)}


def _record(diagnoser: Diagnoser, case: Case, seed: int) -> Record:
    image = load_image(case.image)
    confronted = confront(diagnoser, image, case.metadata)
    also = {name: confronted.scores[name] for name in ALSO}
    agreed = agree(diagnoser, diagnoser.regions(image), case.metadata, confronted.label, seed=seed, also=also)
    return Record.of(case.image_id, confronted, agreed)


class Notes:
    """A file of JSON lines: first `asked`, what the records are of, then a record for each case that is done.

    records: image -> record, of the cases that were done before. A last line that a kill cut off is dropped. Raises
    DataError for a file that is of something else, or damaged.
    """

    def __init__(self, path: Path, asked: dict):
        self.path, self.records = path, {}
        asked = json.loads(json.dumps({**asked, "way": WAY}))
        if path.is_file():
            lines = path.read_text(encoding="utf-8").split("\n")
            whole = lines[:-1]  # each ends with a line break, or a kill cut it off
            try:
                before = json.loads(whole[0]) if whole else asked
                found = [Record(**json.loads(line)) for line in whole[1:]]
            except (ValueError, TypeError):
                raise DataError(f"{path} is damaged. Delete it; its cases are then asked again.") from None
            if before != asked:
                raise DataError(
                    f"{path} is of another model, split, seed or version. Delete it, or give another --runs."
                )
            self.records = {record.image: record for record in found}
            if whole and lines[-1]:
                replace_file(path, lambda partial: partial.write_text("\n".join([*whole, ""]), encoding="utf-8"))
        if not path.is_file() or not whole:
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(path, lambda partial: partial.write_text(json.dumps(asked) + "\n", encoding="utf-8"))

    def write(self, record: Record) -> None:
        """Note a case that is done."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record.as_json()) + "\n")


def as_lines(found: dict, split: str) -> str:
    """The means as lines for a terminal."""
    classes = ", ".join(f"{code} {one['cases']}" for code, one in found["by_class"].items())
    lines = [f"{split}: {found['cases']} cases explained; predicted: {classes}"]
    lines.append(f"  {'ranking':13}{'deletion':>10}{'insertion':>11}")
    for name, row in found["rankings"].items():
        lines.append(f"  {name:13}" + "".join(f"{row[area]['value']:10.3f} " for area in AREAS if area in row))
    for reference in REFERENCES:
        largest = _interval(found["largest"][reference])
        lines.append(f"  against {reference}, whose largest effect on the class is {largest}, mean and 95 % interval:")
        for name in CONFRONTED:
            row = found["rankings"].get(name, {}).get(reference)
            if row:
                lines.append(f"  {name:13}spearman {_interval(row['spearman'])}  top ten {_interval(row['overlap'])}")
    return "\n".join(lines)


def _interval(estimate: dict) -> str:
    low, high = estimate["interval95"]
    return f"{estimate['value']:+.3f} ({low:+.3f} to {high:+.3f})"
