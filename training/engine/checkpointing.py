"""The files of a run folder, each replaced as a whole: settings, history and the last state."""

import json
from dataclasses import asdict, is_dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from mat_core.errors import DataError
from mat_core.utils.files import atomic_write


def save_atomically(tensors: dict[str, torch.Tensor], path: Path, metadata: dict[str, str] | None = None) -> None:
    """Write a safetensors file atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    prepared = {k: v.detach().cpu().contiguous() for k, v in tensors.items()}
    atomic_write(path, lambda partial: save_file(prepared, partial, metadata=metadata))


def write_json(value, path: Path) -> None:
    """Write JSON atomically; dataclasses become objects."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(value, indent=2, default=lambda o: asdict(o) if is_dataclass(o) else str(o)) + "\n"
    atomic_write(path, lambda partial: partial.write_text(text))


class RunFiles:
    """Files of a run folder. writes: True in one process only. Raises DataError for other `settings` than before."""

    def __init__(self, run: Path, settings: dict, writes: bool):
        self.run, self.last = run, run / "last.safetensors"
        requested = json.loads(json.dumps(settings, default=lambda o: asdict(o) if is_dataclass(o) else str(o)))
        file = run / "settings.json"
        if file.is_file():
            before = json.loads(file.read_text())
            if before != requested:
                other = ", ".join(
                    sorted(k for k in before.keys() | requested.keys() if before.get(k) != requested.get(k))
                )
                raise DataError(f"{run} was begun with other settings ({other}). Delete it or give another --runs.")
        elif writes:
            write_json(requested, file)

    def save(
        self, weights: dict, optimizer, average: dict | None, history: list[dict], position: dict | None = None
    ) -> None:
        """Save the state for `resume`. position: within an epoch; None: between two epochs."""
        tensors = {f"model/{k}": v for k, v in weights.items()}
        tensors |= {f"average/{k}": v for k, v in (average or {}).items()}
        for i, slots in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer/{i}/{k}": v for k, v in slots.items()}
        # history and weights are in one file, so that they always belong together
        metadata = {"history": json.dumps(history)} | ({"position": json.dumps(position)} if position else {})
        save_atomically(tensors, self.last, metadata)
        write_json(history, self.run / "history.json")

    def resume(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, average: dict | None
    ) -> tuple[list[dict], dict | None]:
        """Restore all three as saved last; returns the history and the position."""
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
