"""A part of an image: its numbers, its size, its resolution."""

import io

import numpy as np
import pytest
from PIL import Image

from mat_core import ImageError
from mat_core.data import image_loading as images
from mat_core.data.crop import Crop
from mat_core.data.image_loading import load_image, original_size
from mat_core.errors import NarrowImageError
from teaching.phantoms import make_phantom

PHOTO = make_phantom(1, "mel").image


@pytest.mark.parametrize(
    "values",
    [
        None, "0,0,1,1", [0, 0, 1], [0, 0, 1, 1, 1], [0, 0, 1, "1"], [0, 0, 1, True], [0, 0, 1, float("nan")],
        [0, 0, float("inf"), 1], [-0.1, 0, 1, 1], [0, 0, 1, 1.1], [0.5, 0, 0.5, 1], [0, 0.9, 1, 0.1], {"left": 0},
    ],
)  # fmt: skip
def test_other_values_than_four_shares_are_refused(values):
    with pytest.raises(ImageError, match="from 0 to 1"):
        Crop.parse(values)


def test_a_crop_is_that_part_of_the_upright_image():
    height, width = PHOTO.shape[:2]
    crop = Crop.parse([0.25, 0, 0.75, 0.5])
    expected = PHOTO[: height // 2, width // 4 : width - width // 4]
    assert np.array_equal(load_image(PHOTO, crop), expected)
    with io.BytesIO() as file:
        turned = Image.fromarray(PHOTO).transpose(Image.Transpose.ROTATE_90)
        exif = Image.Exif()
        exif[0x0112] = 6  # turn clockwise to see it upright
        turned.save(file, "PNG", exif=exif)
        assert np.array_equal(load_image(file.getvalue(), crop), expected)
    assert load_image(PHOTO, crop).base is None  # the whole image is not kept alive


@pytest.mark.parametrize("edges", [[0, 0, 0.05, 1], [0.4, 0.4, 0.4001, 0.4001]])
def test_a_crop_that_is_too_small_is_refused(edges):
    with pytest.raises(ImageError, match=str(images.MIN_SIDE)):
        load_image(PHOTO, Crop.parse(edges))


def test_an_image_that_is_too_narrow_can_be_cropped():
    narrow = np.repeat(PHOTO[:40], 3, 1)
    with pytest.raises(NarrowImageError, match="Crop"):
        load_image(narrow)
    assert load_image(narrow, Crop(0, 0, 0.1, 1)).shape == (40, narrow.shape[1] // 10, 3)


@pytest.mark.slow
def test_a_small_part_of_a_large_photograph_has_its_full_resolution():
    with io.BytesIO() as file:
        Image.fromarray(PHOTO).resize((4400, 3900)).save(file, "JPEG", quality=60)
        whole, part = load_image(file.getvalue()), load_image(file.getvalue(), Crop(0.4, 0.4, 0.6, 0.6))
    assert whole.shape[0] < 3900
    assert original_size(part) == part.shape[:2] == (780, 880)
