"""No English is left where a visitor reads another language: texts, labels, names of pictures, and numbers."""

import re

import pytest
from browser_helpers import VIEWS, open_tab
from playwright.sync_api import Page, expect

from teaching.translations import language_codes, read_language

pytestmark = pytest.mark.browser

# words that neither German nor Spanish writes so
ENGLISH = re.compile(
    r"\b(the|of|and|with|without|is|are|this|that|not|from|what|which|where|each|every|you|your|how|it|its|by|for|"
    r"words?|regions|heads?|age|years|points|image|picture|shown|average|unknown|female|male|back|trunk|face)\b",
    re.IGNORECASE,
)
DECIMAL_POINT = re.compile(r"(?<![\w.])\d+\.\d+(?![\w.])")
# what the model reads is English in every language; whose a picture is stays as its owner writes it
DATA = (
    "script, style, footer, .chip, .mx-chip, #strip .who, th.word, .mx [data-col], .mx [data-row], .mx [data-token], "
    ".mx-plain, .provenance, [data-keep-language], option[lang], .criteria .fine, [data-testid=status-tracker]"
)
NAMES = ("Mutual Attention Transformer", "HAM10000", "CC BY-NC 4.0", "python -m training", "#practice?", "image-only",
         "sa-sga-image")  # fmt: skip
# Gradio writes these, in some languages only
GRADIO = ("Remove Image", "Capture from camera", "Paste from clipboard", "In queue: 1 of 1")
TEXTS = """(data) => {
    const found = new Set();
    const say = (text, element) => {
        if (text?.trim() && !element.closest(data) && element.checkVisibility()) found.add(text.trim());
    };
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) say(walker.currentNode.data, walker.currentNode.parentElement);
    for (const element of document.querySelectorAll('[aria-label], [title], img[alt]')) {
        for (const name of ['aria-label', 'title', 'alt']) say(element.getAttribute(name), element);
    }
    return [...found];
}"""


def untranslated(page: Page) -> list[str]:
    """Visible texts with a word of English or a decimal point, but for the words that the model read."""
    data = {*page.locator("#words .chip").all_text_contents(), *GRADIO}
    texts = [re.sub(r"\s+", " ", text) for text in page.evaluate(TEXTS, DATA)]
    left = [text for text in texts if ENGLISH.search(text) or DECIMAL_POINT.search(text)]
    return [text for text in left if text not in data and not any(name in text for name in NAMES)]


@pytest.mark.parametrize("code", [code for code in language_codes() if code != "en"])
def test_nothing_on_the_tabs_stays_english(visit, code):
    page, names = visit(locale=code), read_language(code)
    page.locator("#age input").fill("81")
    expect(page.locator("#answer .changed")).to_be_visible()
    left = {"Diagnose": untranslated(page)}
    for name in ("Explore", "Take away", "Hide", "Check attention", "What if", "Doubt", "Similar cases", "Compare",
                 "Learn", "Lessons", "Practice", "About"):  # fmt: skip
        key = name.lower().replace(" ", "-")
        if name == "Take away":
            open_tab(page, names["tab.question"])
        open_tab(page, names[f"tab.{key}"])
        expect(page.locator(VIEWS.get(name, ".mx [data-part=matrix] td")).first).to_be_visible()
        left[name] = untranslated(page)
    said = [f"{name}: {text}" for name, texts in left.items() for text in texts]
    assert not said, "\n".join(said)
