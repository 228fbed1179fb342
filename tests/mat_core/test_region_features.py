"""Regions described by the backbone's own maps, and the whole image as a region."""

from dataclasses import replace

import numpy as np
import pytest
import timm
import torch

from mat_core import ConfigError
from mat_core.models.detection.torchvision_detector import DetectorConfig, TorchvisionDetector
from teaching.phantoms import make_phantom

KINDS = ("mel", "nv", "border", "patch", "skin")
CONFIG = DetectorConfig(
    short_side=120, long_side=160, anchors=((16, 24), (32, 48), (64, 100)), pyramid_width=16, pool=3, feature_width=20,
    kinds=KINDS, proposals=80, n=30, features=("last", "local"), part_features=("local",), whole_image=True,
)  # fmt: skip
LAST, LOCAL = 1280, 4 * (40 + 112)  # numbers of tf_efficientnet_lite0


@pytest.fixture(scope="module")
def detector() -> TorchvisionDetector:
    torch.manual_seed(0)
    return TorchvisionDetector(CONFIG).eval()


@pytest.fixture(scope="module")
def images() -> list[np.ndarray]:
    return [make_phantom(seed, "mel", size).image for seed, size in ((1, (120, 160)), (2, (160, 120)))]


def test_the_whole_image_is_the_second_region(detector, images):
    for image, regions in zip(images, detector.detect_batch(images), strict=True):
        height, width = image.shape[:2]
        assert regions.names.index("image") == 1
        np.testing.assert_allclose(regions.boxes[1], (0, 0, width, height), atol=1e-3)
        assert regions.scores[1] == 1
        assert regions.names.count("image") == 1
        assert len(regions) <= CONFIG.n
        assert regions.names[0] in ("mel", "nv")


def test_whole_image_reads_what_a_classifier_reads(detector, images):
    """So a MAT that only copied this region would answer as the classifier does."""
    classifier = timm.create_model(CONFIG.backbone, pretrained=False, num_classes=7).eval()
    body = detector.rcnn.backbone.body.state_dict() | detector.region_features.last.state_dict()
    missing = classifier.load_state_dict(body, strict=False).missing_keys
    assert missing == ["classifier.weight", "classifier.bias"]
    batch = detector._batch([torch.from_numpy(images[0].transpose(2, 0, 1).copy()) / 255])
    with torch.inference_mode():
        pooled = classifier.forward_head(classifier.forward_features(batch.tensors), pre_logits=True)
    features = detector.detect(images[0]).features
    np.testing.assert_allclose(features[1, :LAST], pooled[0].numpy(), rtol=1e-3, atol=1e-4)


def test_parts_have_their_own_features_only(detector, images):
    regions = detector.detect(images[0])
    assert regions.features.shape[1] == detector.feature_width == LAST + LOCAL
    parts = np.isin(regions.names, ("border", "patch", "skin"))
    assert parts.any()
    assert not regions.features[parts, :LAST].any()
    assert regions.features[parts, LAST:].any(1).all()
    assert regions.features[~parts, :LAST].any(1).all()


def test_local_features_ignore_what_is_far_away(detector):
    """Strides 8 and 16 see at most 219 pixels, the box head and the last convolution everything."""
    maps = [torch.rand(1, c, 120 // s, 160 // s) for c, s in ((40, 8), (112, 16), (320, 32))]
    boxes = [torch.tensor([[8.0, 8.0, 40.0, 40.0]])]
    pool = TorchvisionDetector(replace(CONFIG, features=("local",), part_features=None)).region_features
    arguments = [(120, 160)], torch.zeros(1, 20), torch.zeros(1, dtype=torch.bool), torch.zeros(0, dtype=torch.int64)
    with torch.inference_mode():
        before = pool(maps, boxes, *arguments)
        for level in maps:
            level[..., level.shape[-1] // 2 :] = 0
        assert torch.equal(pool(maps, boxes, *arguments), before)
        maps[0][..., 1, 1] += 1
        assert not torch.equal(pool(maps, boxes, *arguments), before)


@pytest.mark.parametrize(
    "wrong", [{"features": ("tail",)}, {"features": ()}, {"part_features": ("head",)}, {"whole_image": 1}]
)
def test_settings_that_cannot_work_are_refused(wrong):
    with pytest.raises(ConfigError):
        replace(CONFIG, **wrong)
