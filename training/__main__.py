"""python -m training STEP: everything between a HAM10000 folder and a model bundle, one command a step.

A step that was stopped goes on where it was when the same command is given again.
"""

import sys


def main(argv: list[str] | None = None) -> int:
    """Run one step; 0 when it is done, 2 with a sentence when it cannot be."""
    argv = sys.argv[1:] if argv is None else argv
    if argv[:1] == ["status"]:  # answers at once: torch, which takes seconds to load, is for the others
        from .commands.status import STATUS
        from .commands.step import parse

        step, args = parse((STATUS,), argv)
        step.run(args)
        return 0
    from mat_core.machine import tune_heaps

    from .commands.table import main as run

    tune_heaps()
    return run(argv)


if __name__ == "__main__":
    sys.exit(main())
