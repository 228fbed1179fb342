"""The whole road, from a folder of images to a bundle and the rows of the tables, on synthetic data."""

import io
import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout

import numpy as np
import pytest
import torch
from conftest import ROOT
from safetensors.torch import load_file

from mat_core import DataError, Diagnoser, Metadata
from mat_core.ham10000 import read_dataset
from mat_core.labels import CODES
from mat_core.phantoms import make_phantom, write_phantom_dataset
from training.__main__ import main
from training.commands.table import STEPS
from training.presets import PRESETS
from training.results.names import PROTOCOLS, RowName
from training.results.rows import read_rows


def run_step(*words: str) -> subprocess.CompletedProcess:
    """What `python -m training WORDS` says and returns, in this process: most steps take less than loading torch."""
    said, told = io.StringIO(), io.StringIO()
    with redirect_stdout(said), redirect_stderr(told):
        code = main([*words])
    return subprocess.CompletedProcess(words, code, said.getvalue(), told.getvalue())


@pytest.fixture(scope="module")
def road(tmp_path_factory):
    """Data, split and runs of `all --preset smoke` on phantoms."""
    folder = tmp_path_factory.mktemp("road")
    given = {
        "--data": write_phantom_dataset(folder / "data", per_class=10), "--split-file": folder / "split.csv",
        "--runs": folder / "runs", "--preset": "smoke", "--checkpoint": folder / "bundle",
        "--results": folder / "results",
    }  # fmt: skip
    takes = {step.name: {option.flag for option in step.options} for step in STEPS}

    def run(step, *more):
        own = [str(word) for flag in (given.keys() & takes[step]) - set(more) for word in (flag, given[flag])]
        return run_step(step, *own, *more)

    split = run("split")
    assert split.returncode == 0, split.stderr
    done = run("all")
    assert done.returncode == 0, done.stderr[-3000:]
    return folder, done, run


@pytest.mark.slow
def test_all_leads_from_images_to_a_bundle_that_answers(road):
    folder, done, _ = road
    assert "balanced_acc" in done.stdout
    diagnosis = Diagnoser.from_pretrained(folder / "bundle")(make_phantom(9).image, Metadata(age=40))
    assert sum(diagnosis.probabilities.values()) == pytest.approx(1)
    metrics = json.loads((folder / "bundle" / "metrics.json").read_text())["test"]
    assert 0 <= metrics["acc"]["interval95"][0] <= metrics["acc"]["value"] <= metrics["acc"]["interval95"][1] <= 1
    assert metrics["detector"]["regions"] > 5
    assert sum(b["cases"] for b in metrics["reliability"]["after"]) == metrics["images"]
    assert sum(group["cases"] for group in metrics["groups"]["sex"].values()) == metrics["images"]


@pytest.mark.slow
def test_measuring_a_bundle_again_keeps_what_another_step_found(road):
    folder, _, run = road
    file = folder / "bundle" / "metrics.json"
    metrics = json.loads(file.read_text())
    others = {"explain": {"cases": 3, "rankings": {}}, "similarity": {"cases": 3}}
    metrics["test"] |= {**others, "acc": {"value": -1.0, "interval95": [0.0, 0.0]}}
    file.write_text(json.dumps(metrics))
    done = run("evaluate", "--save")
    assert done.returncode == 0, done.stderr[-2000:]
    after = json.loads(file.read_text())["test"]
    assert {name: after[name] for name in others} == others
    assert after["acc"]["value"] >= 0


@pytest.mark.slow
def test_what_is_done_is_not_done_again(road):
    folder, _, run = road
    before = {p: p.stat().st_mtime_ns for p in (folder / "runs").rglob("*.safetensors")}
    for step in ("backbone", "detector", "features", "mat"):
        done = run(step)
        assert done.returncode == 0, done.stderr[-2000:]
    assert {p: p.stat().st_mtime_ns for p in (folder / "runs").rglob("*.safetensors")} == before


@pytest.mark.slow
def test_a_damaged_shard_is_named_and_made_again(road):
    folder, _, run = road
    shard = next(iter(sorted((folder / "runs" / "features").glob("train-view1-*.safetensors"))))
    whole = {k: v.clone() for k, v in load_file(shard).items()}  # the file is a memory map: it is cut below
    shard.write_bytes(shard.read_bytes()[:200])
    done = run("features")
    assert done.returncode == 0, done.stderr[-2000:]
    assert f"{shard} is damaged" in done.stdout
    torch.testing.assert_close(load_file(shard)["inputs"], whole["inputs"], atol=2e-2, rtol=2e-2)


@pytest.mark.slow
def test_the_tables_rows_are_made_once_and_can_be_read(road):
    folder, _, run = road
    done = run("rows")
    assert done.returncode == 0, done.stderr[-2000:]
    rows = {str(row.name): row for row in read_rows(folder / "results")}
    smoke = PRESETS["smoke"]
    wanted = {str(RowName(p, row, k)) for p in PROTOCOLS for row, count in smoke.rows.wanted for k in range(count)}
    controls = ("class-head", "plain-detector")
    assert set(rows) == wanted | {f"{p}-{control}-seed0" for p in PROTOCOLS for control in controls}
    data = read_dataset(folder / "data", folder / "split.csv")
    for row in rows.values():
        assert row.val_logits.shape == (len(data.of("val")), 7)
        assert row.test_logits.shape == (len(data.of("test")), 7)
        assert row.test_logits.isfinite().all()
    trained = rows["clean-sga-sga-seed0"]
    assert len(trained.history) == smoke.mat.recipe.epochs
    assert trained.history[trained.epoch - 1]["lrap"] == max(epoch["lrap"] for epoch in trained.history)
    # two seeds differ, and so do the protocols: one of them reads dx_type
    assert not torch.equal(trained.test_logits, rows["clean-sga-sga-seed1"].test_logits)
    assert not torch.equal(trained.test_logits, rows["paper-sga-sga-seed0"].test_logits)
    assert rows["paper-sga-sga-seed0"].settings["mat"]["fields"][-1] == "dx_type"
    assert "dx_type" not in trained.settings["mat"]["fields"]
    # the class head reads images only: it is the same under both
    heads = [rows[f"{p}-class-head-seed0"].test_logits for p in PROTOCOLS]
    assert torch.equal(*heads)
    torch.testing.assert_close(heads[0].exp().sum(1), torch.ones(len(heads[0])))
    assert torch.equal(*(rows[f"{p}-image-only-seed0"].test_logits for p in PROTOCOLS))
    plain = rows["clean-plain-detector-seed0"]
    assert plain.settings["detector"]["config"]["kinds"] == list(CODES)
    assert not torch.equal(plain.test_logits, heads[0])
    assert 0 <= plain.regions["mean_iou_10"] <= 1
    before = {p: p.stat().st_mtime_ns for p in (folder / "results").glob("*sga-sga*")}
    (folder / "results" / "paper-base-seed0.safetensors").unlink()
    with pytest.raises(DataError, match="paper-base-seed0"):
        read_rows(folder / "results")
    again = run("rows")
    assert again.returncode == 0, again.stderr[-2000:]
    assert "clean-sga-sga-seed0: there already" in again.stdout
    assert {p: p.stat().st_mtime_ns for p in before} == before
    torch.testing.assert_close(
        {str(r.name): r for r in read_rows(folder / "results")}["paper-base-seed0"].test_logits,
        rows["paper-base-seed0"].test_logits,
    )


@pytest.mark.slow
def test_the_control_of_a_preset_that_does_not_ship_is_named_after_it(road, tmp_path):
    _, _, run = road
    done = run("baseline", "--results", str(tmp_path))
    assert done.returncode == 0, done.stderr[-2000:]
    smoke = PRESETS["smoke"].backbone
    rows = read_rows(tmp_path)
    assert {str(row.name) for row in rows} == {f"{p}-classifier-{smoke.name}+smoke-seed0" for p in PROTOCOLS}
    assert torch.equal(*(row.test_logits for row in rows))
    assert len(rows[0].history) == smoke.recipe.epochs


@pytest.mark.slow
def test_a_row_becomes_a_bundle_beside_the_one_whose_detector_it_shares(road):
    folder, _, run = road
    assert run("mat", "--row", "paper-base-seed0").returncode == 0
    made = run("bundle", "--row", "paper-base-seed0", "--checkpoint", str(folder / "leak"), "--beside", "bundle")
    assert made.returncode == 0, made.stderr[-2000:]
    assert not (folder / "leak" / "detector.safetensors").exists()
    bundle = Diagnoser.from_pretrained(folder / "leak").bundle
    assert bundle.network.config.unit == "base"
    assert bundle.fields[-1] == "dx_type"
    measured = run("evaluate", "--units", "--save")
    assert measured.returncode == 0, measured.stderr[-2000:]
    found = {name: json.loads((folder / name / "metrics.json").read_text())["test"] for name in ("bundle", "leak")}
    assert found["bundle"]["detector"] == found["leak"]["detector"]
    assert found["bundle"]["brier"] != found["leak"]["brier"]
    refused = run("mat", "--row", "base")
    assert refused.returncode == 2
    assert "PROTOCOL-UNIT-seedN" in refused.stderr
    refused = run("mat", "--row", "clean-sga-sga+better-seed0")
    assert refused.returncode == 2
    assert "UNIT+unheld" in refused.stderr


@pytest.mark.slow
def test_a_training_killed_at_any_moment_ends_where_the_undisturbed_one_ends(road, tmp_path):
    folder, _, _ = road
    runs = tmp_path / "runs"
    shutil.copytree(folder / "runs" / "features", runs / "features")
    saving = (
        "import sys; from training.__main__ import main; from training.engine import loop;"
        "loop.SAVE_EVERY = 0; sys.exit(main())"
    )
    command = [
        sys.executable, "-c", saving, "mat", "--data", str(folder / "data"), "--runs", str(runs),
        "--split-file", str(folder / "split.csv"), "--preset", "smoke",
    ]  # fmt: skip
    rng = np.random.default_rng(0)
    for kill in range(3):
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        # the first while the run is set up, the others while it trains or saves
        while kill and process.poll() is None and not (runs / "clean-sga-sga-seed0" / "settings.json").is_file():
            time.sleep(0.02)
        time.sleep(rng.uniform(0, 1.5))
        process.kill()
        process.wait()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    ours, theirs = (load_file(r / "clean-sga-sga-seed0" / "best.safetensors") for r in (runs, folder / "runs"))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


@pytest.mark.slow
def test_two_processes_give_the_loss_curve_of_one(tmp_path):
    script = tmp_path / "toy.py"
    script.write_text(TWO_PROCESSES)
    curves = {}
    for count in (1, 2):
        # accelerate's own launcher starts several CPU processes through MPI only; torch's needs nothing more
        launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(count)]
        run = tmp_path / f"run{count}"
        done = subprocess.run(
            [*launch, str(script), str(run)], cwd=ROOT, capture_output=True, text=True, timeout=300,
            env={**os.environ, "PYTHONPATH": str(ROOT), "ACCELERATE_USE_CPU": "true"},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        assert f"of {count}" in done.stdout
        curves[count] = [row["loss"] for row in json.loads((run / "history.json").read_text())]
    assert len(curves[1]) == 3
    assert curves[1][-1] < 0.8 * curves[1][0]
    np.testing.assert_allclose(curves[2], curves[1], rtol=1e-3)  # bfloat16 has 3 digits


# without dropout: its masks are drawn by each process for its share of the batch
TWO_PROCESSES = """
import sys
from pathlib import Path
import torch
from torch.utils.data import DataLoader, TensorDataset
from training.engine.loop import fit, make_accelerator
from training.engine.recipe import Recipe

accelerator = make_accelerator()
print("process", accelerator.process_index, "of", accelerator.num_processes)
torch.manual_seed(0)
x = torch.randn(64, 4)
y = (x[:, 0] > 0).long()
model = torch.nn.Sequential(torch.nn.Linear(4, 16), torch.nn.ReLU(), torch.nn.Linear(16, 2))
fit(
    Path(sys.argv[1]), model, Recipe(epochs=3, batch_size=16, lr=0.02, average=0.9), {},
    lambda epoch: DataLoader(TensorDataset(x, y), 16),
    lambda net, batch: torch.nn.functional.cross_entropy(net(batch[0]), batch[1]),
    lambda net: {"acc": float((net(x).argmax(1) == y).float().mean())}, "acc", accelerator,
)
"""


@pytest.mark.slow
def test_steps_out_of_order_and_folders_that_lack_things_get_a_sentence(tmp_path):
    data = write_phantom_dataset(tmp_path / "data", per_class=3)
    common = ["--data", str(data), "--runs", str(tmp_path / "runs"), "--preset", "smoke"]
    assert run_step("split", "--data", str(data), "--split-file", str(tmp_path / "s.csv")).returncode == 0
    common += ["--split-file", str(tmp_path / "s.csv")]
    for step, says in (("detector", "step 'backbone'"), ("features", "step 'detector'"), ("mat", "step 'features'")):
        done = run_step(step, *common)
        assert done.returncode == 2
        assert says in done.stderr
        assert "Traceback" not in done.stderr
    # and as it is typed, in a process of its own
    command = [sys.executable, "-m", "training", "mat", "--data", str(tmp_path / "none")]
    missing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert missing.returncode == 2
    assert "Traceback" not in missing.stderr
    assert "no folder" in missing.stderr
