"""What a trained or measured row of the paper's tables leaves behind: its predictions and how it came about.

One row is two files in docs/results, both committed: NAME.json (how it was trained) and NAME.safetensors (its logits on
val and test). Every figure of `report` is computed from these, so all of them can be checked without training.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from mat_core.errors import DataError

from .engine import save_atomically, write_json

RESULTS = Path(__file__).resolve().parents[1] / "docs" / "results"
PROTOCOLS = ("clean", "paper")  # without dx_type on all test lesions; with it on those with a single image
CONTROLS = {
    "metadata-only": "Metadata only",
    "concatenation": "Concatenation",
    "class-head": "Detector's class head",
    "plain-detector": "Class head of a detector taught whole lesions only",
    "classifier": "Whole-image classifier",
    "sga-sga+unheld": "SGA-SGA, trained on seen cases only",
}


@dataclass(frozen=True)
class Result:
    """One row, one seed. val_logits, test_logits: (cases, classes) float32 in the order of Dataset.of(split).

    protocol: of PROTOCOLS; row: a unit of `mat_core.units.UNITS`, a key of CONTROLS, or 'shipped'; detail: what else
    tells rows apart, such as the name of a classifier; epoch: the checkpoint's; parameters: trained ones; seconds: of
    training; history: one dict an epoch; settings: of the step, as plain JSON; regions: a detector's own figures on all
    test lesions (`detector.detector_figures`).
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
    def name(self) -> str:
        """Of its two files."""
        return "-".join(part for part in (self.protocol, self.row, self.detail, f"seed{self.seed}") if part)


def write_result(result: Result, folder: Path = RESULTS) -> Path:
    """Write both files atomically; returns the JSON's path."""
    tensors = {"val_logits": result.val_logits.float(), "test_logits": result.test_logits.float()}
    save_atomically(tensors, folder / f"{result.name}.safetensors")
    plain = {k: v for k, v in vars(result).items() if not isinstance(v, torch.Tensor)}
    path = folder / f"{result.name}.json"
    write_json(json.loads(json.dumps(plain, default=asdict)), path)
    return path


def read_results(folder: Path = RESULTS) -> list[Result]:
    """All rows of the folder, sorted by name. Raises DataError for a row that is damaged or lacks a file."""
    return [read_result(path) for path in sorted(folder.glob("*-seed*.json"))]


def read_result(path: Path) -> Result:
    """One row by the path of its JSON file. Raises DataError."""
    try:
        tensors = load_file(path.with_suffix(".safetensors"))
        return Result(**json.loads(path.read_text(encoding="utf-8")), **tensors)
    except (SafetensorError, OSError, ValueError, TypeError):
        raise DataError(f"{path} or the safetensors file beside it is missing or damaged: measure it again.") from None
