"""Picture and matrix of the explorer agree: where the overlay is brightest lies one of the most attended regions.

The overlay is computed by the page's own modules, in node, from the payloads of the model that ships.
"""

import hashlib
import json

import numpy as np
import pytest
from conftest import HAM10000
from nodejs import node, ran

from interface.tabs.explore import explorer_value
from mat_core import Diagnoser, Metadata
from mat_core.data.ham10000 import read_dataset
from mat_core.data.image_loading import load_image
from mat_core.data.labels import CODES
from teaching.phantoms import make_phantom

CASES = 20
MOST = 3  # the brightest pixel lies in one of so many regions
METADATA = Metadata(55, "female", "lower extremity")


def phantoms() -> list[np.ndarray]:
    return [make_phantom(seed, CODES[seed % len(CODES)]).image for seed in range(CASES)]


def lesions() -> list[np.ndarray]:
    drawn = sorted(read_dataset(HAM10000).of("test"), key=lambda case: hashlib.sha256(case.image_id.encode()).digest())
    chosen = [case for code in CODES for case in [c for c in drawn if c.diagnosis == code][:3]]
    return [load_image(case.image) for case in drawn if case in chosen][:CASES]


@pytest.mark.slow
@pytest.mark.parametrize("images", [phantoms, pytest.param(lesions, marks=pytest.mark.real)])
def test_the_brightest_place_of_the_picture_is_one_of_the_most_attended_regions(images, tmp_path):
    diagnoser = Diagnoser.from_pretrained()
    cases = [(image, diagnoser(image, METADATA)) for image in images()]
    file = tmp_path / "payloads.json"
    file.write_text("[" + ",".join(explorer_value(diagnoser, diagnosis, image) for image, diagnosis in cases) + "]")
    told = ran(node(), "tests/js/brightest.mjs", str(file))
    assert told.returncode == 0, told.stderr
    found = json.loads(told.stdout)
    assert len(found) == CASES
    for case, ((_, diagnosis), places) in enumerate(zip(cases, found, strict=True)):
        boxes = diagnosis.regions.boxes
        assert len(places) == 9 * (1 + len(diagnosis.words)) + 9, "mean and eight heads, of two maps"
        for name, head, word, x, y in places:
            weights = getattr(diagnosis.attention, name)[0]  # (heads, queries, regions)
            weights = weights.mean(0) if head == "mean" else weights[head]
            weights = weights.mean(0) if word is None else weights[word]
            x1, y1, x2, y2 = boxes[np.argsort(-weights, kind="stable")[:MOST]].T
            there = (x1 <= x) & (x <= x2) & (y1 <= y) & (y <= y2)
            assert there.any(), f"case {case}, {name}, head {head}, word {word}: brightest at {x:.0f}, {y:.0f}"
