"""Where the generators of random numbers of a process stand, and back to there."""

import random

import numpy as np
import torch


def random_state(device: torch.device) -> dict:
    """Where all generators of this process stand, as JSON can keep it."""
    name, keys, *rest = np.random.get_state()
    state = {
        "python": random.getstate(), "numpy": [name, keys.tolist(), *rest], "torch": torch.get_rng_state().tolist()
    }  # fmt: skip
    if device.type != "cpu":
        state["device"] = torch.get_device_module(device).get_rng_state().tolist()
    return state


def restore_random(state: dict, device: torch.device) -> None:
    """Put all generators of this process where `random_state` found them."""
    version, keys, gauss = state["python"]
    random.setstate((version, tuple(keys), gauss))
    np.random.set_state(tuple(state["numpy"]))
    torch.set_rng_state(torch.tensor(state["torch"], dtype=torch.uint8))
    if device.type != "cpu" and "device" in state:
        torch.get_device_module(device).set_rng_state(torch.tensor(state["device"], dtype=torch.uint8))
