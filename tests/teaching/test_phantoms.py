"""Phantoms: the same seed gives the same bytes, the mask lies on the lesion, and the data set reads as HAM10000."""

import csv
from collections import Counter, defaultdict
from itertools import chain

import cv2
import numpy as np
import pytest

from mat_core.data.ham10000 import read_dataset
from mat_core.data.image_loading import load_image
from mat_core.data.labels import CODES
from mat_core.data.metadata import LOCALIZATIONS, SEXES
from mat_core.errors import UserError
from teaching.phantoms import Phantom, make_phantom, write_phantom_dataset

SMALL = (75, 100)


@pytest.fixture(scope="module")
def gallery() -> dict[str, list[Phantom]]:
    """Seven small phantoms of each diagnosis."""
    return {code: [make_phantom(seed, code, SMALL) for seed in range(7)] for code in CODES}


@pytest.fixture(scope="module")
def tiny() -> list[Phantom]:
    """Three hundred phantoms whose diagnosis the seed chose, for counting."""
    return [make_phantom(seed, size=(32, 32)) for seed in range(300)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A phantom data set of 42 lesions."""
    return write_phantom_dataset(tmp_path_factory.mktemp("phantoms"), per_class=6, seed=3, size=(60, 80))


def contrast(phantom: Phantom, mask: np.ndarray) -> float:
    """Chance that a pixel of `mask` differs more from the skin's colour than one of the ring around it: .5 is none."""
    lab = cv2.cvtColor(phantom.image, cv2.COLOR_RGB2LAB).astype(float)
    reach = max(3, int(0.25 * np.sqrt(mask.sum() / np.pi)))
    ring = (cv2.dilate(mask, np.ones((3, 3), np.uint8), iterations=reach) > 0) & (mask == 0)
    far = np.abs(lab - np.median(lab[ring], axis=0)).sum(2)
    inside, outside = far[mask > 0], np.sort(far[ring])
    rank = np.searchsorted(outside, inside, "left") + np.searchsorted(outside, inside, "right")
    return float(rank.mean() / 2 / len(outside))


def look(phantom: Phantom) -> np.ndarray:
    """Twelve numbers of the lesion's colour against the skin's: mean, spread and extremes in L*a*b*."""
    lab = cv2.cvtColor(phantom.image, cv2.COLOR_RGB2LAB).astype(float)
    against = lab[phantom.mask > 0] - np.median(lab[phantom.mask == 0], axis=0)
    return np.concatenate([against.mean(0), against.std(0), *np.percentile(against, (10, 90), axis=0)])


def measure(phantom: Phantom) -> list[float]:
    """Blue-grey share, middle against rim in L*, lesion against skin in L* and a*, contrast at the border, colours."""
    lab = cv2.cvtColor(phantom.image, cv2.COLOR_RGB2LAB).astype(float)
    lesion = phantom.mask > 0
    depth = cv2.distanceTransform(phantom.mask, cv2.DIST_L2, 5)
    skin, mean = np.median(lab[~lesion], axis=0), lab[lesion].mean(0)
    return [
        (phantom.image[..., 2] > 0.95 * phantom.image[..., 0])[lesion].mean(),
        lab[depth > 0.7 * depth.max()].mean(0)[0] - lab[lesion & (depth < 0.5 * depth.max())].mean(0)[0],
        mean[0] - skin[0],
        mean[1] - skin[1],
        np.linalg.norm(lab[lesion & (depth <= 2)].mean(0) - skin) / np.linalg.norm(mean - skin),
        lab[lesion].std(0)[1:].sum(),
    ]


class TestMakePhantom:
    @pytest.mark.parametrize("code", [*CODES, None])
    def test_same_arguments_same_bytes(self, code):
        first = make_phantom(11, code, SMALL)
        make_phantom(12, code, SMALL)  # what is drawn in between does not matter
        again = make_phantom(11, code, SMALL)
        assert np.array_equal(first.image, again.image)
        assert np.array_equal(first.mask, again.mask)
        assert (first.metadata, first.diagnosis, first.seed) == (again.metadata, again.diagnosis, again.seed)

    def test_the_seed_chooses_the_diagnosis_and_the_phantom_can_be_drawn_again(self, tiny):
        counts = Counter(phantom.diagnosis for phantom in tiny)
        assert set(counts) == set(CODES)
        assert max(counts.values()) < 2 * min(counts.values())
        for phantom in tiny[:20]:
            again = make_phantom(phantom.seed, phantom.diagnosis, (32, 32))
            assert np.array_equal(again.image, phantom.image)
            assert again.metadata == phantom.metadata

    @pytest.mark.parametrize("size", [(300, 400), (64, 64), (33, 47), (32, 256), (256, 32)])
    def test_every_class_at_every_size(self, size):
        for code in CODES:
            phantom = make_phantom(2, code, size)
            assert phantom.diagnosis == code
            assert (phantom.image.shape, phantom.image.dtype) == ((*size, 3), np.uint8)
            assert (phantom.mask.shape, phantom.mask.dtype) == (size, np.uint8)
            assert set(np.unique(phantom.mask)) == {0, 1}
            assert load_image(phantom.image).shape == (*size, 3)  # the app takes it

    def test_one_whole_lesion_of_any_size_place_and_skin_tone(self, gallery):
        crumbs = [make_phantom(27, "bcc", SMALL), make_phantom(45, "akiec", SMALL)]  # noise broke a pixel off theirs
        for phantom in chain(crumbs, *gallery.values()):
            assert cv2.connectedComponents(phantom.mask, connectivity=4)[0] == 2
            assert 0.03 <= phantom.mask.mean() <= 0.6
            assert phantom.mask[1:-1, 1:-1].sum() == phantom.mask.sum()  # nothing at the rim
        for code, phantoms in gallery.items():
            areas = [p.mask.mean() for p in phantoms]
            assert max(areas) > 1.5 * min(areas), code
            assert np.ptp([np.nonzero(p.mask)[1].mean() for p in phantoms]) > 5, code
        skin = [np.median(p.image[p.mask == 0].mean(1)) for p in chain(*gallery.values())]
        assert min(skin) < 100 < 190 < max(skin)
        assert len({p.image.tobytes() for p in chain(*gallery.values())}) == 7 * len(CODES)

    def test_size_changes_neither_lesion_nor_patient(self):
        for code in CODES:
            large, small = make_phantom(4, code, (300, 400)), make_phantom(4, code, (150, 200))
            shrunk = cv2.resize(large.mask * 255, (200, 150), interpolation=cv2.INTER_AREA) > 127
            overlap = (shrunk & (small.mask > 0)).sum() / (shrunk | (small.mask > 0)).sum()
            assert overlap > 0.9, code
            assert large.metadata == small.metadata

    @pytest.mark.parametrize("code", CODES)
    def test_the_mask_lies_on_the_lesion(self, gallery, code):
        for phantom in gallery[code]:
            true = contrast(phantom, phantom.mask)
            assert true > 0.72, phantom.seed
            height, width = phantom.mask.shape
            for move in ((0, width // 4), (height // 4, 0), (0, -width // 4), (-height // 4, 0)):
                moved = np.roll(phantom.mask, move, (0, 1))
                assert contrast(phantom, moved) < true, (phantom.seed, move)

    def test_classes_look_different(self, gallery):
        # each phantom goes to the class whose other phantoms' mean colours are nearest: chance is 1 in 7
        names = np.array([code for code in CODES for _ in gallery[code]])
        looks = np.array([look(p) for code in CODES for p in gallery[code]])
        looks = (looks - looks.mean(0)) / looks.std(0)
        right = 0
        for i, name in enumerate(names):
            others = np.arange(len(names)) != i
            distance = [np.linalg.norm(looks[i] - looks[others & (names == c)].mean(0)) for c in CODES]
            right += CODES[int(np.argmin(distance))] == name
        assert right / len(names) > 0.6

    def test_every_class_has_its_mark(self, gallery):
        marks = {code: np.mean([measure(p) for p in phantoms], axis=0) for code, phantoms in gallery.items()}
        blue_grey, middle, lightness, redness, border, colors = (
            {code: row[k] for code, row in marks.items()} for k in range(6)
        )

        def only(codes, values):  # these classes lie above all the others
            rest = max(values[c] for c in CODES if c not in codes)
            return min(values[c] for c in codes) > rest

        assert only({"mel", "bcc"}, {c: v - 0.005 for c, v in blue_grey.items()})  # veil, nests
        assert blue_grey["mel"] > 0.008
        assert blue_grey["bcc"] > 0.008
        assert only({"df"}, middle)  # the white patch
        assert middle["df"] > 30
        assert only({"vasc"}, redness)
        assert redness["vasc"] > 1.5 * sorted(redness.values())[-2]
        assert only({"bcc", "akiec"}, lightness)  # faint
        assert border["bkl"] > border["nv"] + 0.2  # stuck on, against fading out
        assert min(colors, key=colors.get) == "nv"
        assert colors["mel"] > 2 * colors["nv"]

        def solidity(phantom):
            contours, _ = cv2.findContours(phantom.mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
            return cv2.contourArea(contours[0]) / cv2.contourArea(cv2.convexHull(contours[0]))

        mel, nv = (np.mean([solidity(p) for p in gallery[code]]) for code in ("mel", "nv"))
        assert mel < nv - 0.03  # less regular

    def test_metadata_is_plausible_and_sometimes_missing(self, tiny):
        patients, by_class = [phantom.metadata for phantom in tiny], defaultdict(list)
        for field in ("age", "sex", "localization"):
            assert 0.05 < np.mean([getattr(p, field) is None for p in patients]) < 0.16, field
        assert {p.age % 5 for p in patients if p.age is not None} == {0}
        assert {p.sex for p in patients} == {*SEXES, None}
        assert {p.localization for p in patients} <= {*LOCALIZATIONS, None}
        for phantom in tiny:
            by_class[phantom.diagnosis].append(phantom.metadata)
        age = {code: np.mean([p.age for p in by_class[code] if p.age is not None]) for code in CODES}
        assert age["nv"] + 10 < min(age["mel"], age["bcc"], age["akiec"])
        assert {p.dx_type for p in by_class["mel"]} == {"histo"}
        assert {code for code in CODES for p in by_class[code] if p.dx_type == "follow_up"} == {"nv"}

    @pytest.mark.parametrize(
        ("arguments", "part"),
        [
            ((0, "melanoma"), "bcc, df, mel, bkl, nv, akiec, vasc"),
            ((-1, "nv"), "0 or more"),
            ((0, "nv", (31, 100)), "at least 32"),
            ((0, "nv", (32, 257)), "1 to 8"),
        ],
    )
    def test_wrong_arguments_are_named(self, arguments, part):
        with pytest.raises(UserError, match=part):
            make_phantom(*arguments)


class TestWritePhantomDataset:
    def rows(self, folder) -> list[dict[str, str]]:
        with (folder / "HAM10000_metadata.csv").open(newline="", encoding="utf-8") as handle:
            return list(csv.DictReader(handle))

    def test_it_has_the_layout_of_ham10000(self, folder):
        images, rows = list(folder.glob("HAM10000_images_part_[12]/*.jpg")), self.rows(folder)
        assert {path.parent.name[-1] for path in images} == {"1", "2"}
        assert sorted(path.stem for path in images) == sorted(row["image_id"] for row in rows)
        assert all(path.stem.startswith("ISIC_9") for path in images)  # never a real one's name
        assert list(rows[0]) == ["lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization"]
        for name in ("image_id", "lesion_id"):  # in no order
            assert [row[name] for row in rows] != sorted(row[name] for row in rows)
        data = read_dataset(folder, split_file=None)
        assert data.problems == ()
        assert len(data.cases) == len(rows)
        assert Counter({c.lesion_id: c.diagnosis for c in data.cases}.values()) == dict.fromkeys(CODES, 6)
        for case in data.cases:
            image, mask = load_image(case.image), load_image(case.mask)
            assert image.shape == (60, 80, 3)
            assert mask.shape == (90, 120, 3)  # 1.5 times the image, as in the real set
            assert set(np.unique(mask)) == {0, 255}
            small = cv2.resize(mask[..., 0], (80, 60), interpolation=cv2.INTER_AREA) // 128
            assert 0.03 <= small.mean() <= 0.6
            assert contrast(Phantom(image, small, case.metadata, case.diagnosis, 0), small) > 0.7, case.image_id

        red, _, blue = np.mean([load_image(case.image).mean((0, 1)) for case in data.cases], axis=0)
        assert red > blue + 10  # skin

    def test_values_are_missing_and_lesions_have_several_photographs(self, folder):
        rows, lesions = self.rows(folder), defaultdict(list)
        assert "" in {row["age"] for row in rows}
        assert all(row["age"] == "" or row["age"].endswith(".0") for row in rows)
        assert "unknown" in {row["sex"] for row in rows} & {row["localization"] for row in rows}
        assert {row["dx"] for row in rows if row["dx_type"] == "follow_up"} == {"nv"}
        assert {row["dx_type"] for row in rows if row["dx"] == "mel"} == {"histo"}
        assert {row["dx_type"] for row in rows} == {"follow_up", "histo", "consensus", "confocal"}
        for row in rows:
            lesions[row["lesion_id"]].append(row)
        assert {len(images) for images in lesions.values()} == {1, 2, 3}
        for images in lesions.values():
            assert len({tuple(v for k, v in row.items() if k != "image_id") for row in images}) == 1
        several = next(images for images in lesions.values() if len(images) == 3)
        assert len({next(folder.rglob(f"{row['image_id']}.jpg")).read_bytes() for row in several}) == 3

    @pytest.mark.parametrize("seed", range(6))
    def test_one_lesion_a_class_has_missing_values_too(self, tmp_path, seed):
        root = write_phantom_dataset(tmp_path / "neu \u00e9", per_class=1, seed=seed, size=(32, 40))
        rows = self.rows(root)
        assert "" in {row["age"] for row in rows}
        assert "unknown" in {row["sex"] for row in rows} & {row["localization"] for row in rows}
        assert read_dataset(root, split_file=None).problems == ()

    def test_same_seed_same_files(self, tmp_path):
        def content(name, seed):
            root = write_phantom_dataset(tmp_path / name, per_class=1, seed=seed, size=(32, 40))
            return {str(p.relative_to(root)): hash(p.read_bytes()) for p in root.rglob("*") if p.is_file()}

        assert content("a", 1) == content("b", 1)
        assert content("a", 1) != content("c", 2)
        with pytest.raises(UserError, match="at least one"):
            write_phantom_dataset(tmp_path, per_class=0)
