"""The values that a lesson may quote with `{{ name }}`: computed for its case, never written into the file.

A value is a function of `CaseFacts`, registered under its name:

    value("words.count", COUNT, "number of words that the model reads", lambda case: len(case.diagnosis.words))
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

from mat_core.data.labels import CODES
from mat_core.utils.formatting import MINUS, format_percent, format_points
from teaching.sentences import class_word
from teaching.translations import text

from .case_facts import CaseFacts, UnavailableError

SHARE, COUNT, NUMBER, POINTS, TEXT, CHOICE = "share", "count", "number", "points", "text", "choice"
UNAVAILABLE = text("value.unavailable")
CLASSES = {code: class_word(code) for code in CODES}
DIRECTIONS = {way: text(f"value.{way}") for way in ("down", "even", "up")}
YES_NO = {key: text(f"value.{key}") for key in ("yes", "no")}


@dataclass(frozen=True)
class ValueSpec:
    """A registered value. compute: gives its number (a share as 0 to 1), its text, or the key of its choice, and raises
    UnavailableError where there is none; choices: key -> wording, empty where it is no choice.
    """

    kind: str
    description: str
    compute: Callable[[CaseFacts], float | int | str]
    choices: dict[str, str] = field(default_factory=dict)

    @property
    def unit(self) -> str:
        """The unit in which a number is predicted."""
        return {SHARE: "%", POINTS: text("value.points")}.get(self.kind, "")


@dataclass(frozen=True)
class Value:
    """The value for one case. text: as quoted, a Text or a number in English; number: to be predicted, a share in
    percent; key: of a choice.
    """

    text: str
    number: float | None = None
    key: str | None = None


VALUES: dict[str, ValueSpec] = {}


def value(
    kind: str, name: str, description: str, compute: Callable, choices: dict | None = None, each: Iterable[object] = ()
) -> None:
    """Register a value. each: register it once for each of these, which replaces {} in name and description and is the
    argument `of` of `compute`.
    """
    for of in each:
        VALUES[name.format(of)] = ValueSpec(kind, description.format(of), partial(compute, of=of), choices or {})
    if not each:
        VALUES[name] = ValueSpec(kind, description, compute, choices or {})


share, count, number, points, string, choice = (
    partial(value, kind) for kind in (SHARE, COUNT, NUMBER, POINTS, TEXT, CHOICE)
)


def evaluate(name: str, case: CaseFacts) -> Value:
    """The value `name`, a key of VALUES, for a case."""
    spec = VALUES[name]
    try:
        with case.lock:
            result = spec.compute(case)
    except UnavailableError:
        return Value(UNAVAILABLE)
    if spec.choices:
        return Value(spec.choices[str(result)], key=str(result))
    if isinstance(result, str):
        return Value(result)
    number = float(result)
    if spec.kind == SHARE:
        return Value(format_percent(number), 100 * number)
    if spec.kind == POINTS:
        return Value(text("value.change", n=format_points(number)), 100 * number)
    if spec.kind == COUNT:
        return Value(str(int(result)), number)
    return Value(f"{number:.{2 if abs(number) < 10 else 1}f}".replace("-", MINUS), number)


def markdown_table() -> str:
    """All values as the table of docs/LESSONS.md; names that differ in a number share a row."""
    rows = {}
    for name, spec in VALUES.items():
        number = re.search(r"\d+", name)
        short, description = (text.replace(number[0], "N", 1) if number else text for text in (name, spec.description))
        kind = f"one of {', '.join(spec.choices)}" if spec.choices else spec.kind
        rows.setdefault(short, f"| `{short}` | {description} | {kind} |")
    return "\n".join(["| value | meaning | kind |", "| --- | --- | --- |", *rows.values()])
