"""What a visitor sees, in Chromium: the page interactive, from a click to the painted answer, hovering the explorer."""

import shutil
import time

from .case import Case
from .start import running
from .timing import Row, Skipped

LOADS, CLICKS, HOVERS = 3, 12, 60
# from here on a click is answered: the server knows which case this page has
_INTERACTIVE = "document.querySelector('#strip [data-case]')?.dataset.case"
# resolves after the frame in which other probabilities are painted: milliseconds since the click
_CLICK = """() => new Promise((resolve, reject) => {
  const choice = [...document.querySelectorAll('#sex input')].slice(1).find(each => !each.checked);
  setTimeout(() => reject(new Error('no answer')), 30000);
  const said = () => document.querySelector('#answer .bars')?.textContent, before = said(), begun = performance.now();
  new MutationObserver((changes, observer) => {
    if (!said() || said() === before) return;
    observer.disconnect();
    requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - begun)));
  }).observe(document.body, {childList: true, subtree: true, characterData: true});
  choice.click();
})"""
# moves the pointer over the matrix and waits for the frame after it
_HOVER = """([x, y]) => new Promise(resolve => {
  const cell = document.elementFromPoint(x, y), begun = performance.now();
  const event = {bubbles: true, clientX: x, clientY: y, pointerType: 'mouse'};
  cell.dispatchEvent(new PointerEvent('pointermove', event));
  requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - begun)));
})"""


def page(case: Case) -> list[Row | Skipped]:
    """The page interactive, a click to the painted answer, a move over the matrix to the frame; needs Chromium."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    try:
        from playwright.sync_api import expect, sync_playwright
    except ImportError:
        return [Skipped("page", "playwright is not installed: pip install -r requirements-dev.txt")]
    if chromium is None:
        return [Skipped("page", "there is no Chromium on this machine")]
    loads, seen = [], []
    with running(case) as (url, _), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for _ in range(LOADS):
            shown = browser.new_page(viewport={"width": 1280, "height": 900})
            begun = time.perf_counter()
            shown.goto(url)
            expect(shown.locator("#answer .bars li")).to_have_count(7, timeout=60_000)
            seen.append(1000 * (time.perf_counter() - begun))
            shown.wait_for_function(_INTERACTIVE, timeout=60_000)
            loads.append(1000 * (time.perf_counter() - begun))
        clicks = _clicks(shown)
        shown.get_by_role("tab", name="Explore", exact=True).click()
        hovers = _hovers(shown)
        browser.close()
    return [Row("answer in sight", tuple(seen)), Row("page interactive", tuple(loads)), clicks, hovers]


def _clicks(shown) -> Row:
    """The other sex and back: the page answers other metadata by itself."""
    taken = []
    for _ in range(CLICKS):
        taken.append(shown.evaluate(_CLICK))
        shown.wait_for_timeout(300)  # what follows the answer is not to be in the way of the next one
    return Row("other metadata, click to paint", tuple(taken[2:]))


def _hovers(shown) -> Row | Skipped:
    matrix = shown.locator("[data-part=matrix]").first
    try:
        matrix.wait_for(timeout=20_000)
    except Exception:  # whatever playwright raises, the reason is the same
        return Skipped("explorer's hover", "the explorer did not show its matrix")
    box = matrix.bounding_box()
    taken = []
    for i in range(HOVERS):
        x = box["x"] + box["width"] * ((i * 37) % 89 + 5) / 100
        y = box["y"] + box["height"] * ((i * 53) % 83 + 5) / 100
        taken.append(shown.evaluate(_HOVER, [x, y]))
    return Row("explorer's hover, to paint", tuple(taken[5:]))
