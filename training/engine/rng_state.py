"""Save and restore the states of random number generators."""

import random

import numpy as np
import torch


def get_rng_state(device: torch.device) -> dict:
    """States of all generators of this process, for JSON."""
    name, keys, *rest = np.random.get_state()
    state = {
        "python": random.getstate(), "numpy": [name, keys.tolist(), *rest], "torch": torch.get_rng_state().tolist()
    }  # fmt: skip
    if device.type != "cpu":
        state["device"] = torch.get_device_module(device).get_rng_state().tolist()
    return state


def set_rng_state(state: dict, device: torch.device) -> None:
    """Restore states of `get_rng_state`."""
    version, keys, gauss = state["python"]
    random.setstate((version, tuple(keys), gauss))
    np.random.set_state(tuple(state["numpy"]))
    torch.set_rng_state(torch.tensor(state["torch"], dtype=torch.uint8))
    if device.type != "cpu" and "device" in state:
        torch.get_device_module(device).set_rng_state(torch.tensor(state["device"], dtype=torch.uint8))
