"""Read a lesson from a Markdown file. docs/LESSONS.md describes the format."""

import re
from pathlib import Path
from typing import Any, TypeVar

import yaml
from markdown_it.token import Token
from pydantic import BaseModel, ValidationError

from mat_core.utils.files import TooLargeError, read_file
from mat_core.utils.validation import short_repr

from .markdown import tokens, values_in
from .schema import METADATA, FrontMatter, Lesson, PageState, Prediction, Step
from .value_registry import VALUES

MAX_FILE = 64 * 1024  # bytes
MAX_STEPS = 30
MAX_TITLE = 90  # characters
NAME = re.compile(r"(?:\d+-)?([a-z][a-z0-9-]{0,40})")
FRONT_MATTER = re.compile(r"---[ \t]*\n(.*?)^---[ \t]*$\n?", re.DOTALL | re.MULTILINE)

Model = TypeVar("Model", bound=BaseModel)


class LessonError(Exception):
    """A file that is no lesson. errors: one message each, with its place in the file."""

    def __init__(self, *errors: str):
        super().__init__(*errors)
        self.errors = errors


class _Loader(yaml.BaseLoader):
    """YAML in which every scalar stays text and no key may stand twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        names = [key.value for key, _ in node.value]
        if twice := [name for name in names if names.count(name) > 1]:
            raise yaml.constructor.ConstructorError(None, None, f"the key {twice[0]} stands twice", node.start_mark)
        return super().construct_mapping(node, deep)


def read_lesson(path: Path, own: bool = False) -> tuple[Lesson | None, tuple[str, ...]]:
    """The lesson of a file, or None and an error message for each fault."""
    try:
        return _parse(path, own), ()
    except LessonError as error:
        return None, tuple(f"{path.name}: {message}" for message in error.errors)


def _parse(path: Path, own: bool) -> Lesson:
    name = NAME.fullmatch(path.stem)
    if name is None:
        raise LessonError("a lesson's file is named e.g. 07-my-lesson.md: lower-case letters, digits and hyphens.")
    text = re.sub(r"\r\n?", "\n", _read_text(path))
    if not text.strip():
        raise LessonError("the file is empty.")
    head = FRONT_MATTER.match(text)
    if head is None:
        raise LessonError("the front matter is missing: a line ---, title, minutes, for and case, and a line ---.")
    errors: list[str] = []
    front = _validated(FrontMatter, head[1], "front matter", errors)
    steps = _parse_steps(text[head.end() :].split("\n"), front, errors)
    if errors or front is None:
        raise LessonError(*errors)
    return Lesson(name[1], front.title, front.minutes, front.audience, steps, own)


def _read_text(path: Path) -> str:
    try:
        return read_file(path, MAX_FILE).decode("utf-8-sig")
    except TooLargeError:
        raise LessonError(f"the file has more than {MAX_FILE // 1024} KB.") from None
    except OSError as error:
        raise LessonError(f"the file cannot be read ({error.strerror or error}).") from None
    except UnicodeDecodeError:
        raise LessonError("the file is not UTF-8. Save it as UTF-8.") from None


def _parse_steps(lines: list[str], front: FrontMatter | None, errors: list[str]) -> tuple[Step, ...]:
    blocks = [token for token in tokens("\n".join(lines)) if token.level == 0 and token.map]
    heads = [token.map[0] for token in blocks if token.type == "heading_open" and token.tag == "h2" and token.map]
    if not heads:
        errors.append("there is no step. A line such as `## What it reads` begins one.")
        return ()
    if any(line.strip() for line in lines[: heads[0]]):
        errors.append("there is text before the first step. A line such as `## What it reads` begins one.")
    if len(heads) > MAX_STEPS:
        errors.append(f"a lesson has at most {MAX_STEPS} steps; got {len(heads)}.")
        return ()
    defaults = PageState.model_construct(**{name: getattr(front, name, None) for name in ("case", *METADATA)})
    steps: list[Step] = []
    for number, (start, end) in enumerate(zip(heads, [*heads[1:], len(lines)], strict=True), start=1):
        fences = [block for block in blocks if block.type == "fence" and block.map and start <= block.map[0] < end]
        before = steps[-1].page if steps else None
        steps.append(_parse_step(lines, (start, end), fences, defaults, before, f"step {number}", errors))
    return tuple(steps)


def _parse_step(
    lines: list[str],
    span: tuple[int, int],
    fences: list[Token],
    defaults: PageState,
    before: PageState | None,
    where: str,
    errors: list[str],
) -> Step:
    start, end = span
    title = lines[start].strip().removeprefix("##").strip()
    if not title or len(title) > MAX_TITLE:
        errors.append(f"{where}: the heading must have 1 to {MAX_TITLE} characters.")
    found: dict[str, Token] = {}
    for fence in fences:
        kind = fence.info.strip()
        if kind in found:
            errors.append(f"{where}: there is more than one block `{kind}`.")
        elif kind in ("page", "predict"):
            found[kind] = fence
    page_at, page_end = found["page"].map or [start, start] if "page" in found else [start, start]
    asked_at, asked_end = found["predict"].map or [end, end] if "predict" in found else [end, end]
    if page_at > asked_at:
        errors.append(f"{where}: the block `page` must stand before the block `predict`.")
    state, predict = None, None
    if "page" in found:
        state = _validated(PageState, found["page"].content, f"{where}, page", errors)
    if "predict" in found:
        predict = _validated(Prediction, found["predict"].content, f"{where}, predict", errors)
    text, revealed = (
        "\n".join("" if page_at <= at < page_end else lines[at] for at in range(*part))
        for part in ((start + 1, asked_at), (asked_end, end))
    )
    if not text.strip():
        errors.append(f"{where}: there is no text.")
    unknown = [name for name in values_in(f"{text}\n\n{revealed}") if name not in VALUES]
    errors += [f"{where}: there is no value `{name}`; docs/LESSONS.md lists all." for name in unknown]
    page = (state or PageState()).over(defaults).after(before)
    if state is not None:
        errors += [f"{where}, page.{message}" for message in page.misplaced(state.model_fields_set)]
    return Step(title, page, text, predict, revealed, before is None or bool(state and state.model_fields_set))


def _validated(model: type[Model], source: str, where: str, errors: list[str]) -> Model | None:
    """The model of a YAML text, or None after adding an error for each fault."""
    try:
        given = yaml.load(source, Loader=_Loader)  # of BaseLoader: texts, lists and dicts only
    except yaml.MarkedYAMLError as error:
        errors.append(f"{where}: {error.problem}. Write `key: value`, and quote a value with a colon or # in it.")
        return None
    except (yaml.YAMLError, RecursionError, ValueError, TypeError):
        errors.append(f"{where}: this is not `key: value`, one a line.")
        return None
    try:
        return model.model_validate({} if given in (None, "") else given)
    except ValidationError as error:
        errors += [_message(one, model, where) for one in error.errors(include_url=False)]
        return None


def _message(error: Any, model: type[BaseModel], where: str) -> str:
    key = "".join(f".{part}" for part in error["loc"] if isinstance(part, str))[:60]
    if error["type"] == "extra_forbidden":
        names = ", ".join(field.alias or name for name, field in model.model_fields.items())
        return f"{where}{key}: unknown key; allowed are {names}."
    text = error["msg"].removeprefix("Value error, ").rstrip(".")
    got = f"; got {short_repr(error['input'])}" if isinstance(error["input"], str) else ""
    return f"{where}{key}: {text}{got}."
