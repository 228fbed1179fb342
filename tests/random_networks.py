"""Diagnosers of random networks and random regions, for tests that need no images."""

import numpy as np
import torch

from mat_core import Diagnoser, MATConfig, MATNetwork, Metadata
from mat_core.data.metadata import CLEAN_FIELDS, Vocabulary, closed_vocabulary
from mat_core.inference.bundle import Bundle
from mat_core.models.detection.regions import Regions

CASE = Metadata(age=55, sex="female", localization="lower extremity")
WIDTH = 12  # of a region's features
KINDS = ("nv", "mel", "border", "skin")


class BrightestPixel(torch.nn.Module):
    """Stands in for a detector: one box around the brightest pixel, wherever the image is flipped or rotated to."""

    feature_width = WIDTH
    config = None

    def detect(self, image):
        y, x = np.unravel_index(image[..., 0].argmax(), image.shape[:2])
        return random_regions(1, image.shape[:2], boxes=np.array([[x, y, x + 1, y + 1]], dtype=np.float32))


def random_regions(count, size=(90, 120), seed=0, boxes=None) -> Regions:
    rng = np.random.default_rng(seed)
    corners = rng.uniform(0, 60, (count, 2))
    if boxes is None:
        boxes = np.hstack([corners, corners + rng.uniform(5, 29, (count, 2))]).astype(np.float32)
    probabilities = rng.dirichlet(np.full(len(KINDS), 0.2), count).astype(np.float32)
    features = rng.normal(size=(count, WIDTH)).astype(np.float32)
    return Regions(boxes, probabilities, features, size, KINDS)


def make_diagnoser(unit="sga-sga", layers=1, seed=0, fields=CLEAN_FIELDS, temperature=1.3, n=30) -> Diagnoser:
    """A Diagnoser whose network has d = 32 and 4 heads, and answers that differ from 1/7."""
    torch.manual_seed(seed)
    vocabulary = Vocabulary(closed_vocabulary())
    config = MATConfig(
        unit=unit, d=32, h=4, layers=layers, n=n, region_width=WIDTH + 4, word_width=8, vocabulary=len(vocabulary)
    )
    network = MATNetwork(config).eval().requires_grad_(False)  # as a loaded one is
    network.classifier.weight *= 8
    network.norm.weight.uniform_(0.5, 2)  # as a trained one has it: neither 1 nor 0
    network.norm.bias.normal_(std=0.3)
    return Diagnoser(Bundle(network, BrightestPixel(), vocabulary, fields=fields, temperature=temperature))


def probabilities(diagnoser, regions, metadata=CASE) -> np.ndarray:
    return np.array(list(diagnoser.diagnose_regions(regions, metadata).probabilities.values()))
