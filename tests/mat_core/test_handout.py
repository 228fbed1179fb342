"""The handout: one page whose words can be read out of the file again, the same bytes each time, nothing made up."""

import io
import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from conftest import ROOT
from papers import objects, words
from PIL import Image

from mat_core import ConfigError, Metadata
from mat_core.explain import ablate, doubt, occlude
from mat_core.handout import CAVEATS, MOST_TEXT, WORDS, handout, in_words
from mat_core.images import load_image
from mat_core.labels import BY_CODE, DISCLAIMER
from mat_core.paper import FOOT

LONG = Metadata(55, "female", "lower extremity")


@pytest.fixture(scope="module")
def case(tiny_diagnoser, phantom_file):
    """The diagnosis, the image, and what was found about it: a handout with everything in it."""
    image = load_image(phantom_file)
    diagnosis = tiny_diagnoser(image, LONG)
    found = {
        "hidden": occlude(tiny_diagnoser, image, LONG),
        "taken": ablate(tiny_diagnoser, diagnosis.regions, LONG),
        "doubted": doubt(tiny_diagnoser, image, LONG),
    }
    return diagnosis, image, found


@pytest.mark.slow
def test_every_word_can_be_read_out_of_the_pdf(case):
    diagnosis, image, found = case
    pdf = handout(
        diagnosis,
        image,
        title="Case ISIC_0024306",
        source="Tschandl et al.; CC BY-NC 4.0",
        caveats=["Mind it."],
        **found,
    )
    said = words(pdf)
    label = diagnosis.top
    p = diagnosis.probabilities[label]
    for text in (
        "Case ISIC_0024306", "55 years, female, site lower extremity", "age 55 sex female localization lower extremity",
        f"{BY_CODE[label].name}, {p:.1%} ({in_words(p)})", "Words look at regions", "Regions look at words",
        "What mattered", "The doubt", "Tschandl et al.; CC BY-NC 4.0", "Mind it.", found["doubted"].sentence(),
        DISCLAIMER,
    ):  # fmt: skip
        assert text in said, text
    for sentence in (found["hidden"].sentence(label), found["taken"].sentence(label), *CAVEATS):
        assert sentence.split(",")[0] in said, sentence
    for code, value in diagnosis.probabilities.items():
        assert f"{value:.1%}, {in_words(value)}" in said, code
    assert "not asked" not in said


def test_fonts_are_embedded_as_truetype_and_there_is_one_page(case):
    diagnosis, image, found = case
    parts = objects(handout(diagnosis, image, **found))
    every = b"\n".join(parts.values())
    assert len(re.findall(rb"/Type /Page\b", every)) == 1
    assert b"/FontFile2" in every
    assert b"/Type3" not in every
    assert re.search(rb"/MediaBox \[ 0 0 595\.44 841\.68 \]", every)  # A4 in points


@pytest.mark.slow
def test_what_was_not_asked_is_said_and_the_doubt_of_the_answer_itself_stays(case):
    diagnosis, image, _ = case
    said = words(handout(diagnosis, image))
    for text in (
        "Hiding parts: not asked.",
        "Taking away: not asked.",
        "Turning and mirroring the picture: not asked.",
    ):
        assert text in said
    assert "Where it is from was not said." in said
    level = dict.fromkeys(diagnosis.probabilities, 0.1) | {"mel": 0.4}
    said = words(handout(replace(diagnosis, probabilities=level), image))
    assert "Reasons not to rely on it: No class has half of the probability: melanoma has 40.0%." in said


@pytest.mark.slow
def test_what_mattered_is_about_the_class_in_question(case):
    diagnosis, image, found = case
    other = min(diagnosis.probabilities, key=diagnosis.probabilities.get)
    said = words(handout(diagnosis, image, label=other, **found))
    assert f"The class in question: {BY_CODE[other].name}." in said
    assert f"Points for {BY_CODE[other].name} lost when hidden" in said
    assert "The class in question" not in words(handout(diagnosis, image, label=diagnosis.top, **found))


@pytest.mark.slow
@pytest.mark.parametrize("format", ["pdf", "png"])
def test_the_same_case_gives_the_same_bytes(case, format):
    diagnosis, image, found = case
    assert handout(diagnosis, image, format, **found) == handout(diagnosis, image, format, **found)


@pytest.mark.slow
def test_another_process_gives_the_same_bytes():
    code = (
        "import hashlib, numpy as np; from mat_core import *; from mat_core.handout import handout\n"
        "from mat_core.labels import CODES\n"
        "r = Regions(np.array([[5., 5, 50, 40]]), np.full((1, 7), 1 / 7), np.zeros((1, 4)), (60, 80))\n"
        "d = Diagnosis(dict.fromkeys(CODES, 1 / 7), np.zeros(7), r, (), Metadata(), 'base', Attention())\n"
        "print(hashlib.sha256(handout(d, np.full((60, 80, 3), 99, 'u1'))).hexdigest())"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, env={"PYTHONHASHSEED": seed, "PATH": ""}, capture_output=True,
            text=True, check=True,
        ).stdout
        for seed in "12"
    }  # fmt: skip
    assert len(told) == 1
    assert len(told.pop()) == 65


def test_the_png_is_a_page_in_colour(case):
    diagnosis, image, found = case
    with Image.open(io.BytesIO(handout(diagnosis, image, "png", **found))) as page:
        assert page.format == "PNG"
        assert page.size == (1240, 1753)
        pixels = np.asarray(page.convert("RGB"))
    used = np.flatnonzero((pixels != 255).any((1, 2)))
    assert used[0] > 30  # nothing is cut off above, below
    assert used[-1] < 1753 * (1 - FOOT / 2)
    across = np.flatnonzero((pixels != 255).any((0, 2)))
    assert across[0] > 30
    assert across[-1] < 1240 - 15


@pytest.mark.slow
def test_texts_are_shown_as_they_are_and_find_room(case):
    diagnosis, image, found = case
    odd = "100 $ \\frac{ \x00\n<b>"
    assert "100 $ \\frac{ <b>" in words(handout(diagnosis, image, title=odd))
    full = dict(title="T" * 90, source="a word " * 80, caveats=["another word " * 40] * 2, k=8, **found)
    assert "another word" in words(handout(diagnosis, image, **full))
    with pytest.raises(ConfigError, match="too long for one page"):
        handout(diagnosis, image, **full | {"caveats": ["word " * 110] * 30})


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"format": "docx"}, "The format must be one of pdf, png; got 'docx'"),
        ({"k": 0}, "k must be a whole number from 1 to 8"),
        ({"label": "men"}, "The class must be one of"),
        ({"title": 5}, f"texts of at most {MOST_TEXT} characters"),
        ({"source": "a" * (MOST_TEXT + 1)}, f"texts of at most {MOST_TEXT} characters"),
    ],
)
def test_what_there_is_not_is_told(case, wrong, said):
    with pytest.raises(ConfigError, match=re.escape(said)):
        handout(*case[:2], **wrong)


def test_words_of_a_probability_change_where_they_say():
    assert [in_words(p) for p in (1, 0.95, 0.94, 0.5, 0.2, 0.05, 0.049, 0)] == [
        "nearly certain", "nearly certain", "very likely", "likely", "possible", "unlikely", "very unlikely",
        "very unlikely",
    ]  # fmt: skip
    assert [least for least, _ in WORDS] == sorted((least for least, _ in WORDS), reverse=True)
