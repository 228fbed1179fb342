"""One training loop for every model here: seeded, resumable after a kill, on any hardware through accelerate.

A run is a folder: settings.json (what was asked), history.json (what each epoch gave), last.safetensors (weights,
their moving average, the optimizer and, within an epoch, its position) and best.safetensors (the averaged weights of
the epoch with the best validation score). last.safetensors is written atomically after each epoch and every five
minutes within one. Everything random in an epoch is seeded by (seed, epoch), and the generators' states are saved with
the position, so a run that was killed and resumed ends where the undisturbed one ends. While it runs, progress.json
says where it is.
"""

import json
import math
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, is_dataclass
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object, set_seed
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import nn
from tqdm import tqdm

from mat_core.errors import DataError
from mat_core.files import replace_file

from .speed import backward_mode, keep_memory
from .status import PROGRESS, best_epoch

SAVE_EVERY = 300  # seconds within an epoch: so much, and the validation behind it, is what a kill costs
TELL_EVERY = 30  # seconds between two notes of where it is, for `status`


@dataclass(frozen=True)
class Recipe:
    """How to optimise: AdamW, which without weight decay is Adam.

    lr warms up over `warmup` of all steps. Then it falls along a cosine to `final_lr` of its peak; or, with `plateau`
    above 0, it is multiplied by `decay` each time that so many epochs have brought no better score.
    """

    epochs: int
    batch_size: int
    lr: float
    weight_decay: float = 0.02
    warmup: float = 0.1
    final_lr: float = 0.01
    average: float = 0.0  # decay of the weights' moving average; 0: none
    clip: float = 5.0  # gradient norm
    patience: int = 0  # epochs without a better score before stopping; 0: never
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    plateau: int = 0
    decay: float = 0.2
    seed: int = 0


def fit(
    run: Path,
    model: nn.Module,
    recipe: Recipe,
    settings: dict,
    batches: Callable[[int], Iterable],
    loss_of: Callable[[nn.Module, object], torch.Tensor],
    validate: Callable[[nn.Module], dict[str, float]],
    score: str,
    accelerator: Accelerator | None = None,
) -> dict[str, float]:
    """Train `model` in place to its best epoch and return that epoch's row of the history.

    batches(epoch) gives the epoch's batches, a DataLoader of a fixed order whose `len` does not change and whose items
    draw from no global generator: an epoch that goes on skips the first ones unread. loss_of(model, batch) is a scalar
    to minimise, validate(model) named numbers of which `score` is to be maximised ('-name': minimised). Called again
    with the same settings it goes on where it stopped; with other settings it raises DataError.
    """
    accelerator = accelerator or make_accelerator()
    keep_memory()
    state = _RunState(run, {"recipe": recipe, **settings}, accelerator.is_main_process)
    accelerator.wait_for_everyone()
    set_seed(recipe.seed)
    trainable = [p for p in model.parameters() if p.requires_grad]
    decayed = [p for p in trainable if p.ndim > 1]
    plain = [p for p in trainable if p.ndim <= 1]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": plain, "weight_decay": 0.0}],
        lr=recipe.lr, betas=recipe.betas, eps=recipe.eps,
    )  # fmt: skip
    average = {k: v.detach().clone() for k, v in model.state_dict().items()} if recipe.average else None
    history, position = state.resume(model, optimizer, average)
    if position:
        where = f"in epoch {len(history) + 1} of {recipe.epochs}, after batch {position['step']}"
        accelerator.print(f"{run.name}: going on {where}", flush=True)
    elif history:
        accelerator.print(f"{run.name}: going on after epoch {len(history)} of {recipe.epochs}", flush=True)
    wrapped, optimizer = accelerator.prepare(model, optimizer)
    if average is not None:
        average = {k: v.to(accelerator.device) for k, v in average.items()}
    backward = backward_mode(model, accelerator)
    saved = time.monotonic()

    for epoch in range(len(history) + 1, recipe.epochs + 1):
        if recipe.patience and epoch - 1 - best_epoch(history, score) >= recipe.patience:
            break
        set_seed(recipe.seed * 1000 + epoch)
        plateaus = _plateaus(history, score, recipe.plateau)
        loader = accelerator.prepare(batches(epoch))
        steps = len(loader)
        wrapped.train()
        start, losses, begun = 0, [], time.time()
        if position:
            start, losses, begun = position["step"], position["losses"], begun - position["seconds"]
            loader = accelerator.skip_first_batches(loader, start)
        bar = tqdm(
            loader, desc=f"{run.name} epoch {epoch}/{recipe.epochs}", unit="batch", mininterval=5, initial=start,
            total=steps, disable=not accelerator.is_main_process,
        )  # fmt: skip
        state.tell(epoch, start, steps, time.time() - begun, losses)
        told = time.monotonic()
        for step, batch in enumerate(bar, start):
            if position:  # not before: a loader that begins draws a number, too
                states = position["random"]
                _restore_random(states[accelerator.process_index % len(states)], accelerator.device)
                position = None
            done = ((epoch - 1) * steps + step) / (recipe.epochs * steps)
            for group in optimizer.param_groups:
                group["lr"] = recipe.lr * _lr_factor(done, recipe, plateaus)
            with accelerator.autocast():
                loss = loss_of(wrapped, batch)
            if not torch.isfinite(loss):
                raise DataError(f"The loss is {loss.item()} in epoch {epoch}, step {step}: lower the learning rate.")
            with backward():
                accelerator.backward(loss)
            if recipe.clip:
                accelerator.clip_grad_norm_(trainable, recipe.clip)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            if average is not None:
                _move_average(average, model, recipe.average, (epoch - 1) * steps + step)
            # processes save together, as soon as the clock of one says so
            due = loss.new_tensor(time.monotonic() - saved >= SAVE_EVERY, dtype=torch.float32)
            mean, due = accelerator.reduce(torch.stack([loss.detach().float(), due]), "mean").tolist()
            losses.append(mean)
            bar.set_postfix(loss=f"{sum(losses[-50:]) / len(losses[-50:]):.3f}", refresh=False)
            if due:
                here = {
                    "step": step + 1, "losses": losses, "seconds": time.time() - begun,
                    "random": gather_object([_random_state(accelerator.device)]),
                }  # fmt: skip
                if accelerator.is_main_process:
                    state.save(model.state_dict(), optimizer, average, history, here)
                saved = time.monotonic()
            if time.monotonic() - told >= TELL_EVERY or step + 1 == steps:
                state.tell(epoch, step + 1, steps, time.time() - begun, losses)
                told = time.monotonic()
        position = None
        raw = {k: v.detach().clone() for k, v in model.state_dict().items()} if average is not None else None
        if average is not None:
            model.load_state_dict(average)
        wrapped.eval()
        with torch.inference_mode(), accelerator.autocast():
            numbers = validate(model)
        row = {"epoch": epoch, "loss": sum(losses) / len(losses), **numbers, "seconds": round(time.time() - begun, 1)}
        accelerator.print("  ".join(f"{k} {v:.4g}" for k, v in row.items()), flush=True)
        history.append(row)
        if accelerator.is_main_process:
            if best_epoch(history, score) == epoch:
                save_atomically(model.state_dict(), run / "best.safetensors")
            state.save(raw or model.state_dict(), optimizer, average, history)
        saved = time.monotonic()
        if raw is not None:
            model.load_state_dict(raw)
        accelerator.wait_for_everyone()
    state.tell_no_more()
    best = best_epoch(history, score)
    model.load_state_dict(load_file(run / "best.safetensors"))
    model.eval()
    return history[best - 1]


def make_accelerator() -> Accelerator:
    """bfloat16 autocast wherever the hardware has it; a global batch is split among the processes."""
    from accelerate import DataLoaderConfiguration

    return Accelerator(mixed_precision="bf16", dataloader_config=DataLoaderConfiguration(split_batches=True))


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


class _RunState:
    """The files of one run folder."""

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
        if self.writes:
            (self.run / PROGRESS).unlink(missing_ok=True)

    def save(
        self, weights: dict, optimizer, average: dict | None, history: list[dict], position: dict | None = None
    ) -> None:
        """position: within the epoch after those of the history, see `fit`; None: between two."""
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


def _random_state(device: torch.device) -> dict:
    """Where all generators of this process stand, as JSON can keep it."""
    name, keys, *rest = np.random.get_state()
    state = {
        "python": random.getstate(), "numpy": [name, keys.tolist(), *rest], "torch": torch.get_rng_state().tolist()
    }  # fmt: skip
    if device.type != "cpu":
        state["device"] = torch.get_device_module(device).get_rng_state().tolist()
    return state


def _restore_random(state: dict, device: torch.device) -> None:
    version, keys, gauss = state["python"]
    random.setstate((version, tuple(keys), gauss))
    np.random.set_state(tuple(state["numpy"]))
    torch.set_rng_state(torch.tensor(state["torch"], dtype=torch.uint8))
    if device.type != "cpu" and "device" in state:
        torch.get_device_module(device).set_rng_state(torch.tensor(state["device"], dtype=torch.uint8))


def _lr_factor(done: float, recipe: Recipe, plateaus: int = 0) -> float:
    if done < recipe.warmup:
        return max(done / recipe.warmup, 1e-3)
    if recipe.plateau:
        return recipe.decay**plateaus
    along = (done - recipe.warmup) / (1 - recipe.warmup)
    return recipe.final_lr + (1 - recipe.final_lr) * (1 + math.cos(math.pi * along)) / 2


def _move_average(average: dict, model: nn.Module, decay: float, step: int) -> None:
    decay = min(decay, (1 + step) / (10 + step))  # the first steps forget fast
    with torch.no_grad():
        for key, value in model.state_dict().items():
            if value.dtype.is_floating_point:
                average[key].lerp_(value, 1 - decay)
            else:
                average[key].copy_(value)


def _plateaus(history: list[dict], score: str, wait: int) -> int:
    """How often `wait` epochs in a row were no better than the best before, counting on from each time."""
    count = since = 0
    for epoch in range(1, len(history) + 1) if wait else ():
        since = 0 if best_epoch(history[:epoch], score) == epoch else since + 1
        if since == wait:
            count, since = count + 1, 0
    return count
