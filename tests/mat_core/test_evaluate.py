"""python -m mat_core evaluate: predictions against confirmed diagnoses, with known numbers."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT

from mat_core.__main__ import main
from mat_core.batch.predictions import PredictionWriter
from mat_core.data.labels import CODES
from mat_core.evaluation.matching import join_labels
from mat_core.evaluation.report import measure

CASES = 140


def prediction(number: int, image: str, p) -> dict:
    return {
        "row": number, "image": image, "age": None, "sex": None, "localization": None,
        "answer": CODES[int(np.argmax(p))], **dict(zip(CODES, map(float, p), strict=True)),
        "novelty": None, "outside": None, "model": "m@1",
    }  # fmt: skip


@pytest.fixture
def made(tmp_path) -> tuple[np.ndarray, np.ndarray, Path, Path]:
    """Probabilities, labels, and both as files; the images' names differ in folder, ending and case."""
    rng = np.random.default_rng(0)
    labels = np.arange(CASES) % 7
    p = rng.dirichlet(np.ones(7), CASES)
    p[np.arange(CASES), labels] += 0.3
    p = (p / p.sum(1, keepdims=True)).round(6)
    write([prediction(i, f"part/ISIC_{i:03}.jpg", row) for i, row in enumerate(p, 1)], tmp_path / "a.csv")
    table(tmp_path / "labels.csv", [(f"isic_{i:03}", CODES[k]) for i, k in enumerate(labels, 1)])
    return p, labels, tmp_path / "a.csv", tmp_path / "labels.csv"


def write(predictions: list[dict], path: Path) -> None:
    with PredictionWriter(path, CODES) as writer:
        writer.append(predictions)


def table(path: Path, rows, header=("image_id", "dx")) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def test_the_table_has_the_numbers_of_training_s_measurement(made, capsys):
    p, labels, answers, truth = made
    assert main(["evaluate", str(answers), str(truth)]) == 0
    said = capsys.readouterr().out
    found = measure(p, labels)
    low, high = found["acc"]["interval95"]
    assert f"{found['acc']['value']:.4f}   95 % interval {low:.4f} to {high:.4f}" in said
    for name in ("label ranking average precision", "macro AUC", "balanced accuracy", "melanoma sensitivity at 90 %"):
        assert name in said
    assert f"mel {found['recall']['mel']:.2f} of 20" in said
    assert main(["evaluate", str(answers), str(truth), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == found


def test_several_files_are_one_set(made, tmp_path):
    p, labels, _, truth = made
    rows = [prediction(i, f"ISIC_{i:03}.jpg", row) for i, row in enumerate(p, 1)]
    write(rows[:50], tmp_path / "one.jsonl")
    write(rows[50:], tmp_path / "two.csv")
    found = join_labels([tmp_path / "one.jsonl", tmp_path / "two.csv"], truth)
    np.testing.assert_array_equal(found.probabilities, p)
    np.testing.assert_array_equal(found.labels, labels)
    assert found.left_out == ()


def test_images_left_out_are_named_and_give_status_1(made, tmp_path, capsys):
    p, labels, answers, _ = made
    rows = [(f"ISIC_{i:03}", CODES[k]) for i, k in enumerate(labels, 1)]
    rows[0], rows[1] = ("ISIC_001", "wart"), ("ISIC_002", "")
    table(tmp_path / "l.csv", [*rows[:-1], ("ISIC_999", "nv")])
    assert main(["evaluate", str(answers), str(tmp_path / "l.csv"), "--json"]) == 1
    out, err = capsys.readouterr()
    assert json.loads(out) == measure(p[2:-1], labels[2:-1])
    assert "1 diagnosed as none of the seven, left out: isic_001." in err
    assert "2 without a diagnosis, left out: isic_002, isic_140." in err
    assert "1 without a prediction, left out: isic_999." in err
    rows = [(f"ISIC_{i:03}", CODES[k], f"lesion {i // 2 if i < 5 else i}") for i, k in enumerate(labels, 1)]
    table(tmp_path / "l.csv", rows, ("image_id", "dx", "lesion_id"))
    assert main(["evaluate", str(answers), str(tmp_path / "l.csv")]) == 0
    assert "1 of these images show a lesion" in capsys.readouterr().err


def test_two_classes_are_measured_where_possible(tmp_path, capsys):
    p = np.full((4, 7), 0.05)
    p[[0, 1, 2, 3], [4, 4, 0, 4]] = 0.7
    write([prediction(i, str(i), row) for i, row in enumerate(p)], tmp_path / "a.csv")
    table(tmp_path / "l.csv", [(0, 1, 0), (1, 1, 0), (2, 0, 1), (3, 0, 1)], ("image", "NV", "BCC"))
    assert main(["evaluate", str(tmp_path / "a.csv"), str(tmp_path / "l.csv")]) == 2
    assert "one column a class: MEL, NV" in capsys.readouterr().err
    table(tmp_path / "l.csv", [(0, 0, 1, 0), (1, 0, 1, 0), (2, 0, 0, 1), (3, 0, 0, 1)], ("image", "MEL", "NV", "BCC"))
    assert main(["evaluate", str(tmp_path / "a.csv"), str(tmp_path / "l.csv")]) == 0
    said = capsys.readouterr().out
    assert "accuracy                                  0.7500" in said
    assert "melanoma sensitivity at 90 % specificity  not measurable" in said
    assert "bcc 0.50 of 2" in said
    assert "mel none" in said


def test_what_cannot_be_compared_is_one_line_and_status_2(made, tmp_path, capsys):
    _, _, answers, truth = made
    others, both, none = (tmp_path / name for name in ("others.csv", "both.csv", "none.csv"))
    table(others, [("x", "nv")])
    table(both, [("ISIC_001", "nv"), ("ISIC_001", "mel")])
    for predictions, labels, says in (
        (answers, others, "No image has both"), (answers, both, "both nv and mel"), (none, truth, "no predictions in"),
        (truth, truth, "holds no predictions"), (answers, none, "no file"),
    ):  # fmt: skip
        assert main(["evaluate", str(predictions), str(labels)]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert says in line


def test_without_scikit_learn_the_error_names_it(made):
    code = "import sys; sys.modules['sklearn'] = None; from mat_core.__main__ import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "evaluate", str(made[2]), str(made[3])]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert "pip install scikit-learn" in done.stderr
