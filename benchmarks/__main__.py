"""python -m benchmarks [NAME ...]: measure the speed of this project on this machine; print a table, write JSON.

Without a name all benchmarks run, which takes some minutes. Exit status 0, or 2 with an error message.
"""

import argparse
import json
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

# name -> module and function, imported when run, so that --help is quick
BENCHMARKS = {
    "help": ("startup", "helps"),
    "core": ("startup", "core"),
    "app": ("startup", "app"),
    "page": ("browser", "page"),
    "class": ("classroom", "classroom"),
    "first": ("inference", "first"),
    "metadata": ("inference", "metadata"),
    "questions": ("inference", "questions"),
    "figures": ("inference", "figures"),
    "throughput": ("inference", "throughput"),
    "peak": ("mat", "peak"),
    "mat": ("mat", "mat"),
    "mat-step": ("mat", "mat_step"),
    "detectors": ("detectors", "detectors"),
    "detector-step": ("detectors", "detector_step"),
    "memory": ("inference", "memory"),
}


def main(argv: list[str] | None = None) -> int:
    """Run the named benchmarks and return the exit status."""
    args = _parser().parse_args(argv)
    if args.list:
        for name in BENCHMARKS:
            print(f"{name:14} {_function(name).__doc__.splitlines()[0]}")
        return 0
    import cv2
    import torch

    from mat_core.errors import UserError
    from mat_core.utils.cpu import available_cpus, limit_malloc_arenas

    from .hardware import describe
    from .inputs import Inputs

    limit_malloc_arenas()  # as the app does
    threads = args.threads or available_cpus()
    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    machine = describe(threads)
    print("; ".join(f"{name}: {', '.join(v) if isinstance(v, list) else v}" for name, v in machine.items()))
    inputs, results = Inputs(args.checkpoint, args.seconds), {}
    for name in args.names or BENCHMARKS:
        print(f"\n{name}: {_function(name).__doc__.splitlines()[0]}", flush=True)
        try:
            rows = _function(name)(inputs)
        except UserError as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
        print(*rows, sep="\n", flush=True)
        results[name] = [row.to_dict() for row in rows]
    if args.json:
        args.json.write_text(json.dumps({"machine": machine, "benchmarks": results}, indent=2) + "\n", encoding="utf-8")
    return 0


def _function(name: str) -> Callable:
    module, function = BENCHMARKS[name]
    return getattr(import_module(f".{module}", __package__), function)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Speed on this machine: medians and quartiles."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[*BENCHMARKS, []], help=", ".join(BENCHMARKS))
    parser.add_argument("--threads", type=int, choices=range(1, 1025), metavar="N", help="default: the available cores")
    parser.add_argument("--seconds", type=float, default=5.0, help="minimum duration of each measurement (default: 5)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results, with every value, to FILE")
    parser.add_argument("--checkpoint", type=Path, metavar="BUNDLE", help="default: the one in checkpoints/")
    parser.add_argument("--list", action="store_true", help="list the benchmarks and exit")
    return parser


if __name__ == "__main__":
    sys.exit(main())
