"""Reading HAM10000 in whatever layout it lies, saying what is left out, and keeping the split by lesion."""

import csv
import shutil
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from mat_core.errors import DataError
from mat_core.ham10000 import SPLIT_FILE, SPLITS, Case, read_dataset
from mat_core.labels import CODES
from mat_core.metadata import Metadata
from mat_core.phantoms import write_phantom_dataset

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


def names(folder: Path) -> set[str]:
    return {row["image_id"] for row in read_rows(folder)}


class TestLayouts:
    def check(self, root: Path, expected: set[str]) -> None:
        data = read_dataset(root, split_file=None)
        assert data.problems == ()
        assert {c.image_id for c in data.cases} == expected
        for case in data.cases:
            assert case.image.stem == case.image_id
            assert case.image.is_file()
            assert case.mask.name == f"{case.image_id}_segmentation.png"
            assert case.mask.is_file()

    def test_official(self, original):
        self.check(original, names(original))

    def test_text_path(self, original):
        self.check(str(original), names(original))

    def test_flat(self, original, tmp_path):
        for path in original.rglob("*.*"):
            shutil.copy(path, tmp_path)
        self.check(tmp_path, names(original))

    def test_nested_under_other_names(self, original, tmp_path):
        shutil.copytree(original / "HAM10000_images_part_1", tmp_path / "a" / "b" / "Bilder (1)")
        shutil.copytree(original / "HAM10000_images_part_2", tmp_path / "a" / "ham10000_images_part_2" / "again")
        shutil.copytree(original / MASKS, tmp_path / "masks" / MASKS)
        (tmp_path / "labels").mkdir()
        shutil.copy(original / TABLE, tmp_path / "labels" / "ham10000_METADATA.csv")
        self.check(tmp_path, names(original))

    def test_upper_case_endings(self, folder):
        for path in list(folder.rglob("*.jpg")):
            path.rename(path.with_suffix(".JPG"))
        self.check(folder, names(folder))

    def test_links_to_folders_and_a_loop(self, original, tmp_path):
        for path in original.iterdir():
            (tmp_path / path.name).symlink_to(path, target_is_directory=path.is_dir())
        (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
        self.check(tmp_path, names(original))

    def test_other_files_do_not_matter(self, folder):
        (folder / "README.md").write_text("hello")
        (folder / "ISIC_9999999.jpg").write_bytes(b"no row names it")
        (folder / "hmnist_28_28_RGB.csv").write_text("a,b\n1,2\n")
        self.check(folder, names(folder))

    def test_a_byte_order_mark(self, folder):
        write_rows(folder / TABLE, read_rows(folder), "utf-8-sig")
        assert (folder / TABLE).read_bytes().startswith(b"\xef\xbb\xbf")
        self.check(folder, names(folder))

    def test_windows_line_ends_and_another_order_of_columns(self, folder):
        rows = [dict(reversed(row.items())) | {"dataset": "vidir_modern"} for row in read_rows(folder)]
        write_rows(folder / TABLE, rows)
        assert b"\r\n" in (folder / TABLE).read_bytes()
        self.check(folder, names(folder))


class TestContent:
    def test_rows_become_cases(self, original):
        by_name = {c.image_id: c for c in read_dataset(original, split_file=None).cases}
        for row in read_rows(original):
            case = by_name[row["image_id"]]
            assert (case.lesion_id, case.diagnosis) == (row["lesion_id"], row["dx"])
            assert CODES[case.label] == row["dx"]
            assert case.metadata == Metadata(row["age"], row["sex"], row["localization"], row["dx_type"])
            assert (case.split, case.first, case.lesion_images) == (None, False, 1)

    def test_missing_values_are_none(self, original):
        rows = {row["image_id"]: row for row in read_rows(original)}
        cases = read_dataset(original, split_file=None).cases
        for field, written in (("age", ""), ("sex", "unknown"), ("localization", "unknown")):
            missing = {c.image_id for c in cases if getattr(c.metadata, field) is None}
            assert missing == {name for name, row in rows.items() if row[field] == written}
            assert missing


class TestProblems:
    def test_missing_images_are_counted(self, folder):
        for path in sorted(folder.rglob("*.jpg"))[:3]:
            path.unlink()
        data = read_dataset(folder, split_file=None)
        assert len(data.cases) == len(names(folder)) - 3
        assert data.problems == (f"3 rows of {TABLE} have no image below the folder; left out.",)

    def test_no_masks_are_counted(self, folder):
        shutil.rmtree(folder / MASKS)
        data = read_dataset(folder, split_file=None)
        assert {c.mask for c in data.cases} == {None}
        assert len(data.problems) == 1
        assert data.problems[0].startswith(f"{len(names(folder))} images have no lesion mask")

    def test_one_mask_missing(self, folder):
        gone = sorted((folder / MASKS).iterdir())[0]
        gone.unlink()
        data = read_dataset(folder, split_file=None)
        assert data.problems[0].startswith("1 images have no lesion mask")
        assert [c.image_id for c in data.cases if c.mask is None] == [gone.name.removesuffix("_segmentation.png")]

    def test_an_unknown_diagnosis_is_named(self, folder):
        rows = read_rows(folder)
        rows[2]["dx"] = "scc"
        write_rows(folder / TABLE, rows)
        data = read_dataset(folder, split_file=None)
        assert len(data.cases) == len(rows) - 1
        (problem,) = data.problems
        assert problem.startswith(
            f"{rows[2]['image_id']}: diagnosis 'scc' is not one of bcc, df, mel, bkl, nv, akiec, vasc"
        )

    @pytest.mark.parametrize(
        ("field", "value"), [("age", "140"), ("sex", "x"), ("localization", "knee"), ("dx_type", "guess")]
    )
    def test_values_outside_are_named(self, folder, field, value):
        rows = read_rows(folder)
        rows[5][field] = value
        write_rows(folder / TABLE, rows)
        data = read_dataset(folder, split_file=None)
        assert rows[5]["image_id"] not in {c.image_id for c in data.cases}
        (problem,) = data.problems
        assert problem.startswith(rows[5]["image_id"])
        assert value in problem
        assert problem.endswith("Left out.")

    def test_a_row_that_breaks_off(self, folder):
        name = read_rows(folder)[0]["image_id"]
        table = folder / TABLE
        header, first, *rest = table.read_text().splitlines()
        assert name in first
        table.write_text("\n".join([header, ",".join(first.split(",")[:2]), *rest]) + "\n")
        data = read_dataset(folder, split_file=None)
        assert name not in {c.image_id for c in data.cases}
        assert name in data.problems[0]


class TestErrors:
    def test_no_folder(self, tmp_path):
        with pytest.raises(DataError, match="There is no folder"):
            read_dataset(tmp_path / "nowhere")

    def test_a_file_for_a_folder(self, folder):
        with pytest.raises(DataError, match="There is no folder"):
            read_dataset(folder / TABLE)

    def test_no_csv(self, folder):
        (folder / TABLE).unlink()
        with pytest.raises(DataError, match=f"has no {TABLE}"):
            read_dataset(folder)

    def test_missing_columns_are_named(self, folder):
        rows = [{k: v for k, v in row.items() if k not in ("age", "dx_type")} for row in read_rows(folder)]
        write_rows(folder / TABLE, rows)
        with pytest.raises(DataError, match="lacks the columns age, dx_type"):
            read_dataset(folder, split_file=None)

    @pytest.mark.parametrize("content", [b"", b"\n\n", b"image_id;lesion_id;dx\na;b;c\n"])
    def test_another_csv(self, folder, content):
        (folder / TABLE).write_bytes(content)
        with pytest.raises(DataError, match="lacks the columns age, dx, dx_type, image_id"):
            read_dataset(folder, split_file=None)

    @pytest.mark.parametrize("encoding", ["utf-16", "binary"])
    def test_a_csv_that_is_no_text(self, folder, encoding):
        table = folder / TABLE
        head = table.read_bytes().splitlines(keepends=True)[0]
        table.write_bytes(table.read_text().encode("utf-16") if encoding == "utf-16" else head + b"\xff\xfe\0\1" * 99)
        with pytest.raises(DataError, match="not a csv file in UTF-8"):
            read_dataset(folder, split_file=None)

    def test_no_image_at_all(self, folder):
        for path in folder.rglob("*.jpg"):
            path.unlink()
        with pytest.raises(DataError, match="names no image"):
            read_dataset(folder, split_file=None)


class TestSplit:
    def test_by_lesion(self, folder, tmp_path):
        rows = make_split(folder, tmp_path / "split.csv")
        data = read_dataset(folder, tmp_path / "split.csv")
        assert data.problems == ()
        lesions = {split: {c.lesion_id for c in data.of(split)} for split in SPLITS}
        assert [len(lesions[split]) for split in SPLITS] == [14, 7, 7]
        assert set.union(*lesions.values()) == set(rows)  # 28 lesions, none in two splits
        for case in data.cases:
            row = rows[case.lesion_id]
            assert (case.split, case.lesion_images) == (row["split"], row["images"])
            assert case.first == (case.image_id == row["first_image_id"])

    def test_of_gives_every_image_to_train_and_one_a_lesion_to_the_others(self, folder, tmp_path):
        rows = make_split(folder, tmp_path / "split.csv")
        data = read_dataset(folder, tmp_path / "split.csv")
        every = Counter(row["split"] for row in rows.values() for _ in range(row["images"]))
        single = Counter(row["split"] for row in rows.values())
        assert every["val"] > single["val"]  # or the default could not be told from first_only=False
        assert len(data.of("train")) == every["train"] > single["train"]
        for split in ("val", "test"):
            assert len(data.of(split)) == single[split]
            assert {c.image_id for c in data.of(split)} == {
                row["first_image_id"] for row in rows.values() if row["split"] == split
            }
        for split in SPLITS:
            assert len(data.of(split, first_only=True)) == single[split]
            assert len(data.of(split, first_only=False)) == every[split]

    def test_a_lesion_without_its_first_image_keeps_its_place(self, folder, tmp_path):
        rows = make_split(folder, tmp_path / "split.csv")
        several = next(row for row in rows.values() if row["split"] == "test" and row["images"] > 1)
        next(folder.rglob(f"{several['first_image_id']}.jpg")).unlink()
        data = read_dataset(folder, tmp_path / "split.csv")
        stand_in = next(c for c in data.of("test") if c.lesion_id == several["lesion_id"])
        assert stand_in.image_id != several["first_image_id"]
        assert len(data.of("test")) == 7
        assert any("1 lesions lack their first image" in problem for problem in data.problems)

    def test_lesions_outside_the_split_are_counted(self, folder, tmp_path):
        rows = make_split(folder, tmp_path / "split.csv")
        kept = list(rows.values())[4:]
        write_rows(tmp_path / "split.csv", kept)
        data = read_dataset(folder, tmp_path / "split.csv")
        assert data.problems == ("4 lesions are not in split.csv; they belong to no split.",)
        outside = [c for c in data.cases if c.split is None]
        assert {c.lesion_id for c in outside} == set(list(rows)[:4])
        assert sum(len(data.of(s, first_only=False)) for s in SPLITS) == len(data.cases) - len(outside)

    def test_phantoms_are_strangers_to_the_project_split(self, folder):
        data = read_dataset(folder)
        assert data.problems == (f"28 lesions are not in {SPLIT_FILE.name}; they belong to no split.",)
        assert {c.split for c in data.cases} == {None}

    def test_a_byte_order_mark(self, folder, tmp_path):
        make_split(folder, tmp_path / "split.csv", "utf-8-sig")
        assert len(read_dataset(folder, tmp_path / "split.csv").of("test")) == 7

    def test_no_split_file(self, folder, tmp_path):
        with pytest.raises(DataError, match="no split file"):
            read_dataset(folder, tmp_path / "split.csv")

    def test_a_split_file_without_its_columns(self, folder, tmp_path):
        (tmp_path / "split.csv").write_text("lesion_id,split\nHAM_1,train\n")
        with pytest.raises(DataError, match=r"split\.csv lacks the columns first_image_id, images"):
            read_dataset(folder, tmp_path / "split.csv")

    def test_an_unknown_split_is_named(self, original):
        with pytest.raises(DataError, match="train, val, test; got 'validation'"):
            read_dataset(original, split_file=None).of("validation")

    def test_label_follows_the_order_of_the_classes(self):
        assert [Case("i", "l", code, Metadata(), Path("i.jpg")).label for code in CODES] == list(range(7))


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

    def test_by_lesion(self, rows):
        assert len({row["lesion_id"] for row in rows}) == 7470
        assert len({row["first_image_id"] for row in rows}) == 7470

    def test_stratified_by_diagnosis(self, rows):
        counts = Counter((row["dx"], row["split"]) for row in rows)
        for code in CODES:
            total = sum(counts[code, split] for split in SPLITS)
            for split, share in zip(SPLITS, (0.8, 0.1, 0.1), strict=True):
                assert abs(counts[code, split] - share * total) <= 1, (code, split)
        test = {code: counts[code, "test"] for code in CODES}
        assert test == {"nv": 540, "bkl": 72, "mel": 61, "bcc": 33, "akiec": 23, "vasc": 10, "df": 8}
