"""Lists of images: every row answered or named, once, whatever was killed and whoever shared the work."""

import csv
import errno
import json
import os
import random
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
import pytest
from conftest import ROOT
from documents import block

from mat_core import DataError, Metadata, MetadataError
from mat_core.__main__ import main
from mat_core.batch import shard_of
from mat_core.batch.answers import read_answers, write_answers
from mat_core.batch.columns import COLUMNS, DIAGNOSIS, SEX, SITES, diagnosis_of, metadata_of
from mat_core.batch.journal import Journal, journal_of
from mat_core.batch.rows import read_rows, read_table
from mat_core.batch.work import diagnose_all, passes_of
from mat_core.images import load_image
from mat_core.labels import CODES, DIAGNOSES
from mat_core.metadata import LOCALIZATIONS, SEXES
from mat_core.phantoms import make_phantom

QUIET = "--mixed_precision=no", "--dynamo_backend=no"  # else accelerate tells what it assumes
HEADER = ("isic_id", "age_approx", "sex", "anatom_site_general", "diagnosis_3")


def picture(path: Path, seed: int) -> None:
    image = cv2.resize(make_phantom(seed, CODES[seed % 7]).image, (160, 120))
    assert cv2.imwrite(str(path), image[..., ::-1])


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    """Six small phantoms, case0.png to case5.png."""
    folder = tmp_path_factory.mktemp("pictures")
    for seed in range(6):
        picture(folder / f"case{seed}.png", seed)
    return folder


def table(path: Path, rows) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([HEADER, *rows])
    return path


def mixed(folder: Path, pictures: Path, count: int, bad: int) -> tuple[Path, list[int]]:
    """A table of `count` rows, `bad` of which cannot be answered in one of five ways, and the numbers of these."""
    (folder / "cut.png").write_bytes((pictures / "case0.png").read_bytes()[:200])
    ways = [
        ("none.png", 50, "male", "head/neck", "Nevus"),
        ("cut.png", 50, "male", "head/neck", "Nevus"),
        ("case1", 150, "male", "head/neck", "Nevus"),
        ("case1", 50, "both", "head/neck", "Nevus"),
        ("", 50, "male", "torso", "Nevus"),
    ]
    sites = ["anterior torso", "posterior torso", "palms/soles", "", "lower extremity"]
    rows = [(f"case{i % 6}", 30 + i % 50, SEXES[i % 2], sites[i % 5], "Melanoma, NOS") for i in range(count)]
    places = sorted(random.Random(0).sample(range(count), bad))
    for i, place in enumerate(places):
        rows[place] = ways[i % len(ways)]
    return table(folder / "list.csv", rows), [place + 1 for place in places]


def command(*args) -> list[str]:
    return [sys.executable, "-m", "mat_core", *map(str, args)]


def run(*args, **environment) -> subprocess.CompletedProcess:
    env = {k: v for k, v in os.environ.items() if k not in ("RANK", "WORLD_SIZE")} | environment
    return subprocess.run(command(*args), capture_output=True, text=True, cwd=ROOT, timeout=300, env=env)


def test_a_folder_becomes_answers_that_are_those_of_single_images(
    tiny_bundle, tiny_diagnoser, pictures, tmp_path, capsys
):
    (pictures / "notes.txt").write_text("no image")
    out = tmp_path / "answers.csv"
    assert main(["diagnose", str(pictures), "--out", str(out), "--checkpoint", str(tiny_bundle), "--batch", "4"]) == 0
    answers = read_answers(out)
    assert [a["image"] for a in answers] == [f"case{i}.png" for i in range(6)]
    for answer in answers:
        alone = tiny_diagnoser(pictures / answer["image"])
        assert {code: answer[code] for code in CODES} == pytest.approx(alone.probabilities, abs=1e-5)
        assert answer["answer"] == alone.top
        assert answer["age"] is answer["sex"] is answer["localization"] is answer["novelty"] is None
        assert answer["model"] == tiny_diagnoser.bundle.identity
    said = capsys.readouterr().err
    assert "6 answers" in said
    assert "images/s" in said
    assert "not a medical device" in said
    assert sorted(p.name for p in tmp_path.iterdir()) == ["answers.csv"]


@pytest.mark.slow
def test_bad_rows_are_named_and_answered_once_they_are_mended(tiny_bundle, pictures, tmp_path, capsys):
    listed, bad = mixed(tmp_path, pictures, 30, 5)
    out = tmp_path / "answers.jsonl"
    ask = [
        "diagnose", str(listed), "--images", str(pictures), "--out", str(out), "--checkpoint", str(tiny_bundle),
        "--batch", "8",
    ]  # fmt: skip
    (pictures / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes())
    try:
        assert main(ask) == 1
        said = capsys.readouterr().err
        for number, reason in zip(
            bad, ("no image none.png", "damaged", "0 to 120", "female, male", "no image"), strict=True
        ):
            assert any(line.startswith(f"row {number}, ") and reason in line for line in said.splitlines()), said
        with (tmp_path / "answers.problems.csv").open(newline="") as file:
            assert [int(row["row"]) for row in csv.DictReader(file)] == bad
        before = {a["row"]: a for a in read_answers(out)}
        assert sorted(before) == [n for n in range(1, 31) if n not in bad]
        # a picture is mended: its row alone is new, in its place
        (pictures / "cut.png").write_bytes((pictures / "case0.png").read_bytes())
        assert main(ask) == 1
        assert "25 of them from before; 4 rows" in capsys.readouterr().err
        after = read_answers(out)
        assert [a["row"] for a in after] == sorted([*before, bad[1]])
        assert all(before[a["row"]] == a for a in after if a["row"] != bad[1])
    finally:
        (pictures / "cut.png").unlink()


@pytest.mark.slow
def test_five_hundred_rows_killed_at_random_give_the_same_file(tiny_bundle, pictures, tmp_path):
    listed, bad = mixed(tmp_path, pictures, 500, 20)
    (pictures / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes())

    def ask(out):
        return "diagnose", listed, "--images", pictures, "--out", out, "--checkpoint", tiny_bundle

    done = run(*ask(tmp_path / "whole.csv"))
    assert done.returncode == 1, done.stderr
    answers = read_answers(tmp_path / "whole.csv")
    assert len(answers) == 480
    assert [a["row"] for a in answers] == [n for n in range(1, 501) if n not in bad]
    with (tmp_path / "whole.problems.csv").open(newline="") as file:
        assert [int(row["row"]) for row in csv.DictReader(file)] == bad
    named = [line for line in done.stderr.splitlines() if line.startswith("row ")]
    assert len(named) == len(set(named)) == 20
    assert "480 answers" in done.stderr

    out, draw = tmp_path / "killed.csv", random.Random()
    journal = journal_of(out)
    for share in sorted(draw.random() for _ in range(2)):
        process = subprocess.Popen(command(*ask(out)), cwd=ROOT, stderr=subprocess.DEVNULL)
        while process.poll() is None and not (journal.exists() and journal.read_bytes().count(b"\n") >= 450 * share):
            time.sleep(0.01)
        assert process.poll() is None, "it ended before it could be killed"
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not out.exists()
        with journal.open("ab") as file:  # as if it had been killed while it wrote
            file.write(b'{"row": 499, "ima')
    again = run(*ask(out))
    assert again.returncode == 1, again.stderr
    assert "from before; 20 rows" in again.stderr
    assert out.read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert (tmp_path / "killed.problems.csv").read_bytes() == (tmp_path / "whole.problems.csv").read_bytes()
    assert not journal.exists()
    (pictures / "cut.png").unlink()


@pytest.mark.slow
def test_two_processes_share_a_list_and_one_command_joins_what_they_made(tiny_bundle, pictures, tmp_path, capsys):
    listed, bad = mixed(tmp_path, pictures, 60, 5)
    options = "--images", pictures, "--checkpoint", tiny_bundle, "--batch", 8
    out = tmp_path / "answers.parquet"
    both = [
        subprocess.Popen(
            command("diagnose", listed, "--out", out, *options, "--shard", f"{i}/2"),
            cwd=ROOT, stderr=subprocess.PIPE, text=True,
        )
        for i in (1, 2)
    ]  # fmt: skip
    said = [process.communicate(timeout=300)[1] for process in both]
    assert [f"shard {i} of 2" in text for i, text in enumerate(said, start=1)] == [True, True], said
    assert [process.returncode for process in both] == [1, 1]
    shards = [read_answers(tmp_path / f"answers.shard-{i}-of-2.parquet") for i in (1, 2)]
    numbers = [{a["row"] for a in answers} for answers in shards]
    assert not numbers[0] & numbers[1]
    assert numbers[0] | numbers[1] == set(range(1, 61)) - set(bad)
    joined = run("diagnose", listed, "--out", out, *options)
    assert "55 answers in" in joined.stderr
    assert "55 of them from before" in joined.stderr
    alone = tmp_path / "alone.parquet"
    assert run("diagnose", listed, "--out", alone, *options).returncode == 1
    assert read_answers(out) == read_answers(alone)
    table(tmp_path / "labels.csv", [(f"case{i}", "", "", "", "nevus") for i in range(6)])
    parts = [tmp_path / f"answers.shard-{i}-of-2.parquet" for i in (1, 2)]
    assert main(["evaluate", *map(str, parts), str(tmp_path / "labels.csv")]) == 2  # each picture is there many times
    assert "two answers for case" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize(
    "launcher",
    [
        ["torch.distributed.run", "--nproc-per-node=2"],
        ["accelerate.commands.launch", "--multi_gpu", "--num_processes=2", "--num_machines=1", *QUIET],
    ],
    ids=["torchrun", "accelerate"],
)
def test_a_launcher_gives_each_process_its_shard_and_none_ends_the_others(tiny_bundle, pictures, tmp_path, launcher):
    listed = table(tmp_path / "list.csv", [(f"case{i % 6}" if i else "none", "", "", "", "") for i in range(12)])
    ask = ["diagnose", listed, "--images", pictures, "--out", tmp_path / "answers.csv", "--checkpoint", tiny_bundle]
    done = subprocess.run(
        [sys.executable, "-m", *launcher, "-m", "mat_core", *map(str, [*ask, "--batch", 2])],
        cwd=ROOT, capture_output=True, text=True, timeout=300, env={**os.environ, "HF_HOME": str(tmp_path / "hub")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    parts = [read_answers(tmp_path / f"answers.shard-{i}-of-2.csv") for i in (1, 2)]
    assert [[a["row"] for a in part] for part in parts] == [[2, 5, 6, 9, 10], [3, 4, 7, 8, 11, 12]]
    assert "row 1, none: There is no image none" in done.stderr


@pytest.mark.slow
def test_the_documents_commands_do_what_it_says(pictures, tmp_path):
    folder = tmp_path / "lesions"
    shutil.copytree(pictures, folder)
    table(folder / "metadata.csv", [(f"case{i}", 50, "male", "torso", "nevus") for i in range(6)])
    python = f"env PYTHONPATH={shlex.quote(str(ROOT))} {shlex.quote(sys.executable)}"
    env = {k: v for k, v in os.environ.items() if k not in ("RANK", "WORLD_SIZE")} | {"HF_HOME": str(tmp_path / "hub")}

    def typed(name: str) -> subprocess.CompletedProcess:
        launch = f"{python} -m accelerate.commands.launch --num_machines=1 {' '.join(QUIET)}"
        words = {"python": python, "accelerate launch": launch}
        script = "set -e\n" + re.sub(r"^(python|accelerate launch)", lambda m: words[m[1]], block(name), flags=re.M)
        return subprocess.run(["sh", "-ec", script], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=400)

    for name, says in (("lists", "6 images with an answer and a diagnosis"), ("shards", ""), ("launch", "")):
        done = typed(name)
        assert done.returncode == 0, done.stderr
        assert says in done.stdout
    assert len(read_answers(tmp_path / "answers.csv")) == len(read_answers(tmp_path / "answers.jsonl")) == 6
    assert {a["localization"] for a in read_answers(tmp_path / "answers.jsonl")} == {"trunk"}
    assert len(list(tmp_path.glob("answers.shard-?-of-2.csv"))) == 2


def test_the_document_has_the_whole_table_of_columns():
    text = (ROOT / "docs" / "LISTS.md").read_text(encoding="utf-8")
    names = {info.name.lower() for info in DIAGNOSES}
    for found in (SITES, {said: code for said, code in DIAGNOSIS.items() if said not in names}):
        rows = "".join(f"| {said} | {read} |\n" for said, read in found.items())
        assert rows in text
    for field, columns in COLUMNS.items():
        assert f"| {field} | {', '.join(f'`{column}`' for column in columns)}" in text


def test_a_pass_is_the_same_whoever_computes_it():
    rows = list(range(1, 24))
    whole = passes_of(rows, 4)
    assert [len(these) for these in whole] == [4, 4, 4, 4, 4, 3]
    shards = [passes_of(rows, 4, (i, 3)) for i in (1, 2, 3)]
    assert sorted(these for shard in shards for these in shard) == whole


def test_images_of_different_size_do_not_change_each_others_answers(tiny_diagnoser, pictures, tmp_path):
    image = load_image(pictures / "case0.png")
    odd = np.ascontiguousarray(cv2.resize(image, (90, 200)))
    rows = read_rows(pictures)[:3]
    (first, *_), (alone, *_) = (
        diagnose_all(tiny_diagnoser, [image, odd, image], rows),
        diagnose_all(tiny_diagnoser, [image], rows[:1]),
    )
    assert first[0] == pytest.approx(alone[0], abs=1e-5)
    black = diagnose_all(tiny_diagnoser, [odd], rows[:1])[0][0]
    assert black == pytest.approx(tiny_diagnoser(odd).probabilities, abs=1e-5)


@pytest.mark.parametrize("kind", [".csv", ".jsonl", ".parquet"])
def test_answers_come_back_from_every_kind_of_file(tmp_path, kind):
    some = {
        "row": 1, "image": 'a "b", c\u2028.png', "age": 55, "sex": "female", "localization": "back", "answer": "mel",
        **dict.fromkeys(CODES, 0.1), "mel": 0.4, "novelty": 1.25, "outside": True, "model": "m@1",
    }  # fmt: skip
    none = {**some, "row": 2, "age": None, "sex": None, "localization": None, "novelty": None, "outside": None}
    write_answers([some, none], tmp_path / f"a{kind}", CODES)
    assert read_answers(tmp_path / f"a{kind}") == [some, none]
    write_answers([], tmp_path / f"none{kind}", CODES)
    assert read_answers(tmp_path / f"none{kind}") == []


def test_the_table_of_columns_maps_into_the_vocabulary():
    assert set(SITES.values()) <= set(LOCALIZATIONS)
    assert set(SEX.values()) == set(SEXES)
    assert set(DIAGNOSIS.values()) == set(CODES)
    assert not set(SITES) & set(LOCALIZATIONS)  # what is a word already needs no line


@pytest.mark.parametrize(
    ("row", "read"),
    [
        ({"age": "55.0", "sex": "female", "localization": "lower extremity"}, (55, "female", "lower extremity")),
        ({"age_approx": "60", "SEX": "F", "anatom_site_general": "Anterior Torso"}, (60, "female", "trunk")),
        ({"age_approx": "", "sex": "unknown", "anatom_site_general": "head/neck"}, (None, None, None)),
        # the special site is asked first, and passed over where it is of no use
        ({"anatom_site_general": "upper extremity", "anatom_site_special": "acral NOS"}, (None, None, "acral")),
        ({"anatom_site_general": "upper extremity", "anatom_site_special": "oddity"}, (None, None, "upper extremity")),
        ({"anatom_site_general": "palms/soles", "anatom_site_special": "oral or genital"}, (None, None, "acral")),
        ({"dx_type": "nonsense", "diagnosis_confirm_type": "x"}, (None, None, None)),
    ],
)  # fmt: skip
def test_columns_of_ham10000_and_of_the_isic_archive_are_read(row, read):
    assert metadata_of(row) == Metadata(*read)


def test_what_no_column_can_mean_is_told():
    with pytest.raises(MetadataError, match="lower extremity"):
        metadata_of({"localization": "elbow"})
    with pytest.raises(MetadataError, match="0 to 120"):
        metadata_of({"age_approx": "young"})


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ({"dx": "akiec"}, "akiec"),
        ({"diagnosis": "seborrheic keratosis"}, "bkl"),
        ({"diagnosis_3": "Melanoma in situ"}, "mel"),
        ({"diagnosis_3": ""}, None),
        ({"image": "a", "MEL": "0.0", "NV": "1.0", "BCC": "0.0"}, "nv"),
        ({"image": "a", "MEL": "0", "NV": "0", "AK": "1", "SCC": "0", "UNK": "0"}, "akiec"),
    ],
)
def test_diagnoses_of_tables_become_codes(row, code):
    assert diagnosis_of(row) == code


@pytest.mark.parametrize("row", [{"dx": "wart"}, {"MEL": "0", "NV": "0", "SCC": "1"}, {"MEL": "1", "NV": "1"}])
def test_a_diagnosis_that_is_none_of_the_seven_is_refused(row):
    with pytest.raises(DataError):
        diagnosis_of(row)


def test_tables_with_semicolons_and_a_mark_of_byte_order_are_read(tmp_path):
    (tmp_path / "a.csv").write_bytes("\ufeffimage;age\r\nx.jpg;5\r\n".encode())
    assert read_table(tmp_path / "a.csv") == (["image", "age"], [{"image": "x.jpg", "age": "5"}])


def test_images_are_found_by_name_anywhere_below_and_not_guessed(tmp_path):
    for place in ("a/one.jpg", "b/one.png", "b/TWO.JPG"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).write_bytes(b"x")
    rows = read_rows(
        table(tmp_path / "list.csv", [(n, "", "", "", "") for n in ("one", "two", "b/one.png", "../x", "\0")])
    )
    assert [row.path and row.path.name for row in rows] == [None, "TWO.JPG", "one.png", None, None]
    assert "Several images" in rows[0].problem
    assert rows[0].problem.count("\n") == 0
    assert rows[3].problem.startswith("There is no image")


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["nowhere", "--out", "a.csv"], "no folder and no file nowhere"),
        (["{pictures}", "--out", "a.txt"], ".csv, .jsonl, .parquet"),
        (["{pictures}", "--out", "no/such/a.csv"], "no folder no/such"),
        (["{pictures}", "--out", "a.csv", "--shard", "3/2"], "such as 2/4"),
        (["{pictures}", "--out", "a.csv", "--images", "{pictures}"], "belongs to a table"),
        (["{tmp}/empty.csv", "--out", "a.csv"], "is empty"),
        (["{tmp}/nothing.csv", "--out", "a.csv"], "no row"),
        (["{tmp}/odd.csv", "--out", "a.csv"], "no column that names the images"),
        (["{tmp}", "--out", "a.csv"], "No image lies in"),
        (["{tmp}/odd.csv"], "say with --out FILE"),
    ],
)
def test_mistakes_get_a_sentence_and_status_2(pictures, tmp_path, capsys, monkeypatch, args, says):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "nothing.csv").write_text("image,age\n")
    (tmp_path / "odd.csv").write_text("picture,age\nx,3\n")
    assert main(["diagnose", *(a.format(pictures=pictures, tmp=tmp_path) for a in args)]) == 2
    said = capsys.readouterr().err
    assert says in said
    assert len(said.strip().splitlines()) == 1
    assert not (tmp_path / "a.csv").exists()


@pytest.mark.parametrize(
    "args", [["--out", "a.csv", "--age", "5"], ["--shard", "1/2"], ["--out", "a.csv", "--batch", "0"]]
)
def test_options_of_another_kind_of_call_are_refused(pictures, args):
    with pytest.raises(SystemExit) as ended:
        main(["diagnose", str(pictures), *args])
    assert ended.value.code == 2


def test_answers_of_another_list_or_model_are_not_gone_on_with(tiny_bundle, pictures, tmp_path, capsys):
    out = tmp_path / "answers.csv"
    ask = ["diagnose", str(table(tmp_path / "l.csv", [("case0", 50, "", "", "")])), "--images", str(pictures)]
    ask += ["--out", str(out), "--checkpoint", str(tiny_bundle)]
    assert main(ask) == 0
    made = out.read_bytes()
    table(tmp_path / "l.csv", [("case1", 50, "", "", "")])
    assert main(ask) == 2
    assert "answers another list (see its row 1)" in capsys.readouterr().err
    table(tmp_path / "l.csv", [("case0", 50, "", "", "")])
    out.write_bytes(made.replace(b"tiny random bundle@", b"tiny random bundle@0"))
    assert main(ask) == 2
    assert "this model is tiny random bundle@" in capsys.readouterr().err
    out.write_bytes(b"something else\n")
    assert main(ask) == 2
    assert "holds no answers" in capsys.readouterr().err
    assert out.read_bytes() == b"something else\n"
    assert not journal_of(out).exists()
    out.unlink()
    journal_of(out).write_bytes(b"nonsense\n")
    assert main(ask) == 2
    assert "is damaged. Delete it" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "could not be written: No space left on device."),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."), "smaller --batch"),
    ],
)
def test_a_full_disk_or_memory_loses_nothing_that_was_answered(
    tiny_bundle, pictures, tmp_path, capsys, monkeypatch, error, says
):
    out, whole, add = tmp_path / "answers.csv", tmp_path / "whole.csv", Journal.add
    ask = ["diagnose", str(pictures), "--checkpoint", str(tiny_bundle), "--batch", "2", "--out"]
    assert main([*ask, str(whole)]) == 0

    def full(journal, answers):
        if journal.path.stat().st_size:
            raise error
        add(journal, answers)

    monkeypatch.setattr(Journal, "add", full)
    capsys.readouterr()
    assert main([*ask, str(out)]) == 2
    assert says in capsys.readouterr().err
    assert journal_of(out).read_bytes().count(b"\n") == 2
    monkeypatch.setattr(Journal, "add", add)
    assert main([*ask, str(out)]) == 0
    assert "2 of them from before" in capsys.readouterr().err
    assert out.read_bytes() == whole.read_bytes()


def test_two_processes_do_not_write_one_file(tmp_path):
    pytest.importorskip("fcntl")
    journal = Journal(tmp_path / "a.csv")
    with pytest.raises(DataError, match="Another process is writing"):
        Journal(tmp_path / "a.csv")
    journal.close()
    Journal(tmp_path / "a.csv").close(done=True)
    assert list(tmp_path.iterdir()) == []


def test_a_shard_is_what_was_said_or_what_the_launcher_says(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert shard_of(None) == (1, 1)
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert shard_of(None) == (2, 4)
    assert shard_of("3/3") == (3, 3)
    for wrong in ("0/2", "3/2", "1", "a/b", "-1/2"):
        with pytest.raises(DataError, match="such as 2/4"):
            shard_of(wrong)


def test_a_tables_name_in_a_folder_is_told(tiny_bundle, pictures, tmp_path, capsys):
    folder = tmp_path / "images"
    folder.mkdir()
    (folder / "x.png").write_bytes((pictures / "case0.png").read_bytes())
    table(folder / "metadata.csv", [("x", 50, "male", "torso", "")])
    ask = ["--checkpoint", str(tiny_bundle), "--out"]
    assert main(["diagnose", str(folder), *ask, str(tmp_path / "a.jsonl")]) == 0
    assert "metadata.csv is not read" in capsys.readouterr().err
    assert main(["diagnose", str(folder / "metadata.csv"), *ask, str(tmp_path / "b.jsonl")]) == 0
    read = json.loads((tmp_path / "b.jsonl").read_text())
    assert (read["age"], read["sex"], read["localization"]) == (50, "male", "trunk")
