"""Dermoscopic criteria: what speaks for and against each class, with names, definitions and sources.

`teaching/data/criteria.yaml` has them and `criteria_drawings.py` draws each. No model was trained on them.
"""

import functools
from collections import Counter
from pathlib import Path
from typing import Annotated, Literal, get_args

import yaml
from pydantic import (
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic.dataclasses import dataclass

from mat_core.data.labels import CODES
from mat_core.errors import DataError
from mat_core.utils.validation import short_repr

from .criteria_drawings import DRAWINGS
from .paths import CRITERIA_FILE

Group = Literal["pattern", "lines", "clods", "areas", "vessels"]
GROUPS: tuple[str, ...] = get_args(Group)
Code = Literal[CODES]  # type: ignore[valid-type]
Line = Annotated[str, StringConstraints(pattern=r"^\S[^\n]*$", max_length=300)]
Texts = dict[Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")], Line]  # language -> text
_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, config=_STRICT)
class Source:
    """A publication."""

    authors: Line
    title: Line
    journal: Line
    year: Annotated[int, Field(ge=1980, le=2100)]
    doi: Annotated[str, StringConstraints(pattern=r"^10\.\d{4,}/\S+$")] | None = None

    @property
    def short(self) -> str:
        """First author and year, e.g. 'Kittler 2016'."""
        return f"{self.authors.split()[0]} {self.year}"


@dataclass(frozen=True, config=_STRICT)
class Criterion:
    """One criterion. name, definition: language -> text, 'en' at least. sources: keys of `Criteria.sources`."""

    id: str
    group: Group
    name: Texts
    definition: Texts
    sources: Annotated[tuple[str, ...], Field(min_length=1)]
    speaks_for: tuple[Code, ...] = Field(alias="for", min_length=1)
    speaks_against: tuple[Code, ...] = Field(alias="against", min_length=1)

    @field_validator("id")
    @classmethod
    def _has_drawing(cls, id: str) -> str:
        if id not in DRAWINGS:
            raise ValueError("has no drawing of this name in teaching/criteria_drawings.py")
        return id

    @field_validator("name", "definition")
    @classmethod
    def _has_english(cls, texts: dict[str, str]) -> dict[str, str]:
        if "en" not in texts:
            raise ValueError("needs an English text, `en`")
        return texts

    @field_validator("speaks_against")
    @classmethod
    def _is_consistent(cls, against: tuple[str, ...], info) -> tuple[str, ...]:
        if both := set(against) & set(info.data.get("speaks_for", ())):
            raise ValueError(f"has {', '.join(sorted(both))}, which is in `for` as well")
        return against


@dataclass(frozen=True, config=_STRICT)
class Criteria:
    """All criteria, in the file's order, and the bibliography."""

    sources: dict[str, Source]
    criteria: tuple[Criterion, ...]

    @model_validator(mode="after")
    def _is_complete(self) -> "Criteria":
        twice = [id for id, count in Counter(one.id for one in self.criteria).items() if count > 1]
        if twice:
            raise ValueError(f"{twice[0]} stands twice; each id may stand once")
        for one in self.criteria:
            if unknown := [key for key in one.sources if key not in self.sources]:
                raise ValueError(f"{one.id} names the source {unknown[0]}; there are {', '.join(self.sources)}")
        for code in CODES:
            if not self.speaking_for(code) or not self.speaking_against(code):
                raise ValueError(f"{code} needs a criterion that speaks for it and one that speaks against it")
        return self

    def speaking_for(self, code: str) -> tuple[Criterion, ...]:
        """The criteria that speak for a class."""
        return tuple(one for one in self.criteria if code in one.speaks_for)

    def speaking_against(self, code: str) -> tuple[Criterion, ...]:
        """The criteria that speak against a class."""
        return tuple(one for one in self.criteria if code in one.speaks_against)


@functools.cache
def read_criteria(file: Path = CRITERIA_FILE) -> Criteria:
    """Read and check the criteria. Raises DataError that names each fault with its place in the file."""
    try:
        data = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise DataError(f"{file.name} is not YAML: {' '.join(str(error).split())}.") from None
    try:
        return TypeAdapter(Criteria).validate_python(data)
    except ValidationError as error:
        faults = "; ".join(_message(one, data) for one in error.errors(include_url=False))
        raise DataError(f"{file.name}: {faults}.") from None


def _message(error, data) -> str:
    place, value = [], data
    for part in error["loc"]:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            value = None
        # an entry of a list by its id, where it has one
        place.append(str(value["id"] if isinstance(part, int) and isinstance(value, dict) and "id" in value else part))
    text = error["msg"].removeprefix("Value error, ")
    got = f"; got {short_repr(error['input'])}" if isinstance(error["input"], str | int) else ""
    return f"{'.'.join(place)}: {text}{got}" if place else text
