"""Metadata and their words: every value, missing ones and wrong ones."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mat_core.data.metadata import (
    CLEAN_FIELDS,
    DX_TYPES,
    FIELDS,
    LOCALIZATIONS,
    MAX_WORDS,
    SEXES,
    Metadata,
    Vocabulary,
    Word,
    closed_vocabulary,
    field_text,
)
from mat_core.errors import MetadataError

SITES = [site for site in LOCALIZATIONS if site != "unknown"]
# a slow machine is no failure
ANY_SPEED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
MISSING = [None, "", "  ", "unknown", "Unknown", "none", "nan", "NaN", "N/A", float("nan"), np.float32("nan")]
metadata = st.builds(
    Metadata,
    age=st.none() | st.integers(0, 120),
    sex=st.none() | st.sampled_from(SEXES),
    localization=st.none() | st.sampled_from(LOCALIZATIONS),
    dx_type=st.none() | st.sampled_from(DX_TYPES),
)


def text(words) -> str:
    return " ".join(word.text for word in words)


def test_every_age_in_every_spelling():
    for age in range(121):
        for spelling in (age, str(age), f" {age} ", float(age), f"{age}.0", np.int64(age), np.float32(age)):
            read = Metadata(age=spelling).age
            assert (read, type(read)) == (age, int)
        assert text(Metadata(age=age).words()) == f"age {min(age, 85)}"


@pytest.mark.parametrize("field", FIELDS)
def test_missing_values(field):
    for value in MISSING:
        assert Metadata(**{field: value}) == Metadata()
    assert Metadata().words(FIELDS) == ()


@pytest.mark.parametrize(
    "age",
    [-1, 121, 55.5, "55.5", "-1", "121", "old", "5 years", True, False, np.bool_(True), math.inf, -math.inf, "inf",
     1e300, 10**400, 10**5000, [55], (), {}, np.array([1, 2]), 3 + 0j, object(), "x" * 100_000,
     "1_0", b"55", bytearray(b"55")],
    ids=lambda age: type(age).__name__,
)  # fmt: skip
def test_wrong_ages(age):
    with pytest.raises(MetadataError, match="0 to 120") as caught:
        Metadata(age=age)
    assert len(str(caught.value)) < 200  # a hostile value does not fill the page


@pytest.mark.parametrize(
    ("field", "values", "count"), [("sex", SEXES, 2), ("localization", SITES, 14), ("dx_type", DX_TYPES, 4)]
)
def test_choices(field, values, count):
    assert len(set(values)) == count
    for value in values:
        for spelling in (value, value.upper(), f"  {value}\n", value.replace(" ", "   "), np.str_(value)):
            assert getattr(Metadata(**{field: spelling}), field) == value
        words = Metadata(**{field: value}).words(FIELDS)
        assert {word.field for word in words} == {field}
        assert 2 <= len(words) <= 3
    for wrong in ("other", 5, 0, True, b"male", ["male"], np.array([1, 2]), "x" * 100_000, 10**5000):
        with pytest.raises(MetadataError, match=f"{field} must be one of {', '.join(values)}") as caught:
            Metadata(**{field: wrong})
        assert len(str(caught.value)) < 350


class TestWords:
    @pytest.mark.parametrize(
        ("values", "fields", "expected"),
        [
            ((55, "female", "back"), CLEAN_FIELDS, "age 55 sex female localization back"),
            ((0, "male", "lower extremity"), CLEAN_FIELDS, "age 0 sex male localization lower extremity"),
            ((None, "male", None), CLEAN_FIELDS, "sex male"),
            ((120, None, "unknown"), CLEAN_FIELDS, "age 85"),
            ((5, "male", "ear", "histo"), CLEAN_FIELDS, "age 5 sex male localization ear"),  # the leak stays out
            ((5, "male", "ear", "histo"), FIELDS, "age 5 sex male localization ear type histology"),
            ((None, None, None, "confocal"), FIELDS, "type confocal"),
            ((None, None, None, "consensus"), FIELDS, "type consensus"),
            (
                (55, "female", "lower extremity", "follow_up"), FIELDS,
                "age 55 sex female localization lower extremity type follow up",
            ),
            ((5, "male", "ear"), ("localization", "age"), "localization ear age 5"),
        ],
    )  # fmt: skip
    def test_exact_words(self, values, fields, expected):
        assert text(Metadata(*values).words(fields)) == expected

    def test_each_word_knows_its_field(self):
        words = Metadata(55, "female", "upper extremity").words()
        assert words == (
            Word("age", "age"), Word("55", "age"), Word("sex", "sex"), Word("female", "sex"),
            Word("localization", "localization"), Word("upper", "localization"), Word("extremity", "localization"),
        )  # fmt: skip

    def test_ten_words_at_most_and_ten_are_reached(self):
        everything = itertools.product((None, 55), (None, *SEXES), (None, *LOCALIZATIONS), (None, *DX_TYPES))
        counts = {len(Metadata(*values).words(FIELDS)) for values in everything}
        assert max(counts) == MAX_WORDS == 10
        assert min(counts) == 0

    @pytest.mark.parametrize("field", FIELDS)
    def test_without(self, field):
        full = Metadata(55, "female", "back", "histo")
        less = full.without(field)
        assert getattr(less, field) is None
        assert [getattr(less, f) for f in FIELDS if f != field] == [getattr(full, f) for f in FIELDS if f != field]
        assert getattr(full, field) is not None
        for wrong in ("typo", "", None, "Age"):
            with pytest.raises(MetadataError, match="must be one of age, sex"):
                full.without(wrong)


class TestVocabulary:
    def test_the_closed_vocabulary_covers_every_metadata_and_nothing_else(self):
        reached = set()
        for field, values in zip(FIELDS, (range(121), SEXES, LOCALIZATIONS, DX_TYPES), strict=True):
            for value in values:
                reached |= {word.text for word in Metadata(**{field: value}).words(FIELDS)}
        assert set(closed_vocabulary()) == reached

    def test_its_words_are_single_distinct_and_in_a_fixed_order(self):
        words = closed_vocabulary()
        assert len(set(words)) == len(words)
        assert all(word == word.strip().lower() and len(word.split()) == 1 for word in words)
        assert words == closed_vocabulary()
        assert words[:3] == ("age", "0", "1")

    def test_encode(self):
        vocabulary = Vocabulary(("age", "sex", "male", "55"))
        ids = vocabulary.encode(Metadata(55, "male").words())
        assert ids.tolist() == [1, 4, 2, 3, 0, 0, 0, 0, 0, 0]
        assert ids.dtype == np.int64
        assert len(vocabulary) == 5  # padding is row 0
        assert vocabulary.encode([]).tolist() == [0] * 10
        assert vocabulary.encode(Metadata(sex="male").words(), length=2).tolist() == [2, 3]
        assert field_text("dx_type", "follow_up") == "type follow up"
        with pytest.raises(MetadataError, match="localization, ear"):
            Vocabulary(("age", "5")).encode(Metadata(5, None, "ear").words())
        with pytest.raises(MetadataError, match="4 words"):
            Vocabulary(closed_vocabulary()).encode(Metadata(5, "male").words(), length=3)


class TestAnything:
    @settings(ANY_SPEED)
    @given(metadata)
    def test_every_metadata_encodes_and_decodes(self, data):
        vocabulary = Vocabulary(closed_vocabulary())
        words = data.words(FIELDS)
        ids = vocabulary.encode(words)
        assert ids.shape == (MAX_WORDS,)
        assert [vocabulary.words[i - 1] for i in ids if i] == [word.text for word in words]
        assert (ids[len(words) :] == 0).all()
        assert {word.field for word in words} == {f for f in FIELDS if getattr(data, f) is not None}

    @settings(ANY_SPEED)
    @given(metadata)
    def test_what_is_written_is_parsed_again(self, data):
        texts = {field: "" if (value := getattr(data, field)) is None else str(value) for field in FIELDS}
        assert Metadata.parse(**texts) == data

    @settings(ANY_SPEED, max_examples=200)
    @given(
        st.sampled_from(FIELDS), st.text() | st.from_regex(r"[<>=≥]? ?\d{1,4} ?[-–+.,]? ?\d{0,3}\w?", fullmatch=True)
    )
    def test_any_text_is_parsed_or_rejected(self, field, text):
        try:
            Metadata.parse(**{field: text})
        except MetadataError:
            return

    @settings(ANY_SPEED, max_examples=200)
    @given(
        st.sampled_from(FIELDS),
        st.text() | st.integers() | st.floats() | st.binary() | st.booleans() | st.lists(st.integers()) | st.decimals(),
    )
    def test_any_value_is_read_or_rejected(self, field, value):
        try:
            read = getattr(Metadata(**{field: value}), field)
        except MetadataError:
            return
        allowed = {"age": range(121), "sex": SEXES, "localization": SITES, "dx_type": DX_TYPES}[field]
        assert read is None or read in allowed
