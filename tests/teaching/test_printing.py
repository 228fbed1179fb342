"""Handouts, worksheets and questionnaires: every text is in the PDF, on the right page, and nothing overlaps."""

import re
from dataclasses import replace

import numpy as np
import pypdfium2
import pytest
from pdf_text import pages, words

from mat_core import ConfigError, Metadata
from mat_core.data.image_loading import load_image
from mat_core.data.labels import BY_CODE, DISCLAIMER
from mat_core.explain import ablate, occlude, tta_uncertainty
from mat_core.utils.formatting import format_percent
from teaching.printing.handout import CAVEATS, VERBAL_SCALE, handout, verbal_probability
from teaching.printing.questionnaire import Part, Section, questionnaire
from teaching.printing.worksheet import DEFAULT_QUESTIONS, Question, worksheet
from teaching.translations import language_codes, localize, read_language

PICTURE = np.full((60, 80, 3), 120, dtype=np.uint8)
LONGEST = "Größe " * 100  # 600 characters


@pytest.fixture(scope="module")
def case(tiny_diagnoser, phantom_file):
    image = load_image(phantom_file)
    return tiny_diagnoser(image, Metadata(55, "female", "lower extremity")), image


@pytest.fixture(scope="module")
def found(case, tiny_diagnoser):
    """All analyses of `case`."""
    diagnosis, image = case
    return {
        "hidden": occlude(tiny_diagnoser, image, diagnosis.metadata),
        "taken": ablate(tiny_diagnoser, diagnosis.regions, diagnosis.metadata),
        "doubted": tta_uncertainty(tiny_diagnoser, image, diagnosis.metadata),
    }


def inked(pdf: bytes) -> list[tuple[int, int, int, int]]:
    """The area in use on each page: left, top, right and bottom in mm."""
    areas = []
    for page in pypdfium2.PdfDocument(pdf):
        pixels = page.render(scale=2).to_numpy()
        rows, columns = (np.flatnonzero((pixels < 250).any((axis, 2))) for axis in (1, 0))
        scale = 210 / pixels.shape[1]
        areas.append(tuple(int(scale * at) for at in (columns[0], rows[0], columns[-1], rows[-1])))
    return areas


# --- handout ---------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_handout_has_every_text_on_one_page(case, found):
    diagnosis, _ = case
    label = diagnosis.top
    text = words(
        handout(*case, title="Fall 7: Körper – groß", source="Tschandl; CC BY-NC 4.0", caveats=["Ça."], **found)
    )
    expected = [
        "Fall 7: Körper – groß", "Tschandl; CC BY-NC 4.0", "Ça.", "55 years, female, site lower extremity",
        "age 55 sex female localization lower extremity", "Words look at regions", DISCLAIMER, *CAVEATS,
        found["hidden"].summary(label), found["taken"].summary(label), found["doubted"].summary(),
    ]  # fmt: skip
    expected += [f"{format_percent(p)}, {verbal_probability(p)}" for p in diagnosis.probabilities.values()]
    expected += [info.name for info in BY_CODE.values()]
    assert [one for one in expected if one not in text] == []
    assert "not computed" not in text
    assert "Target class" not in text


@pytest.mark.slow
@pytest.mark.parametrize("language", [code for code in language_codes() if code != "en"])
def test_sheets_are_in_another_language(case, found, language):
    sheets = (document(*case, language=language, **found) for document in (handout, worksheet))
    text = " ".join(page for sheet in sheets for page in pages(sheet))
    expected = ("sheet.mattered", "sheet.caveats", "sheet.truth", "sheet.q1", "caveat.attention", "practice.bars")
    said = re.sub(r"\s", " ", text)
    texts = read_language(language)
    assert [key for key in expected if texts[key] not in said] == []
    top = max(case[0].probabilities.values())
    assert re.sub(r"\s", " ", localize(format_percent(top), language)) in said
    assert re.search(r"\d\.\d", said) is None
    assert re.search(r"\b(the|with|without|probability|attention|Patient: \d+ years)\b", said) is None


@pytest.mark.slow
def test_handout_is_about_the_target_class_and_marks_what_was_not_computed(case, found):
    diagnosis, image = case
    other = min(diagnosis.probabilities, key=diagnosis.probabilities.get)
    text = words(handout(*case, label=other, hidden=found["hidden"]))
    assert f"Target class: {BY_CODE[other].name}" in text
    assert f"Points lost when hidden: {BY_CODE[other].name}" in text
    assert text.count("not computed") == 2
    unsure = dict.fromkeys(diagnosis.probabilities, 0.1) | {"mel": 0.4}
    text = words(handout(replace(diagnosis, probabilities=unsure), image))
    assert text.count("not computed") == 3
    assert "melanoma has 40.0%" in text


@pytest.mark.slow
def test_long_texts_flow_onto_further_pages_within_the_margins(case, found):
    pdf = handout(*case, title="W" * 600, source=LONGEST, caveats=[LONGEST] * 12, k=8, **found)
    texts = pages(pdf)
    assert len(texts) > 1
    assert " ".join(texts).count("Größe") == 1300
    assert "".join(texts).count("W") >= 600
    for left, top, right, bottom in inked(pdf):
        assert left >= 14
        assert top >= 14
        assert right <= 196
        assert bottom <= 290


def test_same_case_gives_the_same_bytes_with_embedded_truetype_fonts(case):
    pdf = handout(*case)
    assert pdf == handout(*case)
    assert "100 $ \\frac{ **a** <b>" in words(handout(*case, title="100 $ \\frac{ **a**\x00\n<b>"))  # as text
    assert b"/FontFile2" in pdf
    assert b"/Type3" not in pdf
    assert pypdfium2.PdfDocument(pdf)[0].get_size() == pytest.approx((595.28, 841.89), abs=0.1)


@pytest.mark.parametrize(
    ("document", "wrong", "message"),
    [
        (handout, {"k": 0}, "k must be"), (handout, {"language": "fr"}, "language must be one of en, de, es"),
        (worksheet, {"language": None}, "language must be one of"), (handout, {"label": "men"}, "label must be one of"),
        (handout, {"title": 5}, "title must be"), (handout, {"source": "a" * 601}, "at most 600"),
        (handout, {"caveats": ["a" * 601]}, "caveats must be"), (worksheet, {"truth": None}, "truth must be"),
        (worksheet, {"questions": [("a?", None)]}, "questions must be"),
        (worksheet, {"label": "men"}, "label must be one of"),
        *((worksheet, {"questions": questions}, "1 to 6") for questions in (
            [], [("a?",)] * 7, ["a?"], [("a", "b", "c", "d")], [("",)]
        )),
    ],
)  # fmt: skip
def test_invalid_arguments_are_refused(case, document, wrong, message):
    with pytest.raises(ConfigError, match=message):
        document(*case, **wrong)


def test_verbal_scale_is_descending_and_inclusive():
    limits = [limit for limit, _ in VERBAL_SCALE]
    assert limits == sorted(limits, reverse=True)
    assert [verbal_probability(p) for p in (1, 0.95, 0.94, 0.5, 0.049, 0)] == [
        "nearly certain", "nearly certain", "very likely", "likely", "very unlikely", "very unlikely",
    ]  # fmt: skip


# --- worksheet -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_class_part_gives_nothing_away_and_teacher_part_has_it_all(case, found):
    diagnosis, _ = case
    first, second = pages(worksheet(*case, title="Case 7", source="our clinic", truth="A nevus, confirmed.", **found))
    for text in (
        "Name:",
        "Case 7",
        "55 years, female",
        "our clinic",
        DISCLAIMER,
        *(one.hint for one in DEFAULT_QUESTIONS),
    ):
        assert text in first
    assert all(info.name in first for info in BY_CODE.values())  # to tick
    assert set(re.findall(r"[\d.]+%", first)) == {"0%", "25%", "50%", "75%", "100%"}  # the confidence scale
    secrets = ["A nevus", "Prediction", "likely", format_percent(diagnosis.probabilities[diagnosis.top])]
    secrets += [found["taken"].summary(diagnosis.top), found["doubted"].summary()]
    assert [text for text in secrets if text in first or text not in second] == []
    assert all(one.expected in second for one in DEFAULT_QUESTIONS)


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 3, 6])
def test_boxes_fill_the_class_page_and_no_more(case, count):
    for title in ("", "a long name " * 20):
        pdf = worksheet(*case, title=title, source="whose " * count, questions=[("Why?",)] * count)
        assert len(pages(pdf)) == 2
        assert 275 <= inked(pdf)[0][3] <= 290
    questions = [Question(f"{i}: {'is it so? ' * 50}", "a hint " * 80, "it is " * 90) for i in range(count)]
    text = " ".join(pages(worksheet(*case, source=LONGEST, questions=questions)))  # on further pages
    assert (text.count("is it so?"), text.count("a hint")) == (2 * 50 * count, 80 * count)


# --- questionnaire ---------------------------------------------------------------------------------------------------


def test_each_section_has_its_own_pages():
    for_class = Part("One", ("So it is.",), PICTURE, "Is it even?", ("Yes", "No"), box="Why?")
    for_teacher = Part("One", ("So it is.",), question="Is it even?", answer="Yes", then=("Because.",))
    pdf = questionnaire(
        [Section("Köpfe", [for_class], "Name: ____"), Section("Notes", [for_teacher], about=("7 min",))]
    )
    first, second = pages(pdf)
    for text in ("Name: ____", "Köpfe", DISCLAIMER, "So it is.", "Is it even? Yes No Why?", "Köpfe · 1"):
        assert text in first
    for text in ("Notes", "7 min", DISCLAIMER, "Is it even? Yes Because.", "Notes · 1"):
        assert text in second


@pytest.mark.slow
@pytest.mark.parametrize("count", [3, 11])
def test_page_breaks_lose_nothing_and_keep_a_question_with_its_answers(count):
    parts = [
        Part(f"Heading{at}", tuple(f"word{at}x{n} " * 40 for n in range(at % 4)), PICTURE if at % 3 == 0 else None,
             f"Question{at}?", ("first", "second") if at % 2 else (), "" if at % 2 else f"Number{at}: ____", f"box{at}")
        for at in range(count)
    ]  # fmt: skip
    texts = pages(questionnaire([Section("Title", parts)]))
    text = " ".join(texts)
    order = [text.index(f"Question{at}?") for at in range(count)]
    assert order == sorted(order)
    for at in range(count):
        assert all(text.count(f"word{at}x{n} ") == 40 for n in range(at % 4))
        (page,) = [page for page in texts if f"Question{at}?" in page]
        answers = "first second" if at % 2 else f"Number{at}: ____"
        assert f"Question{at}? {answers} box{at}" in page
    assert [f"Title · {number}" in page for number, page in enumerate(texts, start=1)] == [True] * len(texts)
    texts = pages(questionnaire([Section("Title", [Part("Long", (" ".join(f"w{n}." for n in range(2000)),))])]))
    assert len(texts) > 1  # a paragraph longer than a page
    assert [n for n in range(2000) if f" w{n}. " not in " ".join(texts)] == []
