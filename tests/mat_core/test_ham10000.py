"""Reading HAM10000: every layout, what is left out, and splits by lesion."""

import csv
import shutil
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from mat_core.data.ham10000 import SPLIT_FILE, SPLITS, read_dataset
from mat_core.data.labels import CODES
from mat_core.data.metadata import Metadata
from mat_core.errors import DataError
from teaching.phantoms import write_phantom_dataset

TABLE = "HAM10000_metadata.csv"
MASKS = "HAM10000_segmentations_lesion_tschandl"


@pytest.fixture(scope="module")
def original(tmp_path_factory) -> Path:
    """A phantom data set that no test changes."""
    return write_phantom_dataset(tmp_path_factory.mktemp("ham"), per_class=4, seed=1, size=(32, 40))


@pytest.fixture
def folder(original, tmp_path) -> Path:
    """A copy to break."""
    return Path(shutil.copytree(original, tmp_path / "ham"))


def read_rows(folder: Path) -> list[dict[str, str]]:
    with (folder / TABLE).open(newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def write_rows(path: Path, rows: list[dict], encoding: str = "utf-8") -> None:
    with path.open("w", newline="", encoding=encoding) as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def make_split(folder: Path, path: Path, encoding: str = "utf-8") -> dict[str, dict]:
    """Write a split by lesion, two lesions of each class to train and one each to val and test; return its rows."""
    images, dx = defaultdict(list), {}
    for row in read_rows(folder):
        images[row["lesion_id"]].append(row["image_id"])
        dx[row["lesion_id"]] = row["dx"]
    seen, rows = Counter(), []
    for lesion in sorted(images):
        part = ("train", "train", "val", "test")[seen[dx[lesion]] % 4]
        seen[dx[lesion]] += 1
        first, count = min(images[lesion]), len(images[lesion])
        rows.append({"lesion_id": lesion, "first_image_id": first, "dx": dx[lesion], "split": part, "images": count})
    write_rows(path, rows, encoding)
    return {row["lesion_id"]: row for row in rows}


def flat(original, to):
    for path in original.rglob("*.*"):
        shutil.copy(path, to)


def nested(original, to):
    shutil.copytree(original / "HAM10000_images_part_1", to / "a" / "b" / "Bilder (1)")
    shutil.copytree(original / "HAM10000_images_part_2", to / "a" / "ham10000_images_part_2" / "again")
    shutil.copytree(original / MASKS, to / "masks" / MASKS)
    (to / "labels").mkdir()
    shutil.copy(original / TABLE, to / "labels" / "ham10000_METADATA.csv")


def upper_case(original, to):
    shutil.copytree(original, to, dirs_exist_ok=True)
    for path in list(to.rglob("*.jpg")):
        path.rename(path.with_suffix(".JPG"))


def linked_with_a_loop(original, to):
    for path in original.iterdir():
        (to / path.name).symlink_to(path, target_is_directory=path.is_dir())
    (to / "loop").symlink_to(to, target_is_directory=True)


def with_other_files(original, to):
    shutil.copytree(original, to, dirs_exist_ok=True)
    (to / "README.md").write_text("hello")
    (to / "ISIC_9999999.jpg").write_bytes(b"no row names it")
    (to / "hmnist_28_28_RGB.csv").write_text("a,b\n1,2\n")


def byte_order_mark(original, to):
    shutil.copytree(original, to, dirs_exist_ok=True)
    write_rows(to / TABLE, read_rows(to), "utf-8-sig")


def other_columns(original, to):
    shutil.copytree(original, to, dirs_exist_ok=True)
    write_rows(to / TABLE, [dict(reversed(row.items())) | {"dataset": "vidir_modern"} for row in read_rows(to)])


LAYOUTS = [flat, nested, upper_case, linked_with_a_loop, with_other_files, byte_order_mark, other_columns]


@pytest.mark.parametrize("layout", [None, *LAYOUTS])
def test_every_layout_is_read(original, tmp_path, layout):
    if layout:
        layout(original, tmp_path)
    data = read_dataset(tmp_path if layout else str(original), split_file=None)
    rows = {row["image_id"]: row for row in read_rows(original)}
    assert data.problems == ()
    assert {c.image_id for c in data.cases} == set(rows)
    for case in data.cases:
        row = rows[case.image_id]
        assert case.image.stem == case.image_id
        assert case.image.is_file()
        assert case.mask.name == f"{case.image_id}_segmentation.png"
        assert case.mask.is_file()
        assert (case.lesion_id, case.diagnosis, CODES[case.label]) == (row["lesion_id"], row["dx"], row["dx"])
        assert case.metadata == Metadata(row["age"], row["sex"], row["localization"], row["dx_type"])
        assert (case.split, case.first, case.lesion_images) == (None, False, 1)
    for field, written in (("age", ""), ("sex", "unknown"), ("localization", "unknown")):
        missing = {c.image_id for c in data.cases if getattr(c.metadata, field) is None}
        assert missing == {name for name, row in rows.items() if row[field] == written} != set()


class TestProblems:
    def test_missing_images_and_masks_are_counted(self, folder):
        images, masks = sorted(folder.rglob("*.jpg")), sorted((folder / MASKS).iterdir())
        for path in images[:3]:
            path.unlink()
        masks[-1].unlink()
        data = read_dataset(folder, split_file=None)
        assert len(data.cases) == len(images) - 3
        assert [problem.split()[0] for problem in data.problems] == ["3", "1"]
        assert [c.image_id for c in data.cases if c.mask is None] == [masks[-1].name.removesuffix("_segmentation.png")]
        shutil.rmtree(folder / MASKS)
        data = read_dataset(folder, split_file=None)
        assert {c.mask for c in data.cases} == {None}
        assert data.problems[1].startswith(f"{len(data.cases)} images")

    @pytest.mark.parametrize(
        ("field", "value"),
        [("age", "140"), ("sex", "both"), ("localization", "moon"), ("dx_type", "guess"), ("dx", "scc")],
    )
    def test_a_row_with_another_value_is_named_and_left_out(self, folder, field, value):
        rows = read_rows(folder)
        rows[5][field] = value
        write_rows(folder / TABLE, rows)
        data = read_dataset(folder, split_file=None)
        assert {c.image_id for c in data.cases} == {row["image_id"] for row in rows} - {rows[5]["image_id"]}
        (problem,) = data.problems
        assert problem.startswith(rows[5]["image_id"])
        assert value in problem

    def test_a_row_that_breaks_off_is_named_and_left_out(self, folder):
        name = read_rows(folder)[0]["image_id"]
        header, first, *rest = (folder / TABLE).read_text().splitlines()
        (folder / TABLE).write_text("\n".join([header, ",".join(first.split(",")[:2]), *rest]) + "\n")
        data = read_dataset(folder, split_file=None)
        assert name not in {c.image_id for c in data.cases}
        assert name in data.problems[0]


class TestErrors:
    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (None, f"has no {TABLE}"), (b"", "is empty"), (b"\n\n", "is empty"),
            (b"image_id;lesion_id;dx\na;b;c\n", "age, dx_type, localization, sex"),
            (b"image_id,lesion_id,dx,sex,localization\n", "age, dx_type"),
            (b"image_id,lesion_id,dx,dx_type,age,sex,localization\n" + b"\xff\xfe\0\1" * 99, "no text"),
            (b"image_id,lesion_id,dx,dx_type,age,sex,localization\nX,X,nv,histo,,,\n", "no image"),
        ],
    )  # fmt: skip
    def test_other_tables(self, folder, content, message):
        (folder / TABLE).unlink() if content is None else (folder / TABLE).write_bytes(content)
        with pytest.raises(DataError, match=message):
            read_dataset(folder, split_file=None)

    @pytest.mark.parametrize("name", ["nowhere", TABLE])
    def test_no_folder(self, original, name):
        with pytest.raises(DataError, match="no folder"):
            read_dataset(original / name)


class TestSplit:
    @pytest.fixture
    def split(self, folder, tmp_path) -> tuple[Path, dict]:
        return tmp_path / "split.csv", make_split(folder, tmp_path / "split.csv")

    def test_cases_are_split_by_lesion(self, folder, split):
        path, rows = split
        data = read_dataset(folder, path)
        assert data.problems == ()
        lesions = {split: {c.lesion_id for c in data.of(split)} for split in SPLITS}
        assert [len(lesions[split]) for split in SPLITS] == [14, 7, 7]
        assert set.union(*lesions.values()) == set(rows)  # 28 lesions, none in two splits
        for case in data.cases:
            row = rows[case.lesion_id]
            assert (case.split, case.lesion_images) == (row["split"], row["images"])
            assert case.first == (case.image_id == row["first_image_id"])
        every = Counter(row["split"] for row in rows.values() for _ in range(row["images"]))
        single = Counter(row["split"] for row in rows.values())
        assert every["val"] > single["val"]  # or the default could not be told from first_only=False
        for split in SPLITS:
            assert len(data.of(split)) == (every if split == "train" else single)[split]
            firsts = {row["first_image_id"] for row in rows.values() if row["split"] == split}
            assert {c.image_id for c in data.of(split, first_only=True)} == firsts
            assert len(data.of(split, first_only=False)) == every[split]
        with pytest.raises(DataError, match="train, val, test; got 'validation'"):
            data.of("validation")

    def test_a_lesion_without_its_first_image_keeps_its_place(self, folder, split):
        path, rows = split
        several = next(row for row in rows.values() if row["split"] == "test" and row["images"] > 1)
        next(folder.rglob(f"{several['first_image_id']}.jpg")).unlink()
        data = read_dataset(folder, path)
        stand_in = next(c for c in data.of("test") if c.lesion_id == several["lesion_id"])
        assert stand_in.image_id != several["first_image_id"]
        assert len(data.of("test")) == 7
        assert any("1 lesions" in problem for problem in data.problems)

    def test_lesions_outside_the_split_are_counted(self, folder, split):
        path, rows = split
        write_rows(path, list(rows.values())[4:])
        data = read_dataset(folder, path)
        (problem,) = data.problems
        assert problem.startswith("4 lesions are not in split.csv")
        outside = [c for c in data.cases if c.split is None]
        assert {c.lesion_id for c in outside} == set(list(rows)[:4])
        assert sum(len(data.of(s, first_only=False)) for s in SPLITS) == len(data.cases) - len(outside)
        assert {c.split for c in read_dataset(folder).cases} == {None}  # the project's split has no phantom

    def test_split_files(self, folder, tmp_path):
        path = tmp_path / "split.csv"
        with pytest.raises(DataError, match="no split file"):
            read_dataset(folder, path)
        path.write_text("lesion_id,split\nHAM_1,train\n")
        with pytest.raises(DataError, match="first_image_id, images"):
            read_dataset(folder, path)
        make_split(folder, path, "utf-8-sig")
        assert len(read_dataset(folder, path).of("test")) == 7


class TestProjectSplit:
    """The committed split itself."""

    @pytest.fixture(scope="class")
    def rows(self) -> list[dict[str, str]]:
        with SPLIT_FILE.open(newline="", encoding="utf-8") as handle:
            return list(csv.DictReader(handle))

    def test_sizes(self, rows):
        assert len(rows) == 7470
        assert Counter(row["split"] for row in rows) == {"train": 5976, "val": 747, "test": 747}
        images = Counter()
        for row in rows:
            images[row["split"]] += int(row["images"])
        assert images == {"train": 8014, "val": 1005, "test": 996}
        assert sum(row["images"] == "1" for row in rows) == 5514
        assert len({row["lesion_id"] for row in rows}) == len({row["first_image_id"] for row in rows}) == 7470

    def test_stratified_by_diagnosis(self, rows):
        counts = Counter((row["dx"], row["split"]) for row in rows)
        for code in CODES:
            total = sum(counts[code, split] for split in SPLITS)
            for split, share in zip(SPLITS, (0.8, 0.1, 0.1), strict=True):
                assert abs(counts[code, split] - share * total) <= 1, (code, split)
        test = {code: counts[code, "test"] for code in CODES}
        assert test == {"nv": 540, "bkl": 72, "mel": 61, "bcc": 33, "akiec": 23, "vasc": 10, "df": 8}
