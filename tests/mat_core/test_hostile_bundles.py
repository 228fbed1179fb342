"""A bundle is input, too: whatever is wrong with one is told in a sentence, at once, without network, and never is NaN
an answer."""

import hashlib
import json
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import ROOT
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from mat_core import BundleError, Diagnoser, Metadata, MetadataError, UserError
from mat_core.__main__ import main as command
from mat_core.bundle import CONFIG, DETECTOR, METRICS, NETWORK, NOVELTY, load_bundle
from mat_core.images import load_image

SECONDS = 20  # a loaded machine; alone none takes one
MEGABYTES = 600
ABSENT = object()  # the setting is taken out
DEEP = '{"a":' * 5000 + "1" + "}" * 5000
ODD = (None, True, -1, 0, 1.5, 10**12, "", "a\nb", "x" * 500, [], {}, [[]], float("nan"), float("inf"))
LITTLE = (None, "", [], 3, True)


def odd_values(path: str, values, but: tuple = ()) -> list[tuple[str, object]]:
    return [(path, value) for value in values if not any(value is one or value == one for one in but)]


WRONG_SETTINGS = [
    *odd_values("format", (None, 0, 2, "1", [1])),
    *odd_values("name", (None, 3, "", "two\nlines", "x" * 500, ["a"])),
    *odd_values("temperature", (*ODD, "warm", 1e-300, 1e300, float("-inf"), ABSENT), but=(1.5,)),
    *odd_values("network.d", (*ODD, 10**9 + 7, 33, 64)),
    *odd_values("network.h", (0, -4, 10**9, 3, None)),
    *odd_values("network.n", (0, 10**12, "40", 1000.5)),
    *odd_values("network.words", (0, -1, 10**12)),
    *odd_values("network.layers", (0, 2, 24, 10**6)),
    *odd_values("network.classes", (1, 8, 10**10)),
    *odd_values("network.vocabulary", (1, 114, 10**10)),
    *odd_values("network.word_width", (0, 9, 10**10)),
    *odd_values("network.region_width", (0, 25, 10**10)),
    *odd_values("network.dropout", (-0.1, 1, float("nan"), "a", None)),
    *odd_values("network.unit", ("base", "nothing", ["base"], {"a": 1}, None, 3)),
    *odd_values("network", (*LITTLE, {"depth": 3}, ABSENT)),
    *odd_values("detector", (*LITTLE, {}, ABSENT)),
    *odd_values("detector.kind", ("yolo", "", None, 3, ["torchvision"], "x" * 500, "os.system")),
    *odd_values("detector.config", (*LITTLE, {"colour": 3}, {"backbone": "resnet18"})),
    *odd_values(
        "detector.config.backbone",
        (
            "hf_hub:someone/something", "hf-hub:a/b", "local-dir:/tmp", "../../etc/passwd", "resnet110", "", None, 3,
            ["resnet18"], "resnet18", "vit_giant_patch14_224", "eva_giant_patch14_224", "test_vit", "convnext_xxlarge",
            "timm/resnet18", "resnet18.a1_in1k@main",
        ),
    ),
    *odd_values("detector.config.short_side", (0, -1, 10**12, None, 240.5)),
    *odd_values("detector.config.long_side", (0, 100, 10**12, "160")),
    *odd_values("detector.config.levels", ([], [2], [4, 3, 2], [2, 2, 3], [2, 3, 10**9], [2, 3, 9], [-1, 2, 3])),
    *odd_values("detector.config.levels", (None, 3, [[2], [3], [4]], ["2", "3", "4"])),
    *odd_values("detector.config.anchors", ([], [[8]], [[8], [8, 9], [8]], [[0], [1], [2]], [["a"]] * 3, None)),
    *odd_values("detector.config.anchors", ([[float("nan")]] * 3, [[10**12]] * 3, [[-5]] * 3, [1, 2, 3], [[]] * 3)),
    *odd_values("detector.config.pyramid_width", (0, 17, 512, 10**10)),
    *odd_values("detector.config.pool", (0, 4, 14, 10**9)),
    *odd_values("detector.config.feature_width", (0, 21, 4096, 10**10)),
    *odd_values("detector.config.kinds", ([], ["mel"], ["mel"] * 7, [1, 2, 3], "melanoma", None, [["a"]] * 7)),
    *odd_values("detector.config.proposals", (0, 10, 10**12, None)),
    *odd_values("detector.config.n", (0, 81, 10**12, None)),
    *odd_values("detector.config.nms_iou", (0, -1, 2, float("nan"), "a")),
    *odd_values("detector.beside", ("../tiny", "..", ".", "/etc", "a\nb", "", 3, ["a"], "nowhere", "a\0b")),
    *odd_values("labels", (*LITTLE, ["mel"] * 7, ["mel", "nv"], list("abcdefg"), [["mel"]] * 7, ABSENT)),
    *odd_values("fields", (None, "age", ["age", "age"], ["shoe size"], [3], ABSENT, {"age": 1})),
    *odd_values("vocabulary", (*LITTLE, ["age"] * 112, ["one"], [f"a\n{k}" for k in range(112)], list(range(112)))),
    *odd_values("split", (*LITTLE, {"file": 3}, {"file": {"a": 1}}, {"a\nb": "c"}, ABSENT)),
    *odd_values("notes", (*LITTLE, {"data": 3}, {"data": {"a": 1}}, {"licence": None}, ABSENT)),
    *odd_values("sha256", (*LITTLE, {}, {NETWORK: 3, DETECTOR: "f" * 64}, ABSENT)),
    ("sha256", {NETWORK: "0" * 64, DETECTOR: "0" * 64}),
    ("novelty_threshold", "near"),
]  # fmt: skip

CURVE = {"threshold": [0.1, 0.5], "sensitivity": [1, 0.5], "specificity": [0, 1]}
MEAN = {"value": 0.5, "interval95": [0.4, 0.6]}
BIN = {"confidence": 0.9, "accuracy": 0.8, "interval95": [0.5, 0.9], "cases": 10}
WRONG_FIGURES = [
    *(
        {"test": {"images": 3, "confusion": odd}}
        for odd in ({}, 3, [[1, 0], [0]], [[1, 0], [0, "2"]], [[1, 0], [0, -2]], [[1.5]], [[None]], [1, 2], [[[1]]])
    ),
    {"test": 3}, {"val": None}, {"test": []}, {"test": {"acc": {"value": 1}}}, {"test": {"auc": {}}},
    {"test": {"acc": {"value": "good", "interval95": [0, 1]}}}, {"test": {"acc": {"value": 1, "interval95": [1]}}},
    {"test": {"acc": {"value": 1, "interval95": None}}}, {"any": {"of": {"interval95": "wide"}}},
    {"test": {"expected_calibration_error": "small", "images": 3}}, {"test": {"expected_calibration_error": 0.1}},
    {"test": {"expected_calibration_error": float("nan"), "images": 3}}, {"val": {"roc": 3}},
    {"val": {"roc": {"mel": 3}}},
    {"val": {"roc": {"mel": {}}}}, {"val": {"roc": {"mel": {**CURVE, "threshold": []}}}},
    {"val": {"roc": {"mel": {**CURVE, "sensitivity": [1]}}}},
    {"val": {"roc": {"mel": {**CURVE, "threshold": ["a", "b"]}}}},
    {"val": {"roc": {"mel": {"threshold": [], "sensitivity": [], "specificity": []}}}},
    {"test": {"explain": 3}}, {"test": {"explain": {"cases": 3}}}, {"test": {"explain": {"rankings": [1]}}},
    {"test": {"explain": {"rankings": {"attention": 3}}}},
    {"test": {"explain": {"rankings": {"attention": {"spearman": "high"}}}}},
    {"test": {"explain": {"cases": 9, "rankings": {"attention": {"ablation": 0.5}}}}},
    {"test": {"explain": {"cases": 9, "rankings": {"attention": {"ablation": {}}}}}},
    {"test": {"explain": {"cases": 9, "rankings": {"attention": {"occlusion": {"spearman": {"value": 0.5}}}}}}},
    {"test": {"explain": {"cases": 9, "rankings": {"attention": {"occlusion": {"spearman": {**MEAN, "value": "a"}}}}}}},
    {"test": {"explain": {"cases": "9", "rankings": {"attention": {"occlusion": {"spearman": MEAN}}}}}},
    {"test": {"explain": {"rankings": {"attention": {"occlusion": {"spearman": MEAN}}}}}},
    {"test": {"confusion": [[1, 2], 3]}}, {"a\nb": 1}, {"test": {"confusion": [["<b>", 1], [0, 1]]}},
    {"test": {"confusion": 3}}, {"test": {"reliability": 3}}, {"test": {"reliability": {"after": []}}},
    {"test": {"reliability": {"after": [3]}}}, {"test": {"reliability": {"after": [{**BIN, "cases": 0}]}}},
    {"test": {"reliability": {"after": [{**BIN, "accuracy": 2}]}}},
    {"test": {"reliability": {"after": [{"cases": 1}]}}},
    {"val": {"reliability": {"before": [{**BIN, "interval95": [0.1]}]}}},
    {"val": {"reliability": {"before": [{**BIN, "confidence": "high"}]}}},
    {"test": {"groups": []}}, {"test": {"groups": {"sex": 3}}}, {"test": {"groups": {"sex": {"female": 0.5}}}},
    {"test": {"groups": {"sex": {"female": MEAN}}}}, {"test": {"groups": {"sex": {"female": {**MEAN, "cases": 0}}}}},
]  # fmt: skip
WRONG_JSON = [
    b"", b"\0", b"{", b"[1]", b"null", b"\xff\xfe{}", DEEP.encode(), b'{"a":' * 20 + b"1" + b"}" * 20, b"[" * 100_000,
    b'{"format": 1' + b" " * 2**20 + b"}", b'{"format": ' + b"9" * 5000 + b"}",
]  # fmt: skip


def _pick(tensors: dict, rng: np.random.Generator) -> str:
    names = [name for name, tensor in tensors.items() if tensor.is_floating_point()]
    return names[rng.integers(len(names))]


def _with_value(value: float) -> Callable:
    def change(tensors, rng):
        tensor = tensors[_pick(tensors, rng)]
        tensor.view(-1)[rng.integers(tensor.numel())] = value

    return change


def _with_tensor(make: Callable) -> Callable:
    def change(tensors, rng):
        name = _pick(tensors, rng)
        tensors[name] = make(tensors[name]).contiguous()

    return change


WRONG_TENSORS = {
    "NaN": _with_value(float("nan")),
    "infinite": _with_value(float("inf")),
    "minus infinite": _with_value(float("-inf")),
    "beyond float32": _with_tensor(lambda t: torch.full(t.shape, 1e300, dtype=torch.float64)),
    "lacking": lambda tensors, rng: tensors.pop(_pick(tensors, rng)),
    "too many": lambda tensors, rng: tensors.update(more=torch.ones(3)),
    "of another name": lambda tensors, rng: tensors.update({"a\nb": tensors.pop(_pick(tensors, rng))}),
    "of another shape": _with_tensor(lambda t: t[None]),
    "without numbers": _with_tensor(lambda t: t[:0]),
    "whole": _with_tensor(lambda t: torch.ones(t.shape, dtype=torch.int64)),
    "bytes": _with_tensor(lambda t: torch.ones(t.shape, dtype=torch.uint8)),
    "complex": _with_tensor(lambda t: torch.ones(t.shape, dtype=torch.complex64)),
    "booleans": _with_tensor(lambda t: torch.ones(t.shape, dtype=torch.bool)),
}


def _header(text: bytes, claimed: int | None = None, data: bytes = b"") -> bytes:
    return struct.pack("<Q", len(text) if claimed is None else claimed) + text + data


WRONG_FILES = {
    "empty": b"", "short": b"\1\0", "pickle": b"\x80\x04}q\x00.", "no header": _header(b"{}"),
    "a header without end": _header(b"{", claimed=2**63), "a large header": _header(b"{", claimed=10**8),
    "no JSON": _header(b"hello"), "nested": _header(b'{"a":' * 50_000 + b"1" + b"}" * 50_000),
    "offsets beyond": _header(b'{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}'),
    "offsets backwards": _header(b'{"a":{"dtype":"F32","shape":[4],"data_offsets":[16,0]}}', data=bytes(16)),
    "a huge shape": _header(b'{"a":{"dtype":"F32","shape":[4294967296,65536],"data_offsets":[0,4]}}', data=bytes(4)),
    "an unknown type": _header(b'{"a":{"dtype":"F3","shape":[4],"data_offsets":[0,16]}}', data=bytes(16)),
    "a type that torch lacks": _header(b'{"a":{"dtype":"F4","shape":[32],"data_offsets":[0,16]}}', data=bytes(16)),
}  # fmt: skip


@pytest.fixture
def copy(tiny_bundle, tmp_path) -> Path:
    """A bundle of one's own; its weights are links, which a test replaces."""
    folder = tmp_path / "bundle"
    folder.mkdir()
    for file in tiny_bundle.iterdir():
        if file.suffix == ".json":
            shutil.copy(file, folder)
        else:
            (folder / file.name).symlink_to(file)
    return folder


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*args, **kwargs):
        pytest.fail("A local bundle made it ask the network.")

    for name in ("socket", "create_connection", "getaddrinfo"):
        monkeypatch.setattr(socket, name, refuse)


@pytest.fixture(autouse=True)
def within_bounds():
    """Every test here is short and takes little memory."""
    status = Path("/proc/self/status")

    def peak() -> int:
        return int(re.search(r"VmHWM:\s+(\d+)", status.read_text())[1]) // 1024 if status.exists() else 0

    if status.exists():
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before, start = peak(), time.monotonic()
    yield
    assert time.monotonic() - start < SECONDS
    assert peak() - before < MEGABYTES


def set_at(config: dict, path: str, value) -> None:
    *way, last = path.split(".")
    for name in way:
        config = config[name]
    if value is ABSENT:
        del config[last]
    else:
        config[last] = value


def change(folder: Path, path: str, value) -> None:
    config = json.loads((folder / CONFIG).read_text())
    set_at(config, path, value)
    (folder / CONFIG).write_text(json.dumps(config))


def put(folder: Path, file: str, data: bytes | dict) -> None:
    """Another file of weights, with the checksum that belongs to it."""
    (folder / file).unlink(missing_ok=True)
    if isinstance(data, dict):
        save_file(data, folder / file)
    else:
        (folder / file).write_bytes(data)
    sums = json.loads((folder / CONFIG).read_text())["sha256"]
    change(folder, "sha256", {**sums, file: hashlib.sha256((folder / file).read_bytes()).hexdigest()})


def assert_told(folder: Path, says: str = ".") -> str:
    with pytest.raises(BundleError, match=says) as caught:
        load_bundle(folder)
    text = str(caught.value)
    assert "\n" not in text
    assert text.endswith(".")
    assert len(text) < 700
    return text


def assert_fine_or_told(ask: Callable):
    """What `ask` gives, or None where it raises a sentence."""
    said = "."
    try:
        return ask()
    except UserError as error:
        said = str(error)
    assert "\n" not in said
    assert said.endswith(".")


def assert_told_on_the_command_line(folder: Path, image: Path, capsys) -> None:
    assert command(["diagnose", str(image), "--json", "--checkpoint", str(folder)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error: ")
    assert len(said.err.strip().splitlines()) == 1


def _name(value) -> str:
    # each process that tests side by side must call it the same
    return "absent" if value is ABSENT else re.sub(r"[^\x20-\x7e]", "?", str(value))[:30]


@pytest.mark.slow
@pytest.mark.parametrize(("path", "value"), WRONG_SETTINGS, ids=[f"{p}={_name(v)}" for p, v in WRONG_SETTINGS])
def test_a_wrong_setting_is_told(copy, path, value):
    if path == "novelty_threshold":
        put(copy, NOVELTY, {"mean": torch.zeros(20), "whitening": torch.eye(20)})
    change(copy, path, value)
    said = assert_told(copy)
    if value not in (0, 10**12) or "." not in path:
        return
    assert path.rsplit(".", 1)[1] in said  # it is named


@pytest.mark.parametrize("figures", WRONG_FIGURES, ids=_name)
def test_wrong_figures_are_told(copy, figures):
    (copy / METRICS).write_text(json.dumps(figures))
    assert_told(copy, METRICS)


@pytest.mark.parametrize("file", [CONFIG, METRICS])
@pytest.mark.parametrize("data", WRONG_JSON, ids=range(len(WRONG_JSON)))
def test_what_is_no_json_object_is_told(copy, file, data):
    if file == METRICS and data.endswith(b"9}"):
        data = b"9" * 5000
    (copy / file).write_bytes(data)
    assert_told(copy, file.replace(".", r"\.") if b"   " not in data or file == METRICS else "more than 1 MB")


@pytest.mark.slow
@pytest.mark.parametrize("file", [NETWORK, DETECTOR])
@pytest.mark.parametrize("wrong", WRONG_TENSORS)
def test_wrong_tensors_are_told(copy, tiny_bundle, file, wrong):
    tensors = load_file(tiny_bundle / file)
    WRONG_TENSORS[wrong](tensors, np.random.default_rng(sum(map(ord, wrong + file))))
    put(copy, file, tensors)
    assert_told(copy, file)


@pytest.mark.parametrize("file", [NETWORK, DETECTOR])
@pytest.mark.parametrize("seed", range(6))
def test_a_nan_anywhere_is_told(copy, tiny_bundle, file, seed):
    tensors = load_file(tiny_bundle / file)
    _with_value(float("nan"))(tensors, np.random.default_rng(seed))
    put(copy, file, tensors)
    assert_told(copy, "must hold finite numbers")


@pytest.mark.parametrize("file", [NETWORK, DETECTOR])
@pytest.mark.parametrize("wrong", WRONG_FILES)
def test_a_file_that_holds_no_weights_is_told(copy, file, wrong):
    put(copy, file, WRONG_FILES[wrong])
    assert_told(copy)


@pytest.mark.slow
@pytest.mark.parametrize(
    "tensors",
    [
        {"mean": torch.zeros(20)},
        {"mean": torch.zeros(19), "whitening": torch.eye(19)},
        {"mean": torch.zeros(20), "whitening": torch.eye(19)},
        {"mean": torch.zeros(20), "whitening": torch.zeros(20)},
        {"mean": torch.zeros(20, 1), "whitening": torch.eye(20)},
        {"mean": torch.zeros(20), "whitening": torch.full((20, 20), float("nan"))},
        {"mean": torch.zeros(20), "whitening": torch.eye(20), "more": torch.eye(20)},
    ],
)
def test_a_novelty_of_another_detector_is_told(copy, tensors):
    change(copy, "novelty_threshold", 1.2)
    put(copy, NOVELTY, tensors)
    assert_told(copy, NOVELTY)


@pytest.mark.parametrize("file", [NETWORK, DETECTOR, CONFIG, METRICS])
@pytest.mark.parametrize("kind", ["pipe", "folder", "device", "circle", "terabyte"])
def test_nobody_waits_for_what_is_no_file(copy, file, kind):
    if file == METRICS and kind == "circle":
        return  # a link that leads nowhere is no file, and this one need not be there
    (copy / file).unlink()
    if kind == "pipe":
        os.mkfifo(copy / file)
    elif kind == "folder":
        (copy / file).mkdir()
    elif kind == "terabyte":
        with (copy / file).open("wb") as opened:
            opened.truncate(2**40)
    else:
        (copy / file).symlink_to("/dev/zero" if kind == "device" else file)
    assert_told(copy, file)


@pytest.mark.parametrize(
    ("file", "name"), [(NETWORK, "classifier.weight"), (DETECTOR, "rcnn.roi_heads.box_predictor.cls_score.weight")]
)
def test_numbers_that_are_finite_but_give_none_are_told(copy, tiny_bundle, phantom_file, capsys, file, name):
    tensors = load_file(tiny_bundle / file)
    tensors[name] = tensors[name].float().sign() * 3e38
    put(copy, file, tensors)
    with pytest.raises(BundleError, match="no finite numbers for this case"):
        Diagnoser(load_bundle(copy))(phantom_file)
    assert_told_on_the_command_line(copy, phantom_file, capsys)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_no_answer_is_nan_whatever_the_weights(copy, tiny_bundle, phantom_file, seed):
    rng = np.random.default_rng(seed)
    file = (NETWORK, DETECTOR)[seed % 2]
    tensors = load_file(tiny_bundle / file)
    for _ in range(3):
        name = _pick(tensors, rng)
        tensors[name] = tensors[name].float() * float(
            rng.choice([-1e30, -1, 0, 1e10, 1e38 / max(tensors[name].abs().max(), 1)])
        )
        tensors[name] = tensors[name].clamp(-3e38, 3e38)
    put(copy, file, tensors)
    diagnosis = assert_fine_or_told(lambda: Diagnoser(load_bundle(copy))(phantom_file))
    if diagnosis:
        json.dumps(diagnosis.to_dict(attention=True), allow_nan=False)
        assert sum(diagnosis.probabilities.values()) == pytest.approx(1)


@pytest.mark.parametrize(
    ("path", "value"), WRONG_SETTINGS[3::19], ids=[f"{p}={_name(v)}" for p, v in WRONG_SETTINGS[3::19]]
)
def test_the_command_line_says_so_too(copy, phantom_file, capsys, path, value):
    change(copy, path, value)
    assert_told_on_the_command_line(copy, phantom_file, capsys)


@pytest.mark.slow
def test_the_command_line_ends_with_2(copy, phantom_file):
    change(copy, "detector.config.backbone", "hf_hub:someone/something")
    arguments = ["-m", "mat_core", "diagnose", str(phantom_file), "--checkpoint", str(copy)]
    done = subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (2, "")
    assert "backbone must be the name of a model in timm" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


# the folder is shared by all examples: each writes its own file again
ANY_SPEED = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


def _paths(config: dict, prefix: str = "") -> list[str]:
    inner = [p for k, v in config.items() if isinstance(v, dict) for p in _paths(v, f"{prefix}{k}\0")]
    return [prefix + key for key in config] + inner


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_any_value_anywhere_is_fine_or_told(tiny_bundle, copy, data):
    config = json.loads((tiny_bundle / CONFIG).read_text())
    path = data.draw(st.sampled_from(_paths(config)))
    *way, last = path.split("\0")
    place = config
    for name in way:
        place = place[name]
    place[last] = data.draw(JSON)
    (copy / CONFIG).write_text(json.dumps(config))
    assert_fine_or_told(lambda: load_bundle(copy))


@pytest.mark.slow
@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(st.dictionaries(st.sampled_from(["val", "test", "more"]), JSON, max_size=3))
def test_any_figures_are_fine_or_told(copy, figures):
    (copy / METRICS).write_text(json.dumps(figures))
    assert_fine_or_told(lambda: load_bundle(copy))


@pytest.mark.parametrize(
    "source", [3, 2.5, b"tiny", ["tiny"], {"a": 1}, object(), "a\0b", "a\nb", "x" * 5000, "x/" * 3000]
)
def test_what_names_no_bundle_is_told(source):
    with pytest.raises(BundleError) as caught:
        Diagnoser.from_pretrained(source)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("bundle", [3, None, "checkpoints/sga-sga", {"network": 1}])
def test_a_diagnoser_of_no_bundle_is_told(bundle):
    with pytest.raises(BundleError, match="from_pretrained"):
        Diagnoser(bundle)


def test_a_diagnoser_says_what_it_takes(tiny_diagnoser, phantom_file):
    with pytest.raises(MetadataError, match=r"Metadata\(age"):
        tiny_diagnoser(phantom_file, {"age": 55})
    for array in (np.zeros((40, 40), np.uint8), np.zeros((40, 40, 3)), [[1]], None):
        with pytest.raises(ValueError, match="load_image"):
            tiny_diagnoser.regions(array)
    assert tiny_diagnoser.regions(load_image(phantom_file))


def test_what_is_good_still_loads(copy, tiny_diagnoser, phantom_file):
    change(copy, "notes", {"data": "made up", "deep": {"a": [{"b": [1, None, True]}]}})
    change(copy, "split", {})
    (copy / METRICS).write_text(
        json.dumps(
            {
                "a": 1,
                "test": {
                    "images": 3, "acc": {"value": 0.5, "interval95": [0.1, float("nan")]}, "auc": float("nan"),
                    "confusion": [[1, 0], [0, 2]],
                    "explain": {
                        "cases": 3, "rankings": {"attention": {}, "relevance": {"ablation": {"spearman": MEAN}}},
                    },
                    "expected_calibration_error": 0.1, "reliability": {"after": [BIN]},
                    "groups": {"sex": {"female": {**MEAN, "cases": 3}}, "age": {}},
                },
                "val": {"roc": {"mel": CURVE}},
            }
        )
    )  # fmt: skip
    case = phantom_file, Metadata(age=40)
    assert Diagnoser(load_bundle(copy))(*case).probabilities == tiny_diagnoser(*case).probabilities
