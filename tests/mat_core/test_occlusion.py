"""Occlusion: exact at its ends, equal to occluding by hand, right on planted structures."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from torch import nn

from mat_core import Diagnoser, MATConfig, MATNetwork, Metadata
from mat_core.data.image_loading import load_image
from mat_core.data.labels import CODES
from mat_core.data.metadata import Vocabulary, closed_vocabulary
from mat_core.errors import ConfigError
from mat_core.explain import (
    FILLS,
    OCCLUSION_RANKINGS,
    REFERENCES,
    CancelledError,
    Occlusion,
    ablate,
    contributions,
    occlude,
    occlusion_faithfulness,
    refine_grid,
)
from mat_core.explain.faithfulness import top_overlap
from mat_core.explain.occlusion_fill import fill_image, paste
from mat_core.explain.occlusion_image import BATCH, OcclusionImage
from mat_core.inference.bundle import Bundle
from mat_core.models.detection.regions import Regions, to_network_input
from teaching.phantoms import make_phantom

CASE = Metadata(sex="male")
SIZE = (60, 80)
TILE = 10  # pixels of a box of the detector below, and of a tile of the coarse grid
DOTS = {"blue": (40, 60, 170), "green": (40, 130, 60), "white": (235, 235, 240), "black": (25, 20, 20)}


class Colors(nn.Module):
    """A detector with a box on every tile, whose features say which dots it sees there; it learns dots from skin."""

    feature_width = 1 + len(DOTS)
    config = None

    def __init__(self):
        super().__init__()
        self.look = nn.Sequential(nn.Conv2d(3, 16, 1), nn.ReLU(), nn.Conv2d(16, self.feature_width, 1))
        self.asked = 0

    def logits(self, images):
        return self.look(torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 255 * 6 - 3)

    def features(self, images):
        kinds = self.logits(images).softmax(1)
        return nn.functional.avg_pool2d(kinds * 4, TILE).flatten(2).transpose(1, 2)

    @torch.inference_mode()
    def detect_batch(self, images):
        self.asked += len(images)
        return [self._regions(f.numpy(), i.shape[:2]) for i, f in zip(images, self.features(images), strict=True)]

    def detect(self, image):
        return self.detect_batch([image])[0]

    def _regions(self, features, size):
        y, x = np.mgrid[0 : size[0] : TILE, 0 : size[1] : TILE]
        boxes = np.stack([x, y, x + TILE, y + TILE], -1).reshape(-1, 4).astype(np.float32)
        kinds = np.full((len(boxes), 2), 0.1, np.float32)
        kinds[:, 1] += np.arange(len(boxes)) % 3 == 0  # every third box is skin
        return Regions(boxes, kinds, features, size, ("nv", "skin"))


def planted(seed, there):
    """A phantom with four dots, or without the blue one. Returns image, where the blue dot is, each pixel's dot."""
    rng = np.random.default_rng((seed, 7))
    image, dots = make_phantom(seed, "nv", SIZE).image.copy(), np.zeros(SIZE, np.int64)
    for number, (place, color) in enumerate(zip(rng.permutation(48), DOTS.values(), strict=False), start=1):
        row, column = divmod(int(place), 8)
        if number > 1 or there:  # within a tile: one tile hides it whole
            cv2.circle(image, (TILE * column + TILE // 2, TILE * row + TILE // 2), 4, color, -1)
        dots[(image == color).all(2)] = number
    return image, dots == 1, dots


def make_diagnoser(unit="base", seed=0, layers=1):
    torch.manual_seed(seed)
    vocabulary, detector = Vocabulary(closed_vocabulary()), Colors().eval()
    config = MATConfig(
        unit=unit, d=16, h=2, layers=layers, n=48, region_width=detector.feature_width + 4, word_width=4, dropout=0,
        vocabulary=len(vocabulary),
    )  # fmt: skip
    return Diagnoser(Bundle(MATNetwork(config).eval(), detector, vocabulary, temperature=1.3))


def teach(diagnoser):
    """Teach the detector the dots, then the network that blue is melanoma and no blue a nevus: a few seconds."""
    detector, network = diagnoser.bundle.detector, diagnoser.bundle.network
    images, _, dots = zip(*(planted(seed, seed % 2 == 0) for seed in range(120)), strict=True)
    dots, answers = torch.from_numpy(np.stack(dots)), torch.tensor([2, 4] * 60)
    fit(detector, 0.03, 150, 8, lambda rows: (detector.logits([images[i] for i in rows]), dots[rows]))
    regions = detector.detect(images[0])
    place, ids = to_network_input(regions, 48)[0][:, -4:], diagnoser.inputs(regions, CASE)[2]
    with torch.no_grad():
        seen = detector.features(images)
    seen = torch.cat([seen, place.expand(len(seen), -1, -1)], -1)
    fit(
        network,
        0.01,
        300,
        32,
        lambda rows: (network(seen[rows], None, ids.expand(len(rows), -1)).logits, answers[rows]),
    )
    return diagnoser


def fit(module, rate, steps, size, batch):
    optimiser = torch.optim.Adam([p for p in module.parameters() if p.requires_grad], lr=rate)
    for _ in range(steps):
        loss = nn.functional.cross_entropy(*batch(torch.randint(0, 120, (size,))))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


def found_share(diagnoser, cases):
    """Share of unseen pictures in which the tile that matters most for melanoma, and the region that contributes most
    to it, lie on the blue dot.
    """
    hits = []
    for seed in range(1000, 1000 + cases):
        image, blue, _ = planted(seed, True)
        hidden = occlude(diagnoser, image, CASE)
        regions = diagnoser.regions(image)
        added = contributions(diagnoser, regions, CASE).against("mel", "nv").regions
        boxes = hidden.boxes[hidden.effect("mel").argmax()], regions.boxes[added.argmax()]
        hits.append([blue[int(y1) : int(y2), int(x1) : int(x2)].any() for x1, y1, x2, y2 in boxes])
    return np.mean(hits, 0)


@pytest.fixture(autouse=True)
def one_thread():
    """Networks as small as these are faster without a second one; conftest.py restores the number."""
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def taught():
    torch.set_num_threads(1)
    return teach(make_diagnoser())


@pytest.mark.slow
def test_planted_structures_are_found_and_random_weights_lose_them(taught):
    assert (found_share(taught, 20) >= 0.95).all()
    # tokens are mixed in its blocks, so what a region contributes need not lie in its box
    assert found_share(teach(make_diagnoser("sga-sga")), 5)[0] == 1
    lost = np.mean([found_share(make_diagnoser(seed=seed), 6) for seed in range(1, 5)], 0)
    assert (lost < 0.5).all(), lost


@pytest.mark.parametrize("fill", FILLS)
def test_occluding_nothing_is_the_diagnosis(taught, tiny_diagnoser, phantom_file, fill):
    for diagnoser, image in ((taught, planted(3, True)[0]), (tiny_diagnoser, load_image(phantom_file))):
        answer = list(diagnoser(image, CASE).probabilities.values())
        found = occlude(diagnoser, image, CASE, np.zeros(image.shape[:2], bool), fill)
        np.testing.assert_allclose([found.probabilities, found.hidden[0]], [answer] * 2, atol=1e-9)
        assert found.areas.tolist() == [0]


def test_an_image_scaled_before_has_the_same_regions(tiny_diagnoser):
    """Parts are hidden at the detector's own size; that alone must change nothing."""
    for size in ((300, 400), (400, 300), (97, 211), (450, 601)):
        image = make_phantom(2, size=size).image
        scene = OcclusionImage(tiny_diagnoser, image, CASE, "skin")
        assert max(scene.size) <= 160
        again, regions = tiny_diagnoser.bundle.detector.detect(scene.image), tiny_diagnoser.regions(image)
        np.testing.assert_allclose(again.features, regions.features, atol=1e-6)
        np.testing.assert_allclose(again.rescaled_to(size).boxes, regions.boxes, atol=1e-3)


def test_occluding_everything_is_the_diagnosis_of_plain_skin(tiny_diagnoser, phantom_file):
    image = load_image(phantom_file)
    found = occlude(tiny_diagnoser, image, CASE, np.ones(image.shape[:2], bool))
    small = cv2.resize(image, (160, 120), interpolation=cv2.INTER_AREA)
    lesion = tiny_diagnoser.regions(image).rescaled_to((120, 160)).boxes[0]
    skin = np.rint(fill_image(small, "skin", lesion)).astype(np.uint8)
    plain = tiny_diagnoser.diagnose_regions(tiny_diagnoser.bundle.detector.detect(skin).rescaled_to((300, 400)), CASE)
    np.testing.assert_allclose(found.hidden[0], list(plain.probabilities.values()), atol=1e-5)
    assert found.areas.tolist() == [1]
    assert np.abs(found.hidden[0] - found.probabilities).max() > 1e-5


def test_filled_skin_has_the_color_of_the_skin_around():
    for seed in range(6):
        phantom = make_phantom(seed, "mel", (120, 160))
        y, x = np.nonzero(phantom.mask)
        box = x.min(), y.min(), x.max() + 1, y.max() + 1
        inside, around = phantom.mask > 0, cv2.dilate(phantom.mask, np.ones((15, 15))) == 0
        skin = np.median(phantom.image[around], 0)
        off = {fill: np.abs(fill_image(phantom.image, fill, box)[inside].mean(0) - skin).max() for fill in FILLS}
        assert off["skin"] < 12 < 25 < np.abs(phantom.image[inside].mean(0) - skin).max()
        assert off["skin"] < min(off["blur"], off["mean"])  # these keep the lesion's color in it
        np.testing.assert_allclose(fill_image(phantom.image, "mean", None)[3, 5], phantom.image.mean((0, 1)), atol=1e-2)
        assert np.isfinite(fill_image(phantom.image, "skin", (0, 0, 160, 120))).all()  # no skin outside: the rim


def test_a_pasted_fill_covers_its_mask_and_ends_softly():
    image, below = np.full((100, 100, 3), 200, np.uint8), np.zeros((100, 100, 3), np.float32)
    mask = np.zeros((100, 100), bool)
    mask[40:60, 40:60] = True
    found = paste(image, mask, below)[50, :, 0].astype(int)
    assert (found[40:60] == 0).all()
    assert 0 < found[60] < found[61] < found[64] == 200
    assert (found[:37] == 200).all()
    assert paste(image, np.zeros_like(mask), below) is image
    assert (image == 200).all()


@pytest.mark.parametrize("unit", ["base", "sga-sga"])
def test_each_part_is_occluded_as_by_hand(unit):
    diagnoser, image = make_diagnoser(unit), planted(5, True)[0]
    with torch.no_grad():  # answers that hang on what is seen
        diagnoser.bundle.detector.look[2].weight *= 8
        diagnoser.bundle.network.classifier.weight *= 8
    regions = diagnoser.regions(image)
    below = fill_image(image, "skin", regions.boxes[0])
    skin = np.arange(48) % 3 == 0
    painted = np.zeros((2, *SIZE), bool)
    painted[0, 7:23, 11:50] = painted[1, :, :3] = True
    for parts, masks in (
        ("regions", [boxed(box) for box in regions.boxes[None].swapaxes(0, 1)]),
        ("kinds", [boxed(regions.boxes[~skin]), boxed(regions.boxes[skin])]),
        (painted, painted),
        ((2, 3), [boxed([[x, y, x + w, y + 30]]) for y in (0, 30) for x, w in ((0, 27), (27, 26), (53, 27))]),
    ):
        found = occlude(diagnoser, image, CASE, parts)
        assert len(found.hidden) == len(found.names) == len(found.boxes) == len(masks)
        np.testing.assert_allclose(found.areas, [mask.mean() for mask in masks])
        for p, mask in zip(found.hidden, masks, strict=True):
            own = diagnoser.diagnose_regions(diagnoser.bundle.detector.detect(paste(image, mask, below)), CASE)
            np.testing.assert_allclose(p, list(own.probabilities.values()), atol=1e-5)
        np.testing.assert_allclose(found.effect("nv"), found.probabilities[4] - found.hidden[:, 4])
        assert np.abs(found.probabilities - found.hidden).max() > 1e-3
    assert occlude(diagnoser, image, CASE, "kinds").names == ("the whole lesion", "all skin around")


def boxed(boxes):
    mask = np.zeros(SIZE, bool)
    for x1, y1, x2, y2 in np.asarray(boxes).astype(int):
        mask[y1:y2, x1:x2] = True
    return mask


def test_a_grid_is_a_map_and_gets_finer_where_it_matters(taught):
    taught = Diagnoser(replace(taught.bundle, temperature=5.0))  # so sure that a quarter of a dot says nothing
    image, blue, _ = planted(1001, True)
    coarse = occlude(taught, image, CASE)
    assert coarse.map("mel").shape == (6, 8)
    np.testing.assert_array_equal(coarse.map("mel").ravel(), coarse.effect("mel"))
    row, column = np.unravel_index(coarse.map("mel").argmax(), (6, 8))
    assert blue[10 * row : 10 * row + 10, 10 * column : 10 * column + 10].any()
    assert coarse.names[8 * row + column] in coarse.summary("mel")
    assert coarse.boxes[8 * row + column].tolist() == [10 * column, 10 * row, 10 * column + 10, 10 * row + 10]
    fine = refine_grid(taught, image, coarse, "mel", CASE, most=2)
    assert fine.map("mel").shape == (12, 16)
    assert len(fine.names) == 48 - 2 + 8
    first, second = np.argsort(-np.abs(coarse.effect("mel")))[:2]
    blocks = fine.map("mel").reshape(6, 2, 8, 2).swapaxes(1, 2).reshape(48, 4)
    kept = np.delete(np.arange(48), [first, second])
    np.testing.assert_array_equal(blocks[kept], coarse.effect("mel")[kept, None].repeat(4, 1))
    # each quarter, by hand
    y, x = 10 * (first // 8), 10 * (first % 8)
    masks = np.zeros((4, *SIZE), bool)
    for mask, (dy, dx) in zip(masks, ((0, 0), (0, 5), (5, 0), (5, 5)), strict=True):
        mask[y + dy : y + dy + 5, x + dx : x + dx + 5] = True
    by_hand = occlude(taught, image, CASE, masks)
    np.testing.assert_allclose(blocks[first], by_hand.effect("mel"), atol=1e-6)
    assert np.ptp(blocks[first]) > 1e-3
    at = fine.names.index(f"{coarse.names[first]}, lower left")
    np.testing.assert_allclose(fine.boxes[at], [x, y + 5, x + 5, y + 10])
    assert fine.areas.sum() == pytest.approx(1)
    # tiles of 5 pixels are not split again; the map is only drawn finer
    again = refine_grid(taught, image, fine, "mel", CASE, most=1)
    assert again.map("mel").shape == (24, 32)
    with pytest.raises(ConfigError, match="grid"):
        refine_grid(taught, image, by_hand, "mel", CASE)
    with pytest.raises(ConfigError, match="grid"):
        by_hand.map("mel")


def test_masks_and_boxes_are_in_pixels_of_the_original_image(tiny_diagnoser):
    portrait = make_phantom(4, size=(400, 300)).image
    found = occlude(tiny_diagnoser, portrait, CASE)
    assert found.cells.shape == (8, 6)
    np.testing.assert_allclose(found.boxes[-1], [250, 350, 300, 400])
    stroke = np.zeros((400, 300), bool)
    stroke[200, 40:260] = True  # one pixel high where the detector sees 160 x 120
    thin = occlude(tiny_diagnoser, portrait, CASE, stroke)
    assert thin.areas[0] > 0
    np.testing.assert_allclose(thin.boxes, [[40, 200, 260, 202.5]])
    small = make_phantom(4, size=(60, 80)).image
    left = np.zeros((60, 80), bool)
    left[:, :40] = True
    assert occlude(tiny_diagnoser, small, CASE, left).areas.tolist() == [0.5]


def test_progress_is_reported_and_cancelling_stops():
    diagnoser, image, told = make_diagnoser(), planted(1, True)[0], []
    occlude(diagnoser, image, CASE, progress=lambda *now: told.append(now))
    assert told == [(done, 48) for done in range(BATCH, 49, BATCH)]
    diagnoser.regions(image)
    before = diagnoser.bundle.detector.asked
    with pytest.raises(CancelledError, match=f"after {2 * BATCH} of 48"):
        occlude(diagnoser, image, CASE, cancelled=lambda: diagnoser.bundle.detector.asked >= before + 2 * BATCH)
    assert diagnoser.bundle.detector.asked == before + 2 * BATCH
    assert len(diagnoser._region_cache) == 1  # occluded images are not cached


def test_a_detector_without_batches_is_enough(taught):
    class Alone(nn.Module):
        feature_width, config = Colors.feature_width, None

        def detect(self, image):
            return taught.bundle.detector.detect(image)

    image = planted(6, True)[0]
    alone = Diagnoser(replace(taught.bundle, detector=Alone()))
    np.testing.assert_allclose(occlude(alone, image, CASE).hidden, occlude(taught, image, CASE).hidden, atol=1e-5)


def test_an_image_without_any_region_left_has_an_answer(taught):
    class Bright(nn.Module):
        feature_width, config = Colors.feature_width, None

        def detect(self, image):
            regions = taught.bundle.detector.detect(image)
            return regions.select(slice(0, 48 if image[0, 0, 0] > 250 else 0))

    image = planted(6, True)[0]
    image[0, 0] = 255
    found = occlude(Diagnoser(replace(taught.bundle, detector=Bright())), image, CASE)
    assert np.isfinite(found.hidden).all()
    np.testing.assert_allclose(found.hidden.sum(1), 1)


@pytest.mark.parametrize(
    ("hidden", "kind", "parts"),
    [
        ([0.51], "painted", ("lowers", "12 points", "63.0%", "51.0%")),
        ([0.64], "painted", ("raises", "1 point,", "63.0%", "64.0%")),
        ([0.628], "painted", ("melanoma", "63.0%")),
        ([0.6, 0.9], "grid", ("the second tile", "raises", "27 points", "63.0%", "90.0%")),
        ([], "grid", ()),
    ],
)
def test_a_summary_has_the_largest_change(hidden, kind, parts):
    rows, answer = np.zeros((len(hidden), 7)), np.zeros(7)
    rows[:, 2], answer[2] = hidden, 0.63
    names = ("the first tile", "the second tile")[: len(rows)]
    text = Occlusion(CODES, "skin", kind, names, np.zeros((len(rows), 4)), np.zeros(2), answer, rows).summary("mel")
    assert [part for part in parts if part not in text] == []


def test_wrong_parts_fills_and_classes_are_refused(taught):
    image = planted(0, True)[0]
    for wrong in ("tiles", (0, 3), (2, 3, 4), (6.0, 8), np.zeros((3, 3), bool), np.zeros(SIZE), 5, None):
        with pytest.raises(ConfigError, match="must be"):
            occlude(taught, image, CASE, wrong)
    with pytest.raises(ConfigError, match="skin, blur, mean"):
        occlude(taught, image, CASE, fill="black")
    with pytest.raises(ConfigError, match="bcc, df, mel"):
        refine_grid(taught, image, occlude(taught, image, CASE, (1, 2)), "scc", CASE)


def test_every_ranking_is_compared_with_occlusion(taught):
    image, blue, _ = planted(1002, True)
    found = occlusion_faithfulness(taught, image, CASE, "mel")
    assert set(found.scores) == set(OCCLUSION_RANKINGS) - {"attention"}  # base has none
    hidden, taken = occlude(taught, image, CASE, "regions"), ablate(taught, taught.regions(image), CASE)
    np.testing.assert_allclose(found.scores["occlusion"], hidden.effect("mel"))
    np.testing.assert_allclose(found.scores["area"], TILE**2 / (SIZE[0] * SIZE[1]))
    np.testing.assert_allclose(found.scores["ablation"], taken.effect("mel"), atol=1e-6)
    for one in REFERENCES:
        assert set(found.spearman[one]) == set(found.overlap[one]) == set(found.scores) - {one}
        for name, value in found.spearman[one].items():
            if name == "area":  # all boxes alike: nothing to rank by
                assert value == 0
            else:
                assert value == pytest.approx(spearmanr(found.scores[name], found.scores[one])[0])
    # without a block between them, all that ask the model itself find the same region
    first = found.scores["occlusion"].argmax()
    assert all(found.scores[name].argmax() == first for name in ("ablation", "contribution"))
    x1, y1, x2, y2 = taught.regions(image).boxes[first].astype(int)
    assert blue[y1:y2, x1:x2].any()
    attended = occlusion_faithfulness(make_diagnoser("sga-sga"), image, CASE)
    assert set(attended.scores) == set(OCCLUSION_RANKINGS)
    assert f"attention {attended.spearman['occlusion']['attention']:+.2f}" in attended.summary()


def test_top_overlap_counts_the_common_ones():
    up, down = np.arange(20.0), -np.arange(20.0)
    assert top_overlap(up, up) == 1
    assert top_overlap(up, down) == 0
    assert top_overlap(up[:15], down[:15]) == 0.5
    assert top_overlap(up[:0], up[:0]) == 0
