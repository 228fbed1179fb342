"""Step 'baseline': a plain classifier of the whole image as rows of the tables, to compare with."""

from dataclasses import asdict
from pathlib import Path

import timm
from safetensors.torch import load_file

from mat_core.ham10000 import Dataset
from mat_core.labels import CODES

from ..engine.files import read_history
from ..results.names import PROTOCOLS
from ..results.rows import Row, write_row
from .backbone import BackboneSettings, classify, train_backbone


def baseline_row(
    data: Dataset,
    learnt: Dataset,
    run: Path,
    settings: BackboneSettings,
    results: Path,
    weights: Path | None = None,
    plan: str = "",
) -> dict[str, float]:
    """A whole-image classifier as a control of the tables, under both protocols (it reads no words).

    learnt: what it is trained on, the cases of the detector's backbone; weights: as `train_backbone` takes them; plan:
    a preset's name, for a row beside that of the plan that ships.
    """
    best = train_backbone(learnt, run, settings, weights)
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
