"""python -m mat_core diagnose FOLDER|TABLE --out FILE, without the command line around it."""

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from ..errors import ConfigError, DataError
from ..utils.files import atomic_write
from ..utils.formatting import pluralize
from .inputs import Row, read_inputs
from .predictions import Prediction, PredictionWriter, check_kind, read_predictions

SHOWN_PROBLEMS = 20


@dataclass(frozen=True)
class RunSummary:
    """out: the file; predictions: its rows; previous: those of earlier runs; problems: (row, reason) of the others."""

    out: Path
    predictions: int
    previous: int
    problems: tuple[tuple[Row, str], ...]

    def lines(self) -> list[str]:
        """First problems, where all of them are listed, and counts."""
        lines = [f"row {row.number}, {row.image or 'no image'}: {why}" for row, why in self.problems[:SHOWN_PROBLEMS]]
        if self.problems:
            lines.append(f"{'all' if len(self.problems) > SHOWN_PROBLEMS else 'also'} in {problems_path(self.out)}")
        before = f", {self.previous} of them from before" if self.previous else ""
        done = f"{pluralize(self.predictions, 'prediction')} in {self.out}{before}"
        return [*lines, f"{done}; {pluralize(len(self.problems), 'row')} without one."]


def run(
    source: Path,
    out: Path,
    checkpoint: str | None = None,
    revision: str | None = None,
    images: Path | None = None,
    batch: int | None = None,
    any_image_type: bool = False,
) -> RunSummary:
    """Predict every row of `source` that has no prediction in `out`.

    Under torchrun and accelerate, each process writes every n-th row to its own file (`rank_path`); a later run in one
    process merges these. Raises UserError.
    """
    check_kind(out)
    if not out.parent.is_dir():
        raise DataError(f"There is no folder {out.parent} to write {out.name} into.")
    rows, warnings = read_inputs(source, images, any_image_type)
    for warning in warnings:
        print(f"note: {warning}", file=sys.stderr)
    # these import torch, which takes seconds: errors above are reported first
    from ..inference.diagnoser import Diagnoser
    from .inference import BATCH, predict_batches

    rank, world = rank_and_world()
    own_rows = rows[rank::world]
    target = rank_path(out, rank, world) if world > 1 else out
    diagnoser = Diagnoser.from_pretrained(checkpoint, revision)
    problems: list[tuple[Row, str]] = []
    try:
        done = load_previous(target, rows, diagnoser.bundle.identity)
        merged: dict[int, Prediction] = {}
        if world == 1:
            for part in rank_files(out):
                merged |= load_previous(part, rows, diagnoser.bundle.identity)
        missing = [row for row in own_rows if row.number not in done | merged]
        previous = len(done | merged)
        wait = 0.5 if sys.stderr.isatty() else 30  # seconds between two lines of the bar
        with (
            PredictionWriter(target, diagnoser.bundle.labels, list(done.values())) as writer,
            tqdm(total=len(own_rows), initial=previous, desc="diagnosing", unit="image", mininterval=wait) as bar,
        ):
            writer.append([merged[number] for number in sorted(merged.keys() - done.keys())])
            for predictions, failed in predict_batches(diagnoser, missing, batch or BATCH):
                writer.append(predictions)
                problems += failed
                bar.update(len(predictions) + len(failed))
        _write_problems(target, problems)
    except OSError as error:  # the disk is full, or gone
        raise DataError(
            f"{target} could not be written: {error.strerror}. The same command goes on from there."
        ) from None
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "allocate" not in str(error):  # as torch says it
            raise
        raise ConfigError(
            f"Out of memory with {batch or BATCH} images a batch. Give a smaller --batch; the same command goes on."
        ) from None
    return RunSummary(target, previous + len(missing) - len(problems), previous, tuple(problems))


def rank_and_world() -> tuple[int, int]:
    """Rank and number of processes under torchrun and accelerate, else (0, 1)."""
    rank, world = os.environ.get("RANK", ""), os.environ.get("WORLD_SIZE", "")
    return (int(rank), int(world)) if rank.isdecimal() and world.isdecimal() else (0, 1)


def rank_path(out: Path, rank: int, world: int) -> Path:
    """File of one process: answers.csv -> answers.rank-0-of-2.csv."""
    return out.with_name(f"{out.stem}.rank-{rank}-of-{world}{out.suffix}")


def rank_files(out: Path) -> list[Path]:
    """Files of all processes beside `out`."""
    name = re.compile(rf"{re.escape(out.stem)}\.rank-\d+-of-\d+{re.escape(out.suffix)}")
    return sorted(path for path in out.parent.iterdir() if name.fullmatch(path.name))


def load_previous(out: Path, rows: list[Row], model: str) -> dict[int, Prediction]:
    """Row number -> prediction, of `out` if it exists. Raises DataError if it is of another list or model."""
    by_number = {row.number: row for row in rows}
    previous: dict[int, Prediction] = {}
    for prediction in read_predictions(out) if out.exists() else ():
        row = by_number.get(prediction["row"])
        expected = row and (row.image, row.metadata.age, row.metadata.sex, row.metadata.localization)
        if expected != tuple(prediction[name] for name in ("image", "age", "sex", "localization")):
            mismatch = f"answers another list (see its row {prediction['row']})"
        elif prediction["model"] != model:
            mismatch = f"has predictions of {prediction['model']}, and this model is {model}"
        else:
            previous[prediction["row"]] = prediction
            continue
        raise DataError(f"{out} {mismatch}. Name another --out, or delete it.")
    return previous


def problems_path(out: Path) -> Path:
    """File of the rows without a prediction: answers.csv -> answers.problems.csv."""
    return out.with_name(f"{out.stem}.problems.csv")


def _write_problems(out: Path, problems: list[tuple[Row, str]]) -> None:
    path = problems_path(out)
    if not problems:
        path.unlink(missing_ok=True)
        return
    frame = pd.DataFrame([(row.number, row.image, why) for row, why in problems], columns=["row", "image", "problem"])
    atomic_write(path, lambda partial: frame.to_csv(partial, index=False, lineterminator="\n"))
