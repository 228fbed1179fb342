"""What the browser tests share: Chromium, time limits, the views of the page, waiting for answers."""

import re
import shutil
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Request, expect

from interface.frontend.scripts import module

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run",
]  # fmt: skip
PATIENCE = 60_000  # milliseconds: a busy machine is no failure
expect.set_options(timeout=PATIENCE)
# each view, and something of it that is there when it has answered
VIEWS = {
    "Diagnose": "#answer",
    "Question": "#question-class",
    "Take away": "#ablation-view .verdict",
    "Hide": "#hiding-view .verdict",
    "Check attention": "#agreement-view .verdict",
    "What if": "#what-if-view .verdict",
    "Doubt": "#doubt-view .verdict",
    "Similar cases": "#similar-view .note-info",
    "Compare": "#compare-view .verdict, #compare-view .note-info",
    "Learn": "#leak-view .note-info",
    "Lessons": "#lessons li:first-child",
    "Practice": "#practice h2",
    "About": "#about",
}


def leaves(url: str) -> bool:
    """Whether a request for this goes to another machine."""
    return not re.match(r"(https?|wss?)://127\.0\.0\.1[:/]|data:|blob:", url)


def wait_for_answer(page: Page) -> None:
    """Wait until the page shows its first answer, the server knows which case it has, and examples take clicks."""
    expect(page.locator("#answer .bars li")).to_have_count(7)
    expect(page.locator("#image img")).to_be_attached()
    page.wait_for_function("document.querySelector('#strip [data-case]')?.dataset.case")
    page.wait_for_function(f"{module('diagnose/events.js')}.then(() => true)")


def reopen(page: Page, before: str = "") -> Page:
    """The same address in the same browser once more; a reload may break off what Gradio is just fetching.

    before: JavaScript that runs before that of the page.
    """
    again = page.context.new_page()
    again.set_viewport_size(page.viewport_size)
    if page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches"):
        again.emulate_media(color_scheme="dark")
    again.add_init_script(before)
    again.goto(page.url)
    wait_for_answer(again)
    return again


def upload(page: Page, path: Path) -> None:
    page.locator("#image input[type=file]").set_input_files(path)
    expect(page.locator("#answer .note-info")).to_contain_text("previous image")


def diagnose(page: Page) -> None:
    """Press Diagnose and wait for the answer about the image that is shown."""
    page.locator("#diagnose").click()
    expect(page.locator("#answer .stale")).to_have_count(0)


def choose_class(page: Page, name: str) -> None:
    page.locator("#question-class input").click()
    page.get_by_role("option", name=name).click()


def case_of(page: Page) -> str:
    """The key of the case that the strip is about."""
    return page.locator("#strip [data-case]").get_attribute("data-case")


def wait_for_another_case(page: Page, before: str) -> None:
    """Wait until the strip is about another case than this key's."""
    page.wait_for_function("(key) => document.querySelector('#strip [data-case]').dataset.case !== key", arg=before)


def open_tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name, exact=True).click()


def uncovered(page: Page) -> None:
    """Wait until no view that is seen is covered: each is about the case on the strip."""
    page.wait_for_function("() => ![...document.querySelectorAll('[data-outdated]')].some((each) => each.offsetParent)")


class EventLog:
    """The addresses of events that a page asks its server for, in `asked`."""

    def __init__(self, page: Page):
        self.page, self.asked, self._streams = page, [], set()
        page.on("request", self._sent)
        page.on("requestfinished", lambda request: self._streams.discard(request))
        page.on("requestfailed", lambda request: self._streams.discard(request))

    def _sent(self, request: Request) -> None:
        if "/queue/join" in request.url:
            self.asked.append(request.url)
        if "/queue/data" in request.url:
            self._streams.add(request)

    def wait(self, quiet: int = 500) -> None:
        """Wait until every event has its answer, and no other was asked for in `quiet` milliseconds."""
        for _ in range(PATIENCE // quiet):
            before = len(self.asked)
            self.page.wait_for_timeout(quiet)
            if not self._streams and len(self.asked) == before:
                return
        raise AssertionError("some event has no answer")


def serious_faults(page: Page) -> list[str]:
    """What axe says of the page as it stands, where it is serious or critical."""
    found = Axe().run(page).response["violations"]
    return [
        f"{fault['id']}: {node['html'][:120]}"
        for fault in found
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
    ]
