"""Step 'status': a table of the runs, read from their files. Imports no torch: it answers beside a training."""

import json
from pathlib import Path

from ..engine.history import best_epoch, read_history

SCORES = {"backbone": "lrap", "detector": "score"}  # by which the steps choose an epoch; 'mat' has a setting for it
ROW = "{:28} {:16} {:9} {:24} {:15} {}"


def table(runs: Path, now: float) -> list[str]:
    """The lines to print; now: seconds since 1970."""
    folders = sorted((f.parent for f in runs.glob("*/settings.json")), key=lambda folder: folder.stat().st_mtime)
    shards = list((runs / "features").glob("*.safetensors"))
    if not folders and not shards:
        return [f"nothing has been started: {runs} holds no run. python -m training all --data HAM10000 begins."]
    rows = [("run", "epochs", "loss", "best", "last written", "left at most")]
    rows += [_run(folder, now) for folder in folders]
    if shards:
        rows.append(("features", f"{len(shards)} files", "", "", _age(shards, now), ""))
    return [ROW.format(*row).rstrip() for row in rows]


def _run(folder: Path, now: float) -> tuple[str, ...]:
    try:
        settings, history = json.loads((folder / "settings.json").read_text(encoding="utf-8")), read_history(folder)
        recipe, count, own = settings["recipe"], len(history), settings["settings"]
        score = SCORES.get(settings["step"]) or own["select"]
        best, left = best_epoch(history, score), recipe["epochs"] - count
        if recipe["patience"] and count - best >= recipe["patience"]:
            left = 0
        pixels = [short * long for short, long in own.get("sizes") or [(1, 1)] * recipe["epochs"]]
        rate = sum(epoch["seconds"] for epoch in history) / max(sum(pixels[:count]), 1)
        hours = f"{rate * sum(pixels[count:]) / 3600:.1f} h" if count else "unknown"
        name = score.removeprefix("-")
        return (
            folder.name, f"{count} of {recipe['epochs']}" + ("" if left else ", done"),
            f"{history[-1]['loss']:.3g}" if count else "",
            f"{name} {history[best - 1][name]:.4g} in epoch {best}" if count else "",
            _age(folder.iterdir(), now), hours if left else "",
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError):
        return folder.name, "unreadable", "", "", "", ""


def _age(files, now: float) -> str:
    return f"{max(now - max(file.stat().st_mtime for file in files), 0) / 60:.0f} min ago"
