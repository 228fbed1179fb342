"""All lessons, and the words around them, in each language; what is wrong with a file is said, and it is left out.

assets/lessons/en/01-what-it-reads.md    a lesson; the number orders them
assets/lessons/en/words.json             what the panel says
assets/lessons/de/01-what-it-reads.md    the same one in another language, where somebody has translated it
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mat_core import DataError
from mat_core.files import read_file
from mat_core.limits import shown

from ..library.library import Library
from .lesson import Lesson
from .reading import read_lesson

FOLDER = Path(__file__).resolve().parents[2] / "assets" / "lessons"
FIRST = "en"  # stands in where there is nothing in another language
WORDS = "words.json"
MAX_WORDS = 64 * 1024  # bytes
NO_OWN = "the case {name!r} of your own, which is not there: --cases names the folder that has it."
NOT_NAMED = "{name}, which is none of the named cases: Diagnose lists them, below the examples."
LONGEST = 600  # characters of one of them
MOST = 200  # lessons of a folder


@dataclass(frozen=True)
class Shelf:
    """by_language: language -> lessons in their order; words: language -> key -> text; problems: a sentence each."""

    by_language: dict[str, tuple[Lesson, ...]]
    words: dict[str, dict[str, str]]
    problems: tuple[str, ...] = field(default=())

    @property
    def languages(self) -> tuple[str, ...]:
        """Those that have words of the panel, English first."""
        return tuple(self.words)

    def language(self, wanted: object) -> str:
        """A language that is here: the one that is wanted, such as 'de' or 'de-AT', else English."""
        short = wanted.split("-")[0].lower() if isinstance(wanted, str) else ""
        return short if short in self.words else FIRST

    def lessons(self, language: object = FIRST) -> tuple[Lesson, ...]:
        """All lessons, each in this language where it is translated, else in English."""
        translated = {one.name: one for one in self.by_language.get(self.language(language), ())}
        return tuple(translated.get(one.name, one) for one in self.by_language[FIRST])

    def say(self, language: object, key: str, **values: object) -> str:
        """What is said with this key in a language, its parts in {braces} filled."""
        text = self.words[self.language(language)][key]
        for name, value in values.items():
            text = text.replace(f"{{{name}}}", str(value))
        return text

    def lesson(self, name: object, language: object = FIRST) -> Lesson:
        """The lesson of this name. Raises DataError for any other value."""
        found = next((one for one in self.lessons(language) if one.name == name), None)
        if found is None:
            there = ", ".join(one.name for one in self.lessons())
            raise DataError(f"There is no lesson {shown(name)}; there are {there}.")
        return found


def open_shelf(own: str | Path | None = None, folder: Path = FOLDER) -> Shelf:
    """The lessons of `folder`, and a teacher's own behind them. Raises DataError where `own` is no folder."""
    problems: list[str] = []
    by_language, words = {}, {}
    others = sorted(path.name for path in folder.iterdir() if path.is_dir() and path.name != FIRST)
    for language in (FIRST, *others):
        by_language[language] = _lessons_of(folder / language, False, problems)
        words[language] = words.get(FIRST, {}) | _words_of(folder / language / WORDS, problems)
    if own is not None:
        root = Path(own)
        if not root.is_dir():
            raise DataError(f"{root} is no folder. Give --lessons a folder with lessons, files that end in .md.")
        names = {lesson.name: lesson for lesson in by_language[FIRST]}
        mine = _lessons_of(root, True, problems, names)
        by_language[FIRST] = (*by_language[FIRST], *mine)
    return Shelf(by_language, words, tuple(problems))


def _lessons_of(
    folder: Path, own: bool, problems: list[str], taken: dict[str, Lesson] | None = None
) -> tuple[Lesson, ...]:
    found: dict[str, Lesson] = {}
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() == ".md")
    if own and not files:
        problems.append(f"{folder} has no lesson: no file in it ends in .md.")
    for path in files[:MOST]:
        lesson, faults = read_lesson(path, own)
        problems += [f"{fault} The lesson is left out." for fault in faults]
        if lesson is None:
            continue
        if lesson.name in found or lesson.name in (taken or {}):
            problems.append(f"{path.name}, line 1: there is a lesson {shown(lesson.name)} already. It is left out.")
            continue
        found[lesson.name] = lesson
    if len(files) > MOST:
        problems.append(f"{folder} has more than {MOST} lessons: those from {files[MOST].name} on are left out.")
    return tuple(found.values())


def _words_of(file: Path, problems: list[str]) -> dict[str, str]:
    """What the panel says; a text that is none is left out, and English stands in."""
    try:
        value = json.loads(read_file(file, MAX_WORDS).decode("utf-8"))
    except OSError as error:
        problems.append(f"{file.parent.name}/{file.name} cannot be read ({error.strerror or error}).")
        return {}
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 1)
        problems.append(f"{file.parent.name}/{file.name}, line {line}: this is no JSON in UTF-8. It is left out.")
        return {}
    pairs: Sequence = list(value.items()) if isinstance(value, dict) else []
    good = {key: text for key, text in pairs if isinstance(text, str) and 0 < len(text) <= LONGEST}
    if not isinstance(value, dict) or len(good) < len(pairs):
        wrong = ", ".join(shown(key) for key, _ in pairs if key not in good) or "the file"
        problems.append(f"{file.parent.name}/{file.name}: {wrong} must be a text. English stands in.")
    return good


def without_cases(lessons: Iterable[Lesson], library: Library) -> tuple[str, ...]:
    """A sentence for each case that lessons name and that there is not, photograph or no photograph."""
    found = []
    for lesson in lessons:
        for case in dict.fromkeys(step.page.case for step in lesson.steps):
            if case.kind == "own" and case.name not in library.own:
                found.append(f"The lesson {lesson.name} is about {NO_OWN.format(name=case.name)}")
            elif case.kind == "case" and library.cases and not library.knows(case.name):
                found.append(f"The lesson {lesson.name} is about {NOT_NAMED.format(name=case.name)}")
    return tuple(found)
