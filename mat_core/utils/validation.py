"""Validators for untrusted values; each raises ConfigError with the allowed values."""

import math
from collections.abc import Collection
from dataclasses import fields

from ..errors import ConfigError

MAX_LINE = 200  # characters of a text


def short_repr(value) -> str:
    """repr of any value, shortened for error messages."""
    try:
        text = repr(value)
    except Exception:  # Python prints no integer of more than 4300 digits
        return f"a {type(value).__name__}"
    return text if len(text) <= 42 else f"{text[:39]}..."


def check_int(name: str, value, low: int, high: int) -> None:
    """A whole number from low to high."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ConfigError(f"{name} must be a whole number from {low} to {high}; got {short_repr(value)}.")


def check_number(name: str, value, low: float, high: float) -> None:
    """A number from low to high; with infinite bounds any number, including NaN."""
    anything = math.isinf(low) and math.isinf(high)
    if isinstance(value, bool) or not isinstance(value, int | float) or not (anything or low <= value <= high):
        allowed = "a number" if anything else f"a number from {low:g} to {high:g}"
        raise ConfigError(f"{name} must be {allowed}; got {short_repr(value)}.")


def check_line(name: str, value) -> None:
    """One line of printable characters."""
    if not isinstance(value, str) or not value or len(value) > MAX_LINE or not value.isprintable():
        raise ConfigError(f"{name} must be one line of 1 to {MAX_LINE} characters; got {short_repr(value)}.")


def check_choices(name: str, value, most: int, allowed: Collection[str] | None = None, least: int = 1) -> None:
    """A list or tuple of different texts, each one of `allowed` if given."""
    if not isinstance(value, list | tuple) or not least <= len(value) <= most:
        raise ConfigError(f"{name} must be a list of {least} to {most} texts; got {short_repr(value)}.")
    for entry in value:
        check_line(f"Each of {name}", entry)
        if allowed is not None and entry not in allowed:
            raise ConfigError(f"{name} must be among {', '.join(allowed)}; got {short_repr(entry)}.")
    if len(set(value)) < len(value):
        raise ConfigError(f"{name} must not name the same twice; got {short_repr(value)}.")


def dataclass_from_dict(config: type, values):
    """An instance of the dataclass `config` with these values, lists as tuples."""
    if not isinstance(values, dict):
        raise ConfigError(f"A {config.__name__} must be an object with settings by name; got {short_repr(values)}.")
    names = [field.name for field in fields(config)]
    for name in values:
        if name not in names:
            raise ConfigError(f"{config.__name__} has no setting {short_repr(name)}; it has {', '.join(names)}.")
    return config(**{name: _frozen(value) for name, value in values.items()})


def _frozen(value):
    return tuple(_frozen(v) for v in value) if isinstance(value, list) else value
