"""The steps explain and similarity: means over cases, notes that survive a kill, and what is saved."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT

from mat_core import Diagnoser, Metadata
from mat_core.data.ham10000 import Case
from mat_core.data.image_loading import load_image
from mat_core.data.labels import BY_CODE, CODES
from mat_core.errors import ConfigError, DataError
from mat_core.explain import (
    OCCLUSION_RANKINGS,
    REFERENCES,
    ablation_faithfulness,
    dataset_summary,
    occlusion_faithfulness,
    similarity,
)
from mat_core.explain.faithfulness import RANDOM
from mat_core.inference.bundle import load_bundle, read_metrics, save_bundle, write_metrics
from mat_core.utils.formatting import format_signed
from teaching.phantoms import write_phantom_dataset
from training.__main__ import main
from training.data.sampling import MIN_CASES, stratified_sample
from training.documents.faithfulness_tables import NAMES, agreement_line, agreement_text, similarity_text
from training.documents.formatting import short
from training.results.faithfulness import Record, summarise
from training.steps import explain as step
from training.steps.explain import Notes, as_lines, explain_split
from training.steps.token_similarity import as_lines as similarity_lines
from training.steps.token_similarity import similarity_split

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
    hidden, taken = [], []
    for i, case in enumerate(photographs):
        image = load_image(case.image)
        hidden.append(one := occlusion_faithfulness(small, image, case.metadata))
        also, regions = {name: one.scores[name] for name in ("area", "occlusion")}, small.regions(image)
        taken.append(ablation_faithfulness(small, regions, case.metadata, one.label, seed=3 + i, also=also))
    assert (explained["cases"], explained["seed"]) == (3, 3)
    assert set(explained["rankings"]) == {*OCCLUSION_RANKINGS, RANDOM}
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
    assert [
        text for text in ("3 cases", "random", "against occlusion") if text not in as_lines(explained, "test")
    ] == []


def test_intervals_of_means_are_near_the_normal_ones_and_seeded():
    values, zeros = np.random.default_rng(0).normal(size=40), dict.fromkeys(REFERENCES, 0.0)
    spearman = [{one: {"attention": float(v)} for one in REFERENCES} for v in values]
    records = [Record(str(i), "nv", s, s, {}, {}, zeros) for i, s in enumerate(spearman)]
    figures = summarise(records, seed=1)
    row = figures["rankings"]["attention"][REFERENCES[0]]["spearman"]
    low, high = row["interval95"]
    assert low < row["value"] < high
    assert high - low == pytest.approx(2 * 1.96 * values.std() / np.sqrt(40), rel=0.2)
    assert summarise(records, seed=1) == figures
    assert summarise([])["cases"] == 0


def test_summary_and_documents_have_the_measured_numbers(explained, small, photographs):
    summary = dataset_summary({"test": {"explain": explained}})
    row = explained["rankings"]["attention"]
    assert "3 cases" in summary
    assert format_signed(row["occlusion"]["spearman"]["value"]) in summary
    assert format_signed(row["ablation"]["spearman"]["value"]) in summary
    assert dataset_summary({"test": {"explain": explained}}, "contribution") != summary
    earlier = {"test": {"explain": {"cases": 3, "rankings": {"attention": {"spearman": 0.1}}}}}
    assert {dataset_summary(metrics) for metrics in ({}, {"test": {}}, {"test": {"explain": {}}}, earlier)} == {None}
    alike = similarity_split({"sga-sga": small}, photographs)
    metrics = {"test": {"explain": explained, "similarity": alike}}
    text = agreement_text(metrics)
    for name, row in explained["rankings"].items():
        lines = [line for line in text.splitlines() if line.startswith(f"| {NAMES[name]} |")]
        for area in ("deletion_area", "insertion_area"):
            assert short(row[area]["value"]) in lines[-1]
        for one in set(REFERENCES) & set(row):
            low, high = row[one]["spearman"]["interval95"]
            assert f"| {short(row[one]['spearman']['value'])} ({short(low)} to {short(high)}) |" in lines[0]
    for code, one in explained["by_class"].items():
        assert f"| {BY_CODE[code].name} | {one['cases']} | " in text
    assert summary in agreement_line(metrics)
    (line,) = (line for line in similarity_text(metrics).splitlines() if line.startswith("| SGA-SGA |"))
    for one in alike["units"]["sga-sga"]["cosine"].values():
        assert f"| {short(one['value'])} (" in line
    for document in (agreement_text, similarity_text, agreement_line):
        assert "ot measured" in document({"test": {}})


def test_a_run_that_was_killed_goes_on_with_the_next_case(small, photographs, explained, tmp_path, monkeypatch):
    path, asked, really = tmp_path / "runs" / "notes.jsonl", [], step.occlusion_faithfulness

    def stopping(diagnoser, image, *more):
        if len(asked) == 2:
            raise KeyboardInterrupt
        asked.append(image)
        return really(diagnoser, image, *more)

    monkeypatch.setattr(step, "occlusion_faithfulness", stopping)
    with pytest.raises(KeyboardInterrupt):
        explain_split(small, photographs, seed=3, notes=Notes(path, ASKED))
    text = path.read_text()
    assert text.count("\n") == 3
    path.write_text(text + text.splitlines()[-1][:50])  # killed while a case was written
    monkeypatch.setattr(step, "occlusion_faithfulness", lambda *args: asked.append(args[1]) or really(*args))
    found = explain_split(small, photographs, seed=3, notes=Notes(path, ASKED))
    assert found == explained
    assert len(asked) == 3
    assert path.read_text().startswith(text)
    assert path.read_text().count("\n") == 4
    assert explain_split(small, photographs, seed=3, notes=Notes(path, ASKED)) == explained
    assert len(asked) == 3


def test_notes_of_other_settings_are_refused(tmp_path):
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


def test_a_draw_has_some_of_each_diagnosis():
    diagnoses = ["nv"] * 500 + ["mel"] * 60 + ["df"] * 12 + ["vasc"] * 4
    cases = [Case(str(i), str(i), code, CASE, Path()) for i, code in enumerate(diagnoses)]
    drawn = stratified_sample(cases, 100, seed=1)
    assert drawn == sorted(set(drawn))
    assert len(drawn) == 100
    counts = {code: sum(cases[i].diagnosis == code for i in drawn) for code in ("nv", "mel", "df", "vasc")}
    assert counts["vasc"] == 4
    assert MIN_CASES <= counts["df"] <= 12
    assert counts["mel"] >= MIN_CASES
    assert drawn == stratified_sample(cases, 100, seed=1) != stratified_sample(cases, 100, seed=2)
    assert stratified_sample(cases) == stratified_sample(cases, 10_000) == list(range(len(cases)))
    assert len(stratified_sample(cases, 3)) == 3
    for wrong, error in (((cases, 0), ConfigError), ((cases, -1), ConfigError), (([], None), DataError)):
        with pytest.raises(error):
            stratified_sample(*wrong)


def test_similarity_of_a_split_is_the_mean_of_its_cases(small, photographs):
    found = similarity_split({"sga-sga": small}, photographs)
    ones = [similarity(small, small.regions(load_image(case.image)), case.metadata) for case in photographs]
    for kind, means in found["units"]["sga-sga"].items():
        assert tuple(means) == ones[0].stages == ("detector", "embedding", "SA", "GA")
        for k, mean in enumerate(means.values()):
            assert mean["value"] == pytest.approx(np.mean([getattr(one, kind)[k] for one in ones]))
    assert f"GA {found['units']['sga-sga']['cosine']['GA']['value']:.3f}" in similarity_lines(found, "test")
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
    assert dataset_summary(loaded).startswith("In 2 cases of the test split")
    notes = tmp_path / "runs" / "explain-own-test.jsonl"
    before = notes.read_bytes()
    assert main(explain) == 0
    assert notes.read_bytes() == before
    assert not (ROOT / "runs" / notes.name).exists()
