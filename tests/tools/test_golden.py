"""Records of what a checkout answers: what counts as a difference between two."""

import json

import pytest

from tools.golden import TOLERANCE, compare, differences


@pytest.mark.parametrize(
    ("a", "b", "count"),
    [
        (0.5, 0.5 + TOLERANCE / 2, 0),
        (0.5, 0.5 + TOLERANCE * 2, 1),
        ([0.1, 0.2], [0.1, 0.3], 1),
        ([0.1], [0.1, 0.2], 1),
        ({"a": 1}, {"b": 1}, 2),
        ({"a": {"b": [1, {"c": None}]}}, {"a": {"b": [1, {"c": 0}]}}, 1),
        ("one\ntwo", "one\nthree", 2),
        (True, 1, 0),
    ],
)
def test_numbers_may_differ_by_the_tolerance_and_nothing_else_may(a, b, count):
    assert len(list(differences("x", a, b))) == count


def test_a_record_agrees_with_itself_and_not_with_another(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    answers = {"diagnose": {"case": {"probabilities": {"mel": 0.25}, "image": {"uri": "data:image/jpeg;base64,AA"}}}}
    for folder, shift in ((one, 0), (other, 0.01)):
        folder.mkdir()
        answers["diagnose"]["case"]["probabilities"]["mel"] += shift
        answers["diagnose"]["case"]["image"]["uri"] += "BB"
        table = f"image,a,b,c,d,e\nx,{shift},0,0,0,0\n"
        texts = {"diagnose case": json.dumps({"mel": shift}), "list": table}
        for name, value in (("endpoints", answers), ("commands", texts), ("tabs", {"Diagnose": "Melanoma"})):
            (folder / f"{name}.json").write_text(json.dumps(value))
    assert compare(one, one) == []
    lines = compare(one, other)
    assert [line.split(":")[0] for line in lines] == [
        "endpoints/diagnose/case/probabilities/mel", "commands/diagnose case/0/mel", "commands/list/0/a",
    ]  # fmt: skip
