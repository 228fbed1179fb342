"""All lessons and the panel's messages, by language. A faulty file is left out and its errors are reported.

teaching/data/lessons/en/01-what-it-reads.md    a lesson; the number orders them
teaching/data/lessons/en/words.json             messages of the panel
teaching/data/lessons/de/01-what-it-reads.md    its translation
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mat_core import DataError
from mat_core.utils.files import read_file
from mat_core.utils.validation import short_repr
from teaching.cases.library import CaseLibrary
from teaching.paths import LESSONS

from .parser import read_lesson
from .schema import Lesson

DEFAULT_LANGUAGE = "en"  # also for what is not translated
WORDS = "words.json"
MAX_WORDS = 64 * 1024  # bytes
NO_OWN = "the case {name!r} of your own, which is not there: --cases names the folder that has it."
NOT_NAMED = "{name}, which is none of the named cases: Diagnose lists them, below the examples."
MAX_MESSAGE = 600  # characters
MAX_LESSONS = 200  # of a folder


@dataclass(frozen=True)
class LessonCatalog:
    """by_language: language -> lessons in order; words: language -> key -> message; problems: error messages."""

    by_language: dict[str, tuple[Lesson, ...]]
    words: dict[str, dict[str, str]]
    problems: tuple[str, ...] = field(default=())

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that have messages, English first."""
        return tuple(self.words)

    def language(self, wanted: object) -> str:
        """The available language for e.g. 'de' or 'de-AT'; English for any other value."""
        short = wanted.split("-")[0].lower() if isinstance(wanted, str) else ""
        return short if short in self.words else DEFAULT_LANGUAGE

    def lessons(self, language: object = DEFAULT_LANGUAGE) -> tuple[Lesson, ...]:
        """All lessons, in English where they are not translated."""
        translated = {one.name: one for one in self.by_language.get(self.language(language), ())}
        return tuple(translated.get(one.name, one) for one in self.by_language[DEFAULT_LANGUAGE])

    def language_of(self, name: object, wanted: object) -> str:
        """The language in which `lesson` returns a lesson."""
        language = self.language(wanted)
        return language if any(one.name == name for one in self.by_language.get(language, ())) else DEFAULT_LANGUAGE

    def say(self, language: object, key: str, **values: object) -> str:
        """The message of a key with its {placeholders} filled."""
        text = self.words[self.language(language)][key]
        for name, value in values.items():
            text = text.replace(f"{{{name}}}", str(value))
        return text

    def lesson(self, name: object, language: object = DEFAULT_LANGUAGE) -> Lesson:
        """The lesson of this name. Raises DataError if there is none."""
        lesson = next((one for one in self.lessons(language) if one.name == name), None)
        if lesson is None:
            names = ", ".join(one.name for one in self.lessons())
            raise DataError(f"There is no lesson {short_repr(name)}; there are {names}.")
        return lesson


def open_catalog(own: str | Path | None = None, folder: Path = LESSONS) -> LessonCatalog:
    """Read the lessons of `folder`, then those of the folder `own`. Raises DataError if that is no folder."""
    problems: list[str] = []
    by_language, words = {}, {}
    others = sorted(path.name for path in folder.iterdir() if path.is_dir() and path.name != DEFAULT_LANGUAGE)
    for language in (DEFAULT_LANGUAGE, *others):
        by_language[language] = _read_folder(folder / language, False, problems)
        words[language] = words.get(DEFAULT_LANGUAGE, {}) | _read_messages(folder / language / WORDS, problems)
    if own is not None:
        root = Path(own)
        if not root.is_dir():
            raise DataError(f"{root} is no folder. Give --lessons a folder with lessons, .md files.")
        names = {lesson.name: lesson for lesson in by_language[DEFAULT_LANGUAGE]}
        custom = _read_folder(root, True, problems, names)
        by_language[DEFAULT_LANGUAGE] = (*by_language[DEFAULT_LANGUAGE], *custom)
    return LessonCatalog(by_language, words, tuple(problems))


def _read_folder(
    folder: Path, own: bool, problems: list[str], taken: dict[str, Lesson] | None = None
) -> tuple[Lesson, ...]:
    lessons_by_name: dict[str, Lesson] = {}
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() == ".md")
    if own and not files:
        problems.append(f"{folder} has no lesson: no file in it ends in .md.")
    for path in files[:MAX_LESSONS]:
        lesson, faults = read_lesson(path, own)
        problems += [f"{fault} The lesson is left out." for fault in faults]
        if lesson is None:
            continue
        if lesson.name in lessons_by_name or lesson.name in (taken or {}):
            problems.append(f"{path.name}: there is a lesson {short_repr(lesson.name)} already. This one is left out.")
            continue
        lessons_by_name[lesson.name] = lesson
    if len(files) > MAX_LESSONS:
        problems.append(
            f"{folder} has more than {MAX_LESSONS} lessons: those from {files[MAX_LESSONS].name} on are left out."
        )
    return tuple(lessons_by_name.values())


def _read_messages(file: Path, problems: list[str]) -> dict[str, str]:
    """The messages of a language; English replaces what is not a string."""
    try:
        value = json.loads(read_file(file, MAX_WORDS).decode("utf-8"))
    except OSError as error:
        problems.append(f"{file.parent.name}/{file.name} cannot be read ({error.strerror or error}).")
        return {}
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 1)
        problems.append(f"{file.parent.name}/{file.name}, line {line}: this is not JSON in UTF-8. The file is ignored.")
        return {}
    pairs: Sequence = list(value.items()) if isinstance(value, dict) else []
    good = {key: text for key, text in pairs if isinstance(text, str) and 0 < len(text) <= MAX_MESSAGE}
    if not isinstance(value, dict) or len(good) < len(pairs):
        wrong = ", ".join(short_repr(key) for key, _ in pairs if key not in good) or "the file"
        problems.append(f"{file.parent.name}/{file.name}: {wrong} must be a string. English is used instead.")
    return good


def missing_cases(lessons: Iterable[Lesson], library: CaseLibrary) -> tuple[str, ...]:
    """An error message for each case that a lesson names and that does not exist."""
    problems = []
    for lesson in lessons:
        for case in dict.fromkeys(step.page.case for step in lesson.steps):
            if case.kind == "own" and case.name not in library.own:
                problems.append(f"The lesson {lesson.name} is about {NO_OWN.format(name=case.name)}")
            elif case.kind == "case" and library.cases and not library.knows(case.name):
                problems.append(f"The lesson {lesson.name} is about {NOT_NAMED.format(name=case.name)}")
    return tuple(problems)
