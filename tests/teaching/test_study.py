"""A study before and after a lesson, from trainees' CSV files: the table, the paired tests, the usability score."""

from pathlib import Path

import pytest
from scipy import stats

from mat_core.errors import DataError
from teaching.study import main, read_study, report, sus_score

# right answers of eight before and after
SCORES = [(3, 5), (4, 4), (2, 6), (5, 6), (3, 4), (4, 7)]


def write(folder: Path, name: str, right: tuple[int, int], round_name: str = "phantoms-7-8", sus: str = "") -> None:
    head = "round,case,own_right,phase" + "".join(f",sus_{n}" for n in range(1, 11)) * bool(sus)
    lines = [
        f"{round_name},{case},{str(case <= count).lower()},{phase}" + f",{sus}" * bool(sus)
        for phase, count in zip(("pre", "post"), right, strict=True)
        for case in range(1, 9)
    ]
    (folder / name).write_text("\r\n".join([head, *lines]), encoding="utf-8")


@pytest.fixture
def folder(tmp_path):
    for number, right in enumerate(SCORES):
        write(tmp_path, f"t{number}.csv", right, sus="4,2,4,2,4,2,4,2,4,2" if number < 2 else "")
    return tmp_path


def test_the_table_and_the_tests(folder, capsys):
    assert main([str(folder)]) == 0
    text = capsys.readouterr().out
    assert "| t2 | 2 | 6 | +4 |" in text
    assert "| **mean** | 3.50 | 5.33 | +1.83 |" in text
    before, after = zip(*SCORES, strict=True)
    assert f"p = {stats.ttest_rel(after, before).pvalue:.4f}" in text
    assert f"p = {stats.wilcoxon(after, before).pvalue:.4f}" in text
    assert "mean 75.0 of 100, standard deviation 0.0, 2 trainees" in text


@pytest.mark.parametrize(
    ("answers", "score"), [([3] * 10, 50), ([5, 1] * 5, 100), ([1, 5] * 5, 0), ([4, 2] * 5, 75), ([5] + [3] * 9, 55)]
)
def test_the_usability_score(answers, score):
    assert sus_score(answers) == score


@pytest.mark.parametrize("answers", [[3] * 9, [0] + [3] * 9, [6] + [3] * 9])
def test_other_answers_have_no_score(answers):
    with pytest.raises(DataError):
        sus_score(answers)


def test_files_that_are_no_study_are_left_out_and_named(folder, capsys):
    (folder / "round.csv").write_text("round,case,own_right\nphantoms-7-8,1,true\n", encoding="utf-8")
    (folder / "half.csv").write_text("round,case,own_right,phase\nphantoms-7-8,1,true,pre\n", encoding="utf-8")
    (folder / "empty.csv").write_bytes(b"")
    write(folder, "odd.csv", (1, 1), sus="4,2,4,2,4,2,4,2,4,9")
    trainees, problems = read_study(folder)
    assert len(trainees) == len(SCORES)
    assert [problem.split()[2].rstrip(":") for problem in problems] == ["empty.csv", "half.csv", "odd.csv", "round.csv"]
    write(folder, "other.csv", (1, 2), "phantoms-8-8")
    assert main([str(folder)]) == 2
    assert "phantoms-7-8, phantoms-8-8" in capsys.readouterr().err


def test_without_a_change_there_is_no_test(tmp_path):
    assert main([str(tmp_path)]) == 2
    for name in ("a.csv", "b.csv"):
        write(tmp_path, name, (3, 3))
    text = report(read_study(tmp_path)[0])
    assert "No test" in text
    assert "p =" not in text
