"""The command line as a person types it: another process, its exit status, its two streams."""

import json
import os
import subprocess
import sys

import pytest
from conftest import ROOT

from mat_core import Metadata
from mat_core.labels import CODES

pytestmark = pytest.mark.slow


def run(*args) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "mat_core", *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120)


def test_json_with_attention_is_the_diagnosis(tiny_bundle, tiny_diagnoser, phantom_file):
    done = run(
        "diagnose", phantom_file, "--age", 55, "--sex", "female", "--localization", "lower extremity",
        "--checkpoint", tiny_bundle, "--json", "--attention",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    expected = tiny_diagnoser(phantom_file, Metadata(55, "female", "lower extremity"))
    assert answer["probabilities"] == expected.probabilities
    assert list(answer["probabilities"]) == list(CODES)
    assert sum(answer["probabilities"].values()) == pytest.approx(1)
    assert answer["top"] == expected.top
    assert answer["words"] == ["age", "55", "sex", "female", "localization", "lower", "extremity"]
    assert len(answer["regions"]) == len(expected.regions)
    assert answer["regions"][0]["label"] == expected.regions.names[0]
    assert answer["regions"][0]["score"] == pytest.approx(float(expected.regions.scores[0]))
    assert answer["regions"][0]["box"] == pytest.approx(expected.regions.boxes[0].tolist(), abs=0.01)
    assert answer["attention"]["words_to_regions"] == expected.attention.words_to_regions.tolist()


def test_json_without_attention_has_no_maps(tiny_bundle, phantom_file):
    answer = json.loads(run("diagnose", phantom_file, "--checkpoint", tiny_bundle, "--json").stdout)
    assert "attention" not in answer
    assert answer["words"] == []


def test_text_names_the_classes_and_what_this_is(tiny_bundle, phantom_file):
    done = run("diagnose", phantom_file, "--sex", "unknown", "--checkpoint", tiny_bundle)
    assert done.returncode == 0
    assert "Melanoma  [malignant]" in done.stdout
    assert "none: all metadata is unknown" in done.stdout
    assert "not a medical device" in done.stdout


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--age", "abc"], "0 to 120"),
        (["--age", "121"], "0 to 120"),
        (["--sex", "both"], "female, male"),
        (["--localization", "elbow"], "lower extremity"),
        (["--checkpoint", "no/such/place"], "no folder no/such/place"),
    ],
)
def test_mistakes_get_a_sentence_and_status_2(phantom_file, args, says):
    done = run("diagnose", phantom_file, *args)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_broken_image_gets_a_sentence_and_status_2(tiny_bundle, tmp_path):
    (tmp_path / "x.jpg").write_bytes(b"not an image")
    os.mkfifo(tmp_path / "pipe.jpg")
    for path, says in (
        (tmp_path / "x.jpg", "not an image file"),
        (tmp_path / "none.jpg", "no file"),
        (tmp_path, "is a folder, not an image file.\n"),
        (tmp_path / "pipe.jpg", "it is not a regular file"),  # nobody writes into it: opening it would wait for ever
    ):
        done = run("diagnose", path, "--checkpoint", tiny_bundle)
        assert done.returncode == 2
        assert says in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1


def test_no_command_at_all_shows_the_usage():
    done = run()
    assert done.returncode == 2
    assert "usage" in done.stderr
