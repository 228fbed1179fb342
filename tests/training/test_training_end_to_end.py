"""Training end to end: from a folder of phantoms to a bundle and the rows of the tables."""

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
from step_options import OPTIONS

from mat_core import DataError, Diagnoser, Metadata
from mat_core.data.ham10000 import read_dataset
from mat_core.data.labels import CODES
from mat_core.explain import similar_cases
from teaching.phantoms import make_phantom, write_phantom_dataset
from training.__main__ import main
from training.presets import PRESETS
from training.results.run_names import PROTOCOLS, ExperimentName
from training.results.runs import read_rows


def run_step(*words) -> subprocess.CompletedProcess:
    """`python -m training WORDS` in this process: most steps take less than loading torch."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main(list(map(str, words)))
    return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Folder of data, split and runs of `all --preset smoke` on phantoms; what it printed; a function for one step."""
    folder = tmp_path_factory.mktemp("trained")
    paths = {
        "--data": write_phantom_dataset(folder / "data", per_class=5), "--split-file": folder / "split.csv",
        "--runs": folder / "runs", "--preset": "smoke", "--checkpoint": folder / "bundle",
        "--results": folder / "results",
    }  # fmt: skip

    def run(step, *more, status=0) -> subprocess.CompletedProcess:
        options = [word for flag in (paths.keys() & OPTIONS[step]) - set(more) for word in (flag, paths[flag])]
        done = run_step(step, *options, *more)
        assert done.returncode == status, done.stderr[-3000:]
        return done

    run("split")
    for step, missing in (("detector", "backbone"), ("features", "detector"), ("mat", "features")):
        assert f"step '{missing}'" in run(step, status=2).stderr
    return folder, run("all"), run


def written(folder) -> dict:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*.safetensors")}


@pytest.mark.slow
def test_all_leads_from_images_to_a_bundle_that_answers(trained):
    folder, done, run = trained
    assert "balanced_acc" in done.stdout
    diagnosis = Diagnoser.from_pretrained(folder / "bundle")(make_phantom(9).image, Metadata(age=40))
    assert sum(diagnosis.probabilities.values()) == pytest.approx(1)
    file = folder / "bundle" / "metrics.json"
    metrics = json.loads(file.read_text())
    test = metrics["test"]
    assert 0 <= test["acc"]["interval95"][0] <= test["acc"]["value"] <= test["acc"]["interval95"][1] <= 1
    assert test["detector"]["regions"] > 5
    assert sum(b["cases"] for b in test["reliability"]["after"]) == test["images"]
    assert sum(group["cases"] for group in test["groups"]["sex"].values()) == test["images"]
    # measured again, it keeps what other steps found
    others = {"explain": {"cases": 3, "rankings": {}}, "similarity": {"cases": 3}}
    metrics["test"] = {**test, **others, "acc": {"value": -1.0, "interval95": [0.0, 0.0]}}
    file.write_text(json.dumps(metrics))
    run("evaluate", "--save")
    after = json.loads(file.read_text())["test"]
    assert {name: after[name] for name in others} == others
    assert after["acc"] == test["acc"]


@pytest.mark.slow
def test_similar_cases_are_of_the_training_lesions_and_are_measured(trained):
    folder, _, run = trained
    data = read_dataset(folder / "data", folder / "split.csv")
    diagnoser = Diagnoser.from_pretrained(folder / "bundle")
    lesions = data.of("train", first_only=True)
    index = diagnoser.bundle.case_index
    rows = [(index[i].image_id, index[i].diagnosis, index[i].metadata) for i in range(len(index))]
    assert rows == [(case.image_id, case.diagnosis, case.metadata) for case in lesions]
    for case in lesions[:3]:  # regions of training images may be computed in bfloat16
        found = similar_cases(diagnoser, diagnoser(case.image, case.metadata), k=1)
        assert found.cosines[0] > 0.98
    before = (folder / "bundle" / "similar_cases.safetensors").read_bytes()
    run("similar-cases", "--save")
    assert (folder / "bundle" / "similar_cases.safetensors").read_bytes() == before
    again = Diagnoser.from_pretrained(folder / "bundle")
    measured = again.bundle.metrics["test"]["similar_cases"]
    assert (measured["cases"], measured["indexed"]) == (len(data.of("test")), len(lesions))
    right = [
        next(iter(similar_cases(again, again(case.image, case.metadata)).counts)) == case.diagnosis
        for case in data.of("test")
    ]
    assert measured["acc"]["value"] == pytest.approx(np.mean(right))


@pytest.mark.slow
def test_what_is_done_is_not_done_again(trained):
    folder, _, run = trained
    before = written(folder / "runs")
    for step in ("backbone", "detector", "features", "mat"):
        run(step)
    assert written(folder / "runs") == before


@pytest.mark.slow
def test_a_damaged_shard_is_named_and_made_again(trained):
    folder, _, run = trained
    shard = next(iter(sorted((folder / "runs" / "features").glob("train-view1-*.safetensors"))))
    whole = {k: v.clone() for k, v in load_file(shard).items()}  # the file is a memory map: it is cut below
    shard.write_bytes(shard.read_bytes()[:200])
    done = run("features")
    assert str(shard) in done.stdout
    torch.testing.assert_close(load_file(shard)["inputs"], whole["inputs"], atol=2e-2, rtol=2e-2)


@pytest.mark.slow
def test_rows_of_the_tables_are_made_once_and_can_be_read(trained):
    folder, _, run = trained
    run("rows")
    rows = {str(row.name): row for row in read_rows(folder / "results")}
    smoke = PRESETS["smoke"]
    wanted = {
        str(ExperimentName(p, row, k)) for p in PROTOCOLS for row, count in smoke.rows.wanted for k in range(count)
    }
    controls = ("class-head", "plain-detector")
    assert set(rows) == wanted | {f"{p}-{control}-seed0" for p in PROTOCOLS for control in controls}
    data = read_dataset(folder / "data", folder / "split.csv")
    for row in rows.values():
        assert row.val_logits.shape == (len(data.of("val")), 7)
        assert row.test_logits.shape == (len(data.of("test")), 7)
        assert row.test_logits.isfinite().all()
    main_row = rows["clean-sga-sga-seed0"]
    assert len(main_row.history) == smoke.mat.recipe.epochs
    assert main_row.history[main_row.epoch - 1]["lrap"] == max(epoch["lrap"] for epoch in main_row.history)
    # two seeds differ, and so do the protocols: one of them reads dx_type
    assert not torch.equal(main_row.test_logits, rows["clean-sga-sga-seed1"].test_logits)
    assert not torch.equal(main_row.test_logits, rows["paper-sga-sga-seed0"].test_logits)
    assert rows["paper-sga-sga-seed0"].settings["mat"]["fields"][-1] == "dx_type"
    assert "dx_type" not in main_row.settings["mat"]["fields"]
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
    assert "clean-sga-sga-seed0: there already" in again.stdout
    assert {p: p.stat().st_mtime_ns for p in before} == before
    torch.testing.assert_close(
        {str(r.name): r for r in read_rows(folder / "results")}["paper-base-seed0"].test_logits,
        rows["paper-base-seed0"].test_logits,
    )


@pytest.mark.slow
def test_the_control_of_another_preset_has_its_name(trained, tmp_path):
    _, _, run = trained
    run("baseline", "--results", str(tmp_path))
    smoke = PRESETS["smoke"].backbone
    rows = read_rows(tmp_path)
    assert {str(row.name) for row in rows} == {f"{p}-classifier-{smoke.name}+smoke-seed0" for p in PROTOCOLS}
    assert torch.equal(*(row.test_logits for row in rows))
    assert len(rows[0].history) == smoke.recipe.epochs


@pytest.mark.slow
def test_a_row_becomes_a_bundle_beside_the_one_whose_detector_it_shares(trained):
    folder, _, run = trained
    run("mat", "--row", "paper-base-seed0")
    run("bundle", "--row", "paper-base-seed0", "--checkpoint", folder / "leak", "--beside", "bundle")
    assert not (folder / "leak" / "detector.safetensors").exists()
    bundle = Diagnoser.from_pretrained(folder / "leak").bundle
    assert bundle.network.config.unit == "base"
    assert bundle.fields[-1] == "dx_type"
    run("evaluate", "--units", "--save")
    found = {name: json.loads((folder / name / "metrics.json").read_text())["test"] for name in ("bundle", "leak")}
    assert found["bundle"]["detector"] == found["leak"]["detector"]
    assert found["bundle"]["brier"] != found["leak"]["brier"]
    for row, message in (("base", "PROTOCOL-UNIT-seedN"), ("clean-sga-sga+better-seed0", r"UNIT+unheld")):
        assert message in run("mat", "--row", row, status=2).stderr


@pytest.mark.slow
def test_a_training_killed_at_any_moment_ends_where_the_undisturbed_one_ends(trained, tmp_path):
    folder, _, run = trained
    runs = tmp_path / "runs"
    shutil.copytree(folder / "runs" / "features", runs / "features")
    saving = "import sys; from training.__main__ import main; from training.engine import loop;"
    options = ["--data", folder / "data", "--runs", runs, "--split-file", folder / "split.csv", "--preset", "smoke"]
    command = [sys.executable, "-c", saving + "loop.SAVE_EVERY = 0; sys.exit(main())", "mat", *map(str, options)]
    rng = np.random.default_rng(0)
    for kill in range(2):  # while the run is set up, and while it trains or saves
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while kill and process.poll() is None and not (runs / "clean-sga-sga-seed0" / "settings.json").is_file():
            time.sleep(0.02)
        time.sleep(rng.uniform(0, 1.5))
        process.kill()
        process.wait()
    run("mat", "--runs", runs)
    ours, theirs = (load_file(r / "clean-sga-sga-seed0" / "best.safetensors") for r in (runs, folder / "runs"))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_a_missing_folder_is_a_message_of_the_process():
    command = [sys.executable, "-m", "training", "mat", "--data", "none"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert done.stderr.startswith("error: There is no folder")


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
