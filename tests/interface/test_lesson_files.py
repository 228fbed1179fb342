"""Files of lessons: what is wrong is named with its line and left out; a teacher's own, other languages."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import ROOT
from documents import block
from hypothesis import given, settings
from hypothesis import strategies as st

from interface.lessons.lesson import CaseOf, Page
from interface.lessons.markdown import to_html
from interface.lessons.reading import MAX_FILE, MAX_STEPS, read_lesson
from interface.lessons.shelf import open_shelf
from mat_core import UserError

SHELF = open_shelf()
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


def written(folder: Path, text: str | bytes, name: str = "07-mine.md") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return path


def test_the_documents_example_is_a_lesson(tmp_path):
    lesson, faults = read_lesson(written(tmp_path, block("a lesson")))
    assert faults == ()
    assert len(lesson.steps) >= 2


def test_a_good_file_is_read_as_it_is_written(tmp_path):
    lesson, faults = read_lesson(written(tmp_path, "\ufeff" + GOOD.replace("\n", "\r\n")), own=True)
    assert faults == ()
    assert (lesson.name, lesson.title, lesson.minutes, lesson.audience, lesson.own) == (
        "mine", "A title", 3, "testers", True
    )  # fmt: skip
    one, two = lesson.steps
    assert one.page == Page(CaseOf("phantom", "", 1, "nv"), tab="explore", map="words_to_regions")
    assert two.page == replace(one.page, look="matrix")  # it stays where it was
    assert (two.predict.truth, two.predict.least, two.predict.most) == ("words.count", 0, 20)
    assert two.text.strip() == "Again."
    assert two.revealed.strip() == "So many: {{ words.count }}."


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("---\ntitle", "title", 1, "must be ---"),
        ("phantom 1 nv\n---\n", "phantom 1 nv\n", 1, "that ends the front-matter"),
        ("title: A title", "titel: A title", 2, "`titel` is not known"),
        ("title: A title", "titel: A title", 1, "needs `title"),
        ("minutes: 3", "minutes: soon", 3, "whole number from 1 to 180"),
        ("phantom 1 nv", "phantom 1 nevus", 5, "`case` must be"),
        ("phantom 1 nv", "ISIC_12", 5, "`case` must be"),
        ("for: testers", "for: testers\nage: old", 5, "Age must be"),
        ("tab: explore", "tab: explorer", 11, "must be one of diagnose"),
        ("map: words", "mop: words", 12, "`mop` is not known"),
        ("map: words_to_regions", "map: words_to_regions\nmap: words_to_words", 13, "there twice"),
        ("map: words_to_regions", "head: 0", 12, "`head` must be"),
        ("map: words_to_regions", "temperature: 9", 12, "from 0.25 to 4"),
        ("map: words_to_regions", "hide: lesion", 12, "of the tab hide"),
        ("tab: explore", "tab: doubt", 12, "of the tab explore"),
        ("look: matrix", "look: threshold", 20, "has no place"),
        ("{{ top.share }}", "{{ top.shares }}", 15, "no value `top.shares`"),
        ("{{ words.count }}", "x\n{{ a }}", 30, "no value `a`"),
        ("truth: words.count", "truth: 7", 27, "`truth: ...`"),
        ("truth: words.count", "truth: words.text", 27, "nobody can guess"),
        ("truth: words.count", "truth: top.share\nchoices: classes", 28, "takes `from` and `to`"),
        ("truth: words.count", "truth: away.way\nchoices:\n  up: Up\n  down: Down", 28, "can be down, even, up"),
        ("truth: words.count", "truth: words.count\nfrom: 9\nto: 3", 29, "less than"),
        ("question: How many?", "question: How many: all?", 26, "stands in quotes"),
        ("question: How many?\n", "", 25, "needs `question"),
        ("It is {{ top.share }}.", "", 8, "says nothing"),
        ("## One", "One", 8, "before the first step"),
        ("tab: explore", "tab: &a explore\nlook: *a", 11, "is not read here"),
        ("tab: explore", "tab: [explore]", 11, "takes one value"),
        ("Again.\n", "Again.\n\n```page\ntab: about\n```\n", 25, "one block `page`"),
        ("## One", "## " + 91 * "x", 8, "1 to 90 characters"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path, old, new, line, said):
    assert old in GOOD
    lesson, faults = read_lesson(written(tmp_path, GOOD.replace(old, new, 1)))
    assert lesson is None
    assert any(fault.startswith(f"07-mine.md, line {line}: ") and said in fault for fault in faults), faults


@pytest.mark.parametrize(
    ("data", "line", "said"),
    [
        (b"", 1, "empty"), (b"\n \n", 1, "empty"), (GOOD.encode() + b"\xff", GOOD.count("\n") + 1, "not UTF-8"),
        (GOOD.encode() + b"x" * MAX_FILE, 1, "more than 64 KB"), (b"hello", 1, "must be ---"),
        (GOOD.split("## One")[0].encode(), 7, "no step"),
        ((GOOD + "\n## More\nx\n" * MAX_STEPS).encode(), None, f"at most {MAX_STEPS} steps"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_lesson_is_told_so(tmp_path, data, line, said):
    lesson, (fault,) = read_lesson(written(tmp_path, data))
    assert lesson is None
    assert said in fault
    assert line is None or f"line {line}:" in fault


def test_a_folder_with_mistakes_is_read_as_far_as_it_goes(tmp_path):
    written(tmp_path, GOOD, "02-good.md")
    written(tmp_path, GOOD.replace("top.share", "top.shore"), "01-bad.md")
    written(tmp_path, GOOD, "03-heads.md")
    written(tmp_path, GOOD, "Other Name.md")
    written(tmp_path, "not a lesson", "notes.txt")
    (tmp_path / "04-folder.md").mkdir()
    shelf = open_shelf(tmp_path)
    assert shelf.lessons()[-1].name == "good"
    assert shelf.lessons()[-1].own
    assert len(shelf.lessons()) == len(SHELF.lessons()) + 1
    told = " ".join(shelf.problems)
    assert len(shelf.problems) == 4
    for said in (
        "01-bad.md, line 15: there is no value `top.shore`",
        "'heads' already",
        "Other Name.md",
        "04-folder.md",
    ):
        assert said in told
    with pytest.raises(UserError, match="is no folder"):
        open_shelf(tmp_path / "nowhere")


def test_english_stands_in_where_nobody_has_translated(tmp_path):
    for language, name, title in (("en", "01-a.md", "A"), ("en", "02-b.md", "B"), ("de", "01-a.md", "Das A")):
        (tmp_path / language).mkdir(exist_ok=True)
        written(tmp_path / language, GOOD.replace("A title", title), name)
    (tmp_path / "en" / "words.json").write_text('{"next": "Next", "back": "Back"}', encoding="utf-8")
    (tmp_path / "de" / "words.json").write_text('{"next": "Weiter", "back": 3}', encoding="utf-8")
    shelf = open_shelf(None, tmp_path)
    assert [lesson.title for lesson in shelf.lessons("de-AT")] == ["Das A", "B"]
    assert [lesson.title for lesson in shelf.lessons("fr")] == ["A", "B"]
    assert shelf.words["de"] == {"next": "Weiter", "back": "Back"}
    assert shelf.problems == ("de/words.json: 'back' must be a text. English stands in.",)
    assert [shelf.language(wanted) for wanted in ("de", None, 7, "__class__")] == ["de", "en", "en", "en"]


def test_every_word_of_the_panel_is_there():
    used = set()
    for path in (ROOT / "assets" / "lesson").glob("*.js"):
        source = path.read_text(encoding="utf-8")
        used |= set(re.findall(r"say\('([\w-]+)'", source))
        used |= set(re.findall(r"say\([^'()]*\? '([\w-]+)'", source))
        used |= set(re.findall(r"say\([^()]*: '([\w-]+)'\)", source))
    assert len(used) > 30
    assert used <= SHELF.words["en"].keys()


def test_a_file_cannot_put_markup_on_the_page():
    html = to_html(
        '<script>x</script> <b>y</b> ![p](http://a/b.png) [l](javascript:x) {{ a "b" }}', lambda name: f"<{name}>"
    )
    assert "<script" not in html
    assert "<b>y" not in html
    assert "<img" not in html
    assert 'href="javascript' not in html
    assert '<b class="ls-value">&lt;a &quot;b&quot;&gt;</b>' in html


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from([*GOOD.splitlines(), "---", "```", "```page", "```predict", "  up: x", "{{ x", "&a *a"])
        | st.text(max_size=30),
        max_size=60,
    )
)  # fmt: skip
def test_no_file_is_read_without_a_lesson_or_a_fault(tmp_path_factory, lines):
    path = written(tmp_path_factory.getbasetemp(), "\n".join(lines).encode("utf-8", "surrogatepass"), "08-any.md")
    lesson, faults = read_lesson(path)
    assert (lesson is None) == bool(faults)
    count = len(re.split(r"\r\n|\r|\n", "\n".join(lines)))
    for fault in faults:
        assert 1 <= int(re.match(r"08-any\.md, line (\d+): ", fault)[1]) <= max(count + 1, 1)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, GOOD.count("\n") - 1), st.text(alphabet="abc:-#{}[]&*`'\" \t", max_size=12))
def test_one_odd_line_in_a_good_file_is_a_lesson_or_faults(tmp_path_factory, at, line):
    lines = GOOD.splitlines()
    lines[at] = line
    path = written(tmp_path_factory.getbasetemp(), "\n".join(lines), "09-odd.md")
    lesson, faults = read_lesson(path)
    assert (lesson is None) == bool(faults)
