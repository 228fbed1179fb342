"""The glossary: its lines, and the forms of a term that the page recognizes."""

import pytest

from teaching.glossary import Entry, entries


def test_entries_are_read_with_their_forms(tmp_path):
    file = tmp_path / "terms.txt"
    file.write_text(
        "Guided attention (GA): from one side\n  to the other.\nQuery [query, queries]: it asks.\nFigure []: no\n"
    )
    assert entries(file) == [
        Entry("Guided attention (GA)", "from one side to the other.", ("guided attention", "guided attentions")),
        Entry("Query", "it asks.", ("query", "queries")),
        Entry("Figure", "no", ()),
    ]
    for line in ("no colon", "Term [open: x", "  indented: at the start"):
        file.write_text(line + "\n")
        with pytest.raises(ValueError, match="glossary has lines"):
            entries(file)


def test_no_form_explains_two_terms():
    forms = [form for entry in entries() for form in entry.forms]
    assert len(set(forms)) == len(forms)
    assert all(form == form.lower() for form in forms)
