"""What the views of Diagnose and About say, and the examples."""

import re
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import HAM10000
from fake_isic_archive import named

from interface.components.attention_tables import attention_html
from interface.components.example_gallery import provenance_html
from interface.components.metadata_form import words_html
from interface.components.prediction import answer_html, meaning_html, misses, verdict
from interface.components.region_overlay import regions_html
from interface.components.timing import timing_html
from interface.state.session import Timings, diagnose_image, read_upload, rediagnose
from interface.tabs.about import about_html
from mat_core import DISCLAIMER, DataError, Diagnoser, ImageError, Metadata
from mat_core.data.labels import CODES
from mat_core.inference.diagnosis import guided_map
from teaching.cases import examples as examples_module
from teaching.cases.catalog import read_cases
from teaching.cases.examples import PHANTOMS, real_examples, synthetic_examples
from teaching.cases.library import CaseLibrary, open_library
from teaching.phantoms import write_phantom_dataset
from tools.choose_opening_case import assess, named_cases, phantom_cases


@pytest.fixture
def session(tiny_diagnoser, phantom_file):
    return diagnose_image(tiny_diagnoser, str(phantom_file), Metadata(55, "female", "lower extremity"))


# ---------------------------------------------------------------- what the views say


def test_the_answer_names_all_seven_sorted_and_marks_malignant_ones_in_words(session, tiny_diagnoser):
    html = answer_html(session, tiny_diagnoser.bundle)
    shown = [float(value) for value in re.findall(r'class="value">([\d.]+)%', html)]
    assert len(shown) == 7
    assert shown == sorted(shown, reverse=True)
    assert re.findall(r'data-code="(\w+)"', html)[0] == session.diagnosis.top
    assert html.count(">malignant<") == 2
    assert html.count(">premalignant<") == 1


@pytest.mark.parametrize(
    ("first", "second", "says"),
    [(0.97, 0.02, "clearly ahead of"), (0.6, 0.3, "ahead of"), (0.4, 0.33, "narrowly ahead of"), (0.3, 0.295, "level")],
)
def test_how_sure_is_said_by_the_margin(session, first, second, says):
    p = dict.fromkeys(CODES, (1 - first - second) / 5) | {"nv": first, "mel": second}
    text = verdict(replace(session.diagnosis, probabilities=p))
    assert says in text
    assert "Melanocytic nevus" in text


def test_misses_are_counted_from_the_bundles_own_metrics(session, tiny_diagnoser):
    bundle = tiny_diagnoser.bundle
    assert "has not been measured" in meaning_html(bundle)
    assert misses(bundle) == {}
    assert "missed" not in answer_html(session, bundle)
    confusion = np.diag([5, 1, 3, 1, 90, 0, 1])
    confusion[CODES.index("mel"), CODES.index("nv")] = 4
    confusion[CODES.index("bcc"), CODES.index("mel")] = 1
    confusion[CODES.index("nv"), CODES.index("mel")] = 9  # a false alarm: no melanoma is missed
    measured = replace(bundle, metrics={"test": {"images": 115, "confusion": confusion.tolist()}})
    assert {code: re.findall(r"\d+", said) for code, said in misses(measured).items()} == {
        "bcc": ["6", "1"], "mel": ["7", "4"],
    }  # fmt: skip
    assert "counted on 115 test images" in meaning_html(measured)
    of_melanoma = re.search(r'<li class="malignant" data-code="mel".*?</li>', answer_html(session, measured))[0]
    assert misses(measured)["mel"] in of_melanoma
    # of fewer classes, or of another split: nothing is said
    for metrics in ({"test": {"images": 9, "confusion": [[9]]}}, {"val": {"images": 9, "confusion": confusion}}):
        assert misses(replace(bundle, metrics=metrics)) == {}


def test_other_metadata_on_the_same_image_asks_the_network_only(session, tiny_diagnoser, phantom_file):
    again = rediagnose(tiny_diagnoser, session, Metadata(20, "male", "face"))
    fresh = tiny_diagnoser(phantom_file, Metadata(20, "male", "face"))
    assert again.diagnosis.probabilities == fresh.probabilities
    assert again.picture is session.picture


@pytest.mark.parametrize("k", [1, 5, 36])
def test_regions_are_drawn_numbered_and_listed(session, k):
    html = regions_html(session, k)
    assert html.count('class="box"') == k
    assert html.count("<tr>") == k + 1
    assert f">{k}</span>" in html


@pytest.mark.parametrize("k", [3, 40])
def test_heatmaps_show_the_networks_numbers(session, k):
    html = attention_html(session, k, 2)
    words, regions = html.split('data-direction="regions_to_words"')
    for part, direction, axis in ((words, "words_to_regions", "column"), (regions, "regions_to_words", "row")):
        assert f"<strong>{axis}</strong> sums to 100" in part
        cells = re.findall(r"<td style=[^>]*>([\d.<&lt;]+)</td>", part)
        weights = guided_map(session.diagnosis, direction, 2)
        expected = weights.T if direction == "words_to_regions" else weights
        assert len(cells) == k * 7
        assert float(cells[0]) == pytest.approx(100 * expected[0, 0], abs=0.5)
        assert all(f"<span>{word.text}</span>" in part for word in session.diagnosis.words)
    assert ("other 37" in words) == (k == 3)


def test_without_words_or_blocks_the_views_say_so(session, tiny_diagnoser):
    silent = rediagnose(tiny_diagnoser, session, Metadata())
    assert attention_html(silent, 5, None).count("All metadata is unknown") == 2
    assert "none: all metadata is unknown" in words_html(tiny_diagnoser, Metadata())
    nothing = replace(session.diagnosis.attention, regions_to_words=None, words_to_regions=None)
    for unit, says in (("sa-sa", "no guided attention"), ("image-only", "reads no words")):
        other = replace(session, diagnosis=replace(session.diagnosis, unit=unit, attention=nothing))
        assert attention_html(other, 5, None).count(says) == 2


def test_the_words_are_the_ones_that_the_model_reads_grouped_by_field(tiny_diagnoser):
    html = words_html(tiny_diagnoser, Metadata(55, None, "lower extremity"))
    assert re.findall(r'chip">(\w+)<', html) == ["age", "55", "localization", "lower", "extremity"]
    assert re.findall(r'data-field="(\w+)"', html) == ["age", "localization"]
    assert "Read as 85" in words_html(tiny_diagnoser, Metadata(age=99))
    assert "Read as" not in words_html(tiny_diagnoser, Metadata(age=85))


def test_where_the_time_went_is_said_of_this_very_answer(tiny_diagnoser, phantom_file, monkeypatch):
    detect = tiny_diagnoser.bundle.detector.detect
    slow = Diagnoser(tiny_diagnoser.bundle)
    monkeypatch.setattr(slow.bundle.detector, "detect", lambda image: (time.sleep(0.05), detect(image))[1])
    first = diagnose_image(slow, phantom_file.read_bytes(), Metadata(55))
    assert first.source == ""
    assert first.timings.detect >= 0.05
    assert min(first.timings.decode, first.timings.network, first.timings.copies) > 0
    known = rediagnose(slow, first, Metadata(20))
    assert (known.timings.decode, known.timings.detect, known.timings.copies) == (None, None, 0)
    assert known.timings.network > 0
    said = re.sub(
        r"<.*?>", "", re.sub(r"<span data-part=.*", "", timing_html(Timings(0.008, 1.234, 0.0004, 0.01, 0.02)))
    )
    assert re.findall(r"[\d.]+ m?s", said) == ["1.3 s", "8 ms", "1.2 s", "1 ms", "30 ms"]
    assert "regions" not in timing_html(replace(known.timings, drawing=0.1))
    assert timing_html(known.timings) in answer_html(known, slow.bundle)


def test_a_forgotten_upload_is_a_sentence_without_a_path(tmp_path):
    with pytest.raises(ImageError, match="was forgotten") as caught:
        read_upload(str(tmp_path / "gone.png"))
    assert str(tmp_path) not in str(caught.value)


def test_about_shows_the_metrics_as_they_are(tiny_diagnoser):
    bundle = tiny_diagnoser.bundle
    assert "carries no measurements" in about_html(bundle)
    figures = {"images": 7, "acc": {"value": 0.5, "interval95": [0.25, 0.75]}, "recall": {"nv": 1.0}}
    html = about_html(replace(bundle, name="<b>x</b>", metrics={"test": {**figures, "confusion": np.eye(7).tolist()}}))
    for text in ("0.5000 (95 % interval 0.2500 to 0.7500)", "recall: nv", "CC BY-NC 4.0", "Apache-2.0", DISCLAIMER):
        assert text in html
    assert "<b>x</b>" not in html


# ---------------------------------------------------------------- examples


def test_synthetic_examples_are_one_of_each_and_say_what_they_are(tmp_path):
    drawn = synthetic_examples(tmp_path)
    assert {example.diagnosis for example in drawn} == set(CODES)
    assert all("a drawing, no patient" in provenance_html(example) for example in drawn)


def shelf(folder: Path, *codes: tuple[str, str, bool]) -> CaseLibrary:
    """A library of made-up named cases, (diagnosis, answer, unsure) of each, with their pictures at hand."""
    cases, pictures = [], {}
    for number, (diagnosis, answer, unsure) in enumerate(codes):
        case, data = named(number, diagnosis)
        cases.append(replace(case, answer=answer, unsure=unsure))
        pictures[case.id] = folder / f"{case.id}.jpg"
        pictures[case.id].write_bytes(data)
    return CaseLibrary(cases, pictures)


def test_real_examples_are_named_cases_right_and_wrong_and_open_on_a_melanoma_that_was_found(tmp_path, monkeypatch):
    library = shelf(
        tmp_path, ("nv", "nv", False), ("mel", "nv", False), ("mel", "mel", True), ("mel", "mel", False),
        ("nv", "mel", False), ("nv", "nv", True), ("bcc", "bcc", False),
    )  # fmt: skip
    chosen = real_examples(library)
    assert chosen == real_examples(library)
    assert [int(example.name.removeprefix("ISIC_")) for example in chosen] == [3, 0, 1, 4, 6]
    assert not any(example.synthetic for example in chosen)
    details = provenance_html(chosen[0]).split("<details>")
    assert "confirmed" not in details[0]
    assert len(details) == 2
    monkeypatch.setattr(examples_module, "OPENING", library.cases[2].id)  # comes first wherever it stands
    assert real_examples(library)[0].name == library.cases[2].id


def test_the_opening_case_is_one_that_the_list_says_was_found():
    (case,) = [case for case in read_cases()[0] if case.id == examples_module.OPENING]
    assert case.diagnosis == "mel"
    assert case.right
    assert not case.unsure


def test_a_folder_without_a_named_case_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))  # which may have photographs of named cases
    root = write_phantom_dataset(tmp_path / "data", per_class=1)
    library, problems = open_library(root, True, tmp_path)
    assert problems == ()
    with pytest.raises(DataError, match="48 named cases"):
        real_examples(library)


@pytest.mark.parametrize("which", ["drawing", pytest.param("lesion", marks=[pytest.mark.real, pytest.mark.slow])])
@pytest.mark.slow
def test_what_the_page_opens_on_is_right_sure_and_shows_why(which):
    cases = phantom_cases() if which == "drawing" else named_cases(HAM10000)
    wanted = f"seed {PHANTOMS[0][0]}" if which == "drawing" else examples_module.OPENING
    (case,) = [case for case in cases if case[0] == wanted]
    assert assess(Diagnoser.from_pretrained(), *case) is not None
