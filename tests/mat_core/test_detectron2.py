"""detectron2 as the detector: its regions, the conversion of its weights, the way to a bundle, and its absence.

What needs detectron2 is skipped where it is not installed; nothing here is downloaded. The networks have random
weights, but with residual branches made small: else a deep random network's numbers grow until nothing is proposed.
"""

import json
import os
import pickle
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from mat_core import Diagnoser, Metadata
from mat_core.__main__ import main as command
from mat_core.data.image_loading import scale_image
from mat_core.data.labels import CODES, region_name
from mat_core.errors import BundleError, ConfigError, DataError
from mat_core.inference.bundle import load_bundle
from mat_core.models.detection.detectron2_detector import COCO, Detectron2Config, Detectron2Detector
from mat_core.models.detection.factory import build_detector
from mat_core.models.detection.regions import Regions
from teaching.phantoms import make_phantom, write_phantom_dataset
from training.__main__ import main
from training.results.detection_metrics import detector_metrics, first_diagnoses
from training.steps.convert_detectron2 import detectron2_source, fitting, model_state
from training.steps.region_features import claim, load_features, recorded

C4, FPN, SMALL, SMALL_C4 = (
    f"COCO-Detection/faster_rcnn_{name}.yaml" for name in ("R_101_C4_3x", "R_101_FPN_3x", "R_50_FPN_1x", "R_50_C4_1x")
)


def sane(detector: Detectron2Detector) -> Detectron2Detector:
    """Random weights that propose and tell boxes apart, in eval mode."""
    torch.manual_seed(0)
    with torch.no_grad():
        for name, value in detector.rcnn.state_dict().items():
            if name.endswith("conv3.norm.weight"):
                value.mul_(0.05)
        predictor = detector.rcnn.roi_heads.box_predictor
        predictor.cls_score.weight.normal_(std=0.3 / predictor.cls_score.in_features**0.5)
        predictor.bbox_pred.weight.normal_(std=0.3 / predictor.cls_score.in_features**0.5)
    return detector.eval()


# ---- regions


@pytest.mark.detectron2
@pytest.mark.parametrize(("model", "width"), [(C4, 2048), (FPN, 1024)])
def test_features_belong_to_their_boxes(model, width):
    from detectron2.modeling.poolers import ROIPooler
    from detectron2.structures import Boxes

    config = Detectron2Config(model, 120, 160, proposals=60, n=40)
    detector = sane(Detectron2Detector(config))
    image = make_phantom(1, size=(300, 400)).image
    regions = detector.detect(image)
    assert 10 < len(regions) <= 40
    assert detector.feature_width == regions.features.shape[1] == width
    assert regions.kinds == config.kinds
    assert (np.diff(regions.scores) <= 0).all()
    assert (regions.boxes >= 0).all()
    assert (regions.boxes <= [400.01, 300.01] * 2).all()
    assert regions.features.std(0).max() > 0.01  # boxes are told apart, so the comparison below can fail
    # an independent way back, by detectron2's modules alone: BGR, its own normalisation, a pooler of its own
    scaled = scale_image(image, 120, 160)
    blue_first = torch.tensor(scaled[:, :, [2, 1, 0]].copy()).permute(2, 0, 1).float()
    rcnn, heads = detector.rcnn, detector.rcnn.roi_heads
    boxes = torch.from_numpy(regions.boxes) * torch.tensor([scaled.shape[1] / 400, scaled.shape[0] / 300] * 2)
    with torch.inference_mode():
        pixels = (blue_first - torch.tensor([103.53, 116.28, 123.675])[:, None, None])[None]
        if width == 2048:
            maps = [rcnn.backbone(pixels)["res4"]]
            pooler = ROIPooler(14, [1 / 16], 0, "ROIAlignV2")
            features = heads.res5(pooler(maps, [Boxes(boxes.float())])).mean((2, 3))
        else:
            right, below = (-pixels.shape[3]) % 32, (-pixels.shape[2]) % 32  # the pyramid's levels halve evenly
            found = rcnn.backbone(torch.nn.functional.pad(pixels, (0, right, 0, below)))
            pooler = ROIPooler(7, [1 / 4, 1 / 8, 1 / 16, 1 / 32], 0, "ROIAlignV2")
            features = heads.box_head(pooler([found[f"p{k}"] for k in (2, 3, 4, 5)], [Boxes(boxes.float())]))
        probabilities = heads.box_predictor.cls_score(features).softmax(1)[:, :-1]
    np.testing.assert_allclose(regions.features, features.numpy(), atol=1e-4, rtol=1e-4)
    np.testing.assert_allclose(regions.probabilities, probabilities.numpy(), atol=1e-4)
    with pytest.raises(ConfigError, match="eval"):
        detector.train().detect(image)


@pytest.mark.detectron2
def test_cocos_names_are_in_the_zoos_order():
    from detectron2.data.datasets.builtin_meta import COCO_CATEGORIES

    assert tuple(c["name"] for c in COCO_CATEGORIES if c["isthing"]) == COCO
    with pytest.raises(ConfigError, match="R_101_C4_1x"):
        Detectron2Detector(Detectron2Config("COCO-Detection/faster_rcnn_R_101_C4_1x.yaml"))


def test_regions_of_everyday_objects_are_labelled_as_such():
    kinds = Detectron2Config().kinds
    assert len(kinds) == len(set(kinds)) == 80
    assert region_name(kinds[-1]) == "Toothbrush (COCO)"
    assert region_name(kinds[-1], explained=True) != region_name(kinds[-1])


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"model": "../../x/faster_rcnn_R_50_C4_1x.yaml"}, "zoo"),
        ({"model": "COCO-Detection/retinanet_R_50_FPN_1x.py"}, "zoo"),  # a .py would be run
        ({"model": None}, "zoo"),
        ({"nms_iou": 0}, "nms_iou"),
        ({"n": 400}, "400 regions"),
        ({"short_side": 0}, "sides"),
        ({"short_side": 900, "long_side": 600}, "sides"),
        ({"kinds": ()}, "kinds"),
        ({"kinds": ("mel", "skin")}, "no part"),
    ],
)
def test_a_config_that_cannot_work_is_rejected(changes, says):
    with pytest.raises(ConfigError, match=says):
        Detectron2Config(**changes)


# ---- without it


@pytest.fixture
def absent(monkeypatch):
    """detectron2 cannot be imported, whether it is installed or not."""
    for name in [n for n in sys.modules if n == "detectron2" or n.startswith("detectron2.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "detectron2", None)


@pytest.fixture
def other_kind(tiny_bundle, tmp_path):
    """`tiny_bundle`, but its config names a detectron2 detector."""
    folder = shutil.copytree(tiny_bundle, tmp_path / "bundle")
    config = json.loads((folder / "config.json").read_text())
    config["detector"] = {"kind": "detectron2", "config": {"model": SMALL, "kinds": list(CODES)}}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


@pytest.mark.usefixtures("absent")
def test_without_detectron2_an_error_names_its_installation(other_kind, phantom_file, capsys):
    with pytest.raises(ConfigError, match=r"detectron2.*--no-build-isolation --no-deps"):
        build_detector("detectron2", {})
    assert command(["diagnose", str(phantom_file), "--checkpoint", str(other_kind)]) == 2
    assert capsys.readouterr().err.startswith("error: ")


@pytest.mark.detectron2
def test_a_bundle_with_weights_of_another_detector_is_refused(other_kind):
    with pytest.raises(BundleError, match="does not fit together"):
        load_bundle(other_kind)


# ---- conversion


def zoo_file(path, model: dict, **more):
    path.write_bytes(pickle.dumps({"model": model, "__author__": "zoo", **more}))
    return path


def test_a_state_that_does_not_fit_is_refused_by_its_names():
    state = {"a.weight": torch.ones(2, 3), "norm.weight": torch.ones(4), "norm.bias": torch.ones(4)}
    expected = {name: tensor.shape for name, tensor in state.items()}
    assert fitting(state, expected).keys() == state.keys()
    frozen = expected | {"norm.running_mean": torch.Size([4]), "norm.running_var": torch.Size([4])}
    filled = fitting(state, frozen)
    assert filled["norm.running_mean"].eq(0).all()
    assert filled["norm.running_var"].eq(1).all()
    with pytest.raises(DataError, match=r"lacks b\.bias, b\.weight"):
        fitting(state, expected | {"b.weight": torch.Size([1]), "b.bias": torch.Size([1])})
    with pytest.raises(DataError, match=r"beside it a\.weight.*--model"):
        fitting(state, {k: v for k, v in expected.items() if k != "a.weight"})
    with pytest.raises(DataError, match=r"a\.weight \(2, 3\), not \(3, 2\)"):
        fitting(state, expected | {"a.weight": torch.Size([3, 2])})
    with pytest.raises(DataError, match="and 7 more"):
        fitting({}, {f"w{k}": torch.Size([1]) for k in range(10)})


def test_only_a_detectors_tensors_are_read():
    good = {"a": np.ones((2, 2), np.float16), "pixel_mean": np.ones(3), "x.anchor_generator.cell_anchors.0": np.ones(4)}
    state = model_state({"model": good}, "x.pkl")
    assert list(state) == ["a"]
    assert state["a"].dtype == torch.float32
    for content in ({"blobs": good}, {"conv1_w": np.ones(2)}, [1], {"model": {}}, {"model": [1]}):
        with pytest.raises(DataError, match=r"x\.pkl holds no detector.*backbone"):
            model_state(content, "x.pkl")
    with pytest.raises(DataError, match=r"not an array by name: b"):
        model_state({"model": {"b": "text"}}, "x.pkl")


@pytest.mark.usefixtures("absent")
def test_without_detectron2_a_file_is_converted_unchecked(tmp_path, capsys):
    weights = {"backbone.w": np.arange(6, dtype=np.float32).reshape(2, 3)}
    file, output = zoo_file(tmp_path / "zoo.pkl", weights), tmp_path / "out" / "w.safetensors"
    assert main(["convert-detector", "--weights", str(file), "--model", C4, "--output", str(output)]) == 0
    assert "Not checked" in capsys.readouterr().out
    assert load_file(output)["backbone.w"].tolist() == weights["backbone.w"].tolist()
    source = detectron2_source(C4, output, 400)
    assert (source.config.short_side, source.config.long_side) == (400, 666)
    assert source.config.kinds == Detectron2Config().kinds
    with pytest.raises(DataError, match=r"was converted from .*R_101_C4.*asks for .*R_101_FPN"):
        detectron2_source(FPN, output)
    with pytest.raises(ConfigError, match="not installed"):
        source.load()


def test_a_failed_conversion_leaves_no_file(tmp_path, capsys, monkeypatch):
    class Runs:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path / 'run'}",)

    output = tmp_path / "w.safetensors"
    bad = zoo_file(tmp_path / "bad.pkl", {"a": np.ones(2)}, extra=Runs())
    monkeypatch.setattr("urllib.request.urlopen", lambda *_, **__: (_ for _ in ()).throw(OSError("no network")))
    for weights, model, message in (
        (bad, C4, "system"), (tmp_path / "none.pkl", C4, "no file"), (tmp_path / "none.pkl", "R_101", "zoo"),
        ("zoo", C4, ""),
    ):  # fmt: skip
        line = ["convert-detector", "--weights", str(weights), "--model", model, "--output", str(output)]
        assert main(line) == 2
        assert message in capsys.readouterr().err
    assert not output.exists()
    assert not (tmp_path / "run").exists()
    save_file({"a": torch.ones(1)}, tmp_path / "plain.safetensors")
    for file, message in (
        ("plain.safetensors", "not a converted"),
        ("bad.pkl", "not a converted"),
        ("none", "convert"),
    ):
        with pytest.raises(DataError, match=message):
            detectron2_source(C4, tmp_path / file)


# ---- a detector that knows no diagnosis, and features that know their detector


def everyday(count: int) -> list[Regions]:
    probabilities = np.random.default_rng(0).random((3, 80), np.float32) / 100
    boxes = np.array([[0, 0, 9, 9], [2, 2, 30, 30], [5, 5, 40, 20]], np.float32)
    kinds = Detectron2Config().kinds
    return [Regions(boxes, probabilities, np.ones((3, 4), np.float32), (50, 60), kinds) for _ in range(count)]


def test_a_detector_without_diagnoses_is_not_measured_on_them(tmp_path):
    from mat_core.data.ham10000 import Case

    read = first_diagnoses(everyday(2))
    assert read.shape == (2, 7)
    np.testing.assert_allclose(read, 1 / 7, rtol=1e-6)
    mask = np.zeros((50, 60), np.uint8)
    mask[10:30, 10:30] = 255
    assert cv2.imwrite(str(tmp_path / "mask.png"), mask)
    cases = [Case(str(k), str(k), CODES[k], Metadata(), tmp_path / "x.jpg", tmp_path / "mask.png") for k in range(2)]
    skin = Regions(everyday(1)[0].boxes, np.full((3, 7), 0.1, np.float32), np.ones((3, 4), np.float32), (50, 60), CODES)
    metrics = {len(found[0].kinds): detector_metrics(cases, found) for found in (everyday(2), [skin, skin])}
    assert not any(name.startswith("class_head") for name in metrics[80])
    assert any(name.startswith("class_head") for name in metrics[7])


def test_features_of_another_detector_are_refused(tmp_path):
    def source(weights: bytes, kind="detectron2", model="m"):
        (tmp_path / weights.decode()).write_bytes(weights)
        return SimpleNamespace(weights=tmp_path / weights.decode(), kind=kind, config={"model": model})

    run = tmp_path / "features"
    for _ in range(2):
        claim(run, source(b"1"))
    assert recorded(run)["weights"] == str(tmp_path / "1")
    for other in (source(b"2"), source(b"1", "torchvision"), source(b"1", model="n")):
        with pytest.raises(DataError, match=r"another detector.*--runs"):
            claim(run, other)
    (run / "detector.json").unlink()
    (run / "val-view0-00000.safetensors").write_bytes(b"")
    assert recorded(run) is None
    for other in (source(b"1"), source(b"1", "torchvision")):
        with pytest.raises(DataError, match="another detector"):
            claim(run, other)
    (run / "detector.json").write_text("{")
    with pytest.raises(DataError, match="damaged"):
        recorded(run)


# ---- end to end


@pytest.mark.detectron2
@pytest.mark.parametrize("zoo_model", [SMALL, SMALL_C4])
def test_from_a_zoo_file_to_a_bundle_that_answers(zoo_model, tmp_path, capsys, phantom_file):
    data = write_phantom_dataset(tmp_path / "data", per_class=3)
    model = sane(Detectron2Detector(Detectron2Config(zoo_model)))
    state = {name: value.numpy() for name, value in model.rcnn.state_dict().items()}
    file = zoo_file(tmp_path / "zoo.pkl", state)
    lacking = zoo_file(
        tmp_path / "lacking.pkl", {k: v for k, v in state.items() if not k.startswith("roi_heads.box_p")}
    )
    weights, runs = tmp_path / "detector.safetensors", tmp_path / "runs"
    common = ["--data", str(data), "--split-file", str(tmp_path / "split.csv"), "--runs", str(runs)]
    common += ["--preset", "smoke"]
    ours = ["--detector", f"detectron2:{zoo_model}", "--detector-weights", str(weights), "--detector-side", "96"]

    def run(*args: str) -> str:
        status = main(list(args))
        said = capsys.readouterr()
        assert status == 0, said.err
        return said.out

    def refused(*args: str) -> str:
        assert main(list(args)) == 2
        return capsys.readouterr().err

    convert = ["convert-detector", "--model", zoo_model, "--output", str(weights), "--weights"]
    assert "lacks roi_heads.box_predictor.bbox_pred.bias" in refused(*convert, str(lacking))
    assert "in another shape" in refused(*convert, str(file), "--kinds", "nevus,melanoma")
    lacking.unlink()
    assert f"{len(state)} tensors" in run(*convert, str(file))
    file.unlink()  # from here on, no pickle
    with safe_open(weights, framework="pt") as opened:
        assert opened.metadata()["model"] == zoo_model

    run("split", "--data", str(data), "--split-file", str(tmp_path / "split.csv"))
    assert "belong to --detector" in refused("features", *common, *ours[2:])
    assert "asks for" in refused("features", *common, "--detector", f"detectron2:{C4}", *ours[2:])
    run("features", *common, *ours)
    record = recorded(runs / "features")
    assert (record["kind"], record["config"]["model"], record["config"]["short_side"]) == ("detectron2", zoo_model, 96)
    assert "another detector" in refused("features", *common, *ours[:-1], "120")
    run("mat", *common)
    assert json.loads((runs / "clean-sga-sga-seed0" / "settings.json").read_text())["detector"] == record["sha256"]
    bundle = tmp_path / "bundle"
    run("bundle", *common, "--checkpoint", str(bundle))  # it knows the features' detector
    diagnoser = Diagnoser.from_pretrained(bundle)
    assert diagnoser.bundle.detector_kind == "detectron2"
    assert diagnoser.bundle.detector.config == Detectron2Config(zoo_model, 96, 160)
    image = make_phantom(9, size=(150, 200)).image
    diagnosis = diagnoser(image, Metadata(age=40))
    assert sum(diagnosis.probabilities.values()) == pytest.approx(1)
    assert 10 < len(diagnosis.regions) <= 100
    assert diagnosis.attention.words_to_regions.shape[-1] == len(diagnosis.regions)
    assert diagnosis.to_dict(regions=1)["regions"][0]["label"].endswith("(COCO)")
    # what was cached is what the bundle computes, but for the half precision of both
    from mat_core.data.ham10000 import read_dataset
    from mat_core.data.image_loading import load_image

    val = read_dataset(data, tmp_path / "split.csv").of("val")
    cached = load_features(runs / "features", "val", 0, len(val))
    assert not cached.knows_diagnoses
    found = diagnoser.bundle.detector.detect(scale_image(load_image(val[0].image), 96, 160))
    assert int(cached.counts[0]) == pytest.approx(len(found), abs=3)
    np.testing.assert_allclose(cached.inputs[0, 0, :-4].float(), found.features[0], atol=0.05, rtol=0.05)

    explored(diagnoser, phantom_file)
    settings = runs / "clean-sga-sga-seed0" / "settings.json"
    settings.write_text(settings.read_text().replace(record["sha256"], "0" * 64))
    assert "learnt from the regions of another" in refused("bundle", *common, "--checkpoint", str(tmp_path / "b"))
    weights.rename(tmp_path / "moved")
    assert "which is gone" in refused("bundle", *common, "--checkpoint", str(tmp_path / "b"))


def explored(diagnoser: Diagnoser, file: Path) -> None:
    """The views' own functions take such a case: explorer, plate, list of regions, page about the model."""
    from interface.components.region_overlay import regions_html
    from interface.state.explorer_payload import from_payload, to_json, to_payload
    from interface.state.session import diagnose_image
    from interface.tabs.about import about_html
    from mat_core.figures import plot_diagnosis, to_png

    session = diagnose_image(diagnoser, str(file), Metadata(age=40))
    diagnosis, image = session.diagnosis, session.image
    assert from_payload(to_json(to_payload(diagnosis, image))).names[0].endswith("(COCO)")
    assert to_png(plot_diagnosis(diagnosis, image), dpi=40).startswith(b"\x89PNG")
    assert "(COCO)" in regions_html(session, 5)
    assert "COCO" in about_html(diagnoser.bundle)
