"""Languages: the same keys in each, every key used and every used key there; a German browser shows German."""

import json
import re

import pytest
from browser_helpers import open_tab, reopen, serious_faults
from conftest import ROOT
from playwright.sync_api import expect

from interface.frontend.html import escape, note
from interface.frontend.translations import attribute, fill, language_codes, named, read_language, t, text
from interface.lessons.catalog import open_catalog
from mat_core import UserError
from teaching import translations
from teaching.criteria import read_criteria
from teaching.glossary import entries
from teaching.paths import GLOSSARY

LESSONS = ROOT / "teaching" / "data" / "lessons"
BRACES = re.compile(r"\{(\w+)\}")
# Gradio's own parts, which the page translates by their elem_id or value, and what the languages call themselves
BY_ID = re.compile(r"(label|placeholder|alt|option|tab)\..+|_\w+|part\.(upper|lower) (left|right)")
USED = re.compile(
    r"\b(?:t|text|pieces)\(\s*['\"]([\w.-]+)['\"]|data-i18n=\"([\w.-]+)\""
    r"|attribute\(\s*['\"][a-z -]+['\"], ['\"]([\w.-]+)['\"]"
)
LITERAL = re.compile(r"['\"]([\w-]+(?:\.[\w-]+)*)['\"]")
# a key with a part that is computed
PARTLY = re.compile(r"['\"`]([\w-]+\.(?:[\w.-]|\$?\{[^{}]*\})*\$?\{[^{}]*\}[\w.-]*)['\"`]")
PLACES = re.compile(r"\{\{(?:[a-z-]+ )?([\w.-]+)\}\}")  # in templates


def braces(text: str) -> list[str]:
    return sorted(BRACES.findall(text))


def sources() -> str:
    files = [
        *ROOT.glob("interface/**/*.py"),
        *ROOT.glob("teaching/**/*.py"),
        *ROOT.glob("assets/**/*.js"),
        *ROOT.glob("assets/**/*.html"),
    ]
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


@pytest.mark.parametrize("code", language_codes())
def test_languages_have_the_same_keys_and_braces(code):
    english, other = read_language("en"), read_language(code)
    assert {"en", "de", "es"} <= set(language_codes())
    assert list(other) == list(english)
    assert [key for key in other if braces(other[key]) != braces(english[key])] == []
    assert [key for key, value in other.items() if not value or value != value.strip()] == []


def test_every_key_is_used_and_every_used_key_is_there():
    code, english = sources(), read_language("en")
    templates = [path.read_text(encoding="utf-8") for path in ROOT.glob("assets/**/*.html")]
    used = {key for found in USED.findall(code) for key in found if key}
    used |= {key for template in templates for key in PLACES.findall(template)}
    assert {key for key in used if key not in english and f"{key}.other" not in english} == set()
    used |= set(LITERAL.findall(code))
    partly = [re.compile(re.sub(r"\$?\{[^{}]*\}", ".+", key)) for key in PARTLY.findall(code)]

    def is_used(key: str) -> bool:
        names = (key, re.sub(r"\.(one|other)$", "", key))
        return any(name in used or any(one.fullmatch(name) for one in partly) for name in names)

    assert [key for key in english if not BY_ID.fullmatch(key) and not is_used(key)] == []


def test_labels_belong_to_components():
    """Gradio's labels are translated by elem_id: the id and the English label stand side by side."""
    python = " ".join(sources().split())
    for key, value in read_language("en").items():
        kind, _, name = key.partition(".")
        if kind in ("label", "placeholder", "alt"):
            assert f'elem_id="{name}"' in python, key
            assert f'"{value}"' in python or f"text('{key}')" in python, key


def test_options_of_html_have_the_english_text():
    for key, value in re.findall(r'data-i18n="([\w.-]+)">([^<{]+)<', sources()):
        assert value == read_language("en")[key]


def test_a_text_is_plain_english_in_a_label_and_carries_its_key_into_html():
    made = text("casebook", count=48)
    assert f"{made}" == "48 real cases by name"
    assert json.loads(json.dumps([made])) == ["48 real cases by name"]
    html = '<span data-i18n="casebook" data-i18n-values="{&quot;count&quot;: 48}">48 real cases by name</span>'
    assert (escape(made), t("casebook", count=48)) == (html, html)
    assert 'data-i18n="error.broken"' in note(str(UserError(text("error.broken"))))
    assert attribute("aria-label", "language") == 'aria-label="Language" data-i18n-attributes="aria-label:language"'
    assert (
        fill("<p {{aria-label language}}>{{words}}</p>") == f"<p {attribute('aria-label', 'language')}>{t('words')}</p>"
    )
    assert (escape(named("back")), named("somewhere")) == (t("option.back"), "somewhere")


def test_a_text_cannot_be_markup(monkeypatch):
    monkeypatch.setattr(translations, "read_language", lambda code: {"x": "<b>{who}</b>"})
    assert t("x", who='"<i>') == (
        '<span data-i18n="x" data-i18n-values="{&quot;who&quot;: &quot;\\&quot;&lt;i&gt;&quot;}">'
        "&lt;b&gt;&quot;&lt;i&gt;&lt;/b&gt;</span>"
    )


OTHERS = [code for code in language_codes() if code != "en"]


@pytest.mark.parametrize("code", OTHERS)
@pytest.mark.parametrize("name", sorted(path.name for path in (LESSONS / "en").glob("*.md")))
def test_a_translated_lesson_is_the_same_lesson(code, name):
    """The same steps, settings and numbers; only words differ."""
    texts = [(LESSONS / language / name).read_text(encoding="utf-8") for language in (code, "en")]
    fields = r"^truth: .*|^from: .*|^to: .*|^  \w+:|^case: .*"
    for kept in (r"^## ", r"(?s)```page\n.*?```", r"\{\{ [\w.]+ \}\}", fields):
        translated, english = (re.findall(kept, text, re.M) for text in texts)
        assert sorted(translated) == sorted(english)
        assert translated or "truth" in kept


@pytest.mark.parametrize("code", OTHERS)
def test_lessons_and_the_words_around_them_are_whole(code):
    catalog = open_catalog()
    assert catalog.problems == ()
    assert {lesson.name for lesson in catalog.by_language[code]} == {lesson.name for lesson in catalog.lessons()}
    english, words = (json.loads((LESSONS / one / "words.json").read_text("utf-8")) for one in ("en", code))
    assert list(words) == list(english)
    assert [key for key in words if braces(words[key]) != braces(english[key])] == []


@pytest.mark.parametrize("code", OTHERS)
def test_the_glossary_has_the_same_terms(code):
    """One for one, in the order of the English: the same ones have an abbreviation."""
    english, translated = (entries(GLOSSARY / f"{one}.txt") for one in ("en", code))
    assert len(translated) == len(english)
    assert [re.findall(r"\(.*\)", one.term) for one in translated] == [
        re.findall(r"\(.*\)", one.term) for one in english
    ]
    forms = [form for entry in translated for form in entry.forms]
    assert (len(set(forms)), [form.lower() for form in forms]) == (len(forms), forms)


# ---------------------------------------------------------------- in the browser


def test_a_german_browser_shows_german_also_in_what_comes_later(visit):
    """What is fixed is German on every tab; data and sentences with computed numbers stay English."""
    page = visit(locale="de-DE")
    expect(page.locator("#purpose")).to_contain_text("worauf ein neuronales Netz achtet")
    expect(page.locator("#sex")).to_contain_text("weiblich")
    expect(page.locator("#answer-panel h2 [lang=de]")).to_have_text("Antwort")
    expect(page.get_by_role("button", name="Handzettel (PDF)")).to_be_visible()
    expect(page.get_by_label("Körperstelle", exact=True)).to_be_visible()
    expect(page.locator("#regions-panel th").first).to_have_text("Nr.")
    assert "sex" in page.locator("#words .chip").all_inner_texts()
    page.locator("#criteria summary").click()
    expect(page.locator("#criteria")).to_contain_text("hat das Modell nicht gelernt")
    name = page.locator("#criteria li strong span").first
    assert name.get_attribute("lang") == "de"
    assert name.inner_text() in [one.name["de"] for one in read_criteria().criteria]
    # an answer that comes from the server afterwards
    page.locator("#age input").fill("81")
    expect(page.locator("#strip .who")).to_contain_text("age 81")
    expect(page.locator("#strip .who")).to_contain_text("eine Zeichnung")
    expect(page.locator("#answer .bars")).to_contain_text("Basalzellkarzinom")
    expect(page.locator("#answer .mark").first).to_have_text("bösartig")
    assert serious_faults(page) == []
    for tab, said in {
        "Erkunden": ("Wer auf wen schaut", "Alle Köpfe zugleich", "Aufmerksamkeit ist keine Erklärung.", "Kopf 2"),
        "Fragen": ("Wörter und Führung",),
        "Lernen": ("Was Aufmerksamkeit ist", "Was eine Wahrscheinlichkeit nicht ist", "Das verräterische Wort"),
        "Lektionen": ("Was das Netz liest", "Anfangen"),
        "Üben": ("Üben: zuerst selbst antworten", "1. Markieren", "4. Die Wahrheit", "Runde anfangen"),
        "Info": ("Das Modell", "Datenschutz", "Was gemessen wurde"),
    }.items():
        open_tab(page, tab)
        for words in said:
            expect(page.get_by_text(words, exact=True).filter(visible=True).first).to_be_visible()
    open_tab(page, "Vergleich")
    page.get_by_role("button", name="Diesen Fall festhalten").click()
    expect(page.locator("#held-view .is-held h4")).to_have_text("Festgehalten")
    page.get_by_role("button", name="Loslassen").click()


def test_the_language_is_chosen_in_the_page_and_kept(visit):
    page = visit(locale="en-US", console=False)
    expect(page.locator("#answer-panel h2")).to_have_text("Answer")
    page.locator("#language").select_option("de")
    expect(page.locator("#answer-panel h2")).to_have_text("Antwort")
    again = reopen(page)
    expect(again.get_by_role("tab", name="Erkunden", exact=True)).to_be_visible()
    expect(again.locator("#language")).to_have_value("de")
    again.locator("#language").select_option("en")
    expect(again.get_by_role("tab", name="Explore", exact=True)).to_be_visible()
    expect(again.locator("#answer-panel h2")).to_have_text("Answer")
    assert again.locator("[lang=de]:not(option)").count() == 0


def test_a_link_chooses_the_language(visit, app_url):
    page = visit(locale="en-US", url=f"{app_url}?lang=de")
    expect(page.get_by_role("tab", name="Fragen", exact=True)).to_be_visible()
    page = visit(locale="de-DE", url=f"{app_url}?lang=en", console=False)
    expect(page.get_by_role("tab", name="Question", exact=True)).to_be_visible()
    page.locator("#language").select_option("de")
    page.set_viewport_size({"width": 390, "height": 800})
    for tab in ("Diagnose", "Erkunden", "Fragen", "Vergleich", "Lernen", "Lektionen", "Üben", "Info"):  # none in a menu
        expect(page.get_by_role("tab", name=tab, exact=True)).to_be_visible()
    page = visit(locale="fr-FR")
    expect(page.get_by_role("tab", name="Question", exact=True)).to_be_visible()
