"""Practice on the server: a link draws the same round everywhere, and nothing is told before it is asked for."""

import json
import threading
import time
from collections import Counter

import numpy as np
import pytest
from fake_isic_archive import named

from interface.tabs.practice import PHANTOM_SIZE, PracticeService
from mat_core import ConfigError, DataError
from mat_core.data.labels import BY_CODE, CODES
from mat_core.explain import occlude
from mat_core.explain.attention_grid import attention_on_grid
from teaching.cases.catalog import read_cases
from teaching.cases.custom_cases import read_custom_cases
from teaching.cases.library import CaseLibrary, open_library
from teaching.cases.practice_rounds import MAX_CASES, MAX_SEED, draw_round
from teaching.phantoms import make_phantom
from teaching.sentences import occlusion_text
from teaching.translations import page_text, text

FIRST, PICTURE = named(7)
CASES = tuple((f"ISIC_{n:07}", CODES[n % 7], FIRST.metadata) for n in range(21))
ROUND = {"kind": "phantoms", "seed": 5, "count": 3, "at": 1, "ticket": 9}


@pytest.fixture(scope="module")
def room(tiny_diagnoser):
    return PracticeService(tiny_diagnoser, CaseLibrary())


def told(room, ask, **changes) -> dict:
    return json.loads(room.answer(ROUND | {"ask": ask} | changes))


def finished(room) -> dict:
    """What mattered when hidden, once it is computed."""
    for _ in range(600):
        if "pending" not in (hidden := told(room, "hidden")):
            return hidden
        time.sleep(0.1)
    raise AssertionError("it is never computed")


def test_a_seed_draws_what_it_always_drew():
    # written down: a link that was given out last year must open the same round
    assert [(d.diagnosis, d.seed) for d in draw_round("phantoms", 5, 3)] == [
        ("akiec", 509599),
        ("bcc", 100500),
        ("nv", 119417),
    ]
    assert [d.name for d in draw_round("cases", 5, 3, CASES)] == ["ISIC_0000005", "ISIC_0000000", "ISIC_0000011"]


def test_a_longer_round_begins_alike_and_another_seed_otherwise():
    for kind in ("phantoms", "cases"):
        assert draw_round(kind, 5, 9, CASES)[:3] == draw_round(kind, 5, 3, CASES)
        assert draw_round(kind, 6, 9, CASES) != draw_round(kind, 5, 9, CASES)
    assert draw_round("cases", 5, 9, CASES) == draw_round("cases", 5, 9, CASES[::-1])


def test_no_case_comes_twice_and_every_class_is_as_likely():
    drawn = draw_round("cases", 1, len(CASES), CASES)
    assert sorted(d.name for d in drawn) == [name for name, *_ in CASES]
    counts = Counter(d.diagnosis for seed in range(70) for d in draw_round("phantoms", seed, MAX_CASES))
    assert set(counts) == set(CODES)
    assert all(abs(count - 400) < 80 for count in counts.values())  # four standard deviations


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (("cats", 5, 3), "A round is of phantoms, cases, own; got 'cats'"),
        ((None, 5, 3), "A round is of phantoms, cases, own"),
        (("phantoms", -1, 3), f"seed must be a whole number from 0 to {MAX_SEED}"),
        (("phantoms", 1.5, 3), "seed must be a whole number"),
        (("phantoms", 5, 0), f"length must be a whole number from 1 to {MAX_CASES}"),
        (("phantoms", 5, MAX_CASES + 1), "length must be a whole number"),
        (("phantoms", 5, 3, CASES, "naevi"), "A drill is mel, bkl, wrong, only- and classes with hyphens; got 'naevi'"),
        (("phantoms", 5, 3, CASES, "only-"), "A drill is mel, bkl"),
        (("phantoms", 5, 3, CASES, ["mel"]), "A drill is mel, bkl"),
        (("phantoms", 5, 3, CASES, "", 100), "prevalence in percent must be a whole number from 1 to 99"),
        (("phantoms", 5, 3, CASES, "only-mel-nv", 5), "prevalence cannot be set for drill 'only-mel-nv'"),
        (("cases", 5, 7, CASES, "only-mel-nv"), "There are 6 cases of this kind; a round of 7 needs as many"),
        (("cases", 5, 30), "There are 21 cases of this kind; a round of 30 needs as many"),
    ],
)
def test_a_round_that_cannot_be_is_told(wrong, said):
    with pytest.raises(ConfigError, match=said):
        draw_round(*wrong, **({} if len(wrong) > 3 else {"cases": CASES}))


def shares(drill: str, prevalence: int | None = None) -> dict[str, float]:
    """How often each class comes, of 2000 drawings."""
    drawn = [d.diagnosis for seed in range(50) for d in draw_round("phantoms", seed, MAX_CASES, (), drill, prevalence)]
    return {code: drawn.count(code) / len(drawn) for code in CODES}


@pytest.mark.parametrize(
    ("drill", "prevalence", "code", "share"),
    [
        ("mel", None, "mel", 0.5),
        ("bkl", None, "bkl", 0.5),
        ("mel", None, "nv", 0.5 / 6),
        ("", 3, "mel", 0.03),
        ("", 3, "nv", 0.97 * 6705 / 8902),
        ("bkl", 20, "bkl", 0.2),
        ("bkl", 20, "mel", 0.8 * 1113 / 8916),
        ("only-mel-nv", None, "mel", 0.5),
        ("only-mel-nv", None, "bcc", 0),
    ],
)
def test_a_class_comes_as_often_as_the_round_says(drill, prevalence, code, share):
    assert abs(shares(drill, prevalence)[code] - share) <= 4 * (share * (1 - share) / 2000) ** 0.5


def test_a_round_of_the_models_errors(room, tiny_diagnoser):
    asked = {"drill": "wrong", "count": 4}
    for at in range(4):
        case, model, truth = (told(room, ask, at=at, **asked) for ask in ("case", "model", "truth"))
        assert model["probabilities"][0][0] != truth["truth"]
        assert case["picture"]


def test_where_the_model_is_right_there_is_no_round_of_its_errors():
    with pytest.raises(ConfigError, match="The model is wrong about 1 of the cases"):
        draw_round("cases", 1, 3, CASES, "wrong", None, lambda case: case.name == "ISIC_0000004")


def test_answers_to_a_class_are_computed_once(tiny_diagnoser):
    calls, room = [], PracticeService(tiny_diagnoser, CaseLibrary())
    compute = room._handlers["model"]

    def slowly(*arguments):
        calls.append(arguments)
        time.sleep(0.2)
        return compute(*arguments)

    room._handlers["model"] = slowly
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(told(room, "model"))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls) == 1
    assert len(answers) == 16
    assert all(answer == answers[0] for answer in answers)


def test_a_case_comes_without_its_truth(room):
    case = told(room, "case")
    assert (case["ask"], case["ticket"]) == ("case", 9)
    drawn = draw_round("phantoms", 5, 3)[1]
    phantom = make_phantom(drawn.seed, drawn.diagnosis, PHANTOM_SIZE)
    assert case["patient"] == {
        "age": phantom.metadata.age, "sex": phantom.metadata.sex, "site": phantom.metadata.localization,
    }  # fmt: skip
    assert (case["rows"], case["columns"], case["width"], case["height"]) == (6, 8, 400, 300)
    assert case["picture"].startswith("data:image/jpeg;base64,")
    rest = json.dumps({key: value for key, value in case.items() if key != "picture"})
    assert drawn.diagnosis not in rest
    assert BY_CODE[drawn.diagnosis].name not in rest


def test_the_models_answer_is_the_models_and_comes_without_the_truth(room, tiny_diagnoser):
    model = told(room, "model")
    drawn = draw_round("phantoms", 5, 3)[1]
    phantom = make_phantom(drawn.seed, drawn.diagnosis, PHANTOM_SIZE)
    diagnosis = tiny_diagnoser(phantom.image, phantom.metadata)
    assert dict(map(tuple, model["probabilities"])) == pytest.approx(diagnosis.probabilities, abs=1e-4)
    assert model["probabilities"][0][0] == diagnosis.top
    assert np.allclose(model["attended"], attention_on_grid(diagnosis, 6, 8)[0].ravel(), atol=1e-6)
    assert "truth" not in model


@pytest.mark.slow
def test_the_truth_and_what_mattered(tiny_diagnoser):
    room = PracticeService(tiny_diagnoser, CaseLibrary())
    drawn = draw_round("phantoms", 5, 3)[1]
    assert told(room, "truth")["truth"] == drawn.diagnosis
    phantom = make_phantom(drawn.seed, drawn.diagnosis, PHANTOM_SIZE)
    found = occlude(tiny_diagnoser, phantom.image, phantom.metadata)
    assert told(room, "hidden") == {"ask": "hidden", "ticket": 9, "pending": True}
    hidden = finished(room)
    assert np.allclose(hidden["effect"], found.effect(hidden["label"]), atol=1e-5)
    assert hidden["sentence"] == page_text(occlusion_text(found, hidden["label"]))


def test_a_real_case_is_the_libraries(tiny_diagnoser, tmp_path):
    path = tmp_path / "own.jpg"
    path.write_bytes(PICTURE)
    room = PracticeService(tiny_diagnoser, CaseLibrary((FIRST,), {FIRST.id: path}))
    asked = {"kind": "cases", "count": 1, "at": 0}
    case = told(room, "case", **asked)
    assert (case["name"], case["patient"]) == (FIRST.id, {"age": 45, "sex": "male", "site": "back"})
    assert case["note"] == "somebody; CC 0."
    assert "histo" not in json.dumps(case | {"picture": ""})  # how it was confirmed says what it is
    assert told(room, "truth", **asked) == {
        "ask": "truth",
        "ticket": 9,
        "truth": "mel",
        "how": page_text(text("practice.confirmed-by", how=text("told.histo"))),
    }
    facts = json.loads(room.facts())
    assert (facts["cases"], facts["atHand"], facts["first"]) == (1, 1, "cases")


def test_a_stand_in_says_what_it_is_and_not_its_class(tiny_diagnoser, tmp_path):
    room = PracticeService(tiny_diagnoser, CaseLibrary((FIRST,), folder=tmp_path))
    case = told(room, "case", kind="cases", count=1, at=0)
    assert "A phantom stands in" in case["note"]
    assert "elanoma" not in case["note"]
    assert json.loads(room.facts())["first"] == "phantoms"


@pytest.mark.parametrize("data", [{}, {"ask": "secrets"}, {"ask": ["case"]}, {"ask": None, "ticket": "x"}])
def test_another_question_is_refused(room, data):
    answer = json.loads(room.answer(data))
    assert (answer["ask"], answer["ticket"]) == ("", 0)
    assert "The page may ask for case, model, truth, hidden." in answer["error"]


@pytest.mark.parametrize("changes", [{"at": 3}, {"at": -1}, {"at": True}, {"at": None}, {"seed": "5"}, {"count": [1]}])
def test_a_case_that_is_not_in_the_round_is_refused(room, changes):
    answer = told(room, "truth", **changes)
    assert answer["ticket"] == 9
    assert "truth" not in answer
    assert answer["error"]


def test_the_cases_that_ship_make_a_round():
    cases, _ = read_cases()
    there = [(case.id, case.diagnosis, case.metadata) for case in cases]
    assert len({d.name for d in draw_round("cases", 3, MAX_CASES, there)}) == MAX_CASES


@pytest.fixture
def folder(tmp_path):
    """A teacher's folder: two pictures and a table."""
    for name in ("a-1", "b-2"):
        (tmp_path / f"{name}.jpg").write_bytes(PICTURE)
    (tmp_path / "cases.csv").write_text(
        "\ufeffid,truth,age,sex,localization,confirmed,source\n"
        "a-1,mel,70,male,back,histo,our clinic\nb-2,nv,,,,,\n", encoding="utf-8",
    )  # fmt: skip
    return tmp_path


def test_a_teachers_own_cases_are_a_round(tiny_diagnoser, folder, tmp_path):
    library, problems = open_library(None, True, tmp_path, own=folder)
    assert problems == ()
    room = PracticeService(tiny_diagnoser, library)
    assert (json.loads(room.facts())["own"], json.loads(room.facts())["first"]) == (2, "own")
    asked = [{"kind": "own", "count": 2, "at": at} for at in (0, 1)]
    cases = {case["name"]: case for case in (told(room, "case", **one) for one in asked)}
    assert cases["a-1"]["patient"] == {"age": 70, "sex": "male", "site": "back"}
    assert cases["a-1"]["note"] == "our clinic"
    assert cases["b-2"]["patient"] == {"age": None, "sex": None, "site": None}
    truths = {(one := told(room, "truth", **each))["truth"]: one["how"]["values"]["how"]["key"] for each in asked}
    assert truths == {"mel": "told.histo", "nv": "told.unknown"}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("c-3,nv,5,,,,", "beside it there is no image 'c-3'"),
        ("../a-1,nv,5,,,,", "beside it there is no image '../a-1'"),
        ("b-2,mole,5,,,,", "none of the seven, bcc"),
        ("b-2,nv,500,,,,", "Age must be whole years"),
        ("b-2,nv,5,,,by eye,", "dx_type must be one of histo"),
        ("a-1,nv,5,,,,", "a-1 is there twice"),
        ("broken,nv,5,,,,", "not an image file that can be read"),
        ("b-2", "truth must be one of bcc"),
        ("b-2,nv,5,,,,x,y", ""),
        ('b-2.JPG,melanocytic_Nevi,"85+",w,,,x', ""),
    ],
)
def test_a_line_with_a_mistake_is_left_out_and_named(folder, line, said):
    (folder / "broken.png").write_bytes(b"no picture")
    text = (folder / "cases.csv").read_text(encoding="utf-8-sig").splitlines()
    (folder / "cases.csv").write_text("\n".join([*text[:2], line]), encoding="utf-8")
    cases, problems = read_custom_cases(folder)
    if not said:  # more than there are columns harms nobody
        assert (len(cases), problems) == (2, ())
        return
    assert [case.name for case in cases] == ["a-1"]
    (problem,) = problems
    assert problem.startswith("cases.csv, line 3 is left out: ")
    assert said in problem


@pytest.mark.parametrize("text", ["", "id,age\na-1,50\n", "id,truth\n", "\udcff"])
def test_a_folder_without_a_table_is_told(folder, text):
    (folder / "cases.csv").write_text(text, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(DataError, match=r"cases\.csv"):
        read_custom_cases(folder)
    with pytest.raises(DataError, match=r"has no table cases\.csv"):
        read_custom_cases(folder / "elsewhere")
