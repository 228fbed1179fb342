"""The benchmarks: medians and gains of known times, a yardstick that computes the same, a command line that says so."""

import json
import time

import pytest
import torch

from benchmarks.__main__ import BENCHMARKS, main
from benchmarks.networks import flops, inputs, networks
from benchmarks.timing import Row, measure, table, with_gain, with_rate
from mat_core import MATConfig


def test_ways_take_turns_and_get_at_least_what_they_are_given():
    order = []
    rows = measure({"a": lambda: order.append("a"), "b": lambda: (order.append("b"), time.sleep(0.01))}, 0.05)
    assert order[:4] == ["a", "a", "b", "b"]  # to warm up
    turns = order[4:]
    assert turns == ["a", "b"] * (len(turns) // 2)
    assert len(rows["a"].values) == len(rows["b"].values) == len(turns) // 2 >= 3
    assert sum(rows["b"].values) >= 50
    assert rows["a"].median < 5 < 10 <= rows["b"].median


def test_rows_say_median_quartiles_rate_and_gain():
    slow, fast = Row("slow", (30.0, 10.0, 20.0)), Row("fast", (5.0, 5.0))
    assert (slow.median, slow.quartiles) == (20.0, (15.0, 25.0))
    assert with_gain(fast, slow).more == {"times slow": 4.0}
    assert with_rate(fast, 1e9, 400).more == {"GFLOP/s": 200.0, "of peak": 0.5}
    assert slow.to_dict() == {
        "name": "slow", "unit": "ms", "median": 20.0, "quartiles": [15.0, 25.0], "values": [30.0, 10.0, 20.0]
    }  # fmt: skip
    assert [line.split() for line in table([slow])][1] == ["slow", "20.0", "ms", "15.0", "..", "25.0", "10.0", "3"]


def test_the_plain_network_computes_what_ours_does():
    ours, plain = networks()
    ours.eval(), plain.eval()
    features, padding, ids, _ = inputs(ours.config, 2)
    padding[1, 60:] = True
    with torch.inference_mode():
        assert torch.allclose(ours(features, padding, ids).logits, plain(features, padding, ids), atol=1e-5)
        changed = plain(features, padding, ids.flip(0))
    assert not torch.allclose(changed, plain(features, padding, ids), atol=1e-3)


def test_the_products_of_a_pass_are_counted():
    config = MATConfig(d=8, h=2, n=3, words=2, region_width=5, word_width=4, classes=2, vocabulary=9)
    blocks = {(3, 3): 0, (2, 2): 0, (3, 2): 0, (2, 3): 0}
    for queries, keys in blocks:
        # query and output, key and value, scores and their sum, 8 d x d of the feed-forward network
        products = 2 * queries * 64 + 2 * keys * 64 + 2 * queries * keys * 8 + 8 * queries * 64
        blocks[queries, keys] = products
    rest = 3 * 5 * 8 + 2 * 32 * (4 + 8) + 5 * 64 + 2 * 8
    assert flops(config, 7) == 2 * 7 * (sum(blocks.values()) + rest)


def test_the_list_has_a_sentence_for_each(capsys):
    assert main(["--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(BENCHMARKS)
    assert all(line.endswith(".") for line in lines)


@pytest.mark.parametrize("wrong", [["nothing"], ["--threads", "0"], ["--threads", "two"]])
def test_what_is_asked_wrongly_gets_a_sentence(wrong, capsys):
    with pytest.raises(SystemExit) as ended:
        main(wrong)
    assert ended.value.code == 2
    assert wrong[-1] in capsys.readouterr().err


def test_a_bundle_that_is_none_gets_a_sentence(tmp_path, capsys):
    assert main(["metadata", "--checkpoint", str(tmp_path), "--threads", "1"]) == 2
    assert "is not a model bundle" in capsys.readouterr().err


def test_the_table_is_written_as_json_too(tiny_bundle, tmp_path, capsys):
    path = tmp_path / "bench.json"
    asked = ["metadata", "--checkpoint", str(tiny_bundle), "--seconds", "0.05", "--threads", "1", "--json", str(path)]
    assert main(asked) == 0
    written = json.loads(path.read_text(encoding="utf-8"))
    (row,) = written["benchmarks"]["metadata"]
    assert row["name"] == "other metadata"
    assert row["unit"] == "ms"
    assert row["quartiles"][0] <= row["median"] <= row["quartiles"][1]
    assert written["machine"]["threads"] == 1
    assert f"{row['median']:.1f} ms" in capsys.readouterr().out
