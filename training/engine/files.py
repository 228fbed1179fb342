"""The files of a run folder, each replaced as a whole: settings, history, the last state, where it is now."""

import json
from dataclasses import asdict, is_dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from mat_core.errors import DataError
from mat_core.files import replace_file

from .progress import PROGRESS


def read_history(run: Path) -> list[dict]:
    """What each epoch of a run gave."""
    return json.loads((run / "history.json").read_text())


def save_atomically(tensors: dict[str, torch.Tensor], path: Path, metadata: dict[str, str] | None = None) -> None:
    """Write a safetensors file that is either the old one or the new one, never half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = {k: v.detach().cpu().contiguous() for k, v in tensors.items()}
    replace_file(path, lambda partial: save_file(kept, partial, metadata=metadata))


def write_json(value, path: Path) -> None:
    """Write JSON atomically; dataclasses become objects."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(value, indent=2, default=lambda o: asdict(o) if is_dataclass(o) else str(o)) + "\n"
    replace_file(path, lambda partial: partial.write_text(text))


class RunFiles:
    """The files of one run folder. Raises DataError where the run was begun with other `settings`.

    writes: False in all processes but one.
    """

    def __init__(self, run: Path, settings: dict, writes: bool):
        self.run, self.last, self.writes = run, run / "last.safetensors", writes
        asked = json.loads(json.dumps(settings, default=lambda o: asdict(o) if is_dataclass(o) else str(o)))
        file = run / "settings.json"
        if file.is_file():
            before = json.loads(file.read_text())
            if before != asked:
                other = ", ".join(sorted(k for k in before.keys() | asked.keys() if before.get(k) != asked.get(k)))
                raise DataError(f"{run} was begun with other settings ({other}). Delete it or give another --runs.")
        elif writes:
            write_json(asked, file)

    def tell(self, epoch: int, step: int, steps: int, seconds: float, losses: list[float]) -> None:
        """Note where the run is, for `status`: `step` of `steps` batches are done, in `seconds`; eta: of the others."""
        if self.writes:
            recent = losses[-50:]
            progress = {
                "epoch": epoch, "step": step, "steps": steps, "seconds": round(seconds, 1),
                "eta": round(seconds / step * (steps - step), 1) if step else None,
                "loss": sum(recent) / len(recent) if recent else None,
            }  # fmt: skip
            write_json(progress, self.run / PROGRESS)

    def tell_no_more(self) -> None:
        """The run is over."""
        if self.writes:
            (self.run / PROGRESS).unlink(missing_ok=True)

    def save(
        self, weights: dict, optimizer, average: dict | None, history: list[dict], position: dict | None = None
    ) -> None:
        """All that `resume` fills. position: within the epoch after those of the history; None: between two epochs."""
        tensors = {f"model/{k}": v for k, v in weights.items()}
        tensors |= {f"average/{k}": v for k, v in (average or {}).items()}
        for i, slots in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer/{i}/{k}": v for k, v in slots.items()}
        # the history travels inside the one file that is replaced atomically: epoch and weights cannot disagree
        metadata = {"history": json.dumps(history)} | ({"position": json.dumps(position)} if position else {})
        save_atomically(tensors, self.last, metadata)
        write_json(history, self.run / "history.json")

    def resume(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, average: dict | None
    ) -> tuple[list[dict], dict | None]:
        """Fill all three as they were saved last; returns the history and the position."""
        if not self.last.is_file():
            return [], None
        try:
            with safe_open(self.last, framework="pt") as file:
                metadata = file.metadata()
            history, position = json.loads(metadata["history"]), json.loads(metadata.get("position", "null"))
            tensors = load_file(self.last)
        except (SafetensorError, OSError, KeyError, TypeError, ValueError):
            print(f"{self.last} is damaged: this run starts again.", flush=True)
            return [], None
        parts: dict[str, dict] = {"model": {}, "average": {}, "optimizer": {}}
        for name, tensor in tensors.items():
            part, key = name.split("/", 1)
            parts[part][key] = tensor
        model.load_state_dict(parts["model"])
        if average is not None:
            average.update(parts["average"])
        slots: dict[int, dict] = {}
        for key, tensor in parts["optimizer"].items():
            i, slot = key.split("/")
            slots.setdefault(int(i), {})[slot] = tensor
        optimizer.load_state_dict({"state": slots, "param_groups": optimizer.state_dict()["param_groups"]})
        return history, position
