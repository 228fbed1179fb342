"""The list of named cases is validated, and photographs are matched by their fingerprints."""

import json
from dataclasses import replace

import cv2
import pytest
from conftest import HAM10000
from fake_isic_archive import named

from mat_core import Diagnoser
from mat_core.data.ham10000 import read_dataset
from mat_core.data.image_encoding import encode_jpeg
from mat_core.data.image_loading import load_image
from mat_core.data.labels import CODES
from mat_core.inference.bundle import DEFAULT, NETWORK
from mat_core.utils.files import sha256_of
from teaching.cases.catalog import MAX_CASES, NO_DX_TYPE, fingerprint, read_cases, same_photograph, write_cases
from teaching.paths import CASES_FILE
from teaching.phantoms import make_phantom

CASE, _ = named(7)
TOLD = {"histo": "mel", "follow_up": "nv", "consensus": "nv", "confocal": "nv", NO_DX_TYPE: "mel"}


@pytest.fixture
def file(tmp_path):
    return tmp_path / "cases.json"


def test_cases_come_back_once(file):
    cases = CASE, replace(CASE, id="ISIC_0000008", unsure=True, told=TOLD)
    write_cases([*cases, CASE], {"name": "a model"}, file)
    found, (problem,) = read_cases(file)
    assert found == cases
    assert "case 3" in problem
    assert CASE.id in problem


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"id": "../secret"}, "id must be"), ({"id": None}, "id must be"), ({"diagnosis": "cat"}, "diagnosis must be"),
        ({"answer": ["nv"]}, "answer must be"), ({"probability": 1.5}, "probability must be"),
        ({"unsure": 0}, "unsure must be"), ({"fingerprint": "ff"}, "fingerprint must be"),
        ({"licence": "two\nlines"}, "licence must be"), ({"told": {"histo": "mel"}}, "told must be"),
        ({"age": 200}, "0 to 120"), ({"confirmed": "by eye"}, "dx_type must be"),
    ],
)  # fmt: skip
def test_a_case_with_a_mistake_is_left_out_and_named(file, changes, said):
    write_cases([CASE], {}, file)
    value = json.loads(file.read_text())
    value["cases"][0].update(changes)
    file.write_text(json.dumps(value))
    cases, (problem,) = read_cases(file)
    assert cases == ()
    assert "case 1" in problem
    assert said in problem


@pytest.mark.parametrize(
    "text", [None, "", "{", "[]", "{}", '{"cases": 1}', "\udcff", f'{{"cases": {[1] * (MAX_CASES + 1)}}}']
)
def test_another_file_is_a_problem_and_no_error(file, text):
    if text is not None:
        file.write_text(text, encoding="utf-8", errors="surrogateescape")
    cases, (problem,) = read_cases(file)
    assert cases == ()
    assert problem.startswith("cases.json")


def test_filters_let_through_what_they_say():
    missed = replace(CASE, answer="nv", unsure=True)  # a melanoma that was taken for a nevus
    assert (missed.right, missed.missed) == (False, True)
    assert missed.is_of()
    assert missed.is_of("mel", "wrong")
    assert missed.is_of("mel", "unsure")
    assert not missed.is_of("mel", "right")
    assert not missed.is_of("nv")
    assert not replace(missed, answer="bcc").missed  # malignant is malignant: it would have been looked at
    assert not CASE.word_decides
    assert replace(CASE, told=TOLD).word_decides


@pytest.mark.slow
@pytest.mark.parametrize("code", CODES)
def test_a_photograph_is_known_by_its_fingerprint(code):
    image = make_phantom(5, code, (450, 600)).image
    known = fingerprint(image)
    small = cv2.resize(image, (400, 300), interpolation=cv2.INTER_AREA)
    for copy in (image, small, load_image(encode_jpeg(small, 60))):
        assert same_photograph(copy, known)
    for other in (image[:, ::-1], image[::-1], make_phantom(6, code, (450, 600)).image):
        assert not same_photograph(other, known)


def test_the_shipped_list_is_of_the_shipped_bundle():
    cases, problems = read_cases()
    assert problems == ()
    assert 40 <= len(cases) <= 60
    model = json.loads(CASES_FILE.read_text(encoding="utf-8"))["model"]
    assert model["weights"] == sha256_of(DEFAULT / NETWORK), "another bundle: write the list again, training cases"
    for code in CODES:
        mine = [case for case in cases if case.diagnosis == code]
        assert len(mine) >= 4, code
        assert any(case.right for case in mine), code
        assert any(case.is_of(verdict="wrong") for case in mine), code
    assert sum(case.missed for case in cases) >= 3
    assert sum(case.word_decides for case in cases) >= 3
    assert sum(case.unsure for case in cases) >= 7
    assert all("Tschandl" in case.attribution and case.licence == "CC BY-NC 4.0" for case in cases)


@pytest.mark.real
@pytest.mark.slow
def test_the_shipped_list_has_the_models_answers_and_fingerprints():
    cases, _ = read_cases()
    files = {case.image_id: case for case in read_dataset(HAM10000).of("test")}
    assert {case.id for case in cases} <= set(files)
    diagnoser = Diagnoser.from_pretrained()
    images = {case.id: load_image(files[case.id].image) for case in cases}
    for case in cases[:8]:
        assert diagnoser(images[case.id], files[case.id].metadata).top == case.answer
    for case in cases:
        alike = [name for name, image in images.items() if same_photograph(image, case.fingerprint)]
        assert alike == [case.id]
        assert (files[case.id].diagnosis, files[case.id].metadata) == (case.diagnosis, case.metadata)
