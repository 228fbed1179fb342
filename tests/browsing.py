"""The page as the browser tests take hold of it: which Chromium, how long they wait, its views, an upload."""

import re
import shutil
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run",
]  # fmt: skip
PATIENCE = 60_000  # milliseconds: a busy machine is no failure
# each view, and something of it that is there when it has answered
VIEWS = {
    "Diagnose": "#answer",
    "Question": "#question-class",
    "Take away": "#ablation-view .verdict",
    "Hide": "#hiding-view .verdict",
    "Check attention": "#agreement-view .verdict",
    "What if": "#what-if-view .verdict",
    "Doubt": "#doubt-view .verdict",
    "Compare": "#compare-view .verdict, #compare-view .note-info",
    "Learn": "#leak-view .note-info",
    "Lessons": "#lessons li:first-child",
    "Practice": "#practice h2",
    "About": "#about",
}


def leaves(url: str) -> bool:
    """Whether a request for this goes to another machine."""
    return not re.match(r"(https?|wss?)://127\.0\.0\.1[:/]|data:|blob:", url)


def upload(page: Page, path: Path) -> None:
    page.locator("#image input[type=file]").set_input_files(path)
    expect(page.locator("#answer .note-info")).to_contain_text("previous image", timeout=PATIENCE)


def open_tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name, exact=True).click()


def uncovered(page: Page) -> None:
    """Wait until no view that is seen is covered: each is about the case on the strip."""
    page.wait_for_function(
        "() => ![...document.querySelectorAll('[data-outdated]')].some((each) => each.offsetParent)", timeout=PATIENCE
    )


def serious_faults(page: Page) -> list[str]:
    """What axe says of the page as it stands, where it is serious or critical."""
    found = Axe().run(page).response["violations"]
    return [
        f"{fault['id']}: {node['html'][:120]}"
        for fault in found
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
    ]
