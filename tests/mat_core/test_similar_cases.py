"""Similar cases: the index in a bundle, what is refused, which cases come first; and the answer stage by stage."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from mat_core import BundleError, ConfigError, DataError, Diagnoser, Metadata
from mat_core.data.labels import CODES
from mat_core.explain import answer_stages, similar_cases
from mat_core.explain.similar_cases import MAX_K
from mat_core.inference.bundle import SIMILAR_CASES, load_bundle, save_bundle, save_case_index
from mat_core.inference.case_index import CaseIndex, IndexedCase, case_vectors
from mat_core.models.mat import MATNetwork
from teaching.phantoms import make_phantom

PATIENTS = (Metadata(55, "female", "back", "histo"), Metadata(), Metadata(0, None, "ear", "follow_up"))


@pytest.fixture(scope="module")
def regions(tiny_diagnoser):
    return [tiny_diagnoser.regions(make_phantom(seed, code).image) for seed, code in enumerate(CODES)]


@pytest.fixture(scope="module")
def indexed(tiny_diagnoser, regions) -> Diagnoser:
    """The tiny model with an index of a phantom of each class."""
    vectors = np.concatenate([case_vectors(tiny_diagnoser.forward(each)) for each in regions])
    cases = [IndexedCase(f"ISIC_{i:07d}", code, PATIENTS[i % 3]) for i, code in enumerate(CODES)]
    return Diagnoser(replace(tiny_diagnoser.bundle, case_index=CaseIndex.fit(vectors, cases, 4)))


def test_a_bundle_with_an_index_comes_back(indexed, tiny_bundle, tmp_path):
    before = load_bundle(tiny_bundle)
    assert before.case_index is None
    whole = load_bundle(save_bundle(indexed.bundle, tmp_path / "whole"))
    save_case_index(indexed.bundle.case_index, copy := shutil.copytree(tiny_bundle, tmp_path / "copy"))
    for bundle in (whole, load_bundle(copy)):
        for name, tensor in indexed.bundle.case_index.tensors().items():
            assert torch.equal(bundle.case_index.tensors()[name], tensor)
        assert [bundle.case_index[row].metadata for row in range(3)] == list(PATIENTS)
        assert bundle.identity == before.identity  # the answers are the same


def test_an_indexed_image_finds_itself_first(indexed, regions):
    for code, each in zip(CODES, regions, strict=True):
        result = similar_cases(indexed, each, k=3)
        assert (result.cases[0].diagnosis, len(result.cases)) == (code, 3)
        assert result.cosines[0] == pytest.approx(1, abs=1e-3)
        assert list(result.cosines) == sorted(result.cosines, reverse=True)


def test_metadata_and_a_diagnosis_are_taken(indexed, regions):
    patient = Metadata(80, "male", "scalp")
    diagnosis = indexed.diagnose_regions(regions[0], patient)
    assert similar_cases(indexed, diagnosis).cases == similar_cases(indexed, regions[0], patient).cases
    assert list(similar_cases(indexed, diagnosis).cosines) != list(similar_cases(indexed, regions[0]).cosines)


def test_more_than_there_are_gives_all_with_their_shares(indexed, regions):
    result = similar_cases(indexed, regions[0], k=MAX_K)
    assert len(result.cases) == len(CODES)
    assert result.shares == pytest.approx([1 / len(CODES)] * len(CODES))
    assert result.summary().startswith(f"Of the {len(CODES)} most similar training lesions: 1 basal cell carcinoma, ")
    assert "not been measured" in result.summary()
    for wrong in (0, MAX_K + 1, 2.0, True):
        with pytest.raises(ConfigError, match="k must be"):
            similar_cases(indexed, regions[0], k=wrong)


def test_ties_keep_the_order_of_the_index():
    vectors = np.repeat(np.eye(4, 8, dtype=np.float32), 3, axis=0)
    codes = ["nv", "mel", "mel", *["bcc"] * 9]
    index = CaseIndex.fit(vectors, [IndexedCase(f"ISIC_{i:07d}", code, Metadata()) for i, code in enumerate(codes)], 3)
    rows, cosines = index.nearest(vectors[0], 5)
    assert rows[:3].tolist() == [0, 1, 2]
    assert cosines[0] == cosines[2] > cosines[3]


def test_equally_common_classes_are_ordered_by_the_most_similar_case(indexed, regions):
    result = similar_cases(indexed, regions[0], k=4)
    cases = [replace(result.cases[0], diagnosis=code) for code in ("nv", "mel", "mel", "nv")]
    assert list(replace(result, cases=tuple(cases)).counts.items()) == [("nv", 2), ("mel", 2)]


def test_what_was_measured_is_said(indexed, regions):
    figure = {"value": 0.8, "interval95": [0.75, 0.85]}
    metrics = {"test": {"similar_cases": {"k": 20, "acc": figure, "balanced_acc": {**figure, "value": 0.6}}}}
    said = similar_cases(Diagnoser(replace(indexed.bundle, metrics=metrics)), regions[0]).summary()
    assert "80.0% (95% interval 75.0% to 85.0%)" in said
    assert "60.0%" in said


def test_a_bundle_without_an_index_says_so(tiny_diagnoser, regions):
    with pytest.raises(DataError, match="no index"):
        similar_cases(tiny_diagnoser, regions[0])


def _without(name):
    return lambda tensors: tensors.pop(name)


def _changed(name, change):
    return lambda tensors: tensors.update({name: change(tensors[name]).contiguous()})


def _set(name, place, value):
    def change(tensor):
        tensor[place] = value
        return tensor

    return _changed(name, change)


@pytest.mark.parametrize(
    "spoil",
    [
        _without("ids"), lambda tensors: tensors.update(more=torch.zeros(1)), _changed("vectors", lambda v: v.float()),
        _changed("vectors", lambda v: v[:-1]), _changed("vectors", lambda v: v[:, :-1]),
        _changed("vectors", lambda v: v[None]), _changed("mean", lambda v: v[:-1]), _set("mean", 0, float("nan")),
        _set("components", (0, 0), float("inf")), _changed("components", lambda v: v.half()),
        _set("ids", 0, -1), _set("ids", 0, 10**7), _changed("ids", lambda v: v.long()), _set("facts", (0, 0), 255),
        _set("facts", (0, 0), 7), _set("facts", (1, 1), 4), _set("facts", (1, 2), 121), _set("facts", (2, 3), 2),
        _set("facts", (2, 4), 15), _changed("facts", lambda v: v[:, :4]), _changed("facts", lambda v: v.to(torch.int8)),
        lambda tensors: tensors.update({name: tensors[name][:0] for name in ("vectors", "ids", "facts")}),
    ],
)  # fmt: skip
def test_a_wrong_index_is_refused(indexed, spoil):
    tensors = {name: tensor.clone() for name, tensor in indexed.bundle.case_index.tensors().items()}
    CaseIndex.from_tensors(dict(tensors), 32)
    spoil(tensors)
    with pytest.raises(ConfigError):
        CaseIndex.from_tensors(tensors, 32)


@pytest.mark.parametrize("kind", ["missing", "damaged", "no safetensors", "of another network"])
def test_a_bundle_with_a_wrong_index_is_refused(indexed, tmp_path, kind):
    folder = save_bundle(indexed.bundle, tmp_path / "bundle")
    file, index = folder / SIMILAR_CASES, indexed.bundle.case_index
    if kind == "missing":
        file.unlink()
    elif kind == "damaged":
        save_file({**load_file(file), "mean": torch.zeros(32)}, file)
    elif kind == "no safetensors":
        file.write_bytes(b"\0" * 100)
    else:
        save_case_index(replace(index, mean=index.mean[:9], components=index.components[:, :9]), folder)
    with pytest.raises(BundleError, match=SIMILAR_CASES):
        load_bundle(folder)


def test_the_stages_are_the_class_head_and_the_models_of_their_units(tiny_diagnoser, regions):
    bundle = tiny_diagnoser.bundle
    with torch.random.fork_rng():
        torch.manual_seed(1)
        network = MATNetwork(replace(bundle.network.config, unit="image-only")).eval()
    image = Diagnoser(replace(bundle, network=network, metrics={"test": {"acc": {"value": 0.7}}}))
    diagnosis = tiny_diagnoser.diagnose_regions(regions[2], PATIENTS[0])
    result = answer_stages([tiny_diagnoser, image, tiny_diagnoser], diagnosis)
    assert result.stages == ("class head", "image alone", "guided")
    head = regions[2].probabilities[0]
    assert result.probabilities[0] == pytest.approx(head / head.sum(), abs=1e-6)
    assert result.probabilities[1].tolist() == list(image.diagnose_regions(regions[2]).probabilities.values())
    assert result.probabilities[2].tolist() == list(diagnosis.probabilities.values())
    assert result.measured == ({}, {"acc": 0.7}, {})
    label, change = result.largest_change(2)
    k = CODES.index(label)
    assert change == result.probabilities[2, k] - result.probabilities[1, k]
    same = replace(result, probabilities=np.tile(result.probabilities[:1], (3, 1)))
    assert same.summary().count("(no change)") == 2
