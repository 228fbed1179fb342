"""Numbers and names as people read them: one format, a true minus, nothing rounded to what it is not."""

import pytest

from mat_core.data.labels import BY_CODE, CODES, class_name, class_title, nature
from mat_core.utils.formatting import (
    format_cell_percent,
    format_change,
    format_of_100,
    format_percent,
    format_points,
    format_signed,
    format_spread,
    pluralize,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0.0%"), (1e-6, "<0.1%"), (0.0005, "0.1%"), (0.0712, "7.1%"), (0.8414, "84.1%"), (0.9994, "99.9%"),
     (0.99951, ">99.9%"), (1, "100.0%")],
)  # fmt: skip
def test_a_share_is_in_percent_with_one_decimal(value, text):
    assert format_percent(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.0712, "+7.1"), (-0.0034, "\u22120.3"), (1e-4, "0.0"), (-1e-4, "0.0"), (-1, "\u2212100.0")]
)
def test_a_change_is_in_points_and_has_a_true_sign(value, text):
    assert format_points(value) == text
    assert format_change(value) == f"{text} points"


def test_other_numbers():
    assert [format_signed(v) for v in (1.375, -0.5, 0.004, -0.004)] == ["+1.38", "\u22120.50", "0.00", "0.00"]
    assert format_signed(-0.0004, 3) == "0.000"
    assert format_spread(0.0321) == "3.2 points"
    assert format_of_100(0.954) == "95"
    assert [pluralize(n, "region") for n in (0, 1, 2)] == ["0 regions", "1 region", "2 regions"]


def test_classes_are_called_by_the_one_table():
    assert class_name("mel") == "melanoma"
    assert class_title("akiec") == "Actinic keratosis / Bowen's disease"
    assert (class_name("X"), class_title("X"), nature("X")) == ("X", "X", "")
    assert {code: nature(code) for code in CODES} == {code: info.nature for code, info in BY_CODE.items()}
    assert nature("akiec") == "premalignant"


@pytest.mark.parametrize(
    ("weight", "text"), [(0, "0.0"), (1e-6, "<0.1"), (0.0123, "1.2"), (0.0996, "10"), (0.5, "50"), (1, "100")]
)
def test_percent_is_short(weight, text):
    assert format_cell_percent(weight) == text
