"""The selection of named cases: of every class and kind, the same each time, in an order without information."""

import itertools
import json
import random
from collections import Counter
from dataclasses import replace

import pytest
from conftest import HAM10000
from fake_isic_archive import named

from mat_core.data.ham10000 import read_dataset
from mat_core.data.image_loading import load_image
from mat_core.data.labels import CODES
from mat_core.errors import DataError
from teaching.cases.catalog import read_cases, same_photograph
from training.__main__ import main
from training.steps.select_cases import COUNT, MISSED, WORD, answered, as_lines, choose

FIRST, _ = named(1)
SAME = dict.fromkeys(("histo", "follow_up", "consensus", "confocal", "none"), "nv")


@pytest.fixture(scope="module")
def many():
    """Three hundred made-up cases: of each class some are wrong and some unsure; few melanomas are missed."""
    draw = random.Random(0)
    cases = []
    for number in range(300):
        code = CODES[number % 7]
        answer = code if draw.random() < 0.7 else draw.choice([c for c in CODES if c != code])
        told = SAME | ({"follow_up": "mel"} if draw.random() < 0.1 else {})
        cases.append(
            replace(FIRST, id=f"ISIC_{number:07}", diagnosis=code, answer=answer, unsure=draw.random() < 0.3, told=told)
        )
    return cases


def test_every_kind_of_every_class_is_among_them(many):
    chosen = choose(many)
    assert len(chosen) == COUNT == len({case.id for case in chosen})
    for code in CODES:
        mine = [case for case in chosen if case.diagnosis == code]
        assert sum(case.right and not case.unsure for case in mine) >= 2
        assert sum(not case.right for case in mine) >= 2
        assert any(case.unsure for case in mine)
    assert sum(case.missed for case in chosen) >= min(MISSED, sum(case.missed for case in many))
    assert sum(case.word_decides for case in chosen) >= WORD


def test_the_selection_does_not_depend_on_the_order_of_cases(many):
    shuffled = random.Random(1).sample(many, len(many))
    chosen = choose(many)
    assert choose(shuffled) == chosen
    runs = sum(a.diagnosis != b.diagnosis for a, b in itertools.pairwise(chosen))
    assert runs > COUNT / 2  # not sorted by class
    lines = as_lines(chosen).splitlines()
    assert "48" in lines[0]
    assert f"{Counter(case.diagnosis for case in chosen)['bcc']:3}: right" in lines[1]
    assert f"missed melanomas {sum(case.missed for case in chosen)};" in lines[-1]
    assert len(choose(many, 5)) == 5
    assert sorted(case.id for case in choose(many[:9])) == [case.id for case in many[:9]]
    with pytest.raises(DataError, match="at least 1"):
        choose(many, 0)


@pytest.mark.real
def test_a_case_has_the_prediction_of_the_diagnoser(tiny_diagnoser):
    (case,) = read_dataset(HAM10000).of("test")[:1]
    (found,) = answered(tiny_diagnoser, None, [case])
    image = load_image(case.image)
    diagnosis = tiny_diagnoser(image, case.metadata)
    assert (found.id, found.diagnosis, found.metadata) == (case.image_id, case.diagnosis, case.metadata)
    assert found.answer == diagnosis.top
    assert found.probability == pytest.approx(diagnosis.probabilities[diagnosis.top], abs=1e-4)
    assert found.told == {}
    assert same_photograph(image, found.fingerprint)


@pytest.mark.real
def test_the_command_writes_what_the_app_reads(tiny_bundle, tmp_path, capsys):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/HAM10000_metadata.csv").symlink_to(HAM10000 / "HAM10000_metadata.csv")
    few = read_dataset(HAM10000).of("test")[:4]
    for case in few:
        (tmp_path / "data" / case.image.name).symlink_to(case.image)
    file = tmp_path / "cases.json"
    asked = {"--data": tmp_path / "data", "--checkpoint": tiny_bundle, "--output": file, "--count": 3}
    assert main(["cases", *map(str, itertools.chain(*asked.items()))]) == 0
    said = capsys.readouterr()
    assert "cases: 3 of the test split" in said.out
    assert "no case is chosen for that word" in said.err
    cases, problems = read_cases(file)
    assert problems == ()
    assert {case.id for case in cases} < {case.image_id for case in few}
    assert len(cases) == 3
    assert json.loads(file.read_text())["model"]["name"] == "tiny random bundle"
