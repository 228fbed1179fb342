"""A lesson as values: what its file said, checked, in the order in which it is taught."""

from dataclasses import dataclass

# the tabs that a step may open, by their addresses, and the places in them that it may lead the eye to
TABS = {
    "diagnose": {
        "form": "#words", "answer": "#answer-panel", "regions": "#regions-panel", "attention": "#attention-panel",
    },
    "explore": {
        "picture": "[data-part='picture-legend']", "matrix": "[data-part='matrix']", "walk": "[data-part='walk-part']",
        "heads": "[data-part='heads-part']", "fusion": "[data-part='fusion']",
    },
    "take-away": {},
    "hide": {"hidden": "#hidden-view"},
    "check-attention": {},
    "what-if": {},
    "doubt": {"threshold": "#threshold-sliders"},
    "compare": {},
    "learn": {"lesson": "#lesson-view", "alike": "#alike-view", "leak": "#leak-view"},
    "about": {},
}  # fmt: skip
ORDERS = ("attention", "detector", "position")
READINGS = ("weight", "difference")
HEADS = ("mean", "max", "asked", "sharpest", "broadest")  # or a number from 1 on
PINS = ("none", "asked")  # or 'word 2', 'region 1'
HIDDEN = ("none", "lesion", "around")


@dataclass(frozen=True)
class CaseOf:
    """Which case. kind: 'phantom', a drawing from `seed` in the look of `code`; 'case', a named one, `name` its id;
    'own', a teacher's; 'house', a drawing of what is no lesion. instead: what stands in for a named one whose
    photograph is not at hand; then nobody is asked for it.
    """

    kind: str
    name: str = ""
    seed: int = 0
    code: str = ""
    instead: "CaseOf | None" = None


@dataclass(frozen=True)
class Page:
    """What a step sets of the page; a field that is None leaves the page as it is.

    changes: metadata field -> value as text, 'unknown' for none, against what the case has. code: the class in
    question, '' the answer's own. map, layer, head, order, regions, reading, pin, temperature: the explorer's, with
    layer, head and words counted from 1. hide: which tiles are marked and hidden. look: a place of `TABS[tab]`.
    wait: nothing is set before the step's question is answered, as the page would answer it.
    """

    case: CaseOf
    changes: tuple[tuple[str, str], ...] = ()
    tab: str | None = None
    code: str = ""
    map: str | None = None
    layer: int | None = None
    head: str | None = None
    order: str | None = None
    regions: int | None = None
    reading: str | None = None
    pin: str | None = None
    temperature: float | None = None
    hide: str | None = None
    look: str | None = None
    wait: bool = False


EXPLORED = ("map", "layer", "head", "order", "regions", "reading", "pin", "temperature")


@dataclass(frozen=True)
class Predict:
    """What is asked before it is revealed. truth: the named value that answers it.

    choices: pairs of a key that the value may have and what is offered for it; empty where a number is asked for, from
    least to most.
    """

    question: str
    truth: str
    choices: tuple[tuple[str, str], ...] = ()
    least: float = 0.0
    most: float = 100.0


@dataclass(frozen=True)
class Step:
    """One thing that is said. text: Markdown with values; predict: what is asked then, and revealed: Markdown that is
    shown with the truth. shows: whether the step itself sets something of the page.
    """

    title: str
    page: Page
    text: str
    predict: Predict | None = None
    revealed: str = ""
    shows: bool = False


@dataclass(frozen=True)
class Lesson:
    """name: the file's, without number and ending; audience: for whom. own: a teacher's."""

    name: str
    title: str
    minutes: int
    audience: str
    steps: tuple[Step, ...]
    own: bool = False
