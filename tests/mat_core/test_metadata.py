"""Metadata to words: every value, every missing one, every wrong one."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mat_core.errors import MetadataError
from mat_core.metadata import (
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


class TestAge:
    @pytest.mark.parametrize("age", range(121))
    def test_every_age_in_every_spelling(self, age):
        for given_age in (age, str(age), f" {age} ", float(age), f"{age}.0", np.int64(age), np.float32(age)):
            read = Metadata(age=given_age).age
            assert read == age
            assert type(read) is int

    @pytest.mark.parametrize("age", range(121))
    def test_the_words_of_every_age(self, age):
        assert text(Metadata(age=age).words()) == f"age {min(age, 85)}"

    @pytest.mark.parametrize("age", MISSING)
    def test_missing(self, age):
        assert Metadata(age=age).age is None
        assert Metadata(age=age).words() == ()

    @pytest.mark.parametrize(
        "age",
        [-1, 121, 55.5, "55.5", "-1", "121", "old", "5 years", True, False, np.bool_(True), math.inf, -math.inf, "inf",
         1e300, 10**400, 10**5000, [55], (), {}, np.array([1, 2]), 3 + 0j, object(), "x" * 100_000,
         "1_0", b"55", bytearray(b"55")],
        ids=lambda age: type(age).__name__,
    )  # fmt: skip
    def test_wrong(self, age):
        with pytest.raises(MetadataError, match="0 to 120") as caught:
            Metadata(age=age)
        assert len(str(caught.value)) < 200  # a hostile value does not fill the page


class TestChoices:
    @pytest.mark.parametrize(
        ("field", "value"),
        [(f, v) for f, vs in (("sex", SEXES), ("localization", SITES), ("dx_type", DX_TYPES)) for v in vs],
    )
    def test_every_value(self, field, value):
        assert getattr(Metadata(**{field: value}), field) == value
        for spelling in (value.upper(), f"  {value}\n", value.replace(" ", "   "), np.str_(value)):
            assert getattr(Metadata(**{field: spelling}), field) == value
        words = Metadata(**{field: value}).words(FIELDS)
        assert {word.field for word in words} == {field}
        assert 2 <= len(words) <= 3

    @pytest.mark.parametrize("field", ["sex", "localization", "dx_type"])
    @pytest.mark.parametrize("value", MISSING)
    def test_missing(self, field, value):
        assert getattr(Metadata(**{field: value}), field) is None
        assert Metadata(**{field: value}) == Metadata()

    @pytest.mark.parametrize(
        ("field", "allowed"), [("sex", SEXES), ("localization", SITES), ("dx_type", DX_TYPES)], ids=lambda x: str(x)[:9]
    )
    @pytest.mark.parametrize(
        "value",
        ["other", 5, 0, True, b"male", ["male"], np.array([1, 2]), "x" * 100_000, 10**5000],
        ids=lambda value: type(value).__name__,
    )
    def test_wrong_values_name_the_allowed_ones(self, field, allowed, value):
        with pytest.raises(MetadataError) as caught:
            Metadata(**{field: value})
        message = str(caught.value)
        assert message.startswith(f"{field} must be one of {', '.join(allowed)}, or unknown; got ")
        assert len(message) < 350

    def test_the_counts_of_ham10000(self):
        assert len(LOCALIZATIONS) == 15
        assert len(set(LOCALIZATIONS)) == 15
        assert len(SEXES) == 2
        assert len(DX_TYPES) == 4


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

    def test_the_leaking_field_is_read_only_when_asked_for(self):
        assert text(Metadata(5, dx_type="histo").words()) == "age 5"

    def test_each_word_knows_its_field(self):
        words = Metadata(55, "female", "upper extremity").words()
        assert words == (
            Word("age", "age"), Word("55", "age"), Word("sex", "sex"), Word("female", "sex"),
            Word("localization", "localization"), Word("upper", "localization"), Word("extremity", "localization"),
        )  # fmt: skip

    def test_all_missing_gives_no_words(self):
        assert Metadata().words(FIELDS) == ()
        assert Metadata("", "unknown", "unknown", None).words(FIELDS) == ()

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

    @pytest.mark.parametrize("field", ["typo", "", None, "Age"])
    def test_without_a_name_that_is_no_field(self, field):
        with pytest.raises(MetadataError, match="must be one of age, sex"):
            Metadata(55).without(field)


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

    def test_encode_names_what_it_cannot(self):
        with pytest.raises(MetadataError, match="no word vector for localization, ear"):
            Vocabulary(("age", "5")).encode(Metadata(5, None, "ear").words())
        with pytest.raises(MetadataError, match="gives 4 words; this model reads at most 3"):
            Vocabulary(closed_vocabulary()).encode(Metadata(5, "male").words(), length=3)

    def test_field_text(self):
        assert field_text("age", 55) == "age 55"
        assert field_text("dx_type", "follow_up") == "type follow up"


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

    @settings(ANY_SPEED)
    @given(metadata)
    def test_a_field_has_words_exactly_when_it_has_a_value(self, data):
        present = {f for f in FIELDS if getattr(data, f) is not None}
        assert {word.field for word in data.words(FIELDS)} == present
        assert Metadata(data.age, data.sex, data.localization, data.dx_type) == data

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
