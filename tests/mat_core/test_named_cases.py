"""The list of cases by name: what is read is checked, and a photograph is known by its fingerprint."""

import json
from dataclasses import replace

import cv2
import pytest
from archive import named
from conftest import HAM10000

from mat_core import Diagnoser
from mat_core.bundle import DEFAULT, NETWORK
from mat_core.encoding import encode_jpeg
from mat_core.files import checksum
from mat_core.ham10000 import read_dataset
from mat_core.images import load_image
from mat_core.labels import CODES
from mat_core.named_cases import MAX_CASES, UNTOLD, fingerprint, read_cases, same_photograph, write_cases
from mat_core.phantoms import make_phantom
from mat_core.places import CASES_FILE

CASE, _ = named(7)
TOLD = {"histo": "mel", "follow_up": "nv", "consensus": "nv", "confocal": "nv", UNTOLD: "mel"}


@pytest.fixture
def file(tmp_path):
    return tmp_path / "cases.json"


def broken(file, **changes) -> str:
    """The sentence for a file of one case with these changes."""
    write_cases([CASE], {}, file)
    value = json.loads(file.read_text())
    value["cases"][0].update(changes)
    file.write_text(json.dumps(value))
    cases, (problem,) = read_cases(file)
    assert cases == ()
    return problem


def test_what_is_written_is_read(file):
    cases = CASE, replace(CASE, id="ISIC_0000008", unsure=True, told=TOLD)
    write_cases(cases, {"name": "a model"}, file)
    assert read_cases(file) == (cases, ())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"id": "../secret"}, "id must be ISIC_ and seven digits; got '../secret'"),
        ({"id": None}, "id must be ISIC_ and seven digits"),
        ({"diagnosis": "cat"}, "diagnosis must be one of bcc"),
        ({"answer": ["nv"]}, "answer must be one of bcc"),
        ({"probability": 1.5}, "probability must be a number from 0 to 1; got 1.5"),
        ({"unsure": 0}, "unsure must be true or false"),
        ({"fingerprint": "ff"}, "fingerprint must be 64 hex digits"),
        ({"licence": "two\nlines"}, "licence must be a line of text"),
        ({"told": {"histo": "mel"}}, "told must be a code for each of histo, follow_up, consensus, confocal, none"),
        ({"age": 200}, "Age must be whole years from 0 to 120"),
        ({"confirmed": "by eye"}, "dx_type must be one of histo"),
    ],
)
def test_a_case_with_a_mistake_is_left_out_and_named(file, changes, said):
    problem = broken(file, **changes)
    assert problem.startswith("cases.json, case 1 is left out: ")
    assert said in problem


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"cases": 1}', "\udcff", '{"cases": [' + ",".join(["1"] * (MAX_CASES + 1)) + "]}"]
)
def test_a_file_that_is_none_stops_nothing(file, text):
    file.write_text(text, encoding="utf-8", errors="surrogateescape")
    cases, problems = read_cases(file)
    assert cases == ()
    assert len(problems) == 1
    assert "no cases by name" in problems[0]


def test_no_file_at_all_stops_nothing(file):
    assert read_cases(file) == ((), ("cases.json cannot be read (No such file or directory): no cases by name.",))


def test_a_case_is_there_once(file):
    write_cases([CASE, CASE], {}, file)
    cases, (problem,) = read_cases(file)
    assert cases == (CASE,)
    assert problem == f"cases.json, case 2 is left out: {CASE.id} is there twice."


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


def test_the_list_that_ships_is_of_the_bundle_that_ships():
    cases, problems = read_cases()
    assert problems == ()
    assert 40 <= len(cases) <= 60
    model = json.loads(CASES_FILE.read_text(encoding="utf-8"))["model"]
    assert model["weights"] == checksum(DEFAULT / NETWORK), "another bundle: write the list again, training cases"
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
def test_the_list_that_ships_says_what_the_model_answers_and_knows_the_photographs():
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
