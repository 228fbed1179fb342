"""A bundle is input, too: a wrong one is refused at once, without network, and no answer is NaN."""

import hashlib
import json
import os
import re
import shutil
import socket
import struct
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from mat_core import BundleError, Diagnoser, Metadata, MetadataError, UserError
from mat_core.__main__ import main as command
from mat_core.data.image_loading import load_image
from mat_core.inference.bundle import CONFIG, DETECTOR, METRICS, NETWORK, NOVELTY, load_bundle

SECONDS = 20  # of the processor; most take far less than one
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
FIGURES = {
    "a": 1,
    "test": {
        "images": 3, "acc": {"value": 0.5, "interval95": [0.1, float("nan")]}, "auc": float("nan"),
        "confusion": [[1, 0], [0, 2]], "expected_calibration_error": 0.1, "reliability": {"after": [BIN]},
        "explain": {"cases": 3, "rankings": {"attention": {}, "relevance": {"ablation": {"spearman": MEAN}}}},
        "groups": {"sex": {"female": {**MEAN, "cases": 3}}, "age": {}},
    },
    "val": {"roc": {"mel": CURVE}},
}  # fmt: skip
WRONG_FIGURES = [
    *odd_values("test", (3, [], None)), *odd_values("val", (3, None)), ("a\nb", 1), ("a", {"interval95": "wide"}),
    *odd_values("test.confusion", ({}, 3, [[1, 0], [0]], [[1, 0], [0, "2"]], [[1, 0], [0, -2]], [[1.5]], [[None]])),
    *odd_values("test.confusion", ([1, 2], [[[1]]], [[1, 2], 3], [["<b>", 1], [0, 1]])),
    *odd_values("test.acc", ({"value": 1}, {"value": 1, "interval95": [1]}, {"value": 1, "interval95": None}, {})),
    ("test.acc.value", "good"), ("test.expected_calibration_error", "small"), ("test.images", ABSENT),
    ("test.expected_calibration_error", float("nan")), ("val.roc", 3), *odd_values("val.roc.mel", (3, {})),
    *odd_values("val.roc.mel.threshold", ([], ["a", "b"])), ("val.roc.mel.sensitivity", [1]),
    ("val.roc.mel", {"threshold": [], "sensitivity": [], "specificity": []}),
    *odd_values("test.explain", (3, {"cases": 3}, {"rankings": [1]})), *odd_values("test.explain.cases", ("9", ABSENT)),
    *odd_values("test.explain.rankings.attention", (3, {"spearman": "high"}, {"ablation": 0.5}, {"ablation": {}})),
    *odd_values("test.explain.rankings.relevance.ablation.spearman", ({"value": 0.5}, {**MEAN, "value": "a"})),
    *odd_values("test.reliability", (3, {"after": []}, {"after": [3]}, {"after": [{"cases": 1}]})),
    *(
        ("test.reliability.after", [{**BIN, name: wrong}])
        for name, wrong in (("cases", 0), ("accuracy", 2), ("interval95", [0.1]), ("confidence", "high"))
    ),
    ("test.groups", []), ("test.groups.sex", 3), *odd_values("test.groups.sex.female", (0.5, MEAN)),
    ("test.groups.sex.female.cases", 0),
]  # fmt: skip
WRONG_JSON = [
    b"", b"\0", b"{", b"[1]", b"null", b"\xff\xfe{}", DEEP.encode(), b'{"a":' * 20 + b"1" + b"}" * 20, b"[" * 100_000,
    b'{"format": 1' + b" " * 2**20 + b"}", b'{"format": ' + b"9" * 5000 + b"}",
]  # fmt: skip


def _with_value(value: float) -> Callable:
    def change(tensors, name):
        tensors[name].view(-1)[tensors[name].numel() // 2] = value

    return change


def _with_tensor(make: Callable) -> Callable:
    return lambda tensors, name: tensors.update({name: make(tensors[name]).contiguous()})


WRONG_TENSORS = {
    "NaN": _with_value(float("nan")),
    "infinite": _with_value(float("inf")),
    "minus infinite": _with_value(float("-inf")),
    "beyond float32": _with_tensor(lambda t: torch.full(t.shape, 1e300, dtype=torch.float64)),
    "lacking": lambda tensors, name: tensors.pop(name),
    "too many": lambda tensors, name: tensors.update(more=torch.ones(3)),
    "of another name": lambda tensors, name: tensors.update({"a\nb": tensors.pop(name)}),
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
    before, start = peak(), time.process_time()
    yield
    assert time.process_time() - start < SECONDS
    assert peak() - before < MEGABYTES


def change(folder: Path, path: str, value, file: str = CONFIG) -> None:
    content = json.loads((folder / file).read_text())
    *parents, last = path.split(".")
    inner = content
    for name in parents:
        inner = inner[name]
    if value is ABSENT:
        del inner[last]
    else:
        inner[last] = value
    (folder / file).write_text(json.dumps(content))


def put(folder: Path, file: str, data: bytes | dict) -> None:
    """Another file of weights, with the checksum that belongs to it."""
    (folder / file).unlink(missing_ok=True)
    if isinstance(data, dict):
        save_file(data, folder / file)
    else:
        (folder / file).write_bytes(data)
    sums = json.loads((folder / CONFIG).read_text())["sha256"]
    change(folder, "sha256", {**sums, file: hashlib.sha256((folder / file).read_bytes()).hexdigest()})


def assert_refused(source, part: str = ".", load: Callable = load_bundle) -> str:
    with pytest.raises(BundleError, match=part) as caught:
        load(source)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 700
    return str(caught.value)


def loaded_or_refused(load: Callable):
    """The result of `load`, or None where it raises an error of ours."""
    message = ""
    try:
        return load()
    except UserError as error:
        message = str(error)
    assert "\n" not in message


def assert_command_refuses(folder: Path, image: Path, capsys) -> None:
    assert command(["diagnose", str(image), "--json", "--checkpoint", str(folder)]) == 2
    output = capsys.readouterr()
    assert (output.out, len(output.err.strip().splitlines())) == ("", 1)


def _name(value) -> str:
    # each process that tests side by side must call it the same
    return "absent" if value is ABSENT else re.sub(r"[^\x20-\x7e]", "?", str(value))[:30]


@pytest.mark.slow
@pytest.mark.parametrize(("path", "value"), WRONG_SETTINGS, ids=[f"{p}={_name(v)}" for p, v in WRONG_SETTINGS])
def test_wrong_settings_are_refused(copy, path, value):
    if path == "novelty_threshold":
        put(copy, NOVELTY, {"mean": torch.zeros(20), "whitening": torch.eye(20)})
    change(copy, path, value)
    named = value in (0, 10**12) and "." in path
    assert_refused(copy, path.rsplit(".", 1)[1] if named else ".")


@pytest.mark.parametrize(("path", "value"), WRONG_FIGURES, ids=[f"{p}={_name(v)}" for p, v in WRONG_FIGURES])
def test_wrong_figures_are_refused(copy, path, value):
    (copy / METRICS).write_text(json.dumps(FIGURES))
    change(copy, path, value, METRICS)
    assert_refused(copy, METRICS)


@pytest.mark.parametrize("file", [CONFIG, METRICS])
@pytest.mark.parametrize("data", WRONG_JSON, ids=range(len(WRONG_JSON)))
def test_other_json_is_refused(copy, file, data):
    if file == METRICS and data.endswith(b"9}"):
        data = b"9" * 5000
    (copy / file).write_bytes(data)
    assert_refused(copy, "more than 1 MB" if b"   " in data and file == CONFIG else file)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "tensor"),
    [
        (NETWORK, "classifier.weight"), (NETWORK, "region_projection.bias"),
        (DETECTOR, "rcnn.roi_heads.box_predictor.cls_score.weight"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("wrong", WRONG_TENSORS)
def test_wrong_tensors_are_refused(copy, tiny_bundle, file, tensor, wrong):
    tensors = load_file(tiny_bundle / file)
    WRONG_TENSORS[wrong](tensors, tensor)
    put(copy, file, tensors)
    assert_refused(copy, "finite numbers" if wrong in ("NaN", "infinite", "minus infinite") else file)


@pytest.mark.parametrize("file", [NETWORK, DETECTOR])
@pytest.mark.parametrize("wrong", WRONG_FILES)
def test_files_without_weights_are_refused(copy, file, wrong):
    put(copy, file, WRONG_FILES[wrong])
    assert_refused(copy)


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
def test_a_novelty_of_another_detector_is_refused(copy, tensors):
    change(copy, "novelty_threshold", 1.2)
    put(copy, NOVELTY, tensors)
    assert_refused(copy, NOVELTY)


@pytest.mark.parametrize("file", [NETWORK, DETECTOR, CONFIG, METRICS])
@pytest.mark.parametrize("kind", ["missing", "pipe", "folder", "device", "circle", "terabyte"])
def test_missing_and_special_files_are_refused(copy, file, kind):
    (copy / file).unlink()
    if file == METRICS and kind in ("circle", "missing"):
        assert load_bundle(copy).metrics == {}  # it need not be there
        return
    if kind == "pipe":
        os.mkfifo(copy / file)
    elif kind == "folder":
        (copy / file).mkdir()
    elif kind == "terabyte":
        with (copy / file).open("wb") as opened:
            opened.truncate(2**40)
    elif kind != "missing":
        (copy / file).symlink_to("/dev/zero" if kind == "device" else file)
    assert_refused(copy, file)


@pytest.mark.parametrize(
    ("file", "name"), [(NETWORK, "classifier.weight"), (DETECTOR, "rcnn.roi_heads.box_predictor.cls_score.weight")]
)
def test_weights_without_a_finite_answer_are_refused(copy, tiny_bundle, phantom_file, capsys, file, name):
    tensors = load_file(tiny_bundle / file)
    tensors[name] = tensors[name].float().sign() * 3e38
    put(copy, file, tensors)
    with pytest.raises(BundleError, match="no finite numbers"):
        Diagnoser(load_bundle(copy))(phantom_file)
    assert_command_refuses(copy, phantom_file, capsys)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_no_answer_is_nan_whatever_the_weights(copy, tiny_bundle, phantom_file, seed):
    rng = np.random.default_rng(seed)
    file = (NETWORK, DETECTOR)[seed % 2]
    tensors = load_file(tiny_bundle / file)
    for _ in range(3):
        name = rng.choice([name for name, tensor in tensors.items() if tensor.is_floating_point()])
        tensors[name] = tensors[name].float() * float(
            rng.choice([-1e30, -1, 0, 1e10, 1e38 / max(tensors[name].abs().max(), 1)])
        )
        tensors[name] = tensors[name].clamp(-3e38, 3e38)
    put(copy, file, tensors)
    diagnosis = loaded_or_refused(lambda: Diagnoser(load_bundle(copy))(phantom_file))
    if diagnosis:
        json.dumps(diagnosis.to_dict(attention=True), allow_nan=False)
        assert sum(diagnosis.probabilities.values()) == pytest.approx(1)


@pytest.mark.parametrize(
    ("path", "value"), WRONG_SETTINGS[3::60], ids=[f"{p}={_name(v)}" for p, v in WRONG_SETTINGS[3::60]]
)
def test_the_command_line_refuses_it_too(copy, phantom_file, capsys, path, value):
    change(copy, path, value)
    assert_command_refuses(copy, phantom_file, capsys)


# the folder is shared by all examples: each writes its own file again
ANY_SPEED = settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


def _paths(config: dict, prefix: str = "") -> list[str]:
    inner = [p for k, v in config.items() if isinstance(v, dict) for p in _paths(v, f"{prefix}{k}\0")]
    return [prefix + key for key in config] + inner


@pytest.mark.slow
@ANY_SPEED
@given(st.data())
def test_any_value_anywhere_is_loaded_or_refused(tiny_bundle, copy, data):
    config = json.loads((tiny_bundle / CONFIG).read_text())
    path = data.draw(st.sampled_from(_paths(config)))
    *way, last = path.split("\0")
    place = config
    for name in way:
        place = place[name]
    place[last] = data.draw(JSON)
    (copy / CONFIG).write_text(json.dumps(config))
    loaded_or_refused(lambda: load_bundle(copy))


@pytest.mark.slow
@ANY_SPEED
@given(st.dictionaries(st.sampled_from(["val", "test", "more"]), JSON, max_size=3))
def test_any_figures_are_loaded_or_refused(copy, figures):
    (copy / METRICS).write_text(json.dumps(figures))
    loaded_or_refused(lambda: load_bundle(copy))


@pytest.mark.parametrize(
    "source", [3, 2.5, b"tiny", ["tiny"], {"a": 1}, object(), "a\0b", "a\nb", "x" * 5000, "x/" * 3000]
)
def test_other_sources_are_refused(source):
    assert_refused(source, load=Diagnoser.from_pretrained)
    if not isinstance(source, str) or source == "a\nb":
        assert_refused(source, "from_pretrained", load=Diagnoser)


def test_a_diagnoser_names_its_inputs(tiny_diagnoser, phantom_file):
    with pytest.raises(MetadataError, match=r"Metadata\(age"):
        tiny_diagnoser(phantom_file, {"age": 55})
    for array in (np.zeros((40, 40), np.uint8), np.zeros((40, 40, 3)), [[1]], None):
        with pytest.raises(ValueError, match="load_image"):
            tiny_diagnoser.regions(array)
    assert tiny_diagnoser.regions(load_image(phantom_file))


def test_good_figures_and_notes_still_load(copy, tiny_diagnoser, phantom_file):
    change(copy, "notes", {"data": "made up", "deep": {"a": [{"b": [1, None, True]}]}})
    change(copy, "split", {})
    (copy / METRICS).write_text(json.dumps(FIGURES))
    case = phantom_file, Metadata(age=40)
    assert Diagnoser(load_bundle(copy))(*case).probabilities == tiny_diagnoser(*case).probabilities
