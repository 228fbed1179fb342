"""Paths of the models. Imports nothing heavy."""

from pathlib import Path

CHECKPOINTS = Path(__file__).resolve().parents[2] / "checkpoints"
DEFAULT = CHECKPOINTS / "sga-sga"
