"""The page in Chromium: load, a click to the painted answer, a hover in the explorer."""

import shutil
import time

from .inputs import Inputs
from .startup import running_app
from .timing import Row, Skipped

LOADS, CLICKS, HOVERS = 3, 12, 60
# true once the server knows which case this page shows, so that clicks are answered
_INTERACTIVE = "document.querySelector('#strip [data-case]')?.dataset.case"
# milliseconds from the click to the frame with other probabilities
_CLICK = """() => new Promise((resolve, reject) => {
  const choice = [...document.querySelectorAll('#sex input')].slice(1).find(each => !each.checked);
  setTimeout(() => reject(new Error('no answer')), 120000);
  const said = () => document.querySelector('#answer .bars')?.textContent, before = said(), begun = performance.now();
  new MutationObserver((changes, observer) => {
    if (!said() || said() === before) return;
    observer.disconnect();
    requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - begun)));
  }).observe(document.body, {childList: true, subtree: true, characterData: true});
  choice.click();
})"""
# milliseconds from a move of the pointer over the matrix to the next frame
_HOVER = """([x, y]) => new Promise(resolve => {
  const cell = document.elementFromPoint(x, y), begun = performance.now();
  const event = {bubbles: true, clientX: x, clientY: y, pointerType: 'mouse'};
  cell.dispatchEvent(new PointerEvent('pointermove', event));
  requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - begun)));
})"""


def page(inputs: Inputs) -> list[Row | Skipped]:
    """Page load, other metadata from click to paint, a hover in the explorer's matrix; needs Chromium."""
    try:
        from playwright.sync_api import Error
    except ImportError:
        return [Skipped("page", "playwright is not installed: pip install -r requirements-dev.txt")]
    try:
        return _page(inputs)
    except (Error, AssertionError) as error:  # of playwright, and of its expect
        return [Skipped("page", f"the page did not answer: {str(error).splitlines()[0]}")]


def _page(inputs: Inputs) -> list[Row | Skipped]:
    from playwright.sync_api import expect, sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        return [Skipped("page", "Chromium is not installed")]
    answered, interactive = [], []
    with running_app(inputs) as (url, _), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for _ in range(LOADS):
            tab = browser.new_page(viewport={"width": 1280, "height": 900})
            begun = time.perf_counter()
            tab.goto(url)
            expect(tab.locator("#answer .bars li")).to_have_count(7, timeout=60_000)
            answered.append(1000 * (time.perf_counter() - begun))
            tab.wait_for_function(_INTERACTIVE, timeout=60_000)
            interactive.append(1000 * (time.perf_counter() - begun))
        rows = [Row("answer in sight", tuple(answered)), Row("page interactive", tuple(interactive))]
        rows.append(_clicks(tab))
        tab.get_by_role("tab", name="Explore", exact=True).click()
        rows.append(_hovers(tab))
        browser.close()
    return rows


def _clicks(tab) -> Row:
    """Switch the sex back and forth; the page updates by itself. The first two clicks are a warm-up."""
    times = []
    for _ in range(CLICKS):
        times.append(tab.evaluate(_CLICK))
        tab.wait_for_timeout(300)  # for the events that follow an answer
    return Row("other metadata, click to paint", tuple(times[2:]))


def _hovers(tab) -> Row:
    matrix = tab.locator("[data-part=matrix]").first
    matrix.wait_for(timeout=60_000)
    box = matrix.bounding_box()
    times = []
    for i in range(HOVERS):
        x = box["x"] + box["width"] * ((i * 37) % 89 + 5) / 100
        y = box["y"] + box["height"] * ((i * 53) % 83 + 5) / 100
        times.append(tab.evaluate(_HOVER, [x, y]))
    return Row("explorer's hover, to paint", tuple(times[5:]))
