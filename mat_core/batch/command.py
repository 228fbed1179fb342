"""python -m mat_core diagnose FOLDER|CSV --out FILE, without the command line around it."""

import csv
import io
import os
import re
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..errors import ConfigError, DataError
from ..files import replace_file
from .answers import check_kind, write_answers
from .journal import Journal, answered
from .rows import Row, read_rows, tables_in

SHOWN_PROBLEMS = 20
_SHARD = re.compile(r"([1-9][0-9]{0,4})/([1-9][0-9]{0,4})")


@dataclass(frozen=True)
class Outcome:
    """What a run left. out: the file of answers; answers: how many are in it; before: how many of them were there.

    problems: (row, why it has no answer), in the list's order; listed: where they were written, None without any.
    seconds: of the work itself, without loading the model.
    """

    out: Path
    answers: int
    before: int
    problems: tuple[tuple[Row, str], ...]
    listed: Path | None
    seconds: float

    def sentence(self) -> str:
        """What was done, and how fast."""
        made = self.answers - self.before
        said = f"{_many(self.answers, 'answer')} in {self.out}"
        if self.before:
            said += f", {self.before} of them from before"
        said += f"; {_many(len(self.problems), 'row')} without one"
        return said + (f"; {made / self.seconds:.1f} images/s." if made and self.seconds else ".")

    def reasons(self) -> list[str]:
        """A line for each of the first rows without an answer, and where all of them are."""
        lines = [f"row {row.number}, {row.image or 'no image'}: {why}" for row, why in self.problems[:SHOWN_PROBLEMS]]
        if self.listed is not None:
            lines.append(f"{'all' if len(self.problems) > SHOWN_PROBLEMS else 'also'} in {self.listed}")
        return lines


def answer_list(
    source: Path,
    out: Path,
    checkpoint: str | None = None,
    revision: str | None = None,
    images: Path | None = None,
    shard: tuple[int, int] = (1, 1),
    batch: int | None = None,
) -> Outcome:
    """Answer every row of `source` that `out` does not answer yet; a run that was stopped goes on where it was.

    shard: (i, n), from (1, 1): every n-th pass, into a file of its own beside `out`; a run without shards takes over
    what shards have left. Raises UserError for what cannot be begun.
    """
    check_kind(out)
    if not out.parent.is_dir():
        raise DataError(f"There is no folder {out.parent} to write {out.name} into.")
    rows = read_rows(source, images)
    if source.is_dir():
        for table in tables_in(source):
            print(f"note: {table.name} is not read. To read its metadata, give {table}.", file=sys.stderr)
    # torch takes seconds: what is wrong above is told at once
    from ..diagnoser import Diagnoser
    from .work import BATCH, passes_of, work

    passes = passes_of(rows, batch or BATCH, shard)
    mine = [row for these in passes for row in these]
    target = out if shard == (1, 1) else sharded(out, shard)
    diagnoser = Diagnoser.from_pretrained(checkpoint, revision)
    model = diagnoser.bundle.identity
    journal, done = Journal(target), False
    try:
        found = answered(rows, [target, *([] if shard[1] > 1 else shards_of(out))], model)
        before = len(found)
        problems: dict[int, str] = {}
        start = time.monotonic()
        for made in _shown(work(diagnoser, passes, set(found), model), len(mine), before):
            journal.add(made.answers)
            found |= {answer["row"]: answer for answer in made.answers}
            problems |= made.problems
        seconds = time.monotonic() - start
        told = tuple((row, problems[row.number]) for row in mine if row.number in problems)
        listed = _write_problems(target, told)
        write_answers([found[number] for number in sorted(found)], target, diagnoser.bundle.labels)
        done = True
    except OSError as error:  # the disk is full, or gone
        raise DataError(
            f"{target} could not be written: {error.strerror}. What was answered is in {journal.path}; the same "
            "command goes on from there."
        ) from None
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "allocate" not in str(error):  # as torch says it
            raise
        raise ConfigError(
            f"There is not memory enough for {batch or BATCH} images a pass. Give a smaller --batch; what was answered "
            "is kept."
        ) from None
    finally:
        journal.close(done)
    return Outcome(target, len(found), before, told, listed, seconds)


def shard_of(given: str | None) -> tuple[int, int]:
    """(i, n) of 'i/n'; without it, what `torchrun` and `accelerate launch` tell their processes; else (1, 1).

    Raises DataError for another text.
    """
    if given is None:
        rank, world = os.environ.get("RANK", ""), os.environ.get("WORLD_SIZE", "")
        if not (rank.isdecimal() and world.isdecimal() and int(world) > 1):
            return 1, 1
        given = f"{int(rank) + 1}/{world}"
    match = _SHARD.fullmatch(given)
    if not match or int(match[1]) > int(match[2]):
        raise DataError(f"A shard is the which of how many, such as 2/4; got {given}.")
    return int(match[1]), int(match[2])


def sharded(out: Path, shard: tuple[int, int]) -> Path:
    """The file of one shard: answers.csv -> answers.shard-2-of-4.csv."""
    return out.with_name(f"{out.stem}.shard-{shard[0]}-of-{shard[1]}{out.suffix}")


def shards_of(out: Path) -> list[Path]:
    """The files of all shards of `out` that lie beside it, journals alone counted as well."""
    name = re.compile(rf"({re.escape(out.stem)}\.shard-\d+-of-\d+{re.escape(out.suffix)})(\.part)?")
    found = (name.fullmatch(path.name) for path in out.parent.iterdir())
    return sorted({out.with_name(match[1]) for match in found if match})


def problems_of(out: Path) -> Path:
    """Where the rows without an answer are listed: answers.csv -> answers.problems.csv."""
    return out.with_name(f"{out.stem}.problems.csv")


def _write_problems(out: Path, problems: tuple[tuple[Row, str], ...]) -> Path | None:
    path = problems_of(out)
    if not problems:
        with suppress(FileNotFoundError):
            path.unlink()
        return None
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("row", "image", "problem"))
    writer.writerows((row.number, row.image, why) for row, why in problems)
    replace_file(path, lambda partial: partial.write_text(text.getvalue(), encoding="utf-8", newline=""))
    return path


def _shown(passes: Iterable, count: int, before: int):
    """The passes, with a bar on standard error: on a terminal twice a second, in a log twice a minute."""
    from tqdm import tqdm

    wait = 0.5 if sys.stderr.isatty() else 30
    with tqdm(total=count, initial=before, desc="diagnosing", unit="image", mininterval=wait, file=sys.stderr) as bar:
        for done in passes:
            yield done
            bar.update(len(done.answers) + len(done.problems))


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
