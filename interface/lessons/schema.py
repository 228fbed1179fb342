"""A lesson and what its file may say: front matter and the blocks `page` and `predict`, as pydantic models."""

import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from mat_core import Metadata, MetadataError
from mat_core.data.labels import BY_CODE, CODES
from mat_core.models.transformer import ATTENTION_MAPS
from mat_core.utils.validation import short_repr

from .value_registry import CLASSES, COUNT, TEXT, VALUES, Value

# tab -> name of a place in it -> CSS selector
TABS: dict[str, dict[str, str]] = {
    "diagnose": {
        "form": "#words", "answer": "#answer-panel", "criteria": "#criteria", "regions": "#regions-panel",
        "attention": "#attention-panel",
    },
    "explore": {
        "picture": "[data-part='picture-legend']", "matrix": "[data-part='matrix']", "walk": "[data-part='walk-part']",
        "heads": "[data-part='heads-part']", "fusion": "[data-part='fusion']",
    },
    "take-away": {},
    "hide": {"hidden": "#hidden-view"},
    "check-attention": {"local": "[data-part='local-model']"},
    "what-if": {},
    "doubt": {"threshold": "#threshold-sliders"},
    "similar-cases": {},
    "compare": {},
    "learn": {"lesson": "#lesson-view", "alike": "#alike-view", "leak": "#leak-view", "stages": "#stages-view"},
    "about": {},
}  # fmt: skip
EXPLORER = ("map", "layer", "head", "order", "regions", "reading", "pin", "temperature")
METADATA = ("age", "sex", "localization")
HEADS = ("mean", "max", "asked", "sharpest", "broadest")
MAX_SEED = 10**6


@dataclass(frozen=True)
class CaseRef:
    """Which case. kind: 'phantom', drawn from `seed` in the look of the class `code`; 'case', the named case `name`;
    'own', a custom case; 'house', a picture without a lesson. stand_in: the phantom that is used where the photograph
    of a named case is not available offline.
    """

    kind: str
    name: str = ""
    seed: int = 0
    code: str = ""
    stand_in: "CaseRef | None" = None

    @classmethod
    def parse(cls, text: object) -> "CaseRef":
        """Read e.g. 'phantom 18 mel'. Raises ValueError."""
        if isinstance(text, cls):
            return text
        text = str(text)
        name, separator, stand_in = text.partition(" or ")
        if separator and re.fullmatch(r"ISIC_\d{7}", name) and stand_in.startswith("phantom"):
            return cls("case", name, stand_in=cls.parse(stand_in))
        if text == "house":
            return cls("house")
        if re.fullmatch(r"ISIC_\d{7}", text):
            return cls("case", text)
        if custom := re.fullmatch(r"own ([\w .-]{1,80})", text):
            return cls("own", custom[1])
        drawn = re.fullmatch(r"phantom (\d{1,7}) (\w+)", text)
        if drawn and int(drawn[1]) <= MAX_SEED and drawn[2] in CODES:
            return cls("phantom", seed=int(drawn[1]), code=drawn[2])
        raise ValueError(
            f"must be e.g. `phantom 18 mel` (a seed and one of {', '.join(CODES)}), `ISIC_0012345`, "
            "`ISIC_0012345 or phantom 18 mel`, `own name` or `house`"
        )


def _one_of(names: tuple[str, ...], pattern: str, example: str) -> AfterValidator:
    def check(text: str) -> str:
        if text in names or re.fullmatch(pattern, text):
            return text
        raise ValueError(f"must be {', '.join(names)}, or {example}")

    return AfterValidator(check)


def _single_spaced(text: object) -> object:
    return " ".join(text.split()) if isinstance(text, str) else text


def _metadata(text: str, info: ValidationInfo) -> str:
    try:
        value = getattr(Metadata.parse(**{str(info.field_name): text}), str(info.field_name))
    except MetadataError as error:
        raise ValueError(str(error)) from None
    return "unknown" if value is None else str(value)


Text = Annotated[str, BeforeValidator(_single_spaced), StringConstraints(min_length=1, max_length=400)]
Case = Annotated[CaseRef, PlainValidator(CaseRef.parse), BeforeValidator(_single_spaced)]
MetadataText = Annotated[Text, AfterValidator(_metadata)]
Number = Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)]


class _Block(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CaseSettings(_Block):
    """case: see CaseRef. age, sex, localization: instead of the case's own, 'unknown' for none."""

    case: Case | None = None
    age: MetadataText | None = None
    sex: MetadataText | None = None
    localization: MetadataText | None = None

    @property
    def changes(self) -> dict[str, str]:
        """The metadata fields that differ from the case's own."""
        return {name: text for name in METADATA if (text := getattr(self, name)) is not None}


class FrontMatter(CaseSettings):
    """The head of a file; case and metadata are the defaults of all steps."""

    title: Text
    minutes: Annotated[int, Field(ge=1, le=180)]
    audience: Text = Field(alias="for")
    case: Case  # type: ignore[assignment]


class PageState(CaseSettings):
    """What a step sets of the page; None leaves it as it is.

    code: target class, '' for the answer. layer, head and words count from 1. hide: the tiles that are marked and
    hidden. look: a place of `TABS[tab]`. wait: set the page only after the step's question is answered.
    """

    tab: Literal[tuple(TABS)] | None = None  # type: ignore[valid-type]
    code: Literal[tuple(CODES)] | Literal[""] = Field("", alias="class")  # type: ignore[valid-type]
    map: Literal[tuple(ATTENTION_MAPS)] | None = None  # type: ignore[valid-type]
    layer: Annotated[int, Field(ge=1, le=24)] | None = None
    head: Annotated[str, _one_of(HEADS, r"[1-9]\d?", "a number from 1")] | None = None
    order: Literal["attention", "detector", "position"] | None = None
    regions: Annotated[int, Field(ge=1, le=100)] | None = None
    reading: Literal["weight", "difference"] | None = None
    pin: Annotated[str, _one_of(("none", "asked"), r"(word|region) [1-9]\d{0,2}", "e.g. `region 1`")] | None = None
    temperature: Annotated[float, Field(ge=0.25, le=4)] | None = None
    hide: Literal["none", "lesion", "around"] | None = None
    look: str | None = None
    wait: bool = False

    def over(self, defaults: "PageState") -> "PageState":
        """These settings, and those of `defaults` where there are none."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        if given.keys() & {"case", *METADATA}:  # another patient
            defaults = defaults.model_copy(update=dict.fromkeys(METADATA))
        return defaults.model_copy(update=given)

    def after(self, before: "PageState | None") -> "PageState":
        """The state after another step: it stays on the tab, and in the explorer with its settings."""
        if before is None:
            return self if self.tab else self.model_copy(update={"tab": "diagnose"})
        page = self if self.tab else self.model_copy(update={"tab": before.tab})
        if page.tab != "explore" or before.tab != "explore":
            return page
        unset = [name for name in EXPLORER if name != "temperature" and getattr(page, name) is None]
        return page.model_copy(update={name: getattr(before, name) for name in unset})

    def misplaced(self, given: set[str]) -> list[str]:
        """An error for each setting in `given`, by key, that the tab does not have."""
        errors = [f"{name}: belongs to the tab explore, but this step is on {self.tab}."
                  for name in EXPLORER if name in given and self.tab != "explore"]  # fmt: skip
        if "hide" in given and self.tab != "hide":
            errors.append(f"hide: belongs to the tab hide, but this step is on {self.tab}.")
        places = TABS[str(self.tab)]
        if "look" in given and self.look not in places:
            allowed = f"must be one of {', '.join(places)}" if places else "is not possible"
            errors.append(f"look: {allowed} on the tab {self.tab}; got {short_repr(self.look)}.")
        if self.pin and self.pin.startswith("region") and self.map == "words_to_words":
            errors.append("pin: the map words_to_words has no regions.")
        return errors


class Prediction(_Block):
    """A question that is answered before the truth is shown. truth: the value that answers it.

    choices: pairs of a key of the value and its wording; empty where a number from least to most is asked for.
    """

    question: Text
    truth: str
    choices: Annotated[tuple[tuple[str, Text], ...], Field(validate_default=True)] = ()
    least: Number = Field(0.0, alias="from")
    most: Number = Field(None, alias="to", validate_default=True)  # type: ignore[assignment]  # see _default_most

    @field_validator("truth")
    @classmethod
    def _check_truth(cls, name: str) -> str:
        if name not in VALUES:
            raise ValueError("must be a value listed in docs/LESSONS.md")
        if VALUES[name].kind == TEXT:
            raise ValueError("is a text, which nobody can predict. Use a number or a choice")
        return name

    @field_validator("choices", mode="before")
    @classmethod
    def _check_choices(cls, given: Any, info: ValidationInfo) -> Any:
        truth = VALUES.get(info.data.get("truth", ""))
        if truth is None:
            return ()
        if not truth.choices:
            if given:
                raise ValueError("not possible for a number. Use `from` and `to`")
            return ()
        if truth.choices == CLASSES and given in ((), "classes"):
            return tuple((code, BY_CODE[code].name) for code in CODES)
        if not isinstance(given, dict) or given.keys() != truth.choices.keys():
            raise ValueError(f"must have a line for each of {', '.join(truth.choices)}, and no other")
        return tuple(given.items())

    @field_validator("most", mode="before")
    @classmethod
    def _default_most(cls, given: Any, info: ValidationInfo) -> Any:
        truth = VALUES.get(info.data.get("truth", ""))
        return given if given is not None else 20.0 if truth is not None and truth.kind == COUNT else 100.0

    @field_validator("most")
    @classmethod
    def _check_most(cls, most: float, info: ValidationInfo) -> float:
        if most <= info.data.get("least", most - 1):
            raise ValueError("must be greater than `from`")
        return most

    def wording(self, value: Value) -> str:
        """The computed value in the wording of its choice."""
        return dict(self.choices).get(value.key or "", value.text)


@dataclass(frozen=True)
class Step:
    """text: Markdown with values; revealed: shown with the truth; shows: whether the step itself sets the page."""

    title: str
    page: PageState
    text: str
    predict: Prediction | None = None
    revealed: str = ""
    shows: bool = False


@dataclass(frozen=True)
class Lesson:
    """name: the file's, without number and suffix. audience: for whom. own: from --lessons."""

    name: str
    title: str
    minutes: int
    audience: str
    steps: tuple[Step, ...]
    own: bool = False
