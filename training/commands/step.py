"""A step of `python -m training` as the command line knows it, and how a line is read. Loads no torch."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Option:
    """An option of a step. settings: what `argparse.ArgumentParser.add_argument` takes beside flag and help."""

    flag: str
    help: str
    settings: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """One command. run: takes the parsed options by their names, and nothing but these are in them."""

    name: str
    help: str
    options: tuple[Option, ...]
    run: Callable[[argparse.Namespace], None]


def parse(steps: Sequence[Step], argv: Sequence[str]) -> tuple[Step, argparse.Namespace]:
    """The step that a command line asks for and its options.

    Exits with status 2 and a sentence for a line that is no such command, such as one with another step's option.
    """
    parser = argparse.ArgumentParser(
        prog="python -m training", description="From a HAM10000 folder to a model bundle, one command a step.",
        allow_abbrev=False,
    )  # fmt: skip
    commands = parser.add_subparsers(dest="step", required=True, metavar="STEP")
    by_name = {step.name: step for step in steps}
    parsers = {}
    for step in steps:
        parsers[step.name] = command = commands.add_parser(
            step.name, help=step.help, description=step.help, allow_abbrev=False
        )
        for option in step.options:
            command.add_argument(option.flag, help=option.help, **option.settings)
    args, left = parser.parse_known_args(argv)
    step = by_name[args.step]
    if left:
        parsers[step.name].error(_refusal(step, steps, left))
    return step, args


def _refusal(step: Step, steps: Sequence[Step], left: Sequence[str]) -> str:
    flags = [word.partition("=")[0] for word in left if word.startswith("-")]
    if not flags:
        return f"'{step.name}' takes options only; got {left[0]!r}"
    takers = [other.name for other in steps if flags[0] in (option.flag for option in other.options)]
    whose = f", an option of {', '.join(takers)}" if takers else ""
    own = ", ".join(option.flag for option in step.options) or "none"
    return f"'{step.name}' does not take {flags[0]}{whose}; its options: {own}"
