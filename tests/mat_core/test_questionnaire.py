"""Questions on paper: what finds no room on a page stands whole on the next; each reader has pages of their own."""

import numpy as np
import pytest
from papers import pages

from mat_core.labels import DISCLAIMER
from mat_core.questionnaire import Part, Section, questionnaire

PICTURE = np.full((60, 80, 3), 120, dtype=np.uint8)


def test_each_reader_has_pages_of_their_own():
    asked = Part("One", ("So it is.",), PICTURE, "Is it even?", ("Yes", "No"), box="Why?")
    told = Part("One", ("So it is.",), question="Is it even?", answer="Yes", then=("Because.",))
    first, second = pages(
        questionnaire([Section("Heads", [asked], "Name: ____"), Section("Notes", [told], about=("7 minutes",))])
    )
    for text in ("Name: ____", "Heads", DISCLAIMER, "So it is.", "Is it even?", "Yes", "No", "Why?"):
        assert text in first
    for text in ("Notes", "7 minutes", DISCLAIMER, "Is it even? Yes Because."):
        assert text in second
    assert "Because." not in first
    assert "Name" not in second


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 3, 9, 17])
def test_nothing_is_lost_where_a_page_ends(count):
    """Every word is printed once, in its order, and a question stands on one page with the places for its answer."""
    parts = [
        Part(f"Heading{at}", tuple(f"word{at}x{n} " * 40 for n in range(at % 4)), PICTURE if at % 3 == 0 else None,
             f"Question{at}?", ("first", "second") if at % 2 else (), "" if at % 2 else f"Number{at}: ____", f"box{at}")
        for at in range(count)
    ]  # fmt: skip
    found = pages(questionnaire([Section("Title", parts)]))
    said = " ".join(found)
    order = [said.index(f"Question{at}?") for at in range(count)]
    assert order == sorted(order)
    for at in range(count):
        assert all(said.count(f"word{at}x{n} ") == 40 for n in range(at % 4))
        (home,) = [page for page in found if f"Question{at}?" in page]
        assert f"box{at}" in home
        assert "first second" in home if at % 2 else f"Number{at}:" in home
    for number, page in enumerate(found, start=1):
        assert f"Title \N{MIDDLE DOT} {number}" in page


@pytest.mark.slow
def test_a_paragraph_longer_than_a_page_goes_on_on_the_next():
    text = " ".join(f"w{n}." for n in range(4000))
    found = pages(questionnaire([Section("Title", [Part("Long", (text,))])]))
    assert len(found) > 2
    said = " ".join(found)
    assert all(f" w{n}. " in said for n in range(4000))


def test_the_same_sections_give_the_same_bytes():
    sections = [Section("Title", [Part("One", ("text",), PICTURE)])]
    assert questionnaire(sections) == questionnaire(sections)
