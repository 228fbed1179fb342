"""The MAT: fused attention against attention with weights, bfloat16 against float32, both against the reference."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from mat_core import MATConfig, MATNetwork
from mat_core.utils.precision import has_native_bfloat16
from training.engine.cpu_tuning import disable_malloc_trim

from .hardware import NO_BFLOAT16, peaks
from .inputs import Inputs
from .reference_mat import PlainMAT, copy_weights
from .timing import Row, Skipped, measure

LARGE = 64  # cases in a batch
WORDS = 6  # of ten: age, sex and site with a value each


def peak(inputs: Inputs) -> list[Row | Skipped]:
    """The machine's fastest matrix product in float32 and bfloat16."""
    return list(peaks(inputs.seconds).values())


def mat(inputs: Inputs) -> list[Row | Skipped]:
    """A forward pass of SGA-SGA at batch sizes 1 and 64."""
    ours, plain = networks()
    ours.eval(), plain.eval()
    rows = []
    for batch in (1, LARGE):
        case = make_batch(ours.config, batch)[:3]
        functions = {
            "plain, float32": lambda case=case: plain(*case),
            "with weights, float32": lambda case=case: ours(*case, need_weights=True),
            "fused, float32": lambda case=case: ours(*case),
            "fused, bfloat16": autocast(lambda case=case: ours(*case)),
        }
        with torch.inference_mode():
            found = _compare(functions, flops(ours.config, batch), inputs.seconds)
        rows += [replace(row, name=f"{row.name}, batch {batch}") for row in found]
    return rows


def mat_step(inputs: Inputs) -> list[Row | Skipped]:
    """A training step at batch size 64: forward, backward, AdamW; bfloat16 by autocast, as in `training`."""
    disable_malloc_trim()  # as `training` does
    ours, plain = networks()
    features, padding, ids, labels = make_batch(ours.config, LARGE)

    def step(network, logits: Callable[[], Tensor], context=nullcontext) -> Callable[[], None]:
        network.train()
        optimizer = torch.optim.AdamW([p for p in network.parameters() if p.requires_grad], lr=1e-5)

        def run() -> None:
            with context():
                loss = torch.nn.functional.cross_entropy(logits(), labels)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

        return run

    functions = {
        "step, plain, float32": step(plain, lambda: plain(features, padding, ids)),
        "step, ours, float32": step(ours, lambda: ours(features, padding, ids).logits),
        "step, ours, bfloat16": step(
            ours, lambda: ours(features, padding, ids).logits, lambda: torch.autocast("cpu", torch.bfloat16)
        ),
    }
    # the backward pass has two products for each one of the forward pass
    return _compare(functions, 3 * flops(ours.config, LARGE), inputs.seconds)


def _compare(functions: dict[str, Callable], work: float, seconds: float) -> list[Row | Skipped]:
    """Rows with rate and speedup over the first function. A name ends in its type; work: floating-point operations."""
    skipped = [] if has_native_bfloat16() else [name for name in functions if name.endswith("bfloat16")]
    best = peaks(seconds / 3)
    timed = measure({name: call for name, call in functions.items() if name not in skipped}, seconds)
    rows = [
        row.with_rate(work / 1e9, "GFLOP/s", best[name.rpartition(" ")[2]].extra["GFLOP/s"])
        for name, row in timed.items()
    ]
    return [
        rows[0],
        *(row.with_speedup(rows[0]) for row in rows[1:]),
        *(Skipped(name, NO_BFLOAT16) for name in skipped),
    ]


def networks(config: MATConfig | None = None) -> tuple[MATNetwork, PlainMAT]:
    """SGA-SGA, by default in the paper's size, with random weights, and the reference with the same weights."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        ours = MATNetwork(config or MATConfig())
        return ours, copy_weights(ours, PlainMAT(ours.config))


def make_batch(config: MATConfig, batch: int, device: str = "cpu") -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Fixed random features, padding (none), word ids and labels."""
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(batch, config.n, config.region_width, generator=generator)
    ids = torch.randint(1, config.vocabulary, (batch, config.words), generator=generator)
    ids[:, WORDS:] = 0
    labels = torch.arange(batch) % config.classes
    return tuple(
        tensor.to(device) for tensor in (features, torch.zeros(batch, config.n, dtype=torch.bool), ids, labels)
    )


def autocast(function: Callable[[], object]) -> Callable[[], object]:
    """The function under bfloat16 autocast."""
    return torch.autocast("cpu", torch.bfloat16)(function)


def flops(config: MATConfig, batch: int) -> int:
    """Floating-point operations of a forward pass."""
    with FlopCounterMode(display=False) as counter:
        PlainMAT(config).to("meta")(*make_batch(config, batch, "meta")[:3])
    return counter.get_total_flops()
