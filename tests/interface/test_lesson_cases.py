"""The cases of lessons: phantoms, named cases with and without their photographs, custom cases."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import HAM10000

from interface.lessons.catalog import LessonCatalog, missing_cases, open_catalog
from interface.lessons.markdown import VALUE
from interface.lessons.parser import read_lesson
from interface.lessons.schema import CaseRef, Lesson, PageState
from interface.lessons.service import LessonService
from interface.lessons.value_registry import UNAVAILABLE, evaluate
from interface.state.model_registry import ModelRegistry
from mat_core import DataError, Diagnoser, Metadata
from mat_core.data.image_encoding import encode_png
from teaching.cases.catalog import read_cases
from teaching.cases.library import CaseLibrary, open_library
from teaching.phantoms import make_phantom

CATALOG = open_catalog()
MISSED, FOUND = "ISIC_0029570", "ISIC_0032017"  # melanomas: the model takes one for a nevus
LESION = CaseRef("case", MISSED)
ABOUT_LESIONS = [lesson.name for lesson in CATALOG.lessons() if lesson.steps[0].page.case.kind != "house"]
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


def service_with(diagnoser: Diagnoser, library: CaseLibrary, *lessons: Lesson, models=None) -> LessonService:
    return LessonService(diagnoser, library, LessonCatalog({"en": lessons}, {"en": CATALOG.words["en"]}), models)


def closed_library(folder: Path, root: Path | None = None, own: Path | None = None) -> CaseLibrary:
    """The named cases without a network, and without what was fetched before."""
    library, problems = open_library(root, True, folder, own=own)
    assert problems == ()
    library._cache = None
    return library


# --- real lesions ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real_service(tmp_path_factory) -> LessonService:
    """Every lesson that is about a lesion, about a real one."""
    diagnoser = Diagnoser.from_pretrained()
    moved = []
    for name in ABOUT_LESIONS:
        lesson = CATALOG.lesson(name)
        steps = [replace(step, page=step.page.model_copy(update={"case": LESION})) for step in lesson.steps]
        moved.append(replace(lesson, steps=tuple(steps)))
    library = closed_library(tmp_path_factory.mktemp("drawings"), HAM10000)
    return service_with(diagnoser, library, *moved, models=ModelRegistry(diagnoser))


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize("name", ABOUT_LESIONS)
def test_every_lesson_runs_on_a_real_lesion_with_every_number_computed(real_service, name):
    for at, step in enumerate(real_service.catalog.lesson(name).steps):
        asked = {"lesson": name, "at": at}
        told = real_service.step(asked)
        assert "Vienna" in told["note"]  # whose the photograph is
        said = told["html"]
        if step.predict is not None:
            truth = real_service.truth(asked)
            assert truth["key"] is not None or truth["number"] is not None
            said += truth["html"]
        assert said.count('<b class="ls-value">') == len(VALUE.findall(step.text + step.revealed))
        assert UNAVAILABLE not in said
        opening = real_service.opening(asked, None)
        assert opening.session.example.name == MISSED
        assert not opening.session.example.synthetic
        if step.page.pin not in (None, "none"):
            assert opening.settings["explore"]["pin"] is not None


@pytest.mark.real
@pytest.mark.slow
def test_statements_about_real_lesions_hold(real_service):
    missed, found = (real_service._cases.load(PageState(case=CaseRef("case", name))) for name in (MISSED, FOUND))
    assert evaluate("case.truth", missed).text == "Melanoma, as confirmed"
    assert evaluate("top.class", missed).key == "nv"
    assert 10 < evaluate("share.mel", missed).number < 50  # one line misses it, the other does not
    assert evaluate("doubt.views", missed).number < 8
    assert evaluate("top.class", found).key == "mel"
    assert abs(evaluate("attended.away", found).number) < 5
    assert evaluate("tiles.shared", found).number < 6


@pytest.mark.real
def test_photograph_is_preferred_to_the_stand_in(real_service, tmp_path):
    for name, case in (("thresholds", MISSED), ("attention-is-not-explanation", FOUND)):
        service = service_with(real_service._cases._diagnoser, real_service._library, CATALOG.lesson(name))
        assert service.opening({"lesson": name, "at": 0}, None).session.example.name == case
        (listed,) = service.facts()["lessons"]["en"]
        assert (listed["case"], listed["drawn"]) == (case, False)


# --- without photographs ---------------------------------------------------------------------------------------------


def test_stand_in_is_used_without_the_photograph(tiny_diagnoser, tmp_path):
    for name, case, drawing in (
        ("thresholds", MISSED, CaseRef("phantom", "", 4, "bkl")),
        ("attention-is-not-explanation", FOUND, CaseRef("phantom", "", 18, "mel")),
    ):
        service = service_with(tiny_diagnoser, closed_library(tmp_path), CATALOG.lesson(name))
        for at, step in enumerate(CATALOG.lesson(name).steps):
            assert step.page.case == CaseRef("case", case, stand_in=drawing)
            opening = service.opening({"lesson": name, "at": at}, None)
            assert opening.session.example.name == f"Drawing {drawing.seed}"
        note = service.step({"lesson": name, "at": 0})["note"]
        assert note.startswith(f"The photograph of {case} is not here: it comes with --data. A drawing stands in")
        (listed,) = service.facts()["lessons"]["en"]
        assert (listed["case"], listed["drawn"]) == (case, True)


def test_stand_in_makes_no_request_to_the_archive(tiny_diagnoser, tmp_path):
    class Archive:
        def picture(self, case):
            raise AssertionError("the archive was asked")

    named, _ = read_cases()
    library = CaseLibrary(named, archive=Archive(), folder=tmp_path)
    service = service_with(tiny_diagnoser, library, CATALOG.lesson("thresholds"))
    assert service.opening({"lesson": "thresholds", "at": 0}, None).session.example.synthetic


def test_named_case_without_photograph_or_stand_in_gets_a_phantom(tiny_diagnoser, tmp_path):
    service = service_with(tiny_diagnoser, closed_library(tmp_path), about(tmp_path, MISSED))
    told = service.step({"lesson": "ours", "at": 0})
    assert f"A phantom stands in for {MISSED}" in told["note"]
    assert "not about the lesion" in told["note"]
    assert f"Phantom for {MISSED}" in told["html"]
    assert "50" in told["html"]  # the patient is that of the case
    truth = service.truth({"lesson": "ours", "at": 0})
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


def test_lesson_about_a_custom_case(tiny_diagnoser, tmp_path, own_folder):
    library = closed_library(tmp_path, own=own_folder)
    lesson = about(tmp_path, "own nevus 7")
    assert missing_cases([lesson], library) == ()
    service = service_with(tiny_diagnoser, library, lesson)
    told = service.step({"lesson": "ours", "at": 0})
    assert told["note"] == "our clinic"
    assert ">nevus 7</b> is" in told["html"]
    assert ">34</b>" in told["html"]
    opening = service.opening({"lesson": "ours", "at": 0}, None)
    assert opening.session.diagnosis.metadata == Metadata(34, "female", "back")
    direct = tiny_diagnoser(own_folder / "nevus 7.png", Metadata(34, "female", "back"))
    assert opening.session.diagnosis.probabilities == pytest.approx(direct.probabilities, abs=1e-6)
    assert "Melanocytic nevus, as confirmed" in service.truth({"lesson": "ours", "at": 0})["html"]
    assert service.facts()["lessons"]["en"][0]["case"] == "nevus 7"
    assert b"%PDF" in service.worksheet("ours", "en")
    other = service_with(tiny_diagnoser, library, about(tmp_path, "own küste_b.2"))
    assert ">unknown</b> years" in other.step({"lesson": "ours", "at": 0})["html"]


def test_missing_case_is_reported_at_start_and_in_the_step(tiny_diagnoser, tmp_path):
    library = closed_library(tmp_path)
    for case, said in (
        ("own nevus 7", "'nevus 7' of your own, which is not there: --cases names the folder that has it."),
        ("ISIC_0000001", "ISIC_0000001, which is none of the named cases: Diagnose lists them, below the examples."),
        ("ISIC_0000001 or phantom 1 nv", "ISIC_0000001, which is none of the named cases"),
    ):
        lesson = about(tmp_path, case)
        (sentence,) = missing_cases([lesson], library)
        assert sentence.startswith("The lesson ours is about ")
        assert said in sentence
        service = service_with(tiny_diagnoser, library, lesson)
        assert service.facts()["problems"] == [sentence]
        if " or " not in case:
            with pytest.raises(DataError, match="This step is about"):
                service.step({"lesson": "ours", "at": 0})
    assert missing_cases(CATALOG.lessons(), library) == ()


@pytest.mark.parametrize(
    "case", ["ISIC_0029570 or", "ISIC_0029570 or ISIC_0032017", "phantom 1 nv or ISIC_0029570", "ISIC_0029570 or house"]
)
def test_stand_in_must_be_a_phantom(tmp_path, case):
    path = tmp_path / "01-ours.md"
    path.write_text(TEXT.format(case=case), encoding="utf-8")
    lesson, faults = read_lesson(path)
    assert lesson is None
    assert any("front matter.case: must be" in fault and "or phantom 18 mel" in fault for fault in faults)
