"""Attention over a grid: known boxes give known cells, also in units that lack a map."""

from dataclasses import replace

import numpy as np
import pytest

from mat_core import Attention, Diagnosis, Metadata, Regions, Word
from mat_core.data.image_loading import load_image
from mat_core.data.labels import CODES
from mat_core.explain import occlude
from mat_core.explain.attention_grid import SOURCES, UNIFORM_NOTE, attention_on_grid, grid_for


def made(boxes, attention: Attention) -> Diagnosis:
    """A diagnosis of a picture of 40 x 80 pixels (height, width) with two regions."""
    regions = Regions(np.array(boxes, "f4"), np.full((2, 7), 1 / 7, "f4"), np.zeros((2, 4), "f4"), (40, 80))
    p = dict.fromkeys(CODES, 1 / 7)
    return Diagnosis(p, np.zeros(7), regions, (Word("age", "age"),), Metadata(5), "sga-sga", attention)


HALVES = [(0, 0, 40, 40), (40, 0, 80, 20)]  # the left half; the right half's upper part


BEYOND = [(-100, -100, 40, 20), (20, 10, 60, 30)]  # reaches out of the picture; lies across all cells
FIRST, SECOND = np.array([[[[1.0, 0.0]]]]), np.array([[[[0.0, 1.0]]]])  # the region that one word looks at


@pytest.mark.parametrize(
    ("boxes", "attention", "cells", "note"),
    [
        # two heads of one word: on average 3/4 for the first region, 1/4 for the second
        (HALVES, Attention(words_to_regions=np.array([[[[1.0, 0.0]], [[0.5, 0.5]]]])), [[0.375, 0.25], [0.375, 0]], 0),
        (HALVES, Attention(words_to_regions=np.concatenate([FIRST, SECOND])), [[0, 1], [0, 0]], 0),  # the last layer
        (BEYOND, Attention(words_to_regions=FIRST), [[1, 0], [0, 0]], 0),
        (BEYOND, Attention(words_to_regions=SECOND), [[0.25, 0.25], [0.25, 0.25]], 0),
        # without words regions look, without attention each region weighs the same
        (
            HALVES, Attention(words_to_regions=np.zeros((1, 1, 0, 2)), regions_to_regions=SECOND.repeat(2, 2)),
            [[0, 1], [0, 0]], 1,
        ),
        (HALVES, Attention(), [[0.25, 0.5], [0.25, 0]], None),
    ],
)  # fmt: skip
def test_weights_lie_where_their_boxes_are(boxes, attention, cells, note):
    found, source = attention_on_grid(made(boxes, attention), 2, 2)
    np.testing.assert_allclose(found, cells, atol=1e-9)
    assert source == (UNIFORM_NOTE if note is None else SOURCES[note][1])


@pytest.mark.slow
@pytest.mark.parametrize("turned", [False, True])
def test_the_grid_is_that_of_occlusion(tiny_diagnoser, phantom_file, turned):
    image = load_image(phantom_file)
    image = np.ascontiguousarray(image.swapaxes(0, 1)) if turned else image
    found = occlude(tiny_diagnoser, image)
    rows, columns = grid_for(image.shape[:2])
    assert found.cells.shape == (rows, columns)
    cells, _ = attention_on_grid(replace(tiny_diagnoser(image), words=()), rows, columns)
    assert cells.shape == (rows, columns)
    assert cells.sum() == pytest.approx(1)
