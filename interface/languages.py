"""The texts of the page's chrome, one file a language in assets/languages/, for the page to put in place.

A file is JSON: key -> text, `_name` is what the language calls itself. A part of a text in {braces} is filled by the
page. English has what the page is written in; assets/page/language.js puts the same key of another language there.
A faulty file never stops the app.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "assets" / "languages"
ENGLISH, NAME = "en", "_name"
CODE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})?")
BLANK = re.compile(r"\{(\w+)\}")
MOST_NAMED = 5  # keys that a sentence names


@dataclass(frozen=True)
class Languages:
    """texts: code of a language -> key -> text, English first and every language with its keys; none where English
    cannot be read. problems: a sentence for each thing that was left out or filled.
    """

    texts: dict[str, dict[str, str]]
    problems: tuple[str, ...] = ()

    def script(self) -> str:
        """The texts as an expression of JavaScript that may stand inside of a script element."""
        return json.dumps(self.texts, ensure_ascii=False).replace("<", "\\u003c")


def read_languages(folder: Path = FOLDER) -> Languages:
    """Every language of the folder that can be read, filled with English where it has gaps."""
    problems: list[str] = []
    found: dict[str, dict[str, str]] = {}
    for path in sorted(folder.glob("*.json"), key=lambda path: (path.stem != ENGLISH, path.stem)):
        try:
            found[path.stem] = _read(path)
        except (OSError, ValueError, RecursionError) as error:
            problems.append(f"The language file {path.name} is left out: {error}.")
    english = found.get(ENGLISH)
    if english is None:
        problems.append(f"There is no {ENGLISH}.json that can be read, so the page stays in English.")
        return Languages({}, tuple(problems))
    for code, texts in found.items():
        found[code], told = _filled(code, texts, english)
        problems += told
    return Languages(found, tuple(problems))


def _read(path: Path) -> dict[str, str]:
    """The texts of a file. Raises ValueError with a reason."""
    if not CODE.fullmatch(path.stem):
        raise ValueError("its name is not the code of a language, such as de.json")
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"line {error.lineno} is not JSON ({error.msg})") from None
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None
    if not isinstance(read, dict) or not all(isinstance(text, str) for text in read.values()):
        raise ValueError("it must be one JSON object of keys and texts")
    if not read.get(NAME):
        raise ValueError(f'"{NAME}", what the language calls itself, is missing')
    return read


def _filled(code: str, texts: dict[str, str], english: dict[str, str]) -> tuple[dict[str, str], list[str]]:
    """The language with exactly the keys of English, and what had to be done for that."""
    missing = [key for key in english if not texts.get(key)]
    odd = [key for key in texts if key not in english]
    other = [key for key in english if texts.get(key) and blanks(texts[key]) != blanks(english[key])]
    told = [
        f"{code}.json: {what} {', '.join(keys[:MOST_NAMED])}{' ...' if len(keys) > MOST_NAMED else ''}."
        for keys, what in (
            (missing, "English stands in for what is missing:"),
            (other, "English stands in where the parts in {braces} are other ones:"),
            (odd, "not in English, so left out:"),
        )
        if keys
    ]
    return {key: english[key] if key in (*missing, *other) else texts[key] for key in english}, told


def blanks(text: str) -> list[str]:
    """The names of the parts that the page fills, in alphabetical order."""
    return sorted(BLANK.findall(text))
