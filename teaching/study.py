"""python -m teaching.study FOLDER: a study before and after a lesson, from the CSV files that trainees saved.

Each file is one trainee. Prints a table in Markdown, the paired tests, and the System Usability Scale (Brooke 1996).
Exit status 0, or 2 with an error message.
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from mat_core.errors import ConfigError, DataError, UserError

PHASES = ("pre", "post")
SUS = [f"sus_{number}" for number in range(1, 11)]
NEEDED = ("phase", "round", "case", "own_right")


@dataclass(frozen=True)
class Trainee:
    """One file. cases: of a round; right: right answers before and after; sus: 0 to 100, None if not answered."""

    name: str
    round: str
    cases: int
    right: tuple[int, int]
    sus: float | None


def sus_score(answers: list[int]) -> float:
    """The score of the System Usability Scale, 0 to 100, from ten answers of 1 to 5 (Brooke 1996)."""
    if len(answers) != 10 or not all(answer in range(1, 6) for answer in answers):
        raise DataError(f"The System Usability Scale needs ten answers from 1 to 5; got {answers}.")
    return 2.5 * sum(a - 1 if number % 2 == 0 else 5 - a for number, a in enumerate(answers))


def read_trainee(file: Path) -> Trainee:
    """Raises DataError for a file that is not a complete study."""
    try:
        table = pd.read_csv(file, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise DataError(f"{file.name} cannot be read as CSV ({error}).") from None
    if missing := [name for name in NEEDED if name not in table]:
        raise DataError(f"{file.name} has no column {', '.join(missing)}: save it after the second round of a study.")
    rounds = [table[table["phase"] == phase] for phase in PHASES]
    cases, rights = zip(*((list(rows["case"]), rows["own_right"].eq("true").sum()) for rows in rounds), strict=True)
    if not cases[0] or cases[0] != cases[1] or table["round"].nunique() != 1:
        raise DataError(f"{file.name} does not have the same cases before and after the lesson.")
    sus = None
    if set(SUS) <= set(table):
        answers = table.loc[0, SUS]
        if not answers.str.fullmatch("[1-5]").all():
            raise DataError(f"{file.name}: {SUS[0]} to {SUS[-1]} must be 1 to 5; got {', '.join(answers)}.")
        sus = sus_score([int(answer) for answer in answers])
    return Trainee(file.stem, table.loc[0, "round"], len(cases[0]), (int(rights[0]), int(rights[1])), sus)


def read_study(folder: Path) -> tuple[list[Trainee], list[str]]:
    """The trainees of a folder's CSV files, and a sentence for each file that is left out.

    Raises DataError where there is none, or where files are of different rounds.
    """
    trainees, problems = [], []
    for file in sorted(folder.glob("*.csv")):
        try:
            trainees.append(read_trainee(file))
        except DataError as error:
            problems.append(f"left out: {error}")
    if not trainees:
        raise DataError("\n".join([f"There is no study's CSV file in {folder}.", *problems]))
    if len(rounds := sorted({trainee.round for trainee in trainees})) > 1:
        raise DataError(f"The files are of different rounds: {', '.join(rounds)}. Put one round in a folder.")
    return trainees, problems


def report(trainees: list[Trainee]) -> str:
    """Markdown: right answers of each trainee, means, paired tests, and the usability score. Needs scipy."""
    try:
        from scipy import stats  # of requirements-dev.txt: the app runs without it
    except ImportError:
        raise ConfigError("The paired tests need scipy: pip install scipy") from None
    before, after = np.array([trainee.right for trainee in trainees]).T
    change, cases = after - before, trainees[0].cases
    lines = [f"Right answers of {cases}, round {trainees[0].round}, {len(trainees)} trainees", ""]
    lines += ["| trainee | before | after | change |", "| --- | ---: | ---: | ---: |"]
    lines += [f"| {t.name} | {t.right[0]} | {t.right[1]} | {d:+d} |" for t, d in zip(trainees, change, strict=True)]
    lines += [f"| **mean** | {before.mean():.2f} | {after.mean():.2f} | {change.mean():+.2f} |", ""]
    if len(trainees) < 2 or not change.any():
        lines.append("No test: it takes two trainees or more, and one whose answers changed.")
    else:
        t = stats.ttest_rel(after, before)
        low, high = t.confidence_interval(0.95)
        lines.append(
            f"Paired t-test: mean change {change.mean():+.2f}, 95% confidence interval {low:+.2f} to {high:+.2f}, "
            f"t({t.df:.0f}) = {t.statistic:.2f}, p = {t.pvalue:.4f}."
        )
        lines.append(f"Wilcoxon signed-rank test: p = {stats.wilcoxon(after, before).pvalue:.4f}.")
    if scores := [t.sus for t in trainees if t.sus is not None]:
        spread = f", standard deviation {np.std(scores, ddof=1):.1f}" if len(scores) > 1 else ""
        lines.append(f"System Usability Scale: mean {np.mean(scores):.1f} of 100{spread}, {len(scores)} trainees.")
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    """Print the report of a folder and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m teaching.study", description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="the CSV files, one for each trainee")
    try:
        trainees, problems = read_study(parser.parse_args(argv).folder)
        text = report(trainees)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(*problems, sep="\n", end="\n" if problems else "", file=sys.stderr)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
