"""Languages: the same keys and parts in each, a faulty file is said and left out, and a German browser shows German."""

import json
import re
from html import unescape

import pytest
from browsing import PATIENCE, leaves, open_tab, serious_faults
from conftest import ROOT
from playwright.sync_api import expect

from interface.languages import FOLDER, blanks, read_languages
from interface.lessons.shelf import open_shelf

LESSONS = ROOT / "assets" / "lessons"
SHIPPED = read_languages()
ENGLISH = {"_name": "English", "hello": "Hello", "count": "{count} cases"}
GERMAN = {"_name": "Deutsch", "hello": "Hallo", "count": "{count} Fälle"}


def write(folder, **files) -> None:
    for code, texts in files.items():
        text = texts if isinstance(texts, str) else json.dumps(texts)
        (folder / f"{code}.json").write_text(text, encoding="utf-8")


def test_every_language_that_ships_is_whole():
    assert SHIPPED.problems == ()
    assert list(SHIPPED.texts) == ["en", "de"]
    english = SHIPPED.texts["en"]
    for path in FOLDER.glob("*.json"):
        texts = json.loads(path.read_text(encoding="utf-8"))
        assert list(texts) == list(english)
        assert all(text.strip() == text and text for text in texts.values())
        assert {key: blanks(text) for key, text in texts.items()} == {
            key: blanks(text) for key, text in english.items()
        }


def test_the_english_texts_are_those_of_the_page():
    """Where a text of the page is changed, its entry is too; else it would stay English in silence."""
    sources = [*ROOT.glob("interface/**/*.py"), *ROOT.glob("mat_core/*.py"), *ROOT.glob("assets/**/*.*")]
    written = " ".join(
        path.read_text(encoding="utf-8") for path in sources if path.suffix in (".py", ".js", ".html", ".css")
    )
    written = unescape(
        re.sub(r"['\"]\s*f?['\"]", "", written).replace("\\2026", "…")
    )  # string literals in several lines
    written = " ".join(written.split())
    lost = []
    for key, text in SHIPPED.texts["en"].items():
        parts = [part.strip() for part in re.split(r"\{\w+\}", text) if part.strip()]
        # a choice may be written in small letters and capitalised by the program
        if key != "_name" and not all(part in written or part[0].lower() + part[1:] in written for part in parts):
            lost.append(f"{key}: {text}")
    assert lost == []


def test_gaps_are_filled_with_english_and_said(tmp_path):
    write(tmp_path, en=ENGLISH, de={"_name": "Deutsch", "count": "{zahl} Fälle", "more": "mehr"})
    found = read_languages(tmp_path)
    assert found.texts["de"] == {"_name": "Deutsch", "hello": "Hello", "count": "{count} cases"}
    assert found.problems == (
        "de.json: English stands in for what is missing: hello.",
        "de.json: English stands in where the parts in {braces} are other ones: count.",
        "de.json: not in English, so left out: more.",
    )


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ('{"_name": "Deutsch",\n', "line 2 is not JSON"),
        ("[]", "must be one JSON object"),
        ('{"_name": "Deutsch", "hello": 5}', "must be one JSON object"),
        ('{"hello": "Hallo"}', '"_name", what the language calls itself, is missing'),
        ("[" * 100_000, "left out"),
    ],
)
def test_a_faulty_file_is_left_out_and_said(tmp_path, texts, said):
    write(tmp_path, en=ENGLISH, de=texts, fr=GERMAN)
    found = read_languages(tmp_path)
    assert list(found.texts) == ["en", "fr"]
    assert len(found.problems) == 1
    assert said in found.problems[0]
    assert found.problems[0].startswith("The language file de.json is left out: ")


def test_other_names_and_other_bytes_are_left_out_too(tmp_path):
    write(tmp_path, en=ENGLISH, deutsch=GERMAN)
    (tmp_path / "it.json").write_bytes(b"\xff\xfe")
    assert len(read_languages(tmp_path).problems) == 2


def test_without_english_the_page_stays_as_it_is_written(tmp_path):
    write(tmp_path, en="{", de=GERMAN)
    found = read_languages(tmp_path)
    assert found.texts == {}
    assert "stays in English" in found.problems[-1]
    assert read_languages(tmp_path / "nowhere").script() == "{}"


def test_a_text_cannot_end_the_script(tmp_path):
    write(tmp_path, en=ENGLISH | {"hello": "</script><b>"})
    script = read_languages(tmp_path).script()
    assert "<" not in script
    assert json.loads(script)["en"]["hello"] == "</script><b>"


@pytest.mark.parametrize("path", sorted((LESSONS / "de").glob("*.md")), ids=lambda path: path.stem)
def test_a_lesson_in_german_is_the_same_lesson(path):
    """The same steps, settings and numbers; only words differ."""
    texts = [(LESSONS / language / path.name).read_text(encoding="utf-8") for language in ("de", "en")]
    fields = r"^truth: .*|^from: .*|^to: .*|^  \w+:|^case: .*"
    for kept in (r"^## ", r"(?s)```page\n.*?```", r"\{\{ [\w.]+ \}\}", fields):
        german, english = (re.findall(kept, text, re.M) for text in texts)
        assert sorted(german) == sorted(english)
        assert german or "truth" in kept


def test_the_words_around_lessons_are_whole():
    shelf = open_shelf()
    assert shelf.problems == ()
    assert [len(shelf.by_language["de"]), list(shelf.words["de"])] == [3, list(shelf.words["en"])]
    for key, text in shelf.words["de"].items():
        assert blanks(text) == blanks(shelf.words["en"][key]), key
    assert shelf.words["de"]["begin"] == "Anfangen"


# ---------------------------------------------------------------- in the browser


@pytest.fixture
def visit_in(browser, app_url):
    """A function that opens the page in a browser of a locale; nothing may have gone wrong or out afterwards."""
    problems, contexts = [], []

    def open_page(locale: str, query: str = "", context=None):
        if context is None:
            context = browser.new_context(locale=locale, viewport={"width": 1280, "height": 900})
            contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: problems.append(request.url) if leaves(request.url) else None)
        page.goto(app_url + query)
        expect(page.locator("#answer .bars li")).to_have_count(7, timeout=PATIENCE)
        page.wait_for_function("document.querySelector('#strip [data-case]')?.dataset.case", timeout=PATIENCE)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []


def test_a_german_browser_shows_the_chrome_in_german_and_what_comes_later_too(visit_in):
    page = visit_in("de-DE")
    for tab in ("Erkunden", "Fragen", "Vergleich", "Lernen", "Lektionen", "Üben", "Info"):
        expect(page.get_by_role("tab", name=tab, exact=True)).to_be_visible()
    expect(page.locator("#purpose")).to_contain_text("worauf ein neuronales Netz achtet")
    expect(page.locator("#sex")).to_contain_text("weiblich")
    expect(page.locator("#answer-panel h2")).to_have_text("Antwort")
    expect(page.get_by_role("button", name="Handzettel (PDF)")).to_be_visible()
    assert page.locator("#answer-panel h2").get_attribute("lang") == "de"
    # what the model read is data
    chips = page.locator("#words .chip").all_inner_texts()
    assert "sex" in chips
    # an answer that comes from the server afterwards
    page.locator("#age input").fill("81")
    expect(page.locator("#strip .who")).to_contain_text("age 81", timeout=PATIENCE)
    expect(page.locator("#strip .who")).to_contain_text("eine Zeichnung")
    open_tab(page, "Vergleich")
    page.get_by_role("button", name="Diesen Fall festhalten").click()
    expect(page.locator("#held-view .is-held h4")).to_have_text("Festgehalten", timeout=PATIENCE)
    page.get_by_role("button", name="Loslassen").click()
    open_tab(page, "Lektionen")
    expect(page.get_by_text("Was das Netz liest", exact=True).first).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_role("button", name="Anfangen").first).to_be_visible()
    open_tab(page, "Diagnose")
    assert serious_faults(page) == []


def test_the_language_is_chosen_in_the_page_and_kept(visit_in):
    page = visit_in("en-US")
    expect(page.locator("#answer-panel h2")).to_have_text("Answer")
    page.locator("#language").select_option("de")
    expect(page.locator("#answer-panel h2")).to_have_text("Antwort")
    again = visit_in("en-US", context=page.context)
    expect(again.get_by_role("tab", name="Erkunden", exact=True)).to_be_visible()
    expect(again.locator("#language")).to_have_value("de")
    again.locator("#language").select_option("en")
    expect(again.get_by_role("tab", name="Explore", exact=True)).to_be_visible()
    expect(again.locator("#answer-panel h2")).to_have_text("Answer")
    assert again.locator("[lang=de]:not(option)").count() == 0


def test_texts_with_marked_terms_change_their_language_and_come_back(visit_in):
    """A term that is marked cuts its sentence in pieces; the sentence is known all the same."""
    page = visit_in("en-US")
    open_tab(page, "Learn")
    text = page.locator("p", has_text="It is not the reason for the answer")
    expect(text.locator(".term")).not_to_have_count(0, timeout=PATIENCE)
    english = text.inner_text()
    for _ in range(2):
        page.locator("#language").select_option("de")
        german = page.get_by_text("Sie ist nicht der Grund der Antwort", exact=False)
        expect(german).to_contain_text("Wissen kann man es nur, wenn man die Region wegnimmt und noch einmal fragt.")
        expect(german).not_to_contain_text("It is not")
        expect(german).to_contain_text("tut das für jede Region")
        page.locator("#language").select_option("en")
        expect(text.locator(".term")).not_to_have_count(0, timeout=PATIENCE)
        assert text.inner_text() == english
    assert page.locator("[lang=de]:not(option)").count() == 0


def test_every_tab_has_its_headings_in_german(visit_in):
    """What is fixed is German on every tab; sentences with computed numbers stay English."""
    page = visit_in("de-DE")
    expect(page.locator("#regions-panel th").first).to_have_text("Nr.")
    for tab, said in (
        ("Erkunden", ("Wer auf wen schaut", "Alle Köpfe zugleich", "Aufmerksamkeit ist keine Erklärung.", "Kopf 2")),
        ("Lernen", ("Was Aufmerksamkeit ist", "Was eine Wahrscheinlichkeit nicht ist", "Das verräterische Wort")),
        ("Üben", ("Üben: zuerst selbst antworten", "1. Markieren", "4. Die Wahrheit", "Runde anfangen")),
        ("Info", ("Das Modell", "Datenschutz", "Was gemessen wurde")),
    ):
        open_tab(page, tab)
        for text in said:
            there = page.get_by_text(text, exact=True).filter(visible=True)
            expect(there.first).to_be_visible(timeout=PATIENCE)
    open_tab(page, "Fragen")
    expect(page.get_by_text("Wörter und Führung", exact=True)).to_be_visible(timeout=PATIENCE)


def test_a_link_chooses_the_language(visit_in):
    page = visit_in("en-US", "?lang=de")
    expect(page.get_by_role("tab", name="Fragen", exact=True)).to_be_visible()
    page = visit_in("de-DE", "?lang=en")
    expect(page.get_by_role("tab", name="Question", exact=True)).to_be_visible()
    page.locator("#language").select_option("de")
    page.set_viewport_size({"width": 390, "height": 800})
    for tab in ("Diagnose", "Erkunden", "Fragen", "Vergleich", "Lernen", "Lektionen", "Üben", "Info"):  # none in a menu
        expect(page.get_by_role("tab", name=tab, exact=True)).to_be_visible()
    page = visit_in("fr-FR")
    expect(page.get_by_role("tab", name="Question", exact=True)).to_be_visible()
