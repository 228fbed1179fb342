"""make pictures: screenshots of the app on phantoms, light and dark, as the documents show them.

    python -m tools.pictures [--out docs/images] [--only NAME ...]

Starts the app of this tree, walks through a few telling views in Chromium and writes a WebP of each. No photograph of a
patient can be in one: the app is started without data and without network, so all that it can show are phantoms. Exit
status 0, or 2 with a sentence: Playwright or Chromium is missing, the app did not start, a picture became too large.
"""

import argparse
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from mat_core.errors import UserError
from mat_core.files import replace_file
from tools.processes import end

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
SCHEMES = ("light", "dark")
WIDTH, HEIGHT = 1280, 800  # pixels of the window
MOST_FILE, MOST_ALL = 200_000, 1_000_000  # bytes
QUALITIES = (82, 74, 66)  # of WebP; the next one where a picture becomes too large
PATIENCE = 60_000  # milliseconds: a busy machine is no failure
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--no-first-run",
)  # fmt: skip
ROUND = "practice?seed=7&n=5&of=phantoms"


class PicturesError(UserError):
    """The pictures cannot be taken here."""


@dataclass(frozen=True)
class Shot:
    """One picture. name: of its files, NAME-light.webp and NAME-dark.webp; prepare: what is done with a page that has
    just opened.
    """

    name: str
    prepare: Callable

    def files(self) -> tuple[str, ...]:
        """The names of its files, in the order of SCHEMES."""
        return tuple(f"{self.name}-{scheme}.webp" for scheme in SCHEMES)


def _go(page, address: str, shown: str) -> None:
    page.evaluate("address => { location.hash = address; }", f"#{address}")
    page.locator(shown).first.wait_for(timeout=PATIENCE)


def _explore(page) -> None:
    """Where the last word of the localization looks: on the image, in the matrix and in a sentence."""
    _go(page, "explore", "#views td[data-row][data-col]")
    words = page.locator("#views .mx-words")
    words.evaluate(_TO_TOP)
    words.locator("button").last.hover()


def _hide(page) -> None:
    """The tile of the photograph that speaks most for the answer is marked and hidden."""
    _go(page, "hide", "#hiding-view .tile b")
    best = page.locator("#hiding-view .tile").evaluate_all(
        "tiles => tiles.map(t => parseFloat((t.textContent || '0').replace('−', '-')))"
        ".reduce((best, v, i, all) => v > all[best] ? i : best, 0)"
    )
    page.locator("#hiding-view .tile").nth(best).click()
    page.locator("#hiding-view .hide-marked").click()
    page.get_by_text("With the marked part hidden").wait_for(timeout=PATIENCE)
    page.locator("#hiding-view figure").first.evaluate(_TO_TOP)


def _practice(page) -> None:
    """A case of a round that a link gives: marked, committed, and the model's answer beside one's own."""
    _go(page, ROUND, "#practice [data-tile]")
    for tile in (19, 20, 27, 28):
        page.locator(f"#practice [data-tile='{tile}']").click()
    page.locator("#practice input[name=own][value=mel]").check()
    page.locator("#practice input[name=confidence][value='60']").check()
    page.get_by_role("button", name="Commit").click()
    page.locator("#practice .pr-bars").first.wait_for(timeout=PATIENCE)
    page.locator("#practice h2").evaluate(_TO_TOP)


# scrolls so that an element stands right below what stays in sight
_TO_TOP = """element => {
  const covered = document.querySelector('#top').offsetHeight
    + (document.querySelector('#views > .tab-wrapper')?.offsetHeight || 0);
  scrollBy(0, element.getBoundingClientRect().top - covered - 10);
}"""

SHOTS = (
    Shot("diagnose", lambda page: None),
    Shot("explore", _explore),
    Shot("hide", _hide),
    Shot("practice", _practice),
)


def take(shots: Sequence[Shot] = SHOTS, out: Path = IMAGES, say: Callable[[str], None] = print) -> list[Path]:
    """Take these pictures of the app in this tree; returns the files. Raises PicturesError."""
    playwright, chromium = browser_at_hand()
    out.mkdir(parents=True, exist_ok=True)
    made = []
    with running() as url, playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=list(FLAGS))
        try:
            for shot in shots:
                for scheme, name in zip(SCHEMES, shot.files(), strict=True):
                    data = small(_screenshot(browser, url, shot, scheme), name)
                    replace_file(out / name, lambda path, data=data: path.write_bytes(data))
                    made.append(out / name)
                    say(f"{name}: {len(data) / 1000:.0f} kB")
        finally:
            browser.close()
    return made


def browser_at_hand() -> tuple[Callable, str | None]:
    """Playwright's sync_playwright, and the path of Chromium (None: Playwright's own). Raises PicturesError."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise PicturesError("Pictures need Playwright: pip install -r requirements-dev.txt") from None
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        with sync_playwright() as driver:
            if not Path(driver.chromium.executable_path).is_file():
                raise PicturesError(
                    "Pictures need Chromium: apt-get install chromium, or python -m playwright install chromium"
                )
    return sync_playwright, chromium


@contextmanager
def running() -> Iterator[str]:
    """The address of the app of this tree, on phantoms and without network, until it is left. Raises PicturesError."""
    with tempfile.TemporaryDirectory(prefix="pictures-") as folder:
        given = {name: value for name, value in os.environ.items() if not name.startswith(("GRADIO_", "MAT_"))}
        environment = given | {"TMPDIR": folder, "XDG_CACHE_HOME": folder, "HF_HUB_OFFLINE": "1"}
        process = subprocess.Popen(
            [sys.executable, "app.py", "--offline"], cwd=ROOT, env=environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            said = ""
            for line in process.stdout:
                said += line
                if found := re.match(r"Open (http://\S+)", line):
                    yield found[1]
                    return
            raise PicturesError(f"The app did not start: {said.strip() or 'it said nothing'}")
        finally:
            end(process)


def _screenshot(browser, url: str, shot: Shot, scheme: str) -> bytes:
    """PNG of a shot, of a page of its own."""
    from playwright.sync_api import Error

    context = browser.new_context(
        viewport={"width": WIDTH, "height": HEIGHT}, color_scheme=scheme, reduced_motion="reduce", locale="en-GB"
    )
    try:
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(url)
        page.locator("#answer .bars li").first.wait_for()
        page.wait_for_function("document.querySelector('#strip [data-case]')?.dataset.case")
        page.wait_for_function("document.querySelector('#image img')?.naturalWidth > 0")
        shot.prepare(page)
        page.wait_for_timeout(1500)  # what fades in is there by then
        return page.screenshot()
    except Error as error:
        raise PicturesError(f"{shot.name}, {scheme}: the page did not become as it should: {error.message}") from None
    finally:
        context.close()


def small(png: bytes, name: str) -> bytes:
    """The screenshot as WebP of at most MOST_FILE bytes. Raises PicturesError."""
    image = Image.open(io.BytesIO(png)).convert("RGB")
    for quality in QUALITIES:
        buffer = io.BytesIO()
        image.save(buffer, "WEBP", quality=quality, method=6)
        if len(buffer.getvalue()) <= MOST_FILE:
            return buffer.getvalue()
    raise PicturesError(f"{name} has {len(buffer.getvalue()):,} bytes; at most {MOST_FILE:,} are allowed.")


def main(argv: list[str] | None = None) -> int:
    """Take the pictures that are asked for; all of them by default. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.pictures", description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=IMAGES, metavar="DIR", help="default: docs/images")
    parser.add_argument("--only", nargs="+", choices=[shot.name for shot in SHOTS], help="default: all")
    args = parser.parse_args(argv)
    try:
        take([shot for shot in SHOTS if not args.only or shot.name in args.only], args.out)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
