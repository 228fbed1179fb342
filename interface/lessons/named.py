"""What a named value is, and how it is said of a case."""

from collections.abc import Callable
from dataclasses import dataclass, field

from mat_core.labels import CODES
from mat_core.wording import MINUS, change, class_name, share

from .known import Known

SHARE, COUNTED, NUMBER, POINTS, TEXT, CHOICE = "share", "count", "number", "points", "text", "choice"
UNKNOWN = "(this model does not have it)"
CLASSES = {code: class_name(code) for code in CODES}
WAYS = {"down": "it falls", "even": "it stays practically as it is", "up": "it rises"}
YES_NO = {"yes": "yes", "no": "no"}

Found = float | int | str | None
Find = Callable[[Known], Found]


@dataclass(frozen=True)
class Named:
    """A value. find: its number (a share as 0 to 1), its text, or the key of its choice; None: there is none.

    choices: key -> how it is said in a sentence; empty where it is no choice.
    """

    kind: str
    meaning: str
    find: Find
    choices: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Value:
    """What a value is of a case. text: as a sentence has it; number: as a guess is compared, a share in percent;
    key: of a choice.
    """

    text: str
    number: float | None = None
    key: str | None = None


def unit_of(named: Named) -> str:
    """In what a number is guessed."""
    return {SHARE: "%", POINTS: "points"}.get(named.kind, "")


def said(named: Named, known: Known) -> Value:
    """The value of a case."""
    with known.lock:
        found = named.find(known)
    if found is None:
        return Value(UNKNOWN)
    if named.choices:
        return Value(named.choices[str(found)], key=str(found))
    if isinstance(found, str):
        return Value(found)
    number = float(found)
    if named.kind == SHARE:
        return Value(share(number), 100 * number)
    if named.kind == POINTS:
        return Value(change(number), 100 * number)
    if named.kind == COUNTED:
        return Value(str(int(found)), number)
    return Value(f"{number:.{2 if abs(number) < 10 else 1}f}".replace("-", MINUS), number)
