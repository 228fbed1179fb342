"""Lists of images: every row is diagnosed once or named with a reason, after a kill and in several processes too."""

import csv
import errno
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from documents import block

from mat_core import DataError
from mat_core.__main__ import main
from mat_core.batch.inference import diagnose_all
from mat_core.batch.inputs import read_inputs
from mat_core.batch.predictions import PredictionWriter, read_predictions
from mat_core.data.column_names import COLUMNS, DIAGNOSIS_TEXTS, diagnosis_from_row, metadata_from_row
from mat_core.data.image_loading import load_image
from mat_core.data.labels import CODES, DIAGNOSES
from mat_core.data.metadata import LOCALIZATION_TEXTS, LOCALIZATIONS, SEX_TEXTS, SEXES
from teaching.phantoms import make_phantom

HEADER = ("isic_id", "age_approx", "sex", "anatom_site_general", "diagnosis_3")
# rows that cannot be diagnosed, and a part of the reason
FAULTY = [
    (("none.png", 50, "male", "head/neck", "Nevus"), "no image none.png"),
    (("cut.png", 50, "male", "head/neck", "Nevus"), "damaged"),
    (("case1", 150, "male", "head/neck", "Nevus"), "0 to 120"),
    (("case1", 50, "both", "head/neck", "Nevus"), "female, male"),
    (("", 50, "male", "torso", "Nevus"), "no image"),
]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    """Six small phantoms, case0.png to case5.png."""
    folder = tmp_path_factory.mktemp("pictures")
    for seed in range(6):
        image = cv2.resize(make_phantom(seed, CODES[seed % 7]).image, (160, 120))
        assert cv2.imwrite(str(folder / f"case{seed}.png"), image[..., ::-1])
    return folder


@pytest.fixture
def own_pictures(pictures, tmp_path) -> Path:
    """A copy to change, with a damaged file."""
    folder = Path(shutil.copytree(pictures, tmp_path / "images"))
    (folder / "cut.png").write_bytes((pictures / "case0.png").read_bytes()[:200])
    return folder


def table(path: Path, rows, header=HEADER) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def process(tmp_path: Path, *command) -> subprocess.CompletedProcess:
    env = {k: v for k, v in os.environ.items() if k not in ("RANK", "WORLD_SIZE")} | {"HF_HOME": str(tmp_path / "hub")}
    folder = ROOT if command[0] == sys.executable else tmp_path
    return subprocess.run(list(map(str, command)), cwd=folder, env=env, capture_output=True, text=True, timeout=400)


def rows(count: int) -> list[tuple]:
    sites = ["anterior torso", "posterior torso", "palms/soles", "", "lower extremity"]
    return [(f"case{i % 6}", 30 + i % 50, SEXES[i % 2], sites[i % 5], "Melanoma, NOS") for i in range(count)]


def test_a_folder_gives_the_predictions_of_its_single_images(tiny_bundle, tiny_diagnoser, pictures, tmp_path, capsys):
    out = tmp_path / "answers.csv"
    assert main(["diagnose", str(pictures), "--out", str(out), "--checkpoint", str(tiny_bundle), "--batch", "4"]) == 0
    predictions = read_predictions(out)
    assert [p["image"] for p in predictions] == [f"case{i}.png" for i in range(6)]
    for p in predictions:
        alone = tiny_diagnoser(pictures / p["image"])
        assert {code: p[code] for code in CODES} == pytest.approx(alone.probabilities, abs=1e-5)
        assert p["answer"] == alone.top
        assert p["age"] is p["sex"] is p["localization"] is p["novelty"] is None
        assert p["model"] == tiny_diagnoser.bundle.identity
    summary = capsys.readouterr().err
    assert "6 predictions" in summary
    assert "not a medical device" in summary
    assert [path.name for path in tmp_path.iterdir()] == ["answers.csv"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_faulty_rows_are_named_and_predicted_once_they_are_corrected(
    tiny_bundle, own_pictures, pictures, tmp_path, capsys, kind
):
    listed = table(tmp_path / "list.csv", [*rows(5), *(row for row, _ in FAULTY)])
    out = tmp_path / f"answers.{kind}"
    command = ["diagnose", str(listed), "--images", str(own_pictures), "--out", str(out)]
    command += ["--checkpoint", str(tiny_bundle), "--batch", "4"]
    assert main(command) == 1
    lines = capsys.readouterr().err.splitlines()
    for number, (_, reason) in enumerate(FAULTY, start=6):
        assert any(line.startswith(f"row {number}, ") and reason in line for line in lines), lines
    assert list(pd.read_csv(tmp_path / "answers.problems.csv")["row"]) == [6, 7, 8, 9, 10]
    before = read_predictions(out)
    assert [p["row"] for p in before] == [1, 2, 3, 4, 5]
    shutil.copy(pictures / "case0.png", own_pictures / "cut.png")
    assert main(command) == 1
    assert "6 predictions" in (summary := capsys.readouterr().err)
    assert "5 of them from before; 4 rows" in summary
    after = read_predictions(out)
    assert after[:5] == before
    assert [p["row"] for p in after[5:]] == [7]


@pytest.mark.slow
def test_a_killed_run_resumes_and_has_every_row_once(tiny_bundle, own_pictures, tmp_path, capsys):
    listed = table(tmp_path / "list.csv", [*rows(100), *(row for row, _ in FAULTY)])
    out = tmp_path / "answers.csv"
    command = ["diagnose", listed, "--images", own_pictures, "--out", out, "--checkpoint", tiny_bundle, "--batch", 4]
    command = list(map(str, command))
    started = subprocess.Popen([sys.executable, "-m", "mat_core", *command], cwd=ROOT, stderr=subprocess.DEVNULL)
    while started.poll() is None and not (out.exists() and out.read_bytes().count(b"\n") > 12):
        time.sleep(0.01)
    started.kill()
    assert started.wait() == -signal.SIGKILL, "it ended before it could be killed"
    with out.open("ab") as file:  # as if it had been killed while it wrote
        file.write(b"99,case1,")
    assert main(command) == 1
    assert re.search(r"100 predictions in .*, \d\d+ of them from before; 5 rows", capsys.readouterr().err)
    assert [p["row"] for p in read_predictions(out)] == list(range(1, 101))


@pytest.mark.slow
def test_each_process_of_a_launcher_writes_its_part_and_one_command_joins_them(tiny_bundle, pictures, tmp_path, capsys):
    listed = table(tmp_path / "list.csv", [("none", "", "", "", ""), *rows(7)])
    out = tmp_path / "answers.csv"
    command = ["diagnose", listed, "--images", pictures, "--out", out, "--checkpoint", tiny_bundle, "--batch", 2]
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "-m", "mat_core"]
    done = process(tmp_path, *launcher, *command)
    assert done.returncode == 0, done.stderr  # else the launcher would end the other process
    parts = [read_predictions(tmp_path / f"answers.rank-{rank}-of-2.csv") for rank in (0, 1)]
    assert [[p["row"] for p in part] for part in parts] == [[3, 5, 7], [2, 4, 6, 8]]
    assert "row 1, none: " in done.stderr
    assert main([str(a) for a in command]) == 1
    assert "7 of them from before" in capsys.readouterr().err
    assert read_predictions(out) == sorted([*parts[0], *parts[1]], key=lambda p: p["row"])


@pytest.mark.slow
def test_the_commands_of_the_document_run(pictures, tmp_path):
    """Typed as they are, those of accelerate in two processes."""
    folder = Path(shutil.copytree(pictures, tmp_path / "lesions"))
    table(folder / "metadata.csv", [(f"case{i}", 50, "male", "torso", "nevus") for i in range(6)])
    python = f"env PYTHONPATH={shlex.quote(str(ROOT))} {shlex.quote(sys.executable)}"
    launch = f"{python} -m accelerate.commands.launch --num_machines=1 --mixed_precision=no --dynamo_backend=no"
    words = {"python": python, "accelerate launch": launch}
    for name in ("lists", "several processes"):
        script = re.sub(r"^(python|accelerate launch)", lambda m: words[m[1]], block(name), flags=re.M)
        done = process(tmp_path, "sh", "-ec", script)
        assert done.returncode == 0, done.stderr
        assert "6 images with a prediction and a diagnosis" in done.stdout
        assert len(read_predictions(tmp_path / "answers.csv")) == 6
        (tmp_path / "answers.csv").unlink()
    assert {p["localization"] for p in read_predictions(tmp_path / "answers.jsonl")} == {"trunk"}


def test_the_document_lists_all_columns_and_diagnoses():
    text = (ROOT / "docs" / "LISTS.md").read_text(encoding="utf-8")
    names = {info.name.lower() for info in DIAGNOSES}
    for code in CODES:
        texts = [text for text, meant in DIAGNOSIS_TEXTS.items() if meant == code and text not in names]
        assert not texts or f"| {code} | {'; '.join(texts)} |" in text
    for field, columns in COLUMNS.items():
        assert f"| {field} | {', '.join(f'`{column}`' for column in columns)}" in text


def test_images_of_different_size_do_not_change_each_others_predictions(tiny_diagnoser, pictures):
    image = load_image(pictures / "case0.png")
    odd = np.ascontiguousarray(cv2.resize(image, (90, 200)))
    listed, _ = read_inputs(pictures)
    first, second, _ = diagnose_all(tiny_diagnoser, [image, odd, image], listed[:3])
    assert first[0] == pytest.approx(tiny_diagnoser(image).probabilities, abs=1e-5)
    assert second[0] == pytest.approx(tiny_diagnoser(odd).probabilities, abs=1e-5)


@pytest.mark.parametrize("kind", [".csv", ".jsonl", ".parquet"])
def test_predictions_come_back_from_every_kind_of_file(tmp_path, kind):
    full = {
        "row": 1, "image": 'a "b", c\u2028.png', "age": 55, "sex": "female", "localization": "back", "answer": "mel",
        **dict.fromkeys(CODES, 0.1), "mel": 0.4, "novelty": 1.25, "outside": True, "model": "m@1",
    }  # fmt: skip
    bare = {**full, "row": 2, "age": None, "sex": None, "localization": None, "novelty": None, "outside": None}
    path = tmp_path / f"a{kind}"
    with PredictionWriter(path, CODES):
        pass
    assert read_predictions(path) == []
    with PredictionWriter(path, CODES) as writer:
        writer.append([full])
    with PredictionWriter(path, CODES, read_predictions(path)) as writer:
        writer.append([bare])
    assert read_predictions(path) == [full, bare]


def test_texts_are_read_as_words_of_the_vocabulary():
    assert set(LOCALIZATION_TEXTS.values()) <= set(LOCALIZATIONS)
    assert set(SEX_TEXTS.values()) == {*SEXES, "unknown"}
    assert set(DIAGNOSIS_TEXTS.values()) == set(CODES)
    assert not set(LOCALIZATION_TEXTS) & set(LOCALIZATIONS)  # words of the vocabulary need no entry
    general = {"anatom_site_general": "upper extremity"}
    for row, site in (  # the special site counts first, where it is a known one
        (general | {"anatom_site_special": "acral NOS"}, "acral"),
        (general | {"anatom_site_special": "oddity"}, "upper extremity"),
        ({"anatom_site_general": "palms/soles", "anatom_site_special": "oral or genital"}, "acral"),
        ({"dx_type": "nonsense", "diagnosis_confirm_type": "x"}, None),
    ):
        assert metadata_from_row(row).localization == site


def test_one_column_a_class_is_read():
    for row, code in (
        ({"diagnosis_3": ""}, None),
        ({"image": "a", "MEL": "0.0", "NV": "1.0", "BCC": "0.0"}, "nv"),
        ({"image": "a", "MEL": "0,0", "NV": "1,0", "BCC": "0,0"}, "nv"),
        ({"image": "a", "MEL": "0", "NV": "0", "AK": "1", "SCC": "0", "UNK": "0"}, "akiec"),
    ):
        assert diagnosis_from_row(row) == code
    for row in ({"MEL": "0", "NV": "0", "SCC": "1"}, {"MEL": "1", "NV": "1"}):
        with pytest.raises(DataError):
            diagnosis_from_row(row)


def test_images_are_found_by_name_anywhere_below_and_not_guessed(tmp_path):
    for place in ("a/one.jpg", "b/one.png", "b/TWO.JPG", "a/copy.jpg", "b/copy.jpg", "b/._two.jpg"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).write_bytes(b"same" if "copy" in place else place.encode())
    names = ("one", "two", "b/one.png", "copy", "../x", "x" * 300)
    listed, _ = read_inputs(table(tmp_path / "list.csv", [(name, "", "", "", "") for name in names]))
    assert [row.path and row.path.name for row in listed] == [None, "TWO.JPG", "one.png", "copy.jpg", None, None]
    assert "Several images" in listed[0].problem
    assert listed[4].problem.startswith("There is no image")
    assert len(read_inputs(tmp_path)[0]) == 5  # without the file of macOS
    if sys.platform == "linux":  # other file systems refuse a name that is no UTF-8
        (tmp_path / "x").mkdir()
        (tmp_path / "x" / os.fsdecode(b"L\xe4sion.png")).touch()
        ((row,), _) = read_inputs(tmp_path / "x")
        assert row.image == "L\\udce4sion.png"
        assert row.path.is_file()


def test_columns_and_tables_that_are_not_read_are_named(pictures, own_pictures, tmp_path):
    header = ("isic_id", "age_group", "anatom_site_1", "diagnosis_confirm_type")
    listed = table(tmp_path / "l.csv", [("case0", "50-60", "Head and neck", "x"), ("case1", "", "", "")], header)
    _, warnings = read_inputs(listed, pictures)
    assert len(warnings) == 2
    assert "'age_group'" in warnings[0]
    assert "anatom_site_1" not in warnings[0]
    assert warnings[1].startswith("1 row with a site")
    assert "Head and neck" in warnings[1]
    table(own_pictures / "metadata.csv", [])
    _, (warning,) = read_inputs(own_pictures)
    assert str(own_pictures / "metadata.csv") in warning


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["nowhere", "--out", "a.csv"], "no folder and no file nowhere"),
        (["{pictures}", "--out", "a.txt"], ".csv, .jsonl, .parquet"),
        (["{pictures}", "--out", "no/such/a.csv"], "no folder no/such"),
        (["{pictures}", "--out", "a.csv", "--images", "{pictures}"], "belongs to a table"),
        (["{tmp}/empty.csv", "--out", "a.csv"], "is empty"),
        (["{tmp}/nothing.csv", "--out", "a.csv"], "no row"),
        (["{tmp}/odd.csv", "--out", "a.csv"], "no column that names the images"),
        (["{tmp}/none", "--out", "a.csv"], "No image lies in"),
        (["{tmp}/odd.csv"], "give --out FILE"),
    ],
)
def test_wrong_arguments_are_one_line_and_status_2(pictures, tmp_path, capsys, monkeypatch, args, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "none").mkdir()
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "nothing.csv").write_text("image,age\n")
    (tmp_path / "odd.csv").write_text("picture,age\nx,3\n")
    assert main(["diagnose", *(a.format(pictures=pictures, tmp=tmp_path) for a in args)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not (tmp_path / "a.csv").exists()
    for wrong in (["--out", "a.csv", "--age", "5"], ["--any-image-type"], ["--out", "a.csv", "--batch", "0"]):
        with pytest.raises(SystemExit) as ended:
            main(["diagnose", str(pictures), *wrong])
        assert ended.value.code == 2


def test_predictions_of_another_list_or_model_are_not_continued(tiny_bundle, pictures, tmp_path, capsys):
    out, listed = tmp_path / "answers.csv", tmp_path / "l.csv"
    command = ["diagnose", str(listed), "--images", str(pictures), "--out", str(out), "--checkpoint", str(tiny_bundle)]
    table(listed, [("case0", 50, "", "", "")])
    assert main(command) == 0
    made = out.read_bytes()
    table(listed, [("case1", 50, "", "", "")])
    assert main(command) == 2
    assert "answers another list (see its row 1)" in capsys.readouterr().err
    table(listed, [("case0", 50, "", "", "")])
    for other, message in (
        (made.replace(b"tiny random bundle@", b"tiny random bundle@0"), "this model is tiny random bundle@"),
        (b"something else\n", "holds no predictions"),
        (b"no line at all", "holds no predictions"),
    ):
        out.write_bytes(other)
        assert main(command) == 2
        assert message in capsys.readouterr().err
        assert out.read_bytes() == other


@pytest.mark.slow
@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "could not be written: No space left on device."),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."), "smaller --batch"),
    ],
)
def test_a_full_disk_or_memory_loses_no_prediction(
    tiny_bundle, pictures, tmp_path, capsys, monkeypatch, error, message
):
    out, append = tmp_path / "answers.csv", PredictionWriter.append
    command = ["diagnose", str(pictures), "--checkpoint", str(tiny_bundle), "--batch", "2", "--out", str(out)]

    def full(writer, predictions):
        if out.read_bytes().count(b"\n") > 2:
            raise error
        append(writer, predictions)

    with monkeypatch.context() as patch:
        patch.setattr(PredictionWriter, "append", full)
        assert main(command) == 2
    assert message in capsys.readouterr().err
    assert main(command) == 0
    assert "2 of them from before" in capsys.readouterr().err
    assert [p["row"] for p in read_predictions(out)] == [1, 2, 3, 4, 5, 6]
