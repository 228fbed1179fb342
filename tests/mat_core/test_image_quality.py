"""The photograph check, on phantoms that are spoiled on purpose; on real photographs its rates."""

import numpy as np
import pytest
from conftest import HAM10000, ROOT

from interface.frontend.translations import text
from mat_core.data.ham10000 import read_dataset
from mat_core.data.image_quality import FINE, SENTENCES, check_quality, lesion_cut, measure_quality, read_limits
from teaching.phantoms import make_phantom
from training.steps.quality import SPOILED, measure_warnings, spoilers

SIZE = 300, 400


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return make_phantom(1, "mel", SIZE).image


def test_a_good_photograph_is_not_warned_of(photo):
    quality = check_quality(photo)
    assert quality.warnings == ()
    assert quality.summary() == FINE


@pytest.mark.parametrize("kind", ["blurred", "dark", "overexposed", "small"])
def test_a_spoiled_photograph_is_warned_of(photo, kind, bare_case):
    quality = check_quality(spoilers(bare_case, np.random.default_rng(0))[kind](photo))
    assert kind in quality.warnings
    assert SENTENCES[kind] in quality.summary()


@pytest.fixture
def bare_case():
    class Case:
        mask = None

    return Case()


def disc(x: float, y: float, radius: float = 60) -> np.ndarray:
    """A brown disc on skin; its middle in pixels."""
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    image = np.empty((*SIZE, 3), np.uint8)
    image[:] = 225, 180, 165
    image[(rows - y) ** 2 + (columns - x) ** 2 < radius**2] = 110, 70, 50
    return image


@pytest.mark.parametrize("middle", [(0, 150), (400, 150), (200, 0), (200, 300)])
def test_a_lesion_cut_in_half_is_seen_at_every_edge(middle):
    assert lesion_cut(disc(*middle)) == pytest.approx(np.sqrt(2), rel=0.15)  # diameter over that of its area
    assert "cut" in check_quality(disc(*middle)).warnings


@pytest.mark.parametrize("image", [disc(200, 150), disc(200, 150, 400), np.zeros((*SIZE, 3), np.uint8)])
def test_a_whole_lesion_a_full_frame_and_no_picture_at_all_are_not_cut(image):
    assert lesion_cut(image) == 0


def test_the_size_in_which_a_photograph_comes_does_not_matter(photo):
    """But for its own size."""
    large = np.repeat(np.repeat(photo, 3, 0), 3, 1)
    small, big = measure_quality(photo), measure_quality(large)
    assert (big.sharpness, big.brightness, big.clipped, big.cut) == pytest.approx(
        (small.sharpness, small.brightness, small.clipped, small.cut), abs=0.02
    )
    assert big.side == 3 * small.side


def test_the_page_says_the_same_sentences():
    assert {kind: text(f"quality.{kind}") for kind in SENTENCES} == SENTENCES
    assert text("quality.fine") == FINE


@pytest.mark.real
def test_the_rates_hold_on_a_small_sample():
    """Every sixth test image; a third of the real limits would already fail."""
    table = measure_warnings(read_dataset(HAM10000).of("test")[::6], read_limits())
    assert table["clean"]["value"] <= 0.1
    assert all(table["spoiled"][kind]["value"] >= 0.85 for kind in SPOILED)


def test_the_table_is_about_the_limits_that_ship():
    import json

    table = json.loads((ROOT / "docs" / "results" / "image-quality.json").read_text())
    assert table["limits"] == vars(read_limits())
