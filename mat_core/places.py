"""Where the models and the names of cases lie. Imports nothing, so that a command line can say it at once."""

from pathlib import Path

CHECKPOINTS = Path(__file__).resolve().parents[1] / "checkpoints"
DEFAULT = CHECKPOINTS / "sga-sga"
CASES_FILE = Path(__file__).resolve().parents[1] / "assets" / "cases.json"
