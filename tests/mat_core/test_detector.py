"""Regions: box, features, score and label belong together, whatever the image's size and shape."""

import numpy as np
import pytest
import timm
import torch
from torch import nn
from torchvision.ops import box_iou

from mat_core.data.image_loading import scale_image
from mat_core.errors import BundleError, ConfigError
from mat_core.models.detection.batchnorm_folding import fold_batchnorm
from mat_core.models.detection.factory import build_detector
from mat_core.models.detection.regions import Regions, to_network_input
from mat_core.models.detection.torchvision_detector import DetectorConfig, TorchvisionDetector
from teaching.phantoms import make_phantom

CONFIG = DetectorConfig(
    short_side=120, long_side=160, anchors=((16, 24), (32, 48), (64, 100)), pyramid_width=16, feature_width=24,
    proposals=80, n=30,
)  # fmt: skip


@pytest.fixture(scope="module")
def detector() -> TorchvisionDetector:
    torch.manual_seed(0)
    model = TorchvisionDetector(CONFIG)
    torch.nn.init.normal_(model.rcnn.roi_heads.box_predictor.cls_score.weight, std=0.3)  # scores that differ
    torch.nn.init.normal_(model.rcnn.roi_heads.box_predictor.bbox_pred.weight, std=0.1)
    return model.eval()


@pytest.mark.parametrize("size", [(300, 400), (400, 300), (500, 500), (61, 90)])
def test_features_belong_to_their_boxes(detector, size):
    image = make_phantom(1, size=size).image
    regions = detector.detect(image)
    assert 5 < len(regions) <= CONFIG.n
    # an independent way back: the boxes that were handed out, pooled from the image that they belong to
    scaled = scale_image(image, CONFIG.short_side, CONFIG.long_side)
    boxes = torch.from_numpy(regions.boxes) * torch.tensor([scaled.shape[1] / size[1], scaled.shape[0] / size[0]] * 2)
    with torch.inference_mode():
        batch, _ = detector.rcnn.transform([torch.from_numpy(scaled).permute(2, 0, 1) / 255])
        maps = detector.rcnn.backbone(batch.tensors)
        pooled = detector.rcnn.roi_heads.box_roi_pool(maps, [boxes.float()], batch.image_sizes)
        features = detector.rcnn.roi_heads.box_head(pooled)
        probabilities = detector.rcnn.roi_heads.box_predictor.cls_score(features).softmax(-1)[:, 1:]
    np.testing.assert_allclose(regions.features, features.numpy(), atol=1e-4)
    np.testing.assert_allclose(regions.probabilities, probabilities.numpy(), atol=1e-4)


def test_regions_are_sorted_distinct_and_inside(detector):
    image = make_phantom(2, size=(300, 400)).image
    regions = detector.detect(image)
    assert (np.diff(regions.scores) <= 0).all()
    x1, y1, x2, y2 = regions.boxes.T
    assert (x1 >= 0).all()
    assert (y1 >= 0).all()
    assert (x2 <= 400 + 1e-3).all()
    assert (y2 <= 300 + 1e-3).all()
    assert (x2 > x1).all()
    assert (y2 > y1).all()
    overlap = box_iou(*[torch.from_numpy(regions.boxes)] * 2).fill_diagonal_(0)
    assert overlap.max() <= CONFIG.nms_iou + 1e-4
    assert (regions.labels == regions.probabilities.argmax(1)).all()
    assert regions.names[0] == CONFIG.kinds[regions.labels[0]]


def test_a_large_copy_of_an_image_gives_the_same_regions_in_its_own_pixels(detector):
    small = make_phantom(6, size=(120, 160)).image
    large = np.repeat(np.repeat(small, 4, axis=0), 4, axis=1)
    np.testing.assert_allclose(detector.detect(large).boxes, detector.detect(small).boxes * 4, atol=0.1)


def test_a_batch_gives_what_single_images_give(detector):
    images = [make_phantom(seed, size=(150, 200)).image for seed in (3, 4)]
    for one, many in zip([detector.detect(i) for i in images], detector.detect_batch(images), strict=True):
        np.testing.assert_allclose(one.boxes, many.boxes, atol=1e-2)
        np.testing.assert_allclose(one.features, many.features, atol=1e-3)
    model = TorchvisionDetector(CONFIG).train()
    assert not any(m.training for m in model.modules() if isinstance(m, nn.BatchNorm2d))
    with pytest.raises(ConfigError, match="eval"):
        model.detect(images[0])


def test_missing_regions_are_masked_padding():
    regions = Regions(
        np.array([[0, 0, 50, 100], [100, 50, 200, 100]], np.float32), np.full((2, 7), 0.1, np.float32),
        np.array([[1, 2, 3], [4, 5, 6]], np.float32), (100, 200),
    )  # fmt: skip
    rows, padding = to_network_input(regions, 4)
    assert padding.tolist() == [False, False, True, True]
    assert rows[0].tolist() == [1, 2, 3, 0, 0, 0.25, 1]
    assert rows[1].tolist() == [4, 5, 6, 0.5, 0.5, 1, 1]
    assert rows[2:].eq(0).all()
    for name, wrong in (("features", (2, 7, 3, 4)), ("probabilities", (1, 7, 2, 4)), ("boxes", (2, 7, 2, 3))):
        kinds, width, count, sides = wrong
        with pytest.raises(ConfigError, match=name):
            Regions(np.zeros((2, sides)), np.zeros((kinds, width)), np.zeros((count, 5)), (10, 10))


@pytest.mark.parametrize(
    ("changes", "says"),
    [({"anchors": ((8,),)}, "anchors"), ({"nms_iou": 0}, "nms_iou"), ({"n": 400}, "400 regions")],
)
def test_a_detector_config_that_cannot_work_is_rejected(changes, says):
    with pytest.raises(ConfigError, match=says):
        DetectorConfig(**changes)
    with pytest.raises(BundleError, match="yolo"):
        build_detector("yolo", {})


def test_a_folded_backbone_gives_the_same_maps_without_batch_norms():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        body = timm.create_model("tf_efficientnet_lite0", features_only=True, out_indices=(2, 3)).eval()
        for module in body.modules():
            if isinstance(module, nn.BatchNorm2d):  # as after a training: none of them does nothing
                for values, low in ((module.weight, 0.5), (module.bias, -0.5), (module.running_mean, -0.5)):
                    nn.init.uniform_(values, low, low + 1)
                nn.init.uniform_(module.running_var, 0.5, 2)
        images = torch.rand(2, 3, 64, 96)
    new = fold_batchnorm(body)
    assert new is not body
    assert any(isinstance(m, nn.BatchNorm2d) for m in body.modules())  # the model itself is left as it was
    assert not any(isinstance(m, nn.BatchNorm2d) for m in new.modules())
    with torch.inference_mode():
        for before, after in zip(body(images), new(images), strict=True):
            assert (before - after).abs().max() < 1e-5 * before.abs().max()

    class NoGraph(nn.Module):
        def forward(self, images):
            return images if images.sum() > 0 else -images

    model = NoGraph()
    assert fold_batchnorm(model) is model


def test_a_frozen_detector_gives_the_same_regions_and_saves_the_same_weights():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        detector = TorchvisionDetector(CONFIG).eval()
    image = make_phantom(1, "mel").image
    before, names = detector.detect(image), list(detector.state_dict())
    detector.freeze()
    after = detector.detect(image)
    np.testing.assert_allclose(before.boxes, after.boxes, atol=1e-2)
    np.testing.assert_allclose(before.features, after.features, atol=1e-4)
    assert list(detector.state_dict()) == names
