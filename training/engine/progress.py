"""Names and rules that the loop shares with the step 'status', which loads no torch: neither does this file."""

from collections.abc import Sequence

PLAN = "plan.json"  # of a folder of runs: what the last command was asked, see `commands.asked`
PROGRESS = "progress.json"  # of a run: where it is within an epoch, see `loop.fit`


def best_epoch(history: Sequence[dict], score: str) -> int:
    """Number of the first epoch with the best `score` ('-name': the least), counted from 1; 0 for no history."""
    sign, name = (-1, score[1:]) if score.startswith("-") else (1, score)
    return max(range(len(history)), key=lambda i: sign * history[i][name], default=-1) + 1
