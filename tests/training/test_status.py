"""`python -m training status`: the screen by hand-made runs, and the position that a training leaves for it."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from conftest import ROOT
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from training.engine import loop
from training.engine.loop import fit
from training.engine.progress import PLAN, PROGRESS, best_epoch
from training.engine.recipe import Recipe
from training.steps.status import screen, sparkline

NOW = 1_800_000_000.0
ROW = "clean-base-seed1"


def make_run(runs: Path, name: str, step: str, epochs: int, rows: list[dict], progress=None, age=10, **own):
    folder = runs / name
    folder.mkdir(parents=True)
    recipe = {"epochs": epochs, "patience": own.pop("patience", 0)}
    files = {"settings.json": {"step": step, "recipe": recipe, "settings": own}}
    if rows:
        files["history.json"] = [{"epoch": i, **row} for i, row in enumerate(rows, 1)]
    if progress:
        files[PROGRESS] = dict(zip(("epoch", "step", "steps", "seconds", "eta", "loss"), progress, strict=True))
    for file, value in files.items():
        (folder / file).write_text(json.dumps(value))
        os.utime(folder / file, (NOW - age, NOW - age))
    return folder


def shown(runs: Path, preset: str | None = None) -> str:
    return "\n".join(" ".join(line.split()) for line in screen(runs, preset, NOW))


def test_it_answers_at_once_and_loads_no_torch(tmp_path):
    make_run(tmp_path / "runs", "backbone", "backbone", 4, [{"loss": 1.0, "lrap": 0.5, "seconds": 60}])
    look = (
        "import sys; from training.__main__ import main; code = main(sys.argv[1:]);"
        "print(sorted({'torch', 'numpy', 'mat_core', 'accelerate'} & set(sys.modules))); sys.exit(code)"
    )
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", look, "status", "--runs", str(tmp_path / "runs"), "--preset", "long"], cwd=ROOT,
        capture_output=True, text=True, timeout=60, env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "backbone" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"
    assert time.monotonic() - begun < 5  # under a second where nothing else runs; with torch never


def test_a_folder_with_nothing_says_so(tmp_path):
    for runs in (tmp_path, tmp_path / "none"):
        assert shown(runs).startswith(f"nothing has been started: {runs} holds no run.")


def test_a_curve_goes_from_its_least_to_its_greatest_value():
    assert sparkline([0, 7, 3.5, float("nan"), 7]) == "▁█▅ █"
    assert sparkline([2, 2]) == "▄▄"
    assert sparkline([float("nan")]) == " "
    history = [{"x": 1}, {"x": 3}, {"x": 3}, {"x": 0}]
    assert (best_epoch(history, "x"), best_epoch(history, "-x"), best_epoch([], "x")) == (2, 4, 0)


def test_the_screen_tells_what_is_done_what_runs_and_what_is_left(tmp_path):
    rows = [{"loss": 2.0, "lrap": 0.5, "seconds": 100}, {"loss": 1.0, "lrap": 0.7, "seconds": 140}]
    make_run(
        tmp_path, "backbone", "backbone", 5, rows, (3, 50, 200, 30.0, 90.0, 0.9),
        sizes=[[10, 10]] * 4 + [[20, 20]],
    )  # fmt: skip
    make_run(tmp_path, "baseline-x", "backbone", 2, rows)
    said = shown(tmp_path)
    assert "backbone running epoch 3 of 5, batch 50 of 200, last written 10 s ago" in said
    assert "loss █▁ 2 to 1, now 0.9" in said
    assert "lrap ▁█ 0.5 to 0.7, best 0.7 in epoch 2" in said
    # 90 seconds of this epoch, a median of 120 for one like those before, four times that for four times the pixels
    assert f"left about {(90 + 120 + 480) / 3600:.1f} hours\n" in said
    assert "detector not begun\n" in said
    assert "1 other run is done." in said
    assert "(backbone); unknown for detector, features, clean-sga-sga-seed0, bundle, evaluate" in said


@pytest.mark.parametrize(
    ("progress", "age", "state"),
    [
        ((2, 5, 10, 50.0, 50.0, 1.0), 100, "running"),
        ((2, 5, 10, 50.0, 50.0, 1.0), 130, "stopped"),
        ((2, 5, 10, 500.0, 500.0, 1.0), 130, "running"),  # a batch takes 100 seconds
        ((2, 10, 10, 1000.0, 0.0, 1.0), 450, "running"),  # while it validates nothing is told
        ((2, 10, 10, 1000.0, 0.0, 1.0), 550, "stopped"),
        ((1, 0, 10, 0.1, None, None), 60, "running"),
        (None, 60, "running"),
        (None, 600, "unknown"),
    ],
)
def test_a_run_without_a_word_for_long_has_stopped(tmp_path, progress, age, state):
    rows = [{"loss": 2.0, "score": 0.5, "seconds": 100}] if progress is None or progress[0] > 1 else []
    make_run(tmp_path, "detector", "detector", 3, rows, progress, age)
    said = shown(tmp_path)
    assert f"detector {state} " in said
    assert ("at most" in said) == (progress is None)  # how much of its epoch is done is not known
    if progress and progress[1] == 0:
        assert "detector running epoch 1 of 3, batch 0 of 10, last written 60 s ago\nleft unknown" in said
    if progress and progress[1] == 10:
        assert "epoch 2 of 3, validating" in said


def test_a_finished_or_stopped_early_run_is_done_and_the_rest_follows_from_the_plan(tmp_path):
    runs, bundle = tmp_path / "runs", tmp_path / "bundle"
    rows = [{"loss": 2.0, "lrap": 0.5, "val_loss": loss, "seconds": 10} for loss in (1.0, 0.8, 0.9, 0.9)]
    make_run(runs, "backbone", "backbone", 4, rows)
    (runs / PLAN).write_text(
        json.dumps({"preset": "long", "epochs": {"detector": 2, "mat": 6}, "row": ROW, "checkpoint": str(bundle)})
    )
    shard = runs / "features" / "val-view0-00000.safetensors"
    shard.parent.mkdir()
    shard.touch()
    os.utime(shard, (NOW - 200, NOW - 200))
    said = shown(runs, "two-cores")
    assert said.startswith("These runs are of the preset long, not two-cores.\nbackbone done 4 of 4 epochs\n")
    assert "detector not begun 2 epochs planned" in said
    assert "features begun 1 files, last written 3 min ago; whether all are there is not noted" in said
    assert f"{ROW} not begun 6 epochs planned\nbundle not begun\nevaluate not begun" in said
    assert "left in all: unknown for detector, features" in said

    make_run(runs, ROW, "mat", 6, rows, select="-val_loss", patience=2)
    make_run(runs, "detector", "detector", 1, [{"loss": 1, "score": 1, "seconds": 1}])
    said = shown(runs, "long")
    assert f"{ROW} done 4 of 6 epochs, no better score came" in said
    assert "best 0.8 in epoch 2" in said
    assert "features done 1 files" in said
    assert "left in all: unknown for bundle, evaluate" in said

    bundle.mkdir()
    for age, file in enumerate((bundle / "metrics.json", bundle / "config.json", runs / ROW / "best.safetensors")):
        file.touch()
        os.utime(file, (NOW + 10 - age, NOW + 10 - age))
    said = shown(runs)
    assert f"bundle done {bundle}\nevaluate done {bundle}" in said
    assert said.endswith("All is done.")
    os.utime(bundle / "config.json", (NOW, NOW))  # of weights before these
    assert "bundle not begun\nevaluate not begun" in shown(runs)


@pytest.mark.parametrize("file", ["settings.json", "history.json", PROGRESS, f"../{PLAN}"])
@pytest.mark.parametrize("text", ["", "{", "[1, 2]", '{"epoch": "x"}', "3", "\x00\xff"])
def test_damaged_files_get_a_sentence(tmp_path, file, text):
    rows = [{"loss": 2.0, "lrap": 0.5, "seconds": 100}]
    folder = make_run(tmp_path, "backbone", "backbone", 5, rows, (2, 50, 200, 30.0, 90.0, 0.9))
    (folder / file).write_bytes(text.encode("latin-1"))
    said = shown(tmp_path)
    assert "is damaged." in said or "no training that can be understood" in said
    assert "backbone" in said


def test_a_training_notes_where_it_is_until_it_is_done(tmp_path, monkeypatch):
    run, seen = tmp_path / "runs" / "backbone", []
    monkeypatch.setattr(loop, "TELL_EVERY", 0)

    def note():
        seen.append(json.loads((run / PROGRESS).read_text()))
        return seen[-1]

    def loss_of(net, batch):
        note()
        return net(batch[0]).square().mean()

    def validate(_net):
        note()
        (line,) = (line for line in screen(run.parent, None, time.time()) if line.startswith("backbone"))
        assert "running" in line
        assert f"epoch {seen[-1]['epoch']} of 2, validating" in line
        return {"lrap": 0.5}

    data = DataLoader(TensorDataset(torch.ones(6, 1)), 2)
    settings = {"step": "backbone", "settings": {}}
    fit(run, nn.Linear(1, 1), Recipe(2, 2, 1e-3), settings, lambda _: data, loss_of, validate, "lrap")
    assert [(p["epoch"], p["step"], p["steps"]) for p in seen] == [(e, s, 3) for e in (1, 2) for s in range(4)]
    assert [p["eta"] is None for p in seen[:4]] == [True, False, False, False]
    assert seen[3]["eta"] == 0
    assert seen[0]["loss"] is None
    assert seen[1]["loss"] > 0
    assert not (run / PROGRESS).exists()
    assert any("backbone" in line and "done" in line for line in screen(run.parent, None, time.time()))
