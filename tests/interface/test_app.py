"""The app as a program uses it: its process, its endpoint, and what its views say where there is little to say."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from archive import named
from conftest import HAM10000, ROOT, app_process
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from interface import examples as examples_module
from interface.examples import PHANTOMS, real_examples, synthetic_examples
from interface.library.library import Library, open_library
from interface.parts.answer import answer_html, meaning, misses, verdict
from interface.parts.evidence import regions_html
from interface.parts.form import words_html
from interface.parts.gallery import provenance_html
from interface.parts.heatmaps import attention_html
from interface.parts.took import took_html
from interface.private_cache import private_cache
from interface.session import Took, analyse, answer_again, read_upload
from interface.views.about import about_html
from mat_core import DISCLAIMER, DataError, Diagnoser, ImageError, Metadata, UserError
from mat_core.figures import guided_map
from mat_core.labels import CODES
from mat_core.named_cases import read_cases
from mat_core.phantoms import write_phantom_dataset
from tools.opening import drawings, teaches
from tools.opening import named as opening_cases


@pytest.fixture(scope="module")
def client(app_url) -> Client:
    return Client(app_url, verbose=False)


@pytest.fixture
def session(tiny_diagnoser, phantom_file):
    return analyse(tiny_diagnoser, str(phantom_file), Metadata(55, "female", "lower extremity"))


# ---------------------------------------------------------------- the endpoint


def test_the_endpoint_gives_what_the_diagnoser_gives(client, tiny_diagnoser, phantom_file):
    answer = client.predict(
        image=handle_file(phantom_file), age=55, sex="female", localization="lower extremity", api_name="/diagnose"
    )
    expected = tiny_diagnoser(phantom_file, Metadata(55, "female", "lower extremity")).to_dict()
    assert answer["probabilities"] == pytest.approx(expected["probabilities"])
    assert sum(answer["probabilities"].values()) == pytest.approx(1)
    assert answer["words"] == expected["words"]
    assert answer["regions"][0]["box"] == pytest.approx(expected["regions"][0]["box"], abs=0.01)
    assert answer["disclaimer"] == DISCLAIMER


def test_everything_may_be_unknown(client, phantom_file):
    answer = client.predict(image=handle_file(phantom_file), api_name="/diagnose")
    assert answer["words"] == []
    assert sum(answer["probabilities"].values()) == pytest.approx(1)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"age": 121}, "0 to 120"),
        ({"age": 55.5}, "0 to 120"),
        ({"age": "old"}, "0 to 120"),
        ({"sex": "both"}, "female, male"),
        ({"localization": "elbow"}, "lower extremity"),
    ],
)
def test_wrong_metadata_gets_the_sentence(client, phantom_file, wrong, says):
    with pytest.raises(AppError, match=says):
        client.predict(image=handle_file(phantom_file), **wrong, api_name="/diagnose")


def test_a_broken_image_gets_the_sentence_and_no_path(client, tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"this is no picture")
    with pytest.raises(AppError, match="not an image file that can be read") as caught:
        client.predict(image=handle_file(tmp_path / "broken.jpg"), api_name="/diagnose")
    assert "/" not in str(caught.value)


@pytest.mark.parametrize("path", ["http://127.0.0.1:9/x.png", "https://example.org/x.png"])
def test_an_address_is_refused_unread(client, path):
    with pytest.raises(AppError, match="not an address"):
        client.predict(image={"path": path, "meta": {"_type": "gradio.FileData"}}, api_name="/diagnose")


def test_files_of_the_server_are_out_of_reach(client):
    with pytest.raises(AppError) as caught:
        client.predict(image={"path": "/etc/hostname", "meta": {"_type": "gradio.FileData"}}, api_name="/diagnose")
    assert "/etc" not in str(caught.value)


# ---------------------------------------------------------------- the process


def run_app(*args) -> subprocess.CompletedProcess:
    command = [sys.executable, "app.py", *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=180)


@pytest.mark.slow
def test_a_missing_bundle_gets_a_sentence_and_status_2(tmp_path):
    done = run_app("--checkpoint", tmp_path / "nowhere")
    assert done.returncode == 2
    assert done.stderr.startswith("error: There is no folder")
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.slow
def test_a_wrong_data_folder_gets_a_sentence_and_status_2(tiny_bundle, tmp_path):
    done = run_app("--checkpoint", tiny_bundle, "--data", tmp_path)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert "HAM10000_metadata.csv" in done.stderr


@pytest.mark.slow
def test_a_taken_port_gets_a_sentence_and_status_2(tiny_bundle):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run_app("--checkpoint", tiny_bundle, "--port", port)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert f"port {port}: it is in use" in done.stderr


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host"])
def test_an_address_that_is_not_ours_is_refused_before_any_port_is_tried(host):
    from interface.demo import serve

    with pytest.raises(UserError, match="cannot listen"):
        serve(None, host)


@pytest.mark.skipif(os.name == "nt", reason="SIGTERM is not delivered to a handler on Windows")
@pytest.mark.slow
def test_nothing_of_an_upload_is_left_after_the_end(tiny_bundle, phantom_file, tmp_path):
    before = {path for path in ROOT.rglob("*") if path.suffix in (".png", ".jpg", ".pyi", ".webp")}
    with app_process("--checkpoint", tiny_bundle, temporary=tmp_path) as (url, process):
        Client(url, verbose=False).predict(image=handle_file(phantom_file), api_name="/diagnose")
        data = phantom_file.read_bytes()
        kept = [path for path in tmp_path.rglob("*") if path.is_file() and path.read_bytes() == data]
        assert len(kept) == 1, "the upload should lie in the private folder only"
        assert kept[0].relative_to(tmp_path).parts[0].startswith("mat-demo-")
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        said = process.stdout.read()
    assert "Traceback" not in said
    assert not list(tmp_path.glob("mat-demo-*"))
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.read_bytes() == data]
    assert {path for path in ROOT.rglob("*") if path.suffix in (".png", ".jpg", ".pyi", ".webp")} == before


def test_what_a_killed_app_left_is_deleted_by_the_next(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("GRADIO_TEMP_DIR", "")
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    (tmp_path / f"mat-demo-{gone.pid}-x").mkdir()
    alive = tmp_path / f"mat-demo-{os.getppid()}-x"
    alive.mkdir()
    with private_cache() as folder:
        assert os.environ["GRADIO_TEMP_DIR"].startswith(str(folder))
        assert folder.stat().st_mode & 0o077 == 0
        assert set(tmp_path.iterdir()) == {alive, folder}
    assert set(tmp_path.iterdir()) == {alive}


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
    rest = (1 - first - second) / 5
    p = dict.fromkeys(CODES, rest) | {"nv": first, "mel": second}
    text = verdict(replace(session.diagnosis, probabilities=p))
    assert says in text
    assert "Melanocytic nevus" in text


def test_misses_are_counted_from_the_bundles_own_metrics(session, tiny_diagnoser):
    bundle = tiny_diagnoser.bundle
    assert "has not been measured" in meaning(bundle)
    assert misses(bundle) == {}
    assert "missed" not in answer_html(session, bundle)
    confusion = np.diag([5, 1, 3, 1, 90, 0, 1])  # akiec is in no test image
    confusion[CODES.index("mel"), CODES.index("nv")] = 4
    confusion[CODES.index("bcc"), CODES.index("mel")] = 1
    confusion[CODES.index("nv"), CODES.index("mel")] = 9  # a false alarm: no melanoma is missed
    measured = replace(bundle, metrics={"test": {"images": 115, "confusion": confusion.tolist()}})
    assert misses(measured) == {
        "bcc": "In 6 test basal cell carcinomas this model missed 1.",
        "mel": "In 7 test melanomas this model missed 4.",
    }
    assert "counted on 115 test images" in meaning(measured)
    of_melanoma = re.search(r'<li class="malignant" data-code="mel".*?</li>', answer_html(session, measured))[0]
    assert "In 7 test melanomas this model missed 4." in of_melanoma
    confusion[CODES.index("akiec")] = np.arange(7)
    assert misses(replace(bundle, metrics={"test": {"images": 1, "confusion": confusion.tolist()}}))["akiec"] == (
        "In 21 test lesions of this class this model missed 16."
    )
    # of fewer classes, or of another split: nothing is said
    for metrics in ({"test": {"images": 9, "confusion": [[9]]}}, {"val": {"images": 9, "confusion": confusion}}):
        assert misses(replace(bundle, metrics=metrics)) == {}


def test_other_metadata_on_the_same_image_asks_the_network_only(session, tiny_diagnoser, phantom_file):
    again = answer_again(tiny_diagnoser, session, Metadata(20, "male", "face"))
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
        assert f"<b>{axis}</b> sums to 100" in part
        cells = re.findall(r"<td style=[^>]*>([\d.<&lt;]+)</td>", part)
        weights = guided_map(session.diagnosis, direction, 2)
        expected = weights.T if direction == "words_to_regions" else weights
        assert len(cells) == k * 7
        assert float(cells[0]) == pytest.approx(100 * expected[0, 0], abs=0.5)
        assert all(f"<span>{word.text}</span>" in part for word in session.diagnosis.words)
    assert ("other 37" in words) == (k == 3)


def test_without_words_or_blocks_the_views_say_so(session, tiny_diagnoser):
    silent = answer_again(tiny_diagnoser, session, Metadata())
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


def test_where_the_time_went_is_said_of_this_very_answer(tiny_diagnoser, phantom_file, monkeypatch):
    detect = tiny_diagnoser.bundle.detector.detect
    slow = Diagnoser(tiny_diagnoser.bundle)
    monkeypatch.setattr(slow.bundle.detector, "detect", lambda image: (time.sleep(0.05), detect(image))[1])
    first = analyse(slow, phantom_file.read_bytes(), Metadata(55))
    assert first.source == ""
    assert first.took.detect >= 0.05
    assert min(first.took.decode, first.took.network, first.took.copies) > 0
    known = answer_again(slow, first, Metadata(20))
    assert (known.took.decode, known.took.detect, known.took.copies) == (None, None, 0)
    assert known.took.network > 0
    said = took_html(Took(0.008, 1.234, 0.0004, 0.01, 0.02))
    text = re.sub(r"<span data-part=.*", "", said)
    told = "Time: 1.3 sreading the image 8 ms, finding regions 1.2 s, the network less than 1 ms, pictures 30 ms"
    assert re.sub(r"<.*?>", "", text) == told
    assert "regions" not in took_html(replace(known.took, drawing=0.1))
    assert took_html(known.took) in answer_html(known, slow.bundle)


def test_very_old_people_are_told_how_they_are_read(tiny_diagnoser):
    assert "Read as 85" in words_html(tiny_diagnoser, Metadata(age=99))
    assert "Read as" not in words_html(tiny_diagnoser, Metadata(age=85))


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


def shelf(folder: Path, *codes: tuple[str, str, bool]) -> Library:
    """A library of made-up named cases, (diagnosis, answer, unsure) of each, with their pictures at hand."""
    cases, pictures = [], {}
    for number, (diagnosis, answer, unsure) in enumerate(codes):
        case, data = named(number, diagnosis)
        cases.append(replace(case, answer=answer, unsure=unsure))
        pictures[case.id] = folder / f"{case.id}.jpg"
        pictures[case.id].write_bytes(data)
    return Library(cases, pictures)


def test_real_examples_are_named_cases_right_and_wrong_and_open_on_a_melanoma_that_was_found(tmp_path):
    library = shelf(
        tmp_path, ("nv", "nv", False), ("mel", "nv", False), ("mel", "mel", True), ("mel", "mel", False),
        ("nv", "mel", False), ("nv", "nv", True), ("bcc", "bcc", False),
    )  # fmt: skip
    chosen = real_examples(library)
    assert [int(example.name.removeprefix("ISIC_")) for example in chosen] == [3, 0, 1, 4, 6]
    assert not any(example.synthetic for example in chosen)
    details = provenance_html(chosen[0]).split("<details>")
    assert "confirmed" not in details[0]
    assert "Show the confirmed diagnosis" in details[1]
    assert chosen == real_examples(library)


def test_the_opening_case_comes_first_wherever_it_stands(tmp_path, monkeypatch):
    library = shelf(tmp_path, ("nv", "nv", False), ("mel", "mel", False), ("mel", "mel", False))
    monkeypatch.setattr(examples_module, "OPENING", library.cases[2].id)
    assert [example.name for example in real_examples(library)] == [library.cases[2].id, library.cases[0].id]


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
    cases = drawings() if which == "drawing" else opening_cases(HAM10000)
    wanted = f"seed {PHANTOMS[0][0]}" if which == "drawing" else examples_module.OPENING
    (case,) = [case for case in cases if case[0] == wanted]
    assert teaches(Diagnoser.from_pretrained(), *case) is not None


def test_the_interface_alone_knows_gradio():
    files = [*Path(ROOT, "mat_core").rglob("*.py"), *Path(ROOT, "training").rglob("*.py")]
    assert not [path for path in files if re.search(r"^\s*(import|from) gradio", path.read_text(), re.M)]
