"""Step 'status': what is done, what runs, its curve so far and the hours left, read from the files of the runs alone.

Imports no torch and nothing that does: it answers at once, beside a training that needs the whole machine.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from ..engine.progress import PLAN, PROGRESS, best_epoch
from ..results.names import RowName

ALIVE = 120  # seconds without a word after which a run counts as stopped; a position is told every 30
SCORES = {"backbone": "lrap", "detector": "score"}  # what the steps choose their epoch by; 'mat' has a setting for it
PLANNED = {"preset": "", "epochs": {}, "row": "", "checkpoint": ""}  # what PLAN holds
BARS = "▁▂▃▄▅▆▇█"


def screen(runs: Path, preset: str | None, now: float) -> list[str]:
    """The lines of the answer; now: seconds since 1970."""
    folders = sorted(f.parent for f in runs.glob("*/settings.json"))
    shards = sorted((runs / "features").glob("*.safetensors"))
    if not folders and not shards:
        return [f"nothing has been started: {runs} holds no run. python -m training all --data HAM10000 begins."]
    plan, problem = _read(runs / PLAN, PLANNED)
    lines = [problem] if problem else []
    if preset and plan and plan["preset"] != preset:
        lines.append(f"These runs are of the preset {plan['preset']}, not {preset}.")
    elif preset and not plan:
        lines.append(f"Whether these runs are of the preset {preset} is not noted.")
    row = plan["row"] if plan else str(RowName("clean", "sga-sga"))
    epochs = plan["epochs"] if plan else {}
    found = {folder.name: Run.read(folder, now) for folder in folders}
    left = {name: run.hours for name, run in found.items() if run.state != "done"}  # hours; None: unknown
    for name in ("backbone", "detector", "features", row):
        if name == "features":
            # the MAT reads all of them before it begins
            lines.append(_features(shards, row in found, now))
            left |= {} if row in found else {name: None}
        elif name in found:
            lines += found[name].lines()
        else:
            planned = epochs.get("mat" if name == row else name)
            lines.append(_line(name, "not begun", f"{planned} epochs planned" if planned else ""))
            left[name] = None
    lines += _bundle(Path(plan["checkpoint"]) if plan else None, runs / row / "best.safetensors", left)
    others = [run for name, run in found.items() if name not in ("backbone", "detector", row)]
    lines += [line for run in others if run.state != "done" for line in run.lines()]
    if done := sum(run.state == "done" for run in others):
        lines.append(f"{done} other {'run is' if done == 1 else 'runs are'} done.")
    return [*lines, "", _total(left)]


@dataclass
class Run:
    """One training, as its folder tells it. state: done, running, stopped or unknown; hours: left, None if unknown."""

    name: str
    state: str
    says: str
    curves: Sequence[str] = ()
    hours: float | None = None
    at_most: bool = False  # so many hours
    problems: Sequence[str] = ()

    @classmethod
    def read(cls, folder: Path, now: float) -> "Run":
        """Of a folder with settings.json."""
        kinds = {"settings.json": {}, "history.json": [], PROGRESS: {}}
        read = [_read(folder / name, like) for name, like in kinds.items()]
        problems = [problem for _, problem in read if problem]
        try:
            run = cls._judge(folder, *(value for value, _ in read), now)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError, OSError):
            run = cls(folder.name, "unknown", "" if problems else f"{folder} holds no training that can be understood.")
        return replace(run, problems=problems)

    @classmethod
    def _judge(cls, folder: Path, settings: dict, history: list | None, progress: dict | None, now: float) -> "Run":
        recipe, own, history = settings["recipe"], settings["settings"], history or []
        score = SCORES.get(settings["step"]) or own["select"]
        epochs, patience, count = recipe["epochs"], recipe["patience"], len(history)
        sizes = own.get("sizes") or [[1, 1]] * epochs
        best = best_epoch(history, score)
        silent = now - max(map(_written, folder.iterdir()))
        written = f"last written {_ago(silent)} ago"
        if count and (count >= epochs or (patience and count - best >= patience)):
            says = f"{count} of {epochs} epochs" + ("" if count >= epochs else ", no better score came")
            return cls(folder.name, "done", says, _curves(history, score, best))
        if progress is None:  # so young that it has noted none, or taken away
            state = "running" if silent < ALIVE else "unknown"
            says = f"{count} of {epochs} epochs done, {written}" + (
                "" if state == "running" else "; no position within an epoch is noted, so it may still run"
            )
            hours = _epochs_left(sizes, history, None, count + 1)
            return cls(folder.name, state, says, _curves(history, score, best), hours, at_most=True)
        epoch, step, steps, seconds = (progress[name] for name in ("epoch", "step", "steps", "seconds"))
        validating = step >= steps
        # nothing is told while it validates: allow that half of the time of the batches
        allowed = max(ALIVE, seconds / 2 if validating else 3 * seconds / max(step, 1))
        position = "validating" if validating else f"batch {step} of {steps}"
        later = _epochs_left(sizes, history, seconds / step * steps if step else None, epoch + 1)
        hours = None if progress["eta"] is None or later is None else progress["eta"] / 3600 + later
        return cls(
            folder.name, "running" if silent < allowed else "stopped",
            f"epoch {epoch} of {epochs}, {position}, {written}",
            _curves(history, score, best, progress["loss"]), hours, at_most=patience > 0,
        )  # fmt: skip

    def lines(self) -> list[str]:
        """State, curves and what is left."""
        lines = [_line(self.name, self.state, self.says), *self.curves]
        if self.state != "done":
            lines.append(_line("", "left", _hours(self.hours) + (" at most" if self.at_most and self.hours else "")))
        return [*lines, *(_line("", "", problem) for problem in self.problems)]


def sparkline(values: Sequence[float]) -> str:
    """A sign for each value, from the least to the greatest; what is no number is a blank."""
    known = [v for v in values if math.isfinite(v)]
    low, span = (min(known), max(known) - min(known)) if known else (0.0, 0.0)
    top = len(BARS) - 1
    return "".join(
        " " if not math.isfinite(v) else BARS[round((v - low) / span * top)] if span else BARS[top // 2] for v in values
    )


def _epochs_left(sizes: list, history: list[dict], seconds: float | None, first: int) -> float | None:
    """Hours of all epochs from number `first` on: as long as those before, in proportion to the pixels of an image.

    sizes: one an epoch; seconds: of the epoch before `first`, where no finished one tells; None: unknown.
    """
    pixels = [short * long for short, long in sizes]
    taken = [(pixels[i], row["seconds"]) for i, row in enumerate(history)]
    if not taken and seconds is not None:
        taken = [(pixels[first - 2], seconds)]
    if first > len(pixels):
        return 0.0
    if not taken:
        return None
    total = 0.0
    for wanted in pixels[first - 1 :]:
        alike = [s for p, s in taken if p == wanted]
        total += median(alike) if alike else median(s / p for p, s in taken) * wanted
    return total / 3600


def _features(shards: list[Path], all_there: bool, now: float) -> str:
    if all_there:
        return _line("features", "done", f"{len(shards)} files")
    if not shards:
        return _line("features", "not begun", "")
    silent = now - max(map(_written, shards))
    says = f"{len(shards)} files, last written {_ago(silent)} ago; whether all are there is not noted"
    return _line("features", "begun", says)


def _bundle(folder: Path | None, trained: Path, left: dict[str, float | None]) -> list[str]:
    """The two lines of bundle and evaluate, which leave a file each; older than what it is made of, it is another's."""
    lines, made_of = [], trained
    for name, file in (("bundle", "config.json"), ("evaluate", "metrics.json")):
        if folder is None:
            state, says = "unknown", "which folder it writes to is not noted"
        elif made_of and made_of.is_file() and _is_newer(folder / file, made_of):
            state, says = "done", str(folder)
        else:
            state, says = "not begun", ""
        lines.append(_line(name, state, says))
        left |= {} if state == "done" else {name: None}
        made_of = folder / file if state == "done" else None
    return lines


def _total(left: dict[str, float | None]) -> str:
    if not left:
        return "All is done."
    known = {name: hours for name, hours in left.items() if hours is not None}
    unknown = [name for name, hours in left.items() if hours is None]
    parts = [f"{_hours(sum(known.values()))} ({', '.join(known)})"] if known else []
    parts += [f"unknown for {', '.join(unknown)}"] if unknown else []
    return f"left in all: {'; '.join(parts)}"


def _is_newer(file: Path, other: Path) -> bool:
    return file.is_file() and _written(file) >= _written(other)


def _written(file: Path) -> float:
    return file.stat().st_mtime


def _read(path: Path, like: dict | list) -> tuple[dict | list | None, str]:
    """What a JSON file holds, None for none, and a sentence where it is damaged.

    like: a value of its kind; of a dict, all names must be there, with values of their kinds.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        kinds = like.items() if isinstance(like, dict) else ()
        if isinstance(value, type(like)) and all(isinstance(value.get(name), type(kind)) for name, kind in kinds):
            return value, ""
    except FileNotFoundError:
        return None, ""
    except (OSError, ValueError):
        pass
    return None, f"{path} is damaged."


def _line(name: str, state: str, says: str) -> str:
    return f"{name:22} {state:10} {says}".rstrip()


def _curves(history: list[dict], score: str, best: int, loss: float | None = None) -> list[str]:
    """Loss and score, epoch by epoch; loss: of the epoch that is not finished."""
    name, now = score.removeprefix("-"), "" if loss is None else f"now {loss:.3g}"
    if not history:
        return [_line("", "loss", now)] if now else []
    curves = {key: [row[key] for row in history] for key in ("loss", name)}
    lines = [_line("", k, f"{sparkline(v)}  {v[0]:.3g} to {v[-1]:.3g}") for k, v in curves.items()]
    return [lines[0] + (f", {now}" if now else ""), f"{lines[1]}, best {curves[name][best - 1]:.4g} in epoch {best}"]


def _hours(hours: float | None) -> str:
    if hours is None:
        return "unknown"
    return f"about {hours:.1f} hours" if hours >= 0.1 else "less than 0.1 hours"


def _ago(seconds: float) -> str:
    for unit, size in (("days", 86400), ("hours", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
