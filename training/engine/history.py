"""What each epoch of a run gave: history.json. Imports no torch, for the step 'status'."""

import json
from collections.abc import Sequence
from pathlib import Path


def read_history(run: Path) -> list[dict]:
    """One dict an epoch; empty before the first one ends."""
    file = run / "history.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else []


def best_epoch(history: Sequence[dict], score: str) -> int:
    """Number of the first epoch with the best `score` ('-name': the smallest), from 1; 0 without epochs."""
    sign, name = (-1, score[1:]) if score.startswith("-") else (1, score)
    return max(range(len(history)), key=lambda i: sign * history[i][name], default=-1) + 1
