"""What the names in a lesson's blocks may be: front-matter, `page` and `predict`. Faults are told with their lines."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from mat_core import Metadata, MetadataError
from mat_core.labels import BY_CODE, CODES
from mat_core.limits import shown
from mat_core.units import MAPS

from .blocks import Entry, Faults
from .lesson import EXPLORED, HEADS, HIDDEN, ORDERS, PINS, READINGS, TABS, CaseOf, Page, Predict
from .named import CLASSES, COUNTED
from .values import NAMES

NEEDED = ("title", "minutes", "for", "case")
CHANGED = ("age", "sex", "localization")
LAST_SEED = 10**6
MOST_MINUTES = 180
_CASE = re.compile(r"ISIC_\d{7}|own [\w .-]{1,80}")


@dataclass(frozen=True)
class Front:
    """Of a lesson's front-matter; page: what a step that says nothing else sets."""

    title: str
    minutes: int
    audience: str
    page: Page


def front_matter(given: dict[str, Entry], faults: Faults) -> Front:
    """What stands between the two ---."""
    known(given, (*NEEDED, *CHANGED), faults)
    for name in NEEDED:
        if not given.get(name, Entry(1, "")).text:
            faults.add(given[name].line if name in given else 1, f"the front-matter needs `{name}: ...`.")
    minutes = _whole(given.get("minutes"), 1, MOST_MINUTES, faults) or 1
    case = _case(given.get("case"), faults) or CaseOf("house")
    text = {name: given[name].text for name in NEEDED if name in given}
    page = Page(case, _changes(given, faults))
    return Front(text.get("title", ""), minutes, text.get("for", ""), page)


def known(given: dict[str, Entry], names: tuple[str, ...], faults: Faults) -> None:
    """Tell of every name that is none of these."""
    for name, entry in given.items():
        if name not in names:
            faults.add(entry.line, f"`{name[:40]}` is not known here; there are {', '.join(names)}.")


def page_of(given: dict[str, Entry], lesson: Page, line: int, faults: Faults) -> Page:
    """What a block `page` sets. lesson: what stands where the block is silent."""
    known(given, (*PAGE.names, "case", *CHANGED), faults)
    case = _case(given.get("case"), faults) if "case" in given else None
    changes = _changes(given, faults) if given.keys() & set(CHANGED) else lesson.changes if case is None else ()
    found = {name: PAGE.read(name, entry, faults) for name, entry in given.items() if name in PAGE.names}
    values = {"code" if name == "class" else name: value for name, value in found.items() if value is not None}
    return replace(lesson, case=case or lesson.case, changes=changes, **values)


def follow_on(own: Page, before: Page | None) -> Page:
    """A step's page after another one: it stays on its tab, and in the explorer with what was chosen there."""
    if before is None:
        return own if own.tab else replace(own, tab="diagnose")
    page = own if own.tab else replace(own, tab=before.tab)
    if page.tab != "explore" or before.tab != "explore":
        return page
    kept = {name: getattr(before, name) for name in EXPLORED if name != "temperature" and getattr(page, name) is None}
    return replace(page, **kept)


def predict_of(given: dict[str, Entry], line: int, faults: Faults) -> Predict | None:
    """What a block `predict` asks; its truth is a value that is computed, never one that is written."""
    known(given, ("question", "truth", "choices", "from", "to"), faults)
    question, truth = (given.get(name, Entry(line, "")) for name in ("question", "truth"))
    if not question.text:
        faults.add(line, "`predict` needs `question: ...`.")
    if truth.text not in NAMES:
        allowed = "it is a value that docs/LESSONS.md lists"
        faults.add(truth.line, f"`predict` needs `truth: ...`; {allowed}; got {shown(truth.text)}.")
        return None
    value, choices = NAMES[truth.text], given.get("choices")
    if value.choices:
        return Predict(question.text, truth.text, _choices(choices, value.choices, truth, faults))
    if choices is not None:
        faults.add(choices.line, f"`{truth.text}` is a number: it takes `from` and `to`, no `choices`.")
    if value.kind == "text":
        faults.add(truth.line, f"`{truth.text}` is a text, which nobody can guess: take a number or a choice.")
    least, most = (_number(given.get(name), faults) for name in ("from", "to"))
    least = 0.0 if least is None else least
    most = (20.0 if value.kind == COUNTED else 100.0) if most is None else most
    if least >= most:
        faults.add(given.get("to", truth).line, "`from` must be less than `to`.")
    return Predict(question.text, truth.text, (), least, most)


def _choices(
    given: Entry | None, keys: dict[str, str], truth: Entry, faults: Faults
) -> tuple[tuple[str, str], ...]:  # fmt: skip
    """What is offered; every key that the truth may have must be."""
    if keys == CLASSES and (given is None or given.text == "classes"):
        return tuple((code, BY_CODE[code].name) for code in CODES)
    entries = given.value if given is not None and isinstance(given.value, dict) else {}
    at = given.line if given is not None else truth.line
    if entries.keys() != keys.keys():
        needed = ", ".join(keys)
        faults.add(at, f"`{truth.text}` can be {needed}: `choices` needs a line for each of them, and no other.")
    return tuple((name, entry.text) for name, entry in entries.items())


@dataclass(frozen=True)
class Settings:
    """The names of a block `page` and how each is read: text -> value, or None where it cannot be one."""

    readers: dict[str, Callable[[str], object]]
    allowed: dict[str, str]

    @property
    def names(self) -> tuple[str, ...]:
        """All of them."""
        return tuple(self.readers)

    def read(self, name: str, entry: Entry, faults: Faults) -> object:
        """The value, or None after telling what is allowed."""
        value = self.readers[name](entry.text)
        if value is None:
            faults.add(entry.line, f"`{name}` must be {self.allowed[name]}; got {shown(entry.text)}.")
        return value

    def fitting(self, page: Page, given: dict[str, Entry], line: int, faults: Faults) -> None:
        """Tell of what does not belong to the tab that the step is on."""
        for name in EXPLORED:
            if name in given and page.tab != "explore":
                faults.add(given[name].line, f"`{name}` is of the tab explore; this step is on {page.tab}.")
        if "hide" in given and page.tab != "hide":
            faults.add(given["hide"].line, f"`hide` is of the tab hide; this step is on {page.tab}.")
        places = TABS.get(page.tab or "", {})
        if "look" in given and page.look is not None and page.look not in places:
            there = f"it has {', '.join(places)}" if places else "it has no such places"
            faults.add(given["look"].line, f"the tab {page.tab} has no place {shown(page.look)}; {there}.")
        if page.pin and page.pin.startswith("region") and page.map == "words_to_words":
            faults.add(given.get("pin", Entry(line, "")).line, "where words look at words there is no region to pin.")


def _one_of(*names: str) -> Callable[[str], str | None]:
    return lambda text: text if text in names else None


def _matching(pattern: str) -> Callable[[str], str | None]:
    return lambda text: text if re.fullmatch(pattern, text) else None


def _count(low: int, high: int) -> Callable[[str], int | None]:
    return lambda text: int(text) if re.fullmatch(r"\d{1,4}", text) and low <= int(text) <= high else None


def _temperature(text: str) -> float | None:
    return float(text) if re.fullmatch(r"\d(\.\d{1,3})?", text) and 0.25 <= float(text) <= 4 else None


_PLACES = sorted({place for places in TABS.values() for place in places})
PAGE = Settings(
    {
        "tab": _one_of(*TABS), "class": _one_of(*CODES), "map": _one_of(*MAPS), "layer": _count(1, 24),
        "head": _matching("|".join((*HEADS, r"[1-9]\d?"))), "order": _one_of(*ORDERS), "regions": _count(1, 100),
        "reading": _one_of(*READINGS), "pin": _matching("|".join((*PINS, r"(word|region) [1-9]\d{0,2}"))),
        "temperature": _temperature, "hide": _one_of(*HIDDEN), "look": _one_of(*_PLACES),
        "wait": lambda text: {"yes": True, "no": False}.get(text),
    },
    {
        "tab": f"one of {', '.join(TABS)}", "class": f"one of {', '.join(CODES)}", "map": f"one of {', '.join(MAPS)}",
        "layer": "a number from 1 on", "head": f"one of {', '.join(HEADS)}, or a number from 1 on",
        "order": f"one of {', '.join(ORDERS)}", "regions": "a number from 1 to 100",
        "reading": f"one of {', '.join(READINGS)}", "pin": "none, asked, or such as `word 2` or `region 1`",
        "temperature": "a number from 0.25 to 4", "hide": f"one of {', '.join(HIDDEN)}",
        "look": f"one of {', '.join(_PLACES)}", "wait": "yes or no",
    },
)  # fmt: skip


def _case(entry: Entry | None, faults: Faults) -> CaseOf | None:
    if entry is None or not entry.text:
        return None
    kind, *rest = entry.text.split()
    if kind.startswith("ISIC_") and " or " in entry.text:
        named, _, drawing = entry.text.partition(" or ")
        real, instead = (_case(Entry(entry.line, part), faults) for part in (named, drawing))
        if real is None or instead is None:
            return None
        if (real.kind, instead.kind) == ("case", "phantom"):
            return replace(real, instead=instead)
    if entry.text == "house":
        return CaseOf("house")
    if _CASE.fullmatch(entry.text):
        return CaseOf("own", " ".join(rest)) if kind == "own" else CaseOf("case", entry.text)
    drawn = re.fullmatch(r"phantom (\d{1,7}) (\w+)", entry.text)
    if drawn and int(drawn[1]) <= LAST_SEED and drawn[2] in CODES:
        return CaseOf("phantom", "", int(drawn[1]), drawn[2])
    faults.add(
        entry.line, "`case` must be such as `phantom 18 mel` (a seed and one of "
        f"{', '.join(CODES)}), ISIC_0012345, `ISIC_0012345 or phantom 18 mel`, `own name`, or house; got "
        f"{shown(entry.text)}."
    )  # fmt: skip
    return None


def _changes(given: dict[str, Entry], faults: Faults) -> tuple[tuple[str, str], ...]:
    changes = []
    for name in CHANGED:
        if name in given:
            try:
                Metadata(**{name: given[name].text})  # type: ignore[arg-type]  # it reads text
                changes.append((name, given[name].text))
            except MetadataError as error:
                faults.add(given[name].line, str(error))
    return tuple(changes)


def _whole(entry: Entry | None, low: int, high: int, faults: Faults) -> int | None:
    value = _count(low, high)(entry.text) if entry else None
    if entry and entry.text and value is None:
        faults.add(entry.line, f"this must be a whole number from {low} to {high}; got {shown(entry.text)}.")
    return value


def _number(entry: Entry | None, faults: Faults) -> float | None:
    if entry is None:
        return None
    if re.fullmatch(r"-?\d{1,6}(\.\d{1,4})?", entry.text):
        return float(entry.text)
    faults.add(entry.line, f"this must be a number; got {shown(entry.text)}.")
    return None
