"""From a Markdown file to a lesson, strictly: what is wrong is named with its line, and then there is no lesson.

---
title: What the network reads
minutes: 5
for: everybody
case: phantom 18 mel
---
## A heading begins a step
```page            (what the step sets of the page)
tab: explore
```
Text, with the value {{ top.share }} of the case.
```predict         (what is asked before the rest is shown)
question: How many words does it read?
truth: words.count
```
What is shown with the truth.
"""

import re
from pathlib import Path

from markdown_it.token import Token

from mat_core.files import TooLargeError, read_file

from .blocks import Entry, Faults, read_block
from .lesson import Lesson, Page, Predict, Step
from .markdown import tokens, values_in
from .settings import NEEDED, PAGE, follow_on, front_matter, page_of, predict_of
from .values import NAMES

MAX_FILE = 64 * 1024  # bytes
MAX_STEPS = 30
MAX_TITLE = 90  # characters
_NAME = re.compile(r"(?:\d+-)?([a-z][a-z0-9-]{0,40})")


def read_lesson(path: Path, own: bool = False) -> tuple[Lesson | None, tuple[str, ...]]:
    """The lesson of a file, or None with a sentence for each fault: the file's name, the line, what is allowed."""
    faults = Faults()
    lesson = _read(path, own, faults)
    if faults.found:
        return None, tuple(f"{path.name}, line {line}: {sentence}" for line, sentence in sorted(faults.found))
    return lesson, ()


def _read(path: Path, own: bool, faults: Faults) -> Lesson | None:
    named = _NAME.fullmatch(path.stem)
    if named is None:
        faults.add(1, "a lesson's file is called such as 07-my-lesson.md: small letters, digits and hyphens.")
        return None
    text = _text_of(path, faults)
    if text is None:
        return None
    lines = re.split(r"\r\n|\r|\n", text)
    if not any(line.strip() for line in lines):
        faults.add(1, "the file is empty.")
        return None
    if lines[0].strip() != "---":
        faults.add(1, f"the first line must be ---, and {', '.join(NEEDED)} below it.")
        return None
    end = next((at for at, line in enumerate(lines[1:], start=1) if line.strip() == "---"), None)
    if end is None:
        faults.add(1, "the --- that ends the front-matter is missing.")
        return None
    front = front_matter(read_block("\n".join(lines[1:end]), 2, faults), faults)
    steps = _steps(lines[end + 1 :], end + 2, front.page, faults)
    return Lesson(named[1], front.title, front.minutes, front.audience, steps, own)


def _text_of(path: Path, faults: Faults) -> str | None:
    try:
        data = read_file(path, MAX_FILE)
        return data.decode("utf-8-sig")
    except TooLargeError:
        faults.add(1, f"the file has more than {MAX_FILE // 1024} KB.")
    except OSError as error:
        faults.add(1, f"the file cannot be read ({error.strerror or error}).")
    except UnicodeDecodeError as error:
        faults.add(error.object[: error.start].count(b"\n") + 1, "this is not UTF-8. Save the file as such.")
    return None


def _steps(lines: list[str], first: int, page: Page, faults: Faults) -> tuple[Step, ...]:
    """The steps of a body. first: the line in the file of the body's first; page: what the front-matter sets."""
    blocks = [token for token in tokens("\n".join(lines)) if token.level == 0 and token.map]
    heads = [token.map[0] for token in blocks if token.type == "heading_open" and token.tag == "h2" and token.map]
    if not heads:
        faults.add(first, "there is no step: a line such as `## What it reads` begins one.")
        return ()
    before = next((at for at, line in enumerate(lines[: heads[0]]) if line.strip()), None)
    if before is not None:
        faults.add(first + before, "this stands before the first step: a line such as `## What it reads` begins one.")
    if len(heads) > MAX_STEPS:
        faults.add(first + heads[MAX_STEPS], f"a lesson has at most {MAX_STEPS} steps.")
        return ()
    steps: list[Step] = []
    for start, end in zip(heads, [*heads[1:], len(lines)], strict=True):
        mine = [block for block in blocks if block.map and start <= block.map[0] < end]
        steps.append(_step(lines, (start, end), mine, first, page, steps[-1] if steps else None, faults))
    return tuple(steps)


def _step(
    lines: list[str],
    span: tuple[int, int],
    blocks: list[Token],
    first: int,
    page: Page,
    before: Step | None,
    faults: Faults,
) -> Step:
    start, end = span
    title = lines[start].strip().removeprefix("##").strip()
    if not title or len(title) > MAX_TITLE:
        faults.add(first + start, f"a step has a heading of 1 to {MAX_TITLE} characters.")
    found: dict[str, tuple[int, int, dict[str, Entry]]] = {}
    broken = False  # what a broken block lacks is not told as well
    for block in blocks:
        kind = block.info.strip() if block.type == "fence" else ""
        if kind not in ("page", "predict") or block.map is None:
            continue
        if kind in found:
            faults.add(first + block.map[0], f"a step has one block `{kind}` at most.")
            continue
        deep = ("choices",) if kind == "predict" else ()
        before_it = len(faults.found)
        entries = read_block(block.content, first + block.map[0] + 1, faults, deep)
        broken = broken or len(faults.found) > before_it
        found[kind] = block.map[0], block.map[1], entries
    set_at, set_end, settings = found.get("page", (start, start + 1, {}))
    asked_at, asked_end, asked = found.get("predict", (end, end, {}))
    predict: Predict | None = None
    if "predict" in found and not broken:
        predict = predict_of(asked, first + asked_at, faults)
        if set_at > asked_at:
            faults.add(first + set_at, "the block `page` comes before the block `predict`.")
    body = _without(lines, start + 1, asked_at, set_at, set_end)
    told = _without(lines, asked_end, end, set_at, set_end)
    if not body.strip():
        faults.add(first + start, "this step says nothing: write a sentence below its heading.")
    for text, at in ((body, start + 1), (told, asked_end)):
        for line, name in values_in(text):
            if name not in NAMES:
                faults.add(first + at + line, f"there is no value `{name}`; docs/LESSONS.md lists all.")
    own = page_of(settings, page, first + set_at, faults)
    shown = follow_on(own, before.page if before else None)
    if "page" in found and not broken:
        PAGE.fitting(shown, settings, first + set_at, faults)
    return Step(title, shown, body, predict, told, bool(settings) or before is None)


def _without(lines: list[str], start: int, end: int, cut: int, until: int) -> str:
    """Lines start to end, those from `cut` until `until` blank: so every line keeps its number."""
    return "\n".join("" if cut <= at < until else lines[at] for at in range(start, end))
