"""Pydantic models of a bundle's config.json and metrics.json, checked before anything is built from them."""

from collections.abc import Hashable
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from ..data.labels import CODES
from ..data.metadata import FIELDS
from ..errors import ConfigError
from ..models.mat import LIMITS
from ..utils.validation import MAX_LINE, short_repr

_Item = TypeVar("_Item", bound=Hashable)


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be one line of printable characters")
    return text


def _distinct(items: list[_Item]) -> list[_Item]:
    if len(set(items)) < len(items):
        raise ValueError("must not name the same twice")
    return items


def _among(allowed: tuple[str, ...]) -> AfterValidator:
    def check(text: str) -> str:
        if text not in allowed:
            raise ValueError(f"must be among {', '.join(allowed)}")
        return text

    return AfterValidator(check)


def _folder_name(name: str) -> str:
    if Path(name).name != name or name in (".", ".."):
        raise ValueError("must name a folder beside this one")
    return name


Line = Annotated[str, Field(min_length=1, max_length=MAX_LINE), AfterValidator(_printable)]
Share = Annotated[float, Field(ge=0, le=1)]  # NaN is not in any range
Count = Annotated[int, Field(ge=1, le=10**9)]
Cell = Annotated[int, Field(ge=0, le=10**9)]
Rates = Annotated[list[Annotated[float, Field(ge=0, le=2)]], Field(min_length=1)]


class _Model(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow")


class _DetectorSettings(_Model):
    kind: Line
    config: dict[str, Any]
    beside: Annotated[Line, AfterValidator(_folder_name)] | None = None


class _Notes(_Model):
    data: str = ""
    licence: str = ""
    attribution: str = ""


class Config(_Model):
    """config.json, but for the settings of network and detector, whose dataclasses check themselves."""

    name: Line
    network: dict[str, Any]
    detector: _DetectorSettings
    labels: Annotated[
        list[Annotated[str, _among(CODES)]], Field(min_length=2, max_length=len(CODES)), AfterValidator(_distinct)
    ]
    fields_: Annotated[
        list[Annotated[str, _among(FIELDS)]], Field(alias="fields", max_length=len(FIELDS)), AfterValidator(_distinct)
    ]
    vocabulary: Annotated[list[Line], Field(min_length=1, max_length=LIMITS["vocabulary"]), AfterValidator(_distinct)]
    temperature: Annotated[float, Field(ge=0.01, le=100)]
    split: dict[Line, Line]
    notes: _Notes
    sha256: dict[str, Any]


class _Mean(_Model):
    value: float
    interval95: Annotated[list[float], Field(min_length=2, max_length=2)]


class _Group(_Mean):
    cases: Count


class _Curve(_Model):
    threshold: Rates
    sensitivity: Rates
    specificity: Rates

    @model_validator(mode="after")
    def _equally_long(self) -> "_Curve":
        if not len(self.threshold) == len(self.sensitivity) == len(self.specificity):
            raise ValueError("threshold, sensitivity and specificity must be equally long")
        return self


class _Bin(_Model):
    cases: Count
    confidence: Share
    accuracy: Share
    interval95: Annotated[list[Share], Field(min_length=2, max_length=2)]


class _Reference(_Model):
    spearman: _Mean


class _Ranking(_Model):
    occlusion: _Reference = _Reference.model_construct()
    ablation: _Reference = _Reference.model_construct()
    spearman: float = 0.0  # of an earlier version


class _Explained(_Model):
    cases: Count = 1
    rankings: dict[str, _Ranking]

    @model_validator(mode="after")
    def _counted(self) -> "_Explained":
        compared = any(ranking.model_fields_set & {"occlusion", "ablation"} for ranking in self.rankings.values())
        if compared and "cases" not in self.model_fields_set:
            raise ValueError("cases is required beside rankings that are compared")
        return self


class _SimilarCases(_Model):
    k: Count
    acc: _Mean
    balanced_acc: _Mean


class _Measured(_Model):
    """What was measured on one split; figures of other names are only checked by `_check_figures`."""

    acc: float | _Mean = 0.0
    lrap: float | _Mean = 0.0
    auc: float | _Mean = 0.0
    balanced_acc: float | _Mean = 0.0
    expected_calibration_error: Share = 0.0
    images: Count = 1
    roc: dict[str, _Curve] = {}
    confusion: list[list[Cell]] = []
    reliability: dict[str, Annotated[list[_Bin], Field(min_length=1)]] = {}
    groups: dict[str, dict[str, _Group]] = {}
    explain: dict[str, Any] = {}
    similar_cases: _SimilarCases | None = None

    @field_validator("confusion")
    @classmethod
    def _square(cls, rows: list[list[int]]) -> list[list[int]]:
        if any(len(row) != len(rows) for row in rows):
            raise ValueError("must have as many columns as rows")
        return rows

    @field_validator("explain")
    @classmethod
    def _explained(cls, explain: dict[str, Any]) -> dict[str, Any]:
        if explain:
            _Explained.model_validate(explain)
        return explain

    @model_validator(mode="after")
    def _counted(self) -> "_Measured":
        if "expected_calibration_error" in self.model_fields_set and "images" not in self.model_fields_set:
            raise ValueError("images is required beside expected_calibration_error")
        return self


class Metrics(_Model):
    """metrics.json: everything may be absent or have another name."""

    val: _Measured = _Measured()
    test: _Measured = _Measured()


def check_config(config: dict) -> None:
    """Raise ConfigError where config.json cannot be used."""
    _validate(Config, config)


def check_metrics(metrics: dict) -> None:
    """Raise ConfigError where metrics.json cannot be shown."""
    _validate(Metrics, metrics)
    _check_figures(metrics)


def _check_figures(figures: dict) -> None:
    """Figures of any name and depth, as the view About lays them out."""
    for name, value in figures.items():
        _validate_name(name)
        if isinstance(value, dict):
            if "interval95" in value:
                _validate(_Mean, value, name)
            else:
                _check_figures(value)
        elif isinstance(value, list) and len({isinstance(row, list) for row in value}) > 1:
            raise ConfigError(f"{name} must have rows that are all lists, or none; got {short_repr(value)}.")


def _validate_name(name: str) -> None:
    if not name or len(name) > MAX_LINE or not name.isprintable():
        raise ConfigError(f"A figure's name must be one line of 1 to {MAX_LINE} characters; got {short_repr(name)}.")


def _validate(model: type[BaseModel], values: dict, prefix: str = "") -> None:
    """Raise ConfigError with the first fault in one line: where, what is allowed, what is there."""
    try:
        model.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        parts = [part for part in (prefix, *first["loc"]) if part != ""]
        where = ".".join(part if isinstance(part, str) and part.isprintable() else short_repr(part) for part in parts)
        reason = first["msg"].removeprefix("Value error, ").splitlines()[0][:200]
        raise ConfigError(f"{where[:MAX_LINE]}: {reason}; got {short_repr(first['input'])}.") from None
