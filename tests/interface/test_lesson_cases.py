"""What lessons are about: drawings, real cases with and without their photographs, a teacher's own."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import HAM10000

from interface.lessons.lesson import CaseOf, Lesson, Page
from interface.lessons.markdown import VALUE
from interface.lessons.named import UNKNOWN
from interface.lessons.reading import read_lesson
from interface.lessons.room import LessonRoom
from interface.lessons.shelf import Shelf, open_shelf, without_cases
from interface.lessons.values import value_of
from interface.library.library import Library, open_library
from interface.models import Models
from mat_core import DataError, Diagnoser, Metadata
from mat_core.encoding import encode_png
from mat_core.named_cases import read_cases
from mat_core.phantoms import make_phantom

SHELF = open_shelf()
MISSED, FOUND = "ISIC_0029570", "ISIC_0032017"  # melanomas: the model takes one for a nevus
LESION = CaseOf("case", MISSED)
ABOUT_LESIONS = [lesson.name for lesson in SHELF.lessons() if lesson.steps[0].page.case.kind != "house"]
TEXT = """---
title: Ours
minutes: 3
for: us
case: {case}
---

## One

{{{{ case.name }}}} is {{{{ patient.age }}}} years old: *{{{{ top.class }}}}*, {{{{ top.share }}}}.

```predict
question: How many regions?
truth: regions.count
```

What it is: {{{{ case.truth }}}}.
"""


def about(folder: Path, case: str) -> Lesson:
    """A teacher's lesson about a case."""
    path = folder / "01-ours.md"
    path.write_text(TEXT.format(case=case), encoding="utf-8")
    lesson, faults = read_lesson(path, own=True)
    assert faults == ()
    return lesson


def room_with(diagnoser: Diagnoser, library: Library, *lessons: Lesson, leaking=lambda: None) -> LessonRoom:
    return LessonRoom(diagnoser, library, Shelf({"en": lessons}, {"en": SHELF.words["en"]}), leaking)


def closed_library(folder: Path, root: Path | None = None, own: Path | None = None) -> Library:
    """The named cases without a network, and without what was fetched before."""
    library, problems = open_library(root, True, folder, own=own)
    assert problems == ()
    library._cache = None
    return library


# --- real lesions ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real_room(tmp_path_factory) -> LessonRoom:
    """Every lesson that is about a lesion, about a real one."""
    diagnoser = Diagnoser.from_pretrained()
    moved = []
    for name in ABOUT_LESIONS:
        lesson = SHELF.lesson(name)
        steps = [replace(step, page=replace(step.page, case=LESION)) for step in lesson.steps]
        moved.append(replace(lesson, steps=tuple(steps)))
    library = closed_library(tmp_path_factory.mktemp("drawings"), HAM10000)
    return room_with(diagnoser, library, *moved, leaking=Models(diagnoser).leaking)


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize("name", ABOUT_LESIONS)
def test_every_lesson_runs_on_a_real_lesion_with_every_number_computed(real_room, name):
    for at, step in enumerate(real_room.shelf.lesson(name).steps):
        asked = {"lesson": name, "at": at}
        told = real_room.step(asked)
        assert "Vienna" in told["note"]  # whose the photograph is
        said = told["html"]
        if step.predict is not None:
            truth = real_room.truth(asked)
            assert truth["key"] is not None or truth["number"] is not None
            said += truth["html"]
        assert said.count('<b class="ls-value">') == len(VALUE.findall(step.text + step.revealed))
        assert UNKNOWN not in said
        opening = real_room.opening(asked, None)
        assert opening.session.example.name == MISSED
        assert not opening.session.example.synthetic
        if step.page.pin not in (None, "none"):
            assert opening.told["explore"]["pin"] is not None


@pytest.mark.real
@pytest.mark.slow
def test_what_the_lessons_say_of_their_real_lesions_holds(real_room):
    missed, found = (real_room._cases.known(Page(CaseOf("case", name))) for name in (MISSED, FOUND))
    assert value_of("case.truth", missed).text == "Melanoma, as confirmed"
    assert value_of("top.class", missed).key == "nv"
    assert 10 < value_of("share.mel", missed).number < 50  # one line misses it, the other does not
    assert value_of("doubt.views", missed).number < 8
    assert value_of("top.class", found).key == "mel"
    assert abs(value_of("attended.away", found).number) < 5
    assert value_of("tiles.shared", found).number < 6


@pytest.mark.real
def test_a_lesson_that_has_both_takes_the_photograph_where_it_is(real_room, tmp_path):
    for name, case in (("thresholds", MISSED), ("attention-is-not-explanation", FOUND)):
        room = room_with(real_room._cases._diagnoser, real_room._library, SHELF.lesson(name))
        assert room.opening({"lesson": name, "at": 0}, None).session.example.name == case
        (listed,) = room.facts()["lessons"]["en"]
        assert (listed["case"], listed["drawn"]) == (case, False)


# --- without photographs ---------------------------------------------------------------------------------------------


def test_a_lesson_that_has_both_is_about_its_drawing_where_there_is_no_photograph(tiny_diagnoser, tmp_path):
    for name, case, drawing in (
        ("thresholds", MISSED, CaseOf("phantom", "", 4, "bkl")),
        ("attention-is-not-explanation", FOUND, CaseOf("phantom", "", 18, "mel")),
    ):
        room = room_with(tiny_diagnoser, closed_library(tmp_path), SHELF.lesson(name))
        for at, step in enumerate(SHELF.lesson(name).steps):
            assert step.page.case == CaseOf("case", case, instead=drawing)
            opening = room.opening({"lesson": name, "at": at}, None)
            assert opening.session.example.name == f"Drawing {drawing.seed}"
        note = room.step({"lesson": name, "at": 0})["note"]
        assert note.startswith(f"The photograph of {case} is not here: it comes with --data. A drawing stands in")
        (listed,) = room.facts()["lessons"]["en"]
        assert (listed["case"], listed["drawn"]) == (case, True)


def test_it_asks_no_archive_for_the_photograph(tiny_diagnoser, tmp_path):
    class Archive:
        def picture(self, case, tell):
            raise AssertionError("the archive was asked")

    named, _ = read_cases()
    library = Library(named, archive=Archive(), folder=tmp_path)
    room = room_with(tiny_diagnoser, library, SHELF.lesson("thresholds"))
    assert room.opening({"lesson": "thresholds", "at": 0}, None).session.example.synthetic


def test_a_named_case_alone_says_that_it_is_not_here_and_that_a_drawing_stands_in(tiny_diagnoser, tmp_path):
    room = room_with(tiny_diagnoser, closed_library(tmp_path), about(tmp_path, MISSED))
    told = room.step({"lesson": "ours", "at": 0})
    assert f"A phantom stands in for {MISSED}" in told["note"]
    assert "not about the lesion" in told["note"]
    assert f"Phantom for {MISSED}" in told["html"]
    assert "50" in told["html"]  # the patient is that of the case
    truth = room.truth({"lesson": "ours", "at": 0})
    assert "Melanoma: what it was drawn to look like" in truth["html"]
    assert truth["number"] == 40


# --- a teacher's own -------------------------------------------------------------------------------------------------


@pytest.fixture
def own_folder(tmp_path) -> Path:
    folder = tmp_path / "our-cases"
    folder.mkdir()
    for seed, (name, code) in enumerate((("nevus 7", "nv"), ("küste_b.2", "bcc"))):
        (folder / f"{name}.png").write_bytes(encode_png(make_phantom(seed, code).image))
    with (folder / "cases.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(
            [
                ["id", "truth", "age", "sex", "localization", "source"],
                ["nevus 7", "nv", "34", "female", "back", "our clinic"],
                ["küste_b.2", "bcc", "", "", "", ""],
            ]
        )
    return folder


def test_a_lesson_is_about_a_case_of_a_teachers_own(tiny_diagnoser, tmp_path, own_folder):
    library = closed_library(tmp_path, own=own_folder)
    lesson = about(tmp_path, "own nevus 7")
    assert without_cases([lesson], library) == ()
    room = room_with(tiny_diagnoser, library, lesson)
    told = room.step({"lesson": "ours", "at": 0})
    assert told["note"] == "our clinic"
    assert ">nevus 7</b> is" in told["html"]
    assert ">34</b>" in told["html"]
    opening = room.opening({"lesson": "ours", "at": 0}, None)
    assert opening.session.diagnosis.metadata == Metadata(34, "female", "back")
    direct = tiny_diagnoser(own_folder / "nevus 7.png", Metadata(34, "female", "back"))
    assert opening.session.diagnosis.probabilities == pytest.approx(direct.probabilities, abs=1e-6)
    assert "Melanocytic nevus, as confirmed" in room.truth({"lesson": "ours", "at": 0})["html"]
    assert room.facts()["lessons"]["en"][0]["case"] == "nevus 7"
    assert b"%PDF" in room.sheet("ours", "en")
    other = room_with(tiny_diagnoser, library, about(tmp_path, "own küste_b.2"))
    assert ">unknown</b> years" in other.step({"lesson": "ours", "at": 0})["html"]


def test_a_case_that_is_not_there_is_told_before_a_class_and_in_the_step(tiny_diagnoser, tmp_path):
    library = closed_library(tmp_path)
    for case, said in (
        ("own nevus 7", "'nevus 7' of your own, which is not there: --cases names the folder that has it."),
        ("ISIC_0000001", "ISIC_0000001, which is none of the named cases: Diagnose lists them, below the examples."),
        ("ISIC_0000001 or phantom 1 nv", "ISIC_0000001, which is none of the named cases"),
    ):
        lesson = about(tmp_path, case)
        (sentence,) = without_cases([lesson], library)
        assert sentence.startswith("The lesson ours is about ")
        assert said in sentence
        room = room_with(tiny_diagnoser, library, lesson)
        assert room.facts()["problems"] == [sentence]
        if " or " not in case:
            with pytest.raises(DataError, match="This step is about"):
                room.step({"lesson": "ours", "at": 0})
    assert without_cases(SHELF.lessons(), library) == ()


@pytest.mark.parametrize(
    "case", ["ISIC_0029570 or", "ISIC_0029570 or ISIC_0032017", "phantom 1 nv or ISIC_0029570", "ISIC_0029570 or house"]
)
def test_what_stands_in_is_a_drawing(tmp_path, case):
    path = tmp_path / "01-ours.md"
    path.write_text(TEXT.format(case=case), encoding="utf-8")
    lesson, faults = read_lesson(path)
    assert lesson is None
    assert any("line 5: `case` must be" in fault and "or phantom 18 mel" in fault for fault in faults)
