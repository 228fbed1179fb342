"""GloVe files: text or zip, whole or damaged."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from mat_core import DataError
from mat_core.data.metadata import closed_vocabulary
from training.data.glove import glove_rows, read_glove

WIDTH = 50
WORDS = ("back", "ear", "melanoma")
ALL = (*WORDS, "the", ". . .", "at name@domain.com")
VECTORS = dict(zip(ALL, np.random.default_rng(0).normal(size=(len(ALL), WIDTH)), strict=True))


def text(vectors: dict = VECTORS, end: bytes = b"\n") -> bytes:
    """A GloVe file's bytes, five decimals as the published ones."""
    return b"".join(w.encode() + b"".join(b" %.5f" % x for x in row) + end for w, row in vectors.items())


def write(folder: Path, content: bytes, name: str = "glove.6B.50d.txt") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def zipped(folder: Path, members: dict[str, bytes], name: str = "glove.6B.zip") -> Path:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    return write(folder, packed.getvalue(), name)


def wanted(words=WORDS) -> np.ndarray:
    return np.round(np.stack([VECTORS[w] for w in words]), 5).astype(np.float32)


def test_the_networks_words_are_gloves():
    rows, lacking = glove_rows(["melanoma", "back", "dermoscopy"])
    assert lacking == ("dermoscopy",)
    assert rows.shape == (3, 50)
    np.testing.assert_allclose(rows[2], rows[:2].mean(0), rtol=1e-5)
    # "the" has the first row of GloVe 6B 50d: its published first numbers
    np.testing.assert_allclose(glove_rows(["the"])[0][0, :3], [0.418, 0.24968, -0.41242], atol=1e-5)
    _, missing = glove_rows(closed_vocabulary())
    assert missing == ()


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b" \n"])
def test_rows_are_in_the_order_of_the_words(tmp_path, end):
    twice = text(end=end) + text({"back": VECTORS["the"]}, end)  # the first row of a word counts
    vectors = read_glove(write(tmp_path, twice), WORDS[::-1])
    np.testing.assert_array_equal(vectors.rows, wanted(WORDS[::-1]))
    assert vectors.rows.dtype == np.float32
    assert vectors.lacking == ()
    assert (vectors.source["file"], vectors.source["width"]) == ("glove.6B.50d.txt", WIDTH)
    other = read_glove(write(tmp_path, text(), "other.txt"), WORDS[::-1]).source
    assert other["sha256"] == vectors.source["sha256"]  # of the rows that are used
    changed = write(tmp_path, text(VECTORS | {"back": VECTORS["the"]}))
    assert read_glove(changed, WORDS[::-1]).source["sha256"] != other["sha256"]


def test_words_with_blanks_other_encodings_and_other_widths(tmp_path):
    odd = b"caf\xe9" + text({"": VECTORS["the"]}) + "\x85 \u2028".encode() + text({"": VECTORS["the"]})
    words = (*WORDS, ". . .", "at name@domain.com")
    np.testing.assert_array_equal(read_glove(write(tmp_path, odd + text()), words).rows, wanted(words))
    wide = write(tmp_path, text({word: np.random.default_rng(1).normal(size=300) for word in WORDS}))
    assert read_glove(wide, WORDS).rows.shape == (3, 300)
    with pytest.raises(DataError, match="300 numbers a word, not 100"):
        read_glove(wide, WORDS, width=100)
    for path in (tmp_path / "none.txt", tmp_path):
        with pytest.raises(DataError, match="cannot be read"):
            read_glove(path, WORDS)


def test_words_that_are_lacking_are_named_and_get_the_mean(tmp_path):
    vectors = read_glove(write(tmp_path, text()), (*WORDS, "dermoscopy", "akiec"))
    assert vectors.lacking == ("dermoscopy", "akiec")
    np.testing.assert_allclose(vectors.rows[3], wanted().mean(0), rtol=1e-5)
    assert (vectors.rows[3] == vectors.rows[4]).all()
    assert "dermoscopy, akiec" in vectors.summary()
    assert vectors.source["lacking"] == ["dermoscopy", "akiec"]


def test_a_zip_of_one_and_of_several(tmp_path):
    one = read_glove(zipped(tmp_path, {"glove.840B.txt": text(), "__MACOSX/._glove.txt": b"x", "README": b"x"}), WORDS)
    np.testing.assert_array_equal(one.rows, wanted())
    wide = text({word: np.ones(100) for word in WORDS})
    several = zipped(tmp_path, {"glove.6B.50d.txt": text(), "glove.6B.100d.txt": wide})
    for width in (50, 100):
        assert read_glove(several, WORDS, width).rows.shape == (3, width)
    for width in (None, 200):
        with pytest.raises(DataError, match=r"glove.6B.50d.txt \(50\), glove.6B.100d.txt \(100\).*--glove-width"):
            read_glove(several, WORDS, width)
    with pytest.raises(DataError, match=r"holds no \.txt"):
        read_glove(zipped(tmp_path, {"README": b"x"}), WORDS)


def test_the_file_is_streamed(tmp_path):
    import tracemalloc

    filler = text({"filler": VECTORS["the"]})
    path = write(tmp_path, filler * 20_000 + text())  # 8 MB
    tracemalloc.start()
    try:
        read_glove(path, WORDS)
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


LONG_ROW = VECTORS["the"].tolist()
NONE_OF_THEM = {
    "no GloVe file": (b"word,x,y\nback,1,2\n", "is not a GloVe file"),
    "a header of word2vec": (b"400000 50\n" + text(), "is not a GloVe file"),
    "bytes": (bytes(range(256)) * 300, "is not a GloVe file"),
    "nothing": (b"", "is not a GloVe file"),
    "a row too short": (text() + b"ear 0.1 0.2\n", "Line 7 .* has 2 numbers, the first one 50"),
    "a row too long": (text() + text({"x": [*LONG_ROW, 0.5]}), "Line 7 .* has more than 50 numbers"),
    "cut short": (text()[:-100], "Line 6 .* cut short"),
    "not a number": (text({"the": LONG_ROW}) + b"back" + b" 0.1" * 49 + b" x1\n", "'back', holds something that is no"),
    "NaN": (text({"the": LONG_ROW}) + b"back" + b" nan" * 50 + b"\n", "'back', has a number that is not finite"),
    "too large": (text({"the": LONG_ROW}) + b"back" + b" 1e99" * 50 + b"\n", "'back', has a number that is not finite"),
    "none of the words": (text({"the": LONG_ROW}), "none of the vocabulary's words"),
}


@pytest.mark.parametrize(("content", "says"), NONE_OF_THEM.values(), ids=NONE_OF_THEM)
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.filterwarnings("error")
def test_damaged_and_other_files_are_refused(tmp_path, content, says, packed):
    path = zipped(tmp_path, {"glove.txt": content}) if packed else write(tmp_path, content)
    with pytest.raises(DataError, match=says):
        read_glove(path, WORDS)


def test_a_zip_cut_short_or_damaged_anywhere_is_refused(tmp_path):
    whole = zipped(tmp_path, {"glove.txt": text()}).read_bytes()
    for end in range(4, len(whole), 97):
        with pytest.raises(DataError):
            read_glove(write(tmp_path, whole[:end], "cut.zip"), WORDS)
    with pytest.raises(DataError, match=r"cut\.zip is damaged or was cut short"):
        read_glove(write(tmp_path, whole[:-30], "cut.zip"), WORDS)
    for place in range(60, len(whole) - 120, 97):  # within the packed text
        flipped = bytearray(whole)
        flipped[place] ^= 0xFF
        with pytest.raises(DataError):
            read_glove(write(tmp_path, bytes(flipped), "flipped.zip"), WORDS)
