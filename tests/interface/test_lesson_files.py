"""Lesson files: faults are reported with file and key, a faulty file is left out; translations."""

import re
from pathlib import Path

import pytest
from conftest import ROOT
from documents import block
from hypothesis import given, settings
from hypothesis import strategies as st

from interface.lessons.catalog import open_catalog
from interface.lessons.markdown import to_html, to_paragraphs
from interface.lessons.parser import MAX_FILE, MAX_STEPS, read_lesson
from interface.lessons.schema import CaseRef, PageState
from mat_core import UserError

CATALOG = open_catalog()
GOOD = """---
title: A title
minutes: 3
for: testers
case: phantom 1 nv
---

## One

```page
tab: explore
map: words_to_regions
```

It is {{ top.share }}.

## Two

```page
look: matrix
```

Again.

```predict
question: How many?
truth: words.count
```

So many: {{ words.count }}.
"""


def write(folder: Path, text: str | bytes, name: str = "07-mine.md") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    return path


def test_example_of_the_documentation_is_a_lesson(tmp_path):
    lesson, errors = read_lesson(write(tmp_path, block("a lesson")))
    assert errors == ()
    assert len(lesson.steps) >= 2


def test_lesson_is_read(tmp_path):
    lesson, errors = read_lesson(write(tmp_path, "\ufeff" + GOOD.replace("\n", "\r\n")), own=True)
    assert errors == ()
    assert (lesson.name, lesson.title, lesson.minutes, lesson.audience) == ("mine", "A title", 3, "testers")
    assert lesson.own
    one, two = lesson.steps
    assert one.page == PageState(case=CaseRef("phantom", "", 1, "nv"), tab="explore", map="words_to_regions")
    assert two.page == one.page.model_copy(update={"look": "matrix"})  # the explorer keeps its settings
    assert (two.predict.truth, two.predict.least, two.predict.most) == ("words.count", 0, 20)
    assert two.text.strip() == "Again."
    assert two.revealed.strip() == "So many: {{ words.count }}."


@pytest.mark.parametrize(
    ("settings_", "expected"),
    [
        ("age: 30", {"age": "30"}), ("sex: unknown", {"sex": "unknown"}), ("case: house", {}),
        ("look: matrix", {"age": "50"}), ("case: house\nsex: male", {"sex": "male"}),
    ],
)  # fmt: skip
def test_metadata_of_a_step_replace_those_of_the_lesson(tmp_path, settings_, expected):
    text = GOOD.replace("for: testers", "for: testers\nage: 50").replace("look: matrix", settings_)
    lesson, errors = read_lesson(write(tmp_path, text))
    assert errors == ()
    assert lesson.steps[0].page.changes == {"age": "50"}
    assert lesson.steps[1].page.changes == expected


@pytest.mark.parametrize(
    ("old", "new", "where", "message"),
    [
        ("---\ntitle", "title", "", "front matter is missing"),
        ("phantom 1 nv\n---\n", "phantom 1 nv\n", "", "front matter is missing"),
        ("title: A title", "titel: A title", "front matter.titel", "allowed are .*title"),
        ("title: A title", "titel: A title", "front matter.title", "required"),
        ("title: A title", "title:", "front matter.title", "at least 1"),
        ("minutes: 3", "minutes: soon", "front matter.minutes", "valid integer.*got 'soon'"),
        ("minutes: 3", "minutes: 181", "front matter.minutes", "180"),
        ("phantom 1 nv", "phantom 1 nevus", "front matter.case", "phantom 18 mel"),
        ("phantom 1 nv", "ISIC_12", "front matter.case", "ISIC_0012345"),
        ("for: testers", "for: testers\nage: old", "front matter.age", "Age must be"),
        ("tab: explore", "tab: explorer", "step 1, page.tab", "'diagnose'.*got 'explorer'"),
        ("map: words", "mop: words", "step 1, page.mop", "allowed are .*map"),
        ("map: words_to_regions", "map: a\nmap: b", "step 1, page", "map stands twice"),
        ("map: words_to_regions", "head: 0", "step 1, page.head", "sharpest.*got '0'"),
        ("map: words_to_regions", "pin: word 0", "step 1, page.pin", "region 1"),
        ("map: words_to_regions", "temperature: 9", "step 1, page.temperature", "4"),
        ("map: words_to_regions", "hide: lesion", "step 1, page.hide", "tab hide"),
        ("map: words_to_regions", "map: words_to_words\npin: region 1", "step 1, page.pin", "no regions"),
        ("tab: explore", "tab: doubt", "step 1, page.map", "tab explore"),
        ("look: matrix", "look: threshold", "step 2, page.look", "picture, matrix"),
        ("tab: explore", "tab: [explore]", "step 1, page.tab", "'diagnose'"),
        ("{{ top.share }}", "{{ top.shares }}", "step 1", "no value `top.shares`"),
        ("{{ words.count }}", "{{ a }}", "step 2", "no value `a`"),
        ("truth: words.count", "truth: 7", "step 2, predict.truth", "LESSONS.md"),
        ("truth: words.count", "truth: words.text", "step 2, predict.truth", "nobody can predict"),
        ("truth: words.count", "truth: top.share\nchoices: classes", "step 2, predict.choices", "`from` and `to`"),
        ("truth: words.count", "truth: away.way\nchoices:\n  up: Up", "step 2, predict.choices", "down, even, up"),
        ("truth: words.count", "truth: words.count\nfrom: 9\nto: 3", "step 2, predict.to", "greater than `from`"),
        ("truth: words.count", "truth: words.count\nto: nan", "step 2, predict.to", "finite"),
        ("question: How many?", "question: How many: all?", "step 2, predict", "quote"),
        ("question: How many?\n", "", "step 2, predict.question", "required"),
        ("It is {{ top.share }}.", "", "step 1", "no text"),
        ("## One", "One", "", "before the first step"),
        ("Again.\n", "Again.\n\n```page\ntab: about\n```\n", "step 2", "more than one block `page`"),
        ("## One", "## " + 91 * "x", "step 1", "1 to 90 characters"),
    ],
)
def test_fault_is_reported_with_file_and_key(tmp_path, old, new, where, message):
    assert old in GOOD
    lesson, errors = read_lesson(write(tmp_path, GOOD.replace(old, new, 1)))
    assert lesson is None
    prefix = re.escape(f"07-mine.md: {where}")
    assert any(re.match(rf"{prefix}: ?.*{message}" if where else rf"{prefix}.*{message}", one) for one in errors), (
        errors
    )


def test_all_faults_of_a_file_are_reported(tmp_path):
    text = (
        GOOD.replace("minutes: 3", "minutes: 0")
        .replace("tab: explore", "tab: x\nlayer: y")
        .replace("Again.", "{{ z }}")
    )
    _, errors = read_lesson(write(tmp_path, text))
    places = [one.split(": ")[1] for one in errors]
    assert places == ["front matter.minutes", "step 1, page.tab", "step 1, page.layer", "step 2", "step 2, page.look"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"), (b"\n \n", "empty"), (GOOD.encode() + b"\xff", "not UTF-8"), (b"hello", "front matter"),
        (GOOD.encode() + b"x" * MAX_FILE, "more than 64 KB"), (GOOD.split("## One")[0].encode(), "no step"),
        ((GOOD + "\n## More\nx\n" * MAX_STEPS).encode(), f"at most {MAX_STEPS} steps"),
    ],
)  # fmt: skip
def test_file_that_is_no_lesson_is_reported(tmp_path, data, message):
    lesson, (error,) = read_lesson(write(tmp_path, data))
    assert lesson is None
    assert message in error


def test_faulty_files_of_a_folder_are_left_out(tmp_path):
    write(tmp_path, GOOD, "02-good.md")
    write(tmp_path, GOOD.replace("top.share", "top.shore"), "01-bad.md")
    write(tmp_path, GOOD, "03-heads.md")
    write(tmp_path, GOOD, "Other Name.md")
    write(tmp_path, "not a lesson", "notes.txt")
    (tmp_path / "04-folder.md").mkdir()
    catalog = open_catalog(tmp_path)
    assert catalog.lessons()[-1].name == "good"
    assert len(catalog.lessons()) == len(CATALOG.lessons()) + 1
    assert [problem.split(":")[0] for problem in catalog.problems] == [
        "01-bad.md", "03-heads.md", "04-folder.md", "Other Name.md",
    ]  # fmt: skip
    with pytest.raises(UserError):
        open_catalog(tmp_path / "nowhere")


def test_english_is_used_where_a_translation_is_missing(tmp_path):
    for language, name, title in (("en", "01-a.md", "A"), ("en", "02-b.md", "B"), ("de", "01-a.md", "Das A")):
        (tmp_path / language).mkdir(exist_ok=True)
        write(tmp_path / language, GOOD.replace("A title", title), name)
    (tmp_path / "en" / "words.json").write_text('{"next": "Next", "back": "Back"}', encoding="utf-8")
    (tmp_path / "de" / "words.json").write_text('{"next": "Weiter", "back": 3}', encoding="utf-8")
    catalog = open_catalog(None, tmp_path)
    assert [lesson.title for lesson in catalog.lessons("de-AT")] == ["Das A", "B"]
    assert [lesson.title for lesson in catalog.lessons("fr")] == ["A", "B"]
    assert catalog.words["de"] == {"next": "Weiter", "back": "Back"}
    (problem,) = catalog.problems
    assert problem.startswith("de/words.json: 'back'")
    assert [catalog.language(wanted) for wanted in ("de", None, 7, "__class__")] == ["de", "en", "en", "en"]


def test_every_message_of_the_panel_exists():
    used = set()
    for path in (ROOT / "assets" / "lesson_panel").glob("*.js"):
        source = path.read_text(encoding="utf-8")
        used |= set(re.findall(r"say\('([\w-]+)'", source))
        used |= set(re.findall(r"say\([^'()]*\? '([\w-]+)'", source))
        used |= set(re.findall(r"say\([^()]*: '([\w-]+)'\)", source))
    assert len(used) > 30
    assert used <= CATALOG.words["en"].keys()


def test_markup_of_a_file_is_shown_as_text():
    source = '<script>x</script> <b>y</b> ![p](http://a/b.png) [l](javascript:x) {{ a "b" }}'
    html = to_html(source, lambda name: f"<{name}>")
    assert not re.search(r"<script|<b>y|<img|href=.javascript", html)
    assert '<b class="ls-value">&lt;a &quot;b&quot;&gt;</b>' in html


def test_lists_and_markup_become_paragraphs():
    source = "One *two*\nthree {{ a }}.\n\n- first\n- **second**\n\n3. third\n4. `x = 1`\n\n[link](http://a)"
    assert to_paragraphs(source, str.upper) == (
        'One "two" three A.', "\N{BULLET} first", "\N{BULLET} second", "3. third", "4. x = 1", "link",
    )  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from([*GOOD.splitlines(), "---", "```", "```page", "```predict", "  up: x", "{{ x", "&a [*a]"])
        | st.text(max_size=30),
        max_size=60,
    )
)  # fmt: skip
def test_any_file_is_a_lesson_or_has_errors(tmp_path_factory, lines):
    lesson, errors = read_lesson(write(tmp_path_factory.getbasetemp(), "\n".join(lines), "08-any.md"))
    assert (lesson is None) == bool(errors)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, GOOD.count("\n") - 1), st.text(alphabet="abc:-#{}[]&*`'\" \t", max_size=12))
def test_any_line_in_a_lesson_leaves_a_lesson_or_errors(tmp_path_factory, at, line):
    lines = GOOD.splitlines()
    lines[at] = line
    lesson, errors = read_lesson(write(tmp_path_factory.getbasetemp(), "\n".join(lines), "09-odd.md"))
    assert (lesson is None) == bool(errors)
