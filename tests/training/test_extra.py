"""Further folders: for training only, never held out, and softened like all the others."""

import csv

import cv2
import numpy as np
import pytest

from mat_core import DataError
from mat_core.data.ham10000 import read_dataset
from teaching.phantoms import make_phantom, write_phantom_dataset
from training.__main__ import main
from training.commands import run
from training.commands.arguments import read_data
from training.data.augment import Augmentation
from training.data.dataset import Views, case_rng, read_image, to_tensor
from training.data.extra import add_folder, extra_summary, soften
from training.data.sampling import split_held_out
from training.presets import PRESETS
from training.steps import backbone
from training.steps.split import make_split

COLUMNS = ("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization", "source")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """The folder of a data set, its split file, and a further folder: one image of each kind of row."""
    folder = tmp_path_factory.mktemp("folders")
    data = write_phantom_dataset(folder / "data", per_class=5, size=(48, 64))
    cases = read_dataset(data, None).cases
    make_split(cases, folder / "split.csv")
    extra = folder / "extra"
    (extra / "images").mkdir(parents=True)
    rows = [
        ("X_1", "mel", "", "55", "male", "back"), ("X_2", "nv", "", "", "", ""),
        ("X_3", "nv", "", "old", "", ""), ("X_4", "scc", "", "", "", ""), ("X_5", "nv", "", "", "", ""),
        (cases[0].image_id, "nv", "", "", "", ""),
    ]  # fmt: skip
    with (extra / "metadata.csv").open("w", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(COLUMNS)
        writer.writerows((name, name, *rest, "somewhere") for name, *rest in rows)
    for name, *_ in rows:
        if name != "X_5":
            cv2.imwrite(str(extra / "images" / f"{name}.jpg"), make_phantom(1, "mel", (60, 80)).image)
    return data, folder / "split.csv", extra


def test_a_further_folder_is_read_for_training_only(folders, monkeypatch):
    data, split, extra = folders
    alone = read_dataset(data, split)
    both = add_folder(alone, extra)
    assert [c.image_id for c in both.of("train")] == [*(c.image_id for c in alone.of("train")), "X_1", "X_2"]
    assert (both.of("val"), both.of("test")) == (alone.of("val"), alone.of("test"))
    assert both.cases[-2].metadata.age == 55
    assert both.cases[-1].metadata.age is None
    problems = both.problems[len(alone.problems) :]
    assert [problem.partition(":")[0] for problem in problems[:3]] == ["X_3", "X_4", "X_5"]
    assert problems[3].startswith("1 images of")
    (learnt, held), (_, held_alone) = split_held_out(both, 0.25), split_held_out(alone, 0.25)
    assert held
    assert held == held_alone
    assert {"X_1", "X_2"} < {c.image_id for c in learnt.of("train")}
    assert extra_summary(alone.cases) is None
    assert extra_summary(both.cases)["images"] == 2
    sizes = []
    monkeypatch.setattr(run, "backbone", lambda args: sizes.append(len(read_data(args).cases)))
    command = ["backbone", "--split-file", str(split), "--data", str(data)]
    assert main(command) == main([*command, "--data", str(extra)]) == 0
    assert sizes == [len(alone.cases), len(both.cases)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r"no file .*metadata\.csv"), ("image_id,dx\nX_1,nv\n", "lacks the columns age"),
        (",".join(COLUMNS) + "\nX_1,X_1,nv,,,,,\n", "no further image"),
    ],
)  # fmt: skip
def test_folders_without_a_good_table_are_refused(folders, tmp_path, text, message):
    if text:
        (tmp_path / "metadata.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        add_folder(read_dataset(*folders[:2]), tmp_path)


def test_half_of_the_images_are_softened_the_same_ones_each_time():
    image = np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)
    found = [soften(image, case_rng(0, 1, i)) for i in range(60)]
    assert all((soften(image, case_rng(0, 1, i)) == found[i]).all() for i in range(9))
    changed = [soft for soft in found if (soft != image).any()]
    assert 15 < len(changed) < 45
    sharpness = [cv2.Laplacian(i, cv2.CV_64F).std() for i in (image, *changed)]
    assert max(sharpness[1:]) < 0.5 * sharpness[0]
    assert all(soft.shape == image.shape and soft.dtype == np.uint8 for soft in changed)


def test_softening_leaves_the_other_random_changes_as_they_are(folders):
    cases = read_dataset(*folders[:2]).cases[:20]
    plain, soft = (
        Views(cases, range(20), (48, 64), Augmentation(), lambda _, image: to_tensor(image), masks=False, softened=soft)
        for soft in (False, True)
    )
    assert 3 < sum(bool((plain[i] == soft[i]).all()) for i in range(20)) < 17
    (image,) = Augmentation()(case_rng(0, 0, 3), read_image(cases[3], (48, 64)))
    assert (plain[3] == to_tensor(image)).all()


def test_a_run_notes_its_further_images_and_others_have_the_settings_that_they_had(folders, tmp_path, monkeypatch):
    written, softened = {}, {}

    def fit(run, model, recipe, settings, batches, *_):
        written[run.name] = settings
        softened[run.name] = batches(1).dataset.softened

    monkeypatch.setattr(backbone, "fit", fit)
    alone = read_dataset(*folders[:2])
    for name, data in (("alone", alone), ("both", add_folder(alone, folders[2]))):
        backbone.train_backbone(data, tmp_path / name, PRESETS["smoke"].backbone)
    assert written["alone"].keys() == {"step", "settings"}
    assert written["both"].keys() == {"step", "settings", "extra"}
    assert softened == {"alone": False, "both": True}
