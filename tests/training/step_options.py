"""The options of each step of `python -m training`."""

import argparse

from training.commands.parser import build_parser

(_steps,) = (action for action in build_parser()._actions if isinstance(action, argparse._SubParsersAction))
OPTIONS = {name: set(command._option_string_actions) - {"-h"} for name, command in _steps.choices.items()}
