"""Many cases through one model, several images a pass, in passes that are the same whenever and wherever they run.

Rows are cut into passes of `batch` by their numbers. A pass is computed as a whole or not at all: who stops and goes
on, or gives every second pass to another process, gets the same answers, to the last digit that is written.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch

from ..diagnoser import Diagnoser
from ..errors import UserError
from ..images import load_image
from ..novelty import Novelty
from ..regions import Regions
from .answers import Answer, answer_of
from .rows import Row

Found = tuple[dict[str, float], Novelty | None]
BATCH = 16  # images a pass: a pass of 400 x 300 pixels each takes some 300 MB


@dataclass(frozen=True)
class Pass:
    """What became of the rows of one pass that were still open. problems: row number -> why it has no answer."""

    answers: tuple[Answer, ...]
    problems: dict[int, str]


def passes_of(rows: Sequence[Row], batch: int, shard: tuple[int, int] = (1, 1)) -> list[list[Row]]:
    """The rows in passes; of `shard` (i, n), from (1, 1), every n-th pass from the i-th on."""
    return [list(rows[at : at + batch]) for at in range(0, len(rows), batch)][shard[0] - 1 :: shard[1]]


def work(diagnoser: Diagnoser, passes: Sequence[Sequence[Row]], done: set[int], model: str) -> Iterator[Pass]:
    """Answer the rows of these passes whose numbers are not in `done`; images of the next pass are read meanwhile."""
    open_passes = [these for these in passes if any(row.number not in done for row in these)]
    with ThreadPoolExecutor(1, "reading") as reader:
        ahead = [reader.submit(_read, these) for these in open_passes[:1]]
        for number, these in enumerate(open_passes):
            read = ahead.pop().result()
            ahead += [reader.submit(_read, later) for later in open_passes[number + 1 : number + 2]]
            missing = {row.number for row in these} - done
            problems = {n: said for n, said in read.items() if isinstance(said, str)}
            if not missing - problems.keys():  # nothing to answer: the others need not be computed again
                yield Pass((), {n: problems[n] for n in sorted(missing)})
                continue
            readable = [row for row in these if row.number not in problems]
            images = [image for image in read.values() if not isinstance(image, str)]
            answers = []
            for row, found in zip(readable, diagnose_all(diagnoser, images, readable), strict=True):
                if isinstance(found, str):
                    problems[row.number] = found
                elif row.number in missing:
                    answers.append(answer_of(row, *found, model))
            yield Pass(tuple(answers), {n: problems[n] for n in sorted(missing & problems.keys())})


def diagnose_all(diagnoser: Diagnoser, images: Sequence[np.ndarray], rows: Sequence[Row]) -> list[Found | str]:
    """For each image its calibrated probabilities by code and its novelty, or the sentence why there are none.

    What `Diagnoser` answers one by one, but for the last digits of its numbers: together, sums are in another order.
    """
    regions = diagnoser.regions_of(images)
    found: list[Found | str] = [these if isinstance(these, str) else "" for these in regions]
    kept = [(i, these) for i, these in enumerate(regions) if isinstance(these, Regions)]
    inputs = []
    for i, these in kept:
        try:
            inputs.append((i, these, diagnoser.inputs(these, rows[i].metadata)))
        except UserError as error:
            found[i] = str(error)
    if not inputs:
        return found
    bundle = diagnoser.bundle
    with torch.inference_mode():
        columns = (torch.cat(column) for column in zip(*(case for _, _, case in inputs), strict=True))
        logits = bundle.network(*columns, need_weights=True).logits.double().numpy()
    for (i, these, _), row in zip(inputs, logits, strict=True):
        try:
            probabilities = dict(zip(bundle.labels, diagnoser.calibrated(row).tolist(), strict=True))
            found[i] = probabilities, bundle.novelty(these) if bundle.novelty else None
        except UserError as error:
            found[i] = str(error)
    return found


def _read(rows: Sequence[Row]) -> dict[int, np.ndarray | str]:
    """Row number -> the image, or why there is none."""
    found: dict[int, np.ndarray | str] = {}
    for row in rows:
        if row.problem is not None or row.path is None:
            found[row.number] = row.problem or "There is no image."
            continue
        try:
            found[row.number] = load_image(row.path)
        except UserError as error:
            found[row.number] = str(error)
    return found
