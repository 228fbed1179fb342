"""The training loop of all models: seeded, resumable after a kill, on any hardware through accelerate.

A run is a folder: settings.json, history.json (metrics of each epoch), last.safetensors (weights, their moving average,
optimizer and position within the epoch) and best.safetensors (averaged weights of the best epoch). last.safetensors is
written after each epoch and every five minutes. Random numbers are seeded by (seed, epoch) and generators' states are
saved, so that a resumed run gives the same result as an uninterrupted one.
"""

import time
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from accelerate import Accelerator, DataLoaderConfiguration, PartialState
from accelerate.utils import gather_object, parse_flag_from_env, set_seed
from safetensors.torch import load_file
from torch import nn
from tqdm import tqdm

from mat_core.errors import DataError
from mat_core.utils.precision import has_native_bfloat16

from .checkpointing import RunFiles, save_atomically
from .cpu_tuning import backward_mode, disable_malloc_trim
from .history import best_epoch
from .recipe import Recipe, learning_rate, lr_reductions, update_ema
from .rng_state import get_rng_state, set_rng_state

SAVE_EVERY = 300  # seconds within an epoch


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

    batches(epoch): a DataLoader of fixed order and length whose items use no global generator, as a resumed epoch skips
    its first batches. loss_of(model, batch): a scalar. validate(model): named metrics; `score` is the one to maximise
    ('-name': minimise). With the same settings a stopped run resumes; with others DataError is raised.
    """
    accelerator = accelerator or make_accelerator()
    precision = {"bf16": "bfloat16", "no": "float32"}.get(accelerator.mixed_precision, accelerator.mixed_precision)
    accelerator.print(f"{run.name}: on {accelerator.device.type} in {precision}", flush=True)
    disable_malloc_trim()
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
        reached = lr_reductions(history, score, recipe.plateau)
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
        for step, batch in enumerate(bar, start):
            if position:  # not before, as a starting loader draws a number
                states = position["random"]
                set_rng_state(states[accelerator.process_index % len(states)], accelerator.device)
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
                update_ema(average, model, recipe.average, (epoch - 1) * steps + step)
            # processes save together
            due = loss.new_tensor(time.monotonic() - saved >= SAVE_EVERY, dtype=torch.float32)
            mean, due = accelerator.reduce(torch.stack([loss.detach().float(), due]), "mean").tolist()
            losses.append(mean)
            bar.set_postfix(loss=f"{sum(losses[-50:]) / len(losses[-50:]):.3f}", refresh=False)
            if due:
                here = {
                    "step": step + 1, "losses": losses, "seconds": time.time() - begun,
                    "random": gather_object([get_rng_state(accelerator.device)]),
                }  # fmt: skip
                if accelerator.is_main_process:
                    files.save(model.state_dict(), optimizer, average, history, here)
                saved = time.monotonic()
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
    best = best_epoch(history, score)
    model.load_state_dict(load_file(run / "best.safetensors"))
    model.eval()
    return history[best - 1]


def make_accelerator() -> Accelerator:
    """Autocast to bfloat16 if the device has it natively, else float32; processes share a global batch."""
    # as in Accelerator: the first state decides the device
    state = PartialState(cpu=parse_flag_from_env("ACCELERATE_USE_CPU"))
    precision = "bf16" if has_native_bfloat16(state.device) else "no"
    return Accelerator(mixed_precision=precision, dataloader_config=DataLoaderConfiguration(split_batches=True))
