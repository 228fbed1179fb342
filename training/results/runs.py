"""Results of experiments: NAME.json (how it was trained) and NAME.safetensors (its logits on val and test), both in
docs/results. The step 'report' computes every metric from these.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from mat_core.errors import DataError

from ..engine.checkpointing import save_atomically, write_json
from .run_names import RESULTS, ExperimentName

CONTROLS = {
    "metadata-only": "Metadata only",
    "concatenation": "Concatenation",
    "class-head": "Detector's class head",
    "plain-detector": "Class head of a detector taught whole lesions only",
    "classifier": "Whole-image classifier",
    "sga-sga+unheld": "SGA-SGA, trained on seen cases only",
}


@dataclass(frozen=True)
class Row:
    """One row, one seed. val_logits, test_logits: (cases, classes) float32 in the order of Dataset.of(split).

    protocol, row, seed, detail: see `ExperimentName`; epoch: the checkpoint's; parameters: trained ones; seconds: of
    training; history: one dict an epoch; settings: of the step, as plain JSON; regions: a detector's own metrics on
    all test lesions (`regions.detector_metrics`).
    """

    protocol: str
    row: str
    seed: int
    val_logits: torch.Tensor
    test_logits: torch.Tensor
    detail: str = ""
    epoch: int = 0
    parameters: int = 0
    seconds: float = 0.0
    history: list[dict] = field(default_factory=list)
    settings: dict = field(default_factory=dict)
    regions: dict = field(default_factory=dict)

    @property
    def name(self) -> ExperimentName:
        """Name of its two files."""
        return ExperimentName(self.protocol, self.row, self.seed, self.detail)


def write_row(row: Row, folder: Path = RESULTS) -> Path:
    """Write both files atomically; returns the JSON's path."""
    tensors = {"val_logits": row.val_logits.float(), "test_logits": row.test_logits.float()}
    save_atomically(tensors, folder / f"{row.name}.safetensors")
    plain = {k: v for k, v in vars(row).items() if not isinstance(v, torch.Tensor)}
    path = folder / f"{row.name}.json"
    write_json(json.loads(json.dumps(plain, default=asdict)), path)
    return path


def has_row(name: ExperimentName, folder: Path = RESULTS) -> bool:
    """Whether both files exist."""
    return all((folder / f"{name}{suffix}").is_file() for suffix in (".json", ".safetensors"))


def read_rows(folder: Path = RESULTS) -> list[Row]:
    """All rows of a folder, sorted by name. Raises DataError for a damaged or incomplete row."""
    return [read_row(path) for path in sorted(folder.glob("*-seed*.json"))]


def read_row(path: Path) -> Row:
    """The row of a JSON file. Raises DataError."""
    try:
        tensors = load_file(path.with_suffix(".safetensors"))
        return Row(**json.loads(path.read_text(encoding="utf-8")), **tensors)
    except (SafetensorError, OSError, ValueError, TypeError):
        raise DataError(f"{path} or the safetensors file beside it is missing or damaged: measure it again.") from None
