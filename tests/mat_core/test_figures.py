"""Figures: the numbers are the network's, the text can be read, and nothing to draw is said in words."""

import io
from dataclasses import replace

import numpy as np
import pytest

from mat_core import ConfigError, Metadata
from mat_core.figures import (
    by_region,
    cell_colours,
    guided_map,
    heatmap,
    label_spots,
    plate,
    region_texts,
    shown_regions,
    to_png,
)
from mat_core.images import load_image
from mat_core.labels import BY_CODE, DISCLAIMER
from mat_core.units import MAPS
from mat_core.wording import percent


@pytest.fixture(scope="module")
def diagnosis(tiny_diagnoser, phantom_file):
    return tiny_diagnoser(phantom_file, Metadata(55, "female", "back"))


def texts(figure) -> str:
    return "\n".join(text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text")))


def luminance(colour: str) -> float:
    rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return float(np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4) @ (0.2126, 0.7152, 0.0722))


@pytest.mark.parametrize("direction", ["words_to_regions", "regions_to_words"])
def test_rows_sum_to_1_and_the_average_is_that_of_the_heads(diagnosis, direction):
    heads = [guided_map(diagnosis, direction, head) for head in range(4)]
    assert np.allclose(heads[0].sum(1), 1, atol=1e-5)
    assert np.allclose(guided_map(diagnosis, direction), np.mean(heads, 0))
    assert by_region(diagnosis, direction).shape == (len(diagnosis.regions), len(diagnosis.words))


def test_a_head_or_layer_that_is_not_there_is_told(diagnosis):
    with pytest.raises(ConfigError, match="head must be from 0 to 3"):
        guided_map(diagnosis, "words_to_regions", 4)
    with pytest.raises(ConfigError, match="layer must be from 0 to 0"):
        guided_map(diagnosis, "words_to_regions", layer=1)


def test_cell_text_has_contrast_everywhere():
    backgrounds, inks = cell_colours(np.linspace(0, 1, 200), 1.0)
    for background, ink in zip(backgrounds, inks, strict=True):
        low, high = sorted((luminance(background), luminance(ink)))
        assert (high + 0.05) / (low + 0.05) >= 4.5


def test_all_zeros_have_colours():
    assert len(set(cell_colours(np.zeros(3), 0.0)[0])) == 1


def test_labels_stay_inside_and_off_each_other():
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 380, (8, 2))
    boxes = np.hstack([corners, corners + rng.uniform(5, 60, (8, 2))])
    widths = np.full(8, 80.0)
    spots = label_spots(boxes, widths, 17, (460, 440))
    assert (spots >= 0).all()
    assert (spots <= (460 - 80, 440 - 17)).all()
    for i, (x, y) in enumerate(spots):
        assert not [j for j in range(i) if abs(spots[j][0] - x) < 80 and abs(spots[j][1] - y) < 17]


def test_labels_of_equal_boxes_do_not_hide_each_other_and_one_wider_than_the_frame_starts_at_its_edge():
    spots = label_spots(np.tile([10.0, 10.0, 90.0, 90.0], (6, 1)), np.full(6, 50.0), 12, (100, 100))
    assert len({tuple(spot) for spot in spots}) == 6
    assert (label_spots(np.array([[5, 5, 9, 9]]), np.array([300.0]), 12, (100, 100)) >= 0).all()


def test_few_regions_are_labelled_many_are_numbered(diagnosis):
    assert region_texts(diagnosis.regions, np.array([4, 1])) == [
        f"{i + 1} {diagnosis.regions.names[i]}" for i in (4, 1)
    ]
    assert region_texts(diagnosis.regions, np.arange(36))[35] == "36"


def test_regions_are_shown_in_the_order_that_is_asked_for(tiny_diagnoser, diagnosis):
    attended = diagnosis.attention.words_to_regions[-1].mean((0, 1))
    assert list(shown_regions(diagnosis, 3, "attention")) == list(np.argsort(-attended)[:3])
    assert list(shown_regions(diagnosis, 3)) == [0, 1, 2]
    silent = replace(diagnosis, attention=type(diagnosis.attention)())
    assert list(shown_regions(silent, 2, "attention")) == [0, 1]
    with pytest.raises(ConfigError, match="attention, detector"):
        shown_regions(diagnosis, 3, "size")


@pytest.mark.parametrize(("k", "head"), [(1, None), (5, 0), (36, 3)])
def test_a_plate_has_everything_on_it(diagnosis, phantom_file, k, head):
    figure = plate(diagnosis, load_image(phantom_file), k, head, "Synthetic 1.")
    said = texts(figure)
    for info in BY_CODE.values():
        assert info.name in said
    for text in ("(malignant)", "(premalignant)", DISCLAIMER, "Synthetic 1.", f"The {k} first of", "female"):
        assert text in said
    assert "average of the heads" in said if head is None else f"head {head + 1}" in said


def test_a_plate_says_why_there_are_no_maps_and_is_a_png(tiny_diagnoser, diagnosis, phantom_file):
    image = load_image(phantom_file)
    silent = plate(tiny_diagnoser(phantom_file, Metadata()), image)
    assert texts(silent).count("No words were read.") == 2
    assert to_png(silent, dpi=40).startswith(b"\x89PNG")
    attention = replace(diagnosis.attention, regions_to_words=None)
    assert "This unit has no such block." in texts(plate(replace(diagnosis, attention=attention), image))


@pytest.mark.parametrize("direction", MAPS)
def test_a_heatmap_shows_the_networks_numbers_and_is_vector(diagnosis, direction):
    figure = heatmap(diagnosis, direction, 6, head=2, layer=0)
    weights = by_region(diagnosis, direction, 2)[:6, : 6 if direction == "regions_to_regions" else None]
    if direction == "words_to_words":
        weights = by_region(diagnosis, direction, 2)
    numbers = [text.get_text() for text in figure.axes[0].texts]
    assert numbers == [percent(float(value)) for value in weights.ravel()]
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg")
    assert b"<image" not in buffer.getvalue(), "cells and scale are paths, not pixels"
