"""detectron2 as the detector: its regions, the conversion of its weights, the road to a bundle, and its absence.

What needs detectron2 is skipped where it is not installed; nothing here is downloaded. The networks have random
weights, but with residual branches made small: else a deep random network's numbers grow until nothing is proposed.
"""

import json
import os
import pickle
import shutil
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from mat_core import Diagnoser, Metadata
from mat_core.__main__ import main as command
from mat_core.bundle import load_bundle
from mat_core.detectors import build_detector
from mat_core.detectors.detectron2 import COCO, Detectron2Config, Detectron2Detector
from mat_core.errors import BundleError, ConfigError, DataError
from mat_core.images import scale_image
from mat_core.labels import CODES, region_name
from mat_core.phantoms import make_phantom, write_phantom_dataset
from mat_core.regions import Regions
from training.__main__ import main
from training.results.regions import detector_metrics, first_diagnoses
from training.steps.convert import detectron2_source, fitting, model_state
from training.steps.features import claim, load_features, recorded

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


def test_labels_of_everyday_objects_say_that_skin_was_not_taught():
    kinds = Detectron2Config().kinds
    assert len(kinds) == len(set(kinds)) == 80
    assert region_name(kinds[-1]) == "Toothbrush (COCO)"
    assert "not taught skin" in region_name(kinds[-1], explained=True)


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


@pytest.mark.detectron2
def test_a_model_that_the_zoo_never_had_is_named():
    with pytest.raises(ConfigError, match="R_101_C4_1x"):
        Detectron2Detector(Detectron2Config("COCO-Detection/faster_rcnn_R_101_C4_1x.yaml"))


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
def test_without_detectron2_one_sentence_says_how_to_get_it(other_kind, phantom_file, capsys):
    with pytest.raises(ConfigError, match=r"detectron2.*not installed.*--no-build-isolation --no-deps.*setuptools<81"):
        build_detector("detectron2", {})
    assert command(["diagnose", str(phantom_file), "--checkpoint", str(other_kind)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert "not installed" in said
    assert "Traceback" not in said


@pytest.mark.usefixtures("absent")
def test_the_app_says_so_too(other_kind, capsys):
    import app

    assert app.main(["--checkpoint", str(other_kind)]) == 2
    assert "detectron2, which is not installed" in capsys.readouterr().err


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


def test_only_a_detectors_tensors_are_taken():
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
def test_without_detectron2_a_file_is_converted_unchecked_and_says_so(tmp_path, capsys):
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


def test_what_cannot_be_converted_gets_a_sentence_and_leaves_no_file(tmp_path, capsys, monkeypatch):
    class Runs:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path / 'run'}",)

    output = tmp_path / "w.safetensors"

    def convert(weights, model=C4):
        status = main(["convert-detector", "--weights", str(weights), "--model", model, "--output", str(output)])
        assert status == 2
        assert not output.exists()
        return capsys.readouterr().err

    assert "system" in convert(zoo_file(tmp_path / "bad.pkl", {"a": np.ones(2)}, extra=Runs()))
    assert not (tmp_path / "run").exists()
    assert "There is no file" in convert(tmp_path / "none.pkl")
    assert "zoo" in convert(tmp_path / "none.pkl", "R_101")
    monkeypatch.setattr("urllib.request.urlopen", lambda *_, **__: (_ for _ in ()).throw(OSError("no network")))
    said = convert("zoo")
    assert "MODEL_ZOO.md" in said or "not installed" in said
    save_file({"a": torch.ones(1)}, tmp_path / "plain.safetensors")
    for file in ("plain.safetensors", "bad.pkl"):
        with pytest.raises(DataError, match="not a converted detector"):
            detectron2_source(C4, tmp_path / file)
    with pytest.raises(DataError, match="convert-detector"):
        detectron2_source(C4, tmp_path / "none")


# ---- a detector that knows no diagnosis, and features that know their detector


def everyday(count: int) -> list[Regions]:
    probabilities = np.random.default_rng(0).random((3, 80), np.float32) / 100
    boxes = np.array([[0, 0, 9, 9], [2, 2, 30, 30], [5, 5, 40, 20]], np.float32)
    kinds = Detectron2Config().kinds
    return [Regions(boxes, probabilities, np.ones((3, 4), np.float32), (50, 60), kinds) for _ in range(count)]


def test_a_detector_without_diagnoses_answers_alike_and_is_not_measured_on_them(tmp_path):
    from mat_core.ham10000 import Case

    read = first_diagnoses(everyday(2))
    assert read.shape == (2, 7)
    np.testing.assert_allclose(read, 1 / 7, rtol=1e-6)
    assert (read == read[:, :1]).all()
    mask = np.zeros((50, 60), np.uint8)
    mask[10:30, 10:30] = 255
    assert cv2.imwrite(str(tmp_path / "mask.png"), mask)
    cases = [Case(str(k), str(k), CODES[k], Metadata(), tmp_path / "x.jpg", tmp_path / "mask.png") for k in range(2)]
    skin = Regions(everyday(1)[0].boxes, np.full((3, 7), 0.1, np.float32), np.ones((3, 4), np.float32), (50, 60), CODES)
    metrics = {len(found[0].kinds): detector_metrics(cases, found) for found in (everyday(2), [skin, skin])}
    assert not any(name.startswith("class_head") for name in metrics[80])
    assert any(name.startswith("class_head") for name in metrics[7])


class Source:
    """A source whose weights are any file."""

    def __init__(self, weights, kind="detectron2", config=None):
        self.weights, self.kind, self.config = weights, kind, config or {"model": "m"}


def test_features_of_one_detector_are_not_anothers(tmp_path):
    weights, others = tmp_path / "a", tmp_path / "b"
    weights.write_bytes(b"1")
    others.write_bytes(b"2")
    run = tmp_path / "features"
    claim(run, Source(weights))
    claim(run, Source(weights))
    assert recorded(run)["weights"] == str(weights)
    for other in (Source(others), Source(weights, "torchvision"), Source(weights, config={"model": "n"})):
        with pytest.raises(DataError, match=r"another detector \(detectron2 m .*Delete it or give another --runs"):
            claim(run, other)
    (run / "detector.json").unlink()
    (run / "val-view0-00000.safetensors").write_bytes(b"")
    assert recorded(run) is None
    for source in (Source(weights), Source(weights, "torchvision")):
        with pytest.raises(DataError, match=r"another detector \(it is not noted which\)"):
            claim(run, source)
    (run / "detector.json").write_text("{")
    with pytest.raises(DataError, match="damaged"):
        recorded(run)


# ---- the whole road


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
    from mat_core.ham10000 import read_dataset
    from mat_core.images import load_image

    val = read_dataset(data, tmp_path / "split.csv").of("val")
    cached = load_features(runs / "features", "val", 0, len(val))
    assert not cached.knows_diagnoses
    found = model_at(diagnoser, load_image(val[0].image))
    assert int(cached.counts[0]) == pytest.approx(len(found), abs=3)
    np.testing.assert_allclose(cached.inputs[0, 0, :-4].float(), found.features[0], atol=0.05, rtol=0.05)

    explored(diagnoser, phantom_file)
    settings = runs / "clean-sga-sga-seed0" / "settings.json"
    settings.write_text(settings.read_text().replace(record["sha256"], "0" * 64))
    assert "learnt from the regions of another" in refused("bundle", *common, "--checkpoint", str(tmp_path / "b"))
    weights.rename(tmp_path / "moved")
    assert "which is gone" in refused("bundle", *common, "--checkpoint", str(tmp_path / "b"))


def model_at(diagnoser: Diagnoser, image: np.ndarray) -> Regions:
    config = diagnoser.bundle.detector.config
    return diagnoser.bundle.detector.detect(scale_image(image, config.short_side, config.long_side))


def explored(diagnoser: Diagnoser, file: Path) -> None:
    """The views' own functions take such a case: explorer, plate, list of regions, page about the model."""
    from interface.parts.evidence import regions_html
    from interface.session import analyse
    from interface.views.about import about_html
    from mat_core.exploration import from_payload, to_json, to_payload
    from mat_core.figures import plate, to_png

    session = analyse(diagnoser, str(file), Metadata(age=40))
    diagnosis, image = session.diagnosis, session.image()
    assert from_payload(to_json(to_payload(diagnosis, image))).names[0].endswith("(COCO)")
    assert to_png(plate(diagnosis, image), dpi=40).startswith(b"\x89PNG")
    assert "not taught skin" in regions_html(session, 5)
    assert "not skin" in about_html(diagnoser.bundle)


# ---- how long it takes; prints, and runs only when asked for: MAT_DETECTOR_TIMES=1 pytest -s -k seconds_an_image


@pytest.mark.detectron2
@pytest.mark.skipif(not os.environ.get("MAT_DETECTOR_TIMES"), reason="minutes long: set MAT_DETECTOR_TIMES=1")
def test_seconds_an_image():
    image = make_phantom(1, size=(450, 600)).image
    bundled = Diagnoser.from_pretrained().bundle.detector
    rows = [("the bundled detector", bundled)]
    for model in (C4, FPN):
        for side in (800, 400):
            config = Detectron2Config(model, side, round(side * 1333 / 800))
            rows.append((f"{model}, {side} px", sane(Detectron2Detector(config))))
    print(f"\nan image of 600 x 450, {torch.get_num_threads()} threads, best of 2: seconds on the clock, of processor")
    for name, detector in rows:
        clock, processor = [], []
        for _ in range(2):
            begun = time.perf_counter(), time.process_time()
            regions = detector.detect(image)
            clock.append(time.perf_counter() - begun[0])
            processor.append(time.process_time() - begun[1])
        print(f"{min(clock):7.2f} {min(processor):7.2f}  {name} ({len(regions)} regions)", flush=True)
        assert 10 < len(regions) <= 100
