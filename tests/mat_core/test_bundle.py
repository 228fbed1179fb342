"""Bundles: what is saved comes back; what is missing or broken is told in one sentence; the Diagnoser on top."""

import json
import shutil
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import ROOT

from mat_core import BundleError, ConfigError, Diagnoser, Metadata
from mat_core.data.image_loading import load_image
from mat_core.data.labels import CODES
from mat_core.explain import contributions
from mat_core.inference.bundle import DETECTOR, NETWORK, load_bundle, save_bundle


def test_what_was_saved_comes_back(tiny_bundle, tmp_path):
    bundle = replace(load_bundle(tiny_bundle), temperature=1.7, name="copy", metrics={"a": 1}, notes={"b": "c"})
    again = load_bundle(save_bundle(bundle, tmp_path / "full", half=False))
    assert (again.temperature, again.name, again.metrics, again.notes) == (1.7, "copy", {"a": 1}, {"b": "c"})
    for name in ("network", "detector"):
        ours, theirs = getattr(bundle, name).state_dict(), getattr(again, name).state_dict()
        assert all(torch.equal(ours[k], theirs[k]) for k in ours)
        assert not getattr(again, name).training


def test_half_precision_keeps_the_answer(tiny_bundle, tmp_path, phantom_file):
    bundle = load_bundle(tiny_bundle)
    full = Diagnoser(load_bundle(save_bundle(bundle, tmp_path / "full", half=False)))(phantom_file)
    half = Diagnoser(load_bundle(save_bundle(bundle, tmp_path / "half", half=True)))(phantom_file)
    assert max(abs(full.probabilities[c] - half.probabilities[c]) for c in CODES) < 1e-3
    size = {kind: (tmp_path / kind / NETWORK).stat().st_size for kind in ("full", "half")}
    assert size["half"] < 0.7 * size["full"]


@pytest.mark.parametrize("file", [NETWORK, DETECTOR])
def test_a_flipped_byte_is_an_error(tiny_bundle, tmp_path, file):
    copy = shutil.copytree(tiny_bundle, tmp_path / "bundle")
    data = bytearray((copy / file).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / file).write_bytes(data)
    with pytest.raises(BundleError, match=f"{file}.*damaged"):
        load_bundle(copy)


@pytest.mark.parametrize("source", ["no/such/folder", "./nowhere", "nowhere", "a/b/c", "/no", str(ROOT / "docs")])
def test_a_folder_that_is_missing_or_no_bundle_is_named(source):
    with pytest.raises(BundleError, match=source.removeprefix("./")):
        load_bundle(source)


# ---- the diagnoser


def test_a_diagnosis_is_whole(tiny_diagnoser, phantom_file):
    diagnosis = tiny_diagnoser(phantom_file, Metadata(55, "female", "lower extremity"))
    assert list(diagnosis.probabilities) == list(CODES)
    assert sum(diagnosis.probabilities.values()) == pytest.approx(1, abs=1e-9)
    assert diagnosis.probabilities[diagnosis.top] == max(diagnosis.probabilities.values())
    assert [w.text for w in diagnosis.words] == ["age", "55", "sex", "female", "localization", "lower", "extremity"]
    regions, words, maps = len(diagnosis.regions), 7, diagnosis.attention
    config = tiny_diagnoser.bundle.network.config
    assert maps.regions_to_words.shape == (config.layers, config.h, regions, words)
    assert maps.words_to_regions.shape == (config.layers, config.h, words, regions)
    assert maps.regions_to_regions.shape[2:] == (regions, regions)
    assert maps.words_to_words.shape[2:] == (words, words)
    for weights in vars(maps).values():
        np.testing.assert_allclose(weights.sum(-1), 1, atol=1e-5)
    added = contributions(tiny_diagnoser, diagnosis.regions, diagnosis.metadata)
    for side, count in (("regions", regions), ("words", words)):
        assert getattr(added, side).shape == (count, len(CODES))
        assert getattr(added, side).sum(0) + added.constant == pytest.approx(diagnosis.logits, abs=1e-5)


def test_every_kind_of_source_gives_the_same_answer(tiny_diagnoser, phantom_file):
    image = load_image(phantom_file)
    answers = [tiny_diagnoser(s).probabilities for s in (phantom_file, str(phantom_file), phantom_file.read_bytes())]
    assert answers[0] == answers[1] == answers[2] == tiny_diagnoser(image).probabilities


def test_all_metadata_missing_is_an_answer_too(tiny_diagnoser, phantom_file):
    diagnosis = tiny_diagnoser(phantom_file)
    assert diagnosis.words == ()
    assert np.isfinite(diagnosis.logits).all()
    assert diagnosis.attention.regions_to_words.shape[-1] == 0
    json.dumps(diagnosis.to_dict(attention=True))


def test_regions_are_found_once_an_image(tiny_diagnoser, phantom_file, monkeypatch):
    fresh = Diagnoser(tiny_diagnoser.bundle)
    calls = []
    real = fresh.bundle.detector.detect
    monkeypatch.setattr(fresh.bundle.detector, "detect", lambda image: calls.append(1) or real(image))
    first = fresh(phantom_file, Metadata(age=20))
    second = fresh(phantom_file, Metadata(age=80))
    assert len(calls) == 1
    assert first.probabilities != second.probabilities
    fresh(255 - load_image(phantom_file))
    assert len(calls) == 2
    assert fresh(phantom_file, Metadata(age=20)).probabilities == first.probabilities


def test_temperature_softens_without_changing_the_order(tiny_diagnoser, phantom_file):
    soft = Diagnoser(replace(tiny_diagnoser.bundle, temperature=4.0))(phantom_file)
    plain = tiny_diagnoser(phantom_file)
    np.testing.assert_array_equal(soft.logits, plain.logits)
    scaled = np.exp(plain.logits / 4.0)
    np.testing.assert_allclose(list(soft.probabilities.values()), scaled / scaled.sum(), atol=1e-9)


def test_threads_get_their_own_answers(tiny_diagnoser, phantom_file):
    ages = list(range(10, 80, 10))
    expected = [tiny_diagnoser(phantom_file, Metadata(age=a)).probabilities for a in ages]
    found = [None] * len(ages)

    def ask(i):
        found[i] = tiny_diagnoser(phantom_file, Metadata(age=ages[i])).probabilities

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(len(ages))]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert found == expected


def test_a_network_and_a_detector_that_do_not_fit_are_refused(tiny_diagnoser):
    from mat_core.models.mat import MATConfig, MATNetwork

    with pytest.raises(ConfigError, match="numbers a region"):
        Diagnoser(replace(tiny_diagnoser.bundle, network=MATNetwork(MATConfig(d=8, h=2, region_width=9)).eval()))


def test_what_ships_stays_small():
    files = [path for path in (ROOT / "checkpoints").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 120_000_000
    assert not {path.suffix for path in files} & {".pt", ".pth", ".pkl", ".bin"}


def test_a_loaded_model_is_not_its_file(tiny_bundle, tmp_path):
    bundle = load_bundle(tiny_bundle)
    folder = save_bundle(bundle, tmp_path / "whole", half=False)
    loaded = load_bundle(folder)
    before = {name: tensor.clone() for name, tensor in loaded.network.state_dict().items()}
    for file in folder.glob("*.safetensors"):
        with file.open("r+b") as opened:  # in place, as no tool of ours does it
            opened.write(b"\xff" * file.stat().st_size)
    assert all(torch.equal(tensor, before[name]) for name, tensor in loaded.network.state_dict().items())
