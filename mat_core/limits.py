"""What a value that comes from outside may be. Each check raises ConfigError: what is wrong, what is allowed."""

import math
from collections.abc import Collection
from dataclasses import fields

from .errors import ConfigError

LONGEST = 200  # characters of a text


def shown(value) -> str:
    """The value as an error quotes it: short, whatever it is."""
    try:
        text = repr(value)
    except Exception:  # Python prints no integer of more than 4300 digits
        return f"a {type(value).__name__}"
    return text if len(text) <= 42 else f"{text[:39]}..."


def whole(name: str, value, low: int, high: int) -> None:
    """A whole number from low to high."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ConfigError(f"{name} must be a whole number from {low} to {high}; got {shown(value)}.")


def number(name: str, value, low: float, high: float) -> None:
    """A number from low to high; infinite bounds let in any number, NaN as well."""
    anything = math.isinf(low) and math.isinf(high)
    if isinstance(value, bool) or not isinstance(value, int | float) or not (anything or low <= value <= high):
        allowed = "a number" if anything else f"a number from {low:g} to {high:g}"
        raise ConfigError(f"{name} must be {allowed}; got {shown(value)}.")


def text(name: str, value) -> None:
    """One line of printable characters."""
    if not isinstance(value, str) or not value or len(value) > LONGEST or not value.isprintable():
        raise ConfigError(f"{name} must be one line of 1 to {LONGEST} characters; got {shown(value)}.")


def texts(name: str, value, most: int, allowed: Collection[str] | None = None, least: int = 1) -> None:
    """A list or tuple of different texts, each one of `allowed` where that is given."""
    if not isinstance(value, list | tuple) or not least <= len(value) <= most:
        raise ConfigError(f"{name} must be a list of {least} to {most} texts; got {shown(value)}.")
    for entry in value:
        text(f"Each of {name}", entry)
        if allowed is not None and entry not in allowed:
            raise ConfigError(f"{name} must be among {', '.join(allowed)}; got {shown(entry)}.")
    if len(set(value)) < len(value):
        raise ConfigError(f"{name} must not name the same twice; got {shown(value)}.")


def configured(config: type, values):
    """The dataclass `config` with these values of its fields, lists as tuples."""
    if not isinstance(values, dict):
        raise ConfigError(f"A {config.__name__} must be an object with settings by name; got {shown(values)}.")
    known = [field.name for field in fields(config)]
    for name in values:
        if name not in known:
            raise ConfigError(f"{config.__name__} has no setting {shown(name)}; it has {', '.join(known)}.")
    return config(**{name: _frozen(value) for name, value in values.items()})


def _frozen(value):
    return tuple(_frozen(v) for v in value) if isinstance(value, list) else value
