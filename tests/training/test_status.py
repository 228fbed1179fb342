"""`python -m training status`: a table of hand-made runs and of a real one."""

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

from training.engine.history import best_epoch
from training.engine.loop import fit
from training.engine.recipe import Recipe
from training.steps.status import table

NOW = 1_800_000_000.0


def make_run(runs: Path, name: str, step: str, epochs: int, rows: list[dict], patience: int = 0, **settings) -> Path:
    folder = runs / name
    folder.mkdir(parents=True)
    recipe = {"epochs": epochs, "patience": patience}
    files = {"settings.json": {"step": step, "recipe": recipe, "settings": settings}}
    if rows:
        files["history.json"] = [{"epoch": i, **row} for i, row in enumerate(rows, 1)]
    for file, value in files.items():
        (folder / file).write_text(json.dumps(value))
        os.utime(folder / file, (NOW - 180, NOW - 180))
    return folder


def rows_of(runs: Path) -> dict[str, str]:
    return {line.split()[0]: " ".join(line.split()[1:]) for line in table(runs, NOW)}


def test_it_loads_no_torch(tmp_path):
    make_run(tmp_path / "runs", "backbone", "backbone", 4, [{"loss": 1.0, "lrap": 0.5, "seconds": 60}])
    code = (
        "import sys; from training.__main__ import main; code = main(sys.argv[1:]);"
        "print(sorted({'torch', 'timm', 'accelerate'} & set(sys.modules))); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "status", "--runs", str(tmp_path / "runs")], cwd=ROOT, capture_output=True,
        text=True, timeout=60, env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "backbone" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


def test_without_runs_it_says_so(tmp_path):
    for runs in (tmp_path, tmp_path / "none"):
        assert table(runs, NOW)[0].startswith(f"nothing has been started: {runs} holds no run.")


def test_best_epoch():
    history = [{"x": 1}, {"x": 3}, {"x": 3}, {"x": 0}]
    assert (best_epoch(history, "x"), best_epoch(history, "-x"), best_epoch([], "x")) == (2, 4, 0)


def test_runs_that_go_on_are_done_and_have_not_begun(tmp_path):
    rows = [{"loss": 2.0, "lrap": 0.7, "seconds": 100}, {"loss": 1.0, "lrap": 0.5, "seconds": 140}]
    make_run(tmp_path, "backbone", "backbone", 4, rows, sizes=[[10, 10]] * 3 + [[20, 20]])
    make_run(tmp_path, "baseline-x", "backbone", 2, rows)
    make_run(tmp_path, "detector", "detector", 3, [])
    make_run(tmp_path, "clean-base-seed1", "mat", 6, rows, patience=1, select="lrap")
    (tmp_path / "features").mkdir()
    (tmp_path / "features" / "val-view0-00000.safetensors").touch()
    shown = rows_of(tmp_path)
    # 120 seconds an epoch, four times that for four times the pixels
    assert shown["backbone"] == f"2 of 4 1 lrap 0.7 in epoch 1 3 min ago {(120 + 480) / 3600:.1f} h"
    assert shown["baseline-x"] == "2 of 2, done 1 lrap 0.7 in epoch 1 3 min ago"
    assert shown["detector"] == "0 of 3 3 min ago unknown"
    assert shown["clean-base-seed1"] == "2 of 6, done 1 lrap 0.7 in epoch 1 3 min ago"
    assert shown["features"].startswith("1 files")


@pytest.mark.parametrize("file", ["settings.json", "history.json"])
@pytest.mark.parametrize("text", ["", "{", "[1, 2]", '{"epoch": "x"}', "3", "\x00\xff"])
def test_damaged_runs_are_named(tmp_path, file, text):
    folder = make_run(tmp_path, "backbone", "backbone", 5, [{"loss": 2.0, "lrap": 0.5, "seconds": 100}])
    (folder / file).write_bytes(text.encode("latin-1"))
    assert rows_of(tmp_path)["backbone"] == "unreadable"


def test_a_real_run(tmp_path):
    run = tmp_path / "runs" / "backbone"
    data = DataLoader(TensorDataset(torch.ones(6, 1)), 2)

    def loss_of(net, batch):
        return net(batch[0]).square().mean()

    settings = {"step": "backbone", "settings": {}}
    fit(run, nn.Linear(1, 1), Recipe(2, 2, 1e-3), settings, lambda _: data, loss_of, lambda _: {"lrap": 0.5}, "lrap")
    assert any(line.startswith("backbone") and "2 of 2, done" in line for line in table(run.parent, time.time()))
