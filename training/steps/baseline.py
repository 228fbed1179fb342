"""Step 'baseline': a classifier of whole images as a control of the tables."""

from dataclasses import asdict
from pathlib import Path

import timm
from safetensors.torch import load_file

from mat_core.data.ham10000 import Dataset
from mat_core.data.labels import CODES

from ..engine.history import read_history
from ..results.run_names import PROTOCOLS
from ..results.runs import Row, write_row
from .backbone import BackboneSettings, classify, train_backbone


def baseline_row(
    data: Dataset,
    train_data: Dataset,
    run: Path,
    settings: BackboneSettings,
    results: Path,
    weights: Path | None = None,
    plan: str = "",
) -> dict[str, float]:
    """Train a classifier and write its rows for both protocols, as it reads no words.

    train_data: the training cases of the detector's backbone; weights: see `train_backbone`; plan: a preset's name, for
    another row than that of the shipped plan.
    """
    best = train_backbone(train_data, run, settings, weights)
    model = timm.create_model(settings.name, num_classes=len(CODES))
    model.load_state_dict(load_file(run / "best.safetensors"))
    model.eval()
    logits = [classify(model, data.of(split), settings.sizes[-1]) for split in ("val", "test")]
    history = read_history(run)
    detail = f"{settings.name}+{plan}" if plan else settings.name
    for protocol in PROTOCOLS:
        row = Row(
            protocol, "classifier", settings.recipe.seed, *logits, detail=detail, epoch=best["epoch"],
            parameters=sum(p.numel() for p in model.parameters()), seconds=sum(epoch["seconds"] for epoch in history),
            history=history, settings={"backbone": asdict(settings)},
        )  # fmt: skip
        write_row(row, results)
    return best
