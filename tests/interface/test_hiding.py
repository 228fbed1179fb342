"""The tab 'Hide': what it says, what it refuses; in a browser, painting, keys, and the answer beside the old."""

import re
from dataclasses import replace

import numpy as np
import pytest
from browser_helpers import open_tab
from playwright.sync_api import expect

from interface.state.session import diagnose_image
from interface.tabs.question_occlusion import hidden_tiles_html, map_html
from mat_core import ConfigError, Metadata
from mat_core.explain import FILLS, occlude


@pytest.fixture(scope="module")
def case(tiny_diagnoser, phantom_file):
    return diagnose_image(tiny_diagnoser, str(phantom_file), Metadata(55, "female", "back"))


@pytest.fixture(scope="module")
def found(tiny_diagnoser, case):
    return occlude(tiny_diagnoser, case.detector_image, case.diagnosis.metadata)


def test_what_the_detector_sees_gives_the_same_answer(tiny_diagnoser, case, found):
    assert case.detector_image.shape[:2] == (120, 160)
    assert found.probabilities == pytest.approx(list(case.diagnosis.probabilities.values()), abs=1e-5)


def test_every_tile_is_drawn_where_it_is_with_what_it_changes(case, found):
    html = map_html(case, found, "mel")
    drawn = re.findall(r'data-tile="(\d+)".*?left:([\d.]+)%;top:([\d.]+)%;width:([\d.]+)%;height:([\d.]+)%', html)
    assert [int(i) for i, *_ in drawn] == list(range(48))
    covered = sum(float(w) * float(h) for *_, w, h in drawn)
    assert covered == pytest.approx(100 * 100, rel=1e-3)
    assert found.summary("mel") in html
    strongest = int(np.abs(found.effect("mel")).argmax())
    changed = replace(found, hidden=found.hidden.copy())
    changed.hidden[strongest] = found.probabilities
    changed.hidden[strongest, found.labels.index("mel")] -= 0.125
    assert f"{found.names[strongest]}: +12.5 points for Melanoma" in map_html(case, changed, "mel")


def test_a_map_of_nothing_is_not_painted_like_one_of_something(case, found):
    nothing = replace(found, hidden=np.repeat(found.probabilities[None], 48, 0))
    alphas = re.findall(r'data-tile="[^>]+background:rgba\([\d, ]+,([\d.]+)\)', map_html(case, nothing, "mel"))
    assert len(alphas) == 48
    assert {float(alpha) for alpha in alphas} == {0}
    assert "leaves melanoma as it is" in map_html(case, nothing, "mel")


@pytest.mark.parametrize("fill", FILLS)
def test_the_answer_with_the_marked_part_hidden_is_the_cores(tiny_diagnoser, case, found, fill):
    html = hidden_tiles_html(tiny_diagnoser, case, found, "mel", fill, [0, 1, 8])
    mask = np.zeros(case.detector_image.shape[:2], bool)
    mask[:20, :40] = mask[20:40, :20] = True
    expected = occlude(tiny_diagnoser, case.detector_image, case.diagnosis.metadata, mask, fill)
    assert expected.summary("mel") in html
    assert len(re.findall(r"% → ", html)) == 7
    assert f"{expected.hidden[0].max():.1%}" in html


@pytest.mark.parametrize("tiles", [None, [], "all", [48], [-1], [1.0], [True], [[1]], {"0": 1}])
def test_tiles_that_are_none_are_refused(tiny_diagnoser, case, found, tiles):
    with pytest.raises(ConfigError, match="Mark at least one tile"):
        hidden_tiles_html(tiny_diagnoser, case, found, "mel", "skin", tiles)


def test_painting_with_the_mouse_and_with_keys_gives_a_new_answer(visit):
    page = visit()
    open_tab(page, "Question")
    open_tab(page, "Hide")
    tiles = page.locator("#hiding-view .tile")
    expect(tiles).to_have_count(48)
    hide = page.locator(".hide-marked")
    expect(hide).to_be_disabled()
    tiles.nth(18).hover()
    page.mouse.down()
    tiles.nth(19).hover()
    tiles.nth(20).hover()
    page.mouse.up()
    expect(page.locator('.tile[aria-pressed="true"]')).to_have_count(3)
    tiles.nth(20).focus()
    page.keyboard.press("ArrowDown")
    expect(tiles.nth(28)).to_be_focused()
    page.keyboard.press("Space")
    expect(page.locator('.tile[aria-pressed="true"]')).to_have_count(4)
    expect(hide).to_have_text("Hide the marked part (4)")
    hide.click()
    expect(page.locator("#hidden-view")).to_contain_text("With the marked part hidden")
    expect(page.locator("#hidden-view li")).to_have_count(7)
    page.locator(".clear-marked").click()
    expect(hide).to_be_disabled()
    page.locator("#ask-finer").click()
    expect(tiles).to_have_count(48 - 6 + 24)
    page.get_by_label("a blur").check()
    expect(tiles).to_have_count(48)
