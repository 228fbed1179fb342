"""python -m training STEP: from a HAM10000 folder to a model bundle. A stopped step resumes when it is run again."""

import sys
import time
from collections.abc import Sequence

from mat_core.errors import UserError

from .commands.parser import build_parser
from .steps.status import table


def main(argv: Sequence[str] | None = None) -> int:
    """Run one step. Returns 0; 2 for an error, with its message on standard error; 130 if it was interrupted."""
    args = build_parser().parse_args(argv)
    if args.command == "status":
        print("\n".join(table(args.runs, time.time())))
        return 0
    # these import torch, which takes seconds: --help, status and errors do not wait for it
    from mat_core.utils.cpu import limit_malloc_arenas

    from .commands import run

    limit_malloc_arenas()
    try:
        getattr(run, args.func)(args)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nstopped; the same command resumes at the last save, minutes ago.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
