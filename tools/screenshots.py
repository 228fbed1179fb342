"""python -m tools.screenshots: take the screenshots of the docs from the running app, in light and dark.

The app runs offline and without data, so the screenshots show phantoms only. Needs Playwright and Chromium.
"""

import argparse
import io
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from tools.app_process import ROOT, app_process

FOLDER = ROOT / "docs" / "images"
SCHEMES = ("light", "dark")
SIZE = {"width": 1280, "height": 800}
MAX_BYTES = 200_000  # of a file
TIMEOUT = 60_000  # ms
# scroll an element to just below the sticky header
_SCROLL = """element => {
  const covered = document.querySelector('#top').offsetHeight
    + (document.querySelector('#views > .tab-wrapper')?.offsetHeight || 0);
  scrollBy(0, element.getBoundingClientRect().top - covered - 10);
}"""
# index of the tile whose effect is largest
_BEST_TILE = """tiles => tiles.map(t => parseFloat((t.textContent || '0').replace('−', '-')))
  .reduce((best, v, i, all) => v > all[best] ? i : best, 0)"""


def diagnose(page: Page) -> None:
    """The page as it opens."""


def explore(page: Page) -> None:
    """The explorer, with the pointer on the last word of the localization."""
    _open(page, "explore", "#views td[data-row][data-col]")
    words = page.locator("#views .mx-words")
    words.evaluate(_SCROLL)
    words.locator("button").last.hover()


def hide(page: Page) -> None:
    """The tile with the largest effect, hidden."""
    _open(page, "hide", "#hiding-view .tile b")
    tiles = page.locator("#hiding-view .tile")
    tiles.nth(tiles.evaluate_all(_BEST_TILE)).click()
    page.locator("#hiding-view .hide-marked").click()
    page.get_by_text("With the marked part hidden").wait_for()
    page.locator("#hiding-view figure").first.evaluate(_SCROLL)


def practice(page: Page) -> None:
    """A case of a practice round after the answer is committed."""
    _open(page, "practice?seed=7&n=5&of=phantoms", "#practice [data-tile]")
    for tile in (19, 20, 27, 28):
        page.locator(f"#practice [data-tile='{tile}']").click()
    page.locator("#practice input[name=own][value=mel]").check()
    page.locator("#practice input[name=confidence][value='60']").check()
    page.get_by_role("button", name="Commit").click()
    page.locator("#practice .pr-bars").first.wait_for()
    page.locator("#practice h2").evaluate(_SCROLL)


SHOTS = {function.__name__: function for function in (diagnose, explore, hide, practice)}


def _open(page: Page, address: str, ready: str) -> None:
    page.evaluate("address => { location.hash = address; }", f"#{address}")
    page.locator(ready).first.wait_for()


def take(names: Iterable[str], folder: Path = FOLDER) -> list[Path]:
    """Take these screenshots as NAME-light.webp and NAME-dark.webp in `folder`, and return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    chromium = shutil.which("chromium") or shutil.which("google-chrome")  # None: Playwright's own
    files = []
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        env = {**os.environ, "TMPDIR": temporary, "HF_HUB_OFFLINE": "1"}
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        with app_process("--offline", env=env) as (url, _):
            for name in names:
                for scheme in SCHEMES:
                    file = folder / f"{name}-{scheme}.webp"
                    _screenshot(browser, url, name, scheme).save(file, "WEBP", quality=74, method=6)
                    print(f"{file.name}: {file.stat().st_size / 1000:.0f} kB")
                    files.append(file)
        browser.close()
    return files


def _screenshot(browser: Browser, url: str, name: str, scheme: str) -> Image.Image:
    context = browser.new_context(viewport=SIZE, color_scheme=scheme, reduced_motion="reduce", locale="en-GB")
    page = context.new_page()
    page.set_default_timeout(TIMEOUT)
    page.goto(url)
    page.locator("#answer .bars li").first.wait_for()
    page.wait_for_function("document.querySelector('#strip [data-case]')?.dataset.case")
    page.wait_for_function("document.querySelector('#image img')?.naturalWidth > 0")
    SHOTS[name](page)
    page.wait_for_timeout(1500)  # for transitions
    image = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    context.close()
    return image


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tools.screenshots", description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=FOLDER, metavar="DIR", help="default: docs/images")
    parser.add_argument("--only", nargs="+", choices=SHOTS, default=SHOTS, help="default: all")
    args = parser.parse_args()
    take(args.only, args.out)
