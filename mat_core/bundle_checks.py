"""What a bundle says of itself, before anything is built from it. Raises ConfigError."""

import math
from pathlib import Path

from .errors import ConfigError
from .labels import CODES
from .limits import number, shown, text, texts, whole
from .metadata import FIELDS
from .network import MOST

_KINDS: dict[type, str] = {str: "a text", dict: "an object", list: "a list"}


def check_config(config: dict) -> None:
    """What config.json says beside the settings of network and detector, which check themselves."""
    kinds = {"name": str, "network": dict, "detector": dict, "split": dict, "notes": dict, "sha256": dict}
    for name, kind in kinds.items():
        _part(config, name, kind)
    text("name", config["name"])
    text("detector.kind", config["detector"].get("kind"))
    _part(config["detector"], "config", dict, "detector.")
    beside = config["detector"].get("beside")
    if beside is not None:
        text("detector.beside", beside)
        if Path(beside).name != beside or beside in (".", ".."):
            raise ConfigError(f"detector.beside must name a folder beside this one; got {shown(beside)}.")
    texts("labels", config.get("labels"), len(CODES), CODES, least=2)
    texts("fields", config.get("fields"), len(FIELDS), FIELDS, least=0)
    texts("vocabulary", config.get("vocabulary"), MOST["vocabulary"])
    number("temperature", config.get("temperature"), 0.01, 100)
    for name, value in config["split"].items():
        text("Each name in split", name)
        text(f"split.{name}", value)
    for name in ("data", "licence", "attribution"):
        if name in config["notes"]:
            _part(config["notes"], name, str, "notes.")


def check_metrics(metrics: dict) -> None:
    """What is measured may be absent or have any name; what the app shows must be what it takes it for."""
    for name in ("val", "test"):
        figures = _part(metrics, name, dict, optional=True)
        for key in ("acc", "lrap", "auc", "balanced_acc"):
            figure = figures.get(key)
            if isinstance(figure, dict) and not {"value", "interval95"} <= figure.keys():
                raise ConfigError(f"{name}.{key} must have a value and an interval95; got {shown(figure)}.")
        if "expected_calibration_error" in figures:
            number(f"{name}.expected_calibration_error", figures["expected_calibration_error"], 0, 1)
            whole(f"{name}.images", figures.get("images"), 1, 10**9)
        for kind, curve in _part(figures, "roc", dict, f"{name}.", optional=True).items():
            at = f"{name}.roc.{kind}."
            if not isinstance(curve, dict):
                raise ConfigError(f"Each of {name}.roc must be an object; got {shown(curve)}.")
            columns = [_part(curve, part, list, at) for part in ("threshold", "sensitivity", "specificity")]
            if not columns[0] or len({len(column) for column in columns}) > 1:
                raise ConfigError(f"The lists in {name}.roc must be equally long, with something in them.")
            for value in (value for column in columns for value in column):
                number(f"Each number in {name}.roc", value, 0, 2)
        rows = _part(figures, "confusion", list, f"{name}.", optional=True)
        if any(not isinstance(row, list) or len(row) != len(rows) for row in rows):
            raise ConfigError(f"{name}.confusion must have as many columns as rows; got {shown(rows)}.")
        for count in (count for row in rows for count in row):
            whole(f"Each number in {name}.confusion", count, 0, 10**9)
        _check_bins(_part(figures, "reliability", dict, f"{name}.", optional=True), f"{name}.reliability.")
        _check_groups(_part(figures, "groups", dict, f"{name}.", optional=True), f"{name}.groups.")
        explain = _part(figures, "explain", dict, f"{name}.", optional=True)
        if explain:
            _check_rankings(explain, f"{name}.explain.")
    _check_figures(metrics)


def _check_bins(reliability: dict, at: str) -> None:
    """What `measuring.metrics.reliability` gives, before or after temperature scaling, or both."""
    for when in reliability:
        bins = _part(reliability, when, list, at)
        if not bins or not all(isinstance(each, dict) for each in bins):
            raise ConfigError(f"{at}{when} must be a list of bins; got {shown(bins)}.")
        for each in bins:
            whole(f"{at}{when}: cases", each.get("cases"), 1, 10**9)
            ends = _part(each, "interval95", list, f"{at}{when}: ")
            if len(ends) != 2:
                raise ConfigError(f"{at}{when}: interval95 must be two numbers; got {shown(ends)}.")
            for value in (each.get("confidence"), each.get("accuracy"), *ends):
                number(f"Each share in {at}{when}", value, 0, 1)


def _check_groups(groups: dict, at: str) -> None:
    """Accuracy by kind of group and group; their numbers are checked as all others are."""
    for kind in groups:
        for name, group in _part(groups, kind, dict, at).items():
            if not isinstance(group, dict) or not {"value", "interval95", "cases"} <= group.keys():
                raise ConfigError(f"{at}{kind}: {shown(name)} must have cases, a value and an interval95.")
            whole(f"{at}{kind}: cases", group["cases"], 1, 10**9)


def _check_rankings(explain: dict, at: str) -> None:
    """What `python -m training explain` measured; of each ranking, what it is compared with may be lacking."""
    for ranking in _part(explain, "rankings", dict, at).values():
        if not isinstance(ranking, dict):
            raise ConfigError(f"Each of {at}rankings must be an object; got {shown(ranking)}.")
        for reference in ("occlusion", "ablation"):
            if reference in ranking:
                whole(f"{at}cases", explain.get("cases"), 1, 10**9)
                figure = _part(_part(ranking, reference, dict, f"{at}rankings."), "spearman", dict)
                if not {"value", "interval95"} <= figure.keys():  # their numbers are checked as all others are
                    raise ConfigError(f"A spearman in {at}rankings must have a value and an interval95.")
        number("A spearman of the rankings", ranking.get("spearman", 0), -math.inf, math.inf)  # of an earlier version


def _check_figures(figures: dict) -> None:
    """Figures of any name and depth as the view About lays them out."""
    for name, value in figures.items():
        text("Each name in the figures", name)
        if isinstance(value, dict):
            if "interval95" in value:
                ends = _part(value, "interval95", list, f"{name}.")
                if len(ends) != 2:
                    raise ConfigError(f"{name}.interval95 must be two numbers; got {shown(ends)}.")
                for figure in (value.get("value"), *ends):
                    number(f"{name} and the ends of its interval", figure, -math.inf, math.inf)
            else:
                _check_figures(value)
        elif isinstance(value, list) and len({isinstance(row, list) for row in value}) > 1:
            raise ConfigError(f"{name} must have rows that are all lists, or none; got {shown(value)}.")


def _part(values: dict, name: str, kind: type, prefix: str = "", optional: bool = False):
    if optional and name not in values:
        return kind()
    value = values.get(name)
    if not isinstance(value, kind):
        raise ConfigError(f"{prefix}{name} must be {_KINDS[kind]}; got {shown(value)}.")
    return value
