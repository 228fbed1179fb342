"""The photograph on Diagnose: cropped by mouse and by keyboard, zoomed by keyboard, wheel and two fingers."""

import json
import re

import numpy as np
import pytest
from browser_helpers import case_of, diagnose, open_tab, uncovered, upload, wait_for_another_case
from PIL import Image
from playwright.sync_api import Page, expect

from interface.frontend.scripts import module
from mat_core.data.crop import Crop
from mat_core.data.image_loading import load_image
from teaching.phantoms import make_phantom

pytestmark = [pytest.mark.browser, pytest.mark.slow]
SCALE = "() => new DOMMatrix(getComputedStyle(document.querySelector('#regions .zoomable > svg')).transform).a"


def probabilities(page: Page) -> dict[str, float]:
    bars = page.locator("#answer .bars li").evaluate_all(
        "(all) => all.map((b) => [b.dataset.code, b.dataset.probability])"
    )
    return {code: float(value) for code, value in bars}


def edges_of(page: Page) -> list[float]:
    return json.loads(page.locator("#photo [data-edges]").get_attribute("data-edges"))


def open_dialog(page: Page) -> None:
    page.locator("#photo [data-crop=open]").click()
    page.wait_for_function("() => document.querySelector('.crop-stage img')?.complete")
    expect(page.locator(".crop-box")).to_be_focused()


def test_a_box_drawn_with_the_mouse_is_diagnosed_everywhere_and_the_whole_image_comes_back(
    visit, phantom_file, tiny_diagnoser
):
    page = visit()
    upload(page, phantom_file)
    diagnose(page)
    whole, before = probabilities(page), case_of(page)
    open_dialog(page)
    stage = page.locator(".crop-stage").bounding_box()
    at = lambda x, y: (stage["x"] + x * stage["width"], stage["y"] + y * stage["height"])  # noqa: E731
    page.mouse.move(*at(0.02, 0.03))  # outside the box that is there
    page.mouse.down()
    page.mouse.move(*at(0.5, 0.5))
    page.mouse.move(*at(0.72, 0.81))
    page.mouse.up()
    page.locator(".crop-dialog [data-do=apply]").click()
    wait_for_another_case(page, before)
    edges = edges_of(page)
    assert edges == pytest.approx([0.02, 0.03, 0.72, 0.81], abs=0.01)
    part = load_image(phantom_file, Crop(*edges))
    expect(page.locator("#photo")).to_contain_text(f"{part.shape[1]} × {part.shape[0]}")
    assert probabilities(page) == pytest.approx(tiny_diagnoser(part).probabilities, abs=1e-6)
    expect(page.locator("#strip .who")).to_contain_text("cropped")
    open_tab(page, "Explore")
    uncovered(page)
    shape = page.locator(".mx-stage").evaluate("(stage) => stage.clientWidth / stage.clientHeight")
    assert shape == pytest.approx(part.shape[1] / part.shape[0], rel=0.02)
    open_tab(page, "Question")
    uncovered(page)
    open_tab(page, "Diagnose")
    before = case_of(page)
    page.locator("#age input").fill("70")  # other metadata: still the crop
    wait_for_another_case(page, before)
    assert edges_of(page) == edges
    page.locator("#age input").fill("")
    before = case_of(page)
    page.locator("[data-crop=whole]").click()
    expect(page.locator("#photo [data-edges]")).to_have_count(0)
    wait_for_another_case(page, before)
    assert probabilities(page) == pytest.approx(whole, abs=1e-6)


def test_the_keyboard_alone_crops(visit):
    page = visit()
    before = case_of(page)
    page.locator("#photo [data-crop=open]").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".crop-box")).to_be_focused()
    for key in ("ArrowLeft", "ArrowDown", "Shift+ArrowLeft", "Shift+ArrowLeft", "Shift+ArrowUp"):
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    wait_for_another_case(page, before)
    assert edges_of(page) == pytest.approx([0.08, 0.12, 0.84, 0.9])
    expect(page.locator("#answer .provenance")).to_contain_text("Synthetic 1")
    page.locator("#photo [data-crop=open]").click()
    page.keyboard.press("Escape")
    expect(page.locator(".crop-dialog")).to_have_count(0)


def test_an_image_that_is_too_narrow_leads_to_the_crop(visit, tmp_path):
    photo = make_phantom(2, "nv").image[:40]
    Image.fromarray(np.tile(photo, (1, 3, 1))).save(tmp_path / "narrow.png")
    page = visit()
    upload(page, tmp_path / "narrow.png")
    page.locator("#diagnose").click()
    expect(page.locator("#image-note .note-error")).to_contain_text("too narrow")
    before = case_of(page)
    page.locator("#image-note [data-crop=open]").click()
    for _ in range(34):  # to 0.12 of the width
        page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("Enter")
    wait_for_another_case(page, before)
    expect(page.locator("#image-note .note-error")).to_have_count(0)


def test_numbers_that_are_no_crop_get_a_sentence(visit):
    page = visit()
    before = case_of(page)
    open_dialog(page)
    # the dialog rounds to four digits; what it sends is replaced here
    page.route(
        re.compile("/queue/join"),
        lambda route: route.continue_(
            post_data=re.sub(r'"crop":\[[^]]*\]', '"crop":[0.5,0,0.2,"x"]', route.request.post_data)
        ),
    )
    page.locator(".crop-dialog [data-do=apply]").click()
    note = page.locator("#image-note .note-error")
    expect(note).to_contain_text("from 0 to 1")
    expect(note).not_to_contain_text("Traceback")
    assert case_of(page) == before


def test_keys_and_the_wheel_zoom_and_the_page_keeps_its_scroll(visit):
    page = visit()
    picture = page.locator("#regions .zoomable")
    picture.scroll_into_view_if_needed()
    page.wait_for_function(f"{module('shared/zoom.js')}.then(() => true)")
    picture.hover()
    start = page.evaluate("scrollY")
    page.mouse.wheel(0, 60)  # not focused: the page scrolls
    page.wait_for_function("(start) => scrollY > start", arg=start)
    assert page.evaluate(SCALE) == 1
    picture.focus()
    page.keyboard.press("+")
    assert page.evaluate(SCALE) == pytest.approx(1.5)
    page.locator("#k input[type=number]").fill("7")  # drawn anew: the zoom stays
    page.locator("#k input[type=number]").press("Enter")
    expect(page.locator("#regions rect.box")).to_have_count(7)
    assert page.evaluate(SCALE) == pytest.approx(1.5)
    picture.focus()
    picture.hover()
    start = page.evaluate("scrollY")
    page.mouse.wheel(0, -50)
    page.wait_for_function(f"({SCALE})() > 2")
    assert page.evaluate("scrollY") == start
    page.keyboard.press("0")
    assert page.evaluate(SCALE) == 1
    page.keyboard.press("+")
    page.locator("#examples button").nth(2).click()  # another picture starts whole
    page.wait_for_function(f"({SCALE})() === 1")


def test_two_fingers_zoom_and_one_moves(visit):
    page = visit(width=390, height=844, has_touch=True, is_mobile=True)
    page.locator("#regions .zoomable").scroll_into_view_if_needed()
    page.wait_for_function(f"{module('shared/zoom.js')}.then(() => true)")
    box = page.locator("#regions .zoomable").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    touch = page.context.new_cdp_session(page)
    send = lambda kind, *points: touch.send(  # noqa: E731
        "Input.dispatchTouchEvent",
        {"type": kind, "touchPoints": [{"x": a, "y": b, "id": i} for i, (a, b) in enumerate(points)]},
    )
    start = page.evaluate("[scrollY, visualViewport.scale]")
    send("touchStart", (x - 30, y), (x + 30, y))
    for spread in (40, 50, 60, 75):
        send("touchMove", (x - spread, y), (x + spread, y))
    send("touchEnd")
    page.wait_for_function(f"({SCALE})() > 1.5")
    assert page.evaluate(SCALE) == pytest.approx(2.5, rel=0.15)
    middle = page.evaluate("() => getComputedStyle(document.querySelector('#regions .zoomable > svg')).transform")
    send("touchStart", (x, y))
    for shift in (10, 30, 50):
        send("touchMove", (x, y + shift))
    send("touchEnd")
    page.wait_for_function(
        "(before) => getComputedStyle(document.querySelector('#regions .zoomable > svg')).transform !== before",
        arg=middle,
    )
    assert page.evaluate("[scrollY, visualViewport.scale]") == start


def test_the_explorers_picture_and_its_boxes_zoom_together(visit):
    page = visit()
    open_tab(page, "Explore")
    uncovered(page)
    page.locator(".mx-picture [data-zoom=in]").click()
    scales = page.locator(".mx-stage > *").evaluate_all(
        "(all) => all.map((e) => new DOMMatrix(getComputedStyle(e).transform).a)"
    )
    assert scales == pytest.approx([1.5, 1.5, 1.5])
    page.locator(".mx-picture [data-zoom=reset]").click()
    expect(page.locator(".mx-picture [data-zoom=out]")).to_be_disabled()
