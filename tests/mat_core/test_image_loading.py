"""Hostile bytes in, clean RGB or an ImageError out; never anything else."""

import io
import os
import socket
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from conftest import ROOT
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, TiffImagePlugin

from mat_core.data import image_loading as images
from mat_core.data.image_loading import image_key, load_image, original_size, scale_image
from mat_core.errors import ImageError

RNG = np.random.default_rng(0)
# no two quarters alike and no symmetry: every rotation and every swap of channels shows
PICTURE = cv2.resize(RNG.integers(0, 256, (4, 5, 3), dtype=np.uint8), (60, 48), interpolation=cv2.INTER_NEAREST)
NOISE = RNG.integers(0, 256, (64, 64, 3), dtype=np.uint8)
LOSSLESS = {"PNG": {}, "BMP": {}, "TIFF": {}, "GIF": {}, "WEBP": {"lossless": True}}
LOSSY = {
    "JPEG": {"quality": 95, "subsampling": 0}, "HEIF": {"quality": 95}, "AVIF": {"quality": 95}, "JPEG2000": {}
}  # fmt: skip


def encode(image: Image.Image | np.ndarray, kind: str, **options) -> bytes:
    if isinstance(image, np.ndarray):
        image = Image.fromarray(np.ascontiguousarray(image))
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and has no pixels: what a decompression bomb looks like before it goes off."""
    chunks = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0), b"IDAT" + zlib.compress(b"")
    data = b"".join(struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in chunks)
    return b"\x89PNG\r\n\x1a\n" + data


def patched(kind: str, size: tuple[int, int], claimed: tuple[int, int], **options) -> bytes:
    """An image of `size` (height, width) whose header claims width and height `claimed`."""
    data = bytearray(encode(np.zeros((*size, 3), np.uint8), kind, **options))
    if kind == "JPEG2000":
        at = data.index(b"\xff\x51") + 6  # the image's size, and the tile's
        data[at + 16 : at + 24] = struct.pack(">II", *claimed)
    else:
        at = data.index(b"ispe") + 8
    data[at : at + 8] = struct.pack(">II", *claimed)
    return bytes(data)


def orientation(value: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = value
    return exif


def assert_clean(image: np.ndarray) -> None:
    assert (image.ndim, image.shape[2], image.dtype) == (3, 3, np.uint8)
    assert image.flags.c_contiguous
    assert image.flags.writeable  # torch.from_numpy warns about arrays that are not


class TestFormats:
    @pytest.mark.parametrize("kind", [*LOSSLESS, *LOSSY])
    def test_pixels_come_back(self, kind):
        image = load_image(encode(PICTURE, kind, **(LOSSLESS | LOSSY)[kind]))
        assert_clean(image)
        assert np.abs(image.astype(int) - PICTURE).mean() <= (0 if kind in LOSSLESS else 3 if kind == "JPEG" else 6)

    def test_path_string_bytes_pil_and_array_agree(self, tmp_path):
        path = tmp_path / "l\u00e9sion 1.txt"  # the ending does not matter
        path.write_bytes(encode(PICTURE, "PNG"))
        for source in (path, str(path), path.read_bytes(), Image.open(path), PICTURE):
            assert np.array_equal(load_image(source), PICTURE)

    @pytest.mark.parametrize("value", range(1, 9))
    def test_exif_orientation_is_applied_once(self, value):
        stored = {
            1: PICTURE, 2: PICTURE[:, ::-1], 3: PICTURE[::-1, ::-1], 4: PICTURE[::-1],
            5: PICTURE.transpose(1, 0, 2), 6: np.rot90(PICTURE), 7: PICTURE[::-1, ::-1].transpose(1, 0, 2),
            8: np.rot90(PICTURE, -1),
        }[value]  # fmt: skip
        exif = orientation(value)
        assert np.array_equal(load_image(encode(stored, "PNG", exif=exif)), PICTURE)
        for kind in ("JPEG", *(("HEIF", "AVIF") if value == 6 else ())):
            image = load_image(encode(stored, kind, **LOSSY[kind], exif=exif.tobytes()))
            assert np.abs(image.astype(int) - PICTURE).mean() < 6

    @pytest.mark.filterwarnings("ignore:Corrupt EXIF")
    @pytest.mark.parametrize("exif", [b"garbage!!", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff", b""])
    def test_broken_exif_is_ignored(self, exif):
        assert load_image(encode(PICTURE, "JPEG", exif=b"Exif\0\0" + exif)).shape == PICTURE.shape

    def test_transparency_is_composited_on_white(self):
        alpha = np.full((48, 60, 1), 255, np.uint8)
        alpha[:, :20], alpha[:, 20:40] = 0, 128
        rgba = np.dstack([PICTURE, alpha])
        for image in (load_image(encode(rgba, "PNG")), load_image(rgba), load_image(Image.fromarray(rgba))):
            assert_clean(image)
            assert (image[:, :20] == 255).all()
            assert np.abs(image[:, 20:40] - (PICTURE[:, 20:40] * 128.0 + 255 * 127) / 255).max() <= 1
            assert np.array_equal(image[:, 40:], PICTURE[:, 40:])
        grey = np.dstack([PICTURE[..., 0], np.zeros((48, 60), np.uint8)])
        assert (load_image(encode(grey, "PNG")) == 255).all()
        palette = Image.fromarray(np.repeat(np.arange(4, dtype=np.uint8), 12)[:, None].repeat(60, 1)).convert("P")
        palette.putpalette([10, 20, 30, 200, 0, 0, 0, 200, 0, 0, 0, 200])
        image = load_image(encode(palette, "PNG", transparency=1))
        assert image[::12, 0].tolist() == [[10, 20, 30], [255] * 3, [0, 200, 0], [0, 0, 200]]
        for mode, transparent in (("1", 0), ("L", 0), ("RGB", (0, 0, 0))):
            assert (load_image(encode(Image.new(mode, (40, 40)), "PNG", transparency=transparent)) == 255).all()
            assert (load_image(encode(Image.new(mode, (40, 40)), "PNG")) == 0).all()

    def test_16_bits_and_floats_keep_their_contrast(self):
        ramp = np.linspace(1000, 40_000, 60)[None].repeat(48, 0)
        sources = [encode(Image.fromarray(ramp.astype(np.uint16)), kind) for kind in ("PNG", "TIFF")]
        for data in (*sources, encode(Image.fromarray((ramp / 40_000).astype(np.float32)), "TIFF")):
            image = load_image(data)
            assert_clean(image)
            assert np.abs(image - np.linspace(0, 255, 60)[:, None]).max() <= (1 if data in sources else 7)
        for suffix in (".png", ".tiff"):
            _, data = cv2.imencode(suffix, PICTURE[..., ::-1].astype(np.uint16) * 257)
            assert np.array_equal(load_image(data.tobytes()), PICTURE)

    @pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
    def test_cmyk(self, kind):
        colors = Image.new("CMYK", (60, 48), (0, 255, 255, 0))
        colors.paste((255, 0, 0, 0), (30, 0, 60, 48))
        image = load_image(encode(colors, kind, **({"quality": 95} if kind == "JPEG" else {}))).astype(int)
        assert np.abs(image[:, :16] - (255, 0, 0)).max() < 12  # full magenta and yellow: red
        assert np.abs(image[:, -16:] - (0, 255, 255)).max() < 12

    @pytest.mark.parametrize("compression", [None, "tiff_lzw", "jpeg"])
    def test_tiff_in_luminance_and_chrominance(self, compression):
        colors = Image.new("RGB", (64, 48), (200, 30, 60))
        colors.paste((20, 140, 90), (32, 0, 64, 48))
        image = load_image(encode(colors.convert("YCbCr"), "TIFF", compression=compression))
        assert np.abs(image.astype(int) - np.asarray(colors)).max() <= (60 if compression == "jpeg" else 3)

    @pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
    def test_an_animation_gives_its_first_frame(self, kind):
        frames = [Image.new("RGB", (40, 36), color) for color in ((200, 0, 0), (0, 0, 200), (0, 200, 0))]
        data = encode(frames[0], kind, save_all=True, append_images=frames[1:], **LOSSLESS[kind])
        assert Image.open(io.BytesIO(data)).n_frames == 3
        assert (load_image(data) == (200, 0, 0)).all()


def wide_gamut_profile() -> bytes:
    """A matrix profile with Adobe RGB's primaries and gamma, as ICC.1:2001 lays it out."""

    def xyz(*values: float) -> bytes:
        return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(v * 65536)) for v in values)

    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(2.2 * 256)) + b"\0\0"
    text = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"Test\0" + bytes(78 + 3)
    tags = {
        b"desc": text, b"wtpt": xyz(0.9642, 1, 0.8249), b"cprt": b"text\0\0\0\0free",
        b"rXYZ": xyz(0.60974, 0.31111, 0.01947), b"gXYZ": xyz(0.20528, 0.62567, 0.06087),
        b"bXYZ": xyz(0.14919, 0.06322, 0.74457), b"rTRC": curve, b"gTRC": curve, b"bTRC": curve,
    }  # fmt: skip
    table, body, at = b"", b"", 128 + 4 + 12 * len(tags)
    for name, value in tags.items():
        value += bytes(-len(value) % 4)
        table += name + struct.pack(">II", at + len(body), len(value))
        body += value
    header = struct.pack(">I", at + len(body)) + bytes(4) + struct.pack(">I", 0x02400000) + b"mntrRGB XYZ "
    header += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28)
    header += b"".join(struct.pack(">i", round(v * 65536)) for v in (0.9642, 1, 0.8249)) + bytes(48)
    return header + struct.pack(">I", len(tags)) + table + body


class TestColorProfiles:
    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "HEIF"])
    def test_a_wide_gamut_is_converted(self, kind):
        image, profile = Image.new("RGB", (64, 64), (200, 100, 100)), wide_gamut_profile()
        plain, converted = (load_image(encode(image, kind, icc_profile=p)) for p in (None, profile))
        red, green, blue = converted[32, 32].astype(int) - plain[32, 32]
        assert red > 10  # Adobe RGB's red is redder than sRGB's
        assert abs(green) < 3
        assert blue < 3
        assert plain[32, 32].tolist() == pytest.approx([200, 100, 100], abs=3)

    def test_srgb_and_broken_profiles_change_nothing(self):
        profile = wide_gamut_profile()
        srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        printer = profile.replace(b"RGB ", b"CMYK")  # on pixels that are RGB
        for other in (srgb, b"", b"garbage", b"\0" * 200, profile[:150], printer):
            assert np.array_equal(load_image(encode(PICTURE, "PNG", icc_profile=other)), PICTURE)


def zipped(name: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, "<x/>")
    return buffer.getvalue()


def tile_larger_than_its_tiff() -> bytes:
    # width, height, bits, LZW, grey, one sample, the tile's sides, where it is, its bytes
    tags = {256: 60, 257: 48, 258: 8, 259: 5, 262: 1, 277: 1, 322: 60_000, 323: 60_000, 324: 8, 325: 4}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    return b"II*\0\x0c\0\0\0" + bytes(4) + struct.pack("<H", len(tags)) + entries + bytes(4)


def raw_file() -> bytes:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[50706] = b"\1\4\0\0"  # DNGVersion; the image that can be read is a preview
    return encode(PICTURE, "TIFF", tiffinfo=tags)


NOT_IMAGES = [
    (b"%PDF-1.7\n...", "a PDF"), (b"8BPS\0\1", "Photoshop"), (zipped("word/document.xml"), "a Word document"),
    (zipped("xl/workbook.xml"), "an Excel file"), (zipped("a.jpg"), "a ZIP archive"),
    (b"<?xml version='1.0'?>\n<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"), (b"<svg/>", "SVG"),
    (b"\xef\xbb\xbf<!DOCTYPE html><p>", "HTML"), (b"\0\0\0\x18ftypmp42", "a video"),
    (b"\0\0\0\x14ftypqt  ", "a video"), (b"RIFF\0\0\0\0AVI LIST", "a video"), (b"\x1a\x45\xdf\xa3", "a video"),
    (b"\0\0\0\x18ftypcrx ", "RAW"), (b"FUJIFILMCCD-RAW 0201", "RAW"), (raw_file(), "RAW"),
    (b"this is a text", "a text file"), (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"), (b"\x1f\x8b\x08", "archive"),
    *((data, "not an image file") for data in (b"\0" * 500, b"\x80\x81" * 40, b"\x89PNG", b"OggS")),
    *((encode(PICTURE, kind), "JPEG, PNG, WebP, HEIC") for kind in ("PPM", "ICO", "TGA", "PDF")),
]  # fmt: skip
EMPTY = [b"", bytearray(), None]
TOO_LARGE: list[tuple[Callable[[], object], str]] = [
    (lambda: encode(PICTURE, "PNG") + bytes(images.MAX_BYTES), "20 MB"),
    (lambda: png_header(7100, 7050), "50 megapixels"),  # our limit
    (lambda: png_header(10_000, 9_500), "50 megapixels"),  # Pillow warns
    (lambda: png_header(60_000, 60_000), "50 megapixels"),  # Pillow refuses
    (lambda: np.broadcast_to(np.uint8(0), (7100, 7100)), "megapixels"),
    (lambda: patched("HEIF", (64, 64), (9000, 9000)), "megapixels"),
    (lambda: patched("AVIF", (64, 64), (9000, 9000)), "megapixels"),
    (lambda: patched("HEIF", (1200, 1600), (64, 64)), "damaged"),  # the stream is larger than its header says
    (lambda: patched("JPEG2000", (48, 60), (6000, 6000), no_jp2=True), "too much memory"),
    (tile_larger_than_its_tiff, "too much memory"),
]


class TestHostileFiles:
    @pytest.mark.parametrize(("data", "kind"), NOT_IMAGES)
    def test_other_files_are_named(self, data, kind):
        with pytest.raises(ImageError, match=kind):
            load_image(data)

    @pytest.mark.parametrize("source", [3, 2.5, True, ["a.png"], {"path": "a.png"}, object(), PICTURE.tolist()])
    def test_other_objects_are_refused(self, source):
        with pytest.raises(ImageError, match=r"a path, the bytes.*got"):
            load_image(source)

    @pytest.mark.parametrize(("make", "part"), TOO_LARGE)
    def test_too_large(self, make, part):
        with pytest.raises(ImageError, match=part):
            load_image(make())

    def test_as_many_bytes_as_are_allowed(self):
        data = encode(PICTURE, "PNG")
        assert np.array_equal(load_image(data + bytes(images.MAX_BYTES - len(data))), PICTURE)

    @pytest.mark.parametrize("kind", [*LOSSLESS, *LOSSY])
    @pytest.mark.parametrize("share", [0.02, 0.3, 0.7])
    def test_cut_off(self, kind, share):
        data = encode(NOISE, kind)
        with pytest.raises(ImageError, match=r"damaged or incomplete|not an image"):
            load_image(data[: int(len(data) * share)])

    def test_a_pil_image_that_is_cut_off(self):
        data = encode(NOISE, "JPEG")
        with pytest.raises(ImageError, match="damaged"):
            load_image(Image.open(io.BytesIO(data[: len(data) * 2 // 3])))  # it opens: Pillow decodes later

    @pytest.mark.parametrize("shape", [(31, 40), (40, 31), (1, 1), (1, 5000), (32, 257), (257, 32)])
    def test_too_small_or_narrow(self, shape):
        for source in (np.zeros(shape, np.uint8), encode(np.zeros(shape, np.uint8), "PNG")):
            with pytest.raises(ImageError, match="too narrow" if min(shape) == 32 else "at least 32"):
                load_image(source)

    @pytest.mark.parametrize("shape", [(32, 32), (32, 256)])
    def test_just_large_enough(self, shape):
        assert load_image(encode(np.zeros(shape, np.uint8), "PNG")).shape == (*shape, 3)

    def test_paths_that_are_no_image_file(self, tmp_path):
        (tmp_path / "empty.jpg").touch()
        with (tmp_path / "large.png").open("wb") as file:
            file.truncate(images.MAX_BYTES + 1)
        for name, part in (
            ("a\0b.jpg", "cannot be read"), ("nowhere.jpg", "no file"), ("x" * 5000, "cannot be read"),
            ("empty.jpg/b.jpg", "cannot be read"), ("", "is a folder"), ("empty.jpg", "empty"),
            ("large.png", r"large\.png has more than 20 MB"),
        ):  # fmt: skip
            for path in (tmp_path / name, str(tmp_path / name)):
                with pytest.raises(ImageError, match=part):
                    load_image(path)
        for source in ("", *EMPTY):
            with pytest.raises(ImageError, match="is a folder" if source == "" else "empty"):
                load_image(source)

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with a name")
    def test_pipes_sockets_and_devices_are_not_read(self, tmp_path, monkeypatch):
        os.mkfifo(tmp_path / "pipe.png")
        monkeypatch.chdir(tmp_path)  # a socket's path must be short
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind("socket.png")
            (tmp_path / "link.png").symlink_to("pipe.png")
            for name in ("pipe.png", "socket.png", "link.png", "/dev/zero"):
                with pytest.raises(ImageError, match="not a regular file"):
                    load_image(tmp_path / name)


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

    def test_negative_the_largest_and_single_values(self):
        for high in (1.0, 1.7e308):
            image = load_image(np.where(PICTURE > 100, high, -high))
            assert np.array_equal(image, np.where(PICTURE > 100, 255, 0))
        for value in (0, 300, -5, 1e9):
            assert_clean(load_image(np.full((40, 40), value)))

    @pytest.mark.parametrize("dtype", ["?", "c8", "O", "M8[s]", "S3", "U3"])
    def test_dtypes_that_are_no_numbers(self, dtype):
        with pytest.raises(ImageError, match="finite real numbers"):
            load_image((PICTURE % 2).astype(dtype))

    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    def test_not_finite(self, value):
        broken = PICTURE.astype(np.float32)
        broken[3, 3, 1] = value
        for source in (broken, encode(Image.fromarray(broken[..., 1]), "TIFF")):
            with pytest.raises(ImageError, match="finite"):
                load_image(source)

    @pytest.mark.parametrize("shape", [(40, 40), (40, 40, 1), (40, 40, 3), (40, 40, 4)])
    def test_shapes(self, shape):
        image = load_image(np.full(shape, 255, np.uint8))
        assert image.shape == (40, 40, 3)
        assert (image == 255).all()

    @pytest.mark.parametrize("shape", [(), (40,), (40, 40, 2), (40, 40, 5), (3, 40, 40), (1, 40, 40, 3), (0, 40, 3)])
    def test_wrong_shapes_are_refused(self, shape):
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
            ((2000, 32), (320, 5)), ((1, 8000), (1, 320)),
        ],
    )  # fmt: skip
    def test_it_just_fits(self, shape, expected):
        scaled = scale_image(np.zeros((*shape, 3), np.uint8), 240, 320)
        assert (scaled.shape, scaled.dtype) == ((*expected, 3), np.uint8)

    def test_shrinking_averages_the_area_and_growing_keeps_places(self):
        board = np.indices((720, 960)).sum(0) % 2 * 255  # sampled, it would be black or white
        scaled = scale_image(np.repeat(board[..., None], 3, 2).astype(np.uint8), 240, 320)
        assert set(np.unique(scaled)) == {113, 142}  # four or five white squares of nine
        scaled = scale_image(PICTURE, 96, 120)
        assert np.abs(scaled[12::24, 12::24].astype(int) - PICTURE[6::12, 6::12]).max() <= 1


def test_the_key_of_an_image_is_that_of_its_pixels():
    assert image_key(PICTURE) == image_key(PICTURE.copy()) == image_key(np.asfortranarray(PICTURE))
    assert len(bytes.fromhex(image_key(PICTURE))) == 16
    other = PICTURE.copy()
    other[5, 5, 1] ^= 1
    variants = [PICTURE, other, PICTURE[::-1], PICTURE[:, ::-1], PICTURE[..., ::-1], PICTURE.reshape(60, 48, 3)]
    assert len({image_key(v) for v in variants}) == len(variants)


class TestLargeImages:
    """Above 16 megapixels, an image is downscaled and remembers its original size."""

    SIZE = 4200, 4000  # height and width

    @pytest.fixture(scope="class")
    def large(self):
        rows = np.linspace(0, 255, self.SIZE[0])[:, None, None] * [1, 0, 0.5]
        columns = np.linspace(0, 255, self.SIZE[1])[None, :, None] * [0, 1, 0.5]
        return (rows + columns).astype(np.uint8)

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("kind", "value"), [("JPEG", 1), ("JPEG", 6), ("PNG", 1), ("RGBA", 6), ("array", 1), ("PIL", 1)]
    )
    def test_it_looks_the_same(self, large, kind, value):
        if kind in ("array", "PIL"):
            source = large if kind == "array" else Image.fromarray(large)
        else:
            pixels = large if kind != "RGBA" else np.dstack([large, np.full(self.SIZE, 255, np.uint8)])
            options = {} if kind == "JPEG" else {"compress_level": 1}
            source = encode(pixels, "JPEG" if kind == "JPEG" else "PNG", exif=orientation(value), **options)
        image = load_image(source)
        assert_clean(image)
        upright = large if value == 1 else np.rot90(large, -1)
        assert original_size(image) == upright.shape[:2]
        assert image.shape == (upright.shape[0] // 2, upright.shape[1] // 2, 3)
        assert np.abs(image.astype(int) - upright[::2, ::2]).max() <= 5
        assert load_image(image) is image

    def test_what_is_made_of_it_is_an_image_of_its_own(self, large):
        image = load_image(large)
        assert original_size(image[10:, ::2]) == (image.shape[0] - 10, image.shape[1] // 2)
        assert image_key(image) != image_key(np.array(image))  # its boxes are in other pixels
        assert type(scale_image(image, 240, 320)) is np.ndarray

    def test_just_small_enough_keeps_its_size(self):
        assert original_size(load_image(np.zeros((4000, 4000), np.uint8))) == (4000, 4000)
        image = load_image(np.zeros((4001, 4000), np.uint8))
        assert (image.shape, original_size(image)) == ((2001, 2000, 3), (4001, 4000))

    def test_boxes_are_in_pixels_of_the_original(self, large, tiny_diagnoser):
        image = load_image(large)
        whole, small = tiny_diagnoser.regions(image), tiny_diagnoser.regions(np.array(image))
        assert whole.size == self.SIZE
        np.testing.assert_allclose(whole.boxes, small.boxes * 2)
        assert whole.boxes.max() > 2100
        np.testing.assert_allclose(whole.features, small.features)
        diagnosis = tiny_diagnoser.diagnose_regions(whole)
        assert diagnosis.probabilities == pytest.approx(tiny_diagnoser.diagnose_regions(small).probabilities)
        assert diagnosis.to_dict()["image_size"] == {"width": 4000, "height": 4200}

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("kind", "size", "options"),
        [
            ("WEBP", (5000, 4000), {"method": 0}),
            ("JPEG", (7000, 7000), {"progressive": True, "subsampling": 0}),
        ],
    )
    def test_decoding_that_takes_too_much_memory_is_refused(self, kind, size, options):
        with pytest.raises(ImageError, match="too much memory"):
            load_image(encode(Image.new("RGB", size), kind, **options))

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
from mat_core.data.image_loading import load_image

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


SEEDS = [
    *(encode(PICTURE, kind, **options) for kind, options in (LOSSLESS | LOSSY).items()),
    encode(PICTURE, "JPEG", progressive=True), encode(PICTURE, "TIFF", compression="tiff_lzw"),
    encode(np.dstack([PICTURE, PICTURE[..., :1]]), "PNG"),
]  # fmt: skip
MAGIC = [b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"II*\0", b"MM\0*", b"BM", b"RIFF"]
ANY_SPEED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def decodes_or_refuses(data: bytes) -> None:
    try:
        image = load_image(data)
    except ImageError:
        return
    assert_clean(image)
    assert min(image.shape[:2]) >= images.MIN_SIDE


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow warns of corrupt EXIF and truncated tags
class TestFuzz:
    @settings(ANY_SPEED, max_examples=250)
    @given(st.sampled_from(MAGIC), st.binary(max_size=300))
    def test_any_bytes(self, magic, data):
        decodes_or_refuses(magic + data)

    @settings(ANY_SPEED, max_examples=350)
    @given(
        st.sampled_from(SEEDS),
        st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=12),
        st.floats(0, 1, exclude_max=True),
        st.binary(max_size=8),
        st.booleans(),
    )
    def test_changed_longer_or_cut_images(self, data, changes, at, extra, cut):
        broken = bytearray(data)
        for place, value in changes:
            broken[int(place * len(broken))] = value
        at = int(at * len(broken))
        decodes_or_refuses(bytes(broken[:at]) + extra + (b"" if cut else bytes(broken[at:])))

    def test_every_byte_of_a_jpeg_header(self):
        data = encode(PICTURE, "JPEG")
        for at in range(200):
            decodes_or_refuses(data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :])
