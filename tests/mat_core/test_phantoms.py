"""Phantoms: the same seed gives the same bytes, the mask lies on the lesion, and the data set reads as HAM10000."""

import csv
from collections import Counter, defaultdict
from itertools import chain

import cv2
import numpy as np
import pytest

from mat_core.errors import UserError
from mat_core.ham10000 import read_dataset
from mat_core.images import load_image
from mat_core.labels import CODES
from mat_core.metadata import LOCALIZATIONS, SEXES, Metadata
from mat_core.phantoms import Phantom, make_phantom, write_phantom_dataset

SMALL = (75, 100)


@pytest.fixture(scope="module")
def gallery() -> dict[str, list[Phantom]]:
    """Ten small phantoms of each diagnosis."""
    return {code: [make_phantom(seed, code, SMALL) for seed in range(10)] for code in CODES}


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

    def test_other_seeds_and_diagnoses_give_other_images(self):
        images = {make_phantom(seed, code, SMALL).image.tobytes() for seed in range(4) for code in CODES}
        assert len(images) == 4 * len(CODES)

    def test_the_seed_chooses_the_diagnosis_and_the_phantom_can_be_drawn_again(self, tiny):
        counts = Counter(phantom.diagnosis for phantom in tiny)
        assert set(counts) == set(CODES)
        assert max(counts.values()) < 2 * min(counts.values())
        for phantom in tiny[:20]:
            again = make_phantom(phantom.seed, phantom.diagnosis, (32, 32))
            assert np.array_equal(again.image, phantom.image)
            assert again.metadata == phantom.metadata

    @pytest.mark.parametrize("size", [(300, 400), (400, 300), (75, 100), (64, 64), (33, 47), (32, 256), (256, 32)])
    @pytest.mark.parametrize("code", CODES)
    def test_every_class_at_every_size(self, code, size):
        phantom = make_phantom(2, code, size)
        assert phantom.diagnosis == code
        assert phantom.image.shape == (*size, 3)
        assert phantom.image.dtype == np.uint8
        assert phantom.mask.shape == size
        assert phantom.mask.dtype == np.uint8
        assert set(np.unique(phantom.mask)) == {0, 1}
        assert 0.03 <= phantom.mask.mean() <= 0.6
        assert load_image(phantom.image).shape == (*size, 3)  # the app takes it

    def test_size_changes_neither_lesion_nor_patient(self):
        for code in CODES:
            large, small = make_phantom(4, code, (300, 400)), make_phantom(4, code, (150, 200))
            shrunk = cv2.resize(large.mask * 255, (200, 150), interpolation=cv2.INTER_AREA) > 127
            overlap = (shrunk & (small.mask > 0)).sum() / (shrunk | (small.mask > 0)).sum()
            assert overlap > 0.9, code
            assert large.metadata == small.metadata

    def test_one_lesion_wholly_in_the_frame(self, gallery):
        crumbs = [make_phantom(27, "bcc", SMALL), make_phantom(45, "akiec", SMALL)]  # noise broke a pixel off theirs
        for phantom in chain(crumbs, *gallery.values()):
            assert cv2.connectedComponents(phantom.mask, connectivity=4)[0] == 2
            assert 0.03 <= phantom.mask.mean() <= 0.6
            rim = np.concatenate([phantom.mask[[0, -1]].ravel(), phantom.mask[:, [0, -1]].ravel()])
            assert not rim.any()

    def test_lesions_differ_in_size_and_place(self, gallery):
        for code, phantoms in gallery.items():
            areas = [p.mask.mean() for p in phantoms]
            assert max(areas) > 1.5 * min(areas), code
            columns = [np.nonzero(p.mask)[1].mean() for p in phantoms]
            assert np.ptp(columns) > 5, code

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
        blue_grey, middle, lightness, redness, border, colours = (
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
        assert min(colours, key=colours.get) == "nv"
        assert colours["mel"] > 2 * colours["nv"]

    def test_skin_tones_vary_from_light_to_dark(self, gallery):
        skin = [np.median(p.image[p.mask == 0].mean(1)) for p in chain(*gallery.values())]
        assert min(skin) < 100
        assert max(skin) > 190

    def test_melanoma_is_less_regular_than_a_nevus(self, gallery):
        def solidity(phantom):
            contours, _ = cv2.findContours(phantom.mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
            return cv2.contourArea(contours[0]) / cv2.contourArea(cv2.convexHull(contours[0]))

        mel, nv = (np.mean([solidity(p) for p in gallery[code]]) for code in ("mel", "nv"))
        assert mel < nv - 0.03

    def test_metadata_is_valid_and_sometimes_missing(self, tiny):
        patients = [phantom.metadata for phantom in tiny]
        for field in ("age", "sex", "localization"):
            share = np.mean([getattr(p, field) is None for p in patients])
            assert 0.05 < share < 0.16, field
        assert all(isinstance(p, Metadata) for p in patients)
        assert {p.age % 5 for p in patients if p.age is not None} == {0}
        assert {p.sex for p in patients} == {*SEXES, None}
        assert {p.localization for p in patients} <= {*LOCALIZATIONS, None}

    def test_metadata_is_plausible(self, tiny):
        patients = defaultdict(list)
        for phantom in tiny:
            patients[phantom.diagnosis].append(phantom.metadata)
        age = {code: np.mean([p.age for p in patients[code] if p.age is not None]) for code in CODES}
        assert age["nv"] + 10 < min(age["mel"], age["bcc"], age["akiec"])
        assert {p.dx_type for p in patients["mel"]} == {"histo"}
        followed = {code for code in CODES for p in patients[code] if p.dx_type == "follow_up"}
        assert followed == {"nv"}

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

    def test_the_official_layout(self, folder):
        assert sorted(p.name for p in folder.iterdir()) == [
            "HAM10000_images_part_1", "HAM10000_images_part_2", "HAM10000_metadata.csv",
            "HAM10000_segmentations_lesion_tschandl",
        ]  # fmt: skip
        parts = [{p.stem for p in (folder / f"HAM10000_images_part_{n}").glob("*.jpg")} for n in (1, 2)]
        rows = self.rows(folder)
        assert list(rows[0]) == ["lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization"]
        assert all(parts)
        assert not parts[0] & parts[1]
        assert parts[0] | parts[1] == {row["image_id"] for row in rows}
        assert all(name.startswith("ISIC_9") for name in parts[0] | parts[1])  # never a real one's name
        masks = {p.name for p in (folder / "HAM10000_segmentations_lesion_tschandl").iterdir()}
        assert masks == {f"{row['image_id']}_segmentation.png" for row in rows}

    def test_it_reads_as_ham10000(self, folder):
        data = read_dataset(folder, split_file=None)
        assert data.problems == ()
        assert len(data.cases) == len(self.rows(folder))
        assert Counter({c.lesion_id: c.diagnosis for c in data.cases}.values()) == dict.fromkeys(CODES, 6)
        for case in data.cases:
            image, mask = load_image(case.image), load_image(case.mask)
            assert image.shape == (60, 80, 3)
            assert mask.shape == (90, 120, 3)  # 1.5 times the image, as in the real set
            assert set(np.unique(mask)) == {0, 255}
            small = cv2.resize(mask[..., 0], (80, 60), interpolation=cv2.INTER_AREA) // 128
            assert 0.03 <= small.mean() <= 0.6
            assert contrast(Phantom(image, small, case.metadata, case.diagnosis, 0), small) > 0.7, case.image_id

    def test_the_oddities_are_there(self, folder):
        rows = self.rows(folder)
        assert any(row["age"] == "" for row in rows)
        assert any(row["sex"] == "unknown" for row in rows)
        assert any(row["localization"] == "unknown" for row in rows)
        assert all(row["age"] == "" or row["age"].endswith(".0") for row in rows)
        assert {row["dx"] for row in rows if row["dx_type"] == "follow_up"} == {"nv"}
        assert {row["dx_type"] for row in rows if row["dx"] == "mel"} == {"histo"}
        assert {row["dx_type"] for row in rows} == {"follow_up", "histo", "consensus", "confocal"}
        assert all(row["dx_type"] for row in rows)

    def test_some_lesions_have_two_or_three_photographs_of_one_patient(self, folder):
        lesions = defaultdict(list)
        for row in self.rows(folder):
            lesions[row["lesion_id"]].append(row)
        assert {len(rows) for rows in lesions.values()} == {1, 2, 3}
        for rows in lesions.values():
            assert len({tuple(v for k, v in row.items() if k != "image_id") for row in rows}) == 1
        several = next(rows for rows in lesions.values() if len(rows) == 3)
        images = [next(folder.rglob(f"{row['image_id']}.jpg")).read_bytes() for row in several]
        assert len(set(images)) == 3

    def test_rows_follow_neither_image_nor_lesion(self, folder):
        rows = self.rows(folder)
        assert [row["image_id"] for row in rows] != sorted(row["image_id"] for row in rows)
        assert [row["lesion_id"] for row in rows] != sorted(row["lesion_id"] for row in rows)

    def test_same_seed_same_files(self, tmp_path):
        def content(name, seed):
            root = write_phantom_dataset(tmp_path / name, per_class=1, seed=seed, size=(32, 40))
            return {str(p.relative_to(root)): hash(p.read_bytes()) for p in root.rglob("*") if p.is_file()}

        assert content("a", 1) == content("b", 1)
        assert content("a", 1) != content("c", 2)

    def test_colours_keep_their_order_on_disk(self, folder):
        cases = read_dataset(folder, split_file=None).cases
        red, _, blue = np.mean([load_image(case.image).mean((0, 1)) for case in cases], axis=0)
        assert red > blue + 10  # skin

    @pytest.mark.parametrize("seed", range(6))
    def test_one_lesion_a_class_has_the_oddities_too(self, tmp_path, seed):
        root = write_phantom_dataset(tmp_path / "neu \u00e9", per_class=1, seed=seed, size=(32, 40))
        rows = self.rows(root)
        assert any(row["age"] == "" for row in rows)
        assert any(row["sex"] == "unknown" for row in rows)
        assert any(row["localization"] == "unknown" for row in rows)
        assert read_dataset(root, split_file=None).problems == ()

    def test_no_lesions_is_an_error(self, tmp_path):
        with pytest.raises(UserError, match="at least one lesion"):
            write_phantom_dataset(tmp_path, per_class=0)
