"""Figures: the numbers are the network's, the text can be read, and nothing to draw is said in words."""

import io
from dataclasses import replace

import numpy as np
import pytest

from mat_core import ConfigError, Metadata
from mat_core.data.image_loading import load_image
from mat_core.data.labels import BY_CODE, DISCLAIMER
from mat_core.display.layout import place_labels
from mat_core.figures import heatmap, plot_diagnosis, region_texts, to_png
from mat_core.inference.diagnosis import guided_map, regions_by_words, top_regions
from mat_core.models.transformer import ATTENTION_MAPS
from mat_core.utils.formatting import format_cell_percent


@pytest.fixture(scope="module")
def diagnosis(tiny_diagnoser, phantom_file):
    return tiny_diagnoser(phantom_file, Metadata(55, "female", "back"))


def texts(figure) -> str:
    return "\n".join(text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text")))


@pytest.mark.parametrize("direction", ["words_to_regions", "regions_to_words"])
def test_rows_sum_to_1_and_the_average_is_that_of_the_heads(diagnosis, direction):
    heads = [guided_map(diagnosis, direction, head) for head in range(4)]
    assert np.allclose(heads[0].sum(1), 1, atol=1e-5)
    assert np.allclose(guided_map(diagnosis, direction), np.mean(heads, 0))
    assert regions_by_words(diagnosis, direction).shape == (len(diagnosis.regions), len(diagnosis.words))
    with pytest.raises(ConfigError, match="head must be from 0 to 3"):
        guided_map(diagnosis, direction, 4)
    with pytest.raises(ConfigError, match="layer must be from 0 to 0"):
        guided_map(diagnosis, direction, layer=1)


def test_labels_stay_inside_and_off_each_other():
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 380, (8, 2))
    boxes = np.hstack([corners, corners + rng.uniform(5, 60, (8, 2))])
    widths = np.full(8, 80.0)
    spots = place_labels(boxes, widths, 17, (460, 440))
    assert (spots >= 0).all()
    assert (spots <= (460 - 80, 440 - 17)).all()
    for i, (x, y) in enumerate(spots):
        assert not [j for j in range(i) if abs(spots[j][0] - x) < 80 and abs(spots[j][1] - y) < 17]
    spots = place_labels(np.tile([10.0, 10.0, 90.0, 90.0], (6, 1)), np.full(6, 50.0), 12, (100, 100))
    assert len({tuple(spot) for spot in spots}) == 6  # of equal boxes
    assert (
        place_labels(np.array([[5, 5, 9, 9]]), np.array([300.0]), 12, (100, 100)) >= 0
    ).all()  # wider than the frame


def test_regions_are_in_the_requested_order_and_numbered_where_they_are_many(diagnosis):
    names = diagnosis.regions.names
    assert region_texts(diagnosis.regions, np.array([4, 1])) == [f"{i + 1} {names[i]}" for i in (4, 1)]
    assert region_texts(diagnosis.regions, np.arange(36))[35] == "36"
    attended = diagnosis.attention.words_to_regions[-1].mean((0, 1))
    assert list(top_regions(diagnosis, 3, "attention")) == list(np.argsort(-attended)[:3])
    assert list(top_regions(diagnosis, 3)) == [0, 1, 2]
    silent = replace(diagnosis, attention=type(diagnosis.attention)())
    assert list(top_regions(silent, 2, "attention")) == [0, 1]
    with pytest.raises(ConfigError, match="attention, detector"):
        top_regions(diagnosis, 3, "size")


@pytest.mark.parametrize(("k", "head"), [(1, None), (5, 0), (36, 3)])
def test_a_plotted_diagnosis_has_every_text(diagnosis, phantom_file, k, head):
    figure = plot_diagnosis(diagnosis, load_image(phantom_file), k, head, "Synthetic 1.")
    said = texts(figure)
    for info in BY_CODE.values():
        assert info.name in said
    for text in ("(malignant)", "(premalignant)", DISCLAIMER, "Synthetic 1.", f"The {k} first of", "female"):
        assert text in said
    assert "average of the heads" in said if head is None else f"head {head + 1}" in said


def test_a_plotted_diagnosis_without_maps(tiny_diagnoser, diagnosis, phantom_file):
    image = load_image(phantom_file)
    silent = plot_diagnosis(tiny_diagnoser(phantom_file, Metadata()), image)
    assert texts(silent).count("No words were read.") == 2
    assert to_png(silent, dpi=40).startswith(b"\x89PNG")
    attention = replace(diagnosis.attention, regions_to_words=None)
    assert "This unit has no such block." in texts(plot_diagnosis(replace(diagnosis, attention=attention), image))


@pytest.mark.parametrize("direction", ATTENTION_MAPS)
def test_a_heatmap_shows_the_networks_numbers_and_is_vector(diagnosis, direction):
    figure = heatmap(diagnosis, direction, 6, head=2, layer=0)
    weights = regions_by_words(diagnosis, direction, 2)[:6, : 6 if direction == "regions_to_regions" else None]
    if direction == "words_to_words":
        weights = regions_by_words(diagnosis, direction, 2)
    numbers = [text.get_text() for text in figure.axes[0].texts]
    assert numbers == [format_cell_percent(float(value)) for value in weights.ravel()]
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg")
    assert b"<image" not in buffer.getvalue(), "cells and scale are paths, not pixels"
