"""One training loop for every model here: seeded, resumable after a kill, on any hardware through accelerate.

A run is a folder: settings.json (what was asked), history.json (what each epoch gave), last.safetensors (weights,
their moving average, the optimizer and, within an epoch, its position) and best.safetensors (the averaged weights of
the epoch with the best validation score). last.safetensors is written atomically after each epoch and every five
minutes within one. Everything random in an epoch is seeded by (seed, epoch), and the generators' states are saved with
the position, so a run that was killed and resumed ends where the undisturbed one ends. While it runs, progress.json
says where it is.
"""

import time
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from accelerate import Accelerator, DataLoaderConfiguration
from accelerate.utils import gather_object, set_seed
from safetensors.torch import load_file
from torch import nn
from tqdm import tqdm

from mat_core.errors import DataError

from .files import RunFiles, save_atomically
from .generators import random_state, restore_random
from .progress import best_epoch
from .recipe import Recipe, learning_rate, move_average, plateaus
from .speed import backward_mode, keep_memory

SAVE_EVERY = 300  # seconds within an epoch: so much, and the validation behind it, is what a kill costs
TELL_EVERY = 30  # seconds between two notes of where it is, for `status`


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
    files = RunFiles(run, {"recipe": recipe, **settings}, accelerator.is_main_process)
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
    history, position = files.resume(model, optimizer, average)
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
        reached = plateaus(history, score, recipe.plateau)
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
        files.tell(epoch, start, steps, time.time() - begun, losses)
        told = time.monotonic()
        for step, batch in enumerate(bar, start):
            if position:  # not before: a loader that begins draws a number, too
                states = position["random"]
                restore_random(states[accelerator.process_index % len(states)], accelerator.device)
                position = None
            done = ((epoch - 1) * steps + step) / (recipe.epochs * steps)
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(done, recipe, reached)
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
                move_average(average, model, recipe.average, (epoch - 1) * steps + step)
            # processes save together, as soon as the clock of one says so
            due = loss.new_tensor(time.monotonic() - saved >= SAVE_EVERY, dtype=torch.float32)
            mean, due = accelerator.reduce(torch.stack([loss.detach().float(), due]), "mean").tolist()
            losses.append(mean)
            bar.set_postfix(loss=f"{sum(losses[-50:]) / len(losses[-50:]):.3f}", refresh=False)
            if due:
                here = {
                    "step": step + 1, "losses": losses, "seconds": time.time() - begun,
                    "random": gather_object([random_state(accelerator.device)]),
                }  # fmt: skip
                if accelerator.is_main_process:
                    files.save(model.state_dict(), optimizer, average, history, here)
                saved = time.monotonic()
            if time.monotonic() - told >= TELL_EVERY or step + 1 == steps:
                files.tell(epoch, step + 1, steps, time.time() - begun, losses)
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
            files.save(raw or model.state_dict(), optimizer, average, history)
        saved = time.monotonic()
        if raw is not None:
            model.load_state_dict(raw)
        accelerator.wait_for_everyone()
    files.tell_no_more()
    best = best_epoch(history, score)
    model.load_state_dict(load_file(run / "best.safetensors"))
    model.eval()
    return history[best - 1]


def make_accelerator() -> Accelerator:
    """bfloat16 autocast wherever the hardware has it; a global batch is split among the processes."""
    return Accelerator(mixed_precision="bf16", dataloader_config=DataLoaderConfiguration(split_batches=True))
