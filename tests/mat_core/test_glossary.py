"""The glossary's lines, and the forms in which a term is known on the page."""

import pytest

from mat_core.glossary import Entry, entries


def test_forms_are_the_term_and_its_plural_unless_they_are_named(tmp_path):
    file = tmp_path / "terms.txt"
    file.write_text(
        "Guided attention (GA): from one side\n  to the other.\nQuery [query, queries]: it asks.\nFigure []: no\n"
    )
    assert entries(file) == [
        Entry("Guided attention (GA)", "from one side to the other.", ("guided attention", "guided attentions")),
        Entry("Query", "it asks.", ("query", "queries")),
        Entry("Figure", "no", ()),
    ]


def test_a_line_that_is_none_is_told(tmp_path):
    for line in ("no colon", "Term [open: x", "  indented: at the start"):
        (tmp_path / "terms.txt").write_text(line + "\n")
        with pytest.raises(ValueError, match="glossary has lines"):
            entries(tmp_path / "terms.txt")


def test_no_form_explains_two_terms():
    forms = [form for entry in entries() for form in entry.forms]
    assert len(set(forms)) == len(forms)
    assert all(form == form.lower() for form in forms)
    assert {"token", "head", "entropy", "logit", "region", "query", "key", "value", "calibration"} <= set(forms)
