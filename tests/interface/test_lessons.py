"""Lessons: every step of ours sets what exists and quotes what is computed; values are the core's."""

import re
from dataclasses import replace

import gradio as gr
import numpy as np
import pytest
from conftest import ROOT

from interface.lessons.cases import LessonCases
from interface.lessons.exploring import explorer_of
from interface.lessons.guide import Guide
from interface.lessons.known import Known
from interface.lessons.lesson import TABS, CaseOf, Page
from interface.lessons.markdown import VALUE
from interface.lessons.named import UNKNOWN
from interface.lessons.room import LessonRoom
from interface.lessons.shelf import FOLDER, open_shelf
from interface.lessons.values import NAMES, table, value_of
from interface.library.library import Library
from interface.session import analyse
from mat_core import Diagnoser, Metadata
from mat_core.explain import ablate, occlude

SHELF = open_shelf()
STEPS = [(lesson.name, at) for lesson in SHELF.lessons() for at in range(len(lesson.steps))]
# nothing of a random bundle: no curve on val, no cloud of training images, no model that was told
NOT_MEASURED = re.compile(r"leak\.|calling\.|novelty\.")


@pytest.fixture(scope="module")
def room(tiny_diagnoser, tmp_path_factory) -> LessonRoom:
    return LessonRoom(tiny_diagnoser, Library(folder=tmp_path_factory.mktemp("drawings")), SHELF)


@pytest.fixture(scope="module")
def known(tiny_diagnoser, tmp_path_factory) -> Known:
    cases = LessonCases(tiny_diagnoser, Library(folder=tmp_path_factory.mktemp("drawings")))
    return cases.known(Page(CaseOf("phantom", "", 18, "mel")))


# --- ours ------------------------------------------------------------------------------------------------------------


def test_there_are_ten_lessons_at_least_and_nothing_is_wrong_with_them():
    assert SHELF.problems == ()
    assert len(SHELF.lessons()) >= 10
    assert len({lesson.title for lesson in SHELF.lessons()}) == len(SHELF.lessons())
    for lesson in SHELF.lessons():
        assert sum(step.predict is not None for step in lesson.steps) >= 2, f"{lesson.name} asks too little"


@pytest.mark.slow
@pytest.mark.parametrize(("name", "at"), STEPS, ids=[f"{name}-{at + 1}" for name, at in STEPS])
def test_every_step_is_said_with_computed_numbers_and_sets_what_exists(room, name, at):
    asked = {"lesson": name, "at": at}
    step = SHELF.lesson(name).steps[at]
    told = room.step(asked)
    parts = [(step.text, told["html"])]
    if step.predict is not None:
        truth = room.truth(asked)
        parts.append((step.revealed, truth["html"]))
        if not NOT_MEASURED.match(step.predict.truth):
            assert truth["key"] is not None or truth["number"] is not None
        assert step.revealed.strip(), "a truth without a word"
        if told["asks"]["choices"] and truth["key"] is not None:
            assert truth["key"] in dict(told["asks"]["choices"])
    for source, html in parts:
        values = VALUE.findall(source)
        assert html.count('<b class="ls-value">') == len(values)
        assert "{{" not in html
        if not any(NOT_MEASURED.match(value) for value in values):
            assert UNKNOWN not in html
    opening = room.opening(asked, None)
    assert opening.session is not None
    assert opening.told["key"] == opening.session.key
    assert opening.told["tab"] in TABS
    if step.page.pin not in (None, "none"):
        assert opening.told["explore"]["pin"] is not None


def test_no_number_of_a_case_is_written_in_a_lesson():
    """Numbers are values, or words; what is left are years of papers."""
    for path in sorted(FOLDER.rglob("*.md")):
        text = path.read_text(encoding="utf-8")
        body = text.split("---\n", 2)[2]
        prose = re.sub(r"```.*?```", "", body, flags=re.S)
        prose = re.sub(r"\b(19|20)\d\d\b", "", VALUE.sub("", prose))
        assert not re.search(r"[\d%]", prose), f"{path.name}: {re.search(r'.{0,30}[0-9%].{0,30}', prose)[0]}"
        for question in re.findall(r"^question: (.*)$", body, re.M):
            assert not re.search(r"[\d%]", question), f"{path.name}: {question}"


def test_the_places_that_a_step_leads_to_are_on_the_page():
    page = "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "interface").rglob("*.py")))
    page += (ROOT / "assets" / "explorer" / "explorer.html").read_text(encoding="utf-8")
    for places in TABS.values():
        for selector in places.values():
            name = re.fullmatch(r"#([\w-]+)|\[data-part='([\w-]+)'\]", selector)
            mark = f'data-part="{name[2]}"' if name[2] else f'elem_id="{name[1]}"'
            assert mark in page, selector


def test_the_document_lists_every_value():
    assert table() in (ROOT / "docs" / "LESSONS.md").read_text(encoding="utf-8"), (
        "put this into docs/LESSONS.md: python -c 'from interface.lessons.values import table; print(table())'"
    )


# --- values ----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_every_value_is_found_or_said_not_to_be_there(known):
    for name, named in NAMES.items():
        value = value_of(name, known)
        assert value.text, name
        beyond = name.startswith("head.") and int(name.split(".")[1]) > 4
        if NOT_MEASURED.match(name) or beyond:
            assert value.text == UNKNOWN
        else:
            assert value.text != UNKNOWN, name
            assert value.key is None or value.key in named.choices


def test_values_are_those_of_the_core(known, tiny_diagnoser):
    diagnosis = known.diagnosis
    assert value_of("top.class", known).key == diagnosis.top
    assert value_of("top.share", known).number == pytest.approx(100 * diagnosis.probabilities[diagnosis.top])
    assert value_of("words.count", known).text == str(len(diagnosis.words))
    assert value_of("regions.count", known).number == len(diagnosis.regions) == 40
    assert value_of("even.share", known).text == "2.5%"
    weights = diagnosis.attention.words_to_regions[-1]
    head, word, region = np.unravel_index(weights.argmax(), weights.shape)
    assert value_of("asked.head", known).number == head + 1
    assert value_of("asked.word", known).text == diagnosis.words[word].text
    assert value_of("asked.region", known).number == region + 1
    assert value_of("asked.weight", known).number == pytest.approx(100 * weights.max(), abs=1e-3)
    assert value_of("head.2.top_region", known).number == weights[1].mean(0).argmax() + 1
    effect = ablate(tiny_diagnoser, diagnosis.regions, diagnosis.metadata).effect(diagnosis.top)
    assert value_of("away.region", known).number == np.abs(effect).argmax() + 1
    assert value_of("away.change", known).number == pytest.approx(-100 * effect[np.abs(effect).argmax()])


def test_softmax_is_colder_and_hotter(known):
    cold, own, hot = (value_of(name, known).number for name in ("cold.weight", "asked.weight", "hot.weight"))
    assert cold > own > hot > 0
    assert value_of("cold.spread", known).number < value_of("asked.spread", known).number
    assert known.heated(1.0) == pytest.approx(known.walk["weights"], abs=1e-5)


def test_hiding_the_lesion_is_the_cores_occlusion(known, tiny_diagnoser):
    rows, columns = known.grid
    tiles = set(known.tiles("lesion"))
    assert tiles
    assert tiles | set(known.tiles("around")) == set(range(rows * columns))
    height, width = known.session.seen.shape[:2]
    mask = np.zeros((height, width), dtype=bool)
    for tile in tiles:
        r, c = divmod(tile, columns)
        mask[r * height // rows : (r + 1) * height // rows, c * width // columns : (c + 1) * width // columns] = True
    found = occlude(tiny_diagnoser, known.session.seen, known.diagnosis.metadata, mask)
    assert value_of("hidden.lesion", known).number == pytest.approx(-100 * found.effect(known.top)[0], abs=0.5)


def test_a_change_of_the_metadata_is_the_networks_own_answer(room, tiny_diagnoser):
    page = Page(CaseOf("phantom", "", 18, "mel"), (("age", "80"), ("sex", "unknown")))
    known = room._cases.known(page)
    assert (known.diagnosis.metadata.age, known.diagnosis.metadata.sex) == (80, None)
    own = tiny_diagnoser.diagnose_regions(known.diagnosis.regions, known.diagnosis.metadata)
    assert known.diagnosis.probabilities == own.probabilities


@pytest.mark.slow
def test_what_the_prose_says_holds_for_the_model_that_ships(tmp_path):
    """The lessons' sentences are written around these; a bundle of which they are not true needs other sentences."""
    cases = LessonCases(Diagnoser.from_pretrained(), Library(folder=tmp_path))
    first = cases.known(Page(CaseOf("phantom", "", 18, "mel")))

    def number(name: str, of: Known = first) -> float:
        return value_of(name, of).number

    assert abs(number("hidden.lesion")) > 10 * abs(number("away.change"))  # hiding does, removing does not
    assert abs(number("away.lesion")) < 5
    assert number("words.spread") > 0.95 * number("words.count")  # the words hardly choose
    assert number("alike.after") > number("alike.before")
    assert number("heads.tops") > number("heads.count") / 2
    assert number("heads.broadest.spread") > 2 * number("heads.sharpest.spread")
    assert abs(number("without.words")) < 50  # the picture carries most of the answer
    assert number("asked.weight") > 3 * number("even.share")
    assert number("calling.50.missed") > number("calling.10.missed")
    assert number("calling.50.alarmed") < number("calling.10.alarmed")
    house = cases.known(Page(CaseOf("house")))
    assert value_of("novelty.outside", house).key == "yes"
    assert value_of("novelty.outside", first).key == "no"
    assert number("novelty.distance", house) > 2 * number("novelty.threshold", house)
    unsure = cases.known(Page(CaseOf("phantom", "", 4, "bkl")))
    assert number("top.share", unsure) < 60
    assert number("malignant.share", unsure) > 15


# --- what a step does to the page ------------------------------------------------------------------------------------


def test_what_is_on_the_screen_already_is_not_opened_again(room):
    asked = {"lesson": "what-it-reads", "at": 0}
    opening = room.opening(asked, None)
    again = room.opening(asked, opening.session)
    assert again.session is None
    assert again.told["key"] == opening.session.key
    assert room.opening(asked, replace(opening.session, stale=True)).session is not None
    other = replace(opening.session.diagnosis, metadata=Metadata(age=3))
    assert room.opening(asked, replace(opening.session, diagnosis=other)).session is not None


def test_two_visitors_get_sessions_of_their_own(room):
    one, other = (room.opening({"lesson": "heads", "at": 0}, None).session for _ in range(2))
    assert one.key != other.key
    assert one.over is not other.over
    assert one.diagnosis.probabilities == other.diagnosis.probabilities


def test_the_explorer_is_set_in_its_own_numbers(known):
    head, word, region = known.asked
    page = Page(known.session.example and CaseOf("house"), tab="explore", map="words_to_regions", layer=1, head="asked")
    assert explorer_of(replace(page, pin="asked", regions=9), known) == {
        "map": "words_to_regions", "layer": 0, "head": head, "top": 9, "pin": {"row": region, "col": word},
    }  # fmt: skip
    assert explorer_of(replace(page, head="2", pin="word 1"), known)["pin"] == {"row": None, "col": 0}
    assert explorer_of(replace(page, pin="region 3"), known)["pin"] == {"row": 2, "col": None}
    assert explorer_of(replace(page, map="words_to_words", pin="word 2"), known)["pin"] == {"row": 1, "col": None}
    for pin in ("none", "word 99", "region 101", None):
        assert explorer_of(replace(page, pin=pin), known)["pin"] is None
    spreads = known.spreads("words_to_regions")
    assert explorer_of(replace(page, head="broadest"), known)["head"] == spreads.argmax()


def test_a_case_without_words_is_said_not_to_have_them(tiny_diagnoser, tmp_path):
    session = analyse(tiny_diagnoser, np.full((90, 120, 3), 120, dtype=np.uint8), Metadata())
    bare = Known(tiny_diagnoser, session)
    assert value_of("words.text", bare).text == "no word"
    for name in ("asked.weight", "heads.tops", "guided.spread", "hot.weight", "head.1.top_share"):
        assert value_of(name, bare) == value_of("leak.silent", bare)
        assert value_of(name, bare).text == UNKNOWN


@pytest.mark.slow
@pytest.mark.parametrize(
    "data",
    [
        None, 7, {}, {"ask": "step"}, {"ask": "step", "lesson": "heads", "at": 99}, {"ask": [], "lesson": "heads"},
        {"ask": "step", "lesson": ["heads"], "at": 0}, {"ask": "truth", "lesson": "heads", "at": 0},
        {"ask": "step", "lesson": "heads", "at": True}, {"ask": "everything", "lesson": "heads", "at": 0},
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_answered_with_a_sentence(room, data):
    with gr.Blocks():
        guide = Guide(room, gr.HTML(), gr.Dropdown())
    answer = guide.ask(data, lambda share, text: None)
    assert '"error"' in answer
    assert "Traceback" not in answer
    session, told = guide.follow(data if not isinstance(data, dict) else data | {"at": -1}, None, lambda *_: None)
    assert session is None
    assert '"error"' in told[guide.panel]
