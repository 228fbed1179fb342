"""Benchmarks: rows, the reference network, the command line."""

import json

import pytest
import torch

from benchmarks import classroom
from benchmarks.__main__ import BENCHMARKS, main
from benchmarks.inputs import Inputs
from benchmarks.mat import flops, make_batch, mat_step, networks, peak
from benchmarks.timing import Row
from mat_core import MATConfig

SMALL = MATConfig(d=32, h=4, n=40, region_width=24, word_width=8)


def test_a_row_has_median_quartiles_rate_and_speedup():
    slow, fast = Row("slow", (30.0, 10.0, 20.0)), Row("fast", (5.0, 5.0))
    assert fast.with_rate(1, "GFLOP/s", 400).with_speedup(slow).extra == {
        "GFLOP/s": 200.0, "of peak": 0.5, "times slow": 4.0
    }  # fmt: skip
    assert slow.to_dict() == {
        "name": "slow", "unit": "ms", "median": 20.0, "quartiles": [15.0, 25.0], "values": [30.0, 10.0, 20.0]
    }  # fmt: skip
    assert str(slow).split() == ["slow", "20.0", "ms", "15.0", "..", "25.0", "best", "10.0", "values", "3"]


def test_the_reference_network_has_the_same_logits():
    ours, plain = networks(SMALL)
    ours.eval(), plain.eval()
    features, padding, ids, _ = make_batch(ours.config, 2)
    padding[1, 25:] = True
    with torch.inference_mode():
        assert torch.allclose(ours(features, padding, ids).logits, plain(features, padding, ids), atol=1e-5)
        changed = plain(features, padding, ids.flip(0))
    assert not torch.allclose(changed, plain(features, padding, ids), atol=1e-3)


def test_flops_of_a_forward_pass():
    config = MATConfig(d=8, h=2, n=3, words=2, region_width=5, word_width=4, classes=2, vocabulary=9)
    # query and output, key and value, scores and their sum, 8 d x d of the feed-forward network
    blocks = sum(
        2 * queries * 64 + 2 * keys * 64 + 2 * queries * keys * 8 + 8 * queries * 64
        for queries, keys in ((3, 3), (2, 2), (3, 2), (2, 3))
    )
    rest = 3 * 5 * 8 + 2 * 32 * (4 + 8) + 5 * 64 + 2 * 8
    assert flops(config, 7) == 2 * 7 * (blocks + rest)


@pytest.mark.parametrize("native", [True, False])
def test_bfloat16_is_measured_only_where_it_is_native(native, monkeypatch):
    inputs, measured = Inputs(None, 0.01), []
    monkeypatch.setattr("benchmarks.mat.MATConfig", lambda: SMALL)
    for module in ("mat", "hardware"):
        monkeypatch.setattr(f"benchmarks.{module}.has_native_bfloat16", lambda: native)
        monkeypatch.setattr(
            f"benchmarks.{module}.measure",
            lambda functions, seconds: measured.extend(functions) or {name: Row(name, (1.0,)) for name in functions},
        )
    rows = [row.to_dict() for row in peak(inputs) + mat_step(inputs)]
    assert any("bfloat16" in name for name in measured) == native
    assert [row["name"] for row in rows if "reason" in row] == (
        [] if native else ["matrix product, bfloat16", "step, ours, bfloat16"]
    )


@pytest.mark.slow
def test_figures_explanations_and_many_images_are_measured(tiny_bundle, tmp_path):
    path, names = tmp_path / "bench.json", ["figures", "questions", "throughput"]
    options = ["--checkpoint", str(tiny_bundle), "--seconds", "0.05", "--threads", "1", "--json", str(path)]
    assert main([*names, *options]) == 0
    assert list(json.loads(path.read_text(encoding="utf-8"))["benchmarks"]) == names


def test_the_command_line(tiny_bundle, tmp_path, capsys):
    path = tmp_path / "bench.json"
    options = ["--checkpoint", str(tiny_bundle), "--seconds", "0.05", "--threads", "1", "--json", str(path)]
    assert main(["metadata", *options]) == 0
    written = json.loads(path.read_text(encoding="utf-8"))
    (row,) = written["benchmarks"]["metadata"]
    assert (row["name"], row["unit"]) == ("other metadata", "ms")
    assert row["quartiles"][0] <= row["median"] <= row["quartiles"][1]
    assert written["machine"]["threads"] == 1
    assert f"{row['median']:.1f} ms" in capsys.readouterr().out
    assert main(["--list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(BENCHMARKS)
    assert main(["metadata", "--checkpoint", str(tmp_path), "--threads", "1"]) == 2
    assert "not a model bundle" in capsys.readouterr().err
    for wrong in (["nothing"], ["--threads", "0"], ["--threads", "two"]):
        with pytest.raises(SystemExit, match="2"):
            main(wrong)


@pytest.mark.slow
@pytest.mark.alone
def test_a_class_behind_one_address_is_answered(tiny_bundle, monkeypatch):
    """32 phones, quicker than trainees are: nobody is turned away, and answers come soon."""
    for name, value in {"ROUNDS": 1, "CASES": 2, "JOINING": 2.0}.items():
        monkeypatch.setattr(classroom, name, value)
    monkeypatch.setattr(classroom, "THINKING", dict.fromkeys(classroom.THINKING, (1, 2)))
    *rows, everything = classroom.classroom(Inputs(tiny_bundle, 1))
    assert [len(row.values) for row in rows] == [32, 32, 64, 64, 64, 64]
    assert everything.extra["turned away"] == 0
    assert everything.median <= 1000
    assert everything.extra["p95"] <= 3000
