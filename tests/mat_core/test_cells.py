"""Attention over a grid: known boxes give known cells, and what a unit lacks is replaced by what it has."""

from dataclasses import replace

import numpy as np
import pytest

from mat_core import Attention, Diagnosis, Metadata, Regions, Word
from mat_core.explain import occlude
from mat_core.explain.cells import EVEN, SOURCES, attended, grid_for
from mat_core.images import load_image
from mat_core.labels import CODES


def made(boxes, attention: Attention) -> Diagnosis:
    """A diagnosis of a picture of 40 x 80 pixels (height, width) with two regions."""
    regions = Regions(np.array(boxes, "f4"), np.full((2, 7), 1 / 7, "f4"), np.zeros((2, 4), "f4"), (40, 80))
    p = dict.fromkeys(CODES, 1 / 7)
    return Diagnosis(p, np.zeros(7), regions, (Word("age", "age"),), Metadata(5), "sga-sga", attention)


HALVES = [(0, 0, 40, 40), (40, 0, 80, 20)]  # the left half; the right half's upper part


def test_weights_lie_where_their_boxes_are():
    # two heads of one word: on average 3/4 for the first region, 1/4 for the second
    weights = np.array([[[[1.0, 0.0]], [[0.5, 0.5]]]])
    cells, said = attended(made(HALVES, Attention(words_to_regions=weights)), 2, 2)
    assert np.allclose(cells, [[0.375, 0.25], [0.375, 0]])
    assert said == SOURCES[0][1]


def test_the_last_layer_counts():
    weights = np.array([[[[1.0, 0.0]]], [[[0.0, 1.0]]]])
    assert np.allclose(attended(made(HALVES, Attention(words_to_regions=weights)), 2, 2)[0], [[0, 1], [0, 0]])


def test_a_box_that_reaches_beyond_the_picture_or_lies_across_cells_is_cut():
    boxes = [(-100, -100, 40, 20), (20, 10, 60, 30)]
    cells, _ = attended(made(boxes, Attention(words_to_regions=np.array([[[[0.0, 1.0]]]]))), 2, 2)
    assert np.allclose(cells, 0.25)
    cells, _ = attended(made(boxes, Attention(words_to_regions=np.array([[[[1.0, 0.0]]]]))), 2, 2)
    assert np.allclose(cells, [[1, 0], [0, 0]])


def test_without_words_regions_look_and_without_attention_each_counts_alike():
    none = np.zeros((1, 1, 0, 2))
    own = np.array([[[[0.0, 1.0], [0.0, 1.0]]]])
    cells, said = attended(made(HALVES, Attention(words_to_regions=none, regions_to_regions=own)), 2, 2)
    assert np.allclose(cells, [[0, 1], [0, 0]])
    assert said == SOURCES[1][1]
    cells, said = attended(made(HALVES, Attention()), 2, 2)
    assert np.allclose(cells, [[0.25, 0.5], [0.25, 0]])
    assert said == EVEN


@pytest.mark.slow
@pytest.mark.parametrize("turned", [False, True])
def test_the_grid_is_that_of_hiding(tiny_diagnoser, phantom_file, turned):
    image = load_image(phantom_file)
    image = np.ascontiguousarray(image.swapaxes(0, 1)) if turned else image
    found = occlude(tiny_diagnoser, image)
    rows, columns = grid_for(image.shape[:2])
    assert found.cells.shape == (rows, columns)
    cells, _ = attended(replace(tiny_diagnoser(image), words=()), rows, columns)
    assert cells.shape == (rows, columns)
    assert cells.sum() == pytest.approx(1)
