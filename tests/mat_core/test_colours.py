"""One colour for each class and kind: told apart, and seen on white and on the dark page."""

import itertools

import numpy as np
import pytest

from interface.theme import clinical_theme
from mat_core.colours import KINDS, UNKNOWN_CLASS, UNKNOWN_KIND, class_colour, class_dashes, kind_colour
from mat_core.labels import CODES, PARTS

HALO = "#10161b"  # around boxes on photographs, and the text on their plates


def luminance(colour: str) -> float:
    """WCAG's relative luminance of '#rrggbb', 0 to 1."""
    c = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return float(np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) @ (0.2126, 0.7152, 0.0722))


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_measured_as_wcag_says():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.005)


@pytest.mark.parametrize("code", [*CODES, "of another data set"])
def test_class_colours_are_seen_on_the_page_light_and_dark(code):
    dark = clinical_theme().background_fill_primary_dark
    assert dark == "#15202a"
    assert min(contrast(class_colour(code), "#ffffff"), contrast(class_colour(code), dark)) >= 3


def test_no_two_classes_share_a_colour_or_a_line_style():
    assert len({class_colour(c) for c in CODES} | {UNKNOWN_CLASS[0]}) == 8
    assert len({class_dashes(c) for c in CODES} | {UNKNOWN_CLASS[1]}) == 8
    rgb = {c: np.array([int(class_colour(c)[i : i + 2], 16) for i in (1, 3, 5)]) for c in CODES}
    assert min(np.abs(rgb[a] - rgb[b]).max() for a, b in itertools.combinations(CODES, 2)) >= 50


def test_kinds_have_colours_that_carry_dark_text():
    assert set(KINDS) == {"lesion", *PARTS}
    assert {kind_colour(code) for code in CODES} == {kind_colour("lesion")}
    assert len({kind_colour(kind) for kind in KINDS}) == 4
    assert kind_colour("dog (COCO)") == UNKNOWN_KIND
    assert min(contrast(colour, HALO) for colour in (*KINDS.values(), UNKNOWN_KIND)) >= 7
