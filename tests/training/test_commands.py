"""What the command line takes: of each step its own options and no other's, and what the documents say is typed."""

import re
import shlex

import pytest
from conftest import ROOT

from mat_core.errors import DataError
from mat_core.units import UNITS
from training.__main__ import main
from training.commands import options
from training.commands.step import parse
from training.commands.table import STEPS
from training.networks.controls import TRAINED
from training.presets import PRESETS
from training.results.names import PROTOCOLS, RowName
from training.results.rows import RESULTS, read_row
from training.steps.rows import row_name, row_settings

TAKES = {step.name: {option.flag for option in step.options} for step in STEPS}
SAYING = ("README.md", "CONTRIBUTING.md", "MODEL_CARD.md", "docs", "interface", "mat_core")


def typed() -> list[tuple[str, str, str]]:
    """File, step and the rest of every command that a document or a sentence of the app names."""
    found = []
    for place in SAYING:
        path = ROOT / place
        files = [path] if path.is_file() else [*path.rglob("*.md"), *path.rglob("*.py")]
        for file in files:
            text = file.read_text(encoding="utf-8").replace("\\\n", " ")
            for step, rest in re.findall(r"python -m training ([a-z][a-z-]*)([^`\n#]*)", text):
                found.append((file.name, step, rest))
    return found


def test_what_is_said_to_be_typed_can_be_typed():
    said = typed()
    assert {"all", "rows", "status", "speed", "report", "evaluate", "convert-detector"} <= {step for _, step, _ in said}
    for file, step, rest in said:
        assert step in TAKES, f"{file} names the step {step!r}"
        assert set(re.findall(r"--[a-z-]+", rest)) <= TAKES[step] | {"--help"}, f"{file}: {step} {rest}"


def test_the_presets_that_can_be_asked_for_are_those_that_there_are():
    assert tuple(PRESETS) == options.PRESETS


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_a_steps_help_lists_its_options_and_no_other(step, capsys):
    with pytest.raises(SystemExit) as ended:
        parse(STEPS, [step.name, "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert " ".join(step.help.split()) in " ".join(text.split())
    assert set(re.findall(r"^  (--[a-z-]+)", text, re.M)) == TAKES[step.name]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("features --data x --views", "'features' does not take --views, an option of evaluate; its options: --data,"),
        (
            "backbone --data x --split val",
            "'backbone' does not take --split, an option of evaluate, explain, similarity;",
        ),
        (
            "status --limit=3",
            "'status' does not take --limit, an option of explain, similarity; its options: --runs, --preset",
        ),
        ("split --data x --nonsense", "'split' does not take --nonsense; its options: --data, --split-file, --seed"),
        ("mat --data x y", "'mat' takes options only; got 'y'"),
        ("ablation --data x", "invalid choice: 'ablation'"),
        ("mat", "required: --data"),
    ],
)
def test_what_a_step_does_not_take_is_refused_with_a_sentence(line, says, capsys):
    with pytest.raises(SystemExit) as ended:
        parse(STEPS, shlex.split(line))
    assert ended.value.code == 2
    assert says in capsys.readouterr().err


def test_a_step_gets_nothing_but_its_own_options():
    for step in STEPS:
        line = [step.name, *(w for o in step.options if o.settings.get("required") for w in (o.flag, "x"))]
        chosen, args = parse(STEPS, line)
        assert chosen is step
        assert {f"--{name.replace('_', '-')}" for name in vars(args)} - {"--step"} == TAKES[step.name]


def test_a_folder_that_is_none_gets_a_sentence(tmp_path, capsys):
    assert main(["detector", "--data", str(tmp_path / "none")]) == 2
    assert capsys.readouterr().err.startswith("error: There is no folder")


# ---- names of rows


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("clean-sga-sga-seed0", RowName("clean", "sga-sga")),
        ("paper-sa-sga-image-seed12", RowName("paper", "sa-sga-image", 12)),
        ("clean-sga-sga+unheld-seed1", RowName("clean", "sga-sga+unheld", 1)),
        ("paper-classifier-a_b-c.d-seed2", RowName("paper", "classifier", 2, "a_b-c.d")),
    ],
)
def test_a_rows_name_is_read_as_it_is_written(text, name):
    assert RowName.parse(text) == name
    assert str(name) == text
    assert f"{name.protocol}-{name.within}" == text


def test_a_variant_is_told_from_its_unit():
    changed, plain = RowName("clean", "sga-sga+unheld"), RowName("clean", "base")
    assert (changed.unit, changed.variant) == ("sga-sga", "unheld")
    assert (plain.unit, plain.variant) == ("base", "")


@pytest.mark.parametrize("text", ["", "base", "clean-base", "clean--seed0", "dirty-base-seed0", "clean-base-seedx"])
def test_what_is_no_rows_name_is_refused(text):
    assert RowName.parse(text) is None
    with pytest.raises(DataError, match="PROTOCOL-UNIT-seedN"):
        row_name(text)


def test_only_known_variants_can_be_trained():
    for text in ("clean-base+-seed0", "clean-base+better-seed0", "clean-+unheld-seed0"):
        with pytest.raises(DataError, match=r"UNIT\+unheld or UNIT\+small"):
            row_name(text)
    assert row_settings(row_name("paper-base+small-seed3"), PRESETS["short"].mat).d == 256


def test_the_committed_rows_are_called_as_their_files():
    paths = sorted(RESULTS.glob("*-seed*.json"))
    assert len(paths) > 20
    for path in paths:
        row = read_row(path)
        assert row.name == RowName.parse(path.stem)
        assert str(row.name) == path.stem


# ---- plans


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_whole(preset):
    plan = PRESETS[preset]
    assert len(plan.backbone.sizes) == plan.backbone.recipe.epochs
    assert plan.backbone.name == plan.detector.config.backbone
    assert bool(plan.features.held_out) == bool(plan.features.held_views)
    for row, seeds in plan.rows.wanted:
        assert seeds > 0
        for protocol in PROTOCOLS:
            settings = row_settings(row_name(str(RowName(protocol, row))), plan.mat)
            assert settings.unit in UNITS or settings.unit in TRAINED
            assert ("dx_type" in settings.fields) == (protocol == "paper")


def test_the_presets_that_ship_have_a_hundred_regions():
    assert PRESETS["two-cores"].detector.config.n == 100
    assert PRESETS["long"].detector == PRESETS["two-cores"].detector


# ---- rooms

LOWER = ("data", "pickles", "networks", "engine", "results", "documents")
MAY_NOT = {"steps": {"commands", "presets"}, **{room: {"steps", "commands", "presets"} for room in LOWER}}


@pytest.mark.parametrize("room", MAY_NOT)
def test_rooms_of_training_import_downwards_only(room):
    files = sorted((ROOT / "training" / room).glob("*.py"))
    assert len(files) > 1
    for file in files:
        others = set(re.findall(r"^\s*from \.\.(\w+)", file.read_text(encoding="utf-8"), re.M))
        assert not others & MAY_NOT[room], f"{file} imports {others & MAY_NOT[room]}"
