"""Boxes of the parts of a lesion, and the kinds of regions of a detector trained with them."""

import cv2
import numpy as np
import pytest
import torch

from mat_core.data.labels import BY_CODE, CODES, PARTS, region_name
from mat_core.models.detection.regions import most_likely_kinds
from mat_core.models.detection.torchvision_detector import DetectorConfig, TorchvisionDetector
from teaching.phantoms import make_phantom
from training.data.region_boxes import KINDS, PartSettings, part_boxes


def boxes_of(image, mask, kind):
    return [box for box, part in part_boxes(image, mask) if part == kind]


@pytest.mark.parametrize("seed", range(6))
def test_parts_lie_where_their_names_say(seed):
    phantom = make_phantom(seed, size=(240, 320))
    mask = (phantom.mask > 0).astype(np.uint8)
    inner = cv2.erode(mask, np.ones((3, 3), np.uint8))
    for x1, y1, x2, y2 in boxes_of(phantom.image, mask, "skin"):
        assert mask[y1:y2, x1:x2].sum() == 0
    for x1, y1, x2, y2 in boxes_of(phantom.image, mask, "border"):
        assert 0 < mask[y1:y2, x1:x2].mean() < 1
    for x1, y1, x2, y2 in boxes_of(phantom.image, mask, "patch"):
        assert inner[y1:y2, x1:x2].mean() > 0.2
    for (x1, y1, x2, y2), _ in part_boxes(phantom.image, mask):
        assert 0 <= x1 < x2 <= 320
        assert 0 <= y1 < y2 <= 240


def test_a_round_lesion_in_the_middle_has_six_borders_four_colors_and_skin():
    image = np.full((240, 320, 3), (220, 180, 160), np.uint8)
    mask = cv2.circle(np.zeros((240, 320), np.uint8), (160, 120), 60, 1, -1)
    for quarter, color in enumerate([(200, 40, 40), (40, 160, 40), (40, 40, 200), (20, 20, 20)]):
        wedge = cv2.ellipse(np.zeros_like(mask), (160, 120), (60, 60), 90 * quarter, 0, 90, 1, -1)
        image[wedge == 1] = color
    found = {kind: boxes_of(image, mask, kind) for kind in PARTS}
    assert len(found["border"]) == PartSettings().border_count
    assert len(found["skin"]) == PartSettings().skin_count
    assert len(found["patch"]) == 4  # one a colour, each in its own quarter
    quarters = {((x1 + x2) / 2 > 160, (y1 + y2) / 2 > 120) for x1, y1, x2, y2 in found["patch"]}
    assert len(quarters) == 4
    assert found == {kind: boxes_of(image, mask, kind) for kind in PARTS}  # nothing in it is random
    assert part_boxes(image, np.zeros_like(mask)) == []
    assert {kind for _, kind in part_boxes(make_phantom(1, size=(240, 320)).image, np.ones_like(mask))} <= {"patch"}


def test_a_box_that_the_diagnoses_share_is_still_the_lesion():
    probabilities = np.zeros((3, 10), np.float32)
    probabilities[0, [CODES.index("mel"), CODES.index("nv"), KINDS.index("border")]] = 0.3, 0.25, 0.4
    probabilities[1, [CODES.index("mel"), KINDS.index("skin")]] = 0.3, 0.6
    probabilities[2, KINDS.index("patch")] = 0.2
    assert [KINDS[k] for k in most_likely_kinds(probabilities, KINDS)] == ["mel", "skin", "patch"]
    assert most_likely_kinds(np.zeros((0, 10), np.float32), KINDS).shape == (0,)
    probabilities = np.random.default_rng(0).dirichlet(np.ones(8), 500)[:, 1:]
    assert (most_likely_kinds(probabilities, CODES) == probabilities.argmax(1)).all()  # without parts


def test_the_order_begins_with_the_lesion_and_gives_every_kind_a_turn():
    model = TorchvisionDetector(DetectorConfig(kinds=KINDS, pyramid_width=8, feature_width=8))
    probabilities = torch.zeros(9, len(KINDS))
    probabilities[:6, KINDS.index("skin")] = torch.tensor([0.99, 0.98, 0.97, 0.96, 0.95, 0.94])
    probabilities[6, KINDS.index("border")] = 0.8
    probabilities[7, KINDS.index("patch")] = 0.6
    probabilities[8, CODES.index("mel")] = 0.5
    order = model._order(probabilities).tolist()
    assert sorted(order) == list(range(9))
    assert order[0] == 8
    assert {6, 7} < set(order[:6])
    assert [i for i in order if i < 6] == [0, 1, 2, 3, 4, 5]


def test_every_kind_of_region_has_a_name_for_people():
    for kind in KINDS:
        name = region_name(kind)
        assert name == (BY_CODE[kind].name if kind in BY_CODE else kind.capitalize())
        explained = region_name(kind, explained=True)
        assert explained == (f"{name}: {PARTS[kind]}" if kind in PARTS else name)
    assert region_name("lesion") == "Lesion"  # of another detector
