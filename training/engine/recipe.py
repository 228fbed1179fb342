"""How to optimise, and what follows from it step by step: the learning rate and the weights' moving average."""

import math
from dataclasses import dataclass

import torch
from torch import nn

from .progress import best_epoch


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


def learning_rate(done: float, recipe: Recipe, reached: int = 0) -> float:
    """The rate of a step. done: the share of all steps behind it, 0 to 1; reached: so many `plateaus`."""
    return recipe.lr * _factor(done, recipe, reached)


def move_average(average: dict[str, torch.Tensor], model: nn.Module, decay: float, step: int) -> None:
    """Move the weights' `average` in place towards those of `model`, after `step` steps; counts are copied."""
    decay = min(decay, (1 + step) / (10 + step))  # the first steps forget fast
    with torch.no_grad():
        weights = model.state_dict()
        moved = [key for key, value in weights.items() if value.dtype.is_floating_point]
        torch._foreach_lerp_([average[key] for key in moved], [weights[key] for key in moved], 1 - decay)
        for key in weights.keys() - moved:
            average[key].copy_(weights[key])


def plateaus(history: list[dict], score: str, wait: int) -> int:
    """How often `wait` epochs in a row had no better `score` than the best before, counting on from each time."""
    count = since = 0
    for epoch in range(1, len(history) + 1) if wait else ():
        since = 0 if best_epoch(history[:epoch], score) == epoch else since + 1
        if since == wait:
            count, since = count + 1, 0
    return count


def _factor(done: float, recipe: Recipe, reached: int) -> float:
    if done < recipe.warmup:
        return max(done / recipe.warmup, 1e-3)
    if recipe.plateau:
        return recipe.decay**reached
    along = (done - recipe.warmup) / (1 - recipe.warmup)
    return recipe.final_lr + (1 - recipe.final_lr) * (1 + math.cos(math.pi * along)) / 2
