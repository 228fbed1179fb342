"""The command line: exit status, standard output, standard error."""

import json
import subprocess
import sys

import pytest
from conftest import ROOT

from mat_core import Metadata
from mat_core.__main__ import main
from mat_core.data.labels import CODES


@pytest.fixture
def run(capsys):
    """A function that runs the command line in this process."""

    def call(*args) -> subprocess.CompletedProcess:
        try:
            status = main(list(map(str, args)))
        except SystemExit as ended:
            status = ended.code
        return subprocess.CompletedProcess(args, status, *capsys.readouterr())

    return call


def test_the_output_is_the_diagnosis(run, tiny_bundle, tiny_diagnoser, phantom_file):
    done = run(
        "diagnose", phantom_file, "--age", 55, "--sex", "female", "--localization", "lower extremity",
        "--checkpoint", tiny_bundle, "--json", "--attention",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    expected = tiny_diagnoser(phantom_file, Metadata(55, "female", "lower extremity"))
    assert answer["probabilities"] == expected.probabilities
    assert list(answer["probabilities"]) == list(CODES)
    assert answer["top"] == expected.top
    assert answer["words"] == ["age", "55", "sex", "female", "localization", "lower", "extremity"]
    assert len(answer["regions"]) == len(expected.regions)
    assert answer["regions"][0]["label"] == expected.regions.names[0]
    assert answer["regions"][0]["score"] == pytest.approx(float(expected.regions.scores[0]))
    assert answer["regions"][0]["box"] == pytest.approx(expected.regions.boxes[0].tolist(), abs=0.01)
    assert answer["attention"]["words_to_regions"] == expected.attention.words_to_regions.tolist()
    answer = json.loads(run("diagnose", phantom_file, "--checkpoint", tiny_bundle, "--json").stdout)
    assert "attention" not in answer
    assert answer["words"] == []
    text = run("diagnose", phantom_file, "--sex", "unknown", "--checkpoint", tiny_bundle).stdout
    for part in ("Melanoma  [malignant]", "all metadata is unknown", "not a medical device"):
        assert part in text


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--age", "abc"], "0 to 120"),
        (["--age", "121"], "0 to 120"),
        (["--sex", "both"], "female, male"),
        (["--localization", "moon"], "lower extremity"),
        (["--checkpoint", "no/such/place"], "no folder no/such/place"),
        (["x.jpg"], "not an image file"),
        (["none.jpg"], "no file"),
    ],
)
def test_wrong_input_is_one_line_and_status_2(run, phantom_file, tiny_bundle, tmp_path, args, says):
    (tmp_path / "x.jpg").write_bytes(b"not an image")
    image = tmp_path / args.pop() if args[-1] in ("x.jpg", "none.jpg") else phantom_file
    done = run("diagnose", image, *(args or ["--checkpoint", tiny_bundle]))
    assert (done.returncode, done.stdout, len(done.stderr.strip().splitlines())) == (2, "", 1)
    assert says in done.stderr


@pytest.mark.slow
def test_the_process_without_a_command_prints_the_usage():
    command = [sys.executable, "-m", "mat_core"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.returncode == 2
    assert "usage" in done.stderr
