"""The steps that explain a split: means of their cases, notes that survive a kill, and what is saved where."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT

from mat_core import Diagnoser, Metadata
from mat_core.bundle import load_bundle, read_metrics, save_bundle, write_metrics
from mat_core.errors import ConfigError, DataError
from mat_core.explain import CONFRONTED, REFERENCES, agree, confront, over_cases, similarity
from mat_core.explain.agreement import RANDOM
from mat_core.ham10000 import Case
from mat_core.images import load_image
from mat_core.labels import BY_CODE, CODES
from mat_core.phantoms import write_phantom_dataset
from training.__main__ import main
from training.data.splits import LEAST, draw
from training.documents.evidence import NAMES, agreement_line, agreement_text, similarity_text
from training.documents.wording import short
from training.steps import explain as step
from training.steps.explain import Notes, as_lines, explain_split
from training.steps.similarity import as_lines as similarity_lines
from training.steps.similarity import similarity_split

CASE = Metadata(age=55, sex="female", localization="lower extremity")
ASKED = {"split": "test", "seed": 3}


@pytest.fixture(scope="module")
def small(tiny_bundle) -> Diagnoser:
    """A Diagnoser of its own with eight regions: hiding each of them is soon done."""
    bundle = load_bundle(tiny_bundle)
    bundle.detector.config = replace(bundle.detector.config, n=8)
    return Diagnoser(bundle)


@pytest.fixture(scope="module")
def photographs(tmp_path_factory) -> list[Case]:
    folder = write_phantom_dataset(tmp_path_factory.mktemp("explaining"), per_class=1)
    files = sorted(folder.rglob("*.jpg"))[:3]
    return [Case(file.stem, file.stem, CODES[i], CASE if i else Metadata(), file) for i, file in enumerate(files)]


@pytest.fixture(scope="module")
def explained(small, photographs) -> dict:
    return explain_split(small, photographs, seed=3)


def test_a_split_is_the_mean_of_its_cases(small, photographs, explained):
    images = [load_image(case.image) for case in photographs]
    hidden = [confront(small, image, case.metadata) for image, case in zip(images, photographs, strict=True)]
    taken = [
        agree(
            small, small.regions(image), case.metadata, one.label, seed=3 + i,
            also={name: one.scores[name] for name in ("area", "occlusion")},
        )
        for i, (image, case, one) in enumerate(zip(images, photographs, hidden, strict=True))
    ]  # fmt: skip
    assert (explained["cases"], explained["seed"]) == (3, 3)
    assert set(explained["rankings"]) == {*CONFRONTED, RANDOM}
    for name, row in explained["rankings"].items():
        for one in set(REFERENCES) - {name} if name != RANDOM else ():
            assert row[one]["spearman"]["value"] == pytest.approx(np.mean([c.spearman[one][name] for c in hidden]))
            assert row[one]["overlap"]["value"] == pytest.approx(np.mean([c.overlap[one][name] for c in hidden]))
        for kind in ("deletion", "insertion"):
            areas = [one.areas(getattr(one, kind))[name] for one in taken]
            assert row[f"{kind}_area"]["value"] == pytest.approx(np.mean(areas))
            low, high = row[f"{kind}_area"]["interval95"]
            assert min(areas) - 1e-12 <= low <= high <= max(areas) + 1e-12  # a mean has last bits of its own
    for one in REFERENCES:
        largest = np.mean([np.abs(c.scores[one]).max() for c in hidden])
        assert explained["largest"][one]["value"] == pytest.approx(largest)
    assert {code: one["cases"] for code, one in explained["by_class"].items()} == {
        code: count for code in CODES if (count := [c.label for c in hidden].count(code))
    }
    assert json.loads(json.dumps(explained)) == explained
    assert "3 cases" in as_lines(explained, "test")
    assert "random" in as_lines(explained, "test")
    assert "against occlusion" in as_lines(explained, "test")


def test_what_many_cases_say_is_one_sentence(explained):
    said = over_cases({"test": {"explain": explained}})
    row = explained["rankings"]["attention"]
    assert said.startswith("In 3 cases of the test split, attention agreed with hiding a region's pixels by ")
    assert f"by {row['occlusion']['spearman']['value']:+.2f} (95 % interval" in said
    assert f"region away by {row['ablation']['spearman']['value']:+.2f}" in said
    assert "what each region adds" in over_cases({"test": {"explain": explained}}, "contribution")
    earlier = {"test": {"explain": {"cases": 3, "rankings": {"attention": {"spearman": 0.1}}}}}
    assert [over_cases(metrics) for metrics in ({}, {"test": {}}, {"test": {"explain": {}}}, earlier)] == [None] * 4


def test_the_documents_say_what_was_measured(explained, small, photographs):
    alike = similarity_split({"sga-sga": small}, photographs)
    metrics = {"test": {"explain": explained, "similarity": alike}}
    text = agreement_text(metrics)
    for name, row in explained["rankings"].items():
        told = [line for line in text.splitlines() if line.startswith(f"| {NAMES[name]} |")]
        for area in ("deletion_area", "insertion_area"):
            assert short(row[area]["value"]) in told[-1]
        for one in set(REFERENCES) & set(row):
            low, high = row[one]["spearman"]["interval95"]
            assert f"| {short(row[one]['spearman']['value'])} ({short(low)} to {short(high)}) |" in told[0]
    for code, one in explained["by_class"].items():
        assert f"| {BY_CODE[code].name} | {one['cases']} | " in text
    assert over_cases(metrics) in agreement_line(metrics)
    value = short(alike["units"]["sga-sga"]["cosine"]["SA"]["value"])
    assert "| unit | detector | embedding | SA | GA |" in similarity_text(metrics)
    assert f"| SGA-SGA | {short(alike['units']['sga-sga']['cosine']['detector']['value'])} (" in similarity_text(
        metrics
    )
    assert f" | {value} (" in similarity_text(metrics)
    for told in (agreement_text, similarity_text, agreement_line):
        assert "ot measured" in told({"test": {}})


def test_a_run_that_was_killed_goes_on_with_the_next_case(small, photographs, explained, tmp_path, monkeypatch):
    path, asked, really = tmp_path / "runs" / "notes.jsonl", [], step.confront

    def stopping(diagnoser, image, *more):
        if len(asked) == 2:
            raise KeyboardInterrupt
        asked.append(image)
        return really(diagnoser, image, *more)

    monkeypatch.setattr(step, "confront", stopping)
    with pytest.raises(KeyboardInterrupt):
        explain_split(small, photographs, seed=3, notes=Notes(path, ASKED))
    text = path.read_text()
    assert text.count("\n") == 3
    path.write_text(text + text.splitlines()[-1][:50])  # killed while a case was written
    monkeypatch.setattr(step, "confront", lambda *args: asked.append(args[1]) or really(*args))
    found = explain_split(small, photographs, seed=3, notes=Notes(path, ASKED))
    assert found == explained
    assert len(asked) == 3
    assert path.read_text().startswith(text)
    assert path.read_text().count("\n") == 4
    assert explain_split(small, photographs, seed=3, notes=Notes(path, ASKED)) == explained
    assert len(asked) == 3


def test_notes_of_something_else_are_not_taken(tmp_path):
    path = tmp_path / "notes.jsonl"
    Notes(path, ASKED)
    assert Notes(path, ASKED).records == {}
    with pytest.raises(DataError, match="another model, split, seed or version"):
        Notes(path, {**ASKED, "seed": 4})
    for wrong in ("{}", "[]", "3", '{"image": "a"}', "no json"):
        path.write_text(path.read_text().splitlines()[0] + f"\n{wrong}\n")
        with pytest.raises(DataError, match="is damaged"):
            Notes(path, ASKED)
    path.write_text("")  # killed before the first line
    assert Notes(path, ASKED).records == {}
    assert json.loads(path.read_text()) == {**ASKED, "way": step.WAY}


def named(diagnoses: str) -> list[Case]:
    codes = {code[0]: code for code in CODES}  # the last of those with one initial
    return [Case(str(i), str(i), codes[letter], CASE, Path()) for i, letter in enumerate(diagnoses)]


def test_a_draw_has_some_of_each_diagnosis():
    cases = named("n" * 500 + "m" * 60 + "d" * 12 + "v" * 4)
    drawn = draw(cases, 100, seed=1)
    assert drawn == sorted(set(drawn))
    assert len(drawn) == 100
    counts = {code: sum(cases[i].diagnosis == code for i in drawn) for code in ("nv", "mel", "df", "vasc")}
    assert counts["vasc"] == 4
    assert LEAST <= counts["df"] <= 12
    assert counts["mel"] >= LEAST
    assert drawn == draw(cases, 100, seed=1) != draw(cases, 100, seed=2)
    assert draw(cases) == draw(cases, 10_000) == list(range(len(cases)))
    assert len(draw(cases, 3)) == 3
    for wrong, error in (((cases, 0), ConfigError), ((cases, -1), ConfigError), (([], None), DataError)):
        with pytest.raises(error):
            draw(*wrong)


def test_how_alike_regions_are_is_the_mean_of_the_cases_of_each_unit(small, photographs):
    found = similarity_split({"sga-sga": small}, photographs)
    ones = [similarity(small, small.regions(load_image(case.image)), case.metadata) for case in photographs]
    assert found["cases"] == 3
    kinds = found["units"]["sga-sga"]
    for kind in ("cosine", "residual"):
        assert tuple(kinds[kind]) == ones[0].stages == ("detector", "embedding", "SA", "GA")
        for k, stage in enumerate(ones[0].stages):
            assert kinds[kind][stage]["value"] == pytest.approx(np.mean([getattr(one, kind)[k] for one in ones]))
    assert f"GA {kinds['cosine']['GA']['value']:.3f}" in similarity_lines(found, "test")
    assert similarity_split({"sga-sga": small}, photographs, limit=1)["cases"] == 1


@pytest.mark.slow
def test_both_steps_keep_what_they_find_beside_the_other_metrics(small, tiny_bundle, tmp_path, capsys):
    data = write_phantom_dataset(tmp_path / "data", per_class=4)
    assert main(["split", "--data", str(data), "--split-file", str(tmp_path / "split.csv")]) == 0
    folder = save_bundle(small.bundle, tmp_path / "models" / "own")
    for name in ("leak", "strange"):
        shutil.copytree(tiny_bundle, tmp_path / "models" / name)
    options = ["--data", str(data), "--split-file", str(tmp_path / "split.csv"), "--checkpoint", str(folder)]
    explain = ["explain", *options, "--runs", str(tmp_path / "runs"), "--limit", "2", "--save"]
    similar = ["similarity", *options, "--limit", "2", "--save"]
    for command in (explain, similar):
        assert main(command) == 2
        assert "run evaluate --split test --save" in capsys.readouterr().err
    write_metrics(folder, {"test": {"images": 3}, "val": {"images": 4}})
    for command in (explain, similar):
        assert main(command) == 0
    metrics = read_metrics(folder)
    assert (metrics["val"], metrics["test"]["images"]) == ({"images": 4}, 3)
    assert metrics["test"]["explain"]["cases"] == metrics["test"]["similarity"]["cases"] == 2
    assert set(metrics["test"]["similarity"]["units"]) == {"sga-sga"}  # the others have another detector
    loaded = load_bundle(folder).metrics  # and the app takes it
    assert over_cases(loaded).startswith("In 2 cases of the test split")
    notes = tmp_path / "runs" / "explain-own-test.jsonl"
    before = notes.read_bytes()
    assert main(explain) == 0
    assert notes.read_bytes() == before
    assert not (ROOT / "runs" / notes.name).exists()
