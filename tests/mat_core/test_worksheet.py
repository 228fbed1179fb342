"""The worksheet: the class's page tells nothing of the answer, the teacher's all; what does not fit says so."""

import re

import pytest
from papers import pages

from mat_core import ConfigError, Metadata
from mat_core.explain import ablate
from mat_core.images import load_image
from mat_core.labels import BY_CODE, DISCLAIMER
from mat_core.worksheet import ASKS, MOST_ASKED, Asked, worksheet


@pytest.fixture(scope="module")
def case(tiny_diagnoser, phantom_file):
    image = load_image(phantom_file)
    return tiny_diagnoser(image, Metadata(55, "female", "back")), image


def test_the_class_sees_the_case_and_the_questions_and_nothing_of_the_answer(case):
    first, second = pages(worksheet(*case, title="Case 7", source="our clinic", truth="A nevus, as confirmed."))
    for text in ("Name:", "Case 7", "55 years, female, site back", "How sure are you?", "our clinic", DISCLAIMER):
        assert text in first
    for asked in ASKS:
        assert f"{asked.question} {asked.what}" in first
    for known in BY_CODE.values():
        assert known.name in first  # a square to tick
    percents = set(re.findall(r"[\d.]+%", first))
    assert percents == {"0%", "25%", "50%", "75%", "100%"}  # the scale of the own confidence, and nothing else
    for told in ("A nevus", "The model", "likely", "mel "):
        assert told not in first
        assert told in second or told == "mel "


@pytest.mark.slow
def test_the_teacher_has_truth_answer_and_what_was_found(case, tiny_diagnoser):
    diagnosis, _ = case
    taken = ablate(tiny_diagnoser, diagnosis.regions, diagnosis.metadata)
    asks = [("Is it even?", "", "It is not."), Asked("And?")]
    _, second = pages(worksheet(*case, truth="A nevus, as confirmed.", asks=asks, taken=taken, label="df"))
    top = diagnosis.top
    for text in (
        "A nevus, as confirmed.", f"{BY_CODE[top].name}, {diagnosis.probabilities[top]:.1%}",
        "Hiding parts: not asked.", taken.sentence("df").split(",")[0], "1. Is it even? It is not. 2. And?",
        "Where it is from was not said.",
    ):  # fmt: skip
        assert text in second, text
    assert "Nobody has said what it is" in pages(worksheet(*case))[1]


@pytest.mark.slow
def test_the_same_case_gives_the_same_bytes(case):
    assert worksheet(*case) == worksheet(*case)


@pytest.mark.slow
@pytest.mark.parametrize("count", range(1, MOST_ASKED + 1))
def test_the_boxes_fill_the_page_and_no_more(case, count):
    for title in ("", "Case: Synthetic 1", "a long name " * 20):
        assert len(pages(worksheet(*case, title=title, source="whose " * count, asks=[("Why?",)] * count))) == 2


def test_as_many_and_as_long_questions_as_are_allowed_find_room(case):
    asks = [Asked(f"{i}: {'is it so? ' * 12}", "a hint " * 8, "it is " * 20) for i in range(MOST_ASKED)]
    first, second = pages(worksheet(*case, source="whose " * 99, asks=asks))
    assert "5: is it so?" in first
    assert "it is it is" in second


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"asks": []}, "Give 1 to 6 questions"),
        ({"asks": [("a?",)] * 7}, "Give 1 to 6 questions"),
        ({"asks": [("a", "b", "c", "d")]}, "Give 1 to 6 questions"),
        ({"asks": ["a?"]}, "Give 1 to 6 questions"),
        ({"asks": [("",)]}, "Give 1 to 6 questions"),
        ({"asks": [("a?", None)]}, "at most 600 characters"),
        ({"title": "a" * 601}, "at most 600 characters"),
        ({"truth": None}, "at most 600 characters"),
        ({"label": "men"}, "The class must be one of"),
        ({"asks": [("word " * 119,)] * 6}, "too long for their page"),
    ],
)
def test_what_there_is_not_is_told(case, wrong, said):
    with pytest.raises(ConfigError, match=re.escape(said)):
        worksheet(*case, **wrong)
