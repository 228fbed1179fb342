"""Hostile bytes in, clean RGB or an ImageError out; never anything else."""

import io
import os
import socket
import struct
import subprocess
import sys
import zlib

import cv2
import numpy as np
import pytest
from conftest import ROOT
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from mat_core import images
from mat_core.errors import ImageError
from mat_core.images import given_size, image_key, load_image, scale_image

RNG = np.random.default_rng(0)
# no two quarters alike and no symmetry: every turn and every swap of channels shows
PICTURE = cv2.resize(RNG.integers(0, 256, (4, 5, 3), dtype=np.uint8), (60, 48), interpolation=cv2.INTER_NEAREST)


def encode(image: Image.Image | np.ndarray, kind: str, **options) -> bytes:
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and has no pixels: what a decompression bomb looks like before it goes off."""
    chunks = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0), b"IDAT" + zlib.compress(b"")
    data = b"".join(struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in chunks)
    return b"\x89PNG\r\n\x1a\n" + data


def assert_clean(image: np.ndarray) -> None:
    assert image.ndim == 3
    assert image.shape[2] == 3
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous
    assert image.flags.writeable  # torch.from_numpy warns about arrays that are not


class TestFormats:
    @pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "GIF", "WEBP"])
    def test_lossless_formats_come_back_exactly(self, kind):
        data = encode(PICTURE, kind, **({"lossless": True} if kind == "WEBP" else {}))
        image = load_image(data)
        assert_clean(image)
        assert np.array_equal(image, PICTURE)

    def test_jpeg_comes_back_nearly(self):
        image = load_image(encode(PICTURE, "JPEG", quality=95, subsampling=0))
        assert_clean(image)
        assert np.abs(image.astype(int) - PICTURE).mean() < 3

    def test_path_string_bytes_pil_and_array_agree(self, tmp_path):
        path = tmp_path / "l\u00e9sion 1.png"
        path.write_bytes(encode(PICTURE, "PNG"))
        for source in (path, str(path), path.read_bytes(), Image.open(path), PICTURE):
            assert np.array_equal(load_image(source), PICTURE)

    def test_the_name_does_not_matter(self, tmp_path):
        path = tmp_path / "lesion.txt"
        path.write_bytes(encode(PICTURE, "JPEG"))
        assert load_image(path).shape == PICTURE.shape

    @pytest.mark.parametrize("kind", ["PPM", "ICO", "TGA", "PDF"])
    def test_other_formats_are_refused(self, kind):
        with pytest.raises(ImageError, match="JPEG, PNG, WEBP, BMP, TIFF or GIF"):
            load_image(encode(PICTURE, kind))

    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_exif_orientation_is_applied(self, orientation):
        stored = {
            1: PICTURE, 2: PICTURE[:, ::-1], 3: PICTURE[::-1, ::-1], 4: PICTURE[::-1],
            5: PICTURE.transpose(1, 0, 2), 6: np.rot90(PICTURE), 7: PICTURE[::-1, ::-1].transpose(1, 0, 2),
            8: np.rot90(PICTURE, -1),
        }[orientation]  # fmt: skip
        exif = Image.Exif()
        exif[0x0112] = orientation
        assert np.array_equal(load_image(encode(np.ascontiguousarray(stored), "PNG", exif=exif)), PICTURE)
        jpeg = load_image(encode(np.ascontiguousarray(stored), "JPEG", quality=95, subsampling=0, exif=exif))
        assert np.abs(jpeg.astype(int) - PICTURE).mean() < 3

    @pytest.mark.filterwarnings("ignore:Corrupt EXIF")
    @pytest.mark.parametrize("exif", [b"garbage!!", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff", b""])
    def test_broken_exif_does_not_cost_the_picture(self, exif):
        assert load_image(encode(PICTURE, "JPEG", exif=b"Exif\0\0" + exif)).shape == PICTURE.shape

    def test_transparency_is_laid_on_white(self):
        alpha = np.full((48, 60, 1), 255, np.uint8)
        alpha[:, :20], alpha[:, 20:40] = 0, 128
        rgba = np.dstack([PICTURE, alpha])
        for image in (load_image(encode(rgba, "PNG")), load_image(rgba), load_image(Image.fromarray(rgba))):
            assert_clean(image)
            assert (image[:, :20] == 255).all()
            assert np.abs(image[:, 20:40] - (PICTURE[:, 20:40] * 128.0 + 255 * 127) / 255).max() <= 1
            assert np.array_equal(image[:, 40:], PICTURE[:, 40:])

    def test_grey_with_alpha(self):
        image = load_image(encode(np.dstack([PICTURE[..., 0], np.zeros((48, 60), np.uint8)]), "PNG"))
        assert (image == 255).all()

    def test_palette_with_transparency(self):
        palette = Image.fromarray(np.repeat(np.arange(4, dtype=np.uint8), 12)[:, None].repeat(60, 1)).convert("P")
        palette.putpalette([10, 20, 30, 200, 0, 0, 0, 200, 0, 0, 0, 200])
        image = load_image(encode(palette, "PNG", transparency=1))
        assert (image[:12] == (10, 20, 30)).all()
        assert (image[12:24] == 255).all()
        assert (image[24:36] == (0, 200, 0)).all()

    @pytest.mark.parametrize(("mode", "transparent"), [("1", 0), ("L", 0), ("RGB", (0, 0, 0))])
    def test_a_transparent_colour(self, mode, transparent):
        assert (load_image(encode(Image.new(mode, (40, 40)), "PNG", transparency=transparent)) == 255).all()
        assert (load_image(encode(Image.new(mode, (40, 40)), "PNG")) == 0).all()

    def test_16_bit_grey_keeps_its_contrast(self):
        ramp = np.linspace(1000, 40_000, 60).astype(np.uint16)[None].repeat(48, 0)
        for kind in ("PNG", "TIFF"):
            image = load_image(encode(Image.fromarray(ramp), kind))
            assert_clean(image)
            assert (image[0, 0].tolist(), image[0, -1].tolist()) == ([0] * 3, [255] * 3)
            assert np.abs(image[0, :, 0] - np.linspace(0, 255, 60)).max() <= 1

    @pytest.mark.parametrize("suffix", [".png", ".tiff"])
    def test_16_bit_colour(self, suffix):
        good, data = cv2.imencode(suffix, PICTURE[..., ::-1].astype(np.uint16) * 257)
        assert good
        assert np.array_equal(load_image(data.tobytes()), PICTURE)

    @pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
    def test_cmyk(self, kind):
        colours = Image.new("CMYK", (60, 48), (0, 255, 255, 0))
        colours.paste((255, 0, 0, 0), (30, 0, 60, 48))
        image = load_image(encode(colours, kind, **({"quality": 95} if kind == "JPEG" else {})))
        assert_clean(image)
        assert np.abs(image[:, :16].astype(int) - (255, 0, 0)).max() < 12  # full magenta and yellow: red
        assert np.abs(image[:, -16:].astype(int) - (0, 255, 255)).max() < 12

    @pytest.mark.parametrize("compression", [None, "tiff_lzw", "jpeg"])
    def test_tiff_in_luminance_and_chrominance(self, compression):
        colours = Image.new("RGB", (64, 48), (200, 30, 60))
        colours.paste((20, 140, 90), (32, 0, 64, 48))
        image = load_image(encode(colours.convert("YCbCr"), "TIFF", compression=compression))
        assert_clean(image)
        assert np.abs(image.astype(int) - np.asarray(colours)).max() <= (60 if compression == "jpeg" else 3)

    def test_float_tiff(self):
        image = load_image(
            encode(Image.fromarray(np.linspace(0, 1, 48 * 60, dtype=np.float32).reshape(48, 60)), "TIFF")
        )
        assert (image.min(), image.max()) == (0, 255)
        broken = np.full((48, 60), np.nan, np.float32)
        with pytest.raises(ImageError, match="finite"):
            load_image(encode(Image.fromarray(broken), "TIFF"))

    @pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
    def test_an_animation_gives_its_first_frame(self, kind):
        frames = [Image.new("RGB", (40, 36), colour) for colour in ((200, 0, 0), (0, 0, 200), (0, 200, 0))]
        options = {"lossless": True} if kind == "WEBP" else {}
        data = encode(frames[0], kind, save_all=True, append_images=frames[1:], **options)
        assert Image.open(io.BytesIO(data)).n_frames == 3
        assert (load_image(data) == (200, 0, 0)).all()


class TestHostileFiles:
    @pytest.mark.parametrize("source", [b"", bytearray(), None])
    def test_empty(self, source):
        with pytest.raises(ImageError, match="empty"):
            load_image(source)

    def test_empty_file(self, tmp_path):
        (tmp_path / "a.jpg").touch()
        with pytest.raises(ImageError, match="empty"):
            load_image(tmp_path / "a.jpg")

    @pytest.mark.parametrize(
        "data",
        [b"this is a text", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.7", b"\0" * 500, b"PK\3\4aaaa"],
    )
    def test_no_image(self, data):
        with pytest.raises(ImageError, match="not an image file"):
            load_image(data)

    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "TIFF", "BMP", "WEBP"])
    @pytest.mark.parametrize("share", [0.02, 0.3, 0.7])
    def test_cut_off(self, kind, share):
        data = encode(RNG.integers(0, 256, (64, 64, 3), dtype=np.uint8), kind)
        part = data[: int(len(data) * share)]
        with pytest.raises(ImageError, match=r"damaged or cut off|not an image"):
            load_image(part)

    def test_a_pil_image_that_is_cut_off(self):
        data = encode(RNG.integers(0, 256, (64, 64, 3), dtype=np.uint8), "JPEG")
        image = Image.open(io.BytesIO(data[: len(data) * 2 // 3]))  # opens well: PIL decodes later
        with pytest.raises(ImageError, match="damaged or cut off"):
            load_image(image)

    def test_too_many_bytes(self, tmp_path):
        with pytest.raises(ImageError, match="The file has more than 20 MB"):
            load_image(encode(PICTURE, "PNG") + bytes(images.MAX_BYTES))  # the picture itself is good
        large = tmp_path / "large.png"
        with large.open("wb") as file:
            file.truncate(images.MAX_BYTES + 1)
        with pytest.raises(ImageError, match=r"large\.png has more than 20 MB. Use"):
            load_image(large)

    def test_as_many_bytes_as_are_allowed(self):
        data = encode(PICTURE, "PNG")
        assert np.array_equal(load_image(data + bytes(images.MAX_BYTES - len(data))), PICTURE)

    @pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="needs a device that never ends")
    def test_a_device_without_end(self):
        with pytest.raises(ImageError, match="/dev/zero cannot be read: it is not a regular file"):
            load_image("/dev/zero")

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with a name")
    def test_nobody_waits_for_a_pipe_or_a_socket(self, tmp_path, monkeypatch):
        os.mkfifo(tmp_path / "pipe.png")
        monkeypatch.chdir(tmp_path)  # a socket's path must be short
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind("socket.png")
            (tmp_path / "link.png").symlink_to("pipe.png")
            for name in ("pipe.png", "socket.png", "link.png"):
                with pytest.raises(ImageError, match="cannot be read: it is not a regular file"):
                    load_image(tmp_path / name)

    @pytest.mark.parametrize("source", [3, 2.5, True, ["a.png"], {"path": "a.png"}, object(), PICTURE.tolist()])
    def test_what_is_no_image_at_all(self, source):
        with pytest.raises(ImageError, match="a path, the bytes of a file, a PIL image or an array; got"):
            load_image(source)

    @pytest.mark.parametrize(
        ("width", "height", "part"),
        [
            (7100, 7050, "more than 50 megapixels"),  # ours
            (10_000, 9_500, "more than 50 megapixels"),  # PIL warns
            (60_000, 60_000, "more than 50 megapixels"),  # PIL refuses
        ],
    )
    def test_decompression_bomb(self, width, height, part):
        with pytest.raises(ImageError, match=part):
            load_image(png_header(width, height))

    def test_a_large_array(self):
        with pytest.raises(ImageError, match="megapixels"):
            load_image(np.broadcast_to(np.uint8(0), (7100, 7100)))

    @pytest.mark.parametrize("shape", [(31, 40), (40, 31), (1, 1), (1, 5000)])
    def test_too_small(self, shape):
        for source in (np.zeros(shape, np.uint8), encode(np.zeros(shape, np.uint8), "PNG")):
            with pytest.raises(ImageError, match="at least 32"):
                load_image(source)

    def test_narrow(self):
        assert load_image(np.zeros((32, 256), np.uint8)).shape == (32, 256, 3)
        for shape in ((32, 257), (257, 32)):
            with pytest.raises(ImageError, match="too narrow"):
                load_image(np.zeros(shape, np.uint8))

    def test_just_large_enough(self):
        assert load_image(encode(np.zeros((32, 32), np.uint8), "PNG")).shape == (32, 32, 3)

    @pytest.mark.parametrize(
        ("name", "part"),
        [("a\0b.jpg", "cannot be read"), ("nowhere.jpg", "There is no file"), ("x" * 5000, "cannot be read")],
    )
    def test_bad_paths(self, tmp_path, name, part):
        for path in (tmp_path / name, str(tmp_path / name)):
            with pytest.raises(ImageError, match=part):
                load_image(path)

    def test_a_file_as_a_folder(self, tmp_path):
        (tmp_path / "a").touch()
        with pytest.raises(ImageError, match="cannot be read"):
            load_image(tmp_path / "a" / "b.jpg")

    def test_a_folder(self, tmp_path):
        for path in (tmp_path, str(tmp_path), ""):
            with pytest.raises(ImageError, match=r"is a folder, not an image file\.$") as caught:
                load_image(path)
            assert "cannot be read" not in str(caught.value)


class TestArrays:
    @pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "u8", "i2", "i4", "i8", "f2", "f4", "f8", ">u2", ">f4", "g"])
    def test_values_of_eight_bits_stay_in_every_dtype(self, dtype):
        image = load_image(PICTURE.astype(dtype))
        assert_clean(image)
        assert np.array_equal(image, PICTURE)

    @pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
    def test_floats_up_to_one(self, dtype):
        assert np.abs(load_image((PICTURE / 255).astype(dtype)).astype(int) - PICTURE).max() <= 1

    @pytest.mark.parametrize("dtype", ["u2", "i4", "f4", "f8"])
    def test_wider_ranges_are_stretched(self, dtype):
        image = load_image(np.linspace(0, 30_000, 40 * 40).reshape(40, 40).astype(dtype))
        assert (image.min(), image.max()) == (0, 255)

    def test_negative_and_the_largest_floats(self):
        assert load_image(np.where(PICTURE > 100, 1.0, -1.0)).max() == 255
        image = load_image(np.where(PICTURE > 100, 1.7e308, -1.7e308))
        assert np.array_equal(image, np.where(PICTURE > 100, 255, 0))

    def test_one_value_only(self):
        for value in (0, 300, -5, 1e9):
            assert_clean(load_image(np.full((40, 40), value)))

    @pytest.mark.parametrize("dtype", ["?", "c8", "O", "M8[s]", "S3", "U3"])
    def test_dtypes_that_are_no_numbers(self, dtype):
        with pytest.raises(ImageError, match="finite real numbers"):
            load_image((PICTURE % 2).astype(dtype))

    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    def test_not_finite(self, value):
        broken = PICTURE.astype(float)
        broken[3, 3, 1] = value
        with pytest.raises(ImageError, match="finite"):
            load_image(broken)

    @pytest.mark.parametrize("shape", [(40, 40), (40, 40, 1), (40, 40, 3), (40, 40, 4)])
    def test_shapes(self, shape):
        image = load_image(np.full(shape, 255, np.uint8))
        assert image.shape == (40, 40, 3)
        assert (image == 255).all()

    @pytest.mark.parametrize("shape", [(), (40,), (40, 40, 2), (40, 40, 5), (3, 40, 40), (1, 40, 40, 3), (0, 40, 3)])
    def test_wrong_shapes_are_named(self, shape):
        with pytest.raises(ImageError, match="1, 3 or 4 channels"):
            load_image(np.zeros(shape, np.uint8))

    def test_views_become_contiguous(self):
        for view in (PICTURE[::-1], PICTURE[:, ::-1], np.asfortranarray(PICTURE)):
            image = load_image(view)
            assert_clean(image)
            assert np.array_equal(image, view)

    @pytest.mark.parametrize(
        "mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV", "LAB", "I", "F", "I;16"]
    )
    def test_every_pil_mode(self, mode):
        image = load_image(Image.new(mode, (40, 50)))
        assert_clean(image)
        assert image.shape == (50, 40, 3)


class TestScaleImage:
    @pytest.mark.parametrize(
        ("shape", "expected"),
        [
            ((300, 400), (240, 320)), ((400, 300), (320, 240)), ((3000, 4000), (240, 320)), ((30, 40), (240, 320)),
            ((240, 320), (240, 320)), ((400, 400), (240, 240)), ((100, 800), (40, 320)), ((800, 100), (320, 40)),
            ((450, 600), (240, 320)), ((2000, 32), (320, 5)),
        ],
    )  # fmt: skip
    def test_it_just_fits(self, shape, expected):
        scaled = scale_image(np.zeros((*shape, 3), np.uint8), 240, 320)
        assert scaled.shape == (*expected, 3)
        assert scaled.dtype == np.uint8

    def test_the_extreme_keeps_a_pixel(self):
        assert scale_image(np.zeros((1, 4000, 3), np.uint8), 24, 32).shape == (1, 32, 3)

    def test_shrinking_averages_the_area(self):
        board = np.indices((720, 960)).sum(0) % 2 * 255  # sampled, it would be black or white
        scaled = scale_image(np.repeat(board[..., None], 3, 2).astype(np.uint8), 240, 320)
        assert set(np.unique(scaled)) == {113, 142}  # four or five white squares of nine

    def test_content_keeps_its_place(self):
        scaled = scale_image(PICTURE, 96, 120)
        assert scaled.shape == (96, 120, 3)
        middles = scaled[12::24, 12::24].astype(int) - PICTURE[6::12, 6::12]
        assert np.abs(middles).max() <= 1


class TestImageKey:
    def test_same_pixels_same_key(self):
        assert image_key(PICTURE) == image_key(PICTURE.copy()) == image_key(np.asfortranarray(PICTURE))
        assert len(image_key(PICTURE)) == 32
        assert int(image_key(PICTURE), 16) >= 0

    def test_any_change_changes_it(self):
        other = PICTURE.copy()
        other[5, 5, 1] ^= 1
        variants = [PICTURE, other, PICTURE[::-1], PICTURE[:, ::-1], PICTURE[..., ::-1], PICTURE.reshape(60, 48, 3)]
        assert len({image_key(v) for v in variants}) == len(variants)


class TestLargeImages:
    """Above 16 megapixels, an image is handed on smaller and remembers what it was."""

    GIVEN = 4200, 4000  # height and width

    @pytest.fixture(scope="class")
    def large(self):
        rows = np.linspace(0, 255, self.GIVEN[0])[:, None, None] * [1, 0, 0.5]
        columns = np.linspace(0, 255, self.GIVEN[1])[None, :, None] * [0, 1, 0.5]
        return (rows + columns).astype(np.uint8)

    @pytest.mark.parametrize("orientation", [1, 6])
    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "RGBA", "array", "PIL"])
    @pytest.mark.slow
    def test_it_looks_the_same(self, large, kind, orientation):
        exif = Image.Exif()
        exif[0x0112] = orientation
        if kind in ("array", "PIL"):
            if orientation != 1:
                return
            source = large if kind == "array" else Image.fromarray(large)
        elif kind == "RGBA":
            opaque = np.dstack([large, np.full(self.GIVEN, 255, np.uint8)])
            source = encode(opaque, "PNG", compress_level=1, exif=exif)
        else:
            source = encode(large, kind, exif=exif, **({"compress_level": 1} if kind == "PNG" else {}))
        image = load_image(source)
        assert_clean(image)
        upright = large if orientation == 1 else np.rot90(large, -1)
        assert given_size(image) == upright.shape[:2]
        assert image.shape == (upright.shape[0] // 2, upright.shape[1] // 2, 3)
        assert np.abs(image.astype(int) - upright[::2, ::2]).max() <= 5
        assert load_image(image) is image

    def test_what_is_made_of_it_is_an_image_of_its_own(self, large):
        image = load_image(large)
        assert given_size(image[10:, ::2]) == (image.shape[0] - 10, image.shape[1] // 2)
        assert image_key(image) != image_key(np.array(image))  # its boxes are in other pixels
        assert type(scale_image(image, 240, 320)) is np.ndarray

    def test_just_small_enough_is_kept_whole(self):
        assert given_size(load_image(np.zeros((4000, 4000), np.uint8))) == (4000, 4000)
        image = load_image(np.zeros((4001, 4000), np.uint8))
        assert (image.shape, given_size(image)) == ((2001, 2000, 3), (4001, 4000))

    def test_boxes_are_in_pixels_of_the_image_that_was_given(self, large, tiny_diagnoser):
        image = load_image(large)
        whole = tiny_diagnoser.regions(image)
        small = tiny_diagnoser.regions(np.array(image))
        assert whole.size == self.GIVEN
        np.testing.assert_array_equal(whole.boxes, small.boxes * 2)
        assert whole.boxes.max() > 2100
        np.testing.assert_array_equal(whole.features, small.features)
        one, other = tiny_diagnoser.diagnose_regions(whole), tiny_diagnoser.diagnose_regions(small)
        assert one.probabilities == other.probabilities
        assert one.to_dict()["image_size"] == {"width": 4000, "height": 4200}

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("kind", "size", "options"),
        [
            ("WEBP", (5000, 4000), {"method": 0}),
            ("JPEG", (7000, 7000), {"progressive": True, "subsampling": 0}),
        ],
    )
    def test_what_takes_too_much_memory_to_decode_is_told(self, kind, size, options):
        with pytest.raises(ImageError, match=r"takes too much memory to decode.*Scale it down first"):
            load_image(encode(Image.new("RGB", size), kind, **options))

    def test_a_tiff_with_a_tile_larger_than_the_image(self):
        # width, height, bits, LZW, grey, one sample, the tile's sides, where it is, its bytes
        tags = {256: 60, 257: 48, 258: 8, 259: 5, 262: 1, 277: 1, 322: 60_000, 323: 60_000, 324: 8, 325: 4}
        entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
        data = b"II*\0\x0c\0\0\0" + bytes(4) + struct.pack("<H", len(tags)) + entries + bytes(4)
        with pytest.raises(ImageError, match="takes too much memory to decode"):
            load_image(data)

    @pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="needs Linux's account of memory")
    @pytest.mark.slow
    def test_many_at_once_take_the_memory_of_one_and_give_it_back(self):
        done = subprocess.run([sys.executable, "-c", MANY], capture_output=True, text=True, timeout=300, cwd=ROOT)
        assert done.returncode == 0, done.stderr
        peak, afterwards = map(int, done.stdout.split())
        assert peak < 400  # MB; six at once took 7700
        assert afterwards < 100


MANY = """
import io, re, threading
from pathlib import Path
from PIL import Image
from mat_core.images import load_image

def memory(name):
    return int(re.search(name + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024

# a pattern, not one value: what is all zero is not always stored
small = Image.linear_gradient("L")
with io.BytesIO() as png, io.BytesIO() as jpeg:
    small.resize((7000, 7000)).convert("LA").convert("RGBA").save(png, "PNG", compress_level=1)
    small.resize((6000, 4000)).convert("RGB").save(jpeg, "JPEG")
    files = [png.getvalue(), png.getvalue(), png.getvalue(), *[jpeg.getvalue()] * 9]
Path("/proc/self/clear_refs").write_text("5")
start = memory("VmRSS")
images = [None] * len(files)
threads = [threading.Thread(target=lambda i=i: images.__setitem__(i, load_image(files[i]))) for i in range(len(files))]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
assert all(image is not None for image in images)
peak = memory("VmHWM")
images.clear()
print(peak - start, memory("VmRSS") - start)
"""


# a slow machine is no failure
ANY_SPEED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
SEEDS = [
    encode(PICTURE, "PNG"), encode(PICTURE, "JPEG"), encode(PICTURE, "JPEG", progressive=True), encode(PICTURE, "GIF"),
    encode(PICTURE, "TIFF"), encode(PICTURE, "TIFF", compression="tiff_lzw"), encode(PICTURE, "WEBP"),
    encode(PICTURE, "BMP"), encode(np.dstack([PICTURE, PICTURE[..., :1]]), "PNG"),
]  # fmt: skip


def decodes_or_complains(data: bytes) -> None:
    try:
        image = load_image(data)
    except ImageError:
        return
    assert_clean(image)
    assert min(image.shape[:2]) >= images.MIN_SIDE


@pytest.mark.filterwarnings("ignore::UserWarning")  # PIL tells of corrupt EXIF and truncated tags as it goes
class TestFuzz:
    @settings(ANY_SPEED, max_examples=200)
    @given(st.binary(max_size=300))
    def test_any_bytes(self, data):
        decodes_or_complains(data)

    @settings(ANY_SPEED, max_examples=150)
    @given(
        st.sampled_from([b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"II*\0", b"MM\0*", b"BM", b"RIFF"]),
        st.binary(),
    )
    def test_any_bytes_behind_a_magic_number(self, magic, data):
        decodes_or_complains(magic + data)

    @settings(ANY_SPEED, max_examples=300)
    @given(
        st.sampled_from(SEEDS),
        st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=12),
        st.floats(0, 1),
        st.booleans(),
    )
    def test_corrupted_images(self, data, changes, end, cut):
        broken = bytearray(data)
        for place, value in changes:
            broken[int(place * len(broken))] = value
        decodes_or_complains(bytes(broken[: int(end * len(broken))] if cut else broken))

    @settings(ANY_SPEED, max_examples=100)
    @given(st.integers(0, len(SEEDS[0]) - 1), st.binary(min_size=1, max_size=8))
    def test_png_with_bytes_put_in(self, at, extra):
        decodes_or_complains(SEEDS[0][:at] + extra + SEEDS[0][at:])

    def test_every_byte_of_a_jpeg_header(self):
        header = SEEDS[1][:200]
        for at in range(len(header)):
            decodes_or_complains(header[:at] + bytes([header[at] ^ 0xFF]) + SEEDS[1][at + 1 :])
