"""Colors of classes, kinds and cells: distinct, and with enough contrast on the light and the dark page."""

import itertools

import numpy as np
import pytest

from interface.frontend.theme import clinical_theme
from mat_core.data.labels import CODES, PARTS, WHOLE_IMAGE
from mat_core.display.colors import KINDS, UNKNOWN_CLASS, UNKNOWN_KIND, class_color, class_dashes, kind_color
from mat_core.display.layout import cell_colors

HALO = "#10161b"  # around boxes on photographs, and the text on their plates


def luminance(color: str) -> float:
    """WCAG's relative luminance of '#rrggbb', 0 to 1."""
    c = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return float(np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) @ (0.2126, 0.7152, 0.0722))


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("code", [*CODES, "of another data set"])
def test_class_colors_are_seen_on_the_page_light_and_dark(code):
    dark = clinical_theme().background_fill_primary_dark
    assert dark == "#15202a"
    assert min(contrast(class_color(code), "#ffffff"), contrast(class_color(code), dark)) >= 3


def test_no_two_classes_share_a_color_or_a_line_style():
    assert len({class_color(c) for c in CODES} | {UNKNOWN_CLASS[0]}) == 8
    assert len({class_dashes(c) for c in CODES} | {UNKNOWN_CLASS[1]}) == 8
    rgb = {c: np.array([int(class_color(c)[i : i + 2], 16) for i in (1, 3, 5)]) for c in CODES}
    assert min(np.abs(rgb[a] - rgb[b]).max() for a, b in itertools.combinations(CODES, 2)) >= 50


def test_kinds_have_colors_that_carry_dark_text():
    assert set(KINDS) == {"lesion", WHOLE_IMAGE, *PARTS}
    assert {kind_color(code) for code in CODES} == {kind_color("lesion")}
    assert len({kind_color(kind) for kind in KINDS}) == 5
    assert kind_color("dog (COCO)") == UNKNOWN_KIND
    assert min(contrast(color, HALO) for color in (*KINDS.values(), UNKNOWN_KIND)) >= 7


def test_text_of_cells_has_contrast():
    for background, ink in zip(*cell_colors(np.linspace(0, 1, 200), 1.0), strict=True):
        assert contrast(background, ink) >= 4.5
    assert len(set(cell_colors(np.zeros(3), 0.0)[0])) == 1
