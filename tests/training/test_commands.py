"""The command line: what each step accepts, what the documents name, names of rows, presets."""

import re
import subprocess
import sys
from argparse import Namespace
from dataclasses import replace

import numpy as np
import pytest
from conftest import ROOT
from step_options import OPTIONS

from mat_core.errors import DataError
from mat_core.inference.bundle import load_bundle
from mat_core.models.transformer import UNITS
from teaching.phantoms import make_phantom, write_phantom_dataset
from training.__main__ import main
from training.commands import parser, run
from training.commands.arguments import other_detector, read_data
from training.data import dataset as views
from training.networks.baselines import TRAINED
from training.presets import PRESETS
from training.results.run_names import PROTOCOLS, ExperimentName
from training.results.runs import RESULTS, read_row
from training.steps.experiments import row_name, row_settings

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


def test_every_documented_command_is_accepted():
    said = typed()
    assert {"all", "rows", "status", "speed", "report", "evaluate", "convert-detector"} <= {step for _, step, _ in said}
    for file, step, rest in said:
        assert step in OPTIONS, f"{file} names the step {step!r}"
        assert set(re.findall(r"--[a-z-]+", rest)) <= OPTIONS[step], f"{file}: {step} {rest}"


def test_every_step_has_a_function_and_workers_where_it_reads_images():
    given = {"--to": "a/b", "--weights": "x", "--model": "x", "--output": "x", "--data": "x"}
    required = {"push": ["--to"], "convert-detector": ["--weights", "--model", "--output"], "speed": [], "status": []}
    for step in OPTIONS:
        line = [word for flag in required.get(step, ["--data"]) for word in (flag, given[flag])]
        args = parser.build_parser().parse_args([step, *line])
        assert step == "status" or callable(getattr(run, args.func))
    reading = {"backbone", "detector", "features", "bundle", "similar-cases", "baseline", "rows", "all"}
    assert {step for step, options in OPTIONS.items() if "--workers" in options} == reading


@pytest.mark.parametrize(
    "line",
    [
        "features --data x --views", "backbone --data x --split val", "status --limit=3", "mat --data x y", "mat",
        "ablation --data x", "backbone --data x --workers -1", "backbone --data x --pre smoke", "speed --sizes 24x300",
        "cases --data x --count 0", "",
    ],
)  # fmt: skip
def test_invalid_lines_are_refused(line, capsys):
    with pytest.raises(SystemExit) as ended:
        main(line.split())
    assert ended.value.code == 2
    assert "error: " in capsys.readouterr().err


def test_help_and_errors_do_not_wait_for_torch():
    code = """
import sys; from training.__main__ import main
for line, status in (["--help"], 0), (["backbone", "--help"], 0), (["backbone"], 2):
    try: main(line)
    except SystemExit as ended: assert ended.code == status
sys.exit('torch' in sys.modules)"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_workers_reach_the_loaders(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "backbone", lambda args: read_data(args))
    data = write_phantom_dataset(tmp_path, per_class=1, size=(48, 64))
    for option, count in ((["--workers", "0"], 0), (["--workers", "3"], 3), ([], None)):
        assert main(["backbone", "--data", str(data), *option]) == 0
        assert views._requested_workers == count


# ---- names of rows


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("clean-sga-sga-seed0", ExperimentName("clean", "sga-sga")),
        ("paper-sa-sga-image-seed12", ExperimentName("paper", "sa-sga-image", 12)),
        ("clean-sga-sga+unheld-seed1", ExperimentName("clean", "sga-sga+unheld", 1)),
        ("paper-classifier-a_b-c.d-seed2", ExperimentName("paper", "classifier", 2, "a_b-c.d")),
    ],
)
def test_a_rows_name_is_read_as_it_is_written(text, name):
    assert ExperimentName.parse(text) == name
    assert str(name) == text
    assert f"{name.protocol}-{name.within}" == text
    unit, _, variant = name.row.partition("+")
    assert (name.unit, name.variant) == (unit, variant)


@pytest.mark.parametrize(
    "text",
    ["", "base", "clean-base", "clean--seed0", "dirty-base-seed0", "clean-base-seedx",
     "clean-base+-seed0", "clean-base+better-seed0", "clean-+unheld-seed0"],
)  # fmt: skip
def test_other_names_and_variants_are_refused(text):
    known = "+" in text
    assert (ExperimentName.parse(text) is not None) == known
    with pytest.raises(DataError, match=r"UNIT\+unheld or UNIT\+small" if known else "PROTOCOL-UNIT-seedN"):
        row_name(text)


def test_the_committed_rows_are_called_as_their_files():
    paths = sorted(RESULTS.glob("*-seed*.json"))
    assert len(paths) > 20
    for path in paths:
        row = read_row(path)
        assert row.name == ExperimentName.parse(path.stem)
        assert str(row.name) == path.stem


# ---- plans


def test_the_shipped_presets():
    assert tuple(PRESETS) == parser.PRESETS
    assert PRESETS["two-cores"].detector.config.n == 100
    assert PRESETS["long"].detector == PRESETS["two-cores"].detector
    assert row_settings(row_name("paper-base+small-seed3"), PRESETS["short"].mat).d == 256


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_consistent(preset):
    plan = PRESETS[preset]
    assert len(plan.backbone.sizes) == plan.backbone.recipe.epochs
    assert plan.backbone.name == plan.detector.config.backbone
    assert bool(plan.features.held_out) == bool(plan.features.held_views)
    for row, seeds in plan.rows.wanted:
        assert seeds > 0
        for protocol in PROTOCOLS:
            settings = row_settings(row_name(str(ExperimentName(protocol, row))), plan.mat)
            assert settings.unit in UNITS or settings.unit in TRAINED
            assert ("dx_type" in settings.fields) == (protocol == "paper")


# ---- the detector of a bundle


def test_a_bundles_detector_describes_its_regions_as_the_preset_says(tiny_bundle):
    own, smoke = load_bundle(tiny_bundle).detector, PRESETS["smoke"]
    config = replace(own.config, features=("head", "local"))
    plan = replace(smoke, detector=replace(smoke.detector, config=config))
    source = other_detector(Namespace(detector=f"bundle:{tiny_bundle}"), plan)
    image = make_phantom(1).image
    before, now = own.detect(image), source.load().detect(image)
    assert now.boxes == pytest.approx(before.boxes, abs=1e-3)
    assert now.features.shape[1] > before.features.shape[1] == own.feature_width
    assert now.features[:, : own.feature_width] == pytest.approx(before.features, abs=1e-4)
    assert np.ptp(now.features[:, own.feature_width :], axis=0).max() > 0


def test_a_bundle_without_a_fitting_detector_is_told(tiny_bundle, tmp_path):
    with pytest.raises(DataError, match="no bundle with a detector"):
        other_detector(Namespace(detector=f"bundle:{tmp_path}"), PRESETS["smoke"])
    with pytest.raises(DataError, match="another plan"):
        other_detector(Namespace(detector=f"bundle:{tiny_bundle}"), PRESETS["two-cores"])
