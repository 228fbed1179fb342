"""The MAT network: fused against weights-returning attention, bfloat16 against float32, ours against the plain one."""

from contextlib import nullcontext
from dataclasses import replace

import torch
from torch import Tensor

from mat_core import MATConfig, MATNetwork
from training.engine.speed import keep_memory

from .case import Case
from .machine import peaks
from .reference import PlainMAT, same_weights
from .timing import Row, Work, measure, with_gain, with_rate

LARGE = 64  # cases in a batch
WORDS = 6  # real ones of the ten places: age, sex and site with a value each


def peak(case: Case) -> list[Row]:
    """The machine's best matrix product in float32 and bfloat16."""
    return list(peaks(case.seconds).values())


def mat(case: Case) -> list[Row]:
    """A forward pass of SGA-SGA at batch 1 and 64."""
    found = []
    best = {name: row.more["GFLOP/s"] for name, row in peaks(case.seconds / 3).items()}
    ours, plain = networks()
    ours.eval(), plain.eval()
    for batch in (1, LARGE):
        given = inputs(ours.config, batch)[:3]
        with torch.inference_mode():
            rows = measure(_ways(ours, plain, given), case.seconds)
        first = rows.pop("plain, float32")
        for row in (first, *rows.values()):
            rated = with_rate(row, flops(ours.config, batch), best[row.name.rpartition(" ")[2]])
            rated = rated if row is first else with_gain(rated, first)
            found.append(replace(rated, name=f"{row.name}, batch {batch}"))
    return found


def _ways(ours: MATNetwork, plain: PlainMAT, given: tuple[Tensor, ...]) -> dict[str, Work]:
    """Ways through the network; the last word of a name is the type."""
    return {
        "plain, float32": lambda: plain(*given),
        "with weights, float32": lambda: ours(*given, need_weights=True),
        "fused, float32": lambda: ours(*given),
        "fused, bfloat16": autocast(lambda: ours(*given)),
    }


def mat_step(case: Case) -> list[Row]:
    """A training step at batch 64: forward, backward, AdamW; bfloat16 by autocast, as `training` does it."""
    keep_memory()  # as `training` does
    best = {name: row.more["GFLOP/s"] for name, row in peaks(case.seconds / 3).items()}
    ours, plain = networks()
    features, padding, ids, labels = inputs(ours.config, LARGE)

    def step(network, call, context=nullcontext) -> Work:
        network.train()
        optimizer = torch.optim.AdamW([p for p in network.parameters() if p.requires_grad], lr=1e-5)

        def work() -> None:
            with context():
                loss = torch.nn.functional.cross_entropy(call(), labels)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

        return work

    ways = {
        "step, plain, float32": step(plain, lambda: plain(features, padding, ids)),
        "step, ours, float32": step(ours, lambda: ours(features, padding, ids).logits),
        "step, ours, bfloat16": step(
            ours, lambda: ours(features, padding, ids).logits, lambda: torch.autocast("cpu", torch.bfloat16)
        ),
    }
    rows = measure(ways, case.seconds, warm_up=1)
    work = 3 * flops(ours.config, LARGE)  # the backward pass is two products for one of the forward pass
    first = with_rate(rows.pop("step, plain, float32"), work, best["float32"])
    return [first, *(
        with_gain(with_rate(row, work, best["bfloat16" if "bfloat16" in name else "float32"]), first)
        for name, row in rows.items()
    )]  # fmt: skip


def networks() -> tuple[MATNetwork, PlainMAT]:
    """SGA-SGA in the paper's size with random weights, and the reference with the same ones."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        ours = MATNetwork(MATConfig())
        return ours, same_weights(PlainMAT(ours.config), ours)


def inputs(config: MATConfig, batch: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Features, padding (none), word ids and labels of `batch` cases, always the same."""
    drawn = torch.Generator().manual_seed(0)
    features = torch.randn(batch, config.n, config.region_width, generator=drawn)
    ids = torch.randint(1, config.vocabulary, (batch, config.words), generator=drawn)
    ids[:, WORDS:] = 0
    return features, torch.zeros(batch, config.n, dtype=torch.bool), ids, torch.arange(batch) % config.classes


def autocast(work: Work) -> Work:
    """The work in bfloat16, where torch thinks it fit."""

    def inside() -> object:
        with torch.autocast("cpu", torch.bfloat16):
            return work()

    return inside


def flops(config: MATConfig, batch: int) -> float:
    """Additions and multiplications of the products in a forward pass of SGA-SGA with one layer."""
    d, n, w = config.d, config.n, config.words
    tokens = n * config.region_width * d + w * 4 * d * (config.word_width + d)  # projection, LSTM
    blocks = 0
    for m, k in ((n, n), (w, w), (n, w), (w, n)):  # queries, keys
        blocks += 2 * m * d * d + 2 * k * d * d + 2 * m * k * d + 8 * m * d * d
    return 2.0 * batch * (tokens + blocks + (n + w) * d * d + config.classes * d)
