"""The step 'status', as it is asked on the command line. Loads no torch."""

import sys
import time
from argparse import Namespace
from pathlib import Path

from ..steps.status import screen
from .step import Option, Step


def status(args: Namespace) -> None:
    """Print the screen: that something is damaged or lacking is its answer."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # a terminal without the signs of the curves
    print("\n".join(screen(args.runs, args.preset, time.time())))


STATUS = Step(
    "status",
    "what is done, what runs and how long it still takes (loads no torch)",
    (
        Option("--runs", "where runs are kept (default: runs)", {"type": Path, "default": Path("runs")}),
        Option("--preset", "say so where the runs are of another plan (default: whichever they are of)"),
    ),
    status,
)
