"""python -m benchmarks [NAME ...]: how fast this project is on this machine, as a table and as JSON.

Without a name every benchmark is run, which takes some minutes. Exit status 0, or 2 with a sentence.
"""

import argparse
import json
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

# name -> module, function; the modules are imported when they are run
BENCHMARKS = {
    "help": ("start", "helps"),
    "core": ("start", "core"),
    "app": ("start", "app"),
    "page": ("page", "page"),
    "first": ("answers", "first"),
    "metadata": ("answers", "metadata"),
    "questions": ("answers", "questions"),
    "figures": ("answers", "figures"),
    "throughput": ("answers", "throughput"),
    "peak": ("networks", "peak"),
    "mat": ("networks", "mat"),
    "mat-step": ("networks", "mat_step"),
    "detectors": ("detectors", "detectors"),
    "detector-step": ("detectors", "detector_step"),
    "memory": ("answers", "memory"),
}


def main(argv: list[str] | None = None) -> int:
    """Run what is asked for; print a table, and write JSON where a file is named."""
    args = _parser().parse_args(argv)
    if args.list:
        for name in BENCHMARKS:
            print(f"{name:14} {_function(name).__doc__.splitlines()[0]}")
        return 0
    from mat_core.errors import UserError
    from mat_core.machine import cores, tune_heaps

    from .case import Case
    from .machine import describe
    from .timing import Skipped, fixed_threads, table

    tune_heaps()  # as the app does
    threads = args.threads or cores()
    fixed_threads(threads)
    machine = describe(threads)
    print("; ".join(f"{name}: {', '.join(v) if isinstance(v, list) else v}" for name, v in machine.items()))
    case, results = Case(args.checkpoint, args.seconds), {}
    for name in args.names or BENCHMARKS:
        print(f"\n{name}: {_function(name).__doc__.splitlines()[0]}", flush=True)
        try:
            found = _function(name)(case)
        except UserError as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
        print("\n".join(table([row for row in found if not isinstance(row, Skipped)])), flush=True)
        for row in found:
            if isinstance(row, Skipped):
                print(f"{row.name}: left out, {row.reason}")
        results[name] = [vars(row) if isinstance(row, Skipped) else row.to_dict() for row in found]
    if args.json:
        args.json.write_text(json.dumps({"machine": machine, "benchmarks": results}, indent=2) + "\n", encoding="utf-8")
    return 0


def _function(name: str) -> Callable:
    module, function = BENCHMARKS[name]
    return getattr(import_module(f".{module}", __package__), function)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="How fast this project is here: medians with the middle half of runs."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[*BENCHMARKS, []], help=", ".join(BENCHMARKS))
    parser.add_argument("--threads", type=_count, help="threads of torch (default: the cores that are ours)")
    parser.add_argument("--seconds", type=float, default=5.0, help="that each row is given, at least (default: 5)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every number here too")
    parser.add_argument("--checkpoint", type=Path, metavar="BUNDLE", help="default: the one in checkpoints/")
    parser.add_argument("--list", action="store_true", help="say what there is, and end")
    return parser


def _count(given: str) -> int:
    if not given.isdigit() or not 1 <= int(given) <= 1024:
        raise argparse.ArgumentTypeError(f"threads are a whole number from 1 on; got {given}")
    return int(given)


if __name__ == "__main__":
    sys.exit(main())
