"""Optimizer settings, learning rate schedule and moving average of weights."""

import math
from dataclasses import dataclass

import torch
from torch import nn

from .history import best_epoch


@dataclass(frozen=True)
class Recipe:
    """Settings of AdamW, which without weight decay is Adam.

    lr warms up over the share `warmup` of all steps. Then it follows a cosine to `final_lr` of its peak; or, with
    `plateau` above 0, it is multiplied by `decay` after so many epochs without a better score.
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


def learning_rate(done: float, recipe: Recipe, reached: int = 0) -> float:
    """The learning rate of a step. done: share of finished steps, 0 to 1; reached: number of `lr_reductions`."""
    if done < recipe.warmup:
        return recipe.lr * max(done / recipe.warmup, 1e-3)
    if recipe.plateau:
        return recipe.lr * recipe.decay**reached
    along = (done - recipe.warmup) / (1 - recipe.warmup)
    return recipe.lr * (recipe.final_lr + (1 - recipe.final_lr) * (1 + math.cos(math.pi * along)) / 2)


def update_ema(average: dict[str, torch.Tensor], model: nn.Module, decay: float, step: int) -> None:
    """Update the exponential moving average of weights in place, after `step` steps; integers are copied."""
    decay = min(decay, (1 + step) / (10 + step))  # smaller in the first steps
    with torch.no_grad():
        weights = model.state_dict()
        moved = [key for key, value in weights.items() if value.dtype.is_floating_point]
        torch._foreach_lerp_([average[key] for key in moved], [weights[key] for key in moved], 1 - decay)
        for key in weights.keys() - moved:
            average[key].copy_(weights[key])


def lr_reductions(history: list[dict], score: str, wait: int) -> int:
    """How often `wait` epochs in a row brought no better `score`."""
    count = since = 0
    for epoch in range(1, len(history) + 1) if wait else ():
        since = 0 if best_epoch(history[:epoch], score) == epoch else since + 1
        if since == wait:
            count, since = count + 1, 0
    return count
